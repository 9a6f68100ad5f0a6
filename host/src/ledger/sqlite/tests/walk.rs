//! Walking the ledger: all of it, in order, beside whoever writes.

use super::*;
use crate::delivery::DeliveryState;
use crate::ledger::conformance::delivery_with;

fn ids(walk: Walk<'_>) -> Vec<DeliveryId> {
    walk.map(|walked| walked.unwrap().delivery.id).collect()
}

#[tokio::test]
async fn more_deliveries_than_one_step_looks_at_are_walked_in_order() {
    // Given more deliveries than fit into one step, one in a thousand with a run
    let folder = TempDir::new().unwrap();
    let ledger = Arc::new(open(&folder));
    let (mut all, mut with_runs) = (Vec::new(), Vec::new());
    let mut recording = Vec::new();
    for n in 0..5000 {
        let runs = if n % 1000 == 999 {
            vec![run("a")]
        } else {
            vec![]
        };
        let delivery = delivery();
        all.push(delivery.id);
        if !runs.is_empty() {
            with_runs.push(delivery.id);
        }
        let ledger = Arc::clone(&ledger);
        recording.push(tokio::spawn(
            async move { ledger.record(delivery, runs).await },
        ));
        if recording.len() == 500 {
            for recorded in recording.drain(..) {
                recorded.await.unwrap().unwrap();
            }
        }
    }
    let reader = SqliteReader::open(folder.path()).unwrap();
    // When all are walked, then all come, oldest first
    let walk = reader.walk(DeliveryFilter::default()).unwrap();
    assert_eq!(ids(walk), all);
    // And when few match, then those that lie far apart are found
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Pending),
        ..DeliveryFilter::default()
    };
    assert_eq!(ids(reader.walk(filter).unwrap()), with_runs);
    let filter = DeliveryFilter {
        plugin: Some("a".to_owned()),
        ..DeliveryFilter::default()
    };
    assert_eq!(ids(reader.walk(filter).unwrap()), with_runs);
}

#[tokio::test]
async fn a_walk_ends_where_the_ledger_ended_when_it_began() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let reader = SqliteReader::open(folder.path()).unwrap();
    assert_eq!(reader.walk(DeliveryFilter::default()).unwrap().count(), 0);
    let first = record(&ledger, &[]).await;
    let walk = reader.walk(DeliveryFilter::default()).unwrap();
    record(&ledger, &[]).await;
    assert_eq!(ids(walk), [first]);
}

#[tokio::test]
async fn a_walk_keeps_no_write_from_the_file() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    for _ in 0..3 {
        record(&ledger, &["a"]).await;
    }
    let reader = SqliteReader::open(folder.path()).unwrap();
    let mut walk = reader.walk(DeliveryFilter::default()).unwrap();
    walk.next().unwrap().unwrap();
    // Between two steps the whole log of writes can be copied into the file and emptied.
    record(&ledger, &["a"]).await;
    let busy: i64 = file(&folder)
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(busy, 0);
    assert_eq!(walk.count(), 2);
}

#[tokio::test]
async fn a_damaged_payload_is_told_and_the_walk_goes_on() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    for _ in 0..2 {
        let delivery = delivery_with(DeliveryId::new(), "{}");
        ledger.record(delivery, vec![]).await.unwrap();
    }
    file(&folder)
        .execute("UPDATE payloads SET body = x'5b5d' WHERE seq = 1", [])
        .unwrap();
    let reader = SqliteReader::open(folder.path()).unwrap();
    let walk = reader.walk(DeliveryFilter::default()).unwrap();
    let walked: Vec<Walked> = walk.map(|walked| walked.unwrap()).collect();
    let damage = walked[0].damage.as_deref().unwrap();
    assert!(damage.contains("SHA-256 differs"), "{damage}");
    assert!(walked[0].delivery.payload.is_none());
    assert!(walked[1].damage.is_none() && walked[1].delivery.payload.is_some());
}
