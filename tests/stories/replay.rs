//! `hookbox deliveries replay`: handled again, by the plugins and grants of now.

use hookbox_tests::{Host, Ran, component_bytes, event, eventually, keys};
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than a host takes to notice a replay and to make its attempts.
const SOON: Duration = Duration::from_secs(10);

fn comment(repo: &str) -> Value {
    event("discussion.comment", "create", repo)
}

#[track_caller]
fn replay(host: &Host, args: &[&str]) -> Ran {
    host.cli(&[&["deliveries", "replay"], args].concat())
}

/// Posts an event and waits for its first attempts.
fn posted(host: &Host, event: &Value) -> String {
    host.hub().deliver(event).wait(20).send().id()
}

/// A delivery once it has so many runs and all are settled.
#[track_caller]
fn settled(host: &Host, id: &str, runs: usize) -> Value {
    eventually(SOON, || {
        let delivery = host.delivery(id);
        let has = delivery["runs"].as_array().unwrap().len();
        (delivery["state"] != "pending" && has == runs).then_some(delivery)
    })
}

/// The plugin and state of each run, oldest first.
fn runs_of(delivery: &Value) -> Vec<(&str, &str)> {
    fn text(value: &Value) -> &str {
        value.as_str().unwrap()
    }
    let runs = delivery["runs"].as_array().unwrap().iter();
    runs.map(|run| (text(&run["plugin"]), text(&run["state"])))
        .collect()
}

#[test]
fn a_running_host_takes_a_replay_up() {
    // Given a delivery that was handled
    let host = Host::with(&["hello"]).start();
    let id = posted(&host, &comment("a/b"));
    // When it is replayed
    let told = replay(&host, &[&id]).ok().stdout;
    assert_eq!(told, format!("{id}  run again: hello\n"));
    // Then it is handled again, in a run of its own, and the first one stays as it was
    let delivery = settled(&host, &id, 2);
    assert_eq!(runs_of(&delivery), [("hello", "done"), ("hello", "done")]);
    let (first, second) = (&delivery["runs"][0], &delivery["runs"][1]);
    assert_eq!(
        (&first["replay_of"], &second["replay_of"]),
        (&Value::Null, &first["id"])
    );
    assert_ne!(first["id"], second["id"]);
    assert_eq!(
        second["attempts"][0]["output"],
        first["attempts"][0]["output"]
    );
    assert_eq!(delivery["state"], "settled");
}

#[test]
fn a_host_that_is_down_takes_a_replay_up_when_it_starts() {
    let mut host = Host::with(&["hello"]).start();
    let id = posted(&host, &comment("a/b"));
    assert_eq!(host.stop(), Some(0));
    replay(&host, &[&id]).ok();
    assert_eq!(host.delivery(&id)["state"], "pending");
    host.restart();
    assert_eq!(settled(&host, &id, 2)["state"], "settled");
}

#[test]
fn a_dead_run_is_replayed_once_its_plugin_is_mended() {
    // Given a delivery that its plugin failed
    let mut host = Host::with(&[]).plugin_as("p", "guest-hostile").start();
    let id = posted(&host, &comment("a/reject"));
    assert_eq!(host.delivery(&id)["state"], "dead");
    // When the plugin is mended, and the delivery replayed
    host.put("p.wasm", component_bytes("hello"));
    host.restart();
    let told = replay(&host, &[&id, "--json"]).ok().json();
    assert_eq!(keys(&told[0]), "id runs skipped");
    assert_eq!(told[0]["id"], *id);
    assert_eq!(told[0]["skipped"], json!([]));
    let run = &told[0]["runs"][0];
    assert_eq!(
        (&run["plugin"], &run["state"]),
        (&"p".into(), &"pending".into())
    );
    // Then the newest run decides where the delivery stands
    let delivery = settled(&host, &id, 2);
    assert_eq!(delivery["state"], "settled");
    assert_eq!(runs_of(&delivery), [("p", "dead"), ("p", "done")]);
    assert_eq!(delivery["runs"][1]["id"], run["id"]);
    // And the list of what is dead is empty
    let dead = host.cli(&["deliveries", "list", "--state", "dead", "--json"]);
    assert_eq!(dead.ok().json(), json!([]));
}

