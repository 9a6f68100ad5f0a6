//! Says hello to whoever comments on a discussion.

use hookbox_sdk::prelude::*;

#[on("discussion.comment", actions = [create])]
fn greet(event: CommentEvent) -> Result {
    log::info!("a comment on {}", event.repo.name);
    done(format!("hello {}", event.comment.author.id))
}

plugin! {
    description: "Says hello to whoever comments",
    handlers: [greet],
}

#[cfg(test)]
mod tests {
    use super::*;
    use hookbox_sdk::testing::sample;

    #[test]
    fn whoever_comments_is_greeted() {
        let comment = sample("discussion-comment").author("ada").content("hi");
        assert_eq!(greet(comment.view()), done("hello ada"));
    }

    #[test]
    fn nobody_else_is() {
        assert_eq!(sample("discussion").to(PLUGIN), None);
    }
}
