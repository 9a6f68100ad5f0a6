//! A plugin's state: what is written with a settlement, what a settlement conflicts with, and what there is room for.

use super::{Place, again, attempt, claim, claim_one, only_run, record, settle};
use crate::delivery::{Counts, Outcome, RunState, Settlement};
use crate::ledger::{Claim, Ledger, Settled, StateChanges, StateQuota, StateUsage};
use std::time::Duration;

/// A key and its new value, of so many bytes.
fn put(key: &str, bytes: usize) -> (String, Option<Vec<u8>>) {
    (key.to_owned(), Some(vec![b'x'; bytes]))
}

fn delete(key: &str) -> (String, Option<Vec<u8>>) {
    (key.to_owned(), None)
}

fn writing(writes: impl Into<Vec<(String, Option<Vec<u8>>)>>) -> StateChanges {
    StateChanges {
        writes: writes.into(),
        ..StateChanges::default()
    }
}

/// Settles a claim of an attempt that is done.
async fn settle_done(ledger: &dyn Ledger, claim: Claim, changes: StateChanges) -> Settled {
    ledger
        .settle(claim, Settlement::Done, attempt(Outcome::Done), changes)
        .await
        .unwrap()
}

/// Has an attempt of `a` be made and settled; whether that took effect.
async fn write(ledger: &dyn Ledger, changes: StateChanges) -> bool {
    record(ledger, &["a"]).await;
    let held = claim_one(ledger, "a").await;
    match settle_done(ledger, held, changes).await {
        Settled::Yes => true,
        Settled::Stale => panic!("it is held"),
        Settled::Conflict(claim) => {
            ledger.give_back(*claim).await.unwrap();
            let held = claim_one(ledger, "a").await;
            settle(ledger, held, Outcome::Done, Settlement::Done).await;
            false
        }
    }
}

async fn usage(ledger: &dyn Ledger) -> (u64, u64) {
    let StateUsage { bytes, keys } = ledger.state_usage("a").await.unwrap();
    (bytes, keys)
}

pub async fn state_is_written_with_its_settlement_only(place: &dyn Place) {
    let ledger = place.open().await;
    let writes = |value: u8| StateChanges {
        writes: vec![("key".to_owned(), Some(vec![value]))],
        ..StateChanges::default()
    };
    for (outcome, settlement, expected) in [
        (Outcome::Retry, again(Duration::ZERO, Counts::Yes), None),
        (Outcome::Done, Settlement::Done, Some(vec![2])),
    ] {
        if expected.is_none() {
            record(&*ledger, &["a"]).await;
        }
        let held = claim_one(&*ledger, "a").await;
        let value = expected.clone().map_or(1, |value| value[0]);
        ledger
            .settle(held, settlement, attempt(outcome), writes(value))
            .await
            .unwrap();
        let kept = ledger.state("a", "key").await.unwrap();
        assert_eq!(kept.map(|kept| kept.value), expected, "after {outcome}");
    }
    assert_eq!(ledger.state("b", "key").await.unwrap(), None);
}

pub async fn a_settlement_conflicts_when_what_it_read_has_changed(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    record(&*ledger, &["a"]).await;
    let changes = |version, value| StateChanges {
        reads: vec![("key".to_owned(), version)],
        writes: vec![("key".to_owned(), Some(vec![value]))],
        ..StateChanges::default()
    };
    let mut claims = claim(&*ledger, &["a"], 2).await;
    let (second, first) = (claims.remove(1), claims.remove(0));
    let settled = ledger
        .settle(
            second,
            Settlement::Done,
            attempt(Outcome::Done),
            changes(0, 1),
        )
        .await
        .unwrap();
    assert!(matches!(settled, Settled::Yes));
    let settled = ledger
        .settle(
            first,
            Settlement::Done,
            attempt(Outcome::Done),
            changes(0, 2),
        )
        .await
        .unwrap();
    let Settled::Conflict(claim) = settled else {
        panic!("{settled:?}")
    };
    assert_eq!(
        ledger.state("a", "key").await.unwrap().unwrap().value,
        vec![1]
    );
    assert_eq!(only_run(&*ledger, id).await.state, RunState::Running);
    let at_once = again(Duration::ZERO, Counts::No);
    settle(&*ledger, *claim, Outcome::Conflict, at_once).await;
    let held = claim_one(&*ledger, "a").await;
    assert_eq!((held.facts().n, held.facts().counted), (2, 1));
    let version = ledger.state("a", "key").await.unwrap().unwrap().version;
    let settled = ledger
        .settle(
            held,
            Settlement::Done,
            attempt(Outcome::Done),
            changes(version, 2),
        )
        .await
        .unwrap();
    assert!(matches!(settled, Settled::Yes));
}

