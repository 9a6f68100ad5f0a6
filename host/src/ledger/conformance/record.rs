//! Recording: durable, once, and found again.

use super::{DAY_MS, Place, claim, claim_one, dead, delivery, delivery_with, found, record, run};
use crate::delivery::{DeliveryId, DeliveryState, NewDelivery};
use crate::ledger::{DeliveryFilter, Recording};

pub async fn a_recorded_delivery_is_there_after_a_restart(place: &dyn Place) {
    let ledger = place.open().await;
    let large = "x".repeat(100_000);
    let new = delivery_with(DeliveryId::new(), large);
    ledger.record(new.clone(), vec![run("a")]).await.unwrap();
    ledger.close().await;
    drop(ledger);

    let ledger = place.open().await;
    let kept = found(&*ledger, new.id).await;
    let payload = kept.payload.unwrap();
    assert_eq!(payload.body, new.body);
    assert_eq!(payload.headers, new.headers);
    assert_eq!(kept.state, DeliveryState::Pending);
    assert_eq!(kept.hub_id, new.hub_id);
    assert_eq!(kept.webhook_id.as_deref(), Some("w1"));
    assert_eq!(kept.repo_name.as_deref(), Some("org/model"));
    assert_eq!(kept.received_ms, new.received_ms);
    let claim = claim_one(&*ledger, "a").await;
    assert_eq!(
        ledger.payload(&claim).await.unwrap().unwrap().body,
        new.body
    );
}

pub async fn a_delivery_without_runs_is_settled_at_once(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &[]).await;
    assert_eq!(found(&*ledger, id).await.state, DeliveryState::Settled);
    assert!(ledger.first_attempts(id).await.unwrap().is_empty());
}

pub async fn a_duplicate_is_counted_where_it_came_first(place: &dyn Place) {
    let ledger = place.open().await;
    let first = delivery();
    ledger.record(first.clone(), vec![run("a")]).await.unwrap();
    for _ in 0..2 {
        let again = NewDelivery {
            id: DeliveryId::new(),
            ..first.clone()
        };
        let recording = ledger.record(again, vec![run("a")]).await.unwrap();
        assert_eq!(recording, duplicate_of(first.id));
    }
    let kept = found(&*ledger, first.id).await;
    assert_eq!((kept.duplicates, kept.runs.len()), (2, 1));
    let all = ledger.deliveries(DeliveryFilter::default()).await.unwrap();
    assert_eq!(all.len(), 1);
}

pub async fn the_same_id_with_another_body_is_its_own_delivery(place: &dyn Place) {
    let ledger = place.open().await;
    let mut ids = Vec::new();
    for (body, reused) in [("one", false), ("two", true), ("three", true)] {
        let mut new = delivery_with(DeliveryId::new(), body);
        new.hub_id = Some("same".to_owned());
        ids.push(new.id);
        match ledger.record(new, vec![]).await.unwrap() {
            Recording::Recorded(recorded) => assert_eq!(recorded.hub_id_reused(), reused),
            duplicate @ Recording::Duplicate { .. } => panic!("{duplicate:?}"),
        }
    }
    let mut again = delivery_with(DeliveryId::new(), "two");
    again.hub_id = Some("same".to_owned());
    let recording = ledger.record(again, vec![]).await.unwrap();
    assert_eq!(recording, duplicate_of(ids[1]));
}

pub async fn the_same_id_on_another_path_is_its_own_delivery(place: &dyn Place) {
    let ledger = place.open().await;
    let first = delivery();
    ledger.record(first.clone(), vec![]).await.unwrap();
    let other = NewDelivery {
        id: DeliveryId::new(),
        path: "/webhooks/other".to_owned(),
        ..first
    };
    match ledger.record(other, vec![]).await.unwrap() {
        Recording::Recorded(recorded) => assert!(!recorded.hub_id_reused()),
        duplicate @ Recording::Duplicate { .. } => panic!("{duplicate:?}"),
    }
}

