//! The bot against a Hub of the test's own.

use hookbox_sdk::testing::{self, FakeHub, sample};

use super::*;

const PLACE: &str = "/api/models/some-user/some-repo/discussions/3";

#[test]
fn whoever_mentions_it_is_answered() {
    let _config = testing::config([("name", "my-bot")]);
    let hub = FakeHub::start();
    let answer = json!({"choices": [{"message": {"content": "It is Apache-2.0."}}]});
    hub.answers("POST", "/v1/chat/completions", &answer);
    hub.answers("GET", PLACE, &json!({"num": 3, "events": []}));
    let written = json!({"newMessage": {"id": "1", "type": "comment"}});
    hub.answers("POST", &format!("{PLACE}/comment"), &written);
    let mention = sample("discussion-comment").content("@my-bot, which licence is it?");
    let said = mention.to(PLUGIN);
    assert_eq!(said, Some(done("answered in some-user/some-repo#3")));
    let said = hub.bodies()[1]["comment"].to_string();
    assert!(said.contains("It is Apache-2.0."), "{said}");
}

#[test]
fn what_does_not_mention_it_costs_no_call() {
    let _config = testing::config([("name", "my-bot")]);
    let hub = FakeHub::start();
    let other = sample("discussion-comment").content("Which licence is it?");
    assert_eq!(other.to(PLUGIN), Some(ignored("not for me")));
    assert!(hub.asked().is_empty());
}
