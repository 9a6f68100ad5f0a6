//! `hookbox deliveries replay` without ids: all that matches, counted, confirmed, and handled again.

use hookbox_tests::{Cli, Host, Ran, component_bytes, event, eventually};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than a host takes to notice replays and to make their attempts.
const SOON: Duration = Duration::from_secs(10);

/// Posts an event about each repo to the plugins, and waits until they have handled it.
fn posted(host: &Host, repos: &[&str]) -> Vec<String> {
    let hub = host.hub();
    let post = |repo: &&str| {
        hub.deliver(&event("discussion.comment", "create", repo))
            .wait(20)
            .send()
            .id()
    };
    repos.iter().map(post).collect()
}

#[track_caller]
fn replay(host: &Host, args: &[&str]) -> Ran {
    host.cli(&[&["deliveries", "replay"], args].concat())
}

/// The same at a terminal, at which this is typed.
#[track_caller]
fn replay_typing(host: &Host, text: &str, args: &[&str]) -> Ran {
    let command = Cli::new(&["deliveries", "replay", "--data"]).arg(host.data());
    command.typed(text).run_with(args)
}

/// The states of a delivery's runs of a plugin, oldest first, once so many are settled.
#[track_caller]
fn states(host: &Host, id: &str, plugin: &str, runs: usize) -> Vec<String> {
    eventually(SOON, || {
        let delivery = host.delivery(id);
        let of_plugin = delivery["runs"].as_array().unwrap().iter();
        let of_plugin = of_plugin.filter(|run| run["plugin"] == plugin);
        let states: Vec<String> = of_plugin
            .map(|run| run["state"].as_str().unwrap().to_owned())
            .collect();
        let settled = |state: &String| !["pending", "running"].contains(&state.as_str());
        (states.len() == runs && states.iter().all(settled)).then_some(states)
    })
}

/// A host whose plugin `p` rejected three of four deliveries, and is mended since.
fn mended() -> (Host, Vec<String>) {
    let mut host = Host::with(&["hello"])
        .plugin_as("p", "guest-hostile")
        .start();
    let ids = posted(&host, &["a/reject", "b/reject", "c/ok", "d/reject"]);
    host.put("p.wasm", component_bytes("hello"));
    host.restart();
    (host, ids)
}

