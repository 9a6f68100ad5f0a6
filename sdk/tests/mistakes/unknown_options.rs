//! What may not follow the scope.

use hookbox_sdk::prelude::*;

#[on("discussion.comment", action = [create])]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

#[on("discussion", actions = ["create"])]
fn quoted(event: DiscussionEvent) -> Result {
    done(event.id())
}

#[on("repo", actions = [])]
fn empty(event: RepoEvent) -> Result {
    done(event.id())
}

#[on("repo.content", actions = [update, update])]
fn twice(event: ContentEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet, quoted, empty, twice],
}

fn main() {}
