//! Cards against a Hub of the test's own.

use hookbox_sdk::http::Response;
use hookbox_sdk::hub::RepoKind;
use hookbox_sdk::serde_json::Value;
use hookbox_sdk::testing::{self, FakeHub};

use super::*;

const NEW: &str = "575db8b7a51b6f85eb06eee540738584589f131c";
const PLACE: &str = "/api/datasets/my-org/reviews/discussions";
const KEY: &str = "review/6366c000a2abcdf2fd69a080";
/// A card of 20 points, and one of 35.
const POOR: &str = "---\nlicense: mit\n---\n";
const BETTER: &str = "---\nlicense: mit\nlanguage: en\n---\n";

fn event(event: Value, refs: Value) -> Event {
    let event = json!({
        "event": event, "updatedRefs": refs,
        "repo": {"type": "dataset", "name": "my-org/reviews", "id": "6366c000a2abcdf2fd69a080"},
    });
    Event::from_json(&event.to_string()).unwrap()
}

fn pushed() -> Event {
    let refs = json!([{"ref": "refs/heads/main", "oldSha": null, "newSha": NEW}]);
    event(json!({"scope": "repo.content", "action": "update"}), refs)
}

fn granted() -> impl Sized {
    (testing::config([("account", "my-bot")]), testing::state())
}

/// Where a card is read.
fn place(revision: &str) -> String {
    format!("/datasets/my-org/reviews/raw/{revision}/README.md")
}

/// A Hub with a card and no discussion.
fn hub(card: &str) -> FakeHub {
    let hub = FakeHub::start();
    hub.answers_with("GET", &place(NEW), Ok(Response::new(200).with_body(card)));
    hub.answers(
        "POST",
        PLACE,
        &json!({"num": 5, "url": "https://huggingface.co/x"}),
    );
    let written = json!({"newMessage": {"id": "1", "type": "comment"}});
    hub.answers("POST", &format!("{PLACE}/5/comment"), &written);
    hub
}

/// Gives it discussions by these accounts, all with the title of a review.
fn with_discussions(hub: &FakeHub, discussions: &[(u64, &str)]) {
    let listed = discussions.iter().map(|(num, author)| {
        json!({"num": num, "title": TITLE, "status": "open", "author": {"name": author}})
    });
    let listed: Vec<_> = listed.collect();
    hub.answers(
        "GET",
        PLACE,
        &json!({"count": listed.len(), "start": 0, "discussions": listed}),
    );
}

/// Gives it the discussion 5, with these texts in it.
fn with_thread(hub: &FakeHub, status: &str, texts: &[String]) {
    let said = |text: &String| said("my-bot", text);
    let events: Vec<_> = texts.iter().map(said).collect();
    with_events(hub, status, &events);
}

/// What an account said.
fn said(author: &str, text: &str) -> Value {
    json!({"id": "9", "type": "comment", "author": {"name": author}, "data": {"latest": {"raw": text}}})
}

/// Gives it the discussion 5, with these events in it.
fn with_events(hub: &FakeHub, status: &str, events: &[Value]) {
    let thread = json!({"num": 5, "title": TITLE, "status": status, "events": events});
    hub.answers("GET", &format!("{PLACE}/5"), &thread);
}

/// What a run has written of a card.
fn written(card: &str, run_id: &str) -> String {
    marked(&Review::new(RepoKind::Dataset, card).to_string(), run_id)
}

fn kept() -> Option<String> {
    state::open().unwrap().text(KEY).unwrap()
}

fn keep(text: &str) {
    state::open().unwrap().set(KEY, text).unwrap();
}

#[test]
fn a_repo_is_reviewed_once() {
    let _granted = granted();
    let hub = hub(POOR);
    with_discussions(&hub, &[]);
    let event = pushed();
    assert_eq!(
        PLUGIN.deliver(&event),
        Some(done("reviewed in datasets/my-org/reviews#5: 20"))
    );
    let opened = hub.bodies().remove(0);
    assert_eq!(opened["title"], TITLE);
    assert_eq!(opened["description"], written(POOR, event.run_id()));
    assert_eq!(kept().as_deref(), Some("5 20"));
    // The next push with the same score costs one look at the card.
    assert_eq!(
        PLUGIN.deliver(&event),
        Some(ignored("the score is still 20"))
    );
    assert_eq!(hub.asked().len(), 4);
    assert_eq!(hub.bodies().len(), 1);
}

