//! An operator's writes beside a host, and without one.

use super::*;
use crate::delivery::{DeliveryState, Gate};
use crate::ledger::conformance::found;

/// A ledger with one delivery, whose one run is settled.
async fn with_one_done(folder: &TempDir) -> (SqliteLedger, DeliveryId) {
    let ledger = open(folder);
    let id = record(&ledger, &["a"]).await;
    done(&ledger, claim_one(&ledger, "a").await).await;
    (ledger, id)
}

#[tokio::test]
async fn what_an_operator_replays_is_claimed_by_the_host_that_serves() {
    let folder = TempDir::new().unwrap();
    let (ledger, id) = with_one_done(&folder).await;
    let mut operator = SqliteOperator::open(folder.path()).unwrap();
    let recorded = operator.replay(id, &[run("a"), run("b")]).unwrap().unwrap();
    let plugins: Vec<&str> = recorded.iter().map(|run| &*run.plugin).collect();
    assert_eq!(plugins, ["a", "b"]);
    let delivery = found(&ledger, id).await;
    assert_eq!(delivery.state, DeliveryState::Pending);
    assert_eq!(recorded[0].replay_of, Some(delivery.runs[0].id));
    assert_eq!(recorded[1].replay_of, None);
    for plugin in ["a", "b"] {
        done(&ledger, claim_one(&ledger, plugin).await).await;
    }
    assert_eq!(found(&ledger, id).await.state, DeliveryState::Settled);
    check_totals(&folder, &ledger.totals().await.unwrap());
}

#[tokio::test]
async fn what_an_operator_replays_waits_for_a_host() {
    let folder = TempDir::new().unwrap();
    let (ledger, id) = with_one_done(&folder).await;
    ledger.close().await;
    drop(ledger);
    let mut operator = SqliteOperator::open(folder.path()).unwrap();
    operator.replay(id, &[run("a")]).unwrap().unwrap();
    drop(operator);
    let ledger = open(&folder);
    assert_eq!(ledger.last_stop(), LastStop::Clean);
    done(&ledger, claim_one(&ledger, "a").await).await;
    check_totals(&folder, &ledger.totals().await.unwrap());
}

#[tokio::test]
async fn what_an_operator_replays_is_due_at_once_though_the_clock_was_once_ahead() {
    // A host that ended an hour ago, whose wall clock had been set back by three
    let folder = TempDir::new().unwrap();
    let (ledger, id) = with_one_done(&folder).await;
    ledger.close().await;
    drop(ledger);
    let stood_ms = crate::clock::now_ms() + 2 * 60 * 60 * 1000;
    for (key, ms) in [
        ("clock-forward", stood_ms),
        ("clock-ahead", 3 * 60 * 60 * 1000),
    ] {
        file(&folder)
            .execute(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, ms.to_string()),
            )
            .unwrap();
    }
    let mut operator = SqliteOperator::open(folder.path()).unwrap();
    operator.replay(id, &[run("a")]).unwrap().unwrap();
    drop(operator);
    let ledger = open(&folder);
    done(&ledger, claim_one(&ledger, "a").await).await;
}

#[tokio::test]
async fn an_operator_skips_what_is_under_way_and_parks_what_cannot_run() {
    let folder = TempDir::new().unwrap();
    let (ledger, id) = with_one_done(&folder).await;
    let held = plugin("b", PluginState::Held, Some("it wants a host"));
    ledger.put_plugin(held).await.unwrap();
    let mut operator = SqliteOperator::open(folder.path()).unwrap();
    operator.replay(id, &[run("a")]).unwrap().unwrap();
    let recorded = operator.replay(id, &[run("a"), run("b")]).unwrap().unwrap();
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].plugin, "b");
    assert_eq!(recorded[0].reason.as_deref(), Some("held: it wants a host"));
    assert!(
        operator
            .replay(DeliveryId::new(), &[run("a")])
            .unwrap()
            .is_none()
    );
    check_totals(&folder, &ledger.totals().await.unwrap());
}