pub async fn a_key_written_again_after_its_deletion_has_a_new_version(place: &dyn Place) {
    let ledger = place.open().await;
    let mut versions = Vec::new();
    for value in [Some(vec![1]), None, Some(vec![1])] {
        record(&*ledger, &["a"]).await;
        let held = claim_one(&*ledger, "a").await;
        let changes = StateChanges {
            writes: vec![("key".to_owned(), value)],
            ..StateChanges::default()
        };
        ledger
            .settle(held, Settlement::Done, attempt(Outcome::Done), changes)
            .await
            .unwrap();
        let kept = ledger.state("a", "key").await.unwrap();
        versions.push(kept.map(|kept| kept.version));
    }
    assert!(versions[0] >= Some(1));
    assert_eq!(versions[1], None);
    assert!(versions[2] > versions[0]);
}

pub async fn state_is_kept_of_a_rejection_and_of_no_failure(place: &dyn Place) {
    let ledger = place.open().await;
    let dead = || Settlement::Dead {
        reason: "it is over".to_owned(),
    };
    for (outcome, settlement, expected) in [
        (Outcome::Done, Settlement::Done, true),
        (Outcome::Ignored, Settlement::Ignored, true),
        (Outcome::Rejected, dead(), true),
        (Outcome::Retry, dead(), false),
        (Outcome::TimedOut, dead(), false),
        (Outcome::Trapped, dead(), false),
        (Outcome::OutOfFuel, dead(), false),
        (Outcome::OutOfMemory, dead(), false),
    ] {
        record(&*ledger, &["a"]).await;
        let held = claim_one(&*ledger, "a").await;
        let changes = writing([put(outcome.as_str(), 1)]);
        let settled = ledger.settle(held, settlement, attempt(outcome), changes);
        assert!(matches!(settled.await.unwrap(), Settled::Yes), "{outcome}");
        let kept = ledger.state("a", outcome.as_str()).await.unwrap();
        assert_eq!(kept.is_some(), expected, "{outcome}");
    }
    // What a failed attempt read may change before it settles: it is made again anyway.
    record(&*ledger, &["a"]).await;
    let held = claim_one(&*ledger, "a").await;
    let changes = StateChanges {
        reads: vec![("done".to_owned(), 99)],
        ..StateChanges::default()
    };
    let settled = ledger.settle(held, dead(), attempt(Outcome::Retry), changes);
    assert!(matches!(settled.await.unwrap(), Settled::Yes));
}

pub async fn a_settlement_conflicts_when_keys_came_or_went_since_it_listed_them(place: &dyn Place) {
    let ledger = place.open().await;
    assert!(write(&*ledger, writing([put("gone", 1)])).await);
    for changed in [vec![put("new", 1)], vec![delete("gone")]] {
        // Given an attempt that listed all keys
        record(&*ledger, &["a"]).await;
        let lister = claim_one(&*ledger, "a").await;
        let seen = ledger.state_keys("a", "", 9).await.unwrap();
        let listed = || StateChanges {
            listed: Some(seen.version),
            ..StateChanges::default()
        };
        // When another one adds a key, or deletes one, then the first cannot be settled, though it read none of them
        assert!(write(&*ledger, writing(changed)).await);
        let settled = settle_done(&*ledger, lister, listed()).await;
        let Settled::Conflict(lister) = settled else {
            panic!("{settled:?}")
        };
        // Unless it had listed the keys that there are now
        let seen = ledger.state_keys("a", "", 9).await.unwrap();
        let listed = StateChanges {
            listed: Some(seen.version),
            ..StateChanges::default()
        };
        let settled = settle_done(&*ledger, *lister, listed).await;
        assert!(matches!(settled, Settled::Yes));
    }
}

pub async fn a_listing_does_not_conflict_with_another_value_of_a_key(place: &dyn Place) {
    let ledger = place.open().await;
    assert!(write(&*ledger, writing([put("key", 1)])).await);
    record(&*ledger, &["a"]).await;
    let lister = claim_one(&*ledger, "a").await;
    let seen = ledger.state_keys("a", "", 9).await.unwrap();
    assert!(write(&*ledger, writing([put("key", 2), delete("absent")])).await);
    let listed = StateChanges {
        listed: Some(seen.version),
        ..StateChanges::default()
    };
    let settled = settle_done(&*ledger, lister, listed).await;
    assert!(matches!(settled, Settled::Yes), "{settled:?}");
}

pub async fn keys_are_listed_in_parts_in_the_order_of_their_bytes(place: &dyn Place) {
    let ledger = place.open().await;
    let keys = ["b", "a", "\u{e4}", "B", "a/1", "Z"];
    assert!(write(&*ledger, writing(keys.map(|key| put(key, 1)))).await);
    let part = async |after: &str, limit| {
        let found = ledger.state_keys("a", after, limit).await.unwrap();
        found.keys.join(" ")
    };
    assert_eq!(part("", 9).await, "B Z a a/1 b \u{e4}");
    assert_eq!(part("", 2).await, "B Z");
    assert_eq!(part("Z", 2).await, "a a/1");
    // The one to go on after need not be there.
    assert_eq!(part("a/", 9).await, "a/1 b \u{e4}");
    assert_eq!(part("\u{e4}", 9).await, "");
    let others = ledger.state_keys("b", "", 9).await.unwrap();
    assert_eq!((others.keys.len(), others.version), (0, 0));
}

