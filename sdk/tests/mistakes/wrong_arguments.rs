//! No argument, and two.

use hookbox_sdk::prelude::*;

#[on("discussion.comment")]
fn greet() -> Result {
    done("")
}

#[on("repo")]
fn both(event: RepoEvent, again: RepoEvent) -> Result {
    done(format!("{}{}", event.id(), again.id()))
}

#[on("repo.config")]
fn changing(event: &mut ConfigEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet, both, changing],
}

fn main() {}
