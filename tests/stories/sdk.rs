//! The SDK inside a component: what it puts there, and what it reaches from there.

use hookbox_tests::{Cli, component, event, workspace};
use memchr::memmem;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What `inspect` tells of a package's component.
fn inspected(package: &str) -> Value {
    let folder = TempDir::new().unwrap();
    let ran = Cli::new(&["inspect", component(package).to_str().unwrap(), "--json"])
        .folder(folder.path())
        .run();
    ran.ok().json()
}

/// The interfaces that a component imports, without their versions.
fn imports(told: &Value) -> Vec<&str> {
    let imports = told["imports"].as_array().unwrap().iter();
    imports
        .map(|import| import.as_str().unwrap().split('@').next().unwrap())
        .collect()
}

#[test]
fn a_plugin_that_calls_nobody_and_keeps_nothing_imports_neither_network_nor_state() {
    let hello = inspected("hello");
    let of_the_sdk: Vec<_> = imports(&hello)
        .into_iter()
        .filter(|import| !import.starts_with("wasi:cli/") && !import.starts_with("wasi:io/"))
        .collect();
    assert_eq!(
        of_the_sdk,
        [
            "hookbox:plugin/raw",
            "wasi:logging/logging",
            "hookbox:plugin/types"
        ]
    );
}

#[test]
fn a_plugin_that_says_hello_is_built_to_less_than_100_kb_and_its_functions_keep_their_names() {
    let folder = TempDir::new().unwrap();
    let project = workspace().join("plugins/hello");
    let build = Cli::new(&["build", project.to_str().unwrap()]).folder(folder.path());
    build.run().ok();
    let component = std::fs::read(folder.path().join("hello.wasm")).unwrap();
    // The standard library is the most of it.
    assert!(component.len() < 100_000, "{} bytes", component.len());
    let names = ["hello::greet", "<hookbox_sdk::payload::repo::Repo as "];
    for name in names {
        let named = memmem::find(&component, name.as_bytes());
        assert!(named.is_some(), "{name} has no name");
    }
    // Small code is not slow code.
    let sample = ["run", "hello.wasm", "discussion-comment"];
    let ran = Cli::new(&[&sample[..], &["--expect-fuel-below", "100000"]].concat());
    ran.folder(folder.path()).run().ok();
}

#[test]
fn a_plugin_without_a_grant_is_told_of_each_thing_that_it_has_not() {
    let folder = TempDir::new().unwrap();
    let posted = event("repo", "update", "a/b").to_string();
    std::fs::write(folder.path().join("event.json"), posted).unwrap();
    let guest = component("guest-reaching").to_str().unwrap();
    let ran = Cli::new(&["run", guest, "event.json", "--json"])
        .folder(folder.path())
        .run();
    let output = ran.ok().json()["output"].as_str().unwrap().to_owned();
    let told: Value = serde_json::from_str(&output).unwrap();
    let expected = json!({
        "get": "Denied", "post": "Denied", "config": "[]",
        "count": "the plugin has no state: add a table `[state]` to its grant",
    });
    assert_eq!(told, expected);
}
