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
    let said = comment.content.as_deref().unwrap_or_default();
    log::info!(
        "{} said on {}: {said}",
        comment.author.id,
        payload.repo.name
    );
    done(format!("hello {}", comment.author.id))
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
    fn a_payload_without_a_comment_is_left_alone() -> Result<()> {
        let event =
            Event::from_json(r#"{"event": {"scope": "discussion.comment", "action": "create"}}"#)?;
        assert_eq!(
            PLUGIN.deliver(&event),
            Some(ignored("there is no comment in the payload"))
        );
        Ok(())
    }
}
