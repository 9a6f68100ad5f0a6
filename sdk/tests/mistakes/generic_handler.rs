//! Handlers with generics, lifetimes and types that are not one.

use hookbox_sdk::prelude::*;

#[on("repo.content")]
fn generic<T: Fn(u8) -> u8>(event: ContentEvent) -> Result {
    done(event.id())
}

#[on("repo")]
fn borrowed<'a>(event: &'a RepoEvent) -> Result {
    done(event.id())
}

#[on("repo.config")]
fn any(event: impl AsRef<str>) -> Result {
    done(event.as_ref())
}

#[on("discussion")]
fn long(event: &'static DiscussionEvent) -> Result {
    done(event.id())
}

plugin! {
    description: "Is mistaken",
    handlers: [generic, borrowed, any, long],
}

fn main() {}
