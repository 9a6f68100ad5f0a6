//! A plugin in Python, as far as it goes without the tools that build one: what `new` makes, its tests, and what is said
//! where they are missing.

use hookbox_tests::{Cli, Ran};
use insta::assert_snapshot;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with a new project.
fn project() -> (TempDir, PathBuf, Ran) {
    let folder = TempDir::new().unwrap();
    let new = Cli::new(&["new", "my-plugin", "--lang", "python"]);
    let said = new.folder(folder.path()).run().ok();
    let project = folder.path().join("my-plugin");
    (folder, project, said)
}

/// The files of a folder but for the interface and the samples, sorted.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let is_folded = path.ends_with("wit") || path.ends_with("samples");
            if path.is_dir() && !is_folded {
                open.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// `python3` in a project, without any package that somebody installed.
fn python(project: &Path, args: &[&str]) -> (bool, String) {
    let ran = Command::new("python3")
        .args(["-I", "-B"])
        .args(args)
        .current_dir(project)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    (ran.status.success(), told)
}

/// What building a project without any tool says.
#[track_caller]
fn refused(project: &Path) -> String {
    let none = TempDir::new().unwrap();
    let build = Cli::new(&["build"]).folder(project);
    let build = build.env("PATH", none.path().to_str().unwrap());
    build.run().exits(2).stderr
}

#[test]
fn a_new_project_in_python_has_a_handler_tests_a_grant_the_helper_and_the_interface() {
    let (_folder, project, said) = project();
    assert_snapshot!(said.stdout, @"
    my-plugin is made; go on with
      cd my-plugin
      python3 -m unittest # its handler, on a sample event
      python3 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt
      hookbox dev         # builds and serves it, and again whenever you save
    ");
    assert_snapshot!(files(&project).join("\n"), @"
    .gitignore
    .hookbox/.gitignore
    .hookbox/python/hookbox/__init__.py
    .hookbox/python/hookbox/_component.py
    .hookbox/python/hookbox/_given.py
    .hookbox/python/hookbox/_host.py
    .hookbox/python/hookbox/_plugin.py
    .hookbox/python/hookbox/_scope.py
    .hookbox/python/hookbox/clock.py
    .hookbox/python/hookbox/config.py
    .hookbox/python/hookbox/event.py
    .hookbox/python/hookbox/http.py
    .hookbox/python/hookbox/hub.py
    .hookbox/python/hookbox/log.py
    .hookbox/python/hookbox/outcome.py
    .hookbox/python/hookbox/payload.py
    .hookbox/python/hookbox/samples
    .hookbox/python/hookbox/state.py
    .hookbox/python/hookbox/testing.py
    .hookbox/wit
    README.md
    my-plugin.toml
    pyproject.toml
    requirements.txt
    src/plugin.py
    tests/__init__.py
    tests/test_plugin.py
    ");
}

#[test]
fn its_tests_run_natively_with_nothing_installed() {
    let (_folder, project, _) = project();
    // Isolated, Python does not look into the current folder: discovery is told.
    let (passed, told) = python(&project, &["-m", "unittest", "discover", "-t", "."]);
    assert!(passed && told.contains("Ran 2 tests"), "{told}");
}

#[test]
fn the_helper_passes_its_own_tests() {
    let helper = hookbox_tests::workspace().join("tests/python");
    let (passed, told) = python(&helper, &["-m", "unittest", "discover", "-t", "."]);
    assert!(passed && !told.contains("Ran 0 tests"), "{told}");
    let digest = hookbox_tests::workspace().join("plugins/commit-digest");
    let (passed, told) = python(&digest, &["-m", "unittest", "discover", "-t", "."]);
    assert!(passed && !told.contains("Ran 0 tests"), "{told}");
}

#[test]
fn where_the_tool_is_missing_the_line_that_installs_it_is_told() {
    let (_folder, project, _) = project();
    assert_snapshot!(refused(&project), @"
    error: .: componentize-py is missing, which makes components of Python; run there: python3 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt
    ");
}

#[test]
fn the_tool_sees_no_secret_and_nothing_that_changes_what_it_builds() {
    let (_folder, project, _) = project();
    // Given a tool that keeps what it is started with, in place of a component
    let tool = project.join(".venv/bin/componentize-py");
    std::fs::create_dir_all(tool.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && echo componentize-py 0.25.1 && exit\nenv >seen\nexit 1\n";
    std::fs::write(&tool, script).unwrap();
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    // When somebody builds whose environment has secrets, and a Python of its own
    let mut build = Cli::new(&["build"]).folder(&project).env("OWN", "canary");
    build = build.env("HOOKBOX_SECRETS", "env:OWN").env("KEPT", "kept");
    for name in ["WEBHOOK_SECRET", "HF_TOKEN", "PYTHONPATH", "VIRTUAL_ENV"] {
        build = build.env(name, "canary");
    }
    build.run().exits(1);
    // Then it saw none of them.
    let seen = std::fs::read_to_string(project.join("seen")).unwrap();
    assert!(
        seen.contains("KEPT=kept") && !seen.contains("canary"),
        "{seen}"
    );
}

#[test]
fn a_folder_with_two_manifests_is_of_no_language() {
    let (_folder, project, _) = project();
    std::fs::write(project.join("Cargo.toml"), "").unwrap();
    assert_snapshot!(refused(&project), @"
    error: .: Cargo.toml and pyproject.toml are there; a plugin project has one of them
    ");
}

#[test]
fn a_manifest_without_what_a_plugin_needs_is_told() {
    let (_folder, project, _) = project();
    let build = || Cli::new(&["build"]).folder(&project).run().exits(1).stderr;
    std::fs::write(
        project.join("pyproject.toml"),
        "[project]\nname = \"My Plugin\"\nversion = \"1\"\n",
    )
    .unwrap();
    assert!(build().contains("pyproject.toml: its project name is to be the plugin's name"));
    std::fs::write(project.join("pyproject.toml"), "[project]\nname = \"a\"\n").unwrap();
    assert!(build().contains("missing field `version`"));
}

#[test]
fn a_name_that_no_plugin_can_have_is_refused_in_python_too() {
    let folder = TempDir::new().unwrap();
    let new = Cli::new(&["new", "--lang", "python", "--", "My Plugin"]);
    let said = new.folder(folder.path()).run().exits(2).stderr;
    assert!(
        said.contains("`My Plugin` cannot be the name of a plugin"),
        "{said}"
    );
}
