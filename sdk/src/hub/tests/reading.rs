//! Calls that only read.

use super::*;
use crate::http::Response;
use crate::payload::Status;

#[test]
fn discussions_are_listed_page_by_page_up_to_the_limit() {
    let hub = FakeHub::start();
    let page = |number: u32, author: &str| {
        format!("{MODEL}/discussions?p={number}&type=all&status=open{author}")
    };
    hub.answers("GET", &page(0, ""), &json(sample!("discussions.json")));
    let second = r#"{"count": 3, "start": 2, "discussions": [{"num": 3, "status": "merged"}]}"#;
    hub.answers("GET", &page(1, ""), &json(second));
    let found = client()
        .discussions(&model(), &Filter::new().open())
        .unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.num, one.status.clone()))
        .collect();
    assert_eq!(
        told,
        [(19, Status::Open), (18, Status::Draft), (3, Status::Merged)]
    );
    assert_eq!(
        found[0].author.as_ref().map(|author| author.name.as_str()),
        Some("ada")
    );
    assert_eq!((found[1].is_pull_request, &found[1].author), (true, &None));
    assert_eq!(hub.asked().len(), 2);
    // What is enough is not asked for again, and names are encoded.
    hub.answers(
        "GET",
        &page(0, "&author=a%20b"),
        &json(sample!("discussions.json")),
    );
    let one = client().discussions(&model(), &Filter::new().open().by("a b").limit(1));
    assert_eq!(one.unwrap().len(), 1);
    assert_eq!(hub.asked().len(), 3);
}

#[test]
fn a_list_that_does_not_end_is_given_up() {
    let endless = r#"{"count": 1000000, "start": 0, "discussions": [{"num": 1}]}"#;
    let hub = hub("GET", &format!("{MODEL}/discussions"), endless);
    let found = client().discussions(&model(), &Filter::new()).unwrap();
    assert_eq!((found.len(), hub.asked().len()), (20, 20));
}

#[test]
fn a_discussion_is_read_with_all_that_happened_in_it() {
    let _hub = hub(
        "GET",
        &format!("{MODEL}/discussions/19"),
        sample!("discussion.json"),
    );
    let thread = client().pull_request(&model(), 19).unwrap();
    assert_eq!((thread.num, thread.title.as_str()), (19, "Add a licence"));
    assert_eq!(thread.conflicts.files, ["README.md"]);
    assert!(thread.conflicts.exist && thread.is_pull_request && thread.diff.is_some());
    let changes = thread.changes.as_ref().unwrap();
    assert_eq!(changes.base.as_deref(), Some("refs/heads/main"));
    // The hidden one is not told.
    let comments: Vec<_> = thread.comments().map(|(_, text)| text).collect();
    assert_eq!(comments, ["Please **look**"]);
    let kinds: Vec<_> = thread
        .events
        .iter()
        .map(|entry| entry.kind.as_str())
        .collect();
    let expected = [
        "comment",
        "title-change",
        "comment",
        "commit",
        "status-change",
        "reaction",
    ];
    assert_eq!(kinds, expected);
    let data = |at: usize| &thread.events[at].data;
    assert!(data(0).edited);
    assert_eq!(data(1).to.as_deref(), Some("Add a licence"));
    assert_eq!(data(3).subject.as_deref(), Some("Add LICENSE"));
    assert_eq!(data(4).status, Some(Status::Open));
}

