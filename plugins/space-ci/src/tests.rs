//! Pull requests of a Space against a Hub of the test's own.

mod copying;
mod left_alone;

use hookbox_sdk::http::Response;
use hookbox_sdk::serde_json::{self, Value};
use hookbox_sdk::testing::{self, FakeConfig, FakeHub};

use super::*;

const ADA: &str = "61d2f90c3c2083e1c08af22d";
const BOT: &str = "6397f6081323f19c578f142e";
const HEAD: &str = "227c78346870a85e5de4fff8a585db68df975406";
const SOURCE: &str = "/api/spaces/my-org/demo";
const TARGET: &str = "/api/spaces/my-org/demo-ci-pr-5";
const PAGE: &str = "https://huggingface.co/spaces/my-org/demo-ci-pr-5";
const CARD: &str = "---\ntitle: Demo\nsdk: gradio\n---\n";

fn configured() -> FakeConfig {
    testing::config([("trusted-authors", format!("somebody, {ADA}"))])
}

fn event(scope: &str, action: &str, more: Value) -> Event {
    let mut event = json!({
        "event": {"scope": scope, "action": action},
        "repo": {"type": "space", "name": "my-org/demo", "id": "651311c46de9c503f3f34a9e"},
    });
    for (key, value) in more.as_object().unwrap() {
        event[key] = value.clone();
    }
    Event::from_json(&event.to_string()).unwrap()
}

fn discussion(action: &str, status: &str) -> Event {
    let discussion = json!({
        "num": 5, "title": "x", "status": status, "isPullRequest": true, "author": {"id": ADA},
    });
    event("discussion", action, json!({"discussion": discussion}))
}

fn push(name: &str, sha: Option<&str>) -> Event {
    let refs = json!([{"ref": name, "oldSha": HEAD, "newSha": sha}]);
    event("repo.content", "update", json!({"updatedRefs": refs}))
}

/// A Hub with the pull request 5, by that author, in which the plugin said that.
fn hub(author: &str, status: &str, said: &[String]) -> FakeHub {
    let events: Vec<_> = said.iter().map(|text| comment_by(BOT, text)).collect();
    hub_with(author, status, &events)
}

fn comment_by(author: &str, text: &str) -> Value {
    json!({"type": "comment", "author": {"_id": author}, "data": {"latest": {"raw": text}}})
}

/// The same with these events.
fn hub_with(author: &str, status: &str, events: &[Value]) -> FakeHub {
    let hub = FakeHub::start();
    let account = json!({"type": "user", "id": BOT, "name": "my-bot"});
    hub.answers("GET", "/api/whoami-v2", &account);
    let thread = json!({
        "num": 5, "status": status, "isPullRequest": true, "author": {"_id": author, "name": "ada"}, "events": events,
    });
    hub.answers("GET", &format!("{SOURCE}/discussions/5"), &thread);
    let pulls = json!({"pullRequests": [{"name": "5", "ref": "refs/pr/5", "targetCommit": HEAD}]});
    hub.answers("GET", &format!("{SOURCE}/refs"), &pulls);
    let written = json!({"newMessage": {"id": "1", "type": "comment"}});
    hub.answers("POST", &format!("{SOURCE}/discussions/5/comment"), &written);
    hub.answers(
        "POST",
        &format!("{TARGET}/commit/main"),
        &json!({"commitOid": "c"}),
    );
    hub.answers("DELETE", "/api/repos/delete", &json!({}));
    hub
}

fn file(path: &str, oid: &str) -> Value {
    json!({"type": "file", "path": path, "oid": oid, "size": 10})
}

/// Gives it the files of the pull request, each with its path as content; the card names an sdk.
fn with_files(hub: &FakeHub, files: &[Value]) {
    hub.answers("GET", &format!("{SOURCE}/tree/{HEAD}"), &json!(files));
    for file in files {
        let path = file["path"].as_str().unwrap();
        let content = if path == "README.md" { CARD } else { path };
        let place = format!("/spaces/my-org/demo/raw/{HEAD}/{path}");
        hub.answers_with("GET", &place, Ok(Response::new(200).with_body(content)));
    }
}

