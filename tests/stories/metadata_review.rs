//! The metadata review of the Hub's guide, with the grant that lies beside its sources: opened once, and kept up to date.

use hookbox_tests::{FakeHubApi, Fault, Guide, eventually, told};
use serde_json::Value;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(15);

const REPO: &str = "datasets/my-org/reviews";
const POOR: &str = "---\nlicense: mit\n---\n# Reviews\n";
const BETTER: &str = "---\nlicense: mit\nlanguage:\n- en\n---\n# Reviews\n";

/// A Hub with a dataset without a card.
fn hub() -> FakeHubApi {
    let hub = FakeHubApi::start();
    hub.has(REPO, &[("train.csv", "1")]);
    hub
}

/// A host with the plugin at that Hub.
fn at(hub: FakeHubApi) -> Guide {
    Guide::start("metadata-review", hub, |grant| {
        format!("retry = {{ attempts = 4, first = \"20ms\", factor = 1 }}\n{grant}")
    })
}

fn pushes_card(guide: &Guide, card: &str) -> Value {
    guide.hub.pushes(REPO, &[("README.md", card)])
}

/// What the plugin has written, without the marks of its runs.
fn said(guide: &Guide, num: u64) -> Vec<String> {
    let texts = guide.hub.answers(REPO, num).into_iter();
    texts
        .map(|text| text.split("\n\n<!--").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_card_is_reviewed_in_one_discussion_that_follows_it() {
    let guide = at(hub());
    // When a card is pushed, and other files after it
    let (outcomes, told) = guide.handles(&pushes_card(&guide, POOR));
    assert_eq!(
        (outcomes, told),
        (vec!["done".to_owned()], format!("reviewed in {REPO}#1: 20"))
    );
    guide.leaves_alone(&guide.hub.pushes(REPO, &[("test.csv", "2")]));
    // And a better card
    let (_, told) = guide.handles(&pushes_card(&guide, BETTER));
    assert_eq!(told, format!("commented in {REPO}#1: 35"));
    guide.leaves_alone(&pushes_card(&guide, &format!("{BETTER}Two more words.\n")));
    // Then there is one discussion, with one comment
    assert_eq!(guide.hub.opened(REPO), [1]);
    let said = said(&guide, 1);
    assert_eq!(said.len(), 2);
    insta::assert_snapshot!(said[0], @r#"
    Metadata score: **20 of 100**

    | | | points |
    |---|---|---|
    | ✅ `license` | whether and how it may be used | 20 of 20 |
    | ❌ `task_categories` | the tasks that it is for | 0 of 15 |
    | ❌ `language` | the languages of its texts | 0 of 15 |
    | ❌ `size_categories` | how large it is | 0 of 10 |
    | ❌ `pretty_name` | its name for people | 0 of 5 |
    | ❌ `tags` | what else it is found by | 0 of 5 |
    | ❌ description | what it is, in 500 characters or more | 0 of 30 |

    The metadata stand at the top of `README.md`: see the [guide](https://huggingface.co/docs/hub/datasets-cards). When the score changes, a comment here tells it; closing this ends that.
    "#);
    assert!(
        said[1].starts_with("Metadata score: **35 of 100**"),
        "{}",
        said[1]
    );
}

#[test]
fn what_it_writes_comes_back_and_starts_nothing() {
    let guide = at(hub());
    guide.handles(&pushes_card(&guide, POOR));
    guide.handles(&pushes_card(&guide, BETTER));
    for (scope, action) in [("discussion", "create"), ("discussion.comment", "create")] {
        let own = guide.hub.last_event(scope, action);
        assert_eq!(own["comment"]["author"]["id"], guide.hub.account());
        guide.leaves_alone(&own);
    }
    assert_eq!(guide.written().len(), 2);
}

#[test]
fn a_repo_that_is_made_with_a_card_is_reviewed_once_however_many_events_tell_of_it() {
    let guide = at(FakeHubApi::start());
    // Given what the Hub posts of a new repo with its first push, both at once
    let made = guide
        .hub
        .creates("models/my-org/new", &[("README.md", POOR)]);
    let pushed = guide.hub.pushes("models/my-org/new", &[("model.txt", "1")]);
    let posted = [guide.post(&made), guide.post(&pushed)];
    for delivery in &posted {
        guide.ended(delivery);
    }
    assert_eq!(guide.hub.opened("models/my-org/new"), [1]);
    // And one without a card is left alone
    guide.leaves_alone(&guide.hub.creates("models/my-org/bare", &[]));
    assert!(guide.hub.opened("models/my-org/bare").is_empty());
}

#[test]
fn a_discussion_whose_answer_was_lost_is_found_and_not_opened_again() {
    let guide = at(hub());
    guide.hub.fails("POST /api/datasets", 1, Fault::CutAfter);
    let (outcomes, told) = guide.handles(&pushes_card(&guide, POOR));
    assert_eq!(outcomes, ["retry", "ignored"]);
    assert_eq!(told, "the score is still 20");
    // The same with a comment
    guide.hub.fails("/comment", 1, Fault::CutAfter);
    let (outcomes, _) = guide.handles(&pushes_card(&guide, BETTER));
    assert_eq!(outcomes, ["retry", "done"]);
    assert_eq!(
        (guide.hub.opened(REPO), said(&guide, 1).len()),
        (vec![1], 2)
    );
}

#[test]
fn a_host_that_is_killed_while_it_opens_a_discussion_opens_one_all_the_same() {
    let mut guide = at(hub());
    guide.hub.fails("POST /api/datasets", 1, Fault::Slow);
    let id = guide.post(&pushes_card(&guide, POOR));
    guide.hub.is_asked("POST /api/datasets", 1);
    guide.host.kill();
    guide.hub.goes_on();
    eventually(SOON, || (!guide.hub.opened(REPO).is_empty()).then_some(()));
    guide.host.restart();
    let (outcomes, _) = told(&guide.ended(&id));
    assert_eq!(outcomes, ["lost", "ignored"]);
    assert_eq!(guide.hub.opened(REPO), [1]);
    // And it goes on from there
    guide.handles(&pushes_card(&guide, BETTER));
    assert_eq!(
        (guide.hub.opened(REPO), said(&guide, 1).len()),
        (vec![1], 2)
    );
}

#[test]
fn a_review_is_found_again_where_the_state_is_lost() {
    // Given a repo that another host reviewed, and a discussion of somebody with the same title
    let first = at(hub());
    first.handles(&pushes_card(&first, POOR));
    first.handles(&pushes_card(&first, BETTER));
    let Guide { hub, host } = first;
    drop(host);
    hub.opens(
        REPO,
        "Metadata review",
        "Metadata score: **1 of 100**\n\n<!-- hookbox x -->",
    );
    // When one that knows nothing of it comes
    let second = at(hub);
    second.leaves_alone(&second.hub.pushes(REPO, &[("test.csv", "2")]));
    // Then it knows the discussion, and the score that was told last
    let (_, told) = second.handles(&pushes_card(&second, POOR));
    assert_eq!(told, format!("commented in {REPO}#1: 20"));
    assert_eq!(second.hub.opened(REPO), [1]);
}

#[test]
fn the_score_that_a_stranger_tells_does_not_count_where_the_state_is_lost() {
    // Given a review, and a stranger who tells another score below it, with a mark
    let first = at(hub());
    first.handles(&pushes_card(&first, POOR));
    let Guide { hub, host } = first;
    drop(host);
    let theirs = "Metadata score: **35 of 100**\n\n<!-- hookbox x -->";
    hub.comments(REPO, 1, theirs);
    // When the card gets that score before a host that knows nothing of it
    let second = at(hub);
    let (_, told) = second.handles(&pushes_card(&second, BETTER));
    // Then it is told all the same
    assert_eq!(told, format!("commented in {REPO}#1: 35"));
}

#[test]
fn whoever_closes_the_discussion_hears_no_more() {
    let guide = at(hub());
    guide.handles(&pushes_card(&guide, POOR));
    guide.leaves_alone(&guide.hub.closes(REPO, 1));
    guide.leaves_alone(&pushes_card(&guide, BETTER));
    assert_eq!(
        (guide.hub.opened(REPO), said(&guide, 1).len()),
        (vec![1], 1)
    );
}

#[test]
fn nothing_of_a_card_gets_into_the_review() {
    let guide = at(hub());
    let hostile =
        "---\nlicense: '@everyone <script>'\nsystem-prompt: x\n---\n@here [click](javascript:x)\n";
    guide.handles(&pushes_card(&guide, hostile));
    let review = said(&guide, 1).remove(0);
    for part in ["@everyone", "@here", "<script", "javascript"] {
        assert!(!review.contains(part), "{review}");
    }
}
