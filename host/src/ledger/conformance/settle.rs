//! Settling: the attempt, its run and its plugin's state together, or nothing.

use super::{
    HOUR, Place, again, attempt, claim, claim_one, claimable, found, ledger_now_ms, names,
    only_run, record, settle,
};
use crate::clock::now_ms;
use crate::delivery::{
    AttemptRecord, Counts, DeliveryState, LogLine, Outcome, OutgoingCall, RunState, Settlement,
    Trap,
};
use crate::ledger::{ClaimRequest, ClaimablePlugin, StateChanges};
use crate::scope::SeenEvent;
use std::time::Duration;

pub async fn a_settled_attempt_is_kept_with_all_it_left(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    let left = AttemptRecord {
        output: Some("handled".to_owned()),
        logs: (0..50)
            .map(|at_ms| LogLine {
                at_ms,
                level: "info".to_owned(),
                text: "line\nof \u{1f917} text".to_owned(),
            })
            .collect(),
        calls: vec![OutgoingCall {
            method: "GET".to_owned(),
            url: "https://huggingface.co/api".to_owned(),
            status: Some(200),
            ms: 12,
            bytes: Some(2),
            ..OutgoingCall::default()
        }],
        trap: Some(Trap {
            message: "unreachable".to_owned(),
            frames: vec!["run".to_owned()],
        }),
        ..attempt(Outcome::Done)
    };
    let held = claim_one(&*ledger, "a").await;
    let nothing = StateChanges::default();
    ledger
        .settle(held, Settlement::Done, left.clone(), nothing)
        .await
        .unwrap();
    assert_eq!(found(&*ledger, id).await.state, DeliveryState::Settled);
    let run = only_run(&*ledger, id).await;
    assert_eq!(run.state, RunState::Done);
    assert_eq!(run.next_attempt_ms, None);
    let kept = &run.attempts[0];
    assert_eq!((kept.n, kept.outcome), (1, Some(Outcome::Done)));
    assert_eq!(kept.version.as_deref(), Some("1.0.0"));
    assert_eq!(kept.output, left.output);
    assert_eq!((kept.fuel, kept.fuel_limit), (Some(1), Some(2)));
    assert_eq!((kept.memory_peak_bytes, kept.wall_ms), (Some(3), Some(4)));
    assert_eq!(kept.logs, left.logs);
    assert_eq!(kept.calls, left.calls);
    assert_eq!(kept.trap, left.trap);
}

pub async fn a_run_that_is_to_be_attempted_again_waits_until_it_is_due(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    assert!(ledger.next_due_ms(vec!["a".to_owned()]).await.unwrap() <= Some(now_ms()));
    let held = claim_one(&*ledger, "a").await;
    let before = now_ms();
    settle(&*ledger, held, Outcome::Retry, again(HOUR, Counts::Yes)).await;
    assert!(claim(&*ledger, &["a"], 1).await.is_empty());
    let due = ledger.next_due_ms(vec!["a".to_owned()]).await.unwrap();
    assert!(due >= Some(before + 3_600_000) && due <= Some(ledger_now_ms() + 3_600_000));
    let kept = only_run(&*ledger, id).await;
    assert_eq!(kept.next_attempt_ms, due);
    assert_eq!(kept.state, RunState::Pending);
    assert_eq!(
        ledger.next_due_ms(vec!["b".to_owned()]).await.unwrap(),
        None
    );
}

pub async fn a_due_time_further_ahead_than_any_delay_counts_as_due(place: &dyn Place) {
    let ledger = place.open().await;
    record(&*ledger, &["a"]).await;
    let held = claim_one(&*ledger, "a").await;
    settle(
        &*ledger,
        held,
        Outcome::Retry,
        again(26 * HOUR, Counts::Yes),
    )
    .await;
    let due = ledger.next_due_ms(vec!["a".to_owned()]).await.unwrap();
    assert!(due <= Some(ledger_now_ms()), "{due:?}");
    claim_one(&*ledger, "a").await;
}

pub async fn attempts_are_numbered_as_kept_and_as_counted(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    for (counts, outcome, expected) in [
        (Counts::Yes, Outcome::Retry, (1, 1)),
        (Counts::No, Outcome::Conflict, (2, 2)),
        (Counts::Yes, Outcome::Retry, (3, 2)),
    ] {
        let held = claim_one(&*ledger, "a").await;
        assert_eq!((held.facts().n, held.facts().counted), expected);
        settle(&*ledger, held, outcome, again(Duration::ZERO, counts)).await;
    }
    assert_eq!(only_run(&*ledger, id).await.attempts.len(), 3);
}

pub async fn a_run_in_conflict_three_times_is_claimed_with_no_other_of_its_plugin(
    place: &dyn Place,
) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    for _ in 0..3 {
        let held = claim_one(&*ledger, "a").await;
        let at_once = again(Duration::ZERO, Counts::No);
        settle(&*ledger, held, Outcome::Conflict, at_once).await;
    }
    record(&*ledger, &["a", "b"]).await;
    let request = |running| ClaimRequest {
        plugins: vec![
            ClaimablePlugin {
                running,
                ..claimable("a")
            },
            claimable("b"),
        ],
        slots: 10.into(),
        running,
    };
    let claims = ledger.claim(request(1)).await.unwrap();
    assert_eq!(names(&claims), ["b"], "its plugin is busy");
    let claims = ledger.claim(request(0)).await.unwrap();
    assert_eq!(names(&claims), ["a"], "it comes alone");
    assert_eq!(claims[0].facts().delivery, id);
    assert!(ledger.claim(request(1)).await.unwrap().is_empty());
}

pub async fn a_claim_keeps_how_another_version_sees_its_event(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    let mut held = claim_one(&*ledger, "a").await;
    let seen = SeenEvent {
        scope: "repo".to_owned(),
        action: "move".to_owned(),
    };
    held.see_as(seen.clone(), "d2");
    let at_once = again(Duration::ZERO, Counts::Yes);
    settle(&*ledger, held, Outcome::Retry, at_once).await;
    let run = only_run(&*ledger, id).await;
    assert_eq!(
        (run.scope, run.action),
        ("repo".to_owned(), "move".to_owned())
    );
    let held = claim_one(&*ledger, "a").await;
    assert_eq!((held.seen(), held.routed_digest()), (&seen, "d2"));
}