pub async fn a_duplicate_outside_the_window_is_a_new_delivery(place: &dyn Place) {
    let ledger = place.open().await;
    let first = delivery();
    ledger.record(first.clone(), vec![]).await.unwrap();
    let after = |ms| NewDelivery {
        id: DeliveryId::new(),
        received_ms: first.received_ms + ms,
        ..first.clone()
    };
    let within = ledger.record(after(7 * DAY_MS - 1), vec![]).await.unwrap();
    assert_eq!(within, duplicate_of(first.id));
    let new = after(7 * DAY_MS);
    match ledger.record(new.clone(), vec![]).await.unwrap() {
        Recording::Recorded(recorded) => assert!(!recorded.hub_id_reused()),
        duplicate @ Recording::Duplicate { .. } => panic!("{duplicate:?}"),
    }
    let later = ledger.record(after(8 * DAY_MS), vec![]).await.unwrap();
    assert_eq!(later, duplicate_of(new.id));
}

pub async fn a_delivery_without_an_id_is_never_a_duplicate(place: &dyn Place) {
    let ledger = place.open().await;
    for _ in 0..2 {
        let mut new = delivery_with(DeliveryId::new(), "same");
        new.hub_id = None;
        let recording = ledger.record(new, vec![]).await.unwrap();
        assert!(matches!(recording, Recording::Recorded(_)));
    }
}

pub async fn deliveries_are_listed_newest_first_and_filtered(place: &dyn Place) {
    let ledger = place.open().await;
    let mut ids = Vec::new();
    for (scope, repo, plugins) in [
        ("repo", "org/one", &["a"][..]),
        ("repo.content", "org/two", &["a", "b"]),
        ("repository", "org/two", &["b"]),
        ("discussion", "org/one", &[]),
    ] {
        let mut new = delivery();
        new.event.scope = scope.to_owned();
        new.event.repo.as_mut().unwrap().name = Some(repo.to_owned());
        new.received_ms = 1_000 * (ids.len() as u64 + 1);
        ids.push(new.id);
        let runs = plugins.iter().map(|plugin| run(plugin)).collect();
        ledger.record(new, runs).await.unwrap();
    }
    dead(&*ledger, claim(&*ledger, &["a"], 1).await.remove(0)).await;
    let all = DeliveryFilter::default;
    let check = async |filter: DeliveryFilter, expected: &[usize]| {
        let shown = format!("{filter:?}");
        let found = ledger.deliveries(filter).await.unwrap();
        let found: Vec<_> = found.iter().map(|delivery| delivery.id).collect();
        let expected: Vec<_> = expected.iter().map(|at| ids[*at]).collect();
        assert_eq!(found, expected, "{shown}");
    };
    let state = |state| DeliveryFilter {
        state: Some(state),
        ..all()
    };
    let scope = |scope: &str| DeliveryFilter {
        scope: Some(scope.to_owned()),
        ..all()
    };
    check(all(), &[3, 2, 1, 0]).await;
    check(
        DeliveryFilter {
            limit: Some(2),
            ..all()
        },
        &[3, 2],
    )
    .await;
    check(state(DeliveryState::Dead), &[0]).await;
    check(state(DeliveryState::Pending), &[2, 1]).await;
    check(state(DeliveryState::Settled), &[3]).await;
    check(scope("repo"), &[1, 0]).await;
    check(scope("repo.content"), &[1]).await;
    check(
        DeliveryFilter {
            plugin: Some("b".to_owned()),
            ..all()
        },
        &[2, 1],
    )
    .await;
    check(
        DeliveryFilter {
            repo: Some("org/one".to_owned()),
            ..all()
        },
        &[3, 0],
    )
    .await;
    check(
        DeliveryFilter {
            since_ms: Some(2_000),
            ..all()
        },
        &[3, 2, 1],
    )
    .await;
    let both = DeliveryFilter {
        plugin: Some("a".to_owned()),
        ..state(DeliveryState::Pending)
    };
    check(both, &[1]).await;
    let listed = ledger.deliveries(all()).await.unwrap();
    assert_eq!(listed[3].runs[0].attempts.len(), 1);
    assert_eq!(listed[2].runs.len(), 2);
    assert!(listed[3].payload.is_none());
}

fn duplicate_of(first: DeliveryId) -> Recording {
    Recording::Duplicate {
        first,
        again: Vec::new(),
    }
}
