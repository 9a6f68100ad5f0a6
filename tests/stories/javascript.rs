//! Plugin projects in JavaScript, without the tools that make components of them.

use hookbox_tests::{Cli, Ran, workspace};
use insta::assert_snapshot;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

fn new(folder: &Path, name: &str) -> Ran {
    let new = Cli::new(&["new", "--lang", "javascript", "--", name]);
    new.folder(folder).run()
}

/// The files of a folder, by their paths in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_new_project_has_a_handler_a_test_a_grant_the_helper_and_the_interface() {
    let folder = TempDir::new().unwrap();
    let said = new(folder.path(), "my-plugin").ok();
    assert_snapshot!(said.stdout, @r"
    my-plugin is made; go on with
      cd my-plugin
      node --test     # its handler, on a sample event
      npm ci --ignore-scripts
      hookbox dev     # builds and serves it, and again whenever you save
    ");
    let files = files(&folder.path().join("my-plugin"));
    let of = |folder: &str| files.keys().filter(|path| path.starts_with(folder)).count();
    assert_eq!(of(".hookbox/samples/"), 17);
    assert!(of(".hookbox/wit/deps/") >= 9);
    let rest = |path: &&String| !path.contains("/samples/") && !path.contains("/deps/");
    let rest: Vec<&str> = files.keys().filter(rest).map(String::as_str).collect();
    assert_snapshot!(rest.join("\n"), @r"
    .gitignore
    .hookbox/.gitignore
    .hookbox/javascript/ability.js
    .hookbox/javascript/events.js
    .hookbox/javascript/hookbox.d.ts
    .hookbox/javascript/hookbox.js
    .hookbox/javascript/host.js
    .hookbox/javascript/http.js
    .hookbox/javascript/hub.js
    .hookbox/javascript/outcomes.js
    .hookbox/javascript/plugin.js
    .hookbox/javascript/scopes.js
    .hookbox/javascript/testing.d.ts
    .hookbox/javascript/testing.js
    .hookbox/wit/javascript.wit
    .hookbox/wit/plugin.wit
    README.md
    my-plugin.toml
    package-lock.json
    package.json
    src/plugin.js
    test/plugin.test.js
    ");
}

#[test]
fn the_plugin_in_this_repository_has_the_helper_that_new_writes() {
    let folder = TempDir::new().unwrap();
    new(folder.path(), "slack-notify").ok();
    let made = folder.path().join("slack-notify");
    let ours = workspace().join("plugins/slack-notify");
    let mend = "make it anew: `hookbox new` elsewhere, and copy its .hookbox and package-lock.json";
    for (path, bytes) in files(&made.join(".hookbox")) {
        // It is in no repository: so it says itself.
        if path == ".gitignore" {
            continue;
        }
        let kept = std::fs::read(ours.join(".hookbox").join(&path));
        assert!(kept.is_ok_and(|kept| kept == bytes), "{path}: {mend}");
    }
    let read = |folder: &Path| std::fs::read(folder.join("package-lock.json")).unwrap();
    assert!(read(&made) == read(&ours), "{mend}");
}

#[test]
fn a_name_that_no_plugin_can_have_is_refused() {
    let folder = TempDir::new().unwrap();
    for name in [
        "My-Plugin",
        "../up",
        "a/b",
        "",
        "1st",
        "@a/b",
        "node_modules",
        ".",
    ] {
        let said = new(folder.path(), name).exits(2).stderr;
        assert!(
            said.contains("cannot be the name of a plugin in JavaScript"),
            "{said}"
        );
    }
    assert!(files(folder.path()).is_empty());
}

/// `hookbox build` of a project, with a `node` of this text or none.
fn build(project: &Path, node: Option<&str>) -> Ran {
    let programs = TempDir::new().unwrap();
    if let Some(text) = node {
        let node = programs.path().join("node");
        std::fs::write(&node, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(node, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = programs.path().display().to_string();
    let build = Cli::new(&["build"]).folder(project).env("PATH", &path);
    let build = build
        .env("NODE_OPTIONS", "--require=/x.js")
        .env("HF_TOKEN", "hf_secret");
    build
        .env("NODE_PATH", "/x")
        .env("WEBHOOK_SECRET", "secret")
        .run()
}

#[test]
fn what_makes_components_is_named_where_it_is_missing() {
    let folder = TempDir::new().unwrap();
    new(folder.path(), "lone").ok();
    let project = folder.path().join("lone");
    let fails = |node: Option<&str>| build(&project, node).exits(2).stderr;
    assert_snapshot!(fails(None), @"
    error: .: Node.js is missing; install Node.js 20 or later (https://nodejs.org), which runs the tool that makes components of JavaScript
    ");
    assert_snapshot!(fails(Some("echo v18.20.4")), @"
    error: .: Node.js v18.20.4 is too old; install Node.js 20 or later (https://nodejs.org), which runs the tool that makes components of JavaScript
    ");
    assert_snapshot!(fails(Some("echo v22.1.0")), @"
    error: .: componentize-js is missing, which makes components of JavaScript; run there: npm ci --ignore-scripts
    ");
}

#[test]
fn the_tool_sees_no_secret_and_nothing_that_changes_what_it_runs() {
    let folder = TempDir::new().unwrap();
    new(folder.path(), "open").ok();
    let project = folder.path().join("open");
    let tool = project.join("node_modules/@bytecodealliance/componentize-js/src");
    std::fs::create_dir_all(&tool).unwrap();
    std::fs::write(tool.join("componentize.js"), "").unwrap();
    // It has nothing but what a shell has by itself.
    let node = "[ \"$1\" = --version ] && echo v20.0.0 && exit\n\
                echo \"runs in ${PWD##*/}: $*\" >&2\n\
                echo \"sees: $NODE_OPTIONS$NODE_PATH$HF_TOKEN$WEBHOOK_SECRET.\" >&2\nexit 1";
    let said = build(&project, Some(node)).exits(1).stderr;
    assert_snapshot!(said, @"
    runs in open: .hookbox/out/build.js node_modules/@bytecodealliance/componentize-js/src/componentize.js .hookbox/wit .hookbox/out/entry.js .hookbox/out/open.wasm
    sees: .
    error: .: the plugin does not build; what componentize-js says is above
    ");
    let entry = std::fs::read_to_string(project.join(".hookbox/out/entry.js")).unwrap();
    assert_snapshot!(entry, @r#"
    // Made by `hookbox build`.
    import { component } from "../javascript/host.js";
    import plugin from "../../src/plugin.js";

    export const handler = component(plugin, "0.1.0");
    "#);
}
