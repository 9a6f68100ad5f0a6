//! What the SDK puts into a component: what its plugin calls, and nothing else.

use hookbox_tests::{Cli, component};
use serde_json::Value;
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
    // 133 KB, of which the standard library is the most.
    let size = hello["size_bytes"].as_u64().unwrap();
    assert!(size < 140_000, "{size} bytes");
}
