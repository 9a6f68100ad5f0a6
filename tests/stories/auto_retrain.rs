//! Retraining of the Hub's guide, with the grant that lies beside its sources: data that are pushed start one Job.

use hookbox_tests::{FakeHubApi, Fault, Guide, eventually, told};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(15);

const REPO: &str = "datasets/my-org/reviews";
const JOBS: &str = "/api/jobs/my-org";

/// A Hub with a dataset, and a host with the plugin, which waits for so long until nothing is pushed.
fn guide(quiet: &str) -> Guide {
    let hub = FakeHubApi::start();
    hub.has(REPO, &[("README.md", "# Reviews"), ("data/train.csv", "1")]);
    let quiet = format!("quiet = \"{quiet}\"");
    Guide::start("auto-retrain", hub, |grant| {
        let rules = "retry = { attempts = 4, first = \"20ms\", factor = 1 }\n";
        format!("{rules}{}", grant.replace("quiet = \"60s\"", &quiet))
    })
}

/// Somebody pushes data to the dataset; the event of it.
fn pushes_data(guide: &Guide, text: &str) -> Value {
    guide.hub.pushes(REPO, &[("data/train.csv", text)])
}

fn commit(event: &Value) -> &str {
    event["updatedRefs"][0]["newSha"].as_str().unwrap()
}

