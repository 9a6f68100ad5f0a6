//! A view of moves on other actions.

use hookbox_sdk::prelude::*;

#[on("repo")]
fn greet(event: MoveEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet],
}

fn main() {}
