//! A guest that subscribes to exactly `repo.config`, and tells by which names it saw an event.
#![cfg(target_family = "wasm")]

use hookbox_sdk::prelude::*;

plugin! {
    description: "Tells by which names it saw an event",
    handlers: [tell],
}

#[on("repo.config")]
fn tell(event: &Event) -> Result {
    done_json(&json!({
        "scope": event.scope(),
        "action": event.action(),
        "sent_scope": event.sent_scope(),
        "sent_action": event.sent_action(),
    }))
}
