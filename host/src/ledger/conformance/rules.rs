//! Rules: order, debounce and rates.

use super::{
    HOUR, Place, again, claim, claim_one, claimable, dead, delivery, done, found, only_run, plugin,
    run, settle,
};
use crate::delivery::{Counts, DeliveryId, DeliveryState, Gate, NewRun, Outcome, RunState};
use crate::ledger::{
    Claim, ClaimRequest, ClaimablePlugin, Ledger, PluginRecord, PluginState, Recording, Tended,
};
use crate::rule::{DebounceKey, Guarded, RunRules};
use std::time::Duration;

/// A run of plugin `a` with these rules.
pub(super) fn with_rules(rules: RunRules) -> NewRun {
    NewRun { rules, ..run("a") }
}

pub(super) fn ordered(key: &str) -> NewRun {
    with_rules(RunRules {
        order_key: Some(key.to_owned()),
        ..RunRules::default()
    })
}

pub(super) fn debounced(key: &str, quiet: Duration, max: Duration) -> NewRun {
    with_rules(RunRules {
        debounce: Some(DebounceKey {
            key: key.to_owned(),
            quiet,
            max,
        }),
        ..RunRules::default()
    })
}

pub(super) async fn record_run(ledger: &dyn Ledger, run: NewRun) -> DeliveryId {
    let delivery = delivery();
    let id = delivery.id;
    let recording = ledger.record(delivery, vec![run]).await.unwrap();
    assert!(matches!(recording, Recording::Recorded(_)), "{recording:?}");
    id
}

pub(super) async fn standing(ledger: &dyn Ledger, id: DeliveryId) -> (RunState, Gate) {
    let run = only_run(ledger, id).await;
    (run.state, run.gate)
}

pub(super) const READY: (RunState, Gate) = (RunState::Pending, Gate::Ready);
const QUEUED: (RunState, Gate) = (RunState::Pending, Gate::Queued);
pub(super) const PARKED: (RunState, Gate) = (RunState::Pending, Gate::Parked);

fn ids(claims: &[Claim]) -> Vec<DeliveryId> {
    claims.iter().map(|claim| claim.facts().delivery).collect()
}

pub(super) async fn put(ledger: &dyn Ledger, state: PluginState, reason: Option<&str>) {
    ledger.put_plugin(plugin("a", state, reason)).await.unwrap();
}

pub(super) async fn tend_to_all(ledger: &dyn Ledger) -> usize {
    let mut steps = 1;
    while ledger.tend().await.unwrap() == Tended::Part {
        steps += 1;
    }
    steps
}

pub async fn runs_of_one_order_are_made_one_after_the_other(place: &dyn Place) {
    let ledger = place.open().await;
    let mut made = Vec::new();
    for key in ["x", "x", "y", "x"] {
        made.push(record_run(&*ledger, ordered(key)).await);
    }
    let free = record_run(&*ledger, run("a")).await;
    assert_eq!(standing(&*ledger, made[1]).await, QUEUED);
    // One of each key, and what has none
    let mut claims = claim(&*ledger, &["a"], 9).await;
    assert_eq!(ids(&claims), [made[0], made[2], free]);
    assert!(claim(&*ledger, &["a"], 9).await.is_empty());
    // The next only once the one before has ended
    done(&*ledger, claims.remove(0)).await;
    let claims = claim(&*ledger, &["a"], 9).await;
    assert_eq!(ids(&claims), [made[1]]);
    assert_eq!(standing(&*ledger, made[3]).await, QUEUED);
}

pub async fn a_run_that_waits_holds_its_order_and_no_other(place: &dyn Place) {
    let ledger = place.open().await;
    let first = record_run(&*ledger, ordered("x")).await;
    let second = record_run(&*ledger, ordered("x")).await;
    let retry = claim_one(&*ledger, "a").await;
    settle(&*ledger, retry, Outcome::Retry, again(HOUR, Counts::Yes)).await;
    let other = record_run(&*ledger, ordered("y")).await;
    assert_eq!(ids(&claim(&*ledger, &["a"], 9).await), [other]);
    assert_eq!(standing(&*ledger, first).await, READY);
    assert_eq!(standing(&*ledger, second).await, QUEUED);
}