#[test]
fn a_plugin_whose_run_is_not_settled_is_skipped_and_named() {
    let host = Host::with(&["hello", "guest-hostile"])
        .grant(
            "guest-hostile",
            "retry = { first = \"1h\", max = \"1h\" }\n",
        )
        .start();
    let id = posted(&host, &comment("a/retry"));
    let told = replay(&host, &[&id]).ok().stdout;
    assert_eq!(
        told,
        format!("{id}  run again: hello; skipped: guest-hostile (its run is not settled yet)\n")
    );
    let skipped = replay(&host, &[&id, "--plugin", "guest-hostile", "--json"]).ok();
    let reason = json!([{"plugin": "guest-hostile", "reason": "its run is not settled yet"}]);
    assert_eq!(skipped.json()[0]["skipped"], reason);
    let again = eventually(SOON, || {
        let delivery = host.delivery(&id);
        (delivery["runs"][2]["state"] == "done").then_some(delivery)
    });
    assert_eq!(again["runs"].as_array().unwrap().len(), 3);
    assert_eq!(again["state"], "pending");
}

#[test]
fn a_replay_can_be_for_one_plugin_and_says_why_that_does_not_take_it() {
    let host = Host::with(&["hello", "commit-log", "guest-hostile"]).start();
    let id = posted(&host, &comment("a/ok"));
    let told = replay(&host, &[&id, "--plugin", "hello"]).ok().stdout;
    assert_eq!(told, format!("{id}  run again: hello\n"));
    let delivery = settled(&host, &id, 3);
    assert_eq!(runs_of(&delivery)[2], ("hello", "done"));
    let refused = |plugin: &str| {
        let ran = replay(&host, &[&id, "--plugin", plugin]).exits(1);
        format!("{}{}", ran.stdout, ran.stderr)
    };
    assert!(refused("commit-log").contains("commit-log (it does not subscribe to the event)"));
    assert!(refused("helo").contains("there is no plugin `helo`; did you mean `hello`?"));
    assert!(refused("zzz").contains("there is no plugin `zzz` (see 'hookbox plugins')"));
    assert_eq!(host.delivery(&id), delivery);
}

#[test]
fn the_grant_of_now_decides_who_gets_a_replay() {
    // Given a delivery that a plugin got
    let mut host = Host::with(&["hello"]).start();
    let id = posted(&host, &comment("a/b"));
    // When its grant keeps such events from it since, and it is replayed
    host.put("hello.toml", "[match]\nrepo = [\"other/*\"]\n");
    host.restart();
    let told = replay(&host, &[&id]).ok().stdout;
    // Then it gets nothing, and is named with the reason
    let reason = "hello ([match] in its grant keeps the event from it)";
    assert_eq!(told, format!("{id}  skipped: {reason}\n"));
    replay(&host, &[&id, "--plugin", "hello"]).exits(1);
    // And one that lets it through again lets it be replayed
    host.put("hello.toml", "[match]\nrepo = [\"A/*\"]\n");
    host.restart();
    replay(&host, &[&id]).ok();
    assert_eq!(settled(&host, &id, 2)["state"], "settled");
}