#[test]
fn another_score_becomes_a_comment() {
    let _granted = granted();
    keep("5 20");
    let hub = hub(BETTER);
    with_thread(&hub, "open", &[]);
    let event = pushed();
    let said = done("commented in datasets/my-org/reviews#5: 35");
    assert_eq!(PLUGIN.deliver(&event), Some(said));
    let comment = hub.bodies().remove(0);
    let comment = comment["comment"].as_str().unwrap();
    assert!(
        comment.starts_with("Metadata score: **35 of 100**") && is_marked(comment),
        "{comment}"
    );
    assert_eq!(kept().as_deref(), Some("5 35"));
}

#[test]
fn an_attempt_that_was_cut_off_finds_what_it_wrote() {
    let _granted = granted();
    let event = pushed().with_attempt(2);
    let hub = hub(BETTER);
    with_discussions(&hub, &[(5, "my-bot")]);
    with_thread(&hub, "open", &[written(BETTER, event.run_id())]);
    // After the discussion was opened: nothing was kept, it is found by its mark.
    assert_eq!(
        PLUGIN.deliver(&event),
        Some(ignored("the score is still 35"))
    );
    assert_eq!(kept().as_deref(), Some("5 35"));
    // After the comment was written: the old score is kept, the comment is found.
    keep("5 20");
    assert!(PLUGIN.deliver(&event).unwrap().is_ok());
    assert_eq!(kept().as_deref(), Some("5 35"));
    assert!(hub.bodies().is_empty());
}

#[test]
fn a_review_is_found_again_with_the_score_that_it_told_last() {
    let _granted = granted();
    let hub = hub(BETTER);
    // One of somebody else, and one of the account that no run has written.
    with_discussions(&hub, &[(9, "somebody"), (5, "my-bot"), (4, "my-bot")]);
    let by_hand = json!({"num": 4, "events": [said("my-bot", "Metadata score: **99 of 100**")]});
    hub.answers("GET", &format!("{PLACE}/4"), &by_hand);
    let texts = [
        written(POOR, "a"),
        "Metadata score: **1 of 100**, it says.".to_owned(),
    ];
    with_thread(&hub, "open", &texts);
    assert_eq!(
        PLUGIN.deliver(&pushed()),
        Some(done("commented in datasets/my-org/reviews#5: 35"))
    );
    let list = format!("GET {PLACE}?p=0&type=discussion&status=all&author=my-bot");
    assert!(hub.asked().contains(&list), "{:?}", hub.asked());
    assert!(!hub.asked().contains(&format!("GET {PLACE}/9")));
}

#[test]
fn a_score_that_somebody_else_wrote_does_not_count() {
    let _granted = granted();
    let hub = hub(POOR);
    with_discussions(&hub, &[(5, "My-Bot")]);
    // With a mark, and the score that would have it say nothing.
    let (own, theirs) = (written(BETTER, "a"), written(POOR, "b"));
    with_events(
        &hub,
        "open",
        &[said("My-Bot", &own), said("somebody", &theirs)],
    );
    let told = done("commented in datasets/my-org/reviews#5: 20");
    assert_eq!(PLUGIN.deliver(&pushed()), Some(told));
}

#[test]
fn a_review_that_nobody_wants_is_left_alone() {
    let _granted = granted();
    keep("5 20");
    let hub = hub(BETTER);
    with_thread(&hub, "closed", &[]);
    let said = ignored("datasets/my-org/reviews#5 is closed");
    assert_eq!(PLUGIN.deliver(&pushed()), Some(said));
    keep("6 20");
    hub.answers_with("GET", &format!("{PLACE}/6"), Ok(Response::new(404)));
    let said = ignored("datasets/my-org/reviews#6 is gone");
    assert_eq!(PLUGIN.deliver(&pushed()), Some(said));
    assert!(hub.bodies().is_empty());
}

#[test]
fn a_new_repo_is_reviewed_if_it_has_a_card() {
    let _granted = granted();
    let created = event(json!({"scope": "repo", "action": "create"}), json!([]));
    let hub = hub("");
    with_discussions(&hub, &[]);
    let none = Response::new(404).with_header("X-Error-Code", "EntryNotFound");
    hub.answers_with("GET", &place("main"), Ok(none));
    hub.answers_with(
        "GET",
        &place("main"),
        Ok(Response::new(200).with_body(POOR)),
    );
    let said = ignored("it has no card yet: its first push is reviewed");
    assert_eq!(PLUGIN.deliver(&created), Some(said));
    let said = done("reviewed in datasets/my-org/reviews#5: 20");
    assert_eq!(PLUGIN.deliver(&created), Some(said));
}

