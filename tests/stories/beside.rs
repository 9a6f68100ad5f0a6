//! An operator's commands beside a running host that has settings of its own: what they ask for is done, and the host
//! keeps to its settings.

use hookbox_tests::{Host, Receiver, event, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than a host takes to notice what a command wrote, and to do what follows from it.
const SOON: Duration = Duration::from_secs(15);

const TWO_DAYS_MS: i64 = 2 * 24 * 60 * 60 * 1000;

/// What a host says once it posts alerts.
const BEGUN: &str = "alerts are posted from now on";

fn post(host: &Host, repo: &str) -> String {
    let comment = event("discussion.comment", "create", repo);
    host.hub().deliver(&comment).send().id()
}

/// A comment on a repo that has the same id whatever its name, which says what the guest does.
fn of_one_repo(name: &str) -> Value {
    let mut comment = event("discussion.comment", "create", name);
    comment["repo"]["id"] = json!("r1");
    comment
}

/// A delivery that the plugin has rejected.
fn rejected(host: &Host) -> String {
    host.hub()
        .deliver(&of_one_repo("a/reject"))
        .wait(20)
        .send()
        .id()
}

/// The newest run of a delivery.
fn run(host: &Host, id: &str) -> Value {
    let delivery = host.delivery(id);
    delivery["runs"].as_array().unwrap().last().unwrap().clone()
}

fn states(host: &Host, ids: &[String]) -> Vec<Value> {
    ids.iter()
        .map(|id| run(host, id)["state"].clone())
        .collect()
}

#[test]
fn a_pause_by_command_parks_no_more_than_the_hosts_settings_allow_and_both_are_told() {
    // Given a host that parks two runs at most, and four that wait for quiet
    let receiver = Receiver::answering(200);
    let host = Host::with(&[])
        .plugin_as("bot", "guest-hostile")
        .grant(
            "bot",
            "debounce = { by = \"discussion\", quiet = \"1h\", max = \"1h\" }\n",
        )
        .settings("park-runs = 2\n")
        .env("HOOKBOX_ALERTS_URL", &receiver.url("/"))
        .start();
    host.logs(BEGUN);
    let ids: Vec<String> = (0..4).map(|_| post(&host, "a/ok")).collect();
    // When their plugin is paused by a command, which knows no such settings
    host.cli(&["plugins", "pause", "bot"]).ok();
    // Then the host gives up the two oldest, keeps the others, and posts that
    eventually(SOON, || {
        (states(&host, &ids) == ["dead", "dead", "pending", "pending"]).then_some(())
    });
    let given_up = run(&host, &ids[0])["reason"].to_string();
    assert!(given_up.contains("park-runs allows (2)"), "{given_up}");
    assert_eq!(run(&host, &ids[3])["parked"], true);
    assert_eq!(receiver.gets("plugin-paused")["reason"], "its operator");
    let dead = receiver.gets("run-dead");
    assert_eq!(
        (&dead["plugin"], &dead["count"]),
        (&json!("bot"), &json!(2))
    );
    // And whoever ends the pause finds the others waiting for quiet again
    host.cli(&["plugins", "resume", "bot"]).ok();
    let waits = run(&host, &ids[3]);
    assert_eq!(
        (&waits["state"], &waits["parked"]),
        (&json!("pending"), &json!(false))
    );
}

#[test]
fn a_bulk_replay_by_command_is_kept_and_done_whatever_the_host_would_let_in_or_go() {
    // Given a host that lets two runs of a plugin wait, six that it rejected, and one that holds up its repo's order
    let settings = |retain: &str| format!("backlog-runs-per-plugin = 2\nretain = \"{retain}\"\n");
    let host = Host::with(&[])
        .plugin_as("bot", "guest-hostile")
        .grant(
            "bot",
            "order = \"repo\"\nretry = { attempts = 2, first = \"1h\", max = \"1h\" }\n",
        )
        .settings(&settings("30d"))
        .start();
    let ids: Vec<String> = (0..6).map(|_| rejected(&host)).collect();
    let head = host
        .hub()
        .deliver(&of_one_repo("a/fail-then-ok"))
        .wait(20)
        .send()
        .id();
    assert_eq!(run(&host, &head)["state"], "pending");
    // When the five oldest are replayed
    let args = [
        "deliveries",
        "replay",
        "--state",
        "dead",
        "--limit",
        "5",
        "--yes",
    ];
    assert_eq!(
        host.cli(&args).ok().stdout,
        "replayed 5 deliveries: 5 runs\n"
    );
    // Then they wait, though the host lets no more in,
    let over = host.hub().deliver(&of_one_repo("a/ok")).send().id();
    let reason = run(&host, &over)["reason"].to_string();
    assert!(
        reason.contains("plugin backlog full: 6 runs wait"),
        "{reason}"
    );
    assert_eq!(states(&host, &ids[..5]), vec![json!("pending"); 5]);
    // and though all of them get too old to be kept,
    host.ledger().change(
        "UPDATE deliveries SET received_ms = received_ms - ?1",
        [TWO_DAYS_MS],
    );
    host.replace("hookbox.toml", &settings("1d"));
    let kept = || host.deliveries().len();
    eventually(SOON, || (kept() == 6).then_some(()));
    host.cli(&["deliveries", "show", &ids[5]]).exits(1);
    assert_eq!(states(&host, &ids[..5]), vec![json!("pending"); 5]);
    // until each was run
    let due = "UPDATE runs SET due_ms = 0 WHERE state = 'pending' AND gate = 'ready'";
    assert_eq!(host.ledger().change(due, []), 1);
    eventually(SOON, || (kept() == 0).then_some(()));
    let metrics = host.admin().get("/metrics").send().body;
    let attempts = "hookbox_attempts_total{plugin=\"bot\",outcome=\"rejected\"} 11";
    assert!(metrics.contains(attempts), "{metrics}");
}
