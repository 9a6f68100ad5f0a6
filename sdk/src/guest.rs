//! The component's side of the interface: turns what the host passes into an [`Event`], and a plugin's answer back.
//!
//! Wasm only. It never decides anything: [`Plugin`] does.

pub use crate::bindings::exports::hookbox::plugin::handler::{
    Delivery as WitDelivery, Failure as WitFailure, Guest, Manifest as WitManifest,
    Outcome as WitOutcome,
};
use crate::bindings::hookbox::plugin::types::{RetryLater, Subscription, Want};
use crate::event::{Delivery, Event};
use crate::{Failure, Outcome, Plugin};

/// The manifest in the interface's words. It is put into its one caller, where the plugin is known: one that wants
/// nothing carries nothing that writes wants.
#[inline(always)]
pub fn describe(plugin: &Plugin) -> WitManifest {
    let manifest = plugin.manifest();
    let subscriptions = manifest.subscriptions.into_iter();
    WitManifest {
        version: manifest.version,
        description: manifest.description,
        subscriptions: subscriptions
            .map(|s| Subscription {
                scope: s.scope,
                actions: s.actions,
            })
            .collect(),
        wants: if manifest.wants.is_empty() {
            Vec::new()
        } else {
            manifest.wants.into_iter().map(wanted).collect()
        },
    }
}

fn wanted(want: crate::Want) -> Want {
    Want {
        kind: want.kind.to_owned(),
        detail: want.detail(),
        name: want.name,
        required: want.required,
        reason: want.reason,
    }
}

/// Hands a delivery to the plugin's handler.
pub fn handle(plugin: &Plugin, delivery: WitDelivery) -> Result<WitOutcome, WitFailure> {
    let seen = delivery.event;
    let event = Event::hosted(Delivery {
        id: delivery.id,
        run_id: delivery.run_id,
        attempt: delivery.attempt,
        received_at_ms: delivery.received_at,
        scope: seen.scope,
        action: seen.action,
        sent_scope: seen.sent_scope,
        sent_action: seen.sent_action,
        repo_type: seen.repo_type,
        repo_name: seen.repo_name,
        repo_id: seen.repo_id,
    });
    match plugin.handle(event) {
        Ok(Outcome::Done(text)) => Ok(WitOutcome::Done(text)),
        Ok(Outcome::Ignored(text)) => Ok(WitOutcome::Ignored(text)),
        Err(Failure::Retry { reason, after_ms }) => {
            Err(WitFailure::Retry(RetryLater { reason, after_ms }))
        }
        Err(Failure::Rejected { reason }) => Err(WitFailure::Rejected(reason)),
    }
}