/// Gives it the pull request's Space with these files.
fn with_target(hub: &FakeHub, files: &[Value]) {
    hub.answers("GET", &format!("{TARGET}/tree/main"), &json!(files));
}

/// Gives it no such Space, until it is made.
fn without_target(hub: &FakeHub) {
    let created = json!({"id": "1", "name": "my-org/demo-ci-pr-5", "url": PAGE});
    without_target_but(hub, Response::new(200).with_json(&created));
}

/// The same, where who makes it is answered that.
fn without_target_but(hub: &FakeHub, made: Response) {
    let none = Response::new(404).with_header("X-Error-Code", "RepoNotFound");
    hub.answers_with("GET", &format!("{TARGET}/tree/main"), Ok(none));
    hub.answers_with("POST", "/api/repos/create", Ok(made));
}

/// What was asked for that changes something.
fn changes(hub: &FakeHub) -> Vec<String> {
    let mut asked = hub.asked();
    asked.retain(|line| !line.starts_with("GET "));
    asked
}

/// The lines of the commits that were made: what is done, and to which path.
fn committed(hub: &FakeHub) -> Vec<String> {
    let requests = hub.requests().into_iter();
    let commits = requests.filter(|request| request.path().contains("/commit/"));
    let lines = commits.flat_map(|request| {
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let lines = body
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.collect::<Vec<_>>()
    });
    let told = lines.filter(|line| line["key"] != "header");
    told.map(|line| {
        format!(
            "{} {}",
            line["key"].as_str().unwrap(),
            line["value"]["path"].as_str().unwrap()
        )
    })
    .collect()
}

/// The comment that a run has written before.
fn told_before() -> String {
    format!(
        "It runs.\n\n{}",
        hub::marker("space-ci spaces/my-org/demo-ci-pr-5")
    )
}

#[test]
fn a_pull_request_gets_a_private_space_and_a_comment() {
    let _config = configured();
    let hub = hub(ADA, "open", &[]);
    with_files(&hub, &[file("README.md", "a"), file("app.py", "b")]);
    without_target(&hub);
    with_target(&hub, &[file(".gitattributes", "x"), file("README.md", "y")]);
    let said = done(format!(
        "{PAGE} is at {HEAD}: made, 2 files written, 1 deleted, 0 left out"
    ));
    assert_eq!(PLUGIN.deliver(&discussion("create", "open")), Some(said));
    let made = json!({
        "type": "space", "name": "demo-ci-pr-5", "organization": "my-org", "sdk": "gradio", "visibility": "private",
    });
    assert_eq!(hub.bodies()[0], made);
    let steps = [
        "deletedFile .gitattributes",
        "file README.md",
        "file app.py",
    ];
    assert_eq!(committed(&hub), steps);
    let comment = hub.bodies().pop().unwrap();
    let comment = comment["comment"].as_str().unwrap();
    assert!(
        comment.contains(PAGE) && !comment.contains("Not copied"),
        "{comment}"
    );
    assert!(
        comment.ends_with("<!-- hookbox space-ci spaces/my-org/demo-ci-pr-5 -->"),
        "{comment}"
    );
}

#[test]
fn a_push_is_copied_as_far_as_it_differs() {
    let _config = configured();
    let hub = hub(ADA, "open", &[told_before()]);
    with_files(
        &hub,
        &[
            file("README.md", "a"),
            file("a/b c.py", "new"),
            file("same", "s"),
        ],
    );
    // Percent signs stand in the path of a request.
    let place = format!("/spaces/my-org/demo/raw/{HEAD}/a/b%20c.py");
    hub.answers_with("GET", &place, Ok(Response::new(200).with_body("x")));
    with_target(
        &hub,
        &[
            file("README.md", "a"),
            file("a/b c.py", "old"),
            file("same", "s"),
            file("gone", "g"),
        ],
    );
    let said = done(format!(
        "{PAGE} is at {HEAD}: 1 files written, 1 deleted, 0 left out"
    ));
    assert_eq!(PLUGIN.deliver(&push("refs/pr/5", Some(HEAD))), Some(said));
    assert_eq!(committed(&hub), ["deletedFile gone", "file a/b c.py"]);
    // The comment is there.
    assert_eq!(changes(&hub), [format!("POST {TARGET}/commit/main")]);
}

