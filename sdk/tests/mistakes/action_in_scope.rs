//! Scopes that end with an action, or are only the end of one.

use hookbox_sdk::prelude::*;

#[on("discussion.comment.create")]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

#[on("comment")]
fn count(event: CommentEvent) -> Result {
    done(event.id())
}

#[on("content")]
fn pushed(event: ContentEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet, count, pushed],
}

fn main() {}
