//! What an event of a test tells.

use super::*;

#[test]
fn a_sample_carries_what_the_host_would_say_of_it() -> Result<()> {
    let event = Event::sample("repo-content")?.with_attempt(3);
    assert_eq!((event.scope(), event.action()), ("repo.content", "update"));
    assert_eq!(
        (event.sent_scope(), event.sent_action()),
        ("repo.content", "update")
    );
    assert_eq!(event.repo_type(), Some("model"));
    assert_eq!(event.repo_id(), Some("6366c000a2abcdf2fd69a080"));
    assert_eq!(event.attempt(), 3);
    assert_eq!(event.received_at_ms(), 1_767_225_600_000);
    assert_ne!(event.id(), event.run_id());
    Ok(())
}

#[test]
fn the_payload_is_there_typed_as_a_tree_and_as_bytes() -> Result<()> {
    let text = r#"{"event": {"scope": "repo", "action": "create"}, "new": {"deep": [1]}}"#;
    let event = Event::from_json(text)?;
    assert_eq!(event.raw(), text.as_bytes());
    assert_eq!(event.json()?.pointer("/new/deep/0"), Some(&Value::from(1)));
    assert_eq!(event.payload()?.event.scope, "repo");
    assert_eq!(event.repo_name(), None);
    Ok(())
}

#[test]
fn what_is_no_object_is_rejected_with_the_reason() {
    let no_object = Event::from_json("[1]")
        .map(|_| ())
        .map_err(|failure| failure.reason().to_owned());
    let expected =
        "the payload is JSON, but no object: the Hub sends objects, so check what posted it";
    assert_eq!(no_object, Err(expected.to_owned()));
    let cut = Event::from_json("{\"event\": {")
        .map(|_| ())
        .map_err(|failure| failure.reason().to_owned());
    let expected = "the payload is no JSON that can be read (there is no key at byte 11): check what posted it";
    assert_eq!(cut, Err(expected.to_owned()));
}

#[test]
fn an_unknown_sample_names_those_there_are() {
    let reason = Event::sample("nope")
        .map(|_| ())
        .map_err(|failure| failure.reason().to_owned());
    assert!(
        reason.is_err_and(
            |text| text.contains("`nope`") && text.contains("discussion-comment-hidden")
        )
    );
}
