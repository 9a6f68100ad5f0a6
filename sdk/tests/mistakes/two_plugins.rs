//! Two plugins in one crate.

use hookbox_sdk::prelude::*;

#[on("discussion.comment")]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet],
}

plugin! {
    description: "Is mistaken",
    handlers: [greet],
}

fn main() {}
