//! Two handlers of the same events.

use hookbox_sdk::prelude::*;

#[on("discussion.comment", actions = [create, update])]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

#[on("discussion.comment", actions = [update])]
fn edited(event: CommentEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet, edited],
}

fn main() {}
