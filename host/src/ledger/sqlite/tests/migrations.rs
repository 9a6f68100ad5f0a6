//! Files that older versions left, with all that they may hold: nothing of it is lost, and all of it counts.

use super::*;
use crate::clock::now_ms;
use crate::delivery::{DeliveryState, Gate};
use crate::ledger::{Claim, RunRecord};

/// The steps that lead to the versions that hosts wrote which knew no rules of delivery.
const STEPS: [&str; 3] = [
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
];

/// How a run stood: state, gate, lane, attempts ended, losses, reason.
type Stood = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    i64,
    Option<&'static str>,
);

/// Deliveries with one run each, by how that stood.
const KEPT: [Stood; 7] = [
    ("done", "ready", "live", &["retry", "done"], 0, None),
    (
        "dead",
        "ready",
        "live",
        &["rejected"],
        0,
        Some("rejected by the plugin"),
    ),
    ("pending", "ready", "live", &[], 0, None),
    ("pending", "ready", "live", &["retry"], 0, None),
    ("running", "ready", "live", &[], 0, None),
    ("pending", "ready", "replay", &["lost", "lost"], 2, None),
    (
        "pending",
        "parked",
        "live",
        &[],
        0,
        Some("held: wants http"),
    ),
];

/// The run that waits for its second attempt, the one that was under way, and the one that was lost twice.
const LATER: usize = 3;
const UNDER_WAY: usize = 4;
const LOST_TWICE: usize = 5;
const PARKED: usize = 6;

fn plugin_of(at: usize) -> &'static str {
    if at == PARKED { "held" } else { "a" }
}

/// A file as a host of this version left it that was killed, and what it had recorded.
fn left_by(folder: &TempDir, version: usize) -> Vec<NewDelivery> {
    let file = Connection::open(open::file_in(folder.path())).unwrap();
    file.pragma_update(None, "auto_vacuum", "INCREMENTAL")
        .unwrap();
    for step in &STEPS[..version] {
        file.execute_batch(step).unwrap();
    }
    file.pragma_update(None, "application_id", migrate::APPLICATION_ID)
        .unwrap();
    file.pragma_update(None, "user_version", i64::try_from(version).unwrap())
        .unwrap();
    file.execute_batch(
        "INSERT INTO plugins (name, active, manifest, state, reason) VALUES
           ('a', 'd1', '{}', 'loaded', NULL), ('held', 'd2', '{}', 'held', 'wants http');
         INSERT INTO plugin_state VALUES ('a', 'key', x'01', 3);
         INSERT INTO meta VALUES ('stop', 'none');
         INSERT INTO counters VALUES ('deliveries', '', 7), ('duplicates', '', 2), ('runs-done', '', 1),
           ('runs-dead', '', 1), ('runs-pending', '', 4), ('runs-running', '', 1), ('unsettled', 'a', 4),
           ('unsettled', 'held', 1), ('parked', 'held', 1);",
    )
    .unwrap();
    let made = KEPT.iter().enumerate();
    made.map(|(at, _)| insert(&file, at)).collect()
}

fn insert(file: &Connection, at: usize) -> NewDelivery {
    let (state, gate, lane, attempts, losses, reason) = KEPT[at];
    let new = delivery();
    let number = |number: usize| i64::try_from(number).unwrap();
    let (seq, now) = (number(at + 1), clock::whole(now_ms()));
    let delivery_state = match state {
        "done" => "settled",
        "dead" => "dead",
        _ => "pending",
    };
    let duplicates = if at == 0 { 2 } else { 0 };
    file.execute(
        "INSERT INTO deliveries (seq, id, path, hub_id, scope, action, received_ms, body_sha256, body_bytes, state,
           dup_count) VALUES (?1, ?2, ?3, ?4, 'repo.content', 'update', ?5, ?6, ?7, ?8, ?9)",
        (seq, new.id.to_string(), &new.path, &new.hub_id, now, new.body_sha256, number(new.body.len()), delivery_state, duplicates),
    )
    .unwrap();
    file.execute(
        "INSERT INTO payloads VALUES (?1, 0, ?2, '[]')",
        (seq, &*new.body),
    )
    .unwrap();
    file.execute(
        "INSERT INTO dedup VALUES (?1, ?2, ?3, ?4, ?5)",
        (
            &new.path,
            &new.hub_id,
            new.body_sha256,
            new.id.to_string(),
            now + 3_600_000,
        ),
    )
    .unwrap();
    let due = if at == LATER { now + 3_600_000 } else { now };
    let under_way = (state == "running").then_some(now + 3_600_000);
    let claims = number(attempts.len()) + i64::from(under_way.is_some());
    file.execute(
        "INSERT INTO runs (seq, id, delivery, plugin, replay, state, gate, lane, due_ms, scope, action, routed_digest,
           first_ms, claims, attempts, losses, lease_owner, lease_token, lease_until, reason)
         VALUES (?1, ?2, ?1, ?3, 0, ?4, ?5, ?6, ?7, 'repo.content', 'update', 'd1', ?8, ?9, ?10, ?11, 'other', ?9, ?12, ?13)",
        rusqlite::params![
            seq, RunId::new().to_string(), plugin_of(at), state, gate, lane, due, now, claims,
            number(attempts.len()) - losses, losses, under_way, reason
        ],
    )
    .unwrap();
    let ended = attempts.iter().map(|outcome| Some(*outcome));
    for (n, outcome) in (1..).zip(ended.chain(under_way.map(|_| None))) {
        file.execute(
            "INSERT INTO attempts (run, n, version, digest, started_ms, outcome) VALUES (?1, ?2, '1.0.0', 'd1', ?3, ?4)",
            (seq, n, now, outcome),
        )
        .unwrap();
    }
    new
}

