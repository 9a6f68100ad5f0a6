//! Pull requests of a Space as Spaces of their own, with the grant that lies beside the plugin's sources.

use hookbox_tests::{FakeHubApi, Fault, Guide, eventually, told};
use serde_json::Value;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(15);

const REPO: &str = "spaces/my-org/demo";
const COPY: &str = "spaces/my-org/demo-ci-pr-1";
const CARD: &str = "---\ntitle: Demo\nsdk: gradio\n---\n";

/// A Hub with a Space.
fn hub() -> FakeHubApi {
    let hub = FakeHubApi::start();
    hub.has(
        REPO,
        &[("README.md", CARD), ("app.py", "1"), ("old.py", "1")],
    );
    hub
}

/// A host with the plugin at that Hub.
fn at(hub: FakeHubApi) -> Guide {
    Guide::start("space-ci", hub, |grant| {
        grant.replace(
            "attempts = 5,",
            "attempts = 5, first = \"20ms\", factor = 1,",
        )
    })
}

/// Somebody whom the grant trusts proposes another app; the events of the pull request and of its ref.
fn proposes(guide: &Guide) -> [Value; 2] {
    guide.hub.proposes(
        REPO,
        "A better app",
        &[("app.py", "2"), ("lib/x y.py", "3")],
    );
    [
        guide.hub.last_event("discussion", "create"),
        guide.hub.last_event("repo.content", "update"),
    ]
}

/// What the plugin says in the pull request.
fn comments(guide: &Guide) -> Vec<String> {
    guide.hub.answers(REPO, 1)
}

fn app(guide: &Guide) -> Option<String> {
    guide.hub.file(COPY, "main", "app.py")
}

#[test]
fn a_pull_request_runs_as_a_space_for_as_long_as_it_is_open() {
    let guide = at(hub());
    // When a pull request is opened: two events tell of it
    let [opened, pushed] = proposes(&guide);
    let (outcomes, told) = guide.handles(&opened);
    assert_eq!(outcomes, ["done"], "{told}");
    guide.leaves_alone(&pushed);
    // Then its files are in a private Space, and a comment tells where
    let paths = ["README.md", "app.py", "lib/x y.py", "old.py"];
    assert_eq!(guide.hub.paths(COPY, "main"), paths);
    assert_eq!(app(&guide).as_deref(), Some("2"));
    let made = guide.hub.asked_for("/api/repos/create")[0].json();
    assert_eq!(
        (&made["visibility"], &made["sdk"]),
        (&"private".into(), &"gradio".into())
    );
    let url = format!("{}/{COPY}", guide.hub.url());
    assert!(comments(&guide)[0].contains(&url), "{:?}", comments(&guide));
    // When it is pushed to, what differs is copied
    let pushed = guide
        .hub
        .pushes_to_pull_request(REPO, 1, &[("app.py", "4")]);
    let (_, told) = guide.handles(&pushed);
    assert!(
        told.ends_with(": 1 files written, 0 deleted, 0 left out"),
        "{told}"
    );
    assert_eq!(app(&guide).as_deref(), Some("4"));
    // When it is merged, the Space goes
    let (_, told) = guide.handles(&guide.hub.merges(REPO, 1));
    assert_eq!(told, format!("deleted {COPY}"));
    assert!(!guide.hub.knows(COPY) && guide.hub.knows(REPO));
    assert_eq!(comments(&guide).len(), 1);
}

#[test]
fn all_that_it_does_comes_back_and_starts_nothing() {
    let guide = at(hub());
    let [opened, _] = proposes(&guide);
    let before = guide.hub.events().len();
    guide.handles(&opened);
    // Given the events of the Space, of its commit and of the comment
    let own = guide.hub.events().split_off(before);
    let scopes: Vec<_> = own
        .iter()
        .map(|event| event["event"]["scope"].as_str().unwrap())
        .collect();
    assert_eq!(scopes, ["repo", "repo.content", "discussion.comment"]);
    // When they are delivered, then also a pull request to the Space that it made, and the event of its end
    for event in &own {
        guide.leaves_alone(event);
    }
    guide
        .hub
        .proposes(COPY, "A pull request of a copy", &[("app.py", "5")]);
    guide.leaves_alone(&guide.hub.last_event("discussion", "create"));
    guide.handles(&guide.hub.closes(REPO, 1));
    guide.leaves_alone(&guide.hub.last_event("repo", "delete"));
    assert_eq!(guide.hub.asked_for("/api/repos/create").len(), 1);
}

