//! Pushes to a dataset against a Hub of the test's own.

use hookbox_sdk::http::Response;
use hookbox_sdk::serde_json::Value;
use hookbox_sdk::testing::{self, FakeHub, SampleEvent, sample};

use super::*;

const OLD: &str = "ce9a4674fa833a68d5a73ec355f0ea95eedd60b7";
const NEW: &str = "575db8b7a51b6f85eb06eee540738584589f131c";
const JOBS: &str = "/api/jobs/my-org";
const PLACE: &str = "/api/datasets/some-org/reviews";
const KEY: &str = "judged/6366c000a2abcdf2fd69a080";

/// An update of a ref of a dataset, from a commit to another.
fn push(name: &str, old: Option<&str>, new: Option<&str>) -> SampleEvent {
    let push = sample("repo-content").refs([(name, old, new)]);
    push.repo("some-org/reviews").repo_type("dataset")
}

/// A push to main.
fn pushed() -> Event {
    push("refs/heads/main", Some(OLD), Some(NEW)).event()
}

/// The settings and the state of the operator.
fn granted(more: &[(&str, &str)]) -> impl Sized + use<> {
    let mut settings = vec![
        ("namespace", "my-org"),
        ("image", "python:3.12"),
        ("command", "python train.py"),
    ];
    settings.extend(more);
    (testing::config(settings), testing::state())
}

/// A raw diff of these paths.
fn diff(paths: &[&str]) -> Result<Response, http::Error> {
    let lines = paths.iter();
    let lines = lines.map(|path| format!(":100644 100644 abcd123 1234567 M\t{path}\n"));
    Ok(Response::new(200).with_body(lines.collect::<String>()))
}

fn compare(from: &str) -> String {
    format!("{PLACE}/compare/{from}..{NEW}")
}

/// A Hub with these Jobs, where a push changed these files.
fn hub(jobs: &Value, changed: &[&str]) -> FakeHub {
    let hub = FakeHub::start();
    hub.answers("GET", JOBS, jobs);
    hub.answers_with("GET", &compare(OLD), diff(changed));
    let started = json!({"id": "687f", "status": {"stage": "SCHEDULING"}});
    hub.answers("POST", JOBS, &started);
    hub
}

/// A Job that was started for the commit.
fn job(run: &str, stage: &str) -> Value {
    let labels = json!({
        "hookbox-run": run, "hookbox-commit": NEW, "hookbox-dataset": "6366c000a2abcdf2fd69a080",
    });
    json!([{"id": "aaaa", "status": {"stage": stage}, "labels": labels}])
}

fn started() -> Result {
    done(format!(
        "started Job 687f for datasets/some-org/reviews at {NEW}"
    ))
}

fn judged() -> Option<String> {
    state::open().unwrap().text(KEY).unwrap()
}

#[test]
fn a_push_of_data_starts_a_job_that_knows_what_to_train() {
    let _granted = granted(&[
        ("base-model", "a/b"),
        ("flavor", "t4-small"),
        ("timeout-seconds", "3600"),
    ]);
    let hub = hub(&json!([]), &["README.md", "data/train.csv"]);
    let event = pushed();
    assert_eq!(PLUGIN.deliver(&event), Some(started()));
    let body = json!({
        "dockerImage": "python:3.12", "command": ["python", "train.py"], "arguments": [],
        "flavor": "t4-small", "timeoutSeconds": 3600,
        "environment": {
            "DATASET": "some-org/reviews", "DATASET_REVISION": NEW, "BASE_MODEL": "a/b",
            "HOOKBOX_RUN": event.run_id(),
        },
        "labels": {
            "hookbox-run": event.run_id(), "hookbox-commit": NEW,
            "hookbox-dataset": "6366c000a2abcdf2fd69a080",
        },
    });
    assert_eq!(hub.bodies().last(), Some(&body));
    let asked = [
        format!("GET {JOBS}?label=hookbox-commit%3D{NEW}"),
        format!("GET {}?raw=true", compare(OLD)),
        format!("POST {JOBS}"),
    ];
    assert_eq!(hub.asked(), asked);
    assert_eq!(judged().as_deref(), Some(NEW));
}

