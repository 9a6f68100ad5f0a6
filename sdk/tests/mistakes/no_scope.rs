//! A text that can be no scope.

use hookbox_sdk::prelude::*;

#[on("Repo Content!!")]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet],
}

fn main() {}
