//! A handler that is listed twice.

use hookbox_sdk::prelude::*;

#[on("discussion.comment")]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet, greet],
}

fn main() {}
