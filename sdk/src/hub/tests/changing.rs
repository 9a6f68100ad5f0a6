//! Calls that change something.

use serde_json::json;

use super::*;
use crate::http::Response;

#[test]
fn a_discussion_is_opened_with_a_title_of_the_right_length() {
    let hub = hub(
        "POST",
        &format!("{MODEL}/discussions"),
        sample!("opened.json"),
    );
    let opened = client()
        .open_discussion(&model(), " A title ", "text")
        .unwrap();
    assert_eq!(opened.num, 20);
    assert!(opened.url.ends_with("/discussions/20"));
    let body = json!({"title": "A title", "description": "text", "pullRequest": false});
    assert_eq!(hub.bodies(), [body]);
    for title in ["ab", "  ab  ", &"a".repeat(201)] {
        let error = client().open_discussion(&model(), title, "").unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Argument, "{title}");
    }
    assert_eq!(hub.asked().len(), 1);
}

#[test]
fn discussions_are_commented_retitled_closed_and_merged() {
    let hub = FakeHub::start();
    let path = |what: &str| format!("{MODEL}/discussions/19/{what}");
    hub.answers("POST", &path("comment"), &json(sample!("comment.json")));
    for what in ["title", "status", "merge"] {
        hub.answers("POST", &path(what), &json!({}));
    }
    let (client, model) = (client(), model());
    assert_eq!(
        client.comment(&model, 19, "Thank you!").unwrap(),
        "66d42b980000000000000007"
    );
    client.retitle(&model, 19, "Another title").unwrap();
    client
        .set_status(&model, 19, NewStatus::Closed, Some("done"))
        .unwrap();
    client
        .set_status(&model, 19, NewStatus::Open, None)
        .unwrap();
    client.merge(&model, 19, None).unwrap();
    client.merge(&model, 19, Some("at last")).unwrap();
    let expected = [
        json!({"comment": "Thank you!"}),
        json!({"title": "Another title"}),
        json!({"status": "closed", "comment": "done"}),
        json!({"status": "open"}),
        json!({}),
        json!({"comment": "at last"}),
    ];
    assert_eq!(hub.bodies(), expected);
    let what: Vec<_> = hub
        .asked()
        .iter()
        .map(|call| call.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        what,
        ["comment", "title", "status", "status", "merge", "merge"]
    );
}

#[test]
fn a_run_comments_once_however_often_it_is_attempted() {
    let hub = FakeHub::start();
    let place = format!("{MODEL}/discussions/19");
    let entry = |id: &str, text: &str| json!({"id": id, "type": "comment", "data": {"latest": {"raw": text}}});
    let mut events = vec![
        entry("1", "hello"),
        // Another run's mark is none of this one's.
        entry("2", "ok\n\n<!-- hookbox run-10 -->"),
    ];
    hub.answers("GET", &place, &json!({"num": 19, "events": events}));
    hub.answers(
        "POST",
        &format!("{place}/comment"),
        &json!({"newMessage": {"id": "3", "type": "comment"}}),
    );
    let first = client()
        .comment_once(&model(), 19, "run-1", "Thank you!\n")
        .unwrap();
    assert_eq!(first, Once::Made("3".to_owned()));
    let body = &hub.bodies()[0];
    assert_eq!(body["comment"], "Thank you!\n\n<!-- hookbox run-1 -->");
    // The attempt was cut off after the call; the next one finds what it wrote, even if somebody hid it.
    let mut written = entry("3", body["comment"].as_str().unwrap());
    written["data"]["hidden"] = true.into();
    events.push(written);
    let later = FakeHub::start();
    later.answers("GET", &place, &json!({"num": 19, "events": events}));
    let second = client()
        .comment_once(&model(), 19, "run-1", "Thank you!\n")
        .unwrap();
    assert_eq!(second, Once::Found("3".to_owned()));
    assert_eq!(later.asked(), [format!("GET {place}")]);
}

