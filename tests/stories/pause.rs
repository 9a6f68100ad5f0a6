//! Pausing a plugin, and having it go on: by command, whether a host runs or not, by the API and on the page.

use hookbox_tests::{Cli, Dev, Host, Ran, component_bytes, event, eventually};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longer than a host takes to notice, and to make an attempt.
const SOON: Duration = Duration::from_secs(10);

fn comment() -> Value {
    event("discussion.comment", "create", "a/ok")
}

#[track_caller]
fn plugins(host: &Host, args: &[&str]) -> Ran {
    host.cli(&[&["plugins"], args].concat())
}

fn posted(host: &Host) -> String {
    host.hub().deliver(&comment()).send().id()
}

/// The run of a plugin for a delivery, once it is as it should be.
#[track_caller]
fn run_when(host: &Host, id: &str, plugin: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(SOON, || {
        let delivery = host.delivery(id);
        let runs = delivery["runs"].as_array().unwrap().iter();
        let run = runs.rev().find(|run| run["plugin"] == plugin).cloned();
        run.filter(&is)
    })
}

#[test]
fn a_paused_plugin_still_gets_its_runs_and_they_wait_until_it_is_resumed() {
    // Given a running host with two plugins
    let host = Host::with(&["hello", "guest-hostile"]).start();
    // When one of them is paused by command
    assert_snapshot!(plugins(&host, &["pause", "hello"]).ok().stdout,
        @"hello is paused: its runs wait until 'hookbox plugins resume hello'");
    host.logs("a plugin is paused; 'hookbox plugins resume' ends that");
    let id = posted(&host);
    // Then its run waits, with the reason, and the other plugin's does not
    let waiting = run_when(&host, &id, "hello", |_| true);
    assert_eq!(waiting["state"], "pending");
    assert_eq!(waiting["parked"], true);
    assert_eq!(waiting["reason"], "paused by its operator");
    run_when(&host, &id, "guest-hostile", |run| run["state"] == "done");
    let shown = plugins(&host, &[]).ok().stdout;
    let row = shown
        .lines()
        .find(|line| line.starts_with("hello"))
        .unwrap();
    assert!(row.contains("paused"), "{shown}");
    assert!(
        row.contains("paused by its operator; 'hookbox plugins resume hello' ends that"),
        "{shown}"
    );
    // And once it is resumed, its run is run
    assert_snapshot!(plugins(&host, &["resume", "hello"]).ok().stdout,
        @"hello is not paused any more: its runs go on");
    run_when(&host, &id, "hello", |run| run["state"] == "done");
    host.logs("a plugin is not paused any more");
}

#[test]
fn a_sender_that_waits_is_answered_once_the_plugin_is_paused() {
    // Given a plugin whose runs wait for like events, and a sender that waits for its run
    let host = Host::with(&["hello"])
        .grant(
            "hello",
            "debounce = { by = \"repo\", quiet = \"1m\", max = \"1m\" }\n",
        )
        .start();
    let mut comment = comment();
    comment["repo"]["id"] = json!("r1");
    std::thread::scope(|threads| {
        let began = Instant::now();
        let sender = threads.spawn(|| host.hub().deliver(&comment).wait(25).send());
        eventually(SOON, || host.deliveries().first().cloned());
        // When the plugin is paused by a command beside the host
        plugins(&host, &["pause", "hello"]).ok();
        // Then it is told at once that its run has not ended
        let answer = sender.join().unwrap();
        assert!(began.elapsed() < Duration::from_secs(15));
        assert_eq!(
            (answer.status, &answer.run("hello")["outcome"]),
            (202, &Value::Null)
        );
    });
}

#[test]
fn a_pause_is_written_while_the_host_is_down_and_outlives_its_start() {
    let mut host = Host::with(&["hello"]).start();
    assert_eq!(host.stop(), Some(0));
    plugins(&host, &["pause", "hello"]).ok();
    host.restart();
    let id = posted(&host);
    assert_eq!(host.delivery(&id)["runs"][0]["parked"], true);
    assert_eq!(host.stop(), Some(0));
    plugins(&host, &["resume", "hello"]).ok();
    host.restart();
    run_when(&host, &id, "hello", |run| run["state"] == "done");
}

#[test]
fn what_is_so_already_is_said_and_no_failure() {
    let host = Host::with(&["hello"]).start();
    assert_snapshot!(plugins(&host, &["resume", "hello"]).ok().stdout, @"hello is not paused");
    let paused = plugins(&host, &["pause", "hello", "--json"]).ok().json();
    assert_eq!(paused["changed"], true);
    assert_eq!(paused["state"], "paused");
    assert_eq!(paused["paused_by"], "its operator");
    assert_snapshot!(plugins(&host, &["pause", "hello"]).ok().stdout,
        @"hello is paused already, by its operator; 'hookbox plugins resume hello' ends that");
    let again = plugins(&host, &["pause", "hello", "--json"]).ok().json();
    assert_eq!(again["changed"], false);
}

