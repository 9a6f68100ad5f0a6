//! The interfaces that other languages' tools read, and those that the SDK binds, are those that the host links.

use hookbox_tests::bindings;
use hookbox_tests::wit_deps::{folder, imports, linked, linked_file, printed};

#[test]
fn the_standard_interfaces_are_those_of_the_crates_that_the_host_links() {
    for (name, text) in printed().unwrap() {
        let kept = std::fs::read_to_string(folder().join(&name)).unwrap_or_default();
        assert!(
            kept == text,
            "wit/deps/{name} is not what the host links; run 'cargo run -p hookbox-tests --example wit-deps'"
        );
    }
}

#[test]
fn the_bindings_of_the_sdk_are_generated_from_the_interface_that_the_host_speaks() {
    let kept = std::fs::read_to_string(bindings::file()).unwrap_or_default();
    assert!(
        kept == bindings::generated().unwrap(),
        "{} is not what `wit/` says; run 'cargo run --example bindings'",
        bindings::file().display()
    );
}

#[test]
fn imports_are_judged_by_the_world_as_it_is() {
    let kept = std::fs::read_to_string(linked_file()).unwrap_or_default();
    assert!(
        kept == linked().unwrap(),
        "{} is not what wit/ has; run 'cargo run -p hookbox-tests --example wit-deps'",
        linked_file().display()
    );
}

#[test]
fn the_world_imports_what_plugins_of_any_language_may_ask_for() {
    let imports = imports().unwrap();
    for wanted in [
        "hookbox:plugin/raw@0.1.0",
        "wasi:logging/logging@0.1.0-draft",
        "wasi:config/store@0.2.0-rc.1",
        "wasi:keyvalue/store@0.2.0-draft",
        "wasi:keyvalue/atomics@0.2.0-draft",
        "wasi:http/outgoing-handler@0.2.12",
        "wasi:cli/environment@0.2.12",
        "wasi:sockets/tcp@0.2.12",
    ] {
        assert!(
            imports.iter().any(|import| import == wanted),
            "{wanted}: {imports:?}"
        );
    }
}