#[test]
fn a_space_of_its_making_is_left_alone_also_where_the_grant_lets_its_events_through() {
    let guide = Guide::start("space-ci", hub(), |grant| {
        grant.replace("repo = [\"my-org/demo\"]", "repo = [\"my-org/*\"]")
    });
    guide.hub.has(COPY, &[("README.md", CARD)]);
    guide
        .hub
        .proposes(COPY, "A pull request of a copy", &[("app.py", "5")]);
    for scope in [("discussion", "create"), ("repo.content", "update")] {
        let (outcomes, told) = guide.handles(&guide.hub.last_event(scope.0, scope.1));
        assert_eq!(
            (outcomes, told.as_str()),
            (
                vec!["ignored".to_owned()],
                "it is a Space of a pull request itself"
            )
        );
    }
    assert_eq!(guide.asked(), [""; 0]);
}

#[test]
fn the_pull_request_of_a_stranger_is_not_run() {
    let guide = at(hub());
    guide
        .hub
        .stranger_proposes(REPO, "Run me", &[("app.py", "evil")]);
    for (scope, action) in [("discussion", "create"), ("repo.content", "update")] {
        guide.leaves_alone(&guide.hub.last_event(scope, action));
    }
    let (_, told) = guide.handles(&guide.hub.last_event("discussion", "create"));
    assert!(
        told.ends_with("who is not among `trusted-authors`"),
        "{told}"
    );
    // Nor is anything deleted when it is closed
    guide.leaves_alone(&guide.hub.closes(REPO, 1));
    assert!(!guide.hub.knows(COPY) && guide.written().is_empty());
}

#[test]
fn a_pull_request_that_is_opened_again_gets_its_space_again() {
    let guide = at(hub());
    let [opened, _] = proposes(&guide);
    guide.handles(&opened);
    let closed = guide.hub.closes(REPO, 1);
    guide.handles(&closed);
    assert!(!guide.hub.knows(COPY));
    // The event of the end comes once more, and then that of a new beginning
    guide.leaves_alone(&closed);
    guide.handles(&guide.hub.opens_again(REPO, 1));
    assert_eq!(app(&guide).as_deref(), Some("2"));
    // Late, that of the end again: what is so now counts
    guide.leaves_alone(&closed);
    assert!(guide.hub.knows(COPY));
    assert_eq!(comments(&guide).len(), 1);
}

#[test]
fn an_answer_that_was_lost_doubles_nothing() {
    let guide = at(hub());
    for what in ["/api/repos/create", "/commit/main", "/comment"] {
        guide.hub.fails(what, 1, Fault::CutAfter);
    }
    let [opened, _] = proposes(&guide);
    let (outcomes, _) = guide.handles(&opened);
    assert_eq!(outcomes, ["retry", "retry", "retry", "ignored"]);
    assert_eq!(app(&guide).as_deref(), Some("2"));
    let times = |what| guide.hub.asked_for(what).len();
    assert_eq!(
        (
            times("/api/repos/create"),
            times("/commit/main"),
            times("/comment")
        ),
        (1, 1, 1)
    );
    // Nor does one of the end
    guide.hub.fails("DELETE", 1, Fault::CutAfter);
    let (outcomes, _) = guide.handles(&guide.hub.closes(REPO, 1));
    assert_eq!(outcomes, ["retry", "ignored"]);
    assert!(!guide.hub.knows(COPY));
}

#[test]
fn a_host_that_is_killed_while_it_copies_goes_on_where_it_was() {
    // Given a host that is killed while the Space is made, and again while the comment is written
    let mut guide = at(hub());
    guide.hub.fails("/api/repos/create", 1, Fault::Slow);
    guide.hub.fails("/comment", 1, Fault::Slow);
    let [opened, _] = proposes(&guide);
    let id = guide.post(&opened);
    guide.hub.is_asked("/api/repos/create", 1);
    guide.host.kill();
    guide.hub.goes_on();
    eventually(SOON, || guide.hub.knows(COPY).then_some(()));
    guide.host.restart();
    guide.hub.is_asked("/comment", 1);
    guide.host.kill();
    guide.hub.goes_on();
    eventually(SOON, || (!comments(&guide).is_empty()).then_some(()));
    guide.host.restart();
    // Then there is one Space, one commit and one comment
    let (outcomes, _) = told(&guide.ended(&id));
    assert_eq!(outcomes, ["lost", "lost", "ignored"]);
    let times = |what| guide.hub.asked_for(what).len();
    assert_eq!(
        (
            times("/api/repos/create"),
            times("/commit/main"),
            comments(&guide).len()
        ),
        (1, 1, 1)
    );
    assert_eq!(app(&guide).as_deref(), Some("2"));
}

