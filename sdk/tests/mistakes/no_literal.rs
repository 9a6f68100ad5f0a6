//! Scopes that are not written out.

use hookbox_sdk::prelude::*;

const SCOPE: &str = "repo";

#[on(SCOPE)]
fn constant(event: RepoEvent) -> Result {
    done(event.id())
}

#[on(concat!("repo", ".content"))]
fn joined(event: ContentEvent) -> Result {
    done(event.id())
}

#[on(scope = "repo.config")]
fn named(event: ConfigEvent) -> Result {
    done(event.id())
}

plugin! {
    description: SCOPE,
    handlers: [constant, joined, named],
}

fn main() {}
