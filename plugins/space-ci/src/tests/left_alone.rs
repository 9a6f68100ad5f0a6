//! What it leaves alone, and what it does where the Hub says no.

use super::*;

#[test]
fn the_pull_request_of_a_stranger_is_not_run() {
    let _config = configured();
    for author in ["61d2f90c3c2083e1c08af22e", "", "ada", "somebody,", "*"] {
        let hub = hub(author, "open", &[]);
        let said =
            format!("spaces/my-org/demo#5 is by {author:?}, who is not among `trusted-authors`");
        for event in [discussion("create", "open"), push("refs/pr/5", Some(HEAD))] {
            assert_eq!(PLUGIN.deliver(&event), Some(ignored(said.clone())));
        }
        assert!(changes(&hub).is_empty(), "{author}");
    }
}

#[test]
fn it_never_reacts_to_a_space_that_it_made() {
    let _config = configured();
    let hub = FakeHub::start();
    let said = Some(ignored("it is a Space of a pull request itself"));
    for event in [
        json!({"scope": "discussion", "action": "create"}),
        json!({"scope": "repo.content", "action": "update"}),
    ] {
        let event = json!({
            "event": event, "repo": {"type": "space", "name": "my-org/demo-ci-pr-5"},
            "discussion": {"num": 1, "status": "open", "isPullRequest": true, "author": {"id": ADA}},
            "updatedRefs": [{"ref": "refs/pr/1", "newSha": HEAD}],
        });
        assert_eq!(
            PLUGIN.deliver(&Event::from_json(&event.to_string()).unwrap()),
            said
        );
    }
    // The commit that it made there, the Space that it made, the comment that it wrote.
    let said = Some(ignored("no pull request changed"));
    assert_eq!(PLUGIN.deliver(&push("refs/heads/main", Some(HEAD))), said);
    assert_eq!(PLUGIN.deliver(&event("repo", "create", json!({}))), None);
    assert_eq!(PLUGIN.deliver(&event("repo", "delete", json!({}))), None);
    assert_eq!(
        PLUGIN.deliver(&event("discussion.comment", "create", json!({}))),
        None
    );
    assert!(hub.asked().is_empty());
    for own in ["a/b-ci-pr-5", "a/b-ci-pr-1-ci-pr-23"] {
        assert!(is_own(own), "{own}");
    }
    for other in [
        "a/b",
        "a/b-ci-pr-",
        "a/b-ci-pr-x",
        "a/ci-pr-5",
        "a/b-ci-pr-5x",
    ] {
        assert!(!is_own(other), "{other}");
    }
}

#[test]
fn what_is_no_pull_request_of_a_space_costs_no_call() {
    let _config = configured();
    let hub = FakeHub::start();
    let model = Event::sample("discussion-pr").unwrap();
    assert_eq!(PLUGIN.deliver(&model), Some(ignored("it is no Space")));
    let plain = Event::sample("discussion").unwrap();
    assert_eq!(
        PLUGIN.deliver(&plain),
        Some(ignored("it is no pull request"))
    );
    for name in [
        "refs/heads/main",
        "refs/tags/v1",
        "refs/pr/x",
        "refs/pr/-1",
        "refs/pr/1/2",
    ] {
        let said = Some(ignored("no pull request changed"));
        assert_eq!(PLUGIN.deliver(&push(name, Some(HEAD))), said, "{name}");
    }
    assert!(hub.asked().is_empty());
}

#[test]
fn a_pull_request_that_does_not_say_how_it_runs_is_left_alone() {
    let _config = configured();
    let hub = hub(ADA, "open", &[]);
    without_target(&hub);
    hub.answers("GET", &format!("{SOURCE}/tree/{HEAD}"), &json!([]));
    let place = format!("/spaces/my-org/demo/raw/{HEAD}/README.md");
    let said = Some(ignored(
        "the README.md of spaces/my-org/demo#5 names no sdk",
    ));
    hub.answers_with("GET", &place, Ok(Response::new(404)));
    hub.answers_with(
        "GET",
        &place,
        Ok(Response::new(200).with_body("---\nsdk: cobol\n---\n")),
    );
    assert_eq!(PLUGIN.deliver(&discussion("create", "open")), said);
    assert_eq!(PLUGIN.deliver(&discussion("create", "open")), said);
    assert!(changes(&hub).is_empty());
}

#[test]
fn a_hub_that_says_no_is_asked_again_only_if_that_can_help() {
    let _config = configured();
    let answer = |response: Response| {
        let hub = FakeHub::start();
        hub.answers_with("GET", &format!("{SOURCE}/discussions/5"), Ok(response));
        match PLUGIN
            .deliver(&push("refs/pr/5", Some(HEAD)))
            .unwrap()
            .unwrap_err()
        {
            Failure::Retry { after_ms, .. } => Some(after_ms),
            Failure::Rejected { .. } => None,
        }
    };
    let limited = Response::new(429).with_header("RateLimit", r#""api";r=0;t=20"#);
    assert_eq!(answer(limited), Some(Some(21_000)));
    assert_eq!(answer(Response::new(503)), Some(None));
    for status in [401, 403, 404] {
        assert_eq!(answer(Response::new(status)), None, "{status}");
    }
}
