//! Retention: what goes, what stays, in what steps, and what clocks have to do with it.

use super::*;
use crate::clock::now_ms;
use crate::ledger::conformance::{dead, delivery_with};
use std::sync::atomic::Ordering::Relaxed;

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A ledger that keeps deliveries for an hour, and so many bytes.
fn open_to_keep(folder: &TempDir, retain_bytes: u64) -> SqliteLedger {
    let settings = LedgerSettings {
        retain: Duration::from_secs(60 * 60),
        retain_bytes,
        ..LedgerSettings::default()
    };
    let options = SqliteOptions {
        settings,
        ..SqliteOptions::default()
    };
    SqliteLedger::open(folder.path(), options, WriterMetrics::default()).unwrap()
}

/// Tends until nothing is left to do; how many steps that took.
async fn tend_to_all(ledger: &SqliteLedger) -> usize {
    let mut steps = 1;
    while ledger.tend().await.unwrap() == Tended::Part {
        steps += 1;
    }
    steps
}

/// Records a delivery that was received so long ago.
async fn record_old(ledger: &SqliteLedger, ago_ms: i64, plugins: &[&str]) -> NewDelivery {
    let received_ms = now_ms() - u64::try_from(ago_ms).unwrap();
    let old = NewDelivery {
        received_ms,
        ..delivery()
    };
    let runs = plugins.iter().map(|plugin| run(plugin)).collect();
    ledger.record(old.clone(), runs).await.unwrap();
    old
}

/// Text that hardly gets smaller when it is packed.
fn noise(bytes: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.alphanumeric())
        .take(bytes)
        .collect()
}

fn count(folder: &TempDir, sql: &str) -> i64 {
    file(folder).query_row(sql, [], |row| row.get(0)).unwrap()
}

async fn is_there(ledger: &SqliteLedger, old: &NewDelivery) -> bool {
    ledger.delivery(old.id).await.unwrap().is_some()
}

#[tokio::test]
async fn old_deliveries_go_once_their_runs_have_ended_with_all_that_they_had() {
    let folder = TempDir::new().unwrap();
    let ledger = open_to_keep(&folder, u64::MAX);
    let done_old = record_old(&ledger, 2 * HOUR_MS, &["a"]).await;
    done(&ledger, claim_one(&ledger, "a").await).await;
    let dead_old = record_old(&ledger, 2 * HOUR_MS, &["a"]).await;
    dead(&ledger, claim_one(&ledger, "a").await).await;
    let dead_young = record_old(&ledger, HOUR_MS / 2, &["a"]).await;
    dead(&ledger, claim_one(&ledger, "a").await).await;
    let pending_old = record_old(&ledger, 3 * HOUR_MS, &["a", "b"]).await;
    done(&ledger, claim_one(&ledger, "a").await).await;
    let without_runs = record_old(&ledger, 2 * HOUR_MS, &[]).await;

    tend_to_all(&ledger).await;

    assert!(!is_there(&ledger, &done_old).await);
    assert!(!is_there(&ledger, &dead_old).await);
    assert!(!is_there(&ledger, &without_runs).await);
    assert!(is_there(&ledger, &dead_young).await);
    assert!(is_there(&ledger, &pending_old).await);
    for table in ["payloads", "deliveries"] {
        assert_eq!(count(&folder, &format!("SELECT count(*) FROM {table}")), 2);
    }
    for table in ["attempts", "attempt_logs"] {
        let orphans =
            format!("SELECT count(*) FROM {table} WHERE run NOT IN (SELECT seq FROM runs)");
        assert_eq!(count(&folder, &orphans), 0, "{table}");
    }
    assert_eq!(count(&folder, "SELECT count(*) FROM runs"), 3);
    // What counts deliveries and their ends goes on, what counts what is there goes down.
    let totals = ledger.totals().await.unwrap();
    assert_eq!((totals.deliveries, totals.kept), (5, 2));
    check_runs(&folder, &totals);
    // And the next look finds nothing, and writes nothing.
    let commits = ledger.commits();
    assert_eq!(tend_to_all(&ledger).await, 1);
    assert_eq!(ledger.commits(), commits);
}

#[tokio::test]
async fn what_comes_again_is_known_although_its_delivery_has_gone() {
    let folder = TempDir::new().unwrap();
    let ledger = open_to_keep(&folder, u64::MAX);
    let old = record_old(&ledger, 2 * HOUR_MS, &[]).await;
    tend_to_all(&ledger).await;
    assert!(!is_there(&ledger, &old).await);
    let again = NewDelivery {
        id: DeliveryId::new(),
        ..old.clone()
    };
    let recording = ledger.record(again, vec![run("a")]).await.unwrap();
    assert!(
        matches!(&recording, Recording::Duplicate { first, again } if *first == old.id && again.is_empty()),
        "{recording:?}"
    );
    assert_eq!(ledger.replay(old.id, vec![run("a")]).await.unwrap(), None);
}

