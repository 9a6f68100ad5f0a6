//! Rules: order, debounce, rates, duplicates, pauses and bounds.

use super::{
    HOUR, Place, again, attempt, claim, claim_one, claimable, dead, delivery, done, found,
    only_run, plugin, run, settle,
};
use crate::delivery::{
    Counts, DeliveryId, DeliveryState, Gate, NewDelivery, NewRun, Outcome, RunState, Settlement,
};
use crate::ledger::{
    Claim, ClaimRequest, ClaimablePlugin, Ledger, LedgerError, LedgerSettings, OnDuplicate,
    PluginRecord, PluginState, Recording, StateChanges, Tended,
};
use crate::rule::{DebounceKey, Guarded, RunRules};
use std::time::Duration;

/// A run of plugin `a` with these rules.
fn with_rules(rules: RunRules) -> NewRun {
    NewRun { rules, ..run("a") }
}

fn ordered(key: &str) -> NewRun {
    with_rules(RunRules {
        order_key: Some(key.to_owned()),
        ..RunRules::default()
    })
}

fn debounced(key: &str, quiet: Duration, max: Duration) -> NewRun {
    with_rules(RunRules {
        debounce: Some(DebounceKey {
            key: key.to_owned(),
            quiet,
            max,
        }),
        ..RunRules::default()
    })
}

async fn record(ledger: &dyn Ledger, run: NewRun) -> DeliveryId {
    let delivery = delivery();
    let id = delivery.id;
    let recording = ledger.record(delivery, vec![run]).await.unwrap();
    assert!(matches!(recording, Recording::Recorded(_)), "{recording:?}");
    id
}

async fn standing(ledger: &dyn Ledger, id: DeliveryId) -> (RunState, Gate) {
    let run = only_run(ledger, id).await;
    (run.state, run.gate)
}

const READY: (RunState, Gate) = (RunState::Pending, Gate::Ready);
const QUEUED: (RunState, Gate) = (RunState::Pending, Gate::Queued);
const PARKED: (RunState, Gate) = (RunState::Pending, Gate::Parked);

fn ids(claims: &[Claim]) -> Vec<DeliveryId> {
    claims.iter().map(|claim| claim.facts().delivery).collect()
}

async fn put(ledger: &dyn Ledger, state: PluginState, reason: Option<&str>) {
    ledger.put_plugin(plugin("a", state, reason)).await.unwrap();
}

async fn tend_to_all(ledger: &dyn Ledger) -> usize {
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
        made.push(record(&*ledger, ordered(key)).await);
    }
    let free = record(&*ledger, run("a")).await;
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
    let first = record(&*ledger, ordered("x")).await;
    let second = record(&*ledger, ordered("x")).await;
    let retry = claim_one(&*ledger, "a").await;
    settle(&*ledger, retry, Outcome::Retry, again(HOUR, Counts::Yes)).await;
    let other = record(&*ledger, ordered("y")).await;
    assert_eq!(ids(&claim(&*ledger, &["a"], 9).await), [other]);
    assert_eq!(standing(&*ledger, first).await, READY);
    assert_eq!(standing(&*ledger, second).await, QUEUED);
}

pub async fn a_dead_run_lets_the_next_of_its_order_go(place: &dyn Place) {
    let ledger = place.open().await;
    record(&*ledger, ordered("x")).await;
    let second = record(&*ledger, ordered("x")).await;
    dead(&*ledger, claim_one(&*ledger, "a").await).await;
    assert_eq!(ids(&claim(&*ledger, &["a"], 9).await), [second]);
}

pub async fn a_replayed_run_joins_the_end_of_its_order(place: &dyn Place) {
    let ledger = place.open().await;
    let first = record(&*ledger, ordered("x")).await;
    dead(&*ledger, claim_one(&*ledger, "a").await).await;
    let second = record(&*ledger, ordered("x")).await;
    ledger.replay(first, vec![ordered("x")]).await.unwrap();
    let third = record(&*ledger, ordered("x")).await;
    for expected in [second, first, third] {
        let claim = claim_one(&*ledger, "a").await;
        assert_eq!(claim.facts().delivery, expected);
        done(&*ledger, claim).await;
    }
}

