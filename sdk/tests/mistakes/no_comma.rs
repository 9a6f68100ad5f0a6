//! Lines without a comma between them.

use hookbox_sdk::prelude::*;

#[on("discussion.comment")]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

#[on("repo")]
fn created(event: RepoEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken"
    handlers: [greet, created],
}

fn main() {}
