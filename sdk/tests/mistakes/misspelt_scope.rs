//! A scope that is nearly one of the Hub's.

use hookbox_sdk::prelude::*;

#[on("discusion.comment")]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet],
}

fn main() {}
