//! A disk that fills up: no more is taken in while there is still room to end what was.

use hookbox_tests::{Host, event, eventually};
use insta::assert_snapshot;
use serde_json::Value;
use std::time::Duration;

/// The longest that a changed setting may take to show.
const SOON: Duration = Duration::from_secs(20);

/// More than any disk has free.
const FLOOR: &str = "free-space-min = \"64TiB\"\n";

fn readiness(host: &Host) -> u16 {
    host.hub().request("GET", "/readyz").send().status
}

/// Why it is not ready, without what differs from disk to disk.
fn reason(host: &Host) -> String {
    let health = host.admin().json("/api/v1/health");
    assert_eq!(health["ready"], false, "{health}");
    let reason = health["reasons"][0].as_str().unwrap_or_default();
    let (before, after) = reason.split_once(" are free").unwrap();
    let (folder, _) = before.split_once(": ").unwrap();
    format!("{folder}: SIZE are free{after}")
}

#[test]
fn a_disk_with_too_little_room_is_answered_with_503_until_there_is_room() {
    // Given a host that took one delivery
    let host = Host::with(&["hello"]).settings("").start();
    let comment = event("discussion.comment", "create", "a/b");
    let first = host.hub().deliver(&comment).id("one").wait(20).send();
    assert_eq!((first.status, readiness(&host)), (200, 200));
    // When less is free than is to be
    host.replace("hookbox.toml", FLOOR);
    eventually(SOON, || (readiness(&host) == 503).then_some(()));
    // Then it takes no more, and says why to its operator alone
    let refused = host.hub().deliver(&comment).id("two").send();
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert!(!refused.body.contains("data"), "{refused:?}");
    assert_snapshot!(reason(&host), @"data: SIZE are free on its disk, and free-space-min keeps 64.0 TiB; make room there, or set free-space-min lower");
    host.logs("no more deliveries are taken in");
    let metrics = host.admin().ask("GET", "/metrics").send().body;
    assert!(metrics.contains("\nhookbox_ledger_up 0\n"), "{metrics}");
    assert!(metrics.contains("\nhookbox_disk_free_bytes "), "{metrics}");
    // And what it has is found, known when it comes again, and replayed
    let again = host.hub().deliver(&comment).id("one").send();
    assert_eq!((again.status, again.id()), (200, first.id()), "{again:?}");
    host.cli(&["deliveries", "replay", &first.id()]).ok();
    eventually(SOON, || {
        let runs = host.delivery(&first.id())["runs"].clone();
        let ended = runs.as_array()?.iter().filter(|run| run["state"] == "done");
        (ended.count() == 2).then_some(())
    });
    // When there is room again, then it is ready before anything comes
    host.replace("hookbox.toml", "");
    eventually(SOON, || (readiness(&host) == 200).then_some(()));
    assert_eq!(host.hub().deliver(&comment).id("two").send().status, 202);
    host.logs("deliveries are taken in again");
}

#[test]
fn a_host_on_a_full_disk_starts_and_ends_what_it_has() {
    let mut host = Host::with(&["guest-hostile"]).settings("").start();
    let again = event("repo", "create", "a/retry-after");
    let id = host.hub().deliver(&again).wait(20).send().id();
    host.kill();
    host.replace("hookbox.toml", FLOOR);
    host.restart();
    assert_eq!(readiness(&host), 503);
    let made = |delivery: &Value| delivery["runs"][0]["attempts"].as_array().map(Vec::len);
    eventually(SOON, || (made(&host.delivery(&id))? > 1).then_some(()));
}