#[test]
fn a_name_that_is_no_plugins_is_answered_with_the_nearest() {
    let host = Host::with(&["hello"]).start();
    let said = |args: &[&str]| plugins(&host, args).exits(1).stderr;
    assert_snapshot!(said(&["pause", "helo"]), @"error: there is no plugin `helo`; did you mean `hello`?");
    assert_snapshot!(said(&["resume", "zzz"]), @"error: there is no plugin `zzz` (see 'hookbox plugins')");
    let answer = host.admin().post("/api/v1/plugins/helo/pause", "").send();
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.json(),
        json!({"error": "there is no plugin `helo`; did you mean `hello`?"})
    );
}

#[test]
fn a_plugin_that_does_not_run_anyway_can_be_paused_and_says_both() {
    let host = Host::with(&["guest-wants-http"]).start();
    plugins(&host, &["pause", "guest-wants-http"]).ok();
    let plugin = host.plugin("guest-wants-http");
    assert_eq!(
        (&plugin["state"], &plugin["paused_by"]),
        (&json!("held"), &json!("its operator"))
    );
    let shown = plugins(&host, &[]).ok().stdout;
    assert!(shown.contains("also paused by its operator"), "{shown}");
    let told = plugins(&host, &["resume", "guest-wants-http"]).ok().stdout;
    assert!(
        told.contains("is not paused any more; it is held: "),
        "{told}"
    );
}

#[test]
fn the_api_and_the_page_pause_and_resume() {
    let host = Host::with(&["hello"]).start();
    let operator = host.admin();
    let post = |verb: &str| {
        operator
            .post(&format!("/api/v1/plugins/hello/{verb}"), "")
            .send()
    };
    // The API
    let paused = post("pause").json();
    assert_eq!(
        (&paused["state"], &paused["changed"]),
        (&json!("paused"), &json!(true))
    );
    assert_eq!(post("pause").json()["changed"], false);
    assert_eq!(operator.json("/api/v1/plugins/hello")["state"], "paused");
    let metrics = operator.get("/metrics").send().body;
    assert!(
        metrics.contains("hookbox_plugins{state=\"paused\"} 1"),
        "{metrics}"
    );
    assert_eq!(post("resume").json()["state"], "loaded");
    // The page, with the guards of every change
    let cookie = operator.cookie("");
    let button = "action=\"/plugins/hello/pause\"";
    let front = operator
        .ask("GET", "/")
        .header("cookie", &cookie)
        .send()
        .body;
    assert!(front.contains(button), "{front}");
    let from_elsewhere = operator
        .ask("POST", "/plugins/hello/pause")
        .header("cookie", &cookie);
    assert_eq!(from_elsewhere.send().status, 403);
    assert_eq!(host.plugin("hello")["state"], "loaded");
    let pressed = operator
        .ask("POST", "/plugins/hello/pause")
        .header("cookie", &cookie)
        .form("");
    assert_eq!(pressed.send().status, 303);
    assert_eq!(host.plugin("hello")["state"], "paused");
    let front = operator
        .ask("GET", "/")
        .header("cookie", &cookie)
        .send()
        .body;
    assert!(
        front.contains("action=\"/plugins/hello/resume\""),
        "{front}"
    );
    let pressed = operator
        .ask("POST", "/plugins/hello/resume")
        .header("cookie", &cookie)
        .form("");
    assert_eq!(pressed.send().status, 303);
    let id = posted(&host);
    run_when(&host, &id, "hello", |run| run["state"] == "done");
}

#[test]
fn another_version_of_a_plugin_ends_its_pause() {
    let host = Host::with(&["hello"]).start();
    plugins(&host, &["pause", "hello"]).ok();
    let id = posted(&host);
    host.put("hello.wasm", component_bytes("guest-marked"));
    host.plugin_when("hello", |plugin| plugin["state"] == "loaded");
    run_when(&host, &id, "hello", |run| run["parked"] == false);
}

#[test]
fn dev_tells_of_a_pause_and_of_its_end() {
    let mut dev = Dev::with("dev-paused", "let _ = event; done(\"seen\")").start();
    let folder = dev.folder().to_owned();
    let switch = |verb: &str| {
        let command = Cli::new(&["plugins", verb, "dev-paused", "--data", ".hookbox/data"]);
        command.folder(&folder).run().ok()
    };
    switch("pause");
    let resume = dev.says("dev-paused was paused by its operator; its runs wait until: ");
    assert_eq!(
        resume,
        "hookbox plugins resume dev-paused --data .hookbox/data"
    );
    switch("resume");
    dev.says("dev-paused is not paused any more");
}
