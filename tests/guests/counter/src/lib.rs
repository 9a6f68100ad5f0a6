//! A guest that answers with its run and attempt, as cheaply as a guest can.
#![cfg(target_family = "wasm")]

use hookbox_sdk::prelude::*;

plugin! {
    description: "Answers with its run and attempt",
    handlers: [repos, discussions],
}

#[on("repo.*")]
fn repos(event: &Event) -> Result {
    count(event)
}

#[on("discussion.*")]
fn discussions(event: &Event) -> Result {
    count(event)
}

fn count(event: &Event) -> Result {
    done(format!(
        "run {} attempt {}",
        event.run_id(),
        event.attempt()
    ))
}