/// The commits that Jobs were started for, in order.
fn trained(guide: &Guide) -> Vec<String> {
    let jobs = guide.hub.jobs().into_iter();
    let commits = jobs.map(|(_, job)| job["environment"]["DATASET_REVISION"].clone());
    commits
        .map(|commit| commit.as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn data_that_are_pushed_start_a_job_that_knows_what_to_train() {
    let guide = guide("50ms");
    let pushed = pushes_data(&guide, "2");
    let (outcomes, said) = guide.handles(&pushed);
    // Then the Job is the organisation's, with the settings of the grant
    let (namespace, job) = guide.hub.jobs().remove(0);
    assert_eq!(
        (outcomes, namespace.as_str()),
        (vec!["done".to_owned()], "my-org")
    );
    let id = job["id"].as_str().unwrap();
    assert_eq!(
        said,
        format!("started Job {id} for {REPO} at {}", commit(&pushed))
    );
    let environment = &job["environment"];
    assert_eq!(environment["DATASET"], "my-org/reviews");
    assert_eq!(environment["DATASET_REVISION"], commit(&pushed));
    assert_eq!(
        environment["BASE_MODEL"],
        "distilbert/distilbert-base-uncased"
    );
    assert_eq!(job["labels"]["hookbox-run"], environment["HOOKBOX_RUN"]);
    assert_eq!(
        (&job["flavor"], &job["timeoutSeconds"]),
        (&json!("t4-small"), &json!(3600))
    );
    // And these were the calls, with the token that only the host knows
    let (old, new) = (&pushed["updatedRefs"][0]["oldSha"], commit(&pushed));
    let calls = [
        format!("GET {JOBS}?label=hookbox-commit%3D{new}"),
        format!(
            "GET /api/{REPO}/compare/{}..{new}?raw=true",
            old.as_str().unwrap()
        ),
        format!("POST {JOBS}"),
    ];
    assert_eq!(guide.asked(), calls);
    assert!(guide.hub.asked().iter().all(|call| call.is_authorised));
}

#[test]
fn a_job_raises_no_event_that_could_start_another() {
    let guide = guide("50ms");
    let pushed = pushes_data(&guide, "2");
    let before = guide.hub.events();
    guide.handles(&pushed);
    // Then the Hub has a Job, and nothing to post of it
    assert_eq!(guide.hub.jobs().len(), 1);
    assert_eq!(guide.hub.events(), before);
}

#[test]
fn several_pushes_within_the_quiet_time_start_one_job() {
    // Given a dataset whose last commit was judged
    let guide = guide("1s");
    guide.handles(&pushes_data(&guide, "2"));
    // When data are pushed, and then the card alone, one soon after the other
    let burst = [
        pushes_data(&guide, "3"),
        pushes_data(&guide, "4"),
        guide.hub.pushes(REPO, &[("README.md", "# More reviews")]),
    ];
    let posted: Vec<String> = burst.iter().map(|event| guide.post(event)).collect();
    // Then the last one stands for all, and the data of those before count
    let (outcomes, _) = told(&guide.ended(&posted[2]));
    assert_eq!(outcomes, ["done"]);
    for coalesced in &posted[..2] {
        assert_eq!(guide.ended(coalesced)["state"], "coalesced");
    }
    assert_eq!(trained(&guide).len(), 2);
    assert_eq!(trained(&guide)[1], commit(&burst[2]));
}

#[test]
fn what_changes_no_data_of_main_starts_nothing() {
    let guide = guide("50ms");
    guide.leaves_alone(
        &guide
            .hub
            .pushes(REPO, &[("README.md", "# Mine"), (".gitattributes", "x")]),
    );
    // A pull request, a tag, a branch that goes: the grant lets none of them through
    guide
        .hub
        .proposes(REPO, "More data", &[("data/more.csv", "1")]);
    guide.leaves_alone(&guide.hub.last_event("repo.content", "update"));
    let mut other = pushes_data(&guide, "2");
    other["updatedRefs"][0]["ref"] = json!("refs/tags/v1");
    guide.leaves_alone(&other);
    let mut gone = other.clone();
    gone["updatedRefs"][0] =
        json!({ "ref": "refs/heads/main", "oldSha": "a".repeat(40), "newSha": null });
    guide.leaves_alone(&gone);
    // Nor is there anything for a dataset that the grant does not name
    guide.hub.has("datasets/my-org/others", &[]);
    guide.leaves_alone(
        &guide
            .hub
            .pushes("datasets/my-org/others", &[("train.csv", "1")]),
    );
    assert!(guide.hub.jobs().is_empty());
}

#[test]
fn one_commit_starts_one_job_until_that_has_failed() {
    let guide = guide("50ms");
    let pushed = pushes_data(&guide, "2");
    let first = guide.post(&pushed);
    guide.ended(&first);
    // When the event comes again, and somebody replays it
    let (outcomes, said) = guide.handles(&pushed);
    assert_eq!(outcomes, ["ignored"]);
    assert!(said.ends_with("is there for this commit"), "{said}");
    let replay = || {
        guide.host.cli(&["deliveries", "replay", &first]).ok();
        let runs = || {
            guide.host.delivery(&first)["runs"]
                .as_array()
                .cloned()
                .unwrap()
        };
        let is_over = |run: &Value| run["state"] == "done" || run["state"] == "ignored";
        eventually(SOON, || runs().iter().all(is_over).then_some(()));
    };
    replay();
    assert_eq!(trained(&guide).len(), 1);
    // Then only a Job that failed is started anew
    guide.hub.jobs_fail();
    replay();
    assert_eq!(trained(&guide), [commit(&pushed), commit(&pushed)]);
}

#[test]
fn a_job_whose_answer_was_lost_is_found_and_not_started_again() {
    let guide = guide("50ms");
    guide.hub.fails("POST /api/jobs", 1, Fault::CutAfter);
    let (outcomes, said) = guide.handles(&pushes_data(&guide, "2"));
    assert_eq!(outcomes, ["retry", "done"]);
    assert!(said.ends_with("was started before"), "{said}");
    assert_eq!(trained(&guide).len(), 1);
}

#[test]
fn a_host_that_is_killed_while_it_starts_a_job_starts_one_all_the_same() {
    // Given a host that is killed while the Hub starts the Job
    let mut guide = guide("50ms");
    guide.hub.fails("POST /api/jobs", 1, Fault::Slow);
    let id = guide.post(&pushes_data(&guide, "2"));
    guide.hub.is_asked("POST /api/jobs", 1);
    guide.host.kill();
    guide.hub.goes_on();
    eventually(SOON, || (guide.hub.jobs().len() == 1).then_some(()));
    // When it comes back
    guide.host.restart();
    let (outcomes, said) = told(&guide.ended(&id));
    // Then it finds what it started
    assert_eq!(outcomes, ["lost", "done"]);
    assert!(said.ends_with("was started before"), "{said}");
    assert_eq!(trained(&guide).len(), 1);
}

#[test]
fn a_history_that_was_rewritten_does_not_stop_it() {
    let guide = guide("50ms");
    guide.handles(&pushes_data(&guide, "2"));
    // When a commit that was judged is not there any more, nor the one before the push
    guide.hub.fails("/compare/", 2, Fault::Status(404));
    let (outcomes, _) = guide.handles(&pushes_data(&guide, "3"));
    // Then what is there counts
    assert_eq!(outcomes, ["done"]);
    assert_eq!(guide.hub.asked_for("/tree/").len(), 1);
    assert_eq!(trained(&guide).len(), 2);
}