pub async fn an_order_outlives_a_pause(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    let first = record(&*ledger, ordered("x")).await;
    let second = record(&*ledger, ordered("x")).await;
    let under_way = claim_one(&*ledger, "a").await;
    ledger
        .pause("a".to_owned(), "ann".to_owned())
        .await
        .unwrap();
    let third = record(&*ledger, ordered("x")).await;
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
    record(&*ledger, ordered("x")).await;
    let second = record(&*ledger, ordered("x")).await;
    let under_way = claim_one(&*ledger, "a").await;
    ledger.forget_plugin("a".to_owned()).await.unwrap();
    assert_eq!(standing(&*ledger, second).await.0, RunState::Dead);
    put(&*ledger, PluginState::Loaded, None).await;
    let third = record(&*ledger, ordered("x")).await;
    assert_eq!(standing(&*ledger, third).await, QUEUED);
    done(&*ledger, under_way).await;
    assert_eq!(ids(&claim(&*ledger, &["a"], 9).await), [third]);
}

pub async fn like_runs_become_one_that_stands_for_all(place: &dyn Place) {
    let ledger = place.open().await;
    let burst = || debounced("k", Duration::ZERO, HOUR);
    let first = record(&*ledger, burst()).await;
    let other = record(&*ledger, debounced("l", Duration::ZERO, HOUR)).await;
    let second = record(&*ledger, burst()).await;
    let third = record(&*ledger, burst()).await;
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
    let quiet = Duration::from_secs(600);
    let due = |run: &crate::ledger::RunRecord| run.next_attempt_ms.unwrap();
    let first = record(&*ledger, debounced("k", quiet, 2 * quiet)).await;
    let first = due(&only_run(&*ledger, first).await);
    assert!(claim(&*ledger, &["a"], 9).await.is_empty());
    // Each like event has it wait for its own quiet time,
    let second = record(&*ledger, debounced("k", quiet, 2 * quiet)).await;
    assert!(due(&only_run(&*ledger, second).await) >= first);
    // but not past what the first one allows.
    let short = Duration::from_millis(1);
    let third = record(&*ledger, debounced("k", short, short)).await;
    assert!(due(&only_run(&*ledger, third).await) < first);
}

pub async fn a_run_that_was_claimed_is_not_coalesced(place: &dyn Place) {
    let ledger = place.open().await;
    let burst = || debounced("k", Duration::ZERO, HOUR);
    let first = record(&*ledger, burst()).await;
    let under_way = claim_one(&*ledger, "a").await;
    let second = record(&*ledger, burst()).await;
    assert_eq!(standing(&*ledger, first).await.0, RunState::Running);
    assert_eq!(only_run(&*ledger, second).await.stands_for, 0);
    settle(
        &*ledger,
        under_way,
        Outcome::Retry,
        again(HOUR, Counts::Yes),
    )
    .await;
    let third = record(&*ledger, burst()).await;
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
    record(&*ledger, both("k")).await;
    let second = record(&*ledger, both("l")).await;
    let third = record(&*ledger, both("k")).await;
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
    let first = record(&*ledger, debounced("k", Duration::ZERO, HOUR)).await;
    dead(&*ledger, claim_one(&*ledger, "a").await).await;
    let waiting = record(&*ledger, burst()).await;
    ledger.replay(first, vec![burst()]).await.unwrap();
    // It is due at once, takes nobody's place,
    assert_eq!(ids(&claim(&*ledger, &["a"], 9).await), [first]);
    assert_eq!(standing(&*ledger, waiting).await, READY);
    // and nobody takes its.
    let next = record(&*ledger, burst()).await;
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
        let id = record(&*ledger, guarded("d")).await;
        assert_eq!(standing(&*ledger, id).await, READY);
    }
    let over = record(&*ledger, guarded("d")).await;
    let run = only_run(&*ledger, over).await;
    assert_eq!(run.state, RunState::Dead);
    let reason = run.reason.unwrap();
    assert!(reason.starts_with("loop guard: "), "{reason}");
    assert_eq!(found(&*ledger, over).await.state, DeliveryState::Dead);
    // Another discussion is another matter, and so is what somebody asks for.
    let other = record(&*ledger, guarded("e")).await;
    assert_eq!(standing(&*ledger, other).await, READY);
    ledger.replay(over, vec![guarded("d")]).await.unwrap();
    assert_eq!(found(&*ledger, over).await.state, DeliveryState::Pending);
}

