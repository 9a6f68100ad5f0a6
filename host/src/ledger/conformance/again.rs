//! Again: duplicates, and failures in a row.

use super::rules::{PARKED, ordered, put, record_run, standing};
use super::{Place, again, attempt, claim, claim_one, dead, delivery, done, found, run, settle};
use crate::delivery::{Counts, DeliveryId, DeliveryState, NewDelivery, Outcome, Settlement};
use crate::ledger::{
    KnownAs, Ledger, LedgerSettings, OnDuplicate, PluginState, Recording, StateChanges,
};
use std::time::Duration;

fn same(first: &NewDelivery) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(),
        ..first.clone()
    }
}

pub(super) async fn again_of(
    ledger: &dyn Ledger,
    first: &NewDelivery,
    plugins: &[&str],
) -> Vec<String> {
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

pub async fn a_delivery_is_known_at_rest_while_nothing_of_it_would_be_run_again(place: &dyn Place) {
    let ledger = place.open().await;
    let first = delivery();
    let runs = vec![run("dead"), run("done"), run("waits")];
    ledger.record(first.clone(), runs).await.unwrap();
    dead(&*ledger, claim_one(&*ledger, "dead").await).await;
    done(&*ledger, claim_one(&*ledger, "done").await).await;
    for (plugins, known) in [
        (&["done"][..], true),
        (&["done", "waits"], true),
        // It stands as pending, and yet
        (&["dead", "done", "waits"], false),
        (&["done", "new"], false),
    ] {
        let again = KnownAs {
            path: first.path.clone(),
            hub_id: first.hub_id.clone().unwrap(),
            body_sha256: first.body_sha256,
            plugins: plugins.iter().map(|name| (*name).to_owned()).collect(),
        };
        let found = ledger.first_of(again).await.unwrap();
        assert_eq!(found, known.then_some(first.id), "{plugins:?}");
    }
}

/// Has a run of plugin `a` end in one attempt that came to this.
pub(super) async fn fail_once(ledger: &dyn Ledger, outcome: Outcome) {
    record_run(ledger, run("a")).await;
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
    let waiting = record_run(&*ledger, ordered("x")).await;
    record_run(&*ledger, run("b")).await;
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
