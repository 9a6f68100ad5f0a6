//! Groups: what is committed together, and what happens at their bounds.

use super::*;

#[tokio::test]
async fn what_waits_together_is_committed_together() {
    let folder = TempDir::new().unwrap();
    let ledger = Arc::new(open(&folder));
    let before = ledger.commits();
    let other = stall(&folder);
    let spawn = || {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move { record(&*ledger, &["a"]).await })
    };
    let mut recording = vec![spawn()];
    tokio::task::yield_now().await;
    until_queued(&ledger, 0).await;
    recording.extend((0..63).map(|_| spawn()));
    until_queued(&ledger, 63).await;
    other.execute_batch("COMMIT").unwrap();
    for recorded in recording {
        recorded.await.unwrap();
    }
    assert_eq!(ledger.commits() - before, 2);
}

#[tokio::test]
async fn a_full_queue_refuses_deliveries_at_once_and_other_work_goes_on() {
    let folder = TempDir::new().unwrap();
    let options = SqliteOptions {
        queue_max: 2,
        group_max: 1,
        ..SqliteOptions::default()
    };
    let ledger =
        Arc::new(SqliteLedger::open(folder.path(), options, WriterMetrics::default()).unwrap());
    let other = stall(&folder);
    let spawn = || {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move { record(&*ledger, &["a"]).await })
    };
    let mut recording = vec![spawn()];
    tokio::task::yield_now().await;
    until_queued(&ledger, 0).await;
    recording.extend([spawn(), spawn()]);
    until_queued(&ledger, 2).await;
    let refused = ledger.record(delivery(), vec![]).await;
    assert!(matches!(refused, Err(LedgerError::Busy)), "{refused:?}");
    let claiming = Arc::clone(&ledger);
    let claiming = tokio::spawn(async move { claim(&*claiming, &["a"], 9).await });
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    for recorded in recording {
        recorded.await.unwrap();
    }
    claiming.await.unwrap();
    record(&*ledger, &[]).await;
}

#[tokio::test]
async fn a_closed_ledger_refuses_work_and_leaves_nobody_waiting() {
    let folder = TempDir::new().unwrap();
    let ledger = Arc::new(open(&folder));
    let id = record(&*ledger, &["a"]).await;
    let waits = Arc::clone(&ledger);
    let waiting = tokio::spawn(async move { waits.first_attempts(id).await });
    ledger.close().await;
    assert!(matches!(
        waiting.await.unwrap(),
        Err(LedgerError::Unavailable { .. })
    ));
    let refused = ledger.record(delivery(), vec![]).await;
    assert!(
        matches!(refused, Err(LedgerError::Unavailable { .. })),
        "{refused:?}"
    );
    let refused = ledger.resume("a".to_owned()).await;
    assert!(
        matches!(refused, Err(LedgerError::Unavailable { .. })),
        "{refused:?}"
    );
}
