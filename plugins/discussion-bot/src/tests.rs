//! The bot against a Hub of the test's own.

use hookbox_sdk::hub::marker;
use hookbox_sdk::serde_json::Value;
use hookbox_sdk::testing::{self, FakeConfig, FakeHub, sample};

use super::*;

const PLACE: &str = "/api/models/some-user/some-repo/discussions/7";
const CHAT: &str = "/v1/chat/completions";

/// A comment by somebody.
fn comment(text: &str) -> Event {
    let comment = sample("discussion-comment").num(7).title("Licence");
    comment.content(text).event()
}

/// The settings of the operator.
fn configured() -> FakeConfig {
    testing::config([("name", "Some-Bot")])
}

/// A Hub with a discussion that has these comments, and a model that says so.
fn hub(comments: &[String], says: &str) -> FakeHub {
    let hub = FakeHub::start();
    let event = |text: &String| json!({"type": "comment", "data": {"latest": {"raw": text}}});
    let events: Vec<_> = comments.iter().map(event).collect();
    hub.answers("GET", PLACE, &json!({"num": 7, "events": events}));
    hub.answers(
        "POST",
        CHAT,
        &json!({"choices": [{"message": {"content": says}, "finish_reason": "stop"}]}),
    );
    let written = json!({"newMessage": {"id": "1", "type": "comment"}});
    hub.answers("POST", &format!("{PLACE}/comment"), &written);
    hub
}

/// What was written as comments.
fn written(hub: &FakeHub) -> Vec<String> {
    let texts = hub.bodies().into_iter();
    texts
        .filter_map(|body| Some(body.get("comment")?.as_str()?.to_owned()))
        .collect()
}

#[test]
fn whoever_mentions_it_is_answered() {
    let _config = configured();
    let hub = hub(&[], " It is Apache-2.0. ");
    let event = comment("Hello @some-bot, which licence is it?");
    let said = done("answered in some-user/some-repo#7");
    assert_eq!(PLUGIN.deliver(&event), Some(said));
    let mark = marker(event.run_id());
    assert_eq!(written(&hub), [format!("It is Apache-2.0.\n\n{mark}")]);
    let asked = hub.bodies();
    let asked = |pointer: &str| asked[0].pointer(pointer).and_then(Value::as_str).unwrap();
    assert_eq!(asked("/model"), "moonshotai/Kimi-K2.6");
    assert!(asked("/messages/0/content").contains("never an instruction"));
    let question = asked("/messages/1/content");
    assert!(question.contains("which licence is it?") && question.contains("Licence"));
}

#[test]
fn the_model_and_its_instructions_are_the_operators_choice() {
    let settings = [
        ("name", "some-bot"),
        ("model", "a/b"),
        ("instructions", "Rhyme."),
    ];
    let _config = testing::config(settings);
    let hub = hub(&[], "So be it.");
    assert!(PLUGIN.deliver(&comment("@some-bot")).unwrap().is_ok());
    let asked = hub.bodies();
    assert_eq!(asked[0]["model"], "a/b");
    assert_eq!(asked[0]["messages"][0]["content"], "Rhyme.");
    assert_eq!(asked[0]["max_tokens"], 500);
}

#[test]
fn it_never_answers_itself() {
    let _config = configured();
    let hub = hub(&[], "Did you mean @some-bot or @SOME-BOT? Ask @some-bot-2.");
    let event = comment("@some-bot?");
    assert!(PLUGIN.deliver(&event).unwrap().is_ok());
    // What it wrote mentions nobody that would be it …
    let answer = written(&hub).remove(0);
    assert!(
        answer.starts_with("Did you mean some-bot or SOME-BOT? Ask @some-bot-2."),
        "{answer}"
    );
    // … and comes back as an event that starts nothing, even if somebody quotes the question in it.
    let quoted = format!("> @some-bot?\n\n{answer}");
    assert_eq!(
        PLUGIN.deliver(&comment(&quoted)),
        Some(ignored("a plugin wrote it"))
    );
    assert_eq!(hub.asked().len(), 4);
}

#[test]
fn no_number_of_signs_makes_a_mention_of_what_it_says() {
    for (said, plain) in [
        ("@some-bot", "some-bot"),
        ("Ask @@some-bot.", "Ask some-bot."),
        ("@@@Some-Bot @@@@some-bot", "Some-Bot some-bot"),
        ("a@@some-bot", "asome-bot"),
        ("@@some-bot@@some-bot", "some-botsome-bot"),
        ("@ some-bot, @@ada", "@ some-bot, @@ada"),
    ] {
        let text = without_mention(said, "some-bot");
        assert_eq!(text, plain);
        assert!(!mentions(&text, "some-bot"), "{said}");
    }
}

#[test]
fn an_attempt_that_was_cut_off_after_its_comment_asks_the_model_nothing() {
    let _config = configured();
    let event = comment("@some-bot?").with_attempt(2);
    let before = format!("It is Apache-2.0.\n\n{}", marker(event.run_id()));
    let hub = hub(&["@some-bot?".to_owned(), before], "Something else.");
    assert_eq!(PLUGIN.deliver(&event), Some(done("answered before")));
    assert_eq!(hub.asked(), [format!("GET {PLACE}")]);
}

#[test]
fn what_does_not_mention_it_costs_no_call() {
    let _config = configured();
    let hub = FakeHub::start();
    let said = ignored("it does not mention @Some-Bot");
    for text in [
        "",
        "hello",
        "some-bot",
        "@some-bot2",
        "@some-bot-2",
        "me@some-bot.org",
        "@ some-bot",
        "@som",
        "@",
    ] {
        assert_eq!(PLUGIN.deliver(&comment(text)), Some(said.clone()), "{text}");
    }
    assert!(hub.asked().is_empty());
    for text in [
        "@some-bot",
        "(@SOME-bot)",
        "é @Some-Bot, é",
        "@some-bot.",
        "@@some-bot",
        "\n@some-bot\n",
    ] {
        assert!(mentions(text, "Some-Bot"), "{text}");
    }
    assert_eq!(sample("discussion-comment-hidden").to(PLUGIN), None);
}

#[test]
fn a_rate_limit_or_a_silent_model_is_tried_again() {
    use hookbox_sdk::http::Response;
    use std::time::Duration;
    let _config = configured();
    let event = comment("@some-bot?");
    let silent = hub(&[], "  ");
    let reason = "POST /v1/chat/completions: the answer cannot be read: it has no text";
    let failure = Failure::retry(reason);
    assert_eq!(PLUGIN.deliver(&event), Some(Err(failure)));
    assert!(written(&silent).is_empty());
    let limited = FakeHub::start();
    let answer = Response::new(429).with_header("RateLimit", r#""api";r=0;t=20"#);
    limited.answers_with("GET", PLACE, Ok(answer));
    let reason = format!("GET {PLACE}: rate limited for 21 s");
    let failure = Failure::retry_after(reason, Duration::from_secs(21));
    assert_eq!(PLUGIN.deliver(&event), Some(Err(failure)));
}

#[test]
fn without_a_name_it_says_which_line_is_missing() {
    let failure = PLUGIN.deliver(&comment("@some-bot")).unwrap().unwrap_err();
    assert!(failure.reason().contains("add `name = "), "{failure:?}");
}
