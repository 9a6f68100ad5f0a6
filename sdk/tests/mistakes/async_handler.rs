//! A handler that is `async`.

use hookbox_sdk::prelude::*;

#[on("discussion.comment")]
async fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet],
}

fn main() {}
