//! slack-notify, at a Slack that is played: posting, being refused, and never holding the token.

use super::compiled;
use super::tools::{built, give_tools, tested};
use hookbox_tests::{
    Canary, FakeSlack, Host, SlackFault, Surfaces, event, eventually_or, told, workspace,
};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(60);

/// What a run that fails does next.
const RULES: &str = "retry = { attempts = 3, first = \"20ms\", factor = 1 }\n";

/// The component, made of a copy of the sources.
fn component() -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let project = folder.path().join("slack-notify");
    copy(&workspace().join("plugins/slack-notify"), &project);
    give_tools(&project);
    built(&project)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in ["package.json", "src", "test", ".hookbox"] {
        let copied = Command::new("cp")
            .arg("-r")
            .arg(from.join(name))
            .arg(to)
            .status();
        assert!(copied.unwrap().success(), "{name}");
    }
}

struct Case {
    slack: FakeSlack,
    host: Host,
    component: Vec<u8>,
}

impl Case {
    fn start(token: &str) -> Self {
        let slack = FakeSlack::with_token(token);
        let path = workspace().join("plugins/slack-notify/slack-notify.toml");
        let grant = slack.granted(&std::fs::read_to_string(path).unwrap());
        let host = Host::with(&[]).grant("slack-notify", &format!("{RULES}{grant}"));
        let host = slack.known_to(host).start();
        let component = component();
        compiled(&host, "slack-notify", component.clone());
        Self {
            slack,
            host,
            component,
        }
    }

    /// How each attempt at an event ended, and what the last one said.
    #[track_caller]
    fn handles(&self, event: &Value) -> (Vec<String>, String) {
        told(&self.run_when(event, |run| {
            run["state"] != "pending" && run["state"] != "running"
        }))
    }

    /// The run of an event, once it is as it should be.
    #[track_caller]
    fn run_when(&self, event: &Value, is: impl Fn(&Value) -> bool) -> Value {
        let answer = self.host.hub().deliver(event).send();
        assert_eq!(answer.status, 202, "{}", answer.body);
        let mut last = Value::Null;
        let found = eventually_or(SOON, || {
            last = self.host.delivery(&answer.id())["runs"][0].clone();
            (last["attempts"][0]["outcome"].is_string() && is(&last)).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("it stands as {last:#}\n{}", self.host.log()))
    }
}

fn comment(content: &str) -> Value {
    let mut comment = event("discussion.comment", "create", "my-org/demo");
    comment["comment"]["content"] = json!(content);
    comment
}

#[test]
fn its_own_tests_pass_with_nothing_installed() {
    let said = tested(&workspace().join("plugins/slack-notify"));
    assert!(said.contains("# fail 0") && said.contains("a comment goes into the thread"));
}

#[test]
fn it_posts_does_as_slack_says_and_never_holds_the_token() {
    let token = Canary::token("slack");
    // One host for all of it: it compiles for long.
    let case = Case::start(&token.secret);
    a_discussion_is_posted_and_its_comments_go_into_the_thread(&case);
    what_slack_says_decides_what_becomes_of_a_post(&case);
    the_token_is_in_nothing_that_anybody_sees(&case, &token);
}

fn a_discussion_is_posted_and_its_comments_go_into_the_thread(case: &Case) {
    let mut opened = comment("Is <this> safe & sound?");
    opened["event"] = json!({"scope": "discussion", "action": "create"});
    let mut answer = comment("It is.");
    for part in ["repo", "discussion"] {
        answer[part] = opened[part].clone();
    }
    assert_eq!(
        case.handles(&opened),
        (
            vec!["done".to_owned()],
            "posted 1767225600.000001".to_owned()
        )
    );
    assert_eq!(case.handles(&answer).0, ["done"]);
    assert_eq!(
        case.handles(&event("repo.content", "update", "my-org/demo"))
            .0,
        ["done"]
    );
    let posted = case.slack.posted();
    let text = |place: usize| posted[place].message["text"].as_str().unwrap();
    assert!(posted.iter().all(|post| post.is_authorised), "{posted:#?}");
    assert_eq!(posted[0].message["channel"], "C0123456789");
    assert!(
        text(0).ends_with("\n> Is &lt;this&gt; safe &amp; sound?"),
        "{}",
        text(0)
    );
    assert_eq!(posted[1].message["thread_ts"], json!(posted[0].ts));
    assert!(
        text(2).contains("`main` is now <https://huggingface.co/x/commit/"),
        "{}",
        text(2)
    );
    assert_eq!(posted.len(), 3);
}

fn what_slack_says_decides_what_becomes_of_a_post(case: &Case) {
    // What passes is tried again, also where nothing was said.
    let passing = [SlackFault::Error("internal_error"), SlackFault::Cut];
    case.slack.fails(&passing);
    assert_eq!(
        case.handles(&comment("again")).0,
        ["retry", "retry", "done"]
    );
    case.slack.fails(&[SlackFault::Status(503)]);
    assert_eq!(case.handles(&comment("away")).0, ["retry", "done"]);
    // What does not, is not.
    for (word, mend) in [
        ("channel_not_found", "the setting `channel`"),
        ("not_in_channel", "/invite"),
        ("is_archived", "another channel"),
        ("invalid_auth", "a token that is valid"),
        ("msg_too_long", ""),
        ("what_comes_later", ""),
    ] {
        case.slack.fails(&[SlackFault::Error(word)]);
        let (outcomes, said) = case.handles(&comment(word));
        assert_eq!(outcomes, ["rejected"], "{said}");
        assert!(
            said.starts_with(&format!("Slack says {word}")) && said.contains(mend),
            "{said}"
        );
    }
    // A limit is waited for as long as it lasts.
    case.slack.fails(&[SlackFault::Limited(1800)]);
    let waits = case.run_when(&comment("later"), |run| run["state"] == "pending");
    assert_eq!(waits["attempts"][0]["outcome"], "retry");
    let due = waits["attempts"][0]["output"].as_str().unwrap_or_default();
    assert!(due.contains("Slack's rate limit"), "{waits:#}");
}

fn the_token_is_in_nothing_that_anybody_sees(case: &Case, token: &Canary) {
    assert!(case.slack.posted().iter().all(|post| post.is_authorised));
    let mut seen = Surfaces::default();
    seen.look(&case.host);
    seen.look_at_rest(&case.host);
    seen.add("the component", case.component.clone());
    assert!(seen.holding("Slack says invalid_auth") > 0);
    seen.hold_none_of(&[token]);
}
