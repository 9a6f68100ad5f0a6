//! A webhook in, a sandboxed run, nothing lost.

use hookbox_tests::{Host, Request, Server, event, eventually, payload_file};
use serde_json::{Value, json};
use std::io::{self, Write as _};
use std::sync::mpsc;
use std::time::Duration;

fn comment() -> Value {
    serde_json::from_slice(&payload_file("assembled/comment-create.json")).unwrap()
}

#[test]
fn a_comment_is_handled_and_the_sender_can_wait_for_it() {
    // Given a host with the plugin that greets
    let host = Host::with(&["hello"]).start();
    // When the Hub posts a comment and waits
    let answer = host.hub().deliver(&comment()).id("hub-1").wait(20).send();
    // Then the answer holds the plugin's own words
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("preference-applied"), Some("wait=20"));
    let run = json!({
        "plugin": "hello", "state": "done", "outcome": "done", "output": "hello 61d2000c3c2083e1c08af22d",
    });
    assert_eq!(answer.json(), json!({"id": answer.id(), "runs": [run]}));
    // And the ledger holds the rest
    let delivery = host.delivery(&answer.id());
    assert_eq!(delivery["hub_id"], "hub-1");
    assert_eq!(delivery["state"], "settled");
    assert_eq!(delivery["payload"], comment());
    let attempt = &delivery["runs"][0]["attempts"][0];
    assert_eq!(attempt["n"], 1);
    assert!(attempt["fuel"].as_u64().unwrap() > 1000, "{attempt:#}");
    assert!(
        attempt["fuel_limit"].as_u64().unwrap() > 200_000_000,
        "{attempt:#}"
    );
    assert!(
        attempt["memory_peak_bytes"].as_u64().unwrap() >= 65_536,
        "{attempt:#}"
    );
    assert_eq!(attempt["logs"][0]["level"], "info");
    assert!(
        attempt["logs"][0]["text"]
            .as_str()
            .unwrap()
            .contains("61d2000c3c2083e1c08af22d said on")
    );
    assert_eq!(attempt["trap"], Value::Null);
}

#[test]
fn without_waiting_the_answer_names_the_runs_that_will_be() {
    let host = Host::with(&["hello"]).start();
    let answer = host.hub().deliver(&comment()).send();
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), json!({"id": answer.id(), "runs": ["hello"]}));
    assert_eq!(answer.header("preference-applied"), None);
    let settled = eventually(Duration::from_secs(10), || {
        let delivery = host.delivery(&answer.id());
        (delivery["state"] == "settled").then_some(delivery)
    });
    assert_eq!(settled["runs"][0]["attempts"][0]["outcome"], "done");
}

#[test]
fn a_push_is_told_ref_by_ref() {
    let host = Host::with(&["commit-log"]).start();
    let answer = host
        .hub()
        .deliver_bytes(payload_file("assembled/content-branch-deleted.json"))
        .wait(20)
        .send();
    let output: Value =
        serde_json::from_str(answer.run("commit-log")["output"].as_str().unwrap()).unwrap();
    assert_eq!(output["repo"], "some-user/some-repo");
    assert_eq!(output["refs"][0]["change"], "deleted");
}

#[test]
fn what_no_plugin_subscribes_to_is_recorded_all_the_same() {
    let host = Host::with(&["hello"]).start();
    let unheard = event("repo", "create", "a/b");
    let answer = host.hub().deliver(&unheard).send();
    assert_eq!((answer.status, answer.plugins().len()), (202, 0));
    let delivery = host.delivery(&answer.id());
    assert_eq!(delivery["state"], "settled");
    assert_eq!(
        delivery["repo"],
        json!({"type": "model", "name": "a/b", "id": unheard["repo"]["id"]})
    );
    // Nothing to wait for is no reason to wait.
    let answer = host
        .hub()
        .deliver(&event("repo", "create", "a/b"))
        .wait(25)
        .send();
    assert_eq!((answer.status, answer.plugins().len()), (202, 0));
}

