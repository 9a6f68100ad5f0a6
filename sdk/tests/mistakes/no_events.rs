//! Handlers that do not say of what.

use hookbox_sdk::prelude::*;

#[on]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

#[on(5)]
fn number(event: CommentEvent) -> Result {
    done(event.id())
}

#[on(discussion)]
fn bare(event: CommentEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet, number, bare],
}

fn main() {}
