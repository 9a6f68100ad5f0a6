//! Requests that were refused: each has an id, and the operator learns of them without a secret being told.

use hookbox_tests::{Host, SECRET, event};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the host says while nothing has arrived.
const HINT: &str = "no delivery has arrived yet";

/// The lines of the log about refused requests.
fn refused(host: &Host) -> Vec<Value> {
    let log = host.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["message"] == "request refused")
        .collect()
}

#[test]
fn every_answer_has_an_id_of_its_own_and_a_delivery_shares_its() {
    let host = Host::with(&[]).start();
    let hub = host.hub();
    let created = event("repo", "create", "a/b");
    let accepted = hub
        .deliver(&created)
        .id("again")
        .header("x-request-id", "mine")
        .send();
    let again = hub.deliver(&created).id("again").send();
    let others = [
        hub.deliver(&created).no_secret().send(),
        hub.deliver(&created).header("host", "two").send(),
        hub.request("GET", "/").send(),
        hub.request("HEAD", "/readyz").send(),
        hub.request("GET", "/elsewhere").send(),
    ];
    // A delivery's id is its request's; one that came again has the id of the first, and its request another.
    assert_eq!(
        accepted.header("x-request-id"),
        Some(accepted.id().as_str())
    );
    assert_eq!(again.id(), accepted.id());
    let answers = [&accepted, &again].into_iter().chain(&others);
    let ids: BTreeSet<&str> = answers
        .filter_map(|answer| answer.header("x-request-id"))
        .collect();
    assert_eq!(ids.len(), 7, "{ids:?}");
    assert!(ids.iter().all(|id| id.len() == 36));
    // And the log knows it.
    host.logs(&accepted.id());
}

#[test]
fn a_refused_request_is_told_of_without_its_query() {
    let host = Host::with(&[])
        .env("RUST_LOG", "warn,hookbox=debug")
        .env("HOOKBOX_HEAD_TIME_MAX", "1s")
        .start();
    let hub = host.hub();
    let created = event("repo", "create", "a/b");
    let wrong = "a-secret-of-somebody";
    let answers = [
        hub.deliver(&created).secret(wrong).send(),
        hub.deliver(&created)
            .no_secret()
            .to(&format!("/webhooks?secret={wrong}"))
            .send(),
        hub.deliver(&created)
            .no_secret()
            .to(&format!("/webhooks&secret={SECRET}"))
            .send(),
        hub.deliver(&created)
            .secret("")
            .to(&format!("/x?secret={SECRET}"))
            .send(),
        hub.request("GET", "/%1b[2J\u{202e}").send(),
        hub.deliver_bytes("{}").send(),
    ];
    // And some that are no requests
    for (bytes, reason) in [
        ("NONSENSE\r\n\r\n", "invalid HTTP method"),
        ("\u{16}\u{3}\u{1}\0\r\n\r\n", "TLS came"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2 came"),
        ("POST /web", "in time"),
    ] {
        let mut bare = hub.connect();
        bare.send(bytes);
        bare.answer();
        drop(bare);
        host.logs(reason);
    }
    let told: Vec<String> = refused(&host)
        .iter()
        .map(|line| {
            let [method, path, reason] =
                ["method", "path", "reason"].map(|name| line[name].as_str());
            let words = [method, path, reason].map(Option::unwrap_or_default);
            format!("{} {}", line["status"], words.join(" "))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    403 POST /webhooks Invalid webhook secret.
    403 POST /webhooks Invalid webhook secret.
    401 POST /webhooks x-webhook-secret header not set.
    403 POST /x Invalid webhook secret.
    404 GET / there is nothing at this path
    400 POST /webhooks event: expected a JSON object, found nothing
    400 - - invalid HTTP method parsed
    400 - - TLS came to a port that speaks plain HTTP
    505 - - HTTP/2 came to a port that speaks HTTP/1.1
    408 - - the head did not come in time; closed without an answer
    ");
    // Each by the id that its sender was given
    for answer in answers {
        let id = answer.header("x-request-id").unwrap();
        assert!(host.log().contains(id), "{id}\n{}", host.log());
    }
    for secret in [wrong, SECRET] {
        assert!(!host.log().contains(secret), "{}", host.log());
    }
    assert_eq!(host.deliveries().len(), 0);
}

#[test]
fn the_first_refusal_is_warned_of_at_once_and_a_crowd_of_them_not() {
    let host = Host::with(&[]).start();
    for _ in 0..50 {
        let answer = host
            .hub()
            .deliver(&event("repo", "create", "a/b"))
            .secret("wrong")
            .send();
        assert_eq!(answer.status, 403);
    }
    host.logs("a request was refused: 403 Invalid webhook secret. at POST /webhooks; see 'hookbox requests'");
    let warnings = host.log().matches("refused:").count();
    assert_eq!(warnings, 1, "{}", host.log());
}

#[test]
fn a_host_to_which_nothing_comes_says_after_a_while_what_to_check() {
    let host = Host::with(&[]).env("HOOKBOX_HINT_AFTER", "300ms").start();
    host.logs(HINT);
    assert!(host.log().contains("\"refused\":0"), "{}", host.log());
}

#[test]
fn while_nothing_has_arrived_the_first_refusal_brings_a_hint() {
    // Given a host that nothing ever came to
    let mut host = Host::with(&[]).start();
    assert!(!host.log().contains(HINT), "{}", host.log());
    // When it refuses requests
    for _ in 0..3 {
        assert_eq!(
            host.hub().request("GET", "/wp-login.php").send().status,
            404
        );
    }
    // Then it says once what to check
    host.logs(HINT);
    host.logs(&format!("posts to {}/webhooks", host.url()));
    assert_eq!(host.log().matches(HINT).count(), 1, "{}", host.log());
    // And not once something has come, even if that was before it was started again
    assert_eq!(
        host.hub()
            .deliver(&event("repo", "create", "a/b"))
            .send()
            .status,
        202
    );
    host.restart();
    assert_eq!(
        host.hub().request("GET", "/wp-login.php").send().status,
        404
    );
    assert_eq!(host.stop(), Some(0));
    assert!(!host.log().contains(HINT), "{}", host.log());
}
