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

    #[test]
    fn whoever_comments_is_greeted() -> Result<()> {
        let event = Event::sample("discussion-comment")?;
        let said = PLUGIN.deliver(&event);
        assert_eq!(said, Some(done("hello 61d2000c3c2083e1c08af22d")));
        Ok(())
    }
}
