//! Rules of delivery, as a grant and the settings say them: order, debounce, the loop guard, duplicates, pauses, bounds.

use hookbox_tests::{Host, event, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than what is due takes to be done.
const SOON: Duration = Duration::from_secs(15);

/// A push to a repo; the last part of its name says what the hostile guest does with it.
fn push(repo: &str) -> Value {
    let mut push = event("repo.content", "update", repo);
    // A repo is known by its id: here, by who owns it.
    push["repo"]["id"] = json!(repo.split('/').next());
    push
}

fn comment(repo: &str, discussion: &str) -> Value {
    let mut comment = event("discussion.comment", "create", repo);
    comment["discussion"] = json!({ "id": discussion });
    comment
}

fn post(host: &Host, event: &Value) -> String {
    let answer = host.hub().deliver(event).send();
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.id()
}

/// The only run of a delivery.
fn run(host: &Host, id: &str) -> Value {
    host.delivery(id)["runs"][0].clone()
}

#[track_caller]
fn run_when(host: &Host, id: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(SOON, || Some(run(host, id)).filter(|run| is(run)))
}

fn is_settled(run: &Value) -> bool {
    run["state"] != "pending" && run["state"] != "running"
}

fn reason(run: &Value) -> &str {
    run["reason"].as_str().unwrap_or_default()
}

#[test]
fn runs_for_one_repo_are_made_one_at_a_time_and_in_order() {
    // Given a plugin with an order, and a first run that fails at first
    let host = Host::with(&[])
        .plugin_as("bot", "guest-hostile")
        .grant("bot", "order = \"repo\"\nretry = { first = \"1s\" }\n")
        .start();
    let first = post(&host, &push("a/fail-then-ok"));
    run_when(&host, &first, |run| {
        run["attempts"][0]["outcome"].is_string()
    });
    // When more comes for that repo, and for another
    let second = post(&host, &push("a/fail-then-ok"));
    let waiting = run(&host, &second);
    let other = host.hub().deliver(&push("b/ok")).wait(20).send();
    // Then what is behind the first waits for its second attempt, and nothing else does
    assert_eq!(
        waiting["reason"],
        "order: it waits behind another run of its repo"
    );
    assert_eq!(waiting["next_attempt_at"], Value::Null);
    assert_eq!(other.run("bot")["outcome"], "done");
    let second = run_when(&host, &second, is_settled);
    let first = run(&host, &first);
    assert_eq!(
        (&first["state"], &second["state"]),
        (&json!("done"), &json!("done"))
    );
    let started = |run: &Value, n: usize| run["attempts"][n]["started_at"].to_string();
    assert!(started(&first, 1) <= started(&second, 0));
}

#[test]
fn a_dead_run_lets_the_next_one_of_its_repo_go_on_also_after_a_crash() {
    let mut host = Host::with(&[])
        .plugin_as("bot", "guest-hostile")
        .grant("bot", "order = \"repo\"\n")
        .start();
    let first = post(&host, &push("a/sleep"));
    let second = post(&host, &push("a/sleep"));
    run_when(&host, &first, |run| run["state"] == "running");
    // Whatever happens to the host, one of them runs at most.
    host.kill();
    host.restart();
    run_when(&host, &first, |run| run["state"] == "running");
    assert_eq!(run(&host, &second)["state"], "pending");
    // Its plugin's new version rejects what the old one would have slept over.
    host.put(
        "bot.toml",
        "order = \"repo\"\ntimeout = \"100ms\"\nretry = { attempts = 1 }\n",
    );
    host.kill();
    host.restart();
    assert_eq!(run_when(&host, &first, is_settled)["state"], "dead");
    assert_eq!(run_when(&host, &second, is_settled)["state"], "dead");
}

#[test]
fn a_burst_of_like_events_becomes_one_run() {
    // Given a plugin that waits for quiet
    let host = Host::with(&[])
        .plugin_as("bot", "guest-hostile")
        .grant(
            "bot",
            "debounce = { by = \"repo\", quiet = \"1s\", max = \"1m\" }\n",
        )
        .start();
    // When five like events come, and one of another repo
    let burst: Vec<String> = (0..5).map(|_| post(&host, &push("a/ok"))).collect();
    let other = post(&host, &push("b/ok"));
    // Then the last of them stands for all
    let last = run_when(&host, &burst[4], is_settled);
    assert_eq!(
        (&last["state"], &last["stands_for"]),
        (&json!("done"), &json!(4))
    );
    for id in &burst[..4] {
        let run = run(&host, id);
        assert_eq!(
            (&run["state"], &run["attempts"]),
            (&json!("coalesced"), &json!([]))
        );
        assert!(reason(&run).contains("stands for it"), "{run}");
        assert_eq!(host.delivery(id)["state"], "settled");
    }
    assert_eq!(run_when(&host, &other, is_settled)["stands_for"], 0);
}

#[test]
fn a_loop_in_a_discussion_is_cut_and_can_be_replayed() {
    // Given a bot that may run twice an hour for each discussion
    let host = Host::with(&[])
        .plugin_as("bot", "guest-hostile")
        .grant("bot", "rate = { per-discussion = 2 }\n")
        .start();
    let ids: Vec<String> = (0..3)
        .map(|_| post(&host, &comment("a/ok", "d1")))
        .collect();
    // Then the third run is dead from the start, and says why
    let over = run(&host, &ids[2]);
    assert_eq!(over["state"], "dead");
    assert!(
        reason(&over).starts_with("loop guard: more than 2 runs"),
        "{over}"
    );
    assert_eq!(over["attempts"], json!([]));
    assert_eq!(run_when(&host, &ids[1], is_settled)["state"], "done");
    // Another discussion is free, and whoever wants the dead run has it run
    let other = post(&host, &comment("a/ok", "d2"));
    assert_eq!(run_when(&host, &other, is_settled)["state"], "done");
    host.cli(&["deliveries", "replay", &ids[2]]).ok();
    eventually(SOON, || {
        (host.delivery(&ids[2])["state"] == "settled").then_some(())
    });
}

#[test]
fn a_repo_with_too_many_runs_has_them_wait_for_the_next_hour() {
    let host = Host::with(&[])
        .plugin_as("bot", "guest-hostile")
        .grant("bot", "rate = { per-repo = 1 }\n")
        .start();
    let first = post(&host, &push("a/ok"));
    assert_eq!(run_when(&host, &first, is_settled)["state"], "done");
    let second = post(&host, &push("a/ok"));
    let waits = run_when(&host, &second, |run| run["reason"].is_string());
    assert_eq!(waits["state"], "pending");
    assert!(reason(&waits).contains("rate.per-repo"), "{waits}");
    assert!(
        waits["next_attempt_at"].as_str()
            > run(&host, &first)["attempts"][0]["started_at"].as_str()
    );
    // A grant that allows more counts for what waits already.
    host.put("bot.toml", "rate = { per-repo = 2 }\n");
    assert_eq!(run_when(&host, &second, is_settled)["state"], "done");
}

#[test]
fn a_replay_on_the_hub_has_only_dead_runs_made_again() {
    // Given a delivery that one plugin rejected and another handled
    let host = Host::with(&["hello"])
        .plugin_as("bot", "guest-hostile")
        .start();
    let event = event("discussion.comment", "create", "a/reject");
    let first = host.hub().deliver(&event).id("h1").wait(20).send();
    assert_eq!(first.plugins(), ["bot", "hello"]);
    // When the Hub sends it again
    let again = host.hub().deliver(&event).id("h1").send();
    // Then it is a duplicate, and the plugin that rejected it gets another chance
    let body = again.json();
    assert_eq!((again.status, &body["duplicate"]), (200, &json!(true)));
    assert_eq!(
        (&body["id"], &body["runs"]),
        (&json!(first.id()), &json!(["bot"]))
    );
    let delivery = eventually(SOON, || {
        Some(host.delivery(&first.id())).filter(|one| one["state"] == "dead")
    });
    assert_eq!(delivery["runs"].as_array().unwrap().len(), 3);
    assert_eq!(delivery["duplicates"], 1);
}

#[test]
fn what_a_duplicate_has_run_again_is_a_setting() {
    let host = Host::with(&["hello"])
        .settings("on-duplicate = \"ignore\"\n")
        .start();
    let event = event("discussion.comment", "create", "a/b");
    let send = || host.hub().deliver(&event).id("h1").wait(20).send();
    assert_eq!(send().run("hello")["outcome"], "done");
    assert_eq!(send().json()["runs"], json!([]));
    host.replace("hookbox.toml", "on-duplicate = \"rerun\"\n");
    eventually(SOON, || {
        (send().json()["runs"] == json!(["hello"])).then_some(())
    });
}

#[test]
fn a_plugin_that_fails_ten_times_in_a_row_is_paused_until_it_is_mended() {
    // Given a plugin that traps
    let host = Host::with(&[])
        .plugin_as("bot", "guest-hostile")
        .grant("bot", "retry = { attempts = 1 }\n")
        .start();
    for _ in 0..10 {
        let answer = host.hub().deliver(&push("a/panic")).wait(20).send();
        assert_eq!(answer.run("bot")["outcome"], "trapped");
    }
    // Then it is paused, says so, and has what comes wait
    let bot = host.plugin("bot");
    assert_eq!(bot["state"], "paused");
    assert!(
        reason(&bot).starts_with("paused by the host: 10 attempts in a row failed"),
        "{bot}"
    );
    host.logs("a plugin is paused");
    assert_eq!(host.log().matches("plugin is paused").count(), 1);
    let waits = host.hub().deliver(&push("a/ok")).wait(20).send();
    assert_eq!(
        (waits.status, &waits.run("bot")["state"]),
        (202, &json!("pending"))
    );
    let parked = run(&host, &waits.id());
    assert_eq!(
        (&parked["parked"], reason(&parked)),
        (&json!(true), reason(&bot))
    );
    // And another grant gives it another chance
    host.put("bot.toml", "retry = { attempts = 2 }\n");
    assert_eq!(run_when(&host, &waits.id(), is_settled)["state"], "done");
    assert_eq!(host.plugin("bot")["state"], "loaded");
}

#[test]
fn a_plugin_with_a_full_backlog_is_nobody_elses_affair() {
    let host = Host::with(&["hello"])
        .plugin_as("bot", "guest-hostile")
        .settings("backlog-runs-per-plugin = 2\n")
        .grant("bot", "concurrency = 1\n")
        .start();
    let sleeps = event("discussion.comment", "create", "a/sleep");
    // Given a plugin that is quick, and has nothing waiting when the next one comes
    let greeted = |id: &str| {
        let run = host.delivery(id)["runs"][1].clone();
        (run["plugin"] == "hello" && run["state"] == "done").then_some(())
    };
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(post(&host, &sleeps));
        eventually(SOON, || greeted(&ids[ids.len() - 1]));
    }
    ids.push(post(&host, &sleeps));
    // Then the one that is full gets no more, and the other does
    let delivery = host.delivery(&ids[2]);
    let bots = &delivery["runs"][0];
    assert_eq!(
        (&bots["plugin"], &bots["state"]),
        (&json!("bot"), &json!("dead"))
    );
    assert!(
        reason(bots).starts_with("plugin backlog full: 2 runs wait"),
        "{bots}"
    );
    eventually(SOON, || greeted(&ids[2]));
}