#[test]
fn conflicts_may_be_told_without_their_files() {
    let read = |text: &str| {
        let _hub = hub("GET", &format!("{MODEL}/discussions/1"), text);
        client().discussion(&model(), 1).unwrap().conflicts
    };
    assert!(read(r#"{"num": 1, "filesWithConflicts": true}"#).exist);
    assert!(!read(r#"{"num": 1, "filesWithConflicts": []}"#).exist);
    assert!(!read(r#"{"num": 1}"#).exist);
}

#[test]
fn refs_stand_for_commits() {
    let hub = hub(
        "GET",
        &format!("{MODEL}/refs?include_prs=1"),
        sample!("refs.json"),
    );
    let refs = client().refs(&model()).unwrap();
    assert_eq!(refs.pull_requests[0].full_name, "refs/pr/5");
    assert_eq!(
        refs.branches.len() + refs.tags.len() + refs.converts.len(),
        4
    );
    assert_eq!(hub.asked(), [format!("GET {MODEL}/refs?include_prs=1")]);
}

#[test]
fn changed_files_are_told_from_the_raw_diff() {
    let hub = FakeHub::start();
    let path = format!("{MODEL}/compare/ce9a467..575db8b?raw=true");
    let raw = Response::new(200).with_body(sample!("compare.txt"));
    hub.answers_with("GET", &path, Ok(raw));
    let changes = client().compare(&model(), "ce9a467", "575db8b").unwrap();
    let told: Vec<_> = changes
        .iter()
        .map(|change| (change.kind, change.path.as_str()))
        .collect();
    let expected = [
        (ChangeKind::Modified, "README.md"),
        (ChangeKind::Added, "data/new.csv"),
        (ChangeKind::Renamed, "data/old.csv"),
        (ChangeKind::Deleted, "gone.csv"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_tree_is_read_page_by_page() {
    let hub = FakeHub::start();
    let first = format!("{MODEL}/tree/main/data?recursive=true");
    let next = format!("{MODEL}/tree/main/data?recursive=true&cursor=abc");
    let link = format!("<https://huggingface.co{next}>; rel=\"next\"");
    let page = Response::new(200)
        .with_body(sample!("tree.json"))
        .with_header("Link", link);
    hub.answers_with("GET", &first, Ok(page));
    hub.answers(
        "GET",
        &next,
        &json(r#"[{"type": "file", "path": "z", "size": 1}]"#),
    );
    let tree = client().tree(&model(), "main", "data").unwrap();
    assert!(tree.is_complete);
    let paths: Vec<_> = tree
        .entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(paths, ["data", "README.md", "data/train.parquet", "z"]);
    let large: Vec<_> = tree.entries.iter().map(TreeEntry::is_large).collect();
    assert_eq!(large, [false, false, true, false]);
    assert_eq!(tree.entries[0].kind, EntryKind::Directory);
}

#[test]
fn a_tree_without_end_is_told_as_incomplete_and_one_elsewhere_is_not_followed() {
    let hub = FakeHub::start();
    let path = format!("{MODEL}/tree/main?recursive=true");
    let page = |link: &str| Response::new(200).with_body("[]").with_header("link", link);
    let again = format!("<{path}>; rel=\"next\"");
    hub.answers_with("GET", &path, Ok(page(&again)));
    let tree = client().tree(&model(), "main", "").unwrap();
    assert_eq!((tree.is_complete, hub.asked().len()), (false, 10));
    let hub = FakeHub::start();
    hub.answers_with(
        "GET",
        &path,
        Ok(page("<https://evil.example/x>; rel=\"next\"")),
    );
    let error = client().tree(&model(), "main", "").unwrap_err();
    let host = "evil.example".to_owned();
    assert_eq!(error.kind(), &ErrorKind::Elsewhere { host });
}

#[test]
fn a_file_is_read_as_git_has_it() {
    let hub = FakeHub::start();
    let path = "/datasets/my-org/reviews/raw/main/a%20b/caf%C3%A9.md";
    let content = Response::new(200)
        .with_header("X-Repo-Commit", "575db8b")
        .with_body("# hi");
    hub.answers_with("GET", path, Ok(content));
    let repo = Repo::dataset("my-org/reviews").unwrap();
    let file = client().read_file(&repo, "main", "a b/café.md").unwrap();
    assert_eq!(
        (file.text().as_ref(), file.commit.as_deref()),
        ("# hi", Some("575db8b"))
    );
    assert_eq!(hub.asked(), [format!("GET {path}")]);
}

#[test]
fn a_large_file_is_told_from_what_stands_for_it() {
    let reads = |content: &str| {
        let hub = FakeHub::start();
        let answer = Response::new(200).with_body(content);
        hub.answers_with("GET", "/some-user/some-repo/raw/main/x", Ok(answer));
        client().read_file(&model(), "main", "x")
    };
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let error = reads(pointer).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::LargeFile { size: 12345 });
    let told = "GET /some-user/some-repo/raw/main/x: it is a large file (LFS, 12345 bytes): its content lies on \
                another host, and is not read here";
    assert_eq!(error.to_string(), told);
    assert!(matches!(
        crate::Failure::from(error),
        crate::Failure::Rejected { .. }
    ));
    let long = format!("{pointer}{}", "x".repeat(1024));
    for text in ["", "version", &pointer[1..], &pointer[..20], &long] {
        assert_eq!(reads(text).unwrap().text(), text);
    }
}

#[test]
fn redirects_are_followed_on_the_same_host_alone() {
    let path = "/some-user/some-repo/raw/main/x";
    let moved = |to: &str| {
        let hub = FakeHub::start();
        let answer = Response::new(307).with_header("Location", to);
        hub.answers_with("GET", path, Ok(answer));
        let content = Response::new(200).with_body("# hi");
        hub.answers_with("GET", "/some-user/renamed/raw/main/x", Ok(content));
        let read = client().read_file(&model(), "main", "x");
        (read, hub.asked().len())
    };
    for to in [
        "/some-user/renamed/raw/main/x",
        "https://huggingface.co/some-user/renamed/raw/main/x",
    ] {
        let (read, asked) = moved(to);
        assert_eq!((read.unwrap().text().as_ref(), asked), ("# hi", 2), "{to}");
    }
    for to in [
        "https://cdn-lfs.hf.co/x?signature=secret",
        "//cdn-lfs.hf.co/x",
        "http://cdn-lfs.hf.co/x",
    ] {
        let (read, asked) = moved(to);
        let (error, host) = (read.unwrap_err(), "cdn-lfs.hf.co".to_owned());
        assert_eq!(error.kind(), &ErrorKind::Elsewhere { host });
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(asked, 1);
    }
    // Another scheme of the same host is another place.
    assert!(moved("http://huggingface.co/x").0.is_err());
}

#[test]
fn redirects_in_a_circle_are_given_up() {
    let hub = FakeHub::start();
    let path = "/some-user/some-repo/raw/main/x";
    let to = Response::new(302).with_header("location", path);
    hub.answers_with("GET", path, Ok(to));
    let error = client().read_file(&model(), "main", "x").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unreadable);
    assert_eq!(hub.asked().len(), 4);
}

#[test]
fn a_revision_with_a_slash_is_read_at_its_commit() {
    let refs = format!("{MODEL}/refs?include_prs=1");
    let cases = [
        ("refs/pr/5", "5555555555555555555555555555555555555555"),
        ("try/out", "1111111111111111111111111111111111111111"),
        ("refs/tags/v1.0", "3333333333333333333333333333333333333333"),
        (
            "refs/convert/parquet",
            "2222222222222222222222222222222222222222",
        ),
    ];
    for (revision, commit) in cases {
        let hub = hub("GET", &refs, sample!("refs.json"));
        hub.answers("GET", &format!("{MODEL}/tree/{commit}"), &json("[]"));
        client().tree(&model(), revision, "").unwrap();
        assert_eq!(hub.asked().len(), 2, "{revision}");
    }
    let hub = hub("GET", &refs, sample!("refs.json"));
    let error = client().tree(&model(), "refs/pr/6", "").unwrap_err();
    assert!(error.is_not_found(), "{error}");
    // A branch without a slash needs no other call.
    hub.answers("GET", &format!("{MODEL}/tree/main"), &json("[]"));
    client().tree(&model(), "refs/heads/main", "").unwrap();
    assert_eq!(hub.asked().len(), 2);
}

#[test]
fn what_could_leave_its_place_in_a_path_is_not_asked_for() {
    let hub = FakeHub::start();
    for path in ["", "/etc", "a//b", "a/../b", "..", "a/", "a\\b"] {
        assert!(
            client().read_file(&model(), "main", path).is_err(),
            "{path}"
        );
    }
    for revision in ["", "..", "a..b", "a b", "a%2fb", "a?b", ".git"] {
        let error = client().read_file(&model(), revision, "x").unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Argument, "{revision}");
    }
    assert!(client().discussion(&model(), 0).is_err());
    assert!(hub.asked().is_empty());
}

#[test]
fn the_account_behind_the_token_is_known_by_its_id() {
    let _hub = hub("GET", "/api/whoami-v2", sample!("whoami.json"));
    let account = client().whoami().unwrap();
    assert_eq!(account.kind, AccountKind::User);
    assert_eq!(
        (account.name.as_str(), account.id.as_str()),
        ("some-bot", "6397f6081323f19c578f142e")
    );
    assert_eq!(account.organisations[0].name, "my-org");
}

#[test]
fn jobs_are_found_by_their_label() {
    let path = "/api/jobs/my-org?label=hookbox-run%3Drun-1";
    let hub = hub("GET", path, sample!("jobs.json"));
    let jobs = client().jobs("my-org", ("hookbox-run", "run-1")).unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].status.stage, JobStage::Running);
    assert_eq!(jobs[0].labels.get("plugin"), Some("auto-retrain"));
    assert_eq!(hub.asked(), [format!("GET {path}")]);
    assert!(client().jobs("my/org", ("a", "b")).is_err());
}

#[test]
fn jobs_are_looked_through_page_by_page_up_to_a_bound() {
    let hub = FakeHub::start();
    let path = "/api/jobs/my-org?label=hookbox-run%3Drun-1";
    let next = format!("{path}&cursor=abc");
    let page = |body: &str, next: &str| {
        let link = format!("<{next}>; rel=\"next\"");
        Ok(Response::new(200).with_body(body).with_header("Link", link))
    };
    hub.answers_with("GET", path, page("[]", &next));
    hub.answers_with("GET", &next, page(sample!("jobs.json"), &next));
    let jobs = client().jobs("my-org", ("hookbox-run", "run-1")).unwrap();
    // A list without end is given up after ten pages.
    assert_eq!((jobs.len(), hub.asked().len()), (9, 10));
}

#[test]
fn an_answer_that_is_not_understood_is_no_empty_one() {
    let hub = FakeHub::start();
    let place = "/api/models/some-user/some-repo/discussions/19";
    hub.answers("GET", place, &json("{}"));
    let unreadable = |error: Error| matches!(error.kind(), ErrorKind::Unreadable);
    assert!(unreadable(
        client()
            .comment_once(&model(), 19, "run-1", "Hi")
            .unwrap_err()
    ));
    assert_eq!(hub.asked(), [format!("GET {place}")]);
}

#[test]
fn a_mark_that_is_quoted_is_not_the_texts_own() {
    let quoted = format!("> {}\n\nand now?", marker("run-1"));
    assert!(!is_marked(&quoted));
    assert!(is_marked(&format!("{quoted}\n{}\n", marker("run-2"))));
}
