//! The discussion bot, killed between its comment and the settlement of its run: what is done twice, and what is not.

use hookbox_tests::{FakeHubApi, Host, eventually};
use std::time::Duration;

const REPO: &str = "models/my-org/demo";

/// The longest that a life, or a death, may take.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_comment_is_written_once_wherever_its_host_was_killed() {
    for (place, outcomes) in [
        ("before-settle", "lost done"),
        ("during-settle", "lost done"),
        ("after-settle", "done"),
    ] {
        // Given a host that dies after the bot has written its comment
        let hub = FakeHubApi::start();
        hub.has(REPO, &[]);
        let num = hub.opens(REPO, "Licence", "What may I do with it?");
        let question = hub.comments(REPO, num, "@my-bot, which licence is it?");
        let host = Host::with(&["discussion-bot"])
            .grant("discussion-bot", &hub.grant_of("discussion-bot"))
            .failing()
            .env("FAILPOINT", place);
        let mut host = hub.known_to(host).start();
        let id = host.hub().deliver(&question).send().id();
        assert!(host.dies_within(SOON), "{place}: {}", host.log());
        assert_eq!(hub.answers(REPO, num).len(), 1, "{place}");
        // When it is started again, and the run has come to its end
        host.unset_env("FAILPOINT");
        host.restart();
        let run = eventually(SOON, || {
            let run = host.delivery(&id)["runs"][0].clone();
            (run["state"] == "done").then_some(run)
        });
        // Then it found its comment: neither that nor what the model was asked is there twice
        let attempts = run["attempts"].as_array().unwrap().iter();
        let ended: Vec<&str> = attempts
            .filter_map(|attempt| attempt["outcome"].as_str())
            .collect();
        assert_eq!(ended.join(" "), outcomes, "{place}");
        assert_eq!(hub.answers(REPO, num).len(), 1, "{place}");
        let (asked, read) = (
            hub.asked_for("/v1/chat").len(),
            hub.asked_for("GET /api/models").len(),
        );
        assert_eq!(asked, 1, "{place}");
        println!(
            "killed at {place}: {outcomes}; the model was asked {asked} time, the discussion read {read} times, 1 comment"
        );
    }
}
