//! Says hello to whoever comments on a discussion.

use hookbox_sdk::prelude::*;

#[on("discussion.comment", actions = [create])]
fn greet(event: CommentEvent) -> Result {
    let who = &event.comment.author.id;
    let said = event.comment.content.as_deref().unwrap_or_default();
    log::info!("{who} said on {}: {said}", event.repo.name);
    done(format!("hello {who}"))
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
        assert_eq!(
            PLUGIN.deliver(&event),
            Some(done("hello 61d2000c3c2083e1c08af22d"))
        );
        Ok(())
    }

    #[test]
    fn edits_and_other_scopes_are_none_of_its_business() -> Result<()> {
        for sample in [
            "discussion-comment-edit",
            "discussion-comment-hidden",
            "discussion",
            "repo-create",
        ] {
            assert_eq!(PLUGIN.deliver(&Event::sample(sample)?), None, "{sample}");
        }
        Ok(())
    }

    #[test]
    fn a_payload_without_a_comment_is_nothing_that_the_hub_sends() -> Result<()> {
        let event =
            Event::from_json(r#"{"event": {"scope": "discussion.comment", "action": "create"}}"#)?;
        assert!(matches!(
            PLUGIN.deliver(&event),
            Some(Err(Failure::Rejected { .. }))
        ));
        Ok(())
    }
}