#[tokio::test]
async fn the_oldest_go_while_all_take_too_many_bytes_and_the_file_gets_smaller() {
    let folder = TempDir::new().unwrap();
    let max = 12 << 20;
    let ledger = open_to_keep(&folder, u64::MAX);
    let mut recorded = Vec::new();
    for _ in 0..8 {
        let id = DeliveryId::new();
        let new = delivery_with(
            id,
            format!("{{\"id\":\"{id}\",\"n\":\"{}\"}}", noise(4 << 20)),
        );
        ledger.record(new.clone(), vec![]).await.unwrap();
        recorded.push(new);
    }
    tend_to_all(&ledger).await;
    assert!(is_there(&ledger, &recorded[0]).await);
    let bytes = || open::file_in(folder.path()).metadata().unwrap().len();
    ledger.set(LedgerSettings {
        retain_bytes: max,
        ..LedgerSettings::default()
    });
    let steps = tend_to_all(&ledger).await;
    assert!(steps > 1, "{steps}");
    assert!(!is_there(&ledger, &recorded[0]).await);
    assert!(is_there(&ledger, &recorded[7]).await);
    // What was free is kept free for what comes next, up to 4 MiB.
    assert!(bytes() <= max + (5 << 20), "{}", bytes());
    assert_eq!(count(&folder, "SELECT count(*) FROM deliveries"), 3);
    ledger.check_integrity().await.unwrap();
}

#[tokio::test]
async fn whoever_walks_or_pages_meanwhile_finds_what_is_still_there() {
    let folder = TempDir::new().unwrap();
    let ledger = open_to_keep(&folder, u64::MAX);
    for _ in 0..10 {
        record_old(&ledger, 2 * HOUR_MS, &[]).await;
    }
    let young = record_old(&ledger, 0, &[]).await;
    let reader = SqliteReader::open(folder.path()).unwrap();
    let mut walk = reader.walk(DeliveryFilter::default()).unwrap();
    assert!(walk.next().unwrap().is_ok());
    let two = DeliveryFilter {
        limit: Some(2),
        ..DeliveryFilter::default()
    };
    let page = ledger.delivery_page(two.clone(), None).await.unwrap();
    let next = page.unwrap().next.unwrap();
    tend_to_all(&ledger).await;
    let rest: Vec<_> = walk.map(|walked| walked.unwrap().delivery.id).collect();
    assert_eq!(rest, [young.id]);
    // A page that begins where nothing is any more is none.
    assert!(
        ledger
            .delivery_page(two.clone(), Some(next))
            .await
            .unwrap()
            .is_none()
    );
    let page = ledger.delivery_page(two, None).await.unwrap().unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
}

#[tokio::test]
async fn a_run_of_thousands_of_attempts_goes_in_several_steps() {
    let folder = TempDir::new().unwrap();
    let ledger = open_to_keep(&folder, u64::MAX);
    let old = record_old(&ledger, 2 * HOUR_MS, &["a"]).await;
    done(&ledger, claim_one(&ledger, "a").await).await;
    file(&folder)
        .execute_batch(
            "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 4000)
             INSERT INTO attempts (run, n, started_ms, outcome) SELECT 1, n, 0, 'retry' FROM numbers;
             INSERT INTO attempt_logs (run, n, bytes, lines)
             SELECT run, n, 1, randomblob(32768) FROM attempts WHERE n > 1;",
        )
        .unwrap();
    let steps = tend_to_all(&ledger).await;
    assert!(steps > 5, "{steps}");
    assert!(!is_there(&ledger, &old).await);
    for table in ["attempts", "attempt_logs", "runs", "payloads"] {
        assert_eq!(count(&folder, &format!("SELECT count(*) FROM {table}")), 0);
    }
}

#[tokio::test]
async fn a_clock_that_was_set_by_more_than_a_day_lets_nothing_go_for_an_hour() {
    let folder = TempDir::new().unwrap();
    let ledger = open_to_keep(&folder, u64::MAX);
    let young = record_old(&ledger, 0, &[]).await;
    tend_to_all(&ledger).await;
    let set = &ledger.shared.clock.set;
    for (wall_ms, steady_ms, stays) in [
        // Set forward by ten days
        (10 * DAY_MS, 0, true),
        // Half an hour later
        (10 * DAY_MS, HOUR_MS / 2, true),
        // Set back to where it was: that counts, too
        (0, HOUR_MS, true),
        (10 * DAY_MS, HOUR_MS, true),
        (10 * DAY_MS, 2 * HOUR_MS - 60_000, true),
        // An hour after it was set last
        (10 * DAY_MS, 2 * HOUR_MS, false),
    ] {
        set.wall.store(wall_ms, Relaxed);
        set.steady.store(steady_ms, Relaxed);
        tend_to_all(&ledger).await;
        assert_eq!(
            is_there(&ledger, &young).await,
            stays,
            "{wall_ms} {steady_ms}"
        );
    }
}

