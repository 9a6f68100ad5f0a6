//! Every payload that is known to have been sent, or that the Hub's documentation shows, posted to a running host.

use hookbox_tests::{Host, payload_file, payload_files};
use serde_json::{Value, json};

/// What `hello` handles: comments that were created.
const GREETED: &[&str] = &[
    "assembled/comment-create.json",
    "third-party/mcp-course-comment-create-minimal.json",
];

/// What `commit-log` handles: pushes, to buckets too.
const LOGGED: &[&str] = &[
    "assembled/content-branch-created.json",
    "assembled/content-branch-deleted.json",
    "assembled/content-pr-ref-updated.json",
    "assembled/content-tag-created.json",
    "assembled/unknown-repo-type-kernel.json",
    "v3-dataset-viewer-issue2570-content-model-main.json",
    "v3-doc-2026-09-bucket-content-updatedFiles.json",
    "v3-hfh-test-content-space-new-pr-ref.json",
];

/// How many payloads there are, and how many of them have no `event.scope` and `event.action`: fragments, and
/// versions before the third.
const ALL: usize = 58;
const WITHOUT_EVENT: usize = 23;

fn without_event(name: &str) -> bool {
    let older = ["fragments/", "legacy/", "assembled/beta-2022-12-"];
    older.iter().any(|start| name.starts_with(start))
}

#[test]
fn every_payload_reaches_exactly_the_plugins_that_subscribe_to_it() {
    let host = Host::with(&["hello", "commit-log", "guest-hostile"]).start();
    let hub = host.hub();
    let mut refused = 0;
    for name in payload_files() {
        let answer = hub.deliver_bytes(payload_file(&name)).wait(20).send();
        if without_event(&name) {
            refused += 1;
            assert_eq!(answer.status, 400, "{name}: {answer:?}");
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            let place = if name == "fragments/updatedRefs.json" {
                "the body"
            } else {
                "event"
            };
            assert!(
                error.starts_with(&format!("{place}: expected a JSON object, found ")),
                "{name}: {error}"
            );
            continue;
        }
        let mut expected = vec!["guest-hostile"];
        expected.extend(GREETED.contains(&name.as_str()).then_some("hello"));
        expected.extend(LOGGED.contains(&name.as_str()).then_some("commit-log"));
        expected.sort_unstable();
        assert_eq!(
            (answer.status, answer.plugins().join(" ")),
            (200, expected.join(" ")),
            "{name}"
        );
        for plugin in expected {
            assert_eq!(answer.run(plugin)["outcome"], "done", "{name}: {answer:?}");
        }
    }
    // Then nothing was skipped, what was refused was not recorded, and the host is well.
    assert_eq!((payload_files().len(), refused), (ALL, WITHOUT_EVENT));
    assert_eq!(host.deliveries().len(), ALL - WITHOUT_EVENT);
    assert_eq!(hub.request("GET", "/readyz").send().status, 200);
    assert!(!host.log().contains("panicked"), "{}", host.log());
}

/// What an echoing plugin says of a delivery of `repo.config.dois`, `create`, and what the ledger keeps of it.
fn seen_from_the_future(plugin: &str) -> (Value, Value) {
    let host = Host::with(&[plugin]).start();
    let name = "assembled/unknown-scope-repo-config-dois-create.json";
    let mut event: Value = serde_json::from_slice(&payload_file(name)).unwrap();
    event["repo"]["name"] = "some-user/echo".into();
    let answer = host.hub().deliver(&event).wait(20).send();
    let run = answer.run(plugin);
    let output = run["output"].as_str().unwrap_or_else(|| panic!("{run:#}"));
    (
        serde_json::from_str(output).unwrap(),
        host.delivery(&answer.id()),
    )
}

#[test]
fn a_scope_from_the_future_is_an_update_to_whoever_subscribes_to_the_known_one_above_it() {
    let (seen, delivery) = seen_from_the_future("guest-config-watcher");
    let expected = json!({
        "scope": "repo.config", "action": "update", "sent_scope": "repo.config.dois", "sent_action": "create",
    });
    assert_eq!(seen, expected);
    // The delivery is kept as it was sent, the run as it was seen
    let run = &delivery["runs"][0];
    assert_eq!(
        (&delivery["scope"], &delivery["action"]),
        (&"repo.config.dois".into(), &"create".into()),
        "{delivery:#}"
    );
    assert_eq!(
        (&run["scope"], &run["action"]),
        (&"repo.config".into(), &"update".into()),
        "{run:#}"
    );
}

#[test]
fn a_scope_from_the_future_is_seen_as_it_was_sent_by_whoever_subscribes_to_all() {
    let (seen, delivery) = seen_from_the_future("guest-hostile");
    assert_eq!(
        (&seen["scope"], &seen["action"]),
        (&"repo.config.dois".into(), &"create".into())
    );
    assert_eq!(
        (&seen["sent_scope"], &seen["sent_action"]),
        (&"repo.config.dois".into(), &"create".into())
    );
    assert_eq!(delivery["scope"], "repo.config.dois");
    assert_eq!(delivery["runs"][0]["scope"], "repo.config.dois");
}