#[test]
fn a_forgotten_plugin_gets_nothing_until_its_file_is_back() {
    // Given a delivery whose plugin was removed, and forgotten
    let host = Host::with(&["hello"])
        .args(&["--missing-grace", "1s"])
        .start();
    let id = posted(&host, &comment("a/b"));
    host.remove("hello.wasm");
    eventually(SOON, || host.find_plugin("hello").is_none().then_some(()));
    // When it is replayed, then the plugin is named
    let told = replay(&host, &[&id]).ok().stdout;
    let reason = "hello (there is no such plugin; put its file into the plugins folder)";
    assert_eq!(told, format!("{id}  skipped: {reason}\n"));
    let gone = replay(&host, &[&id, "--plugin", "hello"]).exits(1).stderr;
    assert!(
        gone.contains("the plugin `hello` is gone; put its file back"),
        "{gone}"
    );
    // And once its file is back, it handles the delivery again
    host.put("hello.wasm", component_bytes("hello"));
    host.plugin_when("hello", |plugin| plugin["state"] == "loaded");
    replay(&host, &[&id, "--plugin", "hello"]).ok();
    assert_eq!(settled(&host, &id, 2)["state"], "settled");
}

#[test]
fn a_plugin_that_never_had_a_good_grant_gets_no_replay() {
    let host = Host::with(&["hello"]).grant("hello", "mach = 1\n").start();
    let id = posted(&host, &comment("a/b"));
    let told = replay(&host, &[&id]).ok().stdout;
    assert_eq!(told, format!("{id}  no plugin takes it now\n"));
    let refused = replay(&host, &[&id, "--plugin", "hello"]).exits(1).stdout;
    let named = refused.contains("skipped: hello (") && refused.contains("see 'hookbox plugins'");
    assert!(named, "{refused}");
}

#[test]
fn each_delivery_is_replayed_on_its_own() {
    let host = Host::with(&["hello"]).start();
    let first = posted(&host, &comment("a/b"));
    let other = posted(&host, &event("repo", "create", "a/b"));
    let last = posted(&host, &comment("a/c"));
    let unknown = "01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e";
    // One that is not there is an error that names it, and the others are replayed.
    let ran = replay(&host, &[&first, unknown, &other, &last]).exits(1);
    assert_eq!(
        ran.stdout,
        format!(
            "{first}  run again: hello\n{other}  no plugin takes it now\n{last}  run again: hello\n"
        )
    );
    let said = format!("{unknown}: there is no such delivery");
    assert!(ran.stderr.contains(&said), "{ran:?}");
    for id in [&first, &last] {
        settled(&host, id, 2);
    }
    // What is no id at all is wrong usage, and nothing is done.
    let ran = replay(&host, &[&first, "x"]).exits(2);
    assert!(ran.stdout.is_empty(), "{ran:?}");
    assert_eq!(runs_of(&host.delivery(&first)).len(), 2);
    let documents = replay(&host, &[&first, unknown, &last, "--json"]).exits(1);
    assert_eq!(documents.json().as_array().unwrap().len(), 2);
}

#[test]
fn a_delivery_to_one_plugins_endpoint_is_replayed_to_that_plugin() {
    let mut host = Host::with(&["hello", "guest-hostile"]).start();
    let hub = host.hub();
    let post = hub.deliver(&comment("a/ok")).to("/webhooks/hello");
    let id = post.wait(20).send().id();
    let told = replay(&host, &[&id]).ok().stdout;
    assert_eq!(told, format!("{id}  run again: hello\n"));
    let refused = replay(&host, &[&id, "--plugin", "guest-hostile"]).exits(1);
    let reason = "guest-hostile (it was posted to the endpoint of `hello`)";
    assert!(refused.stdout.contains(reason), "{refused:?}");
    settled(&host, &id, 2);
    // While its file is gone the new run waits for it.
    host.remove("hello.wasm");
    host.restart();
    let told = replay(&host, &[&id]).ok().stdout;
    assert_eq!(
        told,
        format!("{id}  parked: hello (missing: its file is gone)\n")
    );
    assert_eq!(host.delivery(&id)["runs"][2]["parked"], true);
    host.put("hello.wasm", component_bytes("hello"));
    host.restart();
    assert_eq!(settled(&host, &id, 3)["state"], "settled");
}