#[test]
fn a_repeated_attempt_finishes_what_is_left_to_do() {
    let _config = configured();
    let files = [file("README.md", "a")];
    let event = discussion("create", "open").with_attempt(2);
    // After the Space was made, and before anything was copied.
    let cut = hub(ADA, "open", &[]);
    with_files(&cut, &files);
    with_target(&cut, &[]);
    assert!(PLUGIN.deliver(&event).unwrap().is_ok());
    let left = [
        format!("POST {TARGET}/commit/main"),
        format!("POST {SOURCE}/discussions/5/comment"),
    ];
    assert_eq!(changes(&cut), left);
    drop(cut);
    // After all was done.
    let hub = hub(ADA, "open", &[told_before()]);
    with_files(&hub, &files);
    with_target(&hub, &files);
    let said = ignored(format!(
        "{PAGE} is at {HEAD}: 0 files written, 0 deleted, 0 left out"
    ));
    assert_eq!(PLUGIN.deliver(&event), Some(said));
    assert!(changes(&hub).is_empty());
}

#[test]
fn the_mark_of_somebody_else_keeps_no_comment_back() {
    let _config = configured();
    let theirs = comment_by(ADA, &told_before());
    let nobodys = json!({"type": "comment", "data": {"latest": {"raw": told_before()}}});
    let hub = hub_with(ADA, "open", &[theirs, nobodys]);
    with_files(&hub, &[file("README.md", "a")]);
    with_target(&hub, &[file("README.md", "a")]);
    assert!(
        PLUGIN
            .deliver(&push("refs/pr/5", Some(HEAD)))
            .unwrap()
            .is_ok()
    );
    assert_eq!(
        changes(&hub),
        [format!("POST {SOURCE}/discussions/5/comment")]
    );
    let asked = hub.asked();
    let whose = asked.iter().filter(|line| line.contains("whoami"));
    assert_eq!(whose.count(), 1);
}

#[test]
fn a_space_that_was_made_meanwhile_is_taken() {
    let _config = configured();
    let hub = hub(ADA, "open", &[told_before()]);
    with_files(&hub, &[file("README.md", "a")]);
    let error = json!({"error": "You already created this space repo"});
    without_target_but(&hub, Response::new(409).with_json(&error));
    with_target(&hub, &[file("README.md", "a")]);
    let event = discussion("update", "open");
    assert!(PLUGIN.deliver(&event).unwrap().is_ok());
    assert_eq!(changes(&hub), ["POST /api/repos/create"]);
}

#[test]
fn a_pull_request_that_ends_takes_its_space_with_it() {
    let _config = configured();
    for status in ["closed", "merged"] {
        let hub = hub(ADA, status, &[]);
        with_target(&hub, &[]);
        let said = done("deleted spaces/my-org/demo-ci-pr-5");
        assert_eq!(
            PLUGIN.deliver(&discussion("update", status)),
            Some(said.clone())
        );
        assert_eq!(PLUGIN.deliver(&push("refs/pr/5", None)), Some(said.clone()));
        assert_eq!(PLUGIN.deliver(&discussion("delete", status)), Some(said));
        let named = json!({"type": "space", "name": "demo-ci-pr-5", "organization": "my-org"});
        assert_eq!(hub.bodies(), [named.clone(), named.clone(), named]);
    }
    // Deleted already, or never made.
    let hub = hub(ADA, "closed", &[]);
    without_target(&hub);
    let said = ignored("there is no spaces/my-org/demo-ci-pr-5");
    assert_eq!(PLUGIN.deliver(&discussion("update", "closed")), Some(said));
    assert!(changes(&hub).is_empty());
    // Deleted between the question and the call.
    let late = FakeHub::start();
    with_target(&late, &[]);
    late.answers_with("DELETE", "/api/repos/delete", Ok(Response::new(404)));
    assert!(PLUGIN.deliver(&push("refs/pr/5", None)).unwrap().is_ok());
}