pub async fn a_dead_run_lets_the_next_of_its_order_go(place: &dyn Place) {
    let ledger = place.open().await;
    record_run(&*ledger, ordered("x")).await;
    let second = record_run(&*ledger, ordered("x")).await;
    dead(&*ledger, claim_one(&*ledger, "a").await).await;
    assert_eq!(ids(&claim(&*ledger, &["a"], 9).await), [second]);
}

pub async fn a_replayed_run_joins_the_end_of_its_order(place: &dyn Place) {
    let ledger = place.open().await;
    let first = record_run(&*ledger, ordered("x")).await;
    dead(&*ledger, claim_one(&*ledger, "a").await).await;
    let second = record_run(&*ledger, ordered("x")).await;
    ledger.replay(first, vec![ordered("x")]).await.unwrap();
    let third = record_run(&*ledger, ordered("x")).await;
    for expected in [second, first, third] {
        let claim = claim_one(&*ledger, "a").await;
        assert_eq!(claim.facts().delivery, expected);
        done(&*ledger, claim).await;
    }
}

pub async fn an_order_outlives_a_pause(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    let first = record_run(&*ledger, ordered("x")).await;
    let second = record_run(&*ledger, ordered("x")).await;
    let under_way = claim_one(&*ledger, "a").await;
    ledger
        .pause("a".to_owned(), "ann".to_owned())
        .await
        .unwrap();
    let third = record_run(&*ledger, ordered("x")).await;
    assert_eq!(standing(&*ledger, second).await, PARKED);
    assert_eq!(standing(&*ledger, third).await, PARKED);
    // What ends meanwhile hands its turn to a run that is parked.
    done(&*ledger, under_way).await;
    assert_eq!(standing(&*ledger, second).await, PARKED);
    ledger.resume("a".to_owned()).await.unwrap();
    assert_eq!(standing(&*ledger, second).await, READY);
    assert_eq!(standing(&*ledger, third).await, QUEUED);
    assert_eq!(only_run(&*ledger, second).await.reason, None);
    assert_eq!(found(&*ledger, first).await.state, DeliveryState::Settled);
}

pub async fn an_order_goes_on_when_a_plugin_comes_back_from_being_forgotten(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    record_run(&*ledger, ordered("x")).await;
    let second = record_run(&*ledger, ordered("x")).await;
    let under_way = claim_one(&*ledger, "a").await;
    ledger.forget_plugin("a".to_owned()).await.unwrap();
    assert_eq!(standing(&*ledger, second).await.0, RunState::Dead);
    put(&*ledger, PluginState::Loaded, None).await;
    let third = record_run(&*ledger, ordered("x")).await;
    assert_eq!(standing(&*ledger, third).await, QUEUED);
    done(&*ledger, under_way).await;
    assert_eq!(ids(&claim(&*ledger, &["a"], 9).await), [third]);
}

pub async fn like_runs_become_one_that_stands_for_all(place: &dyn Place) {
    let ledger = place.open().await;
    let burst = || debounced("k", Duration::ZERO, HOUR);
    let first = record_run(&*ledger, burst()).await;
    let other = record_run(&*ledger, debounced("l", Duration::ZERO, HOUR)).await;
    let second = record_run(&*ledger, burst()).await;
    let third = record_run(&*ledger, burst()).await;
    for id in [first, second] {
        let run = only_run(&*ledger, id).await;
        assert_eq!(run.state, RunState::Coalesced);
        assert_eq!(found(&*ledger, id).await.state, DeliveryState::Settled);
        assert!(run.reason.unwrap().contains("stands for it"));
    }
    assert_eq!(only_run(&*ledger, third).await.stands_for, 2);
    assert_eq!(ids(&claim(&*ledger, &["a"], 9).await), [other, third]);
}

pub async fn a_burst_is_waited_with_no_longer_than_allowed(place: &dyn Place) {
    let ledger = place.open().await;
    let due = async |ledger: &dyn Ledger, id| only_run(ledger, id).await.next_attempt_ms.unwrap();
    let minute = Duration::from_secs(60);
    // An hour without another, but no longer than a minute after the first
    let first = record_run(&*ledger, debounced("k", HOUR, minute)).await;
    let first = due(&*ledger, first).await;
    assert!(first < crate::clock::now_ms() + 61_000);
    assert!(claim(&*ledger, &["a"], 9).await.is_empty());
    let second = record_run(&*ledger, debounced("k", HOUR, minute)).await;
    assert_eq!(due(&*ledger, second).await, first);
    // A quiet minute, where there is time for more
    let third = record_run(&*ledger, debounced("k", minute, HOUR)).await;
    let third = due(&*ledger, third).await;
    assert!((first..first + 60_000).contains(&third));
}

