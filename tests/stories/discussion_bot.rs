//! The bot of the Hub's guide, with the grant that lies beside its sources: asked, answering once, and never itself.

use hookbox_tests::{Canary, FakeHubApi, Fault, Guide, Surfaces, eventually, eventually_or};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(15);

const REPO: &str = "models/my-org/demo";

/// The router's path.
const CHAT: &str = "POST /v1/chat/completions";

/// What a run that fails once does next, and what the guard allows, where a story does not say otherwise.
const RULES: &str = "retry = { attempts = 4, first = \"20ms\", factor = 1 }\n";

/// Has the host let the bot's own comments pass.
const PASSES: &str = "ignore-own = false";

/// The bot at a Hub with a discussion in which somebody asks it.
struct Case {
    guide: Guide,
    question: Value,
}

/// The bot by its own grant, with these keys at its head.
fn case(rules: &str) -> Case {
    Case::of(FakeHubApi::start(), |grant| format!("{rules}{grant}"))
}

impl Case {
    fn of(hub: FakeHubApi, grant: impl Fn(String) -> String) -> Self {
        hub.has(REPO, &[]);
        let num = hub.opens(REPO, "Licence", "What may I do with it?");
        let question = hub.comments(REPO, num, "Hello @my-bot, which licence is it?");
        hub.model_says("It is Apache-2.0, says @my-bot.");
        let passes = grant(hub.grant_of("discussion-bot")).contains(PASSES);
        let guide = Guide::start("discussion-bot", hub, grant);
        // It has asked whose the token is by then, and meets none of the faults
        guide.host.plugin_when("discussion-bot", |plugin| {
            passes || plugin["own_account"].is_object()
        });
        Self { guide, question }
    }