#[test]
fn what_the_hub_says_now_counts_not_what_the_event_said() {
    let _config = configured();
    // Two events that came in the wrong order: opened again, then closed.
    let hub = hub(ADA, "closed", &[]);
    with_target(&hub, &[]);
    let said = done("deleted spaces/my-org/demo-ci-pr-5");
    assert_eq!(
        PLUGIN.deliver(&discussion("update", "open")),
        Some(said.clone())
    );
    assert_eq!(PLUGIN.deliver(&push("refs/pr/5", Some(HEAD))), Some(said));
}

#[test]
fn the_commit_of_an_event_stands_in_for_a_ref_that_is_not_told() {
    let _config = configured();
    let hub = hub(ADA, "open", &[told_before()]);
    hub.answers("GET", &format!("{SOURCE}/refs"), &json!({}));
    let asked = |event: &Event| PLUGIN.deliver(event).unwrap();
    with_files(&hub, &[file("README.md", "a")]);
    with_target(&hub, &[file("README.md", "a")]);
    // The first answer is that which has it.
    assert!(asked(&push("refs/pr/5", Some(HEAD))).is_ok());
    assert!(asked(&push("refs/pr/5", Some(HEAD))).is_ok());
    let failure = asked(&discussion("create", "open")).unwrap_err();
    assert_eq!(
        failure,
        Failure::retry("spaces/my-org/demo#5 has no commit yet")
    );
}

#[test]
fn the_operator_chooses_who_is_trusted_and_where_it_runs() {
    let made = |settings: &[(&str, &str)]| {
        let mut all = vec![("trusted-authors", ADA)];
        all.extend(settings);
        let _config = testing::config(all);
        let hub = hub(ADA, "open", &[]);
        with_files(&hub, &[file("README.md", "a")]);
        without_target(&hub);
        with_target(&hub, &[]);
        let said = PLUGIN.deliver(&discussion("create", "open")).unwrap();
        said.map(|_| hub.bodies().remove(0))
    };
    let body = made(&[
        ("visibility", "public"),
        ("hardware", "t4-small"),
        ("sleep-seconds", "300"),
    ])
    .unwrap();
    assert_eq!(
        (&body["visibility"], &body["hardware"]),
        (&Value::Null, &json!("t4-small"))
    );
    assert_eq!(body["sleepTimeSeconds"], 300);
    for wrong in [("visibility", "hidden"), ("sleep-seconds", "5m")] {
        let failure = made(&[wrong]).unwrap_err();
        assert!(failure.reason().contains(wrong.0), "{failure:?}");
    }
    let _config = testing::config([("hardware", "t4-small")]);
    let _hub = hub(ADA, "open", &[]);
    let failure = PLUGIN
        .deliver(&discussion("create", "open"))
        .unwrap()
        .unwrap_err();
    assert!(
        failure.reason().contains("add `trusted-authors = "),
        "{failure:?}"
    );
}

#[test]
fn several_pull_requests_of_one_push_are_told_together() {
    let _config = configured();
    let hub = FakeHub::start();
    for num in [5, 6] {
        hub.answers_with(
            "GET",
            &format!("{SOURCE}-ci-pr-{num}/tree/main"),
            Ok(Response::new(404)),
        );
    }
    let refs = json!([
        {"ref": "refs/pr/5", "oldSha": HEAD, "newSha": null}, {"ref": "refs/pr/6", "oldSha": HEAD, "newSha": null},
    ]);
    let event = event("repo.content", "update", json!({"updatedRefs": refs}));
    let said = "there is no spaces/my-org/demo-ci-pr-5; there is no spaces/my-org/demo-ci-pr-6";
    assert_eq!(PLUGIN.deliver(&event), Some(ignored(said)));
}