pub async fn a_run_that_was_claimed_is_not_coalesced(place: &dyn Place) {
    let ledger = place.open().await;
    let burst = || debounced("k", Duration::ZERO, HOUR);
    let first = record_run(&*ledger, burst()).await;
    let under_way = claim_one(&*ledger, "a").await;
    let second = record_run(&*ledger, burst()).await;
    assert_eq!(standing(&*ledger, first).await.0, RunState::Running);
    assert_eq!(only_run(&*ledger, second).await.stands_for, 0);
    settle(
        &*ledger,
        under_way,
        Outcome::Retry,
        again(HOUR, Counts::Yes),
    )
    .await;
    let third = record_run(&*ledger, burst()).await;
    assert_eq!(standing(&*ledger, first).await, READY);
    assert_eq!(standing(&*ledger, second).await.0, RunState::Coalesced);
    assert_eq!(only_run(&*ledger, third).await.stands_for, 1);
}

pub async fn a_coalesced_run_lets_its_order_go_on(place: &dyn Place) {
    let ledger = place.open().await;
    let both = |key: &str| {
        with_rules(RunRules {
            order_key: Some("x".to_owned()),
            ..debounced(key, Duration::ZERO, HOUR).rules
        })
    };
    record_run(&*ledger, both("k")).await;
    let second = record_run(&*ledger, both("l")).await;
    let third = record_run(&*ledger, both("k")).await;
    assert_eq!(standing(&*ledger, second).await, READY);
    assert_eq!(standing(&*ledger, third).await, QUEUED);
    for expected in [second, third] {
        let claim = claim_one(&*ledger, "a").await;
        assert_eq!(claim.facts().delivery, expected);
        done(&*ledger, claim).await;
    }
}

pub async fn a_replayed_run_is_not_debounced(place: &dyn Place) {
    let ledger = place.open().await;
    let burst = || debounced("k", HOUR, HOUR);
    let first = record_run(&*ledger, debounced("k", Duration::ZERO, HOUR)).await;
    dead(&*ledger, claim_one(&*ledger, "a").await).await;
    let waiting = record_run(&*ledger, burst()).await;
    ledger.replay(first, vec![burst()]).await.unwrap();
    // It is due at once, takes nobody's place,
    assert_eq!(ids(&claim(&*ledger, &["a"], 9).await), [first]);
    assert_eq!(standing(&*ledger, waiting).await, READY);
    // and nobody takes its.
    let next = record_run(&*ledger, burst()).await;
    assert_eq!(standing(&*ledger, waiting).await.0, RunState::Coalesced);
    assert_eq!(only_run(&*ledger, next).await.stands_for, 1);
}

pub async fn a_discussion_with_too_many_runs_gets_dead_ones(place: &dyn Place) {
    let ledger = place.open().await;
    let guarded = |discussion: &str| {
        with_rules(RunRules {
            discussion: Some(Guarded {
                discussion: discussion.to_owned(),
                runs_max: 2,
            }),
            ..RunRules::default()
        })
    };
    for _ in 0..2 {
        let id = record_run(&*ledger, guarded("d")).await;
        assert_eq!(standing(&*ledger, id).await, READY);
    }
    let over = record_run(&*ledger, guarded("d")).await;
    let run = only_run(&*ledger, over).await;
    assert_eq!(run.state, RunState::Dead);
    let reason = run.reason.unwrap();
    assert!(reason.starts_with("loop guard: "), "{reason}");
    assert_eq!(found(&*ledger, over).await.state, DeliveryState::Dead);
    // Another discussion is another matter, and so is what somebody asks for.
    let other = record_run(&*ledger, guarded("e")).await;
    assert_eq!(standing(&*ledger, other).await, READY);
    ledger.replay(over, vec![guarded("d")]).await.unwrap();
    assert_eq!(found(&*ledger, over).await.state, DeliveryState::Pending);
}

/// A run for a repo whose runs are counted.
pub(super) fn of_repo() -> NewRun {
    with_rules(RunRules {
        rate_key: Some("id r1".to_owned()),
        ..RunRules::default()
    })
}

