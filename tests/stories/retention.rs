//! What is kept and what goes: by age, by bytes, and never while it has something to do.

use hookbox_tests::{Host, event, eventually};
use serde_json::json;
use std::time::Duration;

/// The longest that a look of retention, or a changed setting, may take to show.
const SOON: Duration = Duration::from_secs(20);

fn is_kept(host: &Host, id: &str) -> bool {
    let shown = host.cli(&["deliveries", "show", id, "--json"]);
    assert!(shown.code == Some(0) || shown.stderr.contains("there is no such delivery"));
    shown.code == Some(0)
}

#[track_caller]
fn until_gone(host: &Host, id: &str) {
    eventually(SOON, || (!is_kept(host, id)).then_some(()));
}

/// A repo name of so many bytes that cannot be packed.
fn noise(bytes: usize) -> String {
    let mut state: u64 = 1;
    let mut letter = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let at = u32::try_from((state >> 33) % 64).unwrap();
        char::from_u32(u32::from('0') + at)
    };
    (0..bytes).filter_map(|_| letter()).collect()
}

#[test]
fn old_deliveries_go_once_their_runs_have_ended_and_others_stay() {
    // Given a delivery that is done, a dead one, and one that waits for a plugin that is held
    let mut host = Host::with(&["hello", "guest-hostile", "guest-wants-http"])
        .grant("guest-wants-http", "[match]\nrepo = [\"a/held\"]\n")
        .start();
    let hub = host.hub();
    let post = |repo: &str| {
        hub.deliver(&event("discussion.comment", "create", repo))
            .id(repo)
    };
    let comment = event("discussion.comment", "create", "a/done");
    let done = hub.deliver(&comment).id("a/done").wait(20).send().id();
    let dead_old = post("a/reject").wait(20).send().id();
    let parked = post("a/held").wait(20).send().id();
    let dead_young = hub
        .deliver(&event("repo", "create", "a/reject"))
        .wait(20)
        .send()
        .id();
    // When all but the last are forty days old
    host.stop();
    let forty_days = 40_i64 * 24 * 60 * 60 * 1000;
    host.ledger().change(
        "UPDATE deliveries SET received_ms = received_ms - ?1 WHERE id <> ?2",
        (forty_days, &dead_young),
    );
    host.restart();
    // Then those go whose runs have ended
    until_gone(&host, &done);
    until_gone(&host, &dead_old);
    assert!(is_kept(&host, &parked) && is_kept(&host, &dead_young));
    assert_eq!(host.ledger().number("SELECT count(*) FROM payloads"), 2);
    // And can be replayed no more, but are still known when they come again
    let replayed = host.cli(&["deliveries", "replay", &done]).exits(1);
    assert!(
        replayed.stderr.contains("there is no such delivery"),
        "{}",
        replayed.stderr
    );
    let hub = host.hub();
    let again = hub.deliver(&comment).id("a/done").send();
    assert_eq!((again.status, again.id()), (200, done), "{again:?}");
    assert_eq!(again.json()["runs"], json!([]));
    let metrics = host.admin().ask("GET", "/metrics").send().body;
    for line in ["hookbox_deliveries_total 4", "hookbox_kept_deliveries 2"] {
        assert!(metrics.contains(&format!("\n{line}\n")), "{metrics}");
    }
}

#[test]
fn a_changed_age_counts_at_once() {
    let host = Host::with(&["hello"])
        .settings("retain = \"30d\"\n")
        .start();
    let comment = event("discussion.comment", "create", "a/b");
    let id = host.hub().deliver(&comment).wait(20).send().id();
    assert!(is_kept(&host, &id));
    host.replace("hookbox.toml", "retain = \"1s\"\n");
    until_gone(&host, &id);
    assert!(host.deliveries().is_empty());
    // Exports and lists beside it find what there is
    host.cli(&["deliveries", "export"]).ok();
    assert_eq!(host.admin().get("/api/v1/deliveries").send().body, "[]");
}

#[test]
fn the_oldest_go_over_the_bound_on_bytes_and_the_file_gets_smaller() {
    // Given a ledger of 24 MB
    let host = Host::with(&[]).settings("").start();
    let mut big = event("repo", "create", "a/b");
    let ids: Vec<String> = (0..8)
        .map(|n| {
            big["noise"] = format!("{n}{}", noise(3_000_000)).into();
            host.hub().deliver(&big).send().id()
        })
        .collect();
    let bytes = || host.data().join("ledger.db").metadata().unwrap().len();
    eventually(SOON, || (bytes() > 10_000_000).then_some(()));
    // When it may be no larger than 8 MiB
    host.replace("hookbox.toml", "retain-bytes = \"8MiB\"\n");
    until_gone(&host, &ids[4]);
    // Then the oldest go, the newest stay, and the file is cut; 4 MiB of it may be free for what comes next
    eventually(SOON, || (bytes() < 13_000_000).then_some(()));
    assert!(is_kept(&host, &ids[5]) && is_kept(&host, &ids[7]));
    assert_eq!(host.ledger().number("SELECT count(*) FROM deliveries"), 3);
    assert_eq!(host.hub().deliver(&big).send().status, 202);
}
