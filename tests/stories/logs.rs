//! The host's log: who looks for a delivery finds its lines, and nothing in them that was not meant for it.

use hookbox_tests::{Host, event};
use serde_json::Value;

/// The log's lines, each a JSON document.
#[track_caller]
fn lines(host: &Host) -> Vec<Value> {
    let log = host.log();
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    log.lines().map(line).collect()
}

/// The first line with this message.
#[track_caller]
fn line(host: &Host, message: &str) -> Value {
    let mut lines = lines(host).into_iter();
    let found = lines.find(|line| line["message"] == message);
    found.unwrap_or_else(|| panic!("{message} is not in\n{}", host.log()))
}

#[test]
fn every_line_of_a_delivery_names_it() {
    let host = Host::with(&["hello"]).start();
    let comment = event("discussion.comment", "create", "a/b");
    let id = host.hub().deliver(&comment).wait(20).send().id();
    host.logs("attempt settled");
    // What was recorded, and what came of it
    let recorded = line(&host, "delivery recorded");
    assert!(recorded.to_string().contains(&id), "{recorded}");
    assert_eq!(recorded["level"], "INFO");
    assert_eq!(recorded["runs"], "hello");
    let settled = line(&host, "attempt settled");
    let span = &settled["spans"][0];
    assert_eq!(
        (&span["delivery"], &span["plugin"], &span["n"]),
        (&id.into(), &"hello".into(), &1.into())
    );
    assert_eq!(settled["outcome"], "done");
    // With times as everywhere else
    for line in lines(&host) {
        let time = line["timestamp"].as_str().unwrap();
        let digits = time.bytes().filter(u8::is_ascii_digit).count();
        assert!(
            digits == 17 && time.len() == 24 && time.ends_with('Z'),
            "{time}"
        );
    }
}

#[test]
fn a_log_that_is_no_terminal_holds_no_control_character() {
    let host = Host::with(&["guest-hostile"]).start();
    let evil = event(
        "repo",
        "create",
        "a/\u{1b}[31m\r\n{\"level\":\"INFO\",\"message\":\"mine\"}",
    );
    assert_eq!(
        host.hub().deliver(&evil).id("same").wait(20).send().status,
        200
    );
    assert_eq!(
        host.hub()
            .deliver(&event("repo", "create", "a/b"))
            .id("same")
            .send()
            .status,
        202
    );
    host.logs("its Webhook-Id came before with another body");
    assert!(!host.log().chars().any(|c| c.is_control() && c != '\n'));
    assert!(lines(&host).iter().all(|line| line["message"] != "mine"));
}

#[test]
fn what_rust_log_asks_for_is_done_or_told() {
    // Given somebody who wants to see more
    for (wanted, told) in [
        ("hookbox=loud", "RUST_LOG: not understood ("),
        (
            "hyper=trace,hookbox=info",
            "RUST_LOG: dependencies are logged from `warn` up only",
        ),
    ] {
        let host = Host::with(&[]).env("RUST_LOG", wanted).start();
        host.hub().request("GET", "/healthz").send();
        // Then it is told what is not done, and the host logs as it does
        let log = lines(&host);
        let is_told = |line: &&Value| {
            line["message"]
                .as_str()
                .is_some_and(|text| text.starts_with(told))
        };
        assert_eq!(log.iter().filter(is_told).count(), 1, "{}", host.log());
        let ours = |line: &Value| {
            line["target"]
                .as_str()
                .is_some_and(|target| target.starts_with("hookbox::"))
        };
        assert!(log.iter().all(ours), "{}", host.log());
    }
    let host = Host::with(&["hello"])
        .env("RUST_LOG", "hookbox::loader=debug")
        .start();
    host.logs("plugin is noted");
    assert!(!host.log().contains("paste http"), "{}", host.log());
}

#[test]
fn a_plugin_that_asks_for_what_is_no_request_does_not_fill_the_log() {
    // Given a plugin without a grant
    let host = Host::with(&["guest-hostile"]).start();
    // When it asks a thousand times for a request without a path
    let asked = event("repo", "update", "a/no-paths");
    let id = host.hub().deliver(&asked).wait(20).send().id();
    let delivery = host.delivery(&id);
    let attempt = &delivery["runs"][0]["attempts"][0];
    assert_eq!(attempt["output"], "1000 requests were refused");
    // Then the host says no more than of any other
    host.logs("attempt settled");
    let told = lines(&host).len();
    assert!(told < 30, "{told} lines:\n{}", host.log());
}