#[test]
fn what_is_no_push_of_data_to_main_starts_nothing_and_asks_nothing() {
    let _granted = granted(&[]);
    let hub = FakeHub::start();
    let says = |event: SampleEvent, said: &str| {
        assert_eq!(event.to(PLUGIN), Some(ignored(said)));
    };
    for name in [
        "refs/pr/1",
        "refs/tags/v1",
        "refs/heads/dev",
        "refs/convert/parquet",
        "main",
    ] {
        says(push(name, Some(OLD), Some(NEW)), "main did not change");
    }
    says(sample("repo-content").refs([]), "main did not change");
    says(sample("bucket-content"), "main did not change");
    let gone = "main is gone: there is nothing to train on";
    let main = "refs/heads/main";
    says(push(main, Some(OLD), None), gone);
    says(push(main, None, Some("../../../settings")), gone);
    says(sample("repo-content"), "it is no dataset");
    for other in ["repo-create", "discussion", "discussion-comment"] {
        assert_eq!(sample(other).to(PLUGIN), None);
    }
    assert!(hub.asked().is_empty());
}

#[test]
fn a_push_without_data_starts_nothing() {
    let _granted = granted(&[("files", "data/**")]);
    let hub = hub(&json!([]), &["README.md", "notes.csv"]);
    let said = ignored("no data changed; other files: 2");
    assert_eq!(PLUGIN.deliver(&pushed()), Some(said));
    assert!(hub.bodies().is_empty());
    // It is judged: the next push is compared with it.
    assert_eq!(judged().as_deref(), Some(NEW));
}

#[test]
fn pushes_that_became_one_event_are_judged_together() {
    let _granted = granted(&[]);
    let before = "a".repeat(40);
    state::open().unwrap().set(KEY, &before).unwrap();
    // The last push changed the card alone, the one before changed data.
    let hub = hub(&json!([]), &["README.md"]);
    hub.answers_with("GET", &compare(&before), diff(&["README.md", "train.csv"]));
    assert_eq!(PLUGIN.deliver(&pushed()), Some(started()));
}

#[test]
fn an_attempt_that_was_cut_off_finds_the_job_that_it_started() {
    let _granted = granted(&[]);
    let event = pushed().with_attempt(2);
    let hub = hub(&job(event.run_id(), "ERROR"), &["train.csv"]);
    let said = done("Job aaaa was started before");
    assert_eq!(PLUGIN.deliver(&event), Some(said));
    assert_eq!(
        hub.asked(),
        [format!("GET {JOBS}?label=hookbox-commit%3D{NEW}")]
    );
    assert_eq!(judged().as_deref(), Some(NEW));
}

#[test]
fn one_commit_starts_one_job_unless_that_failed() {
    let _granted = granted(&[]);
    for stage in ["SCHEDULING", "RUNNING", "COMPLETED", "PAUSED"] {
        let hub = hub(&job("another", stage), &["train.csv"]);
        let said = ignored("Job aaaa is there for this commit");
        assert_eq!(PLUGIN.deliver(&pushed()), Some(said), "{stage}");
        assert!(hub.bodies().is_empty());
    }
    // Although it was judged before: an operator who replays it wants it trained.
    for stage in ["ERROR", "CANCELED", "DELETED"] {
        let _hub = hub(&job("another", stage), &["train.csv"]);
        assert_eq!(PLUGIN.deliver(&pushed()), Some(started()), "{stage}");
    }
    let hub = hub(&json!([]), &["train.csv"]);
    let said = ignored("it was judged before");
    assert_eq!(PLUGIN.deliver(&pushed()), Some(said));
    assert_eq!(hub.asked().len(), 1);
}

#[test]
fn the_job_of_a_copy_of_the_dataset_is_another() {
    let _granted = granted(&[]);
    let mut jobs = job("another", "RUNNING");
    jobs[0]["labels"]["hookbox-dataset"] = json!("another");
    let _hub = hub(&jobs, &["train.csv"]);
    assert_eq!(PLUGIN.deliver(&pushed()), Some(started()));
}

