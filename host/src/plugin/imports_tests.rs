//! Tests of how imports are read and judged.

use super::*;
use wasm_encoder::{
    ComponentBuilder, ComponentTypeRef as Ref, EntityType, ImportSection, InstanceType, MemoryType,
    Module, TypeBounds as Bounds,
};

/// An instance type with functions of these names and a resource.
fn instance(functions: &[&str], resource: Option<&str>) -> InstanceType {
    let mut instance = InstanceType::new();
    let none: [(&str, wasm_encoder::ComponentValType); 0] = [];
    instance.ty().function().params(none).result(None);
    for name in functions {
        instance.export(*name, Ref::Func(0));
    }
    if let Some(name) = resource {
        instance.export(name, Ref::Type(Bounds::SubResource));
    }
    instance
}

/// A component that imports instances of such functions.
fn component(imports: &[(&str, &[&str])]) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    for (name, functions) in imports {
        let ty = component.type_instance(None, &instance(functions, None));
        component.import(*name, Ref::Instance(ty));
    }
    component.finish()
}

fn judged(name: &str, items: &[&str]) -> String {
    match Import::new(name, items.iter().copied()).access() {
        Access::Always => "always".to_owned(),
        Access::Granted(ability) => ability.table().to_owned(),
        Access::Nothing => "nothing".to_owned(),
        Access::OnlyTypes => "only types".to_owned(),
        Access::Refused(reason) => reason,
    }
}

#[test]
fn imports_are_read_with_what_is_asked_of_them() {
    let mut outer = ComponentBuilder::default();
    let ty = outer.type_instance(None, &instance(&["a", "b"], Some("r")));
    // An import that is a type is none that anybody must have, and takes an index all the same.
    outer.import("t", Ref::Type(Bounds::Eq(ty)));
    let other = outer.type_instance(None, &instance(&["c"], None));
    outer.import("x:y/z@1.0.0", Ref::Instance(ty));
    outer.import("x:y/w", Ref::Instance(other));
    // What a component in it imports is between the two.
    let mut inner = ComponentBuilder::default();
    let ty = inner.type_instance(None, &instance(&["d"], None));
    inner.import("in:ner/one", Ref::Instance(ty));
    outer.component(None, inner);
    assert_eq!(
        imports(&outer.finish()),
        [
            Import::new("x:y/z@1.0.0", ["a", "b", "r"]),
            Import::new("x:y/w", ["c"])
        ]
    );
}

#[test]
fn a_core_module_imports_from_modules() {
    let mut section = ImportSection::new();
    for (module, name) in [
        ("wasi_snapshot_preview1", "a"),
        ("wasi_snapshot_preview1", "b"),
        ("env", "c"),
        ("wasi_snapshot_preview1", "d"),
    ] {
        let memory = MemoryType {
            minimum: 0,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        };
        section.import(module, name, EntityType::Memory(memory));
    }
    let mut module = Module::new();
    module.section(&section);
    let names: Vec<String> = (imports(&module.finish()).into_iter())
        .map(|import| import.name)
        .collect();
    assert_eq!(names, ["wasi_snapshot_preview1", "env"]);
}

#[test]
fn what_is_cut_off_or_too_long_does_no_harm() {
    let long = format!("x:{}/z", "y".repeat(10_000));
    let whole = component(&[(&long, &["a"]), ("x:y/z", &["a"])]);
    let told = imports(&whole);
    assert_eq!((told.len(), told[0].name.len()), (2, NAME_BYTES_MAX));
    for end in 0..whole.len() {
        assert!(imports(&whole[..end]).len() <= 2);
    }
    assert!(imports(b"#!/bin/sh").is_empty());
}

#[test]
fn types_that_lie_too_deep_in_each_other_are_not_read() {
    // Component types of one declaration each, which is the next one (component model, Binary.md).
    let nested = |depth: usize| {
        let data = [&[1][..], &[0x41, 1, 1].repeat(depth), &[0x41, 0]].concat();
        let mut component = wasm_encoder::Component::new();
        component.section(&wasm_encoder::RawSection { id: 7, data: &data });
        let mut bytes = component.finish();
        // An import behind it, of the instance type that follows.
        bytes.extend_from_slice(&self::component(&[("x:y/z", &["a"])])[8..]);
        imports(&bytes).len()
    };
    assert_eq!((nested(10), nested(300_000)), (1, 0));
}

