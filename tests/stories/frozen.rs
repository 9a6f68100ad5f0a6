//! A plugin that was built for an interface keeps running for ever: one of each version stays here as it was.

use hookbox_tests::frozen::{
    component, digest, dummy, folder, functions, imported, items, wasi_releases, wasi_versions,
    world, world_with_wasi,
};
use hookbox_tests::{Cli, Host, Receiver, event, eventually, workspace};
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;

/// Of `tests/frozen/0.1.0`; its README has it, too.
const DIGEST_0_1_0: &str = "10682d95305ca672f2f9a6a3dbda07a19eb4d6ac615c0146a65c954de5adf517";

#[test]
fn a_plugin_of_the_first_interface_does_all_that_it_did() {
    // Given a plugin of that time that calls everything, and what it wants
    let server = Receiver::answering(201);
    let url = server.url("");
    let authority = url.strip_prefix("http://").unwrap();
    let grant = format!(
        "[state]\n[config]\nreceiver = \"{authority}\"\n\
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

/// The run of an event that is handled under a grant, once it was attempted.
fn run_under(grant: &str, posted: &Value) -> Value {
    let host = Host::with(&[])
        .file("frozen.wasm", std::fs::read(component()).unwrap())
        .grant("frozen", grant)
        .start();
    let id = host.hub().deliver(posted).wait(20).send().id();
    host.delivery(&id)["runs"][0].clone()
}

/// The seconds within its minute of a time as it is shown.
fn seconds(time: &Value) -> f64 {
    time.as_str().unwrap()[17..23].parse().unwrap()
}

#[test]
fn a_plugin_of_the_first_interface_ignores_rejects_and_asks_for_later_as_it_did() {
    let posted = event("repo.content", "update", "a/b");
    // Given no settings, it ignores
    let run = run_under("[state]\n", &posted);
    assert_eq!(run["state"], "ignored", "{run:#}");
    assert_eq!(run["attempts"][0]["output"], "no receiver");
    // Given no state, it rejects
    let settings = "[config]\nreceiver = \"127.0.0.1:1\"\n";
    let run = run_under(settings, &posted);
    assert_eq!(run["state"], "dead", "{run:#}");
    assert_eq!(run["attempts"][0]["output"], "Error::AccessDenied");
    // Given nobody who receives, it asks for 40 s
    let call = "[[http]]\nhost = \"127.0.0.1:1\"\nscheme = \"http\"\nprivate = true\nmethods = [\"POST\"]\n";
    let run = run_under(&format!("[state]\n{settings}{call}"), &posted);
    let attempt = &run["attempts"][0];
    assert_eq!(
        (&run["state"], &attempt["outcome"]),
        (&"pending".into(), &"retry".into()),
        "{run:#}"
    );
    let wait = seconds(&run["next_attempt_at"]) - seconds(&attempt["started_at"]);
    let wait = wait.rem_euclid(60.0);
    assert!((40.0..50.0).contains(&wait), "{wait} in {run:#}");
}

#[test]
fn a_plugin_of_the_first_interface_sees_all_that_a_delivery_says() {
    let host = Host::with(&[])
        .file("frozen.wasm", std::fs::read(component()).unwrap())
        .start();
    // When an event of a scope comes that it cannot know, and it asks for a second attempt
    let posted = event("repo.config.dois", "echo", "a/b");
    let id = host.hub().deliver(&posted).send().id();
    let delivery = eventually(Duration::from_secs(20), || {
        let delivery = host.delivery(&id);
        (delivery["runs"][0]["state"] == "done").then_some(delivery)
    });
    // Then both attempts saw it whole, its scope narrowed to one that it knows
    let run = &delivery["runs"][0];
    for (n, attempt) in [(1, &run["attempts"][0]), (2, &run["attempts"][1])] {
        let said = attempt["output"].as_str().unwrap();
        let (before, after) = said.split_once(", received at ").unwrap();
        let run_id = run["id"].as_str().unwrap();
        assert_eq!(before, format!("delivery {id}, run {run_id}, attempt {n}"));
        let (received, event) = after.split_once(", ").unwrap();
        assert_eq!(
            event,
            format!(
                "repo.config update sent as repo.config.dois echo, Some(\"model\") Some(\"a/b\") Some({})",
                posted["repo"]["id"]
            )
        );
        // Of the time, the part within the minute.
        let received: f64 = received.parse().unwrap();
        let kept = seconds(&delivery["received_at"]);
        assert!(
            (received / 1000.0 % 60.0 - kept).abs() < 0.000_5,
            "{said} {delivery:#}"
        );
    }
}

#[test]
fn inspect_tells_what_the_plugin_of_the_first_interface_says_of_itself() {
    let ran = Cli::new(&["inspect"]).arg(component()).run().ok();
    for told in [
        "Calls every function of the interface 0.1.0",
        "repo.config (create, update)",
        "discussion.* (create)",
        r#"{"methods":["POST"]}"#,
        "to call all that there is",
    ] {
        assert!(ran.stdout.contains(told), "{told}: {}", ran.stdout);
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
fn every_import_of_the_first_interface_links_of_each_release_of_wasi() {
    for release in wasi_versions().unwrap() {
        // Given a component that imports all of that world, of which nothing was compiled by anybody
        let (resolve, world) = world_with_wasi("0.1.0", "0.2.12", &release).unwrap();
        let component = dummy(&resolve, world).unwrap();
        let all = imported(&component).unwrap();
        assert_eq!(all, functions(&resolve, world));
        assert_eq!(wasi_releases(&all), [release].into());
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("dummy.wasm");
        std::fs::write(&file, component).unwrap();
        // Then it is linked and asked what it is: it has nothing to say
        let ran = Cli::new(&["inspect"]).arg(&file).run().exits(2);
        let said = "its manifest has no subscriptions";
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}

#[test]
fn the_releases_of_wasi_that_components_are_built_with_are_known() {
    let known = wasi_versions().unwrap();
    for file in [component(), hookbox_tests::component("hello")] {
        let built = wasi_releases(&imported(&std::fs::read(file).unwrap()).unwrap());
        assert!(!built.is_empty(), "{}", file.display());
        let new: Vec<_> = built.difference(&known).collect();
        assert!(
            new.is_empty(),
            "{} imports WASI {new:?}, which tests/frozen/wasi-versions.txt has not: add a line for each, so that the \
             host links it for ever, and leave the lines that are there: compiled plugins import those",
            file.display()
        );
    }
}

#[test]
fn what_is_frozen_stays_and_the_interface_only_grows() {
    let frozen = folder("0.1.0");
    assert_eq!(digest(&frozen).unwrap(), DIGEST_0_1_0);
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
