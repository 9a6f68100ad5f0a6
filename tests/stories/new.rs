//! `hookbox new`: a project as it is made builds, passes its test and handles a sample, with no network.

use hookbox_tests::{Cli, DevBuilder, Ran, story_target};
use insta::assert_snapshot;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Makes a project in a folder.
fn new(folder: &Path, args: &[&str]) -> Ran {
    Cli::new(&[&["new"], args].concat()).folder(folder).run()
}

/// What `new` says when it makes nothing.
#[track_caller]
fn refused(folder: &Path, name: &str) -> String {
    new(folder, &[name]).exits(2).stderr
}

/// The files of a project but for those of the SDK, sorted.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("sdk") {
                open.push(path);
            } else {
                let path = path.strip_prefix(folder).unwrap();
                found.push(path.display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// A clean folder, always at the same place: cargo knows what it built by that.
fn clean_folder(name: &str) -> PathBuf {
    let folder = story_target().join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}

#[test]
fn a_new_project_has_a_handler_a_test_a_grant_and_the_sdk() {
    let folder = TempDir::new().unwrap();
    let said = new(folder.path(), &["my-plugin", "--lang", "rust"]).ok();
    assert_snapshot!(said.stdout, @r"
    my-plugin is made; go on with
      cd my-plugin
      cargo test      # its handler, on a sample event
      hookbox dev     # builds and serves it, and again whenever you save
    ");
    assert_snapshot!(files(folder.path()).join("\n"), @r"
    my-plugin/.gitignore
    my-plugin/.hookbox/.gitignore
    my-plugin/.hookbox/sdk
    my-plugin/Cargo.lock
    my-plugin/Cargo.toml
    my-plugin/README.md
    my-plugin/my-plugin.toml
    my-plugin/src/lib.rs
    ");
}

#[test]
fn a_new_project_passes_its_test_and_handles_a_sample_as_it_is_without_network() {
    let folder = clean_folder("new");
    new(&folder, &["new-greeter"]).ok();
    let project = folder.join("new-greeter");
    let tested = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--locked"])
        .current_dir(&project)
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", story_target())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&tested.stderr).into_owned();
    assert!(
        tested.status.success() && !told.contains("warning"),
        "{told}"
    );
    let offline = ("CARGO_NET_OFFLINE", "true");
    let mut dev = DevBuilder::of(&project).env(offline.0, offline.1).start();
    dev.says("new-greeter 0.1.0 is loaded (sha256:");
    let sent = Cli::new(&["send", "discussion-comment", "--to"]);
    sent.arg(format!("{}/webhooks", dev.url())).run().ok();
    dev.says("new-greeter  done  hello 61d2000c3c2083e1c08af22d  ");
    // What is built for `serve` is small, without a word about that in the project.
    let built = Cli::new(&["build", "-o", "out"]).folder(&project);
    let built = built
        .env(offline.0, offline.1)
        .env("CARGO_TARGET_DIR", story_target().to_str().unwrap());
    built.run().ok();
    let size = std::fs::metadata(project.join("out/new-greeter.wasm"))
        .unwrap()
        .len();
    assert!(size < 100_000, "{size} bytes");
}

#[test]
fn a_project_that_says_itself_how_it_is_built_is_built_like_that() {
    let folder = clean_folder("new-own");
    new(&folder, &["own-profile"]).ok();
    let project = folder.join("own-profile");
    let append = |path: &str, text: &str| {
        let path = project.join(path);
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, before + text).unwrap();
    };
    // Given a profile of its own, and a flag that its code does not do without
    append(
        "Cargo.toml",
        "\n[profile.hookbox]\ninherits = \"dev\"\ndebug = \"line-tables-only\"\n",
    );
    append(
        ".cargo/config.toml",
        "[build]\nrustflags = [\"--cfg\", \"own_flag\"]\n",
    );
    append(
        "src/lib.rs",
        "\n#[cfg(all(target_family = \"wasm\", not(own_flag)))]\ncompile_error!(\"the flag is lost\");\n",
    );
    // When it is built for use
    let built = Cli::new(&["build"]).folder(&project);
    built
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", story_target().to_str().unwrap())
        .run()
        .ok();
    // Then its backtraces have lines.
    let component = std::fs::read(project.join("own-profile.wasm")).unwrap();
    let lines = memchr::memmem::find(&component, b".debug_line");
    assert!(lines.is_some(), "its profile is not that which was used");
}

#[test]
fn what_is_there_already_is_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("empty")).unwrap();
    new(folder.path(), &["empty"]).ok();
    assert!(path("empty/Cargo.toml").is_file());
    std::fs::create_dir(path("full")).unwrap();
    std::fs::write(path("full/mine"), "mine").unwrap();
    std::fs::write(path("file"), "mine").unwrap();
    assert_snapshot!(refused(folder.path(), "full"), @"
    error: full: it is there already, and not an empty folder; take another name
    ");
    assert_snapshot!(refused(folder.path(), "file"), @"
    error: file: it is there already, and not an empty folder; take another name
    ");
    assert_eq!(files(&path("full")), ["mine"]);
    // Nothing of what was begun is left beside them.
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["empty", "file", "full"]);
}

#[test]
fn a_name_that_no_plugin_or_no_crate_can_have_is_refused() {
    let folder = TempDir::new().unwrap();
    for name in ["My-Plugin", "../up", "a/b", "", "1st", "a b", "-x-", "."] {
        let said = Cli::new(&["new", "--", name]).folder(folder.path()).run();
        let said = said.exits(2).stderr;
        assert!(
            said.contains("cannot be the name of a plugin in Rust: lower-case"),
            "{said}"
        );
    }
    assert_snapshot!(refused(folder.path(), "fn"), @"
    error: `fn` cannot be the name of a plugin in Rust: it is a word of the language, or a crate that plugins are made of; take another one
    ");
    assert!(refused(folder.path(), "serde-json").contains("a crate that plugins are made of"));
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_name_whose_grant_would_be_another_file_is_refused_in_any_language() {
    let folder = TempDir::new().unwrap();
    let refused = |name: &str, lang: &str| {
        let said = new(folder.path(), &[name, "--lang", lang]).exits(2).stderr;
        said.trim().to_owned()
    };
    for lang in ["rust", "python", "javascript"] {
        let said = refused("hookbox", lang);
        assert!(
            said.contains("hookbox.toml, which the host takes for its own settings"),
            "{said}"
        );
        for name in ["a-", "a_"] {
            let said = refused(name, lang);
            assert!(said.contains("end with a letter or a digit"), "{said}");
        }
    }
    assert_snapshot!(refused("pyproject", "python"), @"error: `pyproject` cannot be the name of a project: its grant would be pyproject.toml, and so is the project's manifest; take another one");
    assert_snapshot!(refused("cargo", "rust"), @"error: `cargo` cannot be the name of a project: its grant would be cargo.toml, and so is the project's manifest; take another one");
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_module_of_a_python_plugin_that_would_hide_one_of_the_component_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    new(folder.path(), &["my-plugin", "--lang", "python"]).ok();
    let project = folder.path().join("my-plugin");
    // Given a tool that is there: it is not asked to build anything
    std::fs::create_dir_all(project.join(".venv/bin")).unwrap();
    let tool = project.join(".venv/bin/componentize-py");
    std::os::unix::fs::symlink("/usr/bin/true", tool).unwrap();
    for taken in ["hookbox.py", "hookbox_entry.py", "wit_world/__init__.py"] {
        let module = project.join("src").join(taken);
        std::fs::create_dir_all(module.parent().unwrap()).unwrap();
        std::fs::write(&module, "").unwrap();
        let said = Cli::new(&["build"]).folder(&project).run().exits(1).stderr;
        std::fs::remove_file(&module).unwrap();
        let (path, name) = (
            taken.trim_end_matches("/__init__.py"),
            taken.split(['.', '/']).next().unwrap(),
        );
        let told =
            format!("src/{path}: the component has a module `{name}` already; give this one");
        assert!(said.contains(&told), "{said}");
    }
}
