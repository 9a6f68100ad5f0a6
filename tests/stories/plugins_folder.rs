//! Whatever lies in the plugins folder gets a standing and a reason, and the rest goes on.

use hookbox_tests::{Host, component_bytes, event};
use serde_json::Value;

/// A core module with nothing in it.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

#[track_caller]
fn stands(host: &Host, name: &str, state: &str, reason: &str) {
    let plugin = host.plugin(name);
    assert_eq!(plugin["state"], state, "{plugin:#}");
    let said = plugin["reason"].as_str().unwrap_or_default();
    assert!(
        said.contains(reason),
        "{name}: `{reason}` is not in `{said}`"
    );
}

#[test]
fn files_that_are_no_plugins_are_refused_with_the_reason() {
    let host = Host::with(&["hello"])
        .file("core.wasm", CORE_MODULE)
        .file(
            "garbage.wasm",
            "these are not the bytes you are looking for",
        )
        .file("empty.wasm", "")
        .file("native.cwasm", b"\x7fELF\x02\x01\x01\0whatever".as_slice())
        .file("cut.wasm", &component_bytes("hello")[..5000])
        .file("Upper.wasm", component_bytes("hello"))
        .file("two words.wasm", component_bytes("hello"))
        .file("notes.txt", "nobody's business")
        .start();
    stands(&host, "core", "refused", "core module");
    stands(&host, "garbage", "refused", "not a WebAssembly file");
    stands(&host, "empty", "refused", "not a WebAssembly file");
    stands(
        &host,
        "native.cwasm",
        "refused",
        "native code is never loaded",
    );
    stands(&host, "cut", "refused", "does not compile");
    stands(&host, "Upper.wasm", "refused", "not a plugin name");
    stands(&host, "two words.wasm", "refused", "not a plugin name");
    stands(&host, "hello", "loaded", "");
    let answer = host
        .hub()
        .deliver(&event("discussion.comment", "create", "a/b"))
        .wait(20)
        .send();
    assert_eq!(answer.run("hello")["outcome"], "done");
}

#[test]
fn components_that_misbehave_while_they_load_are_refused_within_their_limits() {
    let host = Host::with(&[
        "hello",
        "guest-describe-loop",
        "guest-start-loop",
        "guest-bad-manifest",
        "guest-big-manifest",
        "guest-unknown-import",
    ])
    .start();
    stands(&host, "guest-describe-loop", "refused", "out-of-fuel");
    stands(&host, "guest-start-loop", "refused", "out-of-fuel");
    stands(&host, "guest-bad-manifest", "refused", "Repo Content!!");
    stands(&host, "guest-big-manifest", "refused", "host-call fuel");
    stands(&host, "guest-unknown-import", "refused", "acme:thing/iface");
    assert_eq!(
        host.hub()
            .deliver(&event("discussion.comment", "create", "a/b"))
            .send()
            .plugins(),
        ["hello"]
    );
}

#[test]
fn a_plugin_that_requires_what_nobody_granted_is_held_and_its_runs_are_parked() {
    let host = Host::with(&["hello", "guest-wants-http"]).start();
    stands(&host, "guest-wants-http", "held", "huggingface.co");
    let answer = host
        .hub()
        .deliver(&event("discussion.comment", "create", "a/b"))
        .wait(20)
        .send();
    assert_eq!(answer.plugins(), ["guest-wants-http", "hello"]);
    assert_eq!(answer.run("hello")["outcome"], "done");
    let delivery = host.delivery(&answer.id());
    let runs = delivery["runs"].as_array().unwrap();
    let parked = runs
        .iter()
        .find(|run| run["plugin"] == "guest-wants-http")
        .unwrap();
    assert_eq!(
        (&parked["state"], &parked["parked"]),
        (&"pending".into(), &true.into())
    );
    assert!(
        parked["reason"].as_str().unwrap().contains("held"),
        "{parked:#}"
    );
    // Waiting for nothing but parked runs is over at once.
    let hub = host.hub();
    let post = hub
        .deliver(&event("discussion.comment", "create", "a/b"))
        .to("/webhooks/guest-wants-http");
    assert_eq!(post.wait(25).send().status, 202);
}