#[test]
fn files_that_lfs_keeps_are_named_and_not_copied() {
    let guide = at(hub());
    guide.hub.pushes_large(REPO, "weights`@all.bin", b"large");
    let [opened, _] = proposes(&guide);
    let (_, told) = guide.handles(&opened);
    assert!(told.ends_with("1 left out"), "{told}");
    assert!(guide.hub.file(COPY, "main", "weights`@all.bin").is_none());
    let said = comments(&guide)
        .remove(0)
        .replace(&guide.hub.url(), "https://huggingface.co");
    insta::assert_snapshot!(said, @r#"
    This pull request runs as a Space: https://huggingface.co/spaces/my-org/demo-ci-pr-1

    It follows each push, and is deleted when the pull request is closed or merged.

    Not copied, as they are large or have a name that no request can hold:
    - `weights@all.bin`

    <!-- hookbox space-ci spaces/my-org/demo-ci-pr-1 -->
    "#);
}

#[test]
fn files_whose_names_no_request_can_hold_are_named_and_the_others_copied() {
    let guide = at(hub());
    let odd = ["back\\slash", "lib/;x", "twice/%2e%2e"];
    guide.hub.pushes(REPO, &odd.map(|path| (path, "1")));
    let [opened, _] = proposes(&guide);
    let (outcomes, told) = guide.handles(&opened);
    assert_eq!(outcomes, ["done"], "{told}");
    assert!(told.ends_with("3 left out"), "{told}");
    assert_eq!(app(&guide).as_deref(), Some("2"));
    let said = comments(&guide).remove(0);
    assert!(odd.iter().all(|path| said.contains(path)), "{said}");
}

#[test]
fn a_stranger_who_writes_the_bots_mark_neither_silences_it_nor_speaks_for_it() {
    let guide = at(hub());
    let [opened, pushed] = proposes(&guide);
    // Given a stranger's comment with the mark, which anybody can guess
    let theirs = format!("It runs at https://evil.example\n\n<!-- hookbox space-ci {COPY} -->");
    guide.hub.comments(REPO, 1, &theirs);
    // Then the bot says where it runs, once
    guide.handles(&opened);
    let url = format!("{}/{COPY}", guide.hub.url());
    assert!(comments(&guide)[0].contains(&url), "{:?}", comments(&guide));
    guide.leaves_alone(&pushed);
    assert_eq!(comments(&guide).len(), 1);
}

#[test]
fn more_files_than_the_calls_of_an_attempt_are_copied_by_several() {
    // Given a grant of 70 calls, and 120 files
    let guide = Guide::start("space-ci", hub(), |grant| {
        let rules = "attempts = 5, first = \"20ms\", factor = 1,";
        let grant = grant.replace("attempts = 5,", rules);
        grant.replace("requests = 1000", "requests = 70")
    });
    let paths: Vec<String> = (0..120).map(|n| format!("data/{n}.txt")).collect();
    let files: Vec<_> = paths.iter().map(|path| (path.as_str(), "1")).collect();
    guide.hub.pushes(REPO, &files);
    let [opened, _] = proposes(&guide);
    let (outcomes, told) = guide.handles(&opened);
    // Then each attempt goes on where the one before ended
    assert_eq!(outcomes, ["retry", "retry", "done"], "{told}");
    assert_eq!(guide.hub.paths(COPY, "main").len(), 124);
    assert_eq!(comments(&guide).len(), 1);
}

#[test]
fn its_grant_bounds_what_it_writes_to() {
    // Given a grant for another Space
    let guide = Guide::start("space-ci", hub(), |grant| {
        let (own, other) = ("my-org/demo-ci-pr-*/commit", "my-org/other-ci-pr-*/commit");
        let once = grant.replace("attempts = 5,", "attempts = 1,");
        once.replace(own, other)
    });
    let [opened, _] = proposes(&guide);
    let run = guide.ended(&guide.post(&opened));
    // Then the call that is not granted is denied, with the line that would allow it
    let calls = run["attempts"][0]["calls"].as_array().unwrap();
    let denied: Vec<_> = calls
        .iter()
        .filter_map(|call| call["denied_by"].as_str())
        .collect();
    assert_eq!(denied.len(), 1, "{run:#}");
    assert!(
        denied[0].contains("/api/spaces/my-org/demo-ci-pr-1/commit/main"),
        "{denied:?}"
    );
    assert!(guide.hub.asked_for("/commit/").is_empty());
}