#[test]
fn what_is_dead_is_counted_confirmed_and_run_again_by_that_plugin_alone() {
    let (host, ids) = mended();
    // When it is asked for at a terminal, and refused there
    let asked = replay_typing(
        &host,
        "n\n",
        &["--plugin", "p", "--since", "1d", "--state", "dead"],
    )
    .exits(1);
    assert_snapshot!(asked.stderr, @"
    Each is routed anew by the plugins and grants of now. New runs come after those that wait already.
    Replay 3 deliveries to p? [y/N] nothing was replayed
    ");
    // Then nothing is
    assert_eq!(asked.stdout, "");
    assert_eq!(states(&host, &ids[0], "p", 1), ["dead"]);
    // When it is allowed
    let told = replay_typing(
        &host,
        "y\n",
        &["--plugin", "p", "--since", "1d", "--state", "dead"],
    )
    .ok();
    assert_eq!(told.stdout, "replayed 3 deliveries: 3 runs\n");
    // Then what was dead is run again, and nothing else
    for id in [&ids[0], &ids[1], &ids[3]] {
        assert_eq!(states(&host, id, "p", 2), ["dead", "done"]);
        assert_eq!(states(&host, id, "hello", 1), ["done"]);
    }
    assert_eq!(states(&host, &ids[2], "p", 1), ["done"]);
    let again = replay(&host, &["--state", "dead", "--yes"]).ok();
    assert_eq!(again.stdout, "replayed 0 deliveries: 0 runs\n");
}

#[test]
fn without_a_terminal_it_wants_to_be_told_and_says_how_many_there_are() {
    let (host, ids) = mended();
    let refused = replay(&host, &["--state", "dead"]).exits(2);
    assert_snapshot!(refused.stderr, @"error: 3 deliveries would be replayed; say --yes to do it without a question");
    assert_eq!(states(&host, &ids[0], "p", 1), ["dead"]);
    let told = replay(
        &host,
        &["--state", "dead", "--limit", "2", "--yes", "--json"],
    )
    .ok()
    .json();
    assert_eq!(
        (
            &told["matched"],
            &told["deliveries"],
            &told["runs"],
            &told["stopped"]
        ),
        (&json!(2), &json!(2), &json!(2), &json!(false))
    );
    // The oldest go first.
    assert_eq!(states(&host, &ids[1], "p", 2), ["dead", "done"]);
    assert_eq!(states(&host, &ids[3], "p", 1), ["dead"]);
}

#[test]
fn a_plugin_that_is_dead_beside_one_that_still_tries_is_found() {
    // Given a delivery that one plugin has given up, and another tries again in an hour
    let host = Host::with(&["guest-hostile"])
        .grant(
            "guest-hostile",
            "retry = { first = \"1h\", max = \"1h\" }\n",
        )
        .plugin_as("p", "guest-hostile")
        .grant("p", "retry = { attempts = 1 }\n")
        .start();
    let ids = posted(&host, &["a/retry"]);
    assert_eq!(host.delivery(&ids[0])["state"], "pending");
    // Then it is in the list of what is dead for the first
    let listed = |args: &[&str]| {
        let ran = host
            .cli(&[&["deliveries", "list", "--json"], args].concat())
            .ok()
            .json();
        ran.as_array().unwrap().len()
    };
    assert_eq!(listed(&["--run-state", "dead", "--plugin", "p"]), 1);
    assert_eq!(
        listed(&["--run-state", "dead", "--plugin", "guest-hostile"]),
        0
    );
    assert_eq!(listed(&["--run-state", "dead"]), 1);
    assert_eq!(listed(&["--state", "dead"]), 0);
    let api = host
        .admin()
        .json("/api/v1/deliveries?run_state=dead&plugin=p");
    assert_eq!(api.as_array().unwrap().len(), 1);
    let runs = host.admin().json("/api/v1/runs?state=dead&plugin=p");
    assert_eq!(runs.as_array().unwrap().len(), 1);
    // And is replayed to that one
    let told = replay(&host, &["--state", "dead", "--yes"]).ok().stdout;
    assert_eq!(told, "replayed 1 delivery: 1 run\n");
    assert_eq!(states(&host, &ids[0], "p", 2), ["dead", "dead"]);
}

#[test]
fn what_is_skipped_is_told_with_its_reason_and_where() {
    let host = Host::with(&["hello"])
        .plugin_as("p", "guest-hostile")
        .grant("p", "retry = { first = \"1h\", max = \"1h\" }\n")
        .start();
    let ids = posted(&host, &["a/retry", "b/ok"]);
    let told = replay(&host, &["--plugin", "p", "--since", "1h", "--yes"])
        .ok()
        .stdout;
    assert_eq!(
        told,
        format!(
            "replayed 1 delivery: 1 run\nskipped: p in 1 delivery (its run is not settled yet): {}\n",
            ids[0]
        )
    );
    // Nothing at all is a failure, and told as one
    let told = replay(
        &host,
        &["--plugin", "p", "--repo", "a/retry", "--yes", "--json"],
    )
    .exits(1)
    .json();
    assert_eq!(
        told["skipped"],
        json!([{
            "plugin": "p", "reason": "its run is not settled yet", "count": 1, "deliveries": [ids[0]],
        }])
    );
    let unknown = replay(&host, &["--plugin", "hallo", "--since", "1h", "--yes"])
        .exits(1)
        .stderr;
    assert!(unknown.contains("did you mean `hello`?"), "{unknown}");
}

#[test]
fn a_plugin_that_is_new_gets_what_came_before_it() {
    let mut host = Host::with(&[]).start();
    let ids: Vec<Value> = posted(&host, &["a/b", "c/d"])
        .into_iter()
        .map(Value::from)
        .collect();
    host.put("hello.wasm", component_bytes("hello"));
    host.restart();
    let told = replay(
        &host,
        &[
            "--plugin", "hello", "--since", "1h", "--repo", "c/d", "--yes",
        ],
    )
    .ok();
    assert_eq!(told.stdout, "replayed 1 delivery: 1 run\n");
    assert_eq!(
        states(&host, ids[1].as_str().unwrap(), "hello", 1),
        ["done"]
    );
    // While it is paused, runs wait, and that is said.
    host.cli(&["plugins", "pause", "hello"]).ok();
    let told = replay(&host, &["--plugin", "hello", "--since", "1h", "--yes"])
        .ok()
        .stdout;
    assert_eq!(
        told,
        "replayed 2 deliveries: 2 runs, 2 of them parked (see 'hookbox plugins')\n"
    );
}

#[test]
fn ids_and_filters_do_not_go_together_and_one_of_them_is_needed() {
    let host = Host::with(&[]).start();
    let id = "01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e";
    for wrong in [
        &[id, "--state", "dead"][..],
        &["--plugin", "hello"],
        &["--yes"],
        &["--state", "deadly"],
    ] {
        replay(&host, wrong).exits(2);
    }
    let nothing = replay(&host, &["--state", "dead"]).ok().stdout;
    assert_eq!(nothing, "replayed 0 deliveries: 0 runs\n");
}
