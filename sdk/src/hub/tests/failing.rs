//! What calls that fail say, and what becomes of a run that ends with one.

use std::time::Duration;

use super::*;
use crate::Failure;
use crate::http::{self, Response};

/// How `whoami` fails with an answer.
fn fails(answer: Result<Response, http::Error>) -> Error {
    let hub = FakeHub::start();
    hub.answers_with("GET", "/api/whoami-v2", answer);
    client().whoami().unwrap_err()
}

/// What a handler's `?` makes of it: the wait, `Some(None)` for the operator's schedule, `None` for never.
fn again(error: Error) -> Option<Option<u64>> {
    match Failure::from(error) {
        Failure::Retry { after_ms, .. } => Some(after_ms),
        Failure::Rejected { .. } => None,
    }
}

#[test]
fn each_status_is_a_kind_of_its_own_and_says_whether_to_try_again() {
    let cases = [
        (400, ErrorKind::Refused, None),
        (401, ErrorKind::Unauthorized, None),
        (403, ErrorKind::Forbidden, None),
        (404, ErrorKind::NotFound, None),
        (408, ErrorKind::Unavailable { wait: None }, Some(None)),
        (409, ErrorKind::Conflict, Some(None)),
        (410, ErrorKind::NotFound, None),
        (412, ErrorKind::Conflict, Some(None)),
        (422, ErrorKind::Refused, None),
        (500, ErrorKind::Unavailable { wait: None }, Some(None)),
        (503, ErrorKind::Unavailable { wait: None }, Some(None)),
        (304, ErrorKind::Refused, None),
    ];
    for (status, kind, wanted) in cases {
        let error = fails(Ok(Response::new(status)));
        assert_eq!((error.kind(), error.status()), (&kind, Some(status)));
        assert_eq!(again(error), wanted, "{status}");
    }
}

#[test]
fn a_rate_limit_is_waited_for_by_the_hubs_own_word() {
    let limited = Response::new(429).with_header("RateLimit", r#""api";r=0;t=55"#);
    let error = fails(Ok(limited));
    let wait = Duration::from_secs(56);
    assert_eq!(error.kind(), &ErrorKind::RateLimited { wait });
    assert_eq!(
        error.to_string(),
        "GET /api/whoami-v2: rate limited for 56 s"
    );
    assert_eq!(again(error), Some(Some(56_000)));
    assert_eq!(again(fails(Ok(Response::new(429)))), Some(Some(60_000)));
}

#[test]
fn a_hub_that_is_away_is_tried_when_it_says_that_it_is_back() {
    let away = |header: &str| fails(Ok(Response::new(503).with_header("Retry-After", header)));
    let wait = Some(Duration::from_secs(20));
    assert_eq!(away("20").kind(), &ErrorKind::Unavailable { wait });
    assert_eq!(again(away("20")), Some(Some(20_000)));
    // Nonsense does not put a run off for years, and a date leaves it to the operator's schedule.
    assert_eq!(again(away("18446744073709551615")), Some(Some(3_600_000)));
    assert_eq!(again(away("Wed, 21 Oct 2026 07:28:00 GMT")), Some(None));
}

#[test]
fn an_error_on_top_of_it_keeps_the_wait() {
    #[derive(Debug)]
    struct Outer(Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the bot cannot answer")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let limited = Response::new(429).with_header("retry-after", "7");
    let failure = Failure::from(Outer(fails(Ok(limited))));
    let reason = "the bot cannot answer: GET /api/whoami-v2: rate limited for 7 s";
    assert_eq!(
        failure,
        Failure::retry_after(reason, Duration::from_secs(7))
    );
}

#[test]
fn the_hubs_own_words_are_told_with_the_code_and_the_request() {
    let missing = Response::new(404)
        .with_body(sample!("error.json"))
        .with_header("X-Error-Code", "RepoNotFound")
        .with_header("X-Request-Id", "Root=1-2");
    let error = fails(Ok(missing));
    assert_eq!(
        (error.code(), error.request_id()),
        (Some("RepoNotFound"), Some("Root=1-2"))
    );
    let told = "GET /api/whoami-v2: the Hub answers 404: Repository not found (request Root=1-2)";
    assert_eq!(error.to_string(), told);
    let said = |body: &str| {
        fails(Ok(Response::new(400).with_body(body)))
            .message()
            .to_owned()
    };
    assert_eq!(said(r#"{"error": ["one", "two"]}"#), "two");
    assert_eq!(
        said(r#"{"error": {"message": "no such model", "code": 7}}"#),
        "no such model"
    );
    assert_eq!(said("<html>proxy</html>"), "");
    let header = Response::new(403).with_header("X-Error-Message", "Access is\u{7} disabled.");
    assert_eq!(fails(Ok(header)).message(), "Access is disabled.");
    let long = Response::new(500).with_body(format!(r#"{{"error": "{}"}}"#, "é".repeat(1000)));
    assert_eq!(fails(Ok(long)).message().chars().count(), 300);
}

#[test]
fn without_an_answer_the_run_is_tried_again_unless_the_request_is_the_fault() {
    let error = |kind| fails(Err(http::Error::new(kind, "there was no answer in time")));
    let late = error(http::ErrorKind::Timeout);
    assert_eq!(late.kind(), &ErrorKind::Transport);
    let failure = Failure::from(late.clone());
    let reason = "GET /api/whoami-v2: there is no answer: GET https://huggingface.co/api/whoami-v2: \
                  there was no answer in time";
    assert_eq!(failure, Failure::retry(reason));
    assert_eq!(again(error(http::ErrorKind::Denied)), Some(None));
    assert_eq!(again(error(http::ErrorKind::Invalid)), None);
}

#[test]
fn an_answer_of_another_shape_is_told_and_tried_again() {
    for body in ["<html>", "[]", "null", "7", "{\"id\": "] {
        let error = fails(Ok(Response::new(200).with_body(body)));
        assert_eq!(error.kind(), &ErrorKind::Unreadable, "{body}");
        assert_eq!(again(error), Some(None));
    }
}

#[test]
fn a_change_is_never_sent_to_another_place() {
    let hub = FakeHub::start();
    let path = format!("{MODEL}/discussions/19/title");
    let moved = |to: &str| Ok(Response::new(307).with_header("location", to));
    hub.answers_with(
        "POST",
        &path,
        moved("/api/models/new/name/discussions/19/title"),
    );
    hub.answers_with("POST", &path, moved("https://evil.example/"));
    let retitle = || client().retitle(&model(), 19, "Another title").unwrap_err();
    let error = retitle();
    let to = "/api/models/new/name/discussions/19/title".to_owned();
    assert_eq!(error.kind(), &ErrorKind::Moved { path: to });
    assert_eq!(again(error), None);
    let host = "evil.example".to_owned();
    assert_eq!(retitle().kind(), &ErrorKind::Elsewhere { host });
    assert_eq!(hub.asked().len(), 2);
}
