//! A view that shows another scope.

use hookbox_sdk::prelude::*;

#[on("repo.content")]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

#[on("*")]
fn rest(event: &RepoEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet, rest],
}

fn main() {}