#[test]
fn a_run_opens_a_discussion_once_however_often_it_is_attempted() {
    let hub = FakeHub::start();
    let place = format!("{MODEL}/discussions");
    let listed = |num: u64, title: &str| json!({"num": num, "title": title, "status": "closed"});
    let list = format!("{place}?p=0&type=discussion&status=all");
    let page = [
        listed(9, "Licence"),
        listed(8, "Another"),
        listed(7, "Licence"),
    ];
    hub.answers(
        "GET",
        &list,
        &json!({"count": 3, "start": 0, "discussions": page}),
    );
    let entry = |text: &str| json!({"type": "comment", "data": {"latest": {"raw": text}}});
    let opened_by = |num: u64, run: &str| {
        let events = [
            entry(&marked("Which one?", run)),
            entry(&marked("I see.", "run-3")),
        ];
        hub.answers(
            "GET",
            &format!("{place}/{num}"),
            &json!({"num": num, "events": events}),
        );
    };
    opened_by(9, "run-2");
    opened_by(7, "run-1");
    hub.answers("POST", &place, &json(sample!("opened.json")));
    let open = |run: &str| client().open_once(&model(), run, " Licence ", "Which one?\n");
    let Once::Found(found) = open("run-1").unwrap() else {
        panic!("it is there")
    };
    let url = "https://huggingface.co/some-user/some-repo/discussions/7";
    assert_eq!((found.num, found.url.as_str()), (7, url));
    // A comment of a run is not what it has opened.
    let Once::Made(made) = open("run-3").unwrap() else {
        panic!("it is not there")
    };
    assert_eq!(made.num, 20);
    assert_eq!(
        hub.bodies()[0]["description"],
        "Which one?\n\n<!-- hookbox run-3 -->"
    );
    assert_eq!(hub.asked().len(), 7);
    assert!(client().open_once(&model(), "run-1", "x", "").is_err());
}

#[test]
fn a_run_closes_and_merges_once_and_marks_what_it_says() {
    let hub = FakeHub::start();
    let place = format!("{MODEL}/discussions/19");
    for status in ["open", "closed", "merged"] {
        hub.answers("GET", &place, &json!({"num": 19, "status": status}));
    }
    hub.answers("POST", &format!("{place}/status"), &json!({}));
    hub.answers("POST", &format!("{place}/merge"), &json!({}));
    let close = || client().set_status_once(&model(), 19, "run-1", NewStatus::Closed, "Done.");
    assert_eq!(close(), Ok(Once::Made(())));
    assert_eq!(close(), Ok(Once::Found(())));
    let merge = || client().merge_once(&model(), 19, "run-1", "Done.");
    assert_eq!(merge(), Ok(Once::Found(())));
    hub.answers("GET", &place, &json!({"num": 19, "status": "open"}));
    assert_eq!(merge(), Ok(Once::Found(())));
    assert_eq!(merge(), Ok(Once::Made(())));
    let said = "Done.\n\n<!-- hookbox run-1 -->";
    let expected = [
        json!({"status": "closed", "comment": said}),
        json!({"comment": said}),
    ];
    assert_eq!(hub.bodies(), expected);
}

#[test]
fn a_commit_is_sent_as_lines_of_json() {
    let path = "/api/datasets/my-org/reviews/commit/main?create_pr=1";
    let hub = hub("POST", path, sample!("commit.json"));
    let repo = Repo::dataset("my-org/reviews").unwrap();
    let commit = Commit::new("Add tags")
        .file("README.md", "# hi")
        .as_pull_request();
    let made = client().commit(&repo, "refs/heads/main", &commit).unwrap();
    assert_eq!(made.oid, "91c54ad1727ee830252e457677f467be0bfd8a57");
    assert_eq!(made.pull_request(), Some(6));
    let requests = hub.requests();
    assert_eq!(
        requests[0].header("content-type"),
        Some("application/x-ndjson")
    );
    let lines = String::from_utf8_lossy(requests[0].body()).into_owned();
    let keys: Vec<_> = lines
        .lines()
        .map(|line| json(line)["key"].clone())
        .collect();
    assert_eq!(keys, ["header", "file"]);
    for branch in ["refs/pr/5", "try/out", "", "..", "a b"] {
        let error = client().commit(&repo, branch, &commit).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Argument, "{branch}");
    }
}

