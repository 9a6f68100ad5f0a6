//! `plugins/commit-digest`, in Python, with the grant that lies beside its sources: what was pushed, told once.

use crate::python::loaded;
use hookbox_tests::{FakeHubApi, Fault, Guide, Host, build_python, eventually, told, workspace};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(30);

const REPO: &str = "models/my-org/demo";

/// The component, built once.
fn component() -> Vec<u8> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let built = BYTES.get_or_init(|| {
        let out = TempDir::new().unwrap();
        let file = build_python(&workspace().join("plugins/commit-digest"), out.path());
        std::fs::read(file).unwrap()
    });
    built.clone()
}

/// A host with the plugin at a Hub with a repo; it takes each push as it comes.
fn at(hub: FakeHubApi) -> Guide {
    let host = Host::with(&[]).file("commit-digest.wasm", component());
    let guide = Guide::of(host, "commit-digest", hub, |grant| {
        let debounce = grant
            .lines()
            .find(|line| line.starts_with("debounce"))
            .unwrap();
        let retry = "retry = { attempts = 4, first = \"20ms\", factor = 1 }";
        grant.replace(debounce, retry)
    });
    loaded(&guide.host, "commit-digest");
    guide
}

/// What it wrote, without the marks of its runs.
fn digests(guide: &Guide, num: u64) -> Vec<String> {
    let texts = guide.hub.answers(REPO, num).into_iter().skip(1);
    texts
        .map(|text| text.split("\n\n<!--").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn what_was_pushed_is_told_in_one_discussion_and_once_when_the_host_is_killed() {
    let hub = FakeHubApi::start();
    hub.has(REPO, &[("README.md", "# Demo")]);
    let mut guide = at(hub);
    // The first push that it sees is where it begins
    let pushed = |guide: &Guide, text: &str| guide.hub.pushes(REPO, &[("data.csv", text)]);
    let (outcomes, said) = guide.handles(&pushed(&guide, "1"));
    assert_eq!(outcomes, ["done"]);
    assert!(said.starts_with("begins after "), "{said}");
    // When more come than a page of the Hub's list has
    for text in ["2", "3", "4", "5"] {
        pushed(&guide, text);
    }
    let (outcomes, said) = guide.handles(&pushed(&guide, "6"));
    assert_eq!(
        (outcomes, said.as_str()),
        (vec!["done".to_owned()], "5 commits told in my-org/demo#1")
    );
    assert!(digests(&guide, 1)[0].starts_with("**5 commits** on `main`"));
    // And the host is killed while the next comment is on its way
    guide.hub.fails("/comment", 1, Fault::Slow);
    let id = guide.post(&pushed(&guide, "7"));
    guide.hub.is_asked("/comment", 2);
    guide.host.kill();
    guide.hub.goes_on();
    eventually(SOON, || (digests(&guide, 1).len() == 2).then_some(()));
    guide.host.restart();
    // Then the comment is there once
    let (outcomes, said) = told(&guide.ended(&id));
    assert_eq!(outcomes, ["lost", "done"]);
    assert_eq!(said, "1 commit told in my-org/demo#1");
    assert_eq!(
        (guide.hub.opened(REPO), digests(&guide, 1).len()),
        (vec![1], 2)
    );
    // What it writes comes back, and starts nothing.
    guide.leaves_alone(&guide.hub.last_event("discussion.comment", "create"));
    // And a rate limit puts it off, and nothing is written twice.
    guide.hub.fails("/commits/", 1, Fault::Status(503));
    let (outcomes, _) = guide.handles(&pushed(&guide, "8"));
    assert_eq!(outcomes, ["retry", "done"]);
    assert_eq!(digests(&guide, 1).len(), 3);
}
