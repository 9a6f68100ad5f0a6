//! What a builder refuses, and what it leaves alone.

use std::panic::{UnwindSafe, catch_unwind};

use super::*;
use crate::prelude::*;

/// What a test is told that makes a mistake.
#[track_caller]
fn told(mistake: impl FnOnce() -> SampleEvent + UnwindSafe) -> String {
    let panic = catch_unwind(mistake).expect_err("it is no mistake");
    let said = panic.downcast_ref::<String>().cloned();
    said.expect("it panics with a text")
}

#[test]
fn a_sample_that_nothing_was_done_to_is_as_it_was_sent() -> Result<()> {
    for known in sample::SAMPLES {
        let (built, event) = (sample(known.name).event(), Event::sample(known.name)?);
        assert_eq!(built.json()?, event.json()?, "{}", known.name);
        assert_eq!(
            (built.scope(), built.action()),
            (event.scope(), event.action())
        );
        assert_eq!((built.run_id(), built.attempt()), (event.run_id(), 1));
        assert_eq!(built.received_at_ms(), event.received_at_ms());
    }
    Ok(())
}

#[test]
fn a_method_changes_what_it_names_and_nothing_else() -> Result<()> {
    let sent = Event::sample("discussion-comment")?.json()?;
    let mut changed = sample("discussion-comment").content("hi").event().json()?;
    assert_eq!(changed["comment"]["content"], "hi");
    changed["comment"]["content"] = sent["comment"]["content"].clone();
    assert_eq!(changed, sent);
    Ok(())
}

#[test]
fn who_opens_a_discussion_writes_its_first_comment_and_who_comments_opens_nothing() -> Result<()> {
    let opened: DiscussionEvent = sample("discussion").author("ada").view();
    assert_eq!(opened.discussion.author.id, "ada");
    assert_eq!(opened.comment.unwrap_or_default().author.id, "ada");
    let commented: CommentEvent = sample("discussion-comment").author("ada").view();
    assert_eq!(commented.comment.author.id, "ada");
    assert_ne!(commented.discussion.author.id, "ada");
    let merged: DiscussionEvent = sample("discussion-update").author("ada").view();
    assert_eq!(merged.discussion.author.id, "ada");
    Ok(())
}

#[test]
fn a_comment_that_says_something_is_not_hidden() {
    let shown: CommentEvent = sample("discussion-comment-hidden").content("hi").view();
    assert!(shown.comment.is_visible());
    assert_eq!(shown.comment.content.as_deref(), Some("hi"));
}

#[test]
fn a_name_that_no_sample_has_is_told_with_those_there_are() {
    let said = told(|| sample("discusion-comment"));
    let start = "there is no sample `discusion-comment`: did you mean `discussion-comment`? There are repo-create, ";
    assert!(said.starts_with(start), "{said}");
}

#[test]
fn a_part_that_the_sample_lacks_is_not_made_up() {
    let check = |mistake: fn() -> SampleEvent, expected: &str| {
        assert_eq!(told(mistake), expected);
    };
    check(
        || sample("repo-create").content("hi"),
        "the sample `repo-create` has no `comment`: begin with discussion, discussion-pr, discussion-comment, \
         discussion-comment-edit, discussion-comment-hidden",
    );
    check(
        || sample("bucket-content").refs([("refs/heads/main", None, None)]),
        "the sample `bucket-content` has no `updatedRefs`: begin with repo-content, repo-content-tag, repo-content-pr",
    );
    check(
        || sample("repo-content").files([]),
        "the sample `repo-content` has no `updatedFiles`: begin with bucket-content",
    );
    check(
        || sample("repo-create").moved_to("a/b"),
        "the sample `repo-create` has no `movedTo`: begin with repo-move",
    );
    check(
        || sample("repo-create").changes(json!({})),
        "the sample `repo-create` has no `updatedConfig`: begin with repo-config, unknown-scope",
    );
}

#[test]
fn a_pointer_that_leads_nowhere_is_told() {
    let check = |mistake: fn() -> SampleEvent, expected: &str| {
        assert_eq!(told(mistake), expected);
    };
    check(
        || sample("repo-create").set("repo", 1),
        "nothing in `repo-create` can stand at `repo`",
    );
    check(
        || sample("repo-create").set("/repo/name/first", 1),
        "nothing in `repo-create` can stand at `/repo/name/first`",
    );
    check(
        || sample("repo-content").set("/updatedRefs/7", 1),
        "nothing in `repo-content` can stand at `/updatedRefs/7`",
    );
    check(
        || sample("repo-create").without("/comment"),
        "nothing in `repo-create` stands at `/comment`",
    );
}

#[test]
fn an_event_that_its_view_cannot_show_calls_no_handler() {
    let lacking = sample("discussion-comment").without("/comment");
    let said = told(move || {
        let _: CommentEvent = lacking.clone().view();
        lacking
    });
    assert!(
        said.starts_with("no handler is called with this event: Err(Rejected {"),
        "{said}"
    );
}

#[test]
fn what_is_escaped_in_a_pointer_is_a_part_of_the_key() -> Result<()> {
    let event = sample("repo-create").set("/repo/a~1b~0c", true).event();
    assert_eq!(event.json()?["repo"]["a/b~c"], true);
    Ok(())
}

#[test]
fn a_narrowed_event_is_seen_as_the_scope_above() {
    let event = sample("discussion-comment").narrowed_from("discussion.comment.reaction", "create");
    let seen: CommentEvent = event.attempt(2).run_id("7").view();
    assert_eq!(
        (seen.scope(), seen.action()),
        ("discussion.comment", "update")
    );
    assert_eq!(seen.sent_scope(), "discussion.comment.reaction");
    assert_eq!((seen.attempt(), seen.run_id()), (2, "7"));
}

#[test]
fn what_no_host_hands_over_is_refused() {
    let said = told(|| sample("discussion").attempt(0));
    assert_eq!(said, "there is no attempt 0: the first is 1");
    let said = told(|| sample("discussion").header("x-webhook-secret", "s"));
    assert_eq!(
        said,
        "no plugin sees the header `x-webhook-secret`: the host keeps webhook-id, content-type, user-agent, traceparent"
    );
    let said = told(|| sample("repo-create").set("/repo/~x", 1));
    assert_eq!(
        said,
        "`/repo/~x` is no JSON pointer: write `~0` for `~`, and `~1` for `/`"
    );
    assert!(told(|| sample("repo-create").set("/repo/a~", 1)).contains("no JSON pointer"));
}

#[test]
fn a_view_of_another_scope_is_refused() {
    let said = told(|| {
        let _: CommentEvent = sample("discussion-pr").view();
        sample("discussion")
    });
    assert_eq!(
        said,
        "no handler is called with this event: it is of `discussion`, and the view shows `discussion.comment`"
    );
    let all_under: DiscussionEvent = sample("discussion-comment").view();
    assert_eq!(all_under.scope(), "discussion.comment");
}
