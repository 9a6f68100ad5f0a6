//! Where two rules meet: what random steps found that each rule's own tests did not.

use super::{Place, claim, delivery, done, found, plugin, run};
use crate::delivery::{DeliveryId, DeliveryState, NewRun};
use crate::ledger::{Ledger, LedgerSettings, PluginState};

async fn record(ledger: &dyn Ledger, runs: Vec<NewRun>) -> DeliveryId {
    let delivery = delivery();
    let id = delivery.id;
    ledger.record(delivery, runs).await.unwrap();
    id
}

pub async fn a_delivery_of_which_one_run_was_given_up_waits_for_the_others(place: &dyn Place) {
    let settings = LedgerSettings {
        park_runs: 0,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    let held = plugin("a", PluginState::Held, Some("wants http"));
    ledger.put_plugin(held).await.unwrap();
    let id = record(&*ledger, vec![run("a"), run("b")]).await;
    assert_eq!(found(&*ledger, id).await.state, DeliveryState::Pending);
    let mut claims = claim(&*ledger, &["a", "b"], 9).await;
    assert_eq!(claims.len(), 1);
    done(&*ledger, claims.remove(0)).await;
    assert_eq!(found(&*ledger, id).await.state, DeliveryState::Dead);
}
