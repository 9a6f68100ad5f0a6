//! Bodies that are no event: refused, or kept as dead deliveries, as the operator sets it.

use hookbox_tests::{Answer, Host, event};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// A host that keeps them.
fn accepting() -> Host {
    Host::with(&["hello"])
        .args(&["--on-unparsable", "accept"])
        .start()
}

#[track_caller]
fn post(host: &Host, body: &[u8]) -> Answer {
    host.hub().deliver_bytes(body).send()
}

#[test]
fn a_body_that_is_no_event_is_refused_unless_it_is_to_be_accepted() {
    let host = Host::with(&["hello"]).start();
    assert_eq!(post(&host, b"{").status, 400);
    assert_eq!(host.deliveries(), [] as [Value; 0]);
}

#[test]
fn what_is_accepted_is_kept_as_a_dead_delivery_with_the_reason() {
    // Given a host that accepts them
    let host = accepting();
    // When a body comes that is not JSON
    let answer = post(&host, b"{\"event\":\n oops");
    // Then it is accepted, without runs
    assert_eq!(answer.status, 202);
    let id = answer.id();
    assert_eq!(answer.json(), json!({"id": id, "runs": []}));
    // And shown as dead, with the reason and what can be shown of it
    let shown = host.delivery(&id);
    assert_eq!(shown["state"], "dead");
    assert_eq!(
        (&shown["scope"], &shown["action"], &shown["repo"]),
        (&json!(null), &json!(null), &json!(null))
    );
    assert_eq!(
        shown["unparsable"],
        "the body is not JSON: expected value at line 2 column 2"
    );
    assert_eq!(shown["payload"], "{\"event\":\n oops");
    assert_eq!(shown["runs"], json!([]));
    let listed = host
        .cli(&["deliveries", "list", "--state", "dead"])
        .ok()
        .stdout;
    assert!(
        listed.contains(&id) && listed.contains("no event"),
        "{listed}"
    );
    let text = host.cli(&["deliveries", "show", &id]).ok().stdout;
    assert!(
        text.contains("because   the body is not JSON: expected value at line 2 column 2"),
        "{text}"
    );
    let exported = host.cli(&["deliveries", "export"]).ok().stdout;
    assert_eq!(exported.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&exported).unwrap(), shown);
    // And what can be read is as it ever was
    let good = host
        .hub()
        .deliver(&event("repo", "create", "a/b"))
        .send()
        .id();
    assert_eq!(host.delivery(&good)["unparsable"], Value::Null);
    // The admin listener shows the same
    let admin = host.admin();
    assert_eq!(admin.json(&format!("/api/v1/deliveries/{id}")), shown);
    let page = admin.get(&format!("/deliveries/{id}")).send().body;
    assert!(
        page.contains("It is no event, so no plugin got it: the body is not JSON"),
        "{page}"
    );
}

#[test]
fn json_without_an_event_is_kept_as_it_came() {
    let host = accepting();
    let id = post(&host, b"{\n\"event\": {\"scope\": 1}}").id();
    let shown = host.delivery(&id);
    assert_eq!(shown["payload"], json!({"event": {"scope": 1}}));
    assert_eq!(
        shown["unparsable"],
        "event.scope: expected a string, found a number"
    );
    assert_eq!(
        host.cli(&["deliveries", "export"])
            .ok()
            .stdout
            .lines()
            .count(),
        1
    );
    let id = post(&host, b"\xff\xfe").id();
    assert_eq!(host.delivery(&id)["payload"], "\u{fffd}\u{fffd}");
}

#[test]
fn one_that_comes_again_is_counted_and_what_is_no_delivery_at_all_stays_refused() {
    let host = accepting();
    let hub = host.hub();
    let send = || hub.deliver_bytes("oops").id("hub-1").send();
    let first = send().id();
    let again = send();
    assert_eq!(again.status, 200);
    assert_eq!(
        again.json(),
        json!({"id": first, "duplicate": true, "runs": []})
    );
    assert_eq!(host.delivery(&first)["duplicates"], 1);
    let waited = hub.deliver_bytes("oops").wait(5).send();
    assert_eq!((waited.status, &waited.json()["runs"]), (202, &json!([])));
    let encoded = hub
        .deliver_bytes("oops")
        .header("content-encoding", "gzip")
        .send();
    assert_eq!(encoded.status, 415);
    assert_eq!(hub.deliver_bytes("oops").secret("wrong").send().status, 403);
}

#[test]
fn a_replay_reads_it_again_and_says_that_it_cannot() {
    let host = accepting();
    let id = post(&host, b"oops").id();
    let said = host.cli(&["deliveries", "replay", &id]).exits(1).stderr;
    assert_eq!(
        said,
        format!("error: {id}: the body is not JSON: expected value at line 1 column 1\n")
    );
    let bulk = host
        .cli(&["deliveries", "replay", "--state", "dead", "--yes"])
        .exits(1)
        .stdout;
    let reason = "the body is not JSON: expected value at line 1 column 1";
    assert_eq!(
        bulk,
        format!("replayed 0 deliveries: 0 runs\nskipped: 1 delivery ({reason}): {id}\n")
    );
    let api = host
        .admin()
        .post(&format!("/api/v1/deliveries/{id}/replay"), "")
        .send();
    assert_eq!((api.status, &api.json()["error"]), (409, &json!(reason)));
    assert_eq!(host.delivery(&id)["state"], "dead");
}

#[test]
fn the_setting_is_taken_up_while_the_host_runs() {
    let host = Host::with(&[])
        .settings("on-unparsable = \"reject\"\n")
        .start();
    assert_eq!(post(&host, b"oops").status, 400);
    host.replace("hookbox.toml", "on-unparsable = \"accept\"\n");
    host.logs("a changed setting is taken up");
    assert_eq!(post(&host, b"oops").status, 202);
    assert_snapshot!(host.deliveries()[0]["unparsable"], @r#""the body is not JSON: expected value at line 1 column 1""#);
}
