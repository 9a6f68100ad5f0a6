//! What `#[on]` cannot stand on.

use hookbox_sdk::prelude::*;

struct Greeter;

impl Greeter {
    #[on("discussion.comment")]
    fn greet(&self, event: CommentEvent) -> Result {
        done(event.id())
    }
}

#[on("repo")]
struct Other;

#[on("repo.config")]
unsafe fn harmful(event: ConfigEvent) -> Result {
    done(event.id())
}

fn main() {}