#[test]
fn a_history_that_was_rewritten_is_judged_by_what_is_there() {
    let _granted = granted(&[]);
    state::open().unwrap().set(KEY, "b".repeat(40)).unwrap();
    let hub = FakeHub::start();
    hub.answers("GET", JOBS, &json!([]));
    hub.answers_with("GET", &compare(&"b".repeat(40)), Ok(Response::new(404)));
    hub.answers_with(
        "GET",
        &compare(OLD),
        Ok(Response::new(200).with_body("<html>")),
    );
    let tree =
        json!([{"type": "directory", "path": "data"}, {"type": "file", "path": "README.md"}]);
    hub.answers("GET", &format!("{PLACE}/tree/{NEW}"), &tree);
    let said = ignored("no data changed; other files: 1");
    assert_eq!(PLUGIN.deliver(&pushed()), Some(said));
    assert_eq!(hub.asked().len(), 4);
}

#[test]
fn the_first_push_is_all_new() {
    let _granted = granted(&[]);
    let hub = hub(&json!([]), &[]);
    hub.answers(
        "GET",
        &format!("{PLACE}/tree/{NEW}"),
        &json!([{"type": "file", "path": "train.csv"}]),
    );
    let first = push("refs/heads/main", None, Some(NEW));
    assert_eq!(first.to(PLUGIN), Some(started()));
}

#[test]
fn a_hub_that_says_no_is_asked_again_only_if_that_can_help() {
    let _granted = granted(&[]);
    let answer = |response: Response| {
        let hub = FakeHub::start();
        hub.answers_with("GET", JOBS, Ok(response));
        PLUGIN.deliver(&pushed()).unwrap().unwrap_err()
    };
    let limited = Response::new(429).with_header("RateLimit", r#""api";r=0;t=20"#);
    let wait = |failure: Failure| match failure {
        Failure::Retry { after_ms, .. } => Some(after_ms),
        Failure::Rejected { .. } => None,
    };
    assert_eq!(wait(answer(limited)), Some(Some(21_000)));
    assert_eq!(wait(answer(Response::new(500))), Some(None));
    for status in [401, 402, 403, 404] {
        assert_eq!(wait(answer(Response::new(status))), None, "{status}");
    }
    // Nothing is kept of what failed.
    assert_eq!(judged(), None);
}

#[test]
fn settings_that_are_missing_or_wrong_are_named() {
    let _state = testing::state();
    let says = |settings: &[(&str, &str)], word: &str| {
        let _config = testing::config(settings.to_vec());
        let failure = PLUGIN.deliver(&pushed()).unwrap().unwrap_err();
        assert!(failure.reason().contains(word), "{failure:?}");
    };
    says(&[], "`namespace`");
    says(&[("namespace", "a"), ("image", "b")], "`command`");
    let base = [("namespace", "a"), ("image", "b"), ("command", "c")];
    says(&[base[0], base[1], ("command", "[1]")], "JSON list");
    says(&[base[0], base[1], ("command", " ")], "JSON list");
    says(
        &[base[0], base[1], base[2], ("timeout-seconds", "1h")],
        "`timeout-seconds`",
    );
    let _hub = FakeHub::start();
    says(
        &[("namespace", "../x"), base[1], base[2]],
        "no name of a user",
    );
}

#[test]
fn a_command_and_an_image_may_be_written_in_two_ways() {
    let words = |text: &str| command(text).unwrap();
    assert_eq!(words(" uv  run x.py "), ["uv", "run", "x.py"]);
    assert_eq!(words(r#"["sh", "-c", "a && b"]"#), ["sh", "-c", "a && b"]);
    assert_eq!(space("hf.co/spaces/a/b"), Some("a/b"));
    assert_eq!(space("https://huggingface.co/spaces/a/b"), Some("a/b"));
    assert_eq!(space("ghcr.io/a/b:1"), None);
}