#[test]
fn what_a_plugin_has_of_its_imports() {
    for (name, item, expected) in [
        ("hookbox:plugin/raw@0.1.0", "payload", "always"),
        ("wasi:logging/logging@0.1.0-draft", "log", "always"),
        ("wasi:clocks/wall-clock@0.2.0", "now", "always"),
        ("wasi:cli/stdout@0.2.99", "get-stdout", "always"),
        ("wasi:http/outgoing-handler@0.2.3", "handle", "[[http]]"),
        ("wasi:keyvalue/store@0.2.0-draft", "open", "[state]"),
        ("wasi:config/store@0.2.0-rc.1", "get", "[config]"),
        (
            "wasi:sockets/tcp@0.2.0",
            "[method]tcp-socket.subscribe",
            "nothing",
        ),
        (
            "wasi:cli/terminal-stdin@0.2.0",
            "get-terminal-stdin",
            "nothing",
        ),
    ] {
        assert_eq!(judged(name, &[item]), expected, "{name}");
    }
    // Nobody has to have types.
    for name in ["acme:thing/types", "wasi:nope/types@9.9.9", "just-a-name"] {
        assert_eq!(judged(name, &[]), "only types", "{name}");
    }
    assert_eq!(judged("hookbox:plugin/types@0.1.0", &[]), "always");
}

#[test]
fn why_an_import_cannot_be_linked() {
    let refused = |name| judged(name, &["f"]);
    insta::assert_snapshot!(refused("acme:thing/iface@1.0.0"), @"this host has no package acme:thing");
    insta::assert_snapshot!(refused("wasi:http/client@0.3.0"), @"this host has wasi:http@0.2.12, and this is another interface; build for that");
    insta::assert_snapshot!(refused("wasi:cli/stdout@0.3.0-rc-2025-09-16"), @"this host has wasi:cli@0.2.12, and this is another interface; build for that");
    insta::assert_snapshot!(refused("wasi:cli/stdout@0.2.0-rc-2023-12-05"), @"this host has wasi:cli@0.2.12, and this is a draft of it; build for the release");
    insta::assert_snapshot!(refused("wasi:cli/stdout"), @"this host has wasi:cli@0.2.12, and this names no such version");
    insta::assert_snapshot!(refused("wasi:keyvalue/store@0.2.0-draft2"), @"this host has wasi:keyvalue@0.2.0-draft, and a draft has to be the very same");
    insta::assert_snapshot!(refused("wasi:keyvalue/batch@0.2.0-draft"), @"this host has wasi:keyvalue@0.2.0-draft, which has no interface `batch`");
    insta::assert_snapshot!(refused("wasi:cli/exit@0.2.20"), @"wasi:cli/exit@0.2.12 of this host has no `f`");
    insta::assert_snapshot!(refused("hookbox:plugin/coalesced@0.2.0"), @"this host speaks hookbox:plugin up to 0.1.0; use a newer hookbox or an older SDK");
    insta::assert_snapshot!(refused("print"), @"a plugin imports interfaces, and this is none");
    insta::assert_snapshot!(refused("a\u{1b}[2J:b/c"), @r"this host has no package a\u{1b}[2J:b");
    insta::assert_snapshot!(judged("wasi:cli/exit@0.2.20", &["exit", "1", "2", "3", "4", "5"]), @"wasi:cli/exit@0.2.12 of this host has no `1`, `2`, `3`, `4` and 1 more");
}

#[test]
fn versions_are_compared_as_numbers() {
    assert_eq!(parse_version("0.1.0"), Some((0, 1, 0)));
    assert!(parse_version("0.10.0") > parse_version("0.9.9"));
    assert_eq!(parse_version("1.2.3-rc.1"), Some((1, 2, 3)));
    assert_eq!(parse_version("x"), None);
}