pub async fn how_much_state_there_is_follows_what_is_written(place: &dyn Place) {
    let ledger = place.open().await;
    assert_eq!(usage(&*ledger).await, (0, 0));
    for (changes, expected) in [
        (vec![put("key", 10)], (13, 1)),
        (vec![put("key", 4), put("other", 0)], (12, 2)),
        (vec![delete("absent")], (12, 2)),
        (vec![delete("key"), put("\u{e4}", 1)], (8, 2)),
        (vec![delete("other"), delete("\u{e4}")], (0, 0)),
    ] {
        assert!(write(&*ledger, writing(changes)).await);
        assert_eq!(usage(&*ledger).await, expected);
    }
    assert!(write(&*ledger, writing([put("key", 10)])).await);
    // Nobody else's counts, and it is as it was after a restart.
    let of_other = ledger.state_usage("b").await.unwrap();
    assert_eq!(of_other, StateUsage::default());
    ledger.close().await;
    drop(ledger);
    let ledger = place.open().await;
    assert_eq!(usage(&*ledger).await, (13, 1));
}

pub async fn a_settlement_conflicts_when_there_is_no_room_for_what_it_writes(place: &dyn Place) {
    let ledger = place.open().await;
    let within = |bytes, keys, writes: Vec<_>| StateChanges {
        quota: StateQuota { bytes, keys },
        ..writing(writes)
    };
    assert!(write(&*ledger, within(10, 2, vec![put("a", 8)])).await);
    assert!(!write(&*ledger, within(10, 2, vec![put("b", 1)])).await);
    assert!(!write(&*ledger, within(99, 2, vec![put("b", 1), put("c", 1)])).await);
    // Nothing of what did not fit is there.
    assert_eq!(usage(&*ledger).await, (9, 1));
    assert_eq!(ledger.state("a", "b").await.unwrap(), None);
    // What is freed by the same settlement counts.
    assert!(write(&*ledger, within(10, 1, vec![delete("a"), put("b", 9)])).await);
    assert_eq!(usage(&*ledger).await, (10, 1));
}

pub async fn state_over_a_lowered_quota_may_shrink(place: &dyn Place) {
    let ledger = place.open().await;
    let full = writing([put("a", 9), put("b", 9), put("c", 9)]);
    assert!(write(&*ledger, full).await);
    let lowered = |writes: Vec<_>| StateChanges {
        quota: StateQuota { bytes: 5, keys: 1 },
        ..writing(writes)
    };
    assert!(!write(&*ledger, lowered(vec![put("d", 0)])).await);
    assert!(!write(&*ledger, lowered(vec![put("a", 10)])).await);
    assert!(write(&*ledger, lowered(vec![put("a", 8)])).await);
    assert!(write(&*ledger, lowered(vec![delete("b")])).await);
    assert_eq!(usage(&*ledger).await, (19, 2));
}

pub async fn a_counter_that_many_raise_at_once_misses_none(place: &dyn Place) {
    const RAISES: usize = 60;
    let ledger = place.open().await;
    for _ in 0..RAISES {
        record(&*ledger, &["a"]).await;
    }
    let (mut settled, mut conflicts) = (0, 0);
    while settled < RAISES {
        // Given eight attempts at once, which all read before one of them writes
        let claims = claim(&*ledger, &["a"], 8).await;
        assert!(!claims.is_empty(), "{settled} are settled");
        let kept = ledger.state("a", "n").await.unwrap();
        let version = kept.as_ref().map_or(0, |kept| kept.version);
        let count = kept.map_or(0, |kept| {
            String::from_utf8(kept.value).unwrap().parse().unwrap()
        });
        for claim in claims {
            let raised: usize = count + 1;
            let changes = StateChanges {
                reads: vec![("n".to_owned(), version)],
                ..writing([("n".to_owned(), Some(raised.to_string().into_bytes()))])
            };
            match settle_done(&*ledger, claim, changes).await {
                Settled::Yes => settled += 1,
                Settled::Stale => panic!("it is held"),
                Settled::Conflict(claim) => {
                    conflicts += 1;
                    let at_once = again(Duration::ZERO, Counts::No);
                    settle(&*ledger, *claim, Outcome::Conflict, at_once).await;
                }
            }
        }
    }
    // Then none is missed: those that lost are made again, in the end alone
    let kept = ledger.state("a", "n").await.unwrap().unwrap();
    assert_eq!(String::from_utf8(kept.value).unwrap(), RAISES.to_string());
    assert!(conflicts > 0);
}
