//! What the fakes keep, and that they keep it for one test alone.

use std::thread;

use crate::http::{Error, ErrorKind, Request, Response};
use crate::prelude::*;
use crate::testing::{self, FakeHttp, FakeHub};

fn status(url: &str) -> Result<u16, ErrorKind> {
    let answer = Request::get(url).send();
    answer
        .map(|answer| answer.status())
        .map_err(|error| error.kind())
}

#[test]
fn the_address_that_says_most_is_meant() {
    let http = FakeHttp::start();
    http.answers("GET", "/a", Response::new(201));
    http.answers("GET", "/a?b", Response::new(202));
    http.answers("GET", "https://x.example/a", Response::new(203));
    http.answers("GET", "https://x.example/a?b", Response::new(204));
    assert_eq!(status("https://x.example/a?b"), Ok(204));
    assert_eq!(status("https://x.example/a?c"), Ok(203));
    assert_eq!(status("https://y.example/a?b"), Ok(202));
    assert_eq!(status("https://y.example/a"), Ok(201));
    assert_eq!(status("https://x.example/b"), Err(ErrorKind::Denied));
    assert_eq!(http.asked().len(), 5);
}

#[test]
fn a_request_that_cannot_be_sent_is_asked_of_nobody() {
    let http = FakeHttp::start();
    assert_eq!(status("ftp://x.example"), Err(ErrorKind::Invalid));
    assert!(http.asked().is_empty());
}

#[test]
fn what_no_server_answers_says_what_to_add() {
    let said = |url: &str| Request::get(url).send().map_err(|error| error.to_string());
    let http = FakeHttp::start();
    let expected = "GET https://x.example/a: no answer to GET https://x.example/a?b; it has POST /a, GET /never: give it one with `FakeHttp::answers`";
    http.answers("post", "/a", Response::new(201));
    http.answers("GET", "/never", Response::new(201));
    assert_eq!(said("https://x.example/a?b"), Err(expected.to_owned()));
    drop(http);
    let _hub = FakeHub::start();
    let expected = "GET https://x.example/a: no answer to GET https://x.example/a; it has none: give it one with `FakeHub::answers`";
    assert_eq!(said("https://x.example/a"), Err(expected.to_owned()));
}

#[test]
fn what_is_given_later_counts_until_it_is_dropped() {
    let outer = (
        testing::state().with("k", "outer"),
        testing::clock(1),
        testing::logs(),
        testing::config([("k", "outer")]),
        testing::network(|_: &Request| Ok::<_, Error>(Response::new(201))),
    );
    {
        let http = FakeHttp::start();
        let (state, clock) = (testing::state(), testing::clock(2));
        let (logs, config) = (testing::logs(), testing::config([("k", "inner")]));
        log::info!("inner");
        assert_eq!(status("https://x.example"), Err(ErrorKind::Denied));
        assert_eq!(state::open().unwrap().get("k"), Ok(None));
        assert_eq!((clock::now_ms(), clock.asked()), (2, 1));
        assert_eq!(config::require("k"), Ok("inner".to_owned()));
        let asked = (
            http.asked().len(),
            state.asked().len(),
            config.asked().len(),
        );
        assert_eq!((asked, logs.lines().len()), ((1, 1, 1), 1));
    }
    log::info!("outer");
    assert_eq!(status("https://x.example"), Ok(201));
    assert_eq!(
        state::open().unwrap().text("k"),
        Ok(Some("outer".to_owned()))
    );
    assert_eq!(clock::now_ms(), 1);
    assert_eq!(config::require("k"), Ok("outer".to_owned()));
    assert_eq!(outer.2.lines(), ["INFO outer"]);
}

#[test]
fn a_fake_put_in_the_place_of_an_older_one_stays() {
    let mut http = FakeHttp::start();
    assert_eq!(status("https://x.example/a"), Err(ErrorKind::Denied));
    assert_eq!(http.asked().len(), 1);
    // The new one is there before the old one is dropped.
    http = FakeHttp::start();
    http.answers("GET", "/a", Response::new(201));
    assert_eq!(status("https://x.example/a"), Ok(201));
    drop(http);
    let gone = Request::get("https://x.example/a").send().unwrap_err();
    assert!(gone.to_string().contains("no network"), "{gone}");
}

#[test]
fn of_two_fakes_each_takes_away_itself_alone() {
    let (first, second) = (testing::clock(1), testing::clock(2));
    drop(first);
    assert_eq!(clock::now_ms(), 2);
    drop(second);
    assert!(clock::now_ms() > 1_700_000_000_000);
}

#[test]
fn a_network_that_holds_another_is_dropped_with_it() {
    let inner = testing::network(|_: &Request| Ok::<_, Error>(Response::new(201)));
    let outer = testing::network(move |_: &Request| {
        let _held = &inner;
        Ok::<_, Error>(Response::new(202))
    });
    assert_eq!(status("https://x.example"), Ok(202));
    drop(outer);
    assert_eq!(status("https://x.example"), Err(ErrorKind::Denied));
}

#[test]
fn a_bot_that_calls_the_hub_and_others_has_a_fake_for_each() {
    let slack = FakeHttp::start();
    slack.answers("POST", "https://slack.example/posts", Response::new(201));
    let fake = FakeHub::start();
    fake.answers(
        "GET",
        "/api/whoami-v2",
        &json!({"type": "user", "name": "ada", "id": "1"}),
    );
    let name = hub::Client::new().unwrap().whoami().unwrap().name;
    let post = Request::post("https://slack.example/posts").json(&json!({ "text": name }));
    assert_eq!(post.send().unwrap().status(), 201);
    assert_eq!(slack.bodies(), [json!({"text": "ada"})]);
    assert_eq!(slack.asked(), ["POST https://slack.example/posts"]);
    assert_eq!(fake.asked(), ["GET /api/whoami-v2"]);
    let said = Request::get("https://x.example/a")
        .send()
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("it has GET /api/whoami-v2, POST https://slack.example/posts"),
        "{said}"
    );
    assert_eq!(fake.asked().len(), 2);
}

#[test]
#[should_panic(expected = "no request has the address `x.example/a`: begin it with `https://`")]
fn an_answer_that_no_request_can_get_is_refused() {
    FakeHttp::start().answers("GET", "x.example/a", Response::new(200));
}

#[test]
fn another_thread_has_none_of_it() {
    let _state = testing::state();
    let _clock = testing::clock(1);
    let _config = testing::config([("k", "v")]);
    let logs = testing::logs();
    let other = thread::spawn(|| {
        log::info!("elsewhere");
        (state::open().is_ok(), clock::now_ms(), config::get("k"))
    });
    let (has_state, now, setting) = other.join().unwrap();
    assert!(!has_state && now > 1_700_000_000_000);
    assert_eq!(setting, Ok(None));
    assert!(logs.lines().is_empty());
}

#[test]
fn a_state_that_refuses_keeps_what_it_was_asked_and_what_it_had() {
    let kept = testing::state().with("n", "1");
    kept.refuses("the quota is used up");
    let state = state::open().unwrap();
    let refused = state::Error::Refused {
        reason: "the quota is used up".to_owned(),
    };
    assert_eq!(state.set("a", "b"), Err(refused.clone()));
    assert_eq!(state.increment("n", 1), Err(refused.clone()));
    assert_eq!(state.delete("n"), Err(refused));
    assert_eq!(state.text("n"), Ok(Some("1".to_owned())));
    let writes = ["set a = b", "increment n by 1", "delete n"];
    assert_eq!(kept.writes(), writes);
    assert_eq!(kept.keys(), ["n"]);
    assert_eq!(kept.asked().len(), 4);
}
