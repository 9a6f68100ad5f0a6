//! Says hello to whoever comments on a discussion.

use hookbox_sdk::prelude::*;

plugin! {
    description: "Says hello to whoever comments",
    on: { "discussion.comment" [create] => greet },
}

fn greet(event: &Event) -> Result {
    let payload = event.payload()?;
    let Some(comment) = &payload.comment else {
        return ignored("there is no comment in the payload");
    };
    log::info!("a comment on {}", payload.repo.name);
    done(format!("hello {}", comment.author.id))
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
