//! Clocks that are wrong: nothing waits for ever because of one, and nothing goes.

use hookbox_tests::{Host, event, eventually};
use std::time::Duration;

/// The longest that an attempt, or a look of retention, may take to show.
const SOON: Duration = Duration::from_secs(20);

const HOUR_MS: i64 = 60 * 60 * 1000;

fn attempts(host: &Host, id: &str) -> usize {
    let delivery = host.delivery(id);
    delivery["runs"][0]["attempts"].as_array().unwrap().len()
}

#[test]
fn a_run_that_is_due_further_ahead_than_any_wait_is_attempted_at_once() {
    // Given two runs that are to be attempted again
    let mut host = Host::with(&["guest-hostile"]).start();
    let hub = host.hub();
    let [wrong, right] = ["one", "two"].map(|name| {
        let failing = event("repo", "create", "a/fail-then-ok");
        hub.deliver(&failing).id(name).wait(20).send().id()
    });
    // When the clock was a year ahead as one was recorded, and the other is due in 24 hours
    host.stop();
    let due_in = |id: &str, hours: i64| {
        let run = "SELECT seq FROM deliveries WHERE id = ?2";
        let sql = format!(
            "UPDATE runs SET due_ms = first_ms + ?1, attempts = 1 WHERE delivery = ({run}) AND state = 'pending'"
        );
        assert_eq!(host.ledger().change(&sql, (hours * HOUR_MS, id)), 1);
    };
    due_in(&wrong, 365 * 24);
    due_in(&right, 24);
    let before = attempts(&host, &right);
    host.restart();
    // Then the first is attempted as if it was due, and the other waits
    eventually(SOON, || (attempts(&host, &wrong) > before).then_some(()));
    assert_eq!(attempts(&host, &right), before);
}

#[test]
fn a_host_that_finds_the_clock_moved_lets_nothing_go_at_first() {
    // Given a delivery that is forty days old, if the clock is right
    let mut host = Host::with(&[]).start();
    let id = host
        .hub()
        .deliver(&event("repo", "create", "a/b"))
        .send()
        .id();
    eventually(SOON, || {
        let noted = "SELECT count(*) FROM meta WHERE key = 'clock'";
        (host.ledger().number(noted) == 1).then_some(())
    });
    host.stop();
    let days = |days: i64| days * 24 * HOUR_MS;
    let ledger = host.ledger();
    ledger.change(
        "UPDATE deliveries SET received_ms = received_ms - ?1",
        [days(40)],
    );
    // When it stands three days from where it stood when the host was last there
    ledger.change(
        "UPDATE meta SET value = value - ?1 WHERE key = 'clock'",
        [days(3)],
    );
    drop(ledger);
    host.restart();
    // Then the host says so, and lets nothing go for now
    host.logs("nothing goes for its age within the next hour");
    assert_eq!(host.deliveries().len(), 1);
    // And a host that is started then goes on from there
    host.restart();
    eventually(SOON, || host.deliveries().is_empty().then_some(()));
    host.cli(&["deliveries", "show", &id]).exits(1);
}
