//! A function in the list that has no `#[on]`, and a name that is nowhere.

use hookbox_sdk::prelude::*;

#[on("discussion.comment")]
fn greet(event: CommentEvent) -> Result {
    done(event.id())
}

fn plain(event: &Event) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [greet, plain, gret],
}

fn main() {}
