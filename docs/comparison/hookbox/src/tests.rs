//! The bot against a Hub of the test's own.

use hookbox_sdk::testing::{self, FakeHub};

use super::*;

const PLACE: &str = "/api/models/some-user/some-repo/discussions/3";

/// Somebody comments.
fn comment(text: &str) -> Result<Event> {
    let mut payload = Event::sample("discussion-comment")?.json()?;
    payload["comment"]["content"] = json!(text);
    Event::from_json(&payload.to_string())
}

#[test]
fn whoever_mentions_it_is_answered() -> Result<()> {
    let _config = testing::config([("name", "my-bot")]);
    let hub = FakeHub::start();
    let answer = json!({"choices": [{"message": {"content": "It is Apache-2.0."}}]});
    hub.answers("POST", "/v1/chat/completions", &answer);
    hub.answers("GET", PLACE, &json!({"num": 3, "events": []}));
    let written = json!({"newMessage": {"id": "1", "type": "comment"}});
    hub.answers("POST", &format!("{PLACE}/comment"), &written);
    let said = PLUGIN.deliver(&comment("@my-bot, which licence is it?")?);
    assert_eq!(said, Some(done("answered in some-user/some-repo#3")));
    let said = hub.bodies()[1]["comment"].to_string();
    assert!(said.contains("It is Apache-2.0."), "{said}");
    Ok(())
}

#[test]
fn what_does_not_mention_it_costs_no_call() -> Result<()> {
    let _config = testing::config([("name", "my-bot")]);
    let hub = FakeHub::start();
    let said = PLUGIN.deliver(&comment("Which licence is it?")?);
    assert_eq!(said, Some(ignored("not for me")));
    assert!(hub.asked().is_empty());
    Ok(())
}
