//! When the store cannot write: who is told what, and what is kept.

use super::*;

#[tokio::test]
async fn a_bad_item_fails_alone_and_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let ledger = Arc::new(open(&folder));
    let first = delivery();
    ledger.record(first.clone(), vec![]).await.unwrap();
    let before = ledger.commits();
    let other = stall(&folder);
    let bad = crate::delivery::NewDelivery {
        hub_id: Some("other".to_owned()),
        ..first
    };
    let spawn = |new| {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move { ledger.record(new, vec![run("a")]).await })
    };
    let stalled = spawn(delivery());
    tokio::task::yield_now().await;
    until_queued(&ledger, 0).await;
    let recording = [spawn(delivery()), spawn(bad), spawn(delivery())];
    until_queued(&ledger, 3).await;
    other.execute_batch("COMMIT").unwrap();
    stalled.await.unwrap().unwrap();
    let [good, bad, also_good] = recording;
    good.await.unwrap().unwrap();
    let refused = bad.await.unwrap();
    assert!(
        matches!(refused, Err(LedgerError::Unavailable { .. })),
        "{refused:?}"
    );
    also_good.await.unwrap().unwrap();
    assert_eq!(ledger.commits() - before, 2);
    ledger.check_writable().await.unwrap();
    let remembered: i64 = file(&folder)
        .query_row(
            "SELECT count(*) FROM dedup WHERE hub_id = 'other'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(remembered, 0);
    check_totals(&folder, &ledger.totals().await.unwrap());
}

/// Holds the file to its size until the number of pages is let grow again.
async fn limit_pages(ledger: &SqliteLedger, pages: i64) {
    let set = move |tx: &mut Tx<'_>| {
        let set = tx
            .connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| {
                row.get::<_, i64>(0)
            });
        Ok(set?)
    };
    ledger.shared.work(set).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_deliveries_until_there_is_room() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let id = record(&ledger, &["a"]).await;
    let held = claim_one(&ledger, "a").await;
    ledger.check_writable().await.unwrap();
    limit_pages(&ledger, 1).await;
    let refused = loop {
        if let Err(error) = ledger.record(delivery(), vec![run("a")]).await {
            break error.to_string();
        }
    };
    assert!(
        refused.contains("ledger.db") && refused.contains("make room"),
        "{refused}"
    );
    assert!(ledger.failure().borrow().is_none());

    // A settlement waits for room: its attempt must not count as lost.
    let settling = settle(&ledger, held, Outcome::Done, Settlement::Done);
    let make_room = async {
        limit_pages(&ledger, 100_000).await;
        record(&ledger, &[]).await;
    };
    let (settled, ()) = tokio::join!(settling, make_room);
    assert!(matches!(settled, crate::ledger::Settled::Yes));
    assert_eq!(found(&ledger, id).await.runs[0].state, RunState::Done);
    ledger.check_writable().await.unwrap();
    check_totals(&folder, &ledger.totals().await.unwrap());
}

#[tokio::test]
async fn a_store_that_cannot_write_is_unready_until_it_can() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let full = |_: &mut Tx<'_>| Err::<(), _>(Fault::Passing("full".to_owned()));
    assert!(ledger.shared.work(full).await.is_err());
    let standing = ledger.shared.health.standing();
    assert!(matches!(standing, Standing::Try(_)));
    // Whoever asks again before that was tried is told what is known
    let refused = ledger.check_writable().await.unwrap_err();
    assert!(refused.to_string().contains("full"), "{refused}");
    assert!(ledger.shared.work(meta::probe).await.is_ok());
    ledger.check_writable().await.unwrap();
}

#[tokio::test]
async fn a_store_that_failed_is_never_asked_again() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let id = record(&ledger, &["a"]).await;
    let mut failure = ledger.failure();
    let broken = |_: &mut Tx<'_>| {
        Err::<(), _>(Fault::from(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC),
            None,
        )))
    };
    let refused = ledger.shared.work(broken).await;
    assert!(
        matches!(refused, Err(LedgerError::Failed { .. })),
        "{refused:?}"
    );
    failure.changed().await.unwrap();
    let reason = failure.borrow().clone().unwrap();
    assert!(
        reason.contains("ledger.db") && reason.contains("check the disk"),
        "{reason}"
    );
    let refused = ledger.record(delivery(), vec![]).await;
    assert!(
        matches!(refused, Err(LedgerError::Failed { .. })),
        "{refused:?}"
    );
    assert!(matches!(
        ledger.delivery(id).await,
        Err(LedgerError::Failed { .. })
    ));
    assert!(matches!(
        ledger.first_attempts(id).await,
        Err(LedgerError::Failed { .. })
    ));
    assert!(matches!(
        ledger.check_writable().await,
        Err(LedgerError::Failed { .. })
    ));
}

#[tokio::test]
async fn a_body_that_changed_on_disk_is_not_handed_out() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let id = record(&ledger, &["a"]).await;
    let held = claim_one(&ledger, "a").await;
    file(&folder)
        .execute("UPDATE payloads SET body = zeroblob(length(body))", [])
        .unwrap();
    // The first attempt has what was received; whoever comes later has what the file holds.
    assert!(ledger.payload(&held).await.unwrap().is_some());
    assert!(ledger.payload(&held).await.unwrap().is_none());
    assert!(matches!(
        ledger.delivery(id).await,
        Err(LedgerError::Failed { .. })
    ));
    record(&ledger, &[]).await;
}

#[tokio::test]
async fn a_run_without_its_delivery_does_not_keep_others_from_being_claimed() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    record(&ledger, &["a"]).await;
    record(&ledger, &["a", "b"]).await;
    file(&folder)
        .execute("DELETE FROM deliveries WHERE seq = 1", [])
        .unwrap();
    let claims = claim(&ledger, &["a", "b"], 9).await;
    let names: Vec<_> = claims.iter().map(|claim| &claim.facts().plugin).collect();
    assert_eq!(names, ["b", "a"]);
    let (state, attempts): (String, u32) = file(&folder)
        .query_row(
            "SELECT state, (SELECT count(*) FROM attempts WHERE run = 1) FROM runs WHERE seq = 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!((state.as_str(), attempts), ("dead", 0));
}

#[tokio::test]
async fn an_attempt_that_waits_to_be_written_down_is_not_lost_however_long_it_waits() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    record(&ledger, &["a"]).await;
    let held = claim_briefly(&ledger, "a").await;
    let ending = ledger.shared.ending.enter(held[0].run_seq);
    assert!(claim(&ledger, &["a"], 9).await.is_empty());
    drop(ending);
    assert_eq!(claim_one(&ledger, "a").await.facts().n, 2);
}
