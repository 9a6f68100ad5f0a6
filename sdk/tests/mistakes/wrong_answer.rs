//! Handlers that return no result.

use hookbox_sdk::prelude::*;

#[on("discussion.comment")]
fn greet(event: CommentEvent) -> u32 {
    event.attempt()
}

#[on("repo")]
fn silent(event: RepoEvent) {
    log::info!("{}", event.id());
}

plugin! {
    description: "Is mistaken",
    handlers: [greet, silent],
}

fn main() {}