#[tokio::test]
async fn an_operator_and_a_host_write_in_turns() {
    let folder = TempDir::new().unwrap();
    let (ledger, id) = with_one_done(&folder).await;
    let ledger = Arc::new(ledger);
    let data = folder.path().to_owned();
    let replaying = std::thread::spawn(move || {
        let mut operator = SqliteOperator::open(&data).unwrap();
        for n in 0..50 {
            let plugin = format!("p{n}");
            operator.replay(id, &[run(&plugin)]).unwrap().unwrap();
        }
    });
    for _ in 0..50 {
        record(&*ledger, &["a"]).await;
    }
    replaying.join().unwrap();
    assert_eq!(found(&*ledger, id).await.runs.len(), 51);
    check_totals(&folder, &ledger.totals().await.unwrap());
}

#[tokio::test]
async fn an_operator_is_told_when_another_keeps_the_ledger_locked() {
    let folder = TempDir::new().unwrap();
    let (ledger, id) = with_one_done(&folder).await;
    let mut operator = SqliteOperator::open(folder.path()).unwrap();
    operator.connection.busy_timeout(Duration::ZERO).unwrap();
    let other = stall(&folder);
    let error = operator.replay(id, &[run("a")]).unwrap_err().to_string();
    assert!(
        error.contains("ledger.db") && error.contains("locked"),
        "{error}"
    );
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(found(&ledger, id).await.runs.len(), 1);
    assert_eq!(operator.replay(id, &[run("a")]).unwrap().unwrap().len(), 1);
}

#[tokio::test]
async fn an_operator_makes_no_ledger_and_brings_none_up_to_date() {
    let folder = TempDir::new().unwrap();
    let refused = || match SqliteOperator::open(folder.path()) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    };
    assert!(refused().contains("there is no ledger here"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    drop(open(&folder));
    let older = file(&folder);
    older.pragma_update(None, "user_version", 1).unwrap();
    assert!(refused().contains("its schema is version 1"));
    let found: i64 = older
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(found, 1);
}

#[tokio::test]
async fn an_operators_writes_are_as_durable_as_a_hosts() {
    let folder = TempDir::new().unwrap();
    drop(open(&folder));
    let operator = SqliteOperator::open(folder.path()).unwrap();
    let synchronous: i64 = operator
        .connection
        .pragma_query_value(None, "synchronous", |row| row.get(0))
        .unwrap();
    assert_eq!(synchronous, 2);
}

#[tokio::test]
async fn a_host_that_looks_and_finds_nothing_writes_nothing() {
    let folder = TempDir::new().unwrap();
    let (ledger, _) = with_one_done(&folder).await;
    let written = || {
        ["ledger.db", "ledger.db-wal"].map(|name| {
            let found = folder.path().join(name).metadata().unwrap();
            (found.len(), found.modified().unwrap())
        })
    };
    let (before, commits) = (written(), ledger.commits());
    for _ in 0..20 {
        assert!(claim(&ledger, &["a"], 10).await.is_empty());
        assert_eq!(
            ledger.next_due_ms(vec!["a".to_owned()]).await.unwrap(),
            None
        );
    }
    assert_eq!((written(), ledger.commits()), (before, commits));
}

#[tokio::test]
async fn whoever_waits_for_first_attempts_hears_of_an_operators_pause() {
    let folder = TempDir::new().unwrap();
    let ledger = Arc::new(open(&folder));
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded).await.unwrap();
    let id = record(&*ledger, &["a"]).await;
    let waits = Arc::clone(&ledger);
    let waiting = tokio::spawn(async move { waits.first_attempts(id).await.unwrap() });
    tokio::task::yield_now().await;
    // It has looked once before this is answered, as far as anybody can tell from outside.
    found(&*ledger, id).await;
    assert!(!waiting.is_finished());
    let mut operator = SqliteOperator::open(folder.path()).unwrap();
    assert_eq!(operator.pause("a", "ann").unwrap(), Switched::Now);
    let soon = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert_eq!(soon.unwrap().unwrap()[0].gate, Gate::Parked);
}
