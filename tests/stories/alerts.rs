//! Alerts: what an operator hears of at once, posted to one address that is shown nowhere.

use hookbox_tests::{Host, Receiver, event, eventually, keys};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than a look and its posts take.
const SOON: Duration = Duration::from_secs(15);

/// What is secret in an address.
const PATH: &str = "/services/T000/hunter2";

/// A host whose alerts go to a receiver, with a plugin that fails on request.
fn alerting(receiver: &Receiver) -> Host {
    Host::with(&["guest-hostile"])
        .env("HOOKBOX_ALERTS_URL", &receiver.url(PATH))
        .start()
}

fn comment(repo: &str) -> Value {
    event("discussion.comment", "create", repo)
}

fn fails(host: &Host) -> String {
    host.hub()
        .deliver(&comment("a/reject"))
        .wait(20)
        .send()
        .id()
}

/// What a host says once it looks: what happens from then on is told.
const BEGUN: &str = "alerts are posted from now on";

#[test]
fn a_dead_run_is_posted_once_with_what_it_is_about() {
    // Given a host with a run that was dead before it alerted anybody
    let receiver = Receiver::answering(200);
    let mut host = Host::with(&["guest-hostile"]).start();
    fails(&host);
    host.set_env("HOOKBOX_ALERTS_URL", &receiver.url(PATH));
    host.restart();
    host.logs(BEGUN);
    // When runs die
    let id = fails(&host);
    let alert = receiver.gets("run-dead");
    // Then the first is posted, with a sentence for people
    assert_eq!(
        keys(&alert),
        "kind at host plugin run delivery reason count text"
    );
    assert_eq!(
        (&alert["plugin"], &alert["delivery"], &alert["count"]),
        (&json!("guest-hostile"), &json!(id), &json!(1))
    );
    assert_eq!(alert["run"], host.delivery(&id)["runs"][0]["id"]);
    assert_eq!(alert["reason"], "rejected by the plugin");
    assert_eq!(alert["host"], host.url());
    let text = alert["text"].as_str().unwrap();
    let said = text.replace(&host.url(), "URL").replace(&id, "ID");
    assert_snapshot!(said, @"hookbox at URL: a run of guest-hostile is dead (rejected by the plugin); see 'hookbox deliveries show ID'");
    assert_eq!(receiver.got().last().unwrap().0, PATH);
    // And those that follow are held back
    for _ in 0..3 {
        fails(&host);
    }
    let dead = receiver
        .got()
        .into_iter()
        .filter(|(_, body)| body["kind"] == "run-dead");
    assert_eq!(dead.count(), 1);
    let metrics = host.admin().get("/metrics").send().body;
    assert!(
        metrics.contains("hookbox_alerts_total{result=\"posted\"} 1"),
        "{metrics}"
    );
}

#[test]
fn runs_that_are_given_up_without_an_attempt_are_posted_with_their_plugin() {
    // Given a paused plugin with runs that wait, and another with a dead run that came later
    let receiver = Receiver::answering(200);
    let mut host = Host::with(&["guest-hostile"])
        .plugin_as("paused", "guest-hostile")
        .settings("")
        .start();
    host.cli(&["plugins", "pause", "paused"]).ok();
    for end in ["ok", "reject"] {
        let comment = comment(&format!("a/{end}"));
        host.hub().deliver(&comment).wait(20).send();
    }
    host.set_env("HOOKBOX_ALERTS_URL", &receiver.url(PATH));
    host.restart();
    host.logs(BEGUN);
    // When those that wait are given up
    host.replace("hookbox.toml", "park-for = \"1ms\"\n");
    // Then it is told whose they were
    let alert = receiver.gets("run-dead");
    assert_eq!(
        (&alert["plugin"], &alert["count"]),
        (&json!("paused"), &json!(2))
    );
    assert!(alert["text"].as_str().unwrap().contains("2 runs of paused"));
}

#[test]
fn a_pause_is_posted_with_who_paused_and_how_to_end_it() {
    let receiver = Receiver::answering(204);
    let host = alerting(&receiver);
    host.logs(BEGUN);
    host.cli(&["plugins", "pause", "guest-hostile"]).ok();
    let alert = receiver.gets("plugin-paused");
    assert_eq!(
        (&alert["plugin"], &alert["reason"]),
        (&json!("guest-hostile"), &json!("its operator"))
    );
    let said = alert["text"].as_str().unwrap().replace(&host.url(), "URL");
    assert_snapshot!(said, @"hookbox at URL: the plugin guest-hostile was paused by its operator; 'hookbox plugins resume guest-hostile' ends that");
}

#[test]
fn a_pause_by_the_host_itself_is_posted_with_its_reason() {
    let receiver = Receiver::answering(200);
    let host = Host::with(&["guest-hostile"])
        .grant("guest-hostile", "retry = { attempts = 1 }\n")
        .env("HOOKBOX_ALERTS_URL", &receiver.url(PATH))
        .start();
    host.logs(BEGUN);
    for _ in 0..10 {
        host.hub().deliver(&comment("a/panic")).wait(20).send();
    }
    let alert = receiver.gets("plugin-paused");
    assert_eq!(alert["plugin"], "guest-hostile");
    let said = alert["text"].as_str().unwrap().replace(&host.url(), "URL");
    assert_snapshot!(said, @"hookbox at URL: the plugin guest-hostile was paused by the host: 10 attempts in a row failed, the last one trapped; 'hookbox plugins resume guest-hostile' ends that");
}