#[tokio::test]
async fn a_clock_far_from_where_it_stood_when_the_ledger_was_open_lets_nothing_go_at_first() {
    let folder = TempDir::new().unwrap();
    let ledger = open_to_keep(&folder, u64::MAX);
    let old = record_old(&ledger, 2 * HOUR_MS, &[]).await;
    drop(ledger);
    for (moved_ms, stays) in [(-3 * DAY_MS, true), (3 * DAY_MS, true), (DAY_MS / 2, false)] {
        let clock = i64::try_from(now_ms()).unwrap() - moved_ms;
        file(&folder)
            .execute(
                "INSERT OR REPLACE INTO meta VALUES ('clock', ?1)",
                [clock.to_string()],
            )
            .unwrap();
        let ledger = open_to_keep(&folder, u64::MAX);
        tend_to_all(&ledger).await;
        assert_eq!(is_there(&ledger, &old).await, stays, "{moved_ms}");
        if stays {
            // It goes on from there an hour later, by the steady clock.
            ledger.shared.clock.set.wall.store(HOUR_MS, Relaxed);
            tend_to_all(&ledger).await;
            assert!(is_there(&ledger, &old).await);
            // By bytes the oldest go all the same: that asks no clock.
            assert_eq!(
                count(&folder, "SELECT value > 0 FROM meta WHERE key = 'clock'"),
                1
            );
        }
    }
}

#[tokio::test]
async fn bytes_ask_no_clock() {
    let folder = TempDir::new().unwrap();
    let ledger = open_to_keep(&folder, 1);
    let young = record_old(&ledger, 0, &[]).await;
    ledger.shared.clock.set.wall.store(-100 * DAY_MS, Relaxed);
    tend_to_all(&ledger).await;
    assert!(!is_there(&ledger, &young).await);
}

#[tokio::test]
async fn repeats_are_forgotten_after_their_window_also_once_the_clock_was_set() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    for _ in 0..20 {
        record(&ledger, &[]).await;
    }
    let known = || count(&folder, "SELECT count(*) FROM dedup");
    let set = &ledger.shared.clock.set;
    tend_to_all(&ledger).await;
    set.wall.store(8 * DAY_MS, Relaxed);
    tend_to_all(&ledger).await;
    assert_eq!(known(), 20);
    set.wall.store(8 * DAY_MS + HOUR_MS, Relaxed);
    set.steady.store(HOUR_MS, Relaxed);
    tend_to_all(&ledger).await;
    assert_eq!(known(), 0);
}

#[tokio::test]
async fn budgets_are_forgotten_when_nobody_asks_for_them_any_more() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let minute = i64::try_from(now_ms()).unwrap() / 60_000;
    let write = file(&folder);
    for n in 0..1000 {
        write
            .execute(
                "INSERT INTO budgets VALUES ('a', 'repo', ?1, ?2, 1)",
                (n.to_string(), minute - 121),
            )
            .unwrap();
    }
    for minute in [minute - 100, minute, minute + 60 * 24, minute + 60 * 26] {
        let kept = "INSERT INTO budgets VALUES ('a', 'discussion', 'd', ?1, 1)";
        write.execute(kept, [minute]).unwrap();
    }
    tend_to_all(&ledger).await;
    let left: Vec<i64> = {
        let mut select = write.prepare("SELECT window FROM budgets").unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(left, [minute - 100, minute, minute + 60 * 24]);
}

#[tokio::test]
async fn a_full_disk_is_no_reason_to_forget_a_repeat_or_to_leave_work_undone() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let first = delivery();
    ledger.record(first.clone(), vec![run("a")]).await.unwrap();
    let claim = claim_one(&ledger, "a").await;
    // Given a floor that no disk reaches
    let set_floor = |free_space_min| {
        ledger.set(LedgerSettings {
            free_space_min,
            ..LedgerSettings::default()
        });
    };
    set_floor(u64::MAX);
    let refused = ledger.record(delivery(), vec![]).await.unwrap_err();
    assert!(matches!(refused, LedgerError::Full { .. }), "{refused:?}");
    let reason = refused.to_string();
    for part in [
        &*folder.path().display().to_string(),
        "free-space-min",
        "make room",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(
        ledger.check_writable().await.unwrap_err().to_string(),
        reason
    );
    assert_eq!(count(&folder, "SELECT count(*) FROM dedup"), 1);
    // Then what came before is known, ends, and is replayed all the same
    let again = NewDelivery {
        id: DeliveryId::new(),
        ..first.clone()
    };
    let recording = ledger.record(again, vec![]).await.unwrap();
    assert!(
        matches!(recording, Recording::Duplicate { .. }),
        "{recording:?}"
    );
    done(&ledger, claim).await;
    let replayed = ledger.replay(first.id, vec![run("a")]).await.unwrap();
    assert_eq!(replayed.unwrap(), ["a"]);
    done(&ledger, claim_one(&ledger, "a").await).await;
    // And it is over as soon as there is room
    set_floor(1);
    ledger.check_writable().await.unwrap();
    record(&ledger, &[]).await;
}