fn of_repo() -> NewRun {
    with_rules(RunRules {
        rate_key: Some("id r1".to_owned()),
        ..RunRules::default()
    })
}

async fn claim_at_rate(ledger: &dyn Ledger, runs_per_repo_max: u32) -> Vec<Claim> {
    let request = ClaimRequest {
        plugins: vec![ClaimablePlugin {
            runs_per_repo_max,
            ..claimable("a")
        }],
        slots: 9,
        running: 0,
    };
    ledger.claim(request).await.unwrap()
}

pub async fn a_repo_with_too_many_runs_has_them_wait(place: &dyn Place) {
    let ledger = place.open().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(record(&*ledger, of_repo()).await);
    }
    let other = record(&*ledger, run("a")).await;
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
        record(&*ledger, of_repo()).await;
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

fn same(first: &NewDelivery) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(),
        ..first.clone()
    }
}

async fn again_of(ledger: &dyn Ledger, first: &NewDelivery, plugins: &[&str]) -> Vec<String> {
    let runs = plugins.iter().map(|name| run(name)).collect();
    match ledger.record(same(first), runs).await.unwrap() {
        Recording::Duplicate { first: id, again } => {
            assert_eq!(id, first.id);
            again
        }
        recorded @ Recording::Recorded(_) => panic!("{recorded:?}"),
    }
}

pub async fn a_duplicate_fills_what_is_dead_or_was_never_run(place: &dyn Place) {
    let ledger = place.open().await;
    let first = delivery();
    let runs = vec![run("dead"), run("done"), run("waits")];
    ledger.record(first.clone(), runs).await.unwrap();
    dead(&*ledger, claim_one(&*ledger, "dead").await).await;
    done(&*ledger, claim_one(&*ledger, "done").await).await;
    let now = ["dead", "done", "new", "waits"];
    assert_eq!(again_of(&*ledger, &first, &now).await, ["dead", "new"]);
    let kept = found(&*ledger, first.id).await;
    assert_eq!((kept.duplicates, kept.runs.len()), (1, 5));
    assert_eq!(kept.state, DeliveryState::Pending);
    let replayed = kept.runs.iter().filter(|run| run.replay_of.is_some());
    assert_eq!(replayed.count(), 1);
    // Those wait now, too.
    assert!(again_of(&*ledger, &first, &now).await.is_empty());
    for plugin in ["dead", "new", "waits"] {
        done(&*ledger, claim_one(&*ledger, plugin).await).await;
    }
    assert!(again_of(&*ledger, &first, &now).await.is_empty());
}

pub async fn a_duplicate_has_run_again_what_the_operator_wants(place: &dyn Place) {
    for (on_duplicate, expected) in [
        (OnDuplicate::Ignore, &[][..]),
        (OnDuplicate::Rerun, &["dead", "done", "new"][..]),
    ] {
        let settings = LedgerSettings {
            on_duplicate,
            ..LedgerSettings::default()
        };
        let ledger = place.open_with(settings).await;
        let first = delivery();
        let runs = vec![run("dead"), run("done"), run("waits")];
        ledger.record(first.clone(), runs).await.unwrap();
        dead(&*ledger, claim_one(&*ledger, "dead").await).await;
        done(&*ledger, claim_one(&*ledger, "done").await).await;
        let again = again_of(&*ledger, &first, &["dead", "done", "new", "waits"]).await;
        assert_eq!(again, expected, "{on_duplicate:?}");
        // So that the next has an empty ledger to begin with
        for plugin in ["dead", "done", "new", "waits"] {
            for claim in claim(&*ledger, &[plugin], 9).await {
                done(&*ledger, claim).await;
            }
        }
        ledger.close().await;
    }
}

