//! Handlers whose names hide something.

use hookbox_sdk::prelude::*;

#[on("repo.config")]
fn config(event: ConfigEvent) -> Result {
    let limit = config::get("limit")?;
    done(format!("{limit:?} {}", event.repo.name))
}

#[on("repo")]
fn std(event: RepoEvent) -> Result {
    done(std::mem::take(&mut event.id().to_owned()))
}

mod text {
    use hookbox_sdk::prelude::*;

    #[on("discussion.comment")]
    pub fn str(event: CommentEvent) -> Result {
        done(event.id())
    }
}

plugin! {
    description: "Is mistaken",
    handlers: [config, std, text::str],
}

fn main() {}