#[test]
fn several_plugins_handle_one_delivery_each_on_its_own() {
    let host = Host::with(&["hello", "guest-counter"]).start();
    let answer = host.hub().deliver(&comment()).wait(20).send();
    assert_eq!(answer.plugins(), ["guest-counter", "hello"]);
    assert_eq!(answer.run("hello")["state"], "done");
    let run = answer.run("guest-counter");
    let output = run["output"].as_str().unwrap();
    let delivery = host.delivery(&answer.id());
    let runs = delivery["runs"].as_array().unwrap();
    let counted = runs
        .iter()
        .find(|run| run["plugin"] == "guest-counter")
        .unwrap();
    assert_eq!(
        output,
        format!("run {} attempt 1", counted["id"].as_str().unwrap())
    );
}

#[test]
fn an_endpoint_of_one_plugin_reaches_that_one_only() {
    let host = Host::with(&["hello", "guest-counter"]).start();
    let hub = host.hub();
    assert_eq!(
        hub.deliver(&comment())
            .to("/webhooks/hello")
            .send()
            .plugins(),
        ["hello"]
    );
    assert_eq!(
        hub.deliver(&comment())
            .to("/webhooks/guest-counter/")
            .send()
            .plugins(),
        ["guest-counter"]
    );
    // Its subscriptions still decide.
    let answer = hub
        .deliver(&event("repo", "create", "a/b"))
        .to("/webhooks/hello")
        .send();
    assert_eq!((answer.status, answer.plugins().len()), (202, 0));
    assert_eq!(host.delivery(&answer.id())["path"], "/webhooks/hello");
}

#[test]
fn a_grant_narrows_what_a_plugin_gets() {
    let host = Host::with(&["guest-counter"])
        .grant(
            "guest-counter",
            "[match]\nrepo = [\"my-org/*\"]\ntypes = [\"dataset\"]\n",
        )
        .start();
    let post = |kind: &str, repo: &str| {
        let mut event = event("repo", "create", repo);
        event["repo"]["type"] = kind.into();
        host.hub().deliver(&event).send().plugins().len()
    };
    assert_eq!(post("dataset", "my-org/data"), 1);
    assert_eq!(post("dataset", "My-Org/Data"), 1);
    assert_eq!(post("model", "my-org/data"), 0);
    assert_eq!(post("dataset", "other/data"), 0);
    assert_eq!(post("dataset", "my-org/a/b"), 0);
}

#[test]
fn a_restart_keeps_everything_and_runs_nothing_twice() {
    let mut host = Host::with(&["hello"]).start();
    let first = host.hub().deliver(&comment()).id("hub-1").wait(20).send();
    let before = host.delivery(&first.id());
    host.restart();
    assert_eq!(host.delivery(&first.id()), before);
    let second = host.hub().deliver(&comment()).id("hub-2").wait(20).send();
    assert_eq!(second.status, 200);
    assert_eq!(host.delivery(&first.id()), before);
    // Also what was a duplicate before the restart is one after it.
    let again = host.hub().deliver(&comment()).id("hub-1").send();
    assert_eq!(
        again.json(),
        json!({"id": first.id(), "duplicate": true, "runs": []})
    );
}

#[test]
fn a_stop_lets_running_attempts_finish() {
    // Given an attempt that takes a while
    let mut host = Host::with(&[])
        .plugin_as("slow", "guest-hostile")
        .grant("slow", "fuel = 100_000_000_000\n")
        .start();
    let answer = host
        .hub()
        .deliver(&event("repo", "update", "a/slow"))
        .send();
    running(&host, &answer.id());
    // When the host is asked to stop
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    // Then the attempt is settled, and was not cut short
    let delivery = host.delivery(&answer.id());
    assert_eq!(delivery["state"], "settled", "{delivery:#}");
    assert_eq!(delivery["runs"][0]["attempts"].as_array().unwrap().len(), 1);
}

