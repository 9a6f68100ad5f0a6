//! The checker itself is checked: a fault that is planted in a sound ledger is found.

use super::{Case, host};
use hookbox_tests::checker::check;
use hookbox_tests::{Happened, Told};
use rusqlite::Connection;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

/// Faults, and the change that makes each.
const PLANTED: &[(&str, &str)] = &[
    ("a delivery is lost", "DELETE FROM deliveries WHERE seq = 3"),
    ("a delivery is there twice", "INSERT INTO deliveries SELECT seq + 1000, id || 'x', path, hub_id, webhook_id, scope,
      action, repo_type, repo_name, repo_id, discussion_id, received_ms, body_sha256, body_bytes, dup_count, dup_last_ms,
      state, unparsable FROM deliveries WHERE seq = 3"),
    ("a delivery nobody posted", "UPDATE deliveries SET hub_id = 'another' WHERE seq = 3"),
    ("another body", "UPDATE deliveries SET body_sha256 = zeroblob(32) WHERE seq = 3"),
    ("a body is lost", "DELETE FROM payloads WHERE seq = 3"),
    ("another body is stored", "UPDATE payloads SET body = (SELECT body FROM payloads WHERE seq = 2) WHERE seq = 3"),
    ("a dedup row is lost", "DELETE FROM dedup WHERE hub_id = (SELECT hub_id FROM deliveries WHERE seq = 3)"),
    ("a duplicate is not counted", "UPDATE deliveries SET dup_count = dup_count - 1 WHERE dup_count > 0"),
    ("a run is lost", "DELETE FROM runs WHERE delivery = 3 AND plugin = 'plain'"),
    ("a settled run waits again", "UPDATE runs SET state = 'pending' WHERE delivery = 3 AND plugin = 'plain'"),
    ("a settled run is run again", "INSERT INTO attempts (run, n, started_ms, outcome)
      SELECT run, 2, started_ms + 9, 'done' FROM attempts WHERE run = (SELECT seq FROM runs WHERE delivery = 3 AND plugin = 'plain')"),
    ("an attempt is lost", "DELETE FROM attempts WHERE run = (SELECT seq FROM runs WHERE delivery = 3 AND plugin = 'plain')"),
    ("a gap", "UPDATE attempts SET n = 2 WHERE run = (SELECT seq FROM runs WHERE delivery = 3 AND plugin = 'plain')"),
    ("an outcome is changed", "UPDATE attempts SET outcome = 'retry' WHERE run = (SELECT seq FROM runs WHERE delivery = 3 AND plugin = 'plain')"),
    ("a lease is left", "UPDATE runs SET lease_owner = 'somebody' WHERE delivery = 3 AND plugin = 'plain'"),
    ("an unknown state", "UPDATE runs SET state = 'resting' WHERE delivery = 3 AND plugin = 'plain'"),
    ("a delivery's state", "UPDATE deliveries SET state = 'pending' WHERE seq = 3"),
    ("a counter", "UPDATE counters SET value = value + 1 WHERE name = 'runs-done'"),
    ("bytes of the backlog", "UPDATE counters SET value = 7 WHERE name = 'backlog-bytes'"),
    ("the order", "UPDATE runs SET seq = 100000 - seq WHERE plugin = 'ordered'; UPDATE attempts SET run = 100000 - run
      WHERE 100000 - run IN (SELECT seq FROM runs WHERE plugin = 'ordered')"),
    ("too few are stood for", "UPDATE runs SET stands_for = 0 WHERE stands_for > 0"),
    ("a coalesced run was run", "UPDATE runs SET claims = 1 WHERE state = 'coalesced'"),
];

#[test]
fn a_fault_that_is_planted_in_a_sound_ledger_is_found() {
    // Given a ledger of some deliveries, some of them duplicates, some in a burst
    let mut case = Case::new(host().start());
    let stop = AtomicBool::new(false);
    case.promises.post(&case.host, 30, &stop);
    let figures = case.checked();
    assert!(figures.ordered > 10 && figures.coalesced > 2, "{figures}");
    // When a fault is planted in a copy, then it is found
    for (fault, sql) in PLANTED {
        let copy = TempDir::new().unwrap();
        let copy = copy.path();
        let ledger = Connection::open(case.host.data().join("ledger.db")).unwrap();
        let place = copy.join("ledger.db").display().to_string();
        ledger.execute("VACUUM INTO ?1", [place]).unwrap();
        let file = Connection::open(copy.join("ledger.db")).unwrap();
        file.execute_batch(sql).unwrap();
        assert!(file.total_changes() > 0, "{fault}: nothing was changed");
        file.close().unwrap();
        assert!(
            !check(copy, &case.promises, &case.witness).faults.is_empty(),
            "{fault}"
        );
    }
    // And so is a guest that was called once more than the ledger knows
    let told = case
        .witness
        .told()
        .find(|told| told.what == Happened::Settled("done".to_owned()));
    let again = Told {
        what: Happened::Begins,
        n: 2,
        ..told.unwrap().clone()
    };
    case.witness.lives.last_mut().unwrap().told.push(again);
    let found = check(&case.host.data(), &case.promises, &case.witness);
    assert_eq!(found.figures.run_again, 1, "{:#?}", found.faults);
}
