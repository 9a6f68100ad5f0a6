//! Keys that a plugin does not have, or has twice.

use hookbox_sdk::prelude::*;

#[on("discussion.comment")]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet],
    wnats: [Want::state("much")],
    colour: "red",
    description: "Is mistaken again",
}

fn main() {}