#[test]
fn what_does_not_finish_in_the_drain_time_is_run_again_after_the_restart() {
    let mut host = Host::with(&[])
        .plugin_as("sleepy", "guest-hostile")
        .grant("sleepy", "timeout = \"3s\"\nretry = { attempts = 1 }\n")
        .args(&["--drain", "100ms"])
        .start();
    let answer = host
        .hub()
        .deliver(&event("repo", "update", "a/sleep"))
        .send();
    running(&host, &answer.id());
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    assert_eq!(host.delivery(&answer.id())["state"], "pending");
    host.restart();
    let dead = eventually(Duration::from_secs(15), || {
        let delivery = host.delivery(&answer.id());
        (delivery["state"] == "dead").then_some(delivery)
    });
    // The attempt that was given back is not counted as lost: nothing went wrong.
    let attempts = dead["runs"][0]["attempts"].as_array().unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|attempt| &attempt["outcome"]).collect();
    assert_eq!(outcomes, ["timed-out"]);
}

#[test]
fn what_a_plugin_wrote_in_an_attempt_that_a_stop_cuts_short_is_told() {
    // Given a plugin that has posted, and waits for another server's answer
    let (told, waits) = mpsc::channel();
    let server = Server::doing(move |stream| {
        while Request::read(stream)?.path() == "/posted" {
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")?;
        }
        told.send(()).map_err(io::Error::other)?;
        io::copy(stream, &mut io::sink()).map(drop)
    });
    let mut host = Host::with(&[])
        .plugin_as("bot", "guest-hostile")
        .grant("bot", &server.entry("methods = [\"GET\", \"POST\"]"))
        .args(&["--drain", "100ms"])
        .start();
    let mut asked = event("repo", "update", "a/call");
    asked["calls"] = json!([
        { "method": "POST", "url": server.url("/posted") },
        { "url": server.url("/waits") },
    ]);
    let id = host.hub().deliver(&asked).send().id();
    waits.recv_timeout(Duration::from_secs(10)).unwrap();
    // When the host is stopped, and cannot wait for it
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    // Then its log names what was posted, for the attempt leaves no trace and is made again
    let log = host.log();
    let line = log.lines().find(|line| line.contains("was broken off"));
    let line: Value = serde_json::from_str(line.unwrap_or_else(|| panic!("{log}"))).unwrap();
    assert_eq!(line["calls"], format!("POST {}", server.url("/posted")));
    assert_eq!(line["spans"][0]["delivery"], id);
    assert_eq!(host.delivery(&id)["runs"][0]["attempts"], json!([]));
}

#[test]
fn a_killed_host_runs_what_it_promised_when_it_is_back() {
    let mut host = Host::with(&["hello"])
        .plugin_as("sleepy", "guest-hostile")
        .start();
    let lost = host
        .hub()
        .deliver(&event("repo", "update", "a/sleep"))
        .to("/webhooks/sleepy")
        .send();
    running(&host, &lost.id());
    let fine = host.hub().deliver(&comment()).to("/webhooks/hello").send();
    host.kill();
    host.restart();
    let settled = eventually(Duration::from_secs(10), || {
        let delivery = host.delivery(&fine.id());
        (delivery["state"] == "settled").then_some(delivery)
    });
    assert_eq!(settled["runs"][0]["state"], "done");
    // The attempt that the kill cut off is kept as lost, beside the one that follows it.
    let outcomes: Vec<Value> = eventually(Duration::from_secs(10), || {
        let attempts = host.delivery(&lost.id())["runs"][0]["attempts"]
            .as_array()?
            .clone();
        (attempts.len() == 2).then(|| {
            attempts
                .iter()
                .map(|attempt| attempt["outcome"].clone())
                .collect()
        })
    });
    assert!(outcomes.contains(&"lost".into()), "{outcomes:?}");
}

/// Waits until an attempt of a delivery is under way.
fn running(host: &Host, id: &str) {
    eventually(Duration::from_secs(10), || {
        (host.delivery(id)["runs"][0]["state"] == "running").then_some(())
    });
}
