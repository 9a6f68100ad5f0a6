//! Waiting: whoever waits hears of it once it is durable.

use super::{HOUR, Place, again, claim_one, done, found, plugin, record, run, settle};
use crate::delivery::{Counts, DeliveryId, Gate, Outcome, RunState};
use crate::ledger::{Ledger, PluginState, RunRecord};
use std::sync::Arc;
use std::time::Duration;

pub async fn first_attempts_are_awaited_until_the_last_has_ended(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a", "b"]).await;
    let waiting = waiting_for(&ledger, id).await;
    done(&*ledger, claim_one(&*ledger, "a").await).await;
    let held = claim_one(&*ledger, "b").await;
    let at_once = again(Duration::ZERO, Counts::No);
    settle(&*ledger, held, Outcome::Conflict, at_once).await;
    assert!(!waiting.is_finished(), "a conflict is not awaited for");
    let held = claim_one(&*ledger, "b").await;
    settle(&*ledger, held, Outcome::Retry, again(HOUR, Counts::Yes)).await;
    let runs = waiting.await.unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0].state, RunState::Done);
    assert_eq!(runs[1].attempts[1].outcome, Some(Outcome::Retry));
}

pub async fn first_attempts_of_parked_runs_are_not_awaited(place: &dyn Place) {
    let ledger = place.open().await;
    let held = plugin("a", PluginState::Held, None);
    ledger.put_plugin(held).await.unwrap();
    let id = record(&*ledger, &["a"]).await;
    let runs = ledger.first_attempts(id).await.unwrap();
    assert_eq!(runs[0].gate, Gate::Parked);
}

pub async fn first_attempts_end_when_a_plugin_is_paused_meanwhile(place: &dyn Place) {
    let ledger = place.open().await;
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded).await.unwrap();
    let id = record(&*ledger, &["a"]).await;
    let waiting = waiting_for(&ledger, id).await;
    ledger.pause("a".into(), "operator".into()).await.unwrap();
    assert_eq!(waiting.await.unwrap()[0].gate, Gate::Parked);
}

/// Someone who waits for first attempts, already waiting.
async fn waiting_for(
    ledger: &Arc<dyn Ledger>,
    id: DeliveryId,
) -> tokio::task::JoinHandle<Vec<RunRecord>> {
    let (waits, ledger) = (Arc::clone(ledger), Arc::clone(ledger));
    let waiting = tokio::spawn(async move { waits.first_attempts(id).await.unwrap() });
    tokio::task::yield_now().await;
    // A query after its query: it has been answered, as far as anybody can tell from outside.
    found(&*ledger, id).await;
    assert!(!waiting.is_finished());
    waiting
}

pub async fn whoever_waits_for_work_hears_of_it(place: &dyn Place) {
    let ledger = place.open().await;
    let mut signal = ledger.claimable();
    let mut heard = move || {
        let heard = signal.has_changed().unwrap();
        signal.mark_unchanged();
        heard
    };
    let id = record(&*ledger, &["a"]).await;
    assert!(heard(), "record");
    let held = claim_one(&*ledger, "a").await;
    assert!(!heard(), "claim");
    let at_once = again(Duration::ZERO, Counts::Yes);
    settle(&*ledger, held, Outcome::Retry, at_once).await;
    assert!(heard(), "settle again");
    let held = claim_one(&*ledger, "a").await;
    ledger.give_back(held).await.unwrap();
    assert!(heard(), "give back");
    let put = async |state| ledger.put_plugin(plugin("a", state, None)).await.unwrap();
    put(PluginState::Held).await;
    assert!(!heard(), "parked");
    put(PluginState::Loaded).await;
    assert!(heard(), "loaded");
    ledger.pause("a".into(), "operator".into()).await.unwrap();
    assert!(!heard(), "paused");
    ledger.resume("a".into()).await.unwrap();
    assert!(heard(), "resumed");
    done(&*ledger, claim_one(&*ledger, "a").await).await;
    assert!(!heard(), "done");
    ledger.replay(id, vec![run("a")]).await.unwrap();
    assert!(heard(), "replayed");
    record(&*ledger, &[]).await;
    assert!(!heard(), "a delivery without runs");
}
