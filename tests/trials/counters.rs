//! Counters that many attempts raise at once: the sum is right, and every run comes to its end. `cargo test --test
//! trials counters -- --nocapture` shows how often attempts were in each other's way.

use hookbox_tests::{Host, event, eventually};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Deliveries, each of which adds one.
const DELIVERIES: usize = 1000;

#[test]
fn a_thousand_deliveries_that_each_count_one_are_a_thousand() {
    for concurrency in [1, 2, 8] {
        let host = Host::with(&[])
            .plugin_as("keeper", "guest-keeper")
            .grant("keeper", &format!("concurrency = {concurrency}\n[state]\n"))
            .start();
        let began = Instant::now();
        for _ in 0..DELIVERIES {
            let event = event("repo", "update", "a/inc:n:1");
            assert_eq!(host.hub().deliver(&event).send().status, 202);
        }
        eventually(Duration::from_secs(300), || {
            let pending = "SELECT count(*) FROM runs WHERE state IN ('pending', 'running')";
            let left = host.ledger().number(pending);
            (left == 0).then_some(())
        });
        let took = began.elapsed();
        assert_eq!(counted(&host), DELIVERIES.to_string());
        let conflicts = "SELECT count(*) FROM attempts WHERE outcome = 'conflict'";
        let conflicts = host.ledger().number(conflicts);
        println!(
            "concurrency {concurrency}: {DELIVERIES} counted in {took:.1?}, {conflicts} conflicts"
        );
        assert!(concurrency > 1 || conflicts == 0);
    }
}

#[test]
fn a_count_is_made_once_wherever_its_host_was_killed() {
    for place in ["before-settle", "during-settle", "after-settle"] {
        // Given a host that dies while an attempt that counted one is settled
        let mut host = Host::with(&[])
            .plugin_as("keeper", "guest-keeper")
            .grant("keeper", "[state]\n")
            .failing()
            .env("FAILPOINT", place)
            .start();
        let event = event("repo", "update", "a/inc:n:1");
        let id = host.hub().deliver(&event).send().id();
        assert!(host.dies_within(Duration::from_secs(20)), "{place}");
        // When it is started again, and the run has come to its end
        host.unset_env("FAILPOINT");
        host.restart();
        eventually(Duration::from_secs(20), || {
            (host.delivery(&id)["state"] == "settled").then_some(())
        });
        // Then it counted one, however many attempts that took
        assert_eq!(counted(&host), "1", "{place}");
    }
}

/// What the counter stands at.
fn counted(host: &Host) -> Value {
    let event = event("repo", "update", "a/get:n");
    let answer = host.hub().deliver(&event).wait(20).send();
    answer.run("keeper")["output"].clone()
}
