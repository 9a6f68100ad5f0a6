//! Lists in parts: all of it, once, within bounds.

use super::*;
use crate::ledger::conformance::{claim_one, delivery_with, done};
use crate::ledger::{Page, RunFilter};

/// Reads a list to its end; returns how many were in each part, and all of them.
async fn parts<T, Id>(
    mut part: impl AsyncFnMut(Option<Id>) -> Page<T, Id>,
) -> (Vec<usize>, Vec<T>) {
    let (mut lengths, mut all, mut before) = (Vec::new(), Vec::new(), None);
    loop {
        let page = part(before).await;
        lengths.push(page.items.len());
        all.extend(page.items);
        before = page.next;
        if before.is_none() {
            return (lengths, all);
        }
    }
}

async fn deliveries(
    ledger: &SqliteLedger,
    filter: &DeliveryFilter,
) -> (Vec<usize>, Vec<DeliveryId>) {
    let part = async |before| {
        let page = ledger.delivery_page(filter.clone(), before).await;
        page.unwrap().unwrap()
    };
    let (lengths, all) = parts(part).await;
    (
        lengths,
        all.into_iter().map(|delivery| delivery.id).collect(),
    )
}

fn limit(limit: usize) -> DeliveryFilter {
    DeliveryFilter {
        limit: Some(limit),
        ..DeliveryFilter::default()
    }
}

#[tokio::test]
async fn few_that_match_are_found_in_many_without_one_long_look() {
    // Given 120,000 deliveries, of which the oldest and the newest are about a repo
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    file(&folder)
        .execute_batch(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120000)
             INSERT INTO deliveries
             (id, path, scope, action, repo_name, received_ms, body_sha256, body_bytes, state)
             SELECT printf('01990f5e-7c1e-7a43-9d3c-%012d', n), '/webhooks', 'repo', 'create',
                    iif(n IN (1, 120000), 'a/b', NULL), n * 1000, zeroblob(32), 0, 'settled' FROM n",
        )
        .unwrap();
    // When those are asked for, then they are found, and each look at 50,000 rows is a part
    let filter = DeliveryFilter {
        repo: Some("a/b".to_owned()),
        ..limit(10)
    };
    let (lengths, found) = deliveries(&ledger, &filter).await;
    assert_eq!(lengths, [1, 0, 1]);
    let ids = found.iter().map(ToString::to_string);
    let numbers: Vec<String> = ids
        .map(|id| id[24..].trim_start_matches('0').to_owned())
        .collect();
    assert_eq!(numbers, ["120000", "1"]);
    // And of a time, what is long before it is not looked at
    let filter = DeliveryFilter {
        since_ms: Some(119_990_000),
        ..limit(100)
    };
    assert_eq!(deliveries(&ledger, &filter).await.0, [11, 0]);
}

#[tokio::test]
async fn a_part_holds_no_more_bytes_than_a_host_can_spare() {
    // Given six deliveries whose runs said 2 MiB each
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    for _ in 0..6 {
        record(&ledger, &["a"]).await;
        done(&ledger, claim_one(&ledger, "a").await).await;
    }
    file(&folder)
        .execute("UPDATE attempts SET output = hex(zeroblob(1048576))", [])
        .unwrap();
    // When they are listed, then in parts of a little over 8 MiB
    assert_eq!(deliveries(&ledger, &limit(50)).await.0, [5, 1]);
    let part = async |before| {
        let page = ledger.run_page(RunFilter::default(), 50, before).await;
        page.unwrap().unwrap()
    };
    assert_eq!(parts(part).await.0, [5, 1]);
}

#[tokio::test]
async fn runs_are_found_by_id_and_listed_by_plugin_and_state() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let first = record(&ledger, &["a", "b"]).await;
    done(&ledger, claim_one(&ledger, "a").await).await;
    let second = record(&ledger, &["a"]).await;
    let listed = async |plugin: Option<&str>, state, limit| {
        let filter = RunFilter {
            plugin: plugin.map(str::to_owned),
            state,
        };
        let part = async |before| {
            let page = ledger.run_page(filter.clone(), limit, before).await;
            page.unwrap().unwrap()
        };
        parts(part).await.1
    };
    let all = listed(None, None, 2).await;
    let shown: Vec<_> = all
        .iter()
        .map(|entry| (entry.delivery, &*entry.run.plugin))
        .collect();
    assert_eq!(shown, [(second, "a"), (first, "b"), (first, "a")]);
    assert_eq!(listed(Some("a"), None, 50).await.len(), 2);
    assert_eq!(listed(Some("a"), Some(RunState::Done), 50).await.len(), 1);
    let done = &all[2];
    let run = ledger.run(done.run.id).await.unwrap().unwrap();
    assert_eq!((run.delivery, run.run.attempts.len()), (first, 1));
    assert!(ledger.run(RunId::new()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_list_of_nothing_ends_and_one_before_nothing_is_told() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    assert_eq!(deliveries(&ledger, &limit(1)).await.0, [0]);
    let before = Some(delivery_with(DeliveryId::new(), "{}").id);
    let page = ledger.delivery_page(limit(1), before).await.unwrap();
    assert!(page.is_none());
    let page = ledger
        .run_page(RunFilter::default(), 1, Some(RunId::new()))
        .await;
    assert!(page.unwrap().is_none());
}