/// Everything that the file is made of, as SQL.
fn schema(folder: &TempDir) -> Vec<(String, Option<String>)> {
    let file = file(folder);
    let mut select = file
        .prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
        .unwrap();
    let rows = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

async fn only_run(ledger: &SqliteLedger, id: DeliveryId) -> RunRecord {
    found(ledger, id).await.runs.remove(0)
}

/// The totals are what the rows say, also those that older versions did not keep, and the indexes agree with them.
async fn check_counts(folder: &TempDir, ledger: &SqliteLedger) {
    let totals = ledger.totals().await.unwrap();
    check_totals(folder, &totals);
    let number = |sql: &str| -> u64 {
        let number: i64 = file(folder).query_row(sql, [], |row| row.get(0)).unwrap();
        number.try_into().unwrap()
    };
    let waiting = "SELECT coalesce(sum(body_bytes), 0) FROM runs JOIN deliveries ON deliveries.seq = runs.delivery
         WHERE runs.state = 'running' OR (runs.state = 'pending' AND gate <> 'parked')";
    assert_eq!(totals.backlog_bytes, number(waiting));
    assert_eq!(
        totals
            .plugins
            .values()
            .map(|plugin| plugin.died)
            .sum::<u64>(),
        number("SELECT count(*) FROM runs WHERE state = 'dead'")
    );
    let since_when = "SELECT count(*) FROM runs WHERE gate = 'parked' AND state = 'pending' AND parked_ms IS NULL";
    assert_eq!(number(since_when), 0);
    let sound: String = file(folder)
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
}

async fn claim_for(ledger: &SqliteLedger, plugin: &str) -> (Vec<Claim>, Vec<DeliveryId>) {
    let claims = claim(ledger, &[plugin], 9).await;
    let ids = claims.iter().map(|claim| claim.facts().delivery).collect();
    (claims, ids)
}

/// What was settled is as it was, what was not is run as it would have been.
async fn check_runs_go_on(ledger: &SqliteLedger, left: &[NewDelivery]) {
    let ids: Vec<DeliveryId> = left.iter().map(|new| new.id).collect();
    let (done_before, dead_before) = (found(ledger, ids[0]).await, found(ledger, ids[1]).await);
    assert_eq!(done_before.state, DeliveryState::Settled);
    assert_eq!(done_before.payload.unwrap().body, left[0].body);
    assert_eq!(
        dead_before.runs[0].reason.as_deref(),
        Some("rejected by the plugin")
    );
    let lost = only_run(ledger, ids[UNDER_WAY]).await;
    assert_eq!(lost.attempts[0].outcome, Some(Outcome::Lost));
    let waits = only_run(ledger, ids[LATER]).await;
    assert!(waits.next_attempt_ms.unwrap() > now_ms() + 3_000_000);
    // The one that was lost twice is alone, then come the others.
    for expected in [&[LOST_TWICE][..], &[2, UNDER_WAY]] {
        let (claims, found) = claim_for(ledger, "a").await;
        assert_eq!(
            found,
            expected.iter().map(|at| ids[*at]).collect::<Vec<_>>()
        );
        for claim in claims {
            done(ledger, claim).await;
        }
    }
    assert!(claim(ledger, &["a", "held"], 9).await.is_empty());
    assert_eq!(only_run(ledger, ids[PARKED]).await.gate, Gate::Parked);
    ledger
        .put_plugin(plugin("held", PluginState::Loaded, None))
        .await
        .unwrap();
    let (claims, found) = claim_for(ledger, "held").await;
    assert_eq!(found, [ids[PARKED]]);
    for claim in claims {
        done(ledger, claim).await;
    }
}

#[tokio::test]
async fn what_older_versions_left_is_counted_and_goes_on_as_it_stood() {
    let new = TempDir::new().unwrap();
    drop(open(&new));
    for version in 1..=STEPS.len() {
        // Given a file of an older version whose host was killed
        let folder = TempDir::new().unwrap();
        let left = left_by(&folder, version);
        // When this one opens it, then it is made like any other, and its totals are right
        let ledger = open(&folder);
        assert_eq!(schema(&folder), schema(&new), "version {version}");
        assert_eq!(ledger.last_stop(), LastStop::Unclean);
        check_counts(&folder, &ledger).await;
        check_runs_go_on(&ledger, &left).await;
        check_counts(&folder, &ledger).await;
        // What came before is known, and so is what plugins keep.
        let again = NewDelivery {
            id: DeliveryId::new(),
            ..left[0].clone()
        };
        let recording = ledger.record(again, vec![]).await.unwrap();
        assert!(matches!(recording, Recording::Duplicate { first, .. } if first == left[0].id));
        assert_eq!(ledger.state("a", "key").await.unwrap().unwrap().version, 3);
        let usage = ledger.state_usage("a").await.unwrap();
        assert_eq!((usage.bytes, usage.keys), (4, 1));
        let run = only_run(&ledger, left[0].id).await;
        let entry = ledger.run(run.id).await.unwrap().unwrap();
        assert_eq!(
            (entry.delivery, entry.run.state),
            (left[0].id, RunState::Done)
        );
    }
}
