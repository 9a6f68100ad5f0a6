//! An argument that is no event.

use hookbox_sdk::prelude::*;

#[on("discussion.comment")]
fn greet(event: String) -> Result {
    done(event)
}

plugin! {
    description: "Is mistaken",
    handlers: [greet],
}

fn main() {}