/// Claims where any hour allows so many runs for one repo.
pub(super) async fn claim_at_rate(ledger: &dyn Ledger, runs_per_repo_max: u32) -> Vec<Claim> {
    let request = ClaimRequest {
        plugins: vec![ClaimablePlugin {
            runs_per_repo_max,
            ..claimable("a")
        }],
        slots: 9.into(),
        running: 0,
    };
    ledger.claim(request).await.unwrap()
}

pub async fn a_repo_with_too_many_runs_has_them_wait(place: &dyn Place) {
    let ledger = place.open().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(record_run(&*ledger, of_repo()).await);
    }
    let other = record_run(&*ledger, run("a")).await;
    let mut claims = claim_at_rate(&*ledger, 2).await;
    assert_eq!(ids(&claims), [made[0], made[1], other]);
    let mut due = Vec::new();
    for id in &made[2..] {
        due.push(only_run(&*ledger, *id).await.next_attempt_ms.unwrap());
    }
    let hours = |ms: u64| ms.saturating_sub(crate::clock::now_ms()) / 60_000;
    // An hour later two more, and the fifth an hour after those
    assert!((58..=61).contains(&hours(due[0])), "{due:?}");
    assert_eq!(due[0], due[1]);
    assert!((118..=122).contains(&hours(due[2])), "{due:?}");
    // Another attempt of one that has begun is no further run.
    let retry = claims.remove(0);
    settle(
        &*ledger,
        retry,
        Outcome::Retry,
        again(Duration::ZERO, Counts::Yes),
    )
    .await;
    assert_eq!(ids(&claim_at_rate(&*ledger, 2).await), [made[0]]);
}

pub async fn another_grant_gives_waiting_runs_their_share_anew(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    for _ in 0..3 {
        record_run(&*ledger, of_repo()).await;
    }
    assert_eq!(claim_at_rate(&*ledger, 1).await.len(), 1);
    assert!(claim_at_rate(&*ledger, 9).await.is_empty());
    let granted = PluginRecord {
        grant: Some("rate = { per-repo = 9 }".to_owned()),
        ..plugin("a", PluginState::Loaded, None)
    };
    ledger.put_plugin(granted).await.unwrap();
    assert_eq!(claim_at_rate(&*ledger, 9).await.len(), 2);
}

pub async fn a_run_that_waits_says_why_also_after_a_pause_or_its_turn(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    let waits = async |id, why: &str| {
        let run = only_run(&*ledger, id).await;
        assert_eq!(run.gate, Gate::Ready);
        let reason = run.reason.unwrap_or_default();
        assert!(reason.starts_with(why), "{reason}");
    };
    // One that waits for its share, one for like events, and one for both behind another
    record_run(&*ledger, of_repo()).await;
    let shared = record_run(&*ledger, of_repo()).await;
    let under_way = claim_at_rate(&*ledger, 1).await;
    assert_eq!(under_way.len(), 1);
    let quiet = record_run(&*ledger, debounced("k", HOUR, HOUR)).await;
    record_run(&*ledger, ordered("x")).await;
    let both = with_rules(RunRules {
        order_key: Some("x".to_owned()),
        ..debounced("l", HOUR, HOUR).rules
    });
    let behind = record_run(&*ledger, both).await;
    ledger.pause("a".into(), "ann".into()).await.unwrap();
    ledger.resume("a".into()).await.unwrap();
    waits(shared, "rate.per-repo in the grant allows 1").await;
    waits(quiet, "debounce: ").await;
    assert_eq!(standing(&*ledger, behind).await, QUEUED);
    done(&*ledger, claim_one(&*ledger, "a").await).await;
    waits(behind, "debounce: ").await;
}

pub async fn a_parked_run_says_why_its_plugin_is_parked_now(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Held, Some("wants http")).await;
    let id = record_run(&*ledger, run("a")).await;
    let says = async |why: &str| {
        let run = only_run(&*ledger, id).await;
        assert_eq!(run.reason.as_deref(), Some(why));
        let listed = ledger.run(run.id).await.unwrap().unwrap();
        assert_eq!(listed.run.reason.as_deref(), Some(why));
    };
    says("held: wants http").await;
    ledger.pause("a".into(), "ann".into()).await.unwrap();
    says("paused by ann").await;
    put(&*ledger, PluginState::Missing, Some("its file is gone")).await;
    says("paused by ann").await;
    ledger.resume("a".into()).await.unwrap();
    says("missing: its file is gone").await;
}