async fn fail_once(ledger: &dyn Ledger, outcome: Outcome) {
    record(ledger, run("a")).await;
    let claim = claim_one(ledger, "a").await;
    let reason = "it was".to_owned();
    let settlement = Settlement::Dead { reason };
    let nothing = StateChanges::default();
    let settled = ledger.settle(claim, settlement, attempt(outcome), nothing);
    settled.await.unwrap();
}

pub async fn ten_failures_of_the_sandbox_in_a_row_pause_a_plugin(place: &dyn Place) {
    use Outcome::{OutOfFuel, OutOfMemory, TimedOut, Trapped};
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    for outcome in [Trapped, OutOfFuel, OutOfMemory, TimedOut, Trapped] {
        fail_once(&*ledger, outcome).await;
    }
    // One that it handled begins the count anew,
    fail_once(&*ledger, Outcome::Done).await;
    for _ in 0..9 {
        fail_once(&*ledger, Trapped).await;
    }
    let state = async || ledger.plugins().await.unwrap().remove(0);
    assert_eq!(state().await.state, PluginState::Loaded);
    // what the host or another attempt did does not count,
    fail_once(&*ledger, Outcome::Conflict).await;
    assert_eq!(state().await.state, PluginState::Loaded);
    let waiting = record(&*ledger, ordered("x")).await;
    record(&*ledger, run("b")).await;
    let claim = claim_one(&*ledger, "a").await;
    let again = again(Duration::ZERO, Counts::Yes);
    settle(&*ledger, claim, Trapped, again).await;
    // and the tenth has its runs wait.
    let paused = state().await;
    assert_eq!(paused.state, PluginState::Paused);
    let reason = paused.reason.unwrap();
    assert!(
        reason.starts_with("paused by the host: 10 attempts in a row failed"),
        "{reason}"
    );
    assert_eq!(standing(&*ledger, waiting).await, PARKED);
    // Resumed, it has ten more.
    ledger.resume("a".to_owned()).await.unwrap();
    done(&*ledger, claim_one(&*ledger, "a").await).await;
    fail_once(&*ledger, Trapped).await;
    assert_eq!(state().await.state, PluginState::Loaded);
}

pub async fn a_plugins_own_refusals_do_not_pause_it(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    for _ in 0..12 {
        fail_once(&*ledger, Outcome::Rejected).await;
    }
    let state = ledger.plugins().await.unwrap().remove(0).state;
    assert_eq!(state, PluginState::Loaded);
}

pub async fn a_long_backlog_is_parked_and_freed_in_steps(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    for at in 0..2_500 {
        record(&*ledger, ordered(&format!("{}", at % 1_200))).await;
    }
    let parked = async || ledger.totals().await.unwrap().plugins["a"].parked;
    ledger
        .pause("a".to_owned(), "ann".to_owned())
        .await
        .unwrap();
    assert_eq!(parked().await, 1_000);
    assert!(tend_to_all(&*ledger).await > 1);
    assert_eq!(parked().await, 2_500);
    assert_eq!(ledger.totals().await.unwrap().backlog_bytes, 0);
    ledger.resume("a".to_owned()).await.unwrap();
    assert_eq!(parked().await, 1_500);
    tend_to_all(&*ledger).await;
    assert_eq!(parked().await, 0);
    assert_ne!(ledger.totals().await.unwrap().backlog_bytes, 0);
    // One of each key can be claimed, as before.
    let request = ClaimRequest {
        plugins: vec![ClaimablePlugin {
            slots: 9_999,
            ..claimable("a")
        }],
        slots: 9_999,
        running: 0,
    };
    assert_eq!(ledger.claim(request).await.unwrap().len(), 1_200);
}

