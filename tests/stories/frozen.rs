//! A plugin that was built for an interface keeps running for ever: one of each version stays here as it was.

use hookbox_tests::frozen::{component, digest, dummy, folder, functions, imported, items, world};
use hookbox_tests::{Cli, Host, Receiver, event, workspace};
use tempfile::TempDir;

/// Of `tests/frozen/0.1.0/wit`; its README has it, too.
const DIGEST_0_1_0: &str = "74cfc26407e2ccc765eb0eb20da84aee16506559d2f10451d26b6f3d2e3600bd";

#[test]
fn a_plugin_of_the_first_interface_does_all_that_it_did() {
    // Given a plugin of that time that calls everything, and what it wants
    let server = Receiver::answering(201);
    let url = server.url("");
    let authority = url.strip_prefix("http://").unwrap();
    let grant = format!(
        "fuel = 10_000_000_000\n[state]\n[config]\nreceiver = \"{authority}\"\n\
         [[http]]\nhost = \"{authority}\"\nscheme = \"http\"\nprivate = true\nmethods = [\"POST\"]\n"
    );
    let host = Host::with(&[])
        .file("frozen.wasm", std::fs::read(component()).unwrap())
        .grant("frozen", &grant)
        .start();
    // When an event comes
    let posted = event("repo.content", "update", "a/b");
    let id = host.hub().deliver(&posted).wait(20).send().id();
    // Then it handles it, with its state, its settings and its call
    let attempt = host.delivery(&id)["runs"][0]["attempts"][0].clone();
    assert_eq!(
        attempt["output"], "application/json, 1 settings, call 1, status 201",
        "{attempt:#}"
    );
    assert_eq!(server.got(), [("/frozen".to_owned(), posted)]);
    // And the ways out that it has are those of that time
    for (action, message) in [
        ("exit", "exited with code 1"),
        ("exit-with-code", "exited with code 3"),
    ] {
        let posted = event("repo", action, "a/b");
        let id = host.hub().deliver(&posted).wait(20).send().id();
        let attempt = host.delivery(&id)["runs"][0]["attempts"][0].clone();
        assert_eq!(attempt["trap"]["message"], message, "{attempt:#}");
    }
}

#[test]
fn the_plugin_of_the_first_interface_calls_every_function_of_its_world() {
    let (resolve, world) = world(&folder("0.1.0").join("wit")).unwrap();
    let called = imported(&std::fs::read(component()).unwrap()).unwrap();
    let all = functions(&resolve, world);
    let left_out: Vec<_> = all.difference(&called).collect();
    assert!(left_out.is_empty(), "{left_out:#?}");
    assert!(all.len() > 150, "{}", all.len());
    let told = Cli::new(&["inspect", "--json"])
        .arg(component())
        .run()
        .ok()
        .json();
    assert_eq!(told["interface"], "0.1.0");
    assert_eq!(told["refused"].as_array().unwrap().len(), 0);
}

#[test]
fn every_import_of_the_first_interface_links() {
    // Given a component that imports all of that world, of which nothing was compiled by anybody
    let (resolve, world) = world(&folder("0.1.0").join("wit")).unwrap();
    let component = dummy(&resolve, world).unwrap();
    assert_eq!(imported(&component).unwrap(), functions(&resolve, world));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("dummy.wasm");
    std::fs::write(&file, component).unwrap();
    // Then it is linked and asked what it is: it has nothing to say
    let ran = Cli::new(&["inspect"]).arg(&file).run().exits(2);
    assert!(
        ran.stderr.contains("its manifest has no subscriptions"),
        "{ran:?}"
    );
}

#[test]
fn what_is_frozen_stays_and_the_interface_only_grows() {
    let frozen = folder("0.1.0");
    assert_eq!(digest(&frozen.join("wit")).unwrap(), DIGEST_0_1_0);
    let readme = std::fs::read_to_string(frozen.join("README.md")).unwrap();
    assert!(readme.contains(DIGEST_0_1_0));
    let (then, _) = world(&frozen.join("wit")).unwrap();
    let (now, _) = world(&workspace().join("wit")).unwrap();
    let (then, now) = (items(&then).unwrap(), items(&now).unwrap());
    for (interface, items) in then {
        let kept = now.get(&interface).cloned().unwrap_or_default();
        let gone: Vec<_> = items.difference(&kept).collect();
        assert!(
            gone.is_empty(),
            "wit/ has no longer in {interface}, which compiled plugins may use: {gone:#?}"
        );
    }
}