#[test]
fn a_grant_with_a_mistake_is_refused_with_its_line() {
    let host = Host::with(&[])
        .plugin_as("misspelt", "hello")
        .grant("misspelt", "memory = \"1MiB\"\nfule = 1\n")
        .plugin_as("greedy", "hello")
        .grant("greedy", "memory = \"4GiB\"\n")
        .plugin_as("broken", "hello")
        .grant("broken", "fuel = = 3\n")
        .start();
    stands(
        &host,
        "misspelt",
        "refused",
        "line 2: `fule` is not a key; did you mean `fuel`?",
    );
    stands(
        &host,
        "greedy",
        "refused",
        "line 1: memory: `4GiB` is not between",
    );
    stands(&host, "broken", "refused", "line 1:");
}

#[test]
fn a_plugin_whose_file_has_gone_is_missing_and_its_runs_wait_for_it() {
    // Given a host that knew a plugin
    let mut host = Host::with(&["hello"]).start();
    host.stop();
    host.remove("hello.wasm");
    host.restart();
    stands(&host, "hello", "missing", "gone");
    // When a delivery comes for it, its run is parked
    let answer = host
        .hub()
        .deliver(&event("discussion.comment", "create", "a/b"))
        .send();
    assert_eq!(answer.plugins(), ["hello"]);
    assert_eq!(host.delivery(&answer.id())["runs"][0]["parked"], true);
    // And handled once the file is back
    host.stop();
    host.put("hello.wasm", component_bytes("hello"));
    host.restart();
    host.plugin_when("hello", |plugin| plugin["state"] == "loaded");
    let settled = hookbox_tests::eventually(std::time::Duration::from_secs(10), || {
        let delivery = host.delivery(&answer.id());
        (delivery["state"] == "settled").then_some(delivery)
    });
    assert_eq!(settled["runs"][0]["attempts"][0]["outcome"], "done");
}

#[test]
fn another_version_takes_over_what_the_first_left_behind() {
    // Given a run that waits for a plugin that is held
    let mut host = Host::with(&[]).plugin_as("bot", "guest-wants-http").start();
    let comment = host
        .hub()
        .deliver(&event("discussion.comment", "create", "a/b"))
        .send();
    assert_eq!(comment.plugins(), ["bot"]);
    // When another version of it, that subscribes to repos only, takes its place
    host.stop();
    host.put("bot.wasm", component_bytes("commit-log"));
    host.restart();
    // Then the run is not given to code that did not subscribe to it
    let settled = hookbox_tests::eventually(std::time::Duration::from_secs(10), || {
        let delivery = host.delivery(&comment.id());
        (delivery["state"] == "settled").then_some(delivery)
    });
    let run = &settled["runs"][0];
    assert_eq!(
        (&run["state"], &run["attempts"][0]["fuel"]),
        (&"ignored".into(), &0.into()),
        "{run:#}"
    );
    assert!(
        run["attempts"][0]["output"]
            .as_str()
            .unwrap()
            .contains("does not subscribe"),
        "{run:#}"
    );
}

#[test]
fn every_plugin_is_listed_with_what_it_says_of_itself() {
    let host = Host::with(&["hello"]).start();
    let plugin = host.plugin("hello");
    assert_eq!(
        plugin["subscriptions"],
        serde_json::json!([{"scope": "discussion.comment", "actions": ["create"]}])
    );
    assert_eq!(
        (&plugin["reason"], &plugin["candidate"]),
        (&Value::Null, &Value::Null)
    );
    assert!(plugin["digest"].as_str().unwrap().starts_with("sha256:"));
    assert!(
        plugin["version"]
            .as_str()
            .is_some_and(|version| !version.is_empty())
    );
}