#[test]
fn more_bytes_than_may_wait_are_asked_to_come_again() {
    let host = Host::with(&[])
        .plugin_as("bot", "guest-hostile")
        .settings("backlog-max = \"1B\"\n")
        .start();
    let sleep = push("a/sleep");
    let first = host.hub().deliver(&sleep).id("h1").send();
    assert_eq!(first.status, 202);
    let refused = host.hub().deliver(&push("a/ok")).id("h2").send();
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some());
    host.logs("backlog-max allows 1");
    // What was recorded before is known all the same.
    let known = host.hub().deliver(&sleep).id("h1").send();
    assert_eq!(
        (known.status, &known.json()["id"]),
        (200, &json!(first.id()))
    );
    host.replace("hookbox.toml", "backlog-max = \"1MiB\"\n");
    eventually(SOON, || {
        let answer = host.hub().deliver(&push("a/ok")).id("h2").send();
        (answer.status == 202).then_some(())
    });
}

#[test]
fn too_many_parked_runs_are_given_up_oldest_first() {
    let comment = || comment("a/b", "d1");
    let host = Host::with(&[])
        .plugin_as("bot", "guest-wants-http")
        .settings("park-runs = 2\n")
        .start();
    let ids: Vec<String> = (0..3).map(|_| post(&host, &comment())).collect();
    let states: Vec<Value> = ids
        .iter()
        .map(|id| run(&host, id)["state"].clone())
        .collect();
    assert_eq!(states, ["dead", "pending", "pending"]);
    assert!(reason(&run(&host, &ids[0])).contains("park-runs allows (2)"));
    // A time for it is a setting as well.
    host.replace("hookbox.toml", "park-for = \"1ms\"\n");
    let late = run_when(&host, &ids[2], is_settled);
    assert!(
        reason(&late).starts_with("parked for longer than park-for allows"),
        "{late}"
    );
}
