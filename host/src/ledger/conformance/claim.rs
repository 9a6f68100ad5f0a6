//! Claiming: in turns, in order, once, and never lost.

use super::{
    Place, attempt, claim, claim_briefly, claim_one, claimable, delivery, done, found, names,
    only_run, record, run, settle,
};
use crate::delivery::{DeliveryState, Outcome, RunState, Settlement};
use crate::ledger::{ClaimRequest, ClaimablePlugin, Freed, Settled, Slots, StateChanges};

pub async fn a_claim_says_what_its_attempt_needs_to_know(place: &dyn Place) {
    let ledger = place.open().await;
    let (new, mut run) = (delivery(), run("a"));
    run.scope = "repo".to_owned();
    ledger.record(new.clone(), vec![run.clone()]).await.unwrap();
    let claim = claim_one(&*ledger, "a").await;
    let facts = claim.facts();
    assert_eq!((facts.run, facts.delivery), (run.id, new.id));
    assert_eq!((facts.n, facts.counted), (1, 1));
    assert_eq!(facts.received_ms, new.received_ms);
    assert_eq!(facts.sent_scope, "repo.content");
    assert_eq!(facts.repo_id.as_deref(), Some("r1"));
    assert_eq!(facts.body_bytes, new.body.len() as u64);
    assert_eq!(claim.seen().scope, "repo");
    assert_eq!(claim.routed_digest(), "d1");
    let kept = only_run(&*ledger, new.id).await;
    assert_eq!(kept.state, RunState::Running);
    assert_eq!(kept.attempts.len(), 1);
    assert_eq!(kept.attempts[0].outcome, None);
}

pub async fn no_plugin_waits_behind_anothers_backlog(place: &dyn Place) {
    let ledger = place.open().await;
    for _ in 0..5 {
        record(&*ledger, &["a"]).await;
    }
    record(&*ledger, &["b", "c"]).await;
    record(&*ledger, &["c"]).await;
    let claims = claim(&*ledger, &["b", "a", "c", "unknown"], 6).await;
    assert_eq!(names(&claims), ["b", "a", "c", "a", "c", "a"]);
}

pub async fn no_more_is_claimed_than_there_are_slots(place: &dyn Place) {
    let ledger = place.open().await;
    for _ in 0..5 {
        record(&*ledger, &["a", "b"]).await;
    }
    let request = |slots: usize| ClaimRequest {
        plugins: vec![
            ClaimablePlugin {
                slots: 2.into(),
                ..claimable("a")
            },
            claimable("b"),
        ],
        slots: slots.into(),
        running: 0,
    };
    assert!(ledger.claim(request(0)).await.unwrap().is_empty());
    let claims = ledger.claim(request(6)).await.unwrap();
    assert_eq!(names(&claims), ["a", "b", "a", "b", "b", "b"]);
}

pub async fn slots_that_come_free_while_a_claim_waits_its_turn_are_filled(place: &dyn Place) {
    let ledger = place.open().await;
    for _ in 0..9 {
        record(&*ledger, &["a"]).await;
    }
    let (all, own) = (Freed::default(), Freed::default());
    let request = ClaimRequest {
        plugins: vec![ClaimablePlugin {
            slots: Slots::and_freed(1, &own),
            ..claimable("a")
        }],
        slots: Slots::and_freed(2, &all),
        running: 0,
    };
    // Three attempts of the plugin end, and one of another
    for freed in [&own, &own, &own, &all, &all, &all, &all] {
        freed.add_one();
    }
    assert_eq!(ledger.claim(request).await.unwrap().len(), 4);
}

pub async fn older_runs_are_claimed_before_newer_ones(place: &dyn Place) {
    let ledger = place.open().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(record(&*ledger, &["a"]).await);
    }
    let claimed: Vec<_> = claim(&*ledger, &["a"], 5)
        .await
        .iter()
        .map(|claim| claim.facts().delivery)
        .collect();
    assert_eq!(claimed, ids);
}

pub async fn live_runs_are_claimed_before_replayed_ones(place: &dyn Place) {
    let ledger = place.open().await;
    let old = record(&*ledger, &["a"]).await;
    done(&*ledger, claim_one(&*ledger, "a").await).await;
    let replayed = ledger.replay(old, vec![run("a")]).await.unwrap();
    assert_eq!(replayed, Some(vec!["a".to_owned()]));
    let live = record(&*ledger, &["a"]).await;
    let claimed: Vec<_> = claim(&*ledger, &["a"], 2)
        .await
        .iter()
        .map(|claim| claim.facts().delivery)
        .collect();
    assert_eq!(claimed, [live, old]);
}

pub async fn a_claimed_run_is_not_claimed_again(place: &dyn Place) {
    let ledger = place.open().await;
    record(&*ledger, &["a"]).await;
    let held = claim_one(&*ledger, "a").await;
    assert!(claim(&*ledger, &["a"], 1).await.is_empty());
    done(&*ledger, held).await;
    assert!(claim(&*ledger, &["a"], 1).await.is_empty());
}

