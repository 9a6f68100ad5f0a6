//! A guest that answers with its run and attempt, as cheaply as a guest can.
#![cfg(target_family = "wasm")]

use hookbox_sdk::prelude::*;

plugin! {
    description: "Answers with its run and attempt",
    on: { "repo.*" => count, "discussion.*" => count },
}

fn count(event: &Event) -> Result {
    done(format!(
        "run {} attempt {}",
        event.run_id(),
        event.attempt()
    ))
}