    /// The bot's run of a delivery, once it is as it should be.
    #[track_caller]
    fn run_when(&self, id: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = eventually_or(SOON, || {
            last = self.guide.run(id);
            is(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("it stands as {last:#}\n{}", self.guide.host.log()))
    }

    /// The question is delivered, and has come to its end.
    #[track_caller]
    fn answered(&self) -> Value {
        let id = self.guide.post(&self.question);
        self.run_when(&id, |run| run["state"] == "done")
    }

    /// What the bot has written.
    fn comments(&self) -> Vec<String> {
        self.guide.hub.answers(REPO, 1)
    }

    /// It has written this, once, with the mark of this run.
    #[track_caller]
    fn said_once(&self, run: &Value) {
        let id = run["id"].as_str().unwrap();
        let said = format!("It is Apache-2.0, says my-bot.\n\n<!-- hookbox {id} -->");
        let log = self.guide.host.log();
        assert_eq!(self.comments(), [said], "{run:#}\n{log}");
    }
}

fn outcomes(run: &Value) -> Vec<&str> {
    let attempts = run["attempts"].as_array().unwrap().iter();
    attempts
        .map(|attempt| attempt["outcome"].as_str().unwrap_or("under way"))
        .collect()
}

#[test]
fn whoever_mentions_the_bot_is_answered_by_a_model_in_one_comment() {
    let case = case("");
    let run = case.answered();
    assert_eq!(outcomes(&run), ["done"]);
    case.said_once(&run);
    // The model was told what was asked, and where
    let prompt = case.guide.hub.asked_for(CHAT)[0].json();
    assert_eq!(prompt["model"], "moonshotai/Kimi-K2.6");
    let asked = prompt["messages"][1]["content"].as_str().unwrap();
    assert!(
        asked.contains("\"Licence\"") && asked.contains("which licence is it?"),
        "{asked}"
    );
    // The calls are those that the README promises, with the token that only the host knows
    let place = format!("/api/{REPO}/discussions/1");
    let lines = [
        format!("GET {place}"),
        CHAT.to_owned(),
        format!("GET {place}"),
        format!("POST {place}/comment"),
    ];
    assert_eq!(case.guide.asked(), lines);
    assert!(case.guide.hub.asked().iter().all(|call| call.is_authorised));
    let calls = run["attempts"][0]["calls"].as_array().unwrap();
    let kept: Vec<&str> = calls
        .iter()
        .filter_map(|call| call["url"].as_str())
        .collect();
    assert_eq!(kept[3], format!("{}{place}/comment", case.guide.hub.url()));
    assert!(calls.iter().all(|call| call["status"] == 200), "{calls:#?}");
}

#[test]
fn the_next_answer_goes_over_the_connections_of_the_first() {
    let case = case("");
    case.answered();
    let connections = case.guide.hub.connections();
    let again = case.guide.hub.comments(REPO, 1, "@my-bot, are you sure?");
    let run = case.run_when(&case.guide.post(&again), |run| run["state"] == "done");
    let calls = run["attempts"][0]["calls"].as_array().unwrap();
    assert!(
        calls.iter().all(|call| call["reused"] == true),
        "{calls:#?}"
    );
    assert_eq!(
        (case.guide.hub.connections(), case.comments().len()),
        (connections, 2)
    );
}

#[test]
fn what_does_not_mention_the_bot_costs_no_call() {
    let case = case("");
    let other = case.guide.hub.comments(REPO, 1, "I agree with my-bot.");
    let run = case.run_when(&case.guide.post(&other), |run| run["state"] == "ignored");
    assert_eq!(run["attempts"][0]["output"], "it does not mention @my-bot");
    assert_eq!(case.guide.asked(), [""; 0]);
}

#[test]
fn the_bots_own_comment_comes_back_and_starts_no_run() {
    let case = case("");
    case.answered();
    let before = case.guide.asked();
    // When the Hub posts the bot's own comment, and somebody else's
    let own = case.guide.hub.last_event("discussion.comment", "create");
    assert_eq!(own["comment"]["author"]["id"], case.guide.hub.account());
    let other = case.guide.hub.comments(REPO, 1, "Thank you!");
    let answers = [&own, &other].map(|event| case.guide.host.hub().deliver(event).wait(20).send());
    // Then the host, which knows whose the token is, routes only that to the bot
    assert_eq!(answers[0].plugins(), [""; 0]);
    assert_eq!(answers[1].run("discussion-bot")["outcome"], "ignored");
    assert_eq!(case.guide.asked(), before);
    assert_eq!(case.comments().len(), 1);
    // And it has asked that once
    assert_eq!(case.guide.hub.asked_for("whoami").len(), 1);
}

#[test]
fn the_bots_own_comment_does_nothing_also_where_the_host_lets_it_pass() {
    let case = Case::of(FakeHubApi::start(), |grant| {
        grant.replace("[match]\n", &format!("[match]\n{PASSES}\n"))
    });
    case.answered();
    let before = case.guide.asked();
    // Given the bot's own comment, as it is and as it would be if it mentioned the bot
    let own = case.guide.hub.last_event("discussion.comment", "create");
    let text = own["comment"]["content"].as_str().unwrap();
    let mut mentions = own.clone();
    mentions["comment"]["content"] = json!(format!("@my-bot?\n\n{text}"));
    for event in [&own, &mentions] {
        let answer = case.guide.host.hub().deliver(event).wait(20).send();
        // Then the bot knows it by its mark
        assert_eq!(answer.run("discussion-bot")["output"], "a plugin wrote it");
    }
    assert_eq!(case.guide.asked(), before);
    assert_eq!(case.comments().len(), 1);
}

#[test]
fn two_bots_that_talk_to_each_other_are_stopped_by_the_loop_guard() {
    // Given another bot, whose comments bear no mark and mention this one
    let case = case("rate = { per-discussion = 3 }\n");
    // When it answers each answer
    let mut states = Vec::new();
    for _ in 0..5 {
        let asked = case.guide.hub.comments(REPO, 1, "@my-bot, and what then?");
        let run = case.run_when(&case.guide.post(&asked), |run| {
            ["done", "dead"].contains(&run["state"].as_str().unwrap_or_default())
        });
        states.push(run["state"].as_str().unwrap().to_owned());
    }
    // Then that ends, also for the model that costs money
    assert_eq!(states, ["done", "done", "done", "dead", "dead"]);
    assert_eq!(case.comments().len(), 3);
    assert_eq!(case.guide.hub.asked_for(CHAT).len(), 3);
}

#[test]
fn a_rate_limit_is_waited_for_as_long_as_the_hub_says() {
    let case = case(RULES);
    case.guide.hub.fails(CHAT, 1, Fault::Limited(2));
    let id = case.guide.post(&case.question);
    let waits = case.run_when(&id, |run| run["attempts"][0]["outcome"].is_string());
    assert_eq!(outcomes(&waits), ["retry"]);
    // Two seconds, and one more as the Hub cuts its times to whole seconds; whatever the grant's schedule says
    let at = |text: &Value| text.as_str().unwrap()[17..23].parse::<f64>().unwrap();
    let begun = at(&waits["attempts"][0]["started_at"]);
    let wait = (at(&waits["next_attempt_at"]) - begun).rem_euclid(60.0);
    assert!((3.0..4.5).contains(&wait), "{wait} in {waits:#}");
    let run = case.run_when(&id, |run| run["state"] == "done");
    case.said_once(&run);
}

#[test]
fn what_fails_at_the_hub_is_tried_again_by_the_grants_schedule() {
    let case = case(RULES);
    case.guide
        .hub
        .fails("GET /api/models", 1, Fault::Status(500));
    case.guide.hub.fails(CHAT, 1, Fault::Unavailable(1));
    case.guide.hub.fails("/comment", 1, Fault::CutBefore);
    let run = case.answered();
    assert_eq!(outcomes(&run), ["retry", "retry", "retry", "done"]);
    let said = |at: usize| run["attempts"][at]["output"].as_str().unwrap();
    assert!(said(0).contains("the Hub answers 500"), "{run:#}");
    assert!(said(1).contains("the Hub answers 503"), "{run:#}");
    assert!(said(2).contains("there is no answer"), "{run:#}");
    case.said_once(&run);
}

/// The grant with each time of it a thirtieth, and so with what it has of an attempt beside a call.
fn quick(grant: &str) -> String {
    let grant = grant.replace("timeout = \"60s\"", "timeout = \"2s\"");
    let grant = grant.replace("timeout = \"90s\"", "timeout = \"3s\"");
    assert!(!grant.contains("0s\""), "{grant}");
    format!("{RULES}{grant}")
}

#[test]
fn a_model_that_hangs_is_a_call_that_failed_and_no_attempt_that_was_cut_off() {
    let case = Case::of(FakeHubApi::start(), |grant| quick(&grant));
    case.guide.hub.fails(CHAT, 1, Fault::Slow);
    let run = case.answered();
    assert_eq!(outcomes(&run), ["retry", "done"]);
    let call = &run["attempts"][0]["calls"][1];
    assert_eq!(call["status"], Value::Null);
    assert!(
        (1_900..3_000).contains(&call["ms"].as_u64().unwrap()),
        "{call:#}"
    );
    case.guide.hub.goes_on();
    case.said_once(&run);
}

#[test]
fn a_router_that_never_finishes_tls_is_left_in_time() {
    // Given one that accepts the next connection and says nothing on it, while the discussion is read
    let case = Case::of(FakeHubApi::start(), |grant| quick(&grant));
    case.guide.hub.fails("GET /api/models", 1, Fault::Slow);
    let id = case.guide.post(&case.question);
    case.guide.hub.is_asked("GET /api/models", 1);
    case.guide.hub.never_finishes_tls(1);
    case.guide.hub.goes_on();
    // Then the call ends with its time, and the next attempt connects anew
    let run = case.run_when(&id, |run| run["state"] == "done");
    assert_eq!(outcomes(&run), ["retry", "done"]);
    let error = run["attempts"][0]["calls"][1]["error"].as_str().unwrap();
    assert!(error.contains("connect"), "{error}");
    case.said_once(&run);
}

#[test]
fn a_comment_whose_answer_was_lost_is_found_by_its_run_and_not_written_again() {
    let case = case(RULES);
    case.guide.hub.fails("/comment", 1, Fault::CutAfter);
    let run = case.answered();
    assert_eq!(outcomes(&run), ["retry", "done"]);
    assert_eq!(run["attempts"][1]["output"], "answered before");
    case.said_once(&run);
    assert_eq!(case.guide.hub.asked_for(CHAT).len(), 1);
}

#[test]
fn a_bot_that_is_killed_while_it_answers_writes_one_comment_all_the_same() {
    // Given a host that is killed while the model thinks, and again while the comment is on its way
    let mut case = case(RULES);
    case.guide.hub.fails(CHAT, 1, Fault::Slow);
    case.guide.hub.fails("/comment", 1, Fault::Slow);
    let id = case.guide.post(&case.question);
    case.guide.hub.is_asked(CHAT, 1);
    case.guide.host.kill();
    case.guide.host.restart();
    case.guide.hub.is_asked("/comment", 1);
    case.guide.host.kill();
    // What it had sent is written all the same
    case.guide.hub.goes_on();
    eventually(SOON, || (!case.comments().is_empty()).then_some(()));
    case.guide.host.restart();
    let run = case.run_when(&id, |run| run["state"] == "done");
    // Then the model was asked twice, and that is all that is doubled
    assert_eq!(outcomes(&run), ["lost", "lost", "done"]);
    assert_eq!(case.guide.hub.asked_for(CHAT).len(), 2);
    case.said_once(&run);
}

#[test]
fn a_token_that_does_not_count_ends_the_run_with_the_reason() {
    let case = case(RULES);
    case.guide.hub.takes_token("hf_another");
    let run = case.run_when(&case.guide.post(&case.question), |run| {
        run["state"] == "dead"
    });
    assert_eq!(outcomes(&run), ["rejected"]);
    assert_eq!(
        run["attempts"][0]["output"],
        format!(
            "GET /api/{REPO}/discussions/1: the Hub answers 401: Invalid credentials in Authorization header \
             (request Root=1-66d42b98)"
        )
    );
    assert_eq!(case.comments(), [""; 0]);
    assert_eq!(case.guide.hub.asked_for(CHAT).len(), 0);
}

#[test]
fn the_token_is_nowhere_but_on_the_wire() {
    // Given a bot that answered, one that could not, and a host that logs all it can
    let token = Canary::token("hub");
    let hub = FakeHubApi::with_token(&token.secret);
    let case = Case::of(hub, |grant| format!("{RULES}{grant}"));
    case.guide.hub.fails("/comment", 1, Fault::CutBefore);
    case.answered();
    case.guide.hub.takes_token("hf_another");
    let asked = case.guide.hub.comments(REPO, 1, "@my-bot, and now?");
    case.run_when(&case.guide.post(&asked), |run| run["state"] == "dead");
    // Then the Hub has seen it, and nobody else
    let authorised = case
        .guide
        .hub
        .asked()
        .iter()
        .filter(|call| call.is_authorised)
        .count();
    assert!(authorised >= 6, "{:#?}", case.guide.hub.lines());
    let mut surfaces = Surfaces::default();
    surfaces.look(&case.guide.host);
    surfaces.hold_none_of(&[&token]);
}