pub async fn a_claim_that_was_taken_over_settles_nothing(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    let stale = claim_briefly(&*ledger, "a").await.remove(0);
    let held = claim_one(&*ledger, "a").await;
    assert_eq!((held.facts().n, held.facts().counted), (2, 1));
    let writes = StateChanges {
        writes: vec![("key".to_owned(), Some(vec![1]))],
        ..StateChanges::default()
    };
    let settled = ledger
        .settle(stale, Settlement::Done, attempt(Outcome::Done), writes)
        .await
        .unwrap();
    assert!(matches!(settled, Settled::Stale), "{settled:?}");
    assert_eq!(ledger.state("a", "key").await.unwrap(), None);
    let run = only_run(&*ledger, id).await;
    assert_eq!(run.state, RunState::Running);
    assert_eq!(run.attempts[0].outcome, Some(Outcome::Lost));
    assert_eq!(run.attempts[1].outcome, None);
    done(&*ledger, held).await;
}

pub async fn a_claim_given_back_leaves_no_attempt_behind(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    let held = claim_one(&*ledger, "a").await;
    assert!(matches!(
        ledger.give_back(held).await.unwrap(),
        Settled::Yes
    ));
    let run = only_run(&*ledger, id).await;
    assert_eq!((run.state, run.attempts.len()), (RunState::Pending, 0));
    let held = claim_one(&*ledger, "a").await;
    assert_eq!((held.facts().n, held.facts().counted), (1, 1));
    let stale = claim_briefly(&*ledger, "a").await;
    assert!(stale.is_empty());
    done(&*ledger, held).await;
}

pub async fn a_claim_whose_caller_has_gone_is_given_back(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    let mut signal = ledger.claimable();
    {
        let request = ClaimRequest {
            plugins: vec![claimable("a")],
            slots: 1.into(),
            running: 0,
        };
        let mut asked = ledger.claim(request);
        // Asked once, and never again: as when a `select!` takes another branch.
        let asked_once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(asked.as_mut().poll(context).is_pending())
        });
        assert!(asked_once.await);
    }
    signal.changed().await.unwrap();
    assert!(only_run(&*ledger, id).await.attempts.is_empty());
    claim_one(&*ledger, "a").await;
}
pub async fn an_attempt_under_way_is_lost_when_its_host_dies(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    let held = claim_one(&*ledger, "a").await;
    drop(ledger);

    let ledger = place.open().await;
    let run = only_run(&*ledger, id).await;
    assert_eq!(run.state, RunState::Pending);
    assert_eq!(run.attempts[0].outcome, Some(Outcome::Lost));
    assert_eq!(run.attempts[0].version, None);
    let settled = settle(&*ledger, held, Outcome::Done, Settlement::Done).await;
    assert!(matches!(settled, Settled::Stale), "{settled:?}");
    let held = claim_one(&*ledger, "a").await;
    assert_eq!((held.facts().n, held.facts().counted), (2, 1));
}

pub async fn a_run_lost_twice_is_claimed_alone(place: &dyn Place) {
    let ledger = place.open().await;
    let killer = record(&*ledger, &["a"]).await;
    claim_briefly(&*ledger, "a").await;
    claim_briefly(&*ledger, "a").await;
    record(&*ledger, &["a", "b"]).await;

    let busy = ClaimRequest {
        plugins: vec![claimable("b"), claimable("a")],
        slots: 10.into(),
        running: 1,
    };
    let claims = ledger.claim(busy.clone()).await.unwrap();
    assert!(
        claims.is_empty(),
        "nothing is begun while it waits: {claims:?}"
    );
    let mut claims = claim(&*ledger, &["b", "a"], 10).await;
    assert_eq!(claims.len(), 1, "it comes alone");
    let alone = claims.remove(0);
    assert_eq!(alone.facts().delivery, killer);
    let claims = ledger.claim(busy).await.unwrap();
    assert!(claims.is_empty(), "nothing is begun beside it: {claims:?}");
    done(&*ledger, alone).await;
    assert_eq!(claim(&*ledger, &["b", "a"], 10).await.len(), 2);
}

pub async fn a_run_lost_three_times_is_dead(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a"]).await;
    for _ in 0..3 {
        assert_eq!(claim_briefly(&*ledger, "a").await.len(), 1);
    }
    assert!(claim(&*ledger, &["a"], 1).await.is_empty());
    let kept = found(&*ledger, id).await;
    assert_eq!(kept.state, DeliveryState::Dead);
    let run = &kept.runs[0];
    assert_eq!((run.state, run.attempts.len()), (RunState::Dead, 3));
    assert!(run.reason.as_deref().unwrap().starts_with("lost 3 times"));
}
