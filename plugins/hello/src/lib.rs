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
    use hookbox_sdk::testing::{self, sample};

    #[test]
    fn whoever_comments_is_greeted() {
        let logs = testing::logs();
        let comment = sample("discussion-comment").author("ada").content("hi");
        assert_eq!(greet(comment.view()), done("hello ada"));
        assert_eq!(logs.lines(), ["INFO ada said on some-user/some-repo: hi"]);
    }

    #[test]
    fn edits_and_other_scopes_are_none_of_its_business() {
        for name in [
            "discussion-comment-edit",
            "discussion-comment-hidden",
            "discussion",
            "repo-create",
        ] {
            assert_eq!(sample(name).to(PLUGIN), None, "{name}");
        }
    }

    #[test]
    fn a_payload_without_a_comment_is_nothing_that_the_hub_sends() {
        let answer = sample("discussion-comment").without("/comment").to(PLUGIN);
        assert!(matches!(answer, Some(Err(Failure::Rejected { .. }))));
    }
}