#[test]
fn a_backlog_that_gets_old_is_posted_once() {
    // Given a plugin that is busy, and two runs that wait for it
    let receiver = Receiver::answering(200);
    let host = Host::with(&["guest-hostile"])
        .grant("guest-hostile", "concurrency = 1\n")
        .env("HOOKBOX_ALERTS_URL", &receiver.url(PATH))
        .start();
    host.logs(BEGUN);
    let post = |repo: &str| host.hub().deliver(&comment(repo)).send().id();
    let busy = post("a/sleep");
    eventually(SOON, || {
        (host.delivery(&busy)["runs"][0]["state"] == "running").then_some(())
    });
    post("a/ok");
    post("b/ok");
    // When they have waited for longer than ten minutes
    let later = "UPDATE runs SET due_ms = due_ms - ?1 WHERE state = 'pending'";
    assert_eq!(host.ledger().change(later, [12 * 60 * 1000]), 2);
    // Then that is posted, and not once more while they wait
    let alert = receiver.gets("backlog-old");
    assert_eq!(alert["plugin"], "guest-hostile");
    let said = alert["text"].as_str().unwrap().replace(&host.url(), "URL");
    assert_snapshot!(said, @"hookbox at URL: runs of guest-hostile wait too long: the oldest of 3 has been due for 12 min");
    host.cli(&["plugins", "pause", "guest-hostile"]).ok();
    receiver.gets("plugin-paused");
    let old = |(_, body): &(String, Value)| body["kind"] == "backlog-old";
    assert_eq!(receiver.got().into_iter().filter(old).count(), 1);
}

#[test]
fn a_burst_of_wrong_secrets_is_posted_and_single_ones_are_not() {
    let receiver = Receiver::answering(200);
    let host = alerting(&receiver);
    host.logs(BEGUN);
    let hub = host.hub();
    for _ in 0..19 {
        hub.deliver(&comment("a/b")).secret("wrong").send();
    }
    hub.deliver(&comment("a/b")).no_secret().send();
    let alert = receiver.gets("auth-failures");
    assert_eq!(
        (&alert["plugin"], &alert["count"]),
        (&json!(null), &json!(20))
    );
}

#[test]
fn a_disk_with_less_than_twice_the_free_space_that_is_wanted_is_posted() {
    let receiver = Receiver::answering(200);
    let host = Host::with(&[])
        .env("HOOKBOX_ALERTS_URL", &receiver.url("/"))
        .args(&["--free-space-min", "64TiB"])
        .start();
    let alert = receiver.gets("disk-low");
    assert!(
        alert["reason"]
            .as_str()
            .unwrap()
            .contains("less than 128.0 TiB, twice free-space-min"),
        "{alert}"
    );
    drop(host);
}

#[test]
fn an_address_that_fails_is_told_by_its_host_alone_once_and_shown_nowhere() {
    // Given a host whose alerts lead astray
    let receiver = Receiver::answering(302);
    let host = alerting(&receiver);
    host.logs(BEGUN);
    // When they fail
    fails(&host);
    host.logs("an alert cannot be posted; look at [alerts] url");
    host.cli(&["plugins", "pause", "guest-hostile"]).ok();
    receiver.gets("plugin-paused");
    let failed = "hookbox_alerts_total{result=\"failed\"} 2";
    let metrics = eventually(SOON, || {
        let metrics = host.admin().get("/metrics").send().body;
        metrics.contains(failed).then_some(metrics)
    });
    // Then no redirect was followed, and the log says so once, without the path
    assert!(receiver.got().iter().all(|(path, _)| path == PATH));
    let log = host.log();
    assert_eq!(log.matches("an alert cannot be posted").count(), 1, "{log}");
    assert!(
        log.contains("it answered 302") && log.contains("\"host\":\"127.0.0.1\""),
        "{log}"
    );
    let admin = host.admin();
    let page = admin.get("/").send().body;
    let health = admin.get("/api/v1/health").send().body;
    for shown in [log, metrics, page, health, host.printed()] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    // And once it works again, that is told, too
    receiver.answers(200);
    for _ in 0..20 {
        host.hub().deliver(&comment("a/b")).secret("wrong").send();
    }
    receiver.gets("auth-failures");
    host.logs("alerts can be posted again");
}

#[test]
fn the_address_is_read_from_a_file_and_taken_up_while_the_host_runs() {
    let receiver = Receiver::answering(200);
    let host = Host::with(&["guest-hostile"])
        .settings("[alerts]\nurl = \"\"\n")
        .start();
    std::fs::write(
        host.folder().join("alerts-url"),
        format!("{}\n", receiver.url(PATH)),
    )
    .unwrap();
    host.replace("hookbox.toml", "[alerts]\nurl = \"file:alerts-url\"\n");
    host.logs("a changed setting is taken up");
    host.logs(BEGUN);
    fails(&host);
    receiver.gets("run-dead");
    assert_eq!(receiver.got()[0].0, PATH);
    assert!(!host.log().contains("hunter2"), "{}", host.log());
}

#[test]
fn an_address_that_cannot_be_used_is_an_error_that_does_not_repeat_it() {
    let said = |url: &str| {
        let failed = Host::with(&[]).env("HOOKBOX_ALERTS_URL", url).try_start();
        failed.err().unwrap().stderr
    };
    let far = said("http://hooks.example/hunter2");
    assert!(
        far.contains("HOOKBOX_ALERTS_URL: not an address that alerts can be posted to")
            && !far.contains("hunter2"),
        "{far}"
    );
    let port = said("https://hooks.example:70000/hunter2");
    assert!(
        port.contains("HOOKBOX_ALERTS_URL: the port in the address is none")
            && !port.contains("hunter2"),
        "{port}"
    );
    let unset = said("env:NOT_SET_ANYWHERE");
    assert!(
        unset.contains("env:NOT_SET_ANYWHERE: the environment variable is not set"),
        "{unset}"
    );
}
