//! A function with two `#[on]`.

use hookbox_sdk::prelude::*;

#[on("repo.content")]
#[on("repo.config")]
fn changed(event: RepoEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [changed],
}

fn main() {}