#[test]
fn a_space_is_made_once_and_deleted_once() {
    let hub = hub("POST", "/api/repos/create", sample!("space.json"));
    let repo = Repo::space("my-org/demo-pr-5").unwrap();
    let space = Space::new(repo.clone(), SpaceSdk::Gradio)
        .private()
        .hardware("cpu-upgrade")
        .sleep_after(3600)
        .variable("MODE", "test");
    let url = "https://huggingface.co/spaces/my-org/demo-pr-5".to_owned();
    assert_eq!(client().create_space(&space), Ok(Once::Made(url.clone())));
    let expected = json!({
        "type": "space", "name": "demo-pr-5", "organization": "my-org", "sdk": "gradio", "visibility": "private",
        "hardware": "cpu-upgrade", "sleepTimeSeconds": 3600, "variables": [{"key": "MODE", "value": "test"}],
    });
    assert_eq!(hub.bodies(), [expected]);
    let conflict = |said: &str| {
        let hub = FakeHub::start();
        let answer = Response::new(409).with_json(&json!({"error": said}));
        hub.answers_with("POST", "/api/repos/create", Ok(answer));
        client().create_space(&space)
    };
    assert_eq!(
        conflict("You already created this space repo"),
        Ok(Once::Found(url))
    );
    let busy = conflict("Cannot create repo: another conflicting operation is in progress");
    assert_eq!(busy.unwrap_err().kind(), &ErrorKind::Conflict);

    let hub = FakeHub::start();
    hub.answers("DELETE", "/api/repos/delete", &json!({}));
    hub.answers_with("DELETE", "/api/repos/delete", Ok(Response::new(404)));
    client().delete_space(&repo).unwrap();
    client().delete_space(&repo).unwrap();
    let body = json!({"type": "space", "name": "demo-pr-5", "organization": "my-org"});
    assert_eq!(hub.bodies(), [body.clone(), body]);
    // Nothing else is ever deleted.
    assert!(client().delete_space(&model()).is_err());
    assert!(
        client()
            .delete_space(&Repo::space("nobodys").unwrap())
            .is_err()
    );
    assert_eq!(hub.asked().len(), 2);
}

#[test]
fn a_job_is_started_with_its_label() {
    let hub = hub(
        "POST",
        "/api/jobs/my-org",
        r#"{"id": "687f", "status": {"stage": "SCHEDULING"}}"#,
    );
    let job = Job::image("python:3.12", ["python", "train.py"])
        .variable("DATASET", "my-org/reviews")
        .label("hookbox-run", "run-1")
        .flavor("t4-small")
        .timeout_seconds(60);
    let started = client().run_job("my-org", &job).unwrap();
    assert_eq!(
        (started.id.as_str(), started.status.stage),
        ("687f", JobStage::Scheduling)
    );
    let expected = json!({
        "command": ["python", "train.py"], "arguments": [], "environment": {"DATASET": "my-org/reviews"},
        "flavor": "t4-small", "dockerImage": "python:3.12", "timeoutSeconds": 60, "labels": {"hookbox-run": "run-1"},
    });
    assert_eq!(hub.bodies(), [expected]);
}

#[test]
fn a_model_answers_through_the_router() {
    let hub = hub("POST", "/v1/chat/completions", sample!("completion.json"));
    let chat = Chat::new("moonshotai/Kimi-K2.6")
        .system("Be brief.")
        .user("Greet Ada.")
        .tokens_max(500);
    let completion = client().complete(&chat).unwrap();
    assert_eq!(
        (completion.text.as_str(), completion.finish_reason.as_str()),
        ("Hello Ada!", "stop")
    );
    let expected = json!({
        "model": "moonshotai/Kimi-K2.6", "max_tokens": 500,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Greet Ada."}],
    });
    assert_eq!(hub.bodies(), [expected]);
    assert_eq!(
        hub.requests()[0].url(),
        "https://router.huggingface.co/v1/chat/completions"
    );
    hub.answers("POST", "/v1/chat/completions", &json!({"choices": []}));
    let _first = client().complete(&chat);
    assert_eq!(
        client().complete(&chat).unwrap_err().kind(),
        &ErrorKind::Unreadable
    );
}