#[test]
fn a_push_without_a_card_has_no_points() {
    let _granted = granted();
    let hub = FakeHub::start();
    hub.answers_with("GET", &place(NEW), Ok(Response::new(404)));
    with_discussions(&hub, &[]);
    hub.answers("POST", PLACE, &json!({"num": 5}));
    let said = done("reviewed in datasets/my-org/reviews#5: 0");
    assert_eq!(PLUGIN.deliver(&pushed()), Some(said));
}

#[test]
fn what_is_no_card_of_main_costs_no_call() {
    let _granted = granted();
    let hub = FakeHub::start();
    let update = json!({"scope": "repo.content", "action": "update"});
    for name in ["refs/pr/1", "refs/tags/v1", "refs/heads/dev"] {
        let refs = json!([{"ref": name, "newSha": NEW}]);
        let said = ignored("main did not change");
        assert_eq!(
            PLUGIN.deliver(&event(update.clone(), refs)),
            Some(said),
            "{name}"
        );
    }
    for sha in [Value::Null, json!("../../x")] {
        let refs = json!([{"ref": "refs/heads/main", "newSha": sha}]);
        let said = ignored("main is gone: there is nothing to review");
        assert_eq!(PLUGIN.deliver(&event(update.clone(), refs)), Some(said));
    }
    let space = json!({
        "event": update, "repo": {"type": "space", "name": "a/b"},
        "updatedRefs": [{"ref": "refs/heads/main", "newSha": NEW}],
    });
    let space = Event::from_json(&space.to_string()).unwrap();
    let said = ignored("it is neither a model nor a dataset");
    assert_eq!(PLUGIN.deliver(&space), Some(said));
    // Its own discussion and comment come back as these.
    for other in [
        "repo-delete",
        "repo-move",
        "discussion",
        "discussion-comment",
        "discussion-update",
    ] {
        assert_eq!(
            PLUGIN.deliver(&Event::sample(other).unwrap()),
            None,
            "{other}"
        );
    }
    assert!(hub.asked().is_empty());
}

#[test]
fn a_hub_that_says_no_is_asked_again_only_if_that_can_help() {
    let _granted = granted();
    let answer = |response: Response| {
        let hub = FakeHub::start();
        hub.answers_with("GET", &place(NEW), Ok(response));
        match PLUGIN.deliver(&pushed()).unwrap().unwrap_err() {
            Failure::Retry { after_ms, .. } => Some(after_ms),
            Failure::Rejected { .. } => None,
        }
    };
    let limited = Response::new(429).with_header("RateLimit", r#""resolvers";r=0;t=20"#);
    assert_eq!(answer(limited), Some(Some(21_000)));
    assert_eq!(answer(Response::new(502)), Some(None));
    assert_eq!(answer(Response::new(403)), None);
    let hidden = Response::new(404).with_header("X-Error-Code", "RepoNotFound");
    assert_eq!(answer(hidden), None);
    assert_eq!(kept(), None);
}

#[test]
fn discussions_that_are_turned_off_end_it() {
    let _granted = granted();
    let hub = FakeHub::start();
    hub.answers_with("GET", &place(NEW), Ok(Response::new(200).with_body(POOR)));
    with_discussions(&hub, &[]);
    hub.answers_with("POST", PLACE, Ok(Response::new(403)));
    let failure = PLUGIN.deliver(&pushed()).unwrap().unwrap_err();
    assert!(matches!(&failure, Failure::Rejected { .. }), "{failure:?}");
}

#[test]
fn a_card_that_is_large_or_no_text_is_read_as_far_as_it_goes() {
    let _granted = granted();
    keep("5 20");
    for card in [
        [POOR.as_bytes(), &vec![b'\n'; 2 * CARD_BYTES_MAX]].concat(),
        [POOR.as_bytes(), &[0xff; 10]].concat(),
    ] {
        let hub = FakeHub::start();
        hub.answers_with("GET", &place(NEW), Ok(Response::new(200).with_body(card)));
        assert_eq!(
            PLUGIN.deliver(&pushed()),
            Some(ignored("the score is still 20"))
        );
    }
}