pub async fn a_paused_plugins_runs_are_not_claimed_before_they_are_parked(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    for _ in 0..1_001 {
        record(&*ledger, run("a")).await;
    }
    ledger
        .pause("a".to_owned(), "ann".to_owned())
        .await
        .unwrap();
    assert!(claim(&*ledger, &["a"], 9).await.is_empty());
}

pub async fn too_many_parked_runs_give_up_the_oldest(place: &dyn Place) {
    let settings = LedgerSettings {
        park_runs: 2,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    put(&*ledger, PluginState::Loaded, None).await;
    let before = record(&*ledger, run("a")).await;
    put(&*ledger, PluginState::Held, Some("wants http")).await;
    let mut made = vec![before];
    for _ in 0..3 {
        made.push(record(&*ledger, run("a")).await);
    }
    for (at, id) in made.iter().enumerate() {
        let expected = if at < 2 {
            RunState::Dead
        } else {
            RunState::Pending
        };
        let run = only_run(&*ledger, *id).await;
        assert_eq!(run.state, expected, "{at}");
        if at < 2 {
            let reason = run.reason.unwrap();
            assert!(reason.contains("park-runs allows (2)"), "{reason}");
            assert_eq!(found(&*ledger, *id).await.state, DeliveryState::Dead);
        }
    }
}

pub async fn runs_parked_for_too_long_are_given_up(place: &dyn Place) {
    let settings = LedgerSettings {
        park_for: Duration::ZERO,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    put(&*ledger, PluginState::Held, Some("wants http")).await;
    let id = record(&*ledger, run("a")).await;
    assert_eq!(standing(&*ledger, id).await, PARKED);
    tend_to_all(&*ledger).await;
    let run = only_run(&*ledger, id).await;
    assert_eq!(run.state, RunState::Dead);
    assert!(
        run.reason
            .unwrap()
            .starts_with("parked for longer than park-for allows")
    );
}

pub async fn a_plugin_with_a_full_backlog_gets_dead_runs(place: &dyn Place) {
    let settings = LedgerSettings {
        backlog_runs_per_plugin: 2,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    put(&*ledger, PluginState::Loaded, None).await;
    for _ in 0..2 {
        record(&*ledger, run("a")).await;
    }
    let over = record(&*ledger, run("a")).await;
    let refused = only_run(&*ledger, over).await;
    assert_eq!(refused.state, RunState::Dead);
    assert!(
        refused
            .reason
            .unwrap()
            .starts_with("plugin backlog full: 2 runs wait")
    );
    // Others are none the worse for it,
    let other = record(&*ledger, run("b")).await;
    assert_eq!(standing(&*ledger, other).await, READY);
    // and what is parked is no backlog.
    put(&*ledger, PluginState::Held, Some("wants http")).await;
    let parked = record(&*ledger, run("a")).await;
    assert_eq!(standing(&*ledger, parked).await, PARKED);
}

pub async fn a_full_backlog_refuses_deliveries_and_knows_duplicates(place: &dyn Place) {
    let first = delivery();
    let settings = LedgerSettings {
        backlog_bytes_max: first.body.len() as u64,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    let runs = vec![run("a")];
    ledger.record(first.clone(), runs).await.unwrap();
    let refused = ledger.record(delivery(), vec![run("a")]).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, LedgerError::Full { .. }), "{refused}");
    assert!(refused.to_string().contains("backlog-max"), "{refused}");
    assert!(again_of(&*ledger, &first, &["a"]).await.is_empty());
    // What nobody is to run takes no part of it.
    ledger.record(delivery(), vec![]).await.unwrap();
    done(&*ledger, claim_one(&*ledger, "a").await).await;
    ledger.record(delivery(), vec![run("a")]).await.unwrap();
}
