//! Bodies at the public listener: what is read, what is refused, and that nothing is recorded by halves.

use hookbox_tests::{Host, Shared, event, says};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

static HOST: Shared = Shared::new();

/// One host for all stories that do not disturb one another.
fn host() -> Arc<Host> {
    HOST.get(|| {
        Host::with(&["guest-counter"])
            .args(&["--body-max", "64KiB"])
            .start()
    })
}

/// An event that `guest-counter` handles.
fn created() -> Value {
    event("repo", "create", "a/b")
}

#[test]
fn a_body_over_the_limit_is_refused_however_its_length_is_told() {
    let host = host();
    let hub = host.hub();
    let padded = |bytes: usize| {
        let event = created().to_string();
        format!("{event}{}", " ".repeat(bytes - event.len()))
    };
    assert_eq!(hub.deliver_bytes(padded(64 * 1024)).send().status, 202);
    // Announced: refused before a byte of it is read.
    let mut connection = hub.connect();
    connection.send(format!("{}\r\n", hub.head(&["content-length: 65537"])));
    says(
        &connection.answer().unwrap(),
        413,
        "the body is larger than 65536 bytes",
    );
    let mut connection = hub.connect();
    connection.send(format!(
        "{}\r\n",
        hub.head(&["content-length: 18446744073709551615"])
    ));
    let status = connection.answer().map(|answer| answer.status);
    assert!(matches!(status, Some(400..=499) | None), "{status:?}");
    // Not announced: refused when it crosses the limit, before its end.
    let mut connection = hub.connect();
    connection.send(format!("{}\r\n", hub.head(&["transfer-encoding: chunked"])));
    let chunk = padded(64 * 1024);
    connection.send(format!("{:x}\r\n{chunk}\r\n1\r\n \r\n", chunk.len()));
    says(
        &connection.answer().unwrap(),
        413,
        "the body is larger than 65536 bytes",
    );
}

#[test]
fn a_chunked_body_is_as_good_as_any() {
    let host = host();
    let hub = host.hub();
    let created = created();
    let mut connection = hub.connect();
    connection.send(format!("{}\r\n", hub.head(&["transfer-encoding: chunked"])));
    for piece in created.to_string().as_bytes().chunks(100) {
        connection.send(format!(
            "{:x}\r\n{}\r\n",
            piece.len(),
            String::from_utf8_lossy(piece)
        ));
    }
    connection.send("0\r\n\r\n");
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(host.delivery(&answer.id())["payload"], created);
}

#[test]
fn a_body_that_dawdles_is_cut_off() {
    let host = Host::with(&[]).env("HOOKBOX_BODY_TIME_MAX", "1s").start();
    let hub = host.hub();
    let mut connection = hub.connect();
    let began = Instant::now();
    connection.send(format!(
        "{}\r\n{{\"event\"",
        hub.head(&["content-length: 1000"])
    ));
    let answer = connection.answer().unwrap();
    says(&answer, 408, "the body took longer than 1 s");
    assert!((Duration::from_millis(900)..Duration::from_secs(4)).contains(&began.elapsed()));
    assert!(connection.is_closed());
}

#[test]
fn a_body_that_is_cut_short_is_not_recorded() {
    let host = Host::with(&[]).start();
    let hub = host.hub();
    let whole = created().to_string();
    for (header, sent) in [
        (
            format!("content-length: {}", whole.len() + 1),
            whole.clone(),
        ),
        (
            "transfer-encoding: chunked".to_owned(),
            format!("{:x}\r\n{whole}\r\n", whole.len()),
        ),
        (
            "transfer-encoding: chunked".to_owned(),
            format!("zz\r\n{whole}\r\n0\r\n\r\n"),
        ),
    ] {
        let mut connection = hub.connect();
        connection.send(format!("{}\r\n{sent}", hub.head(&[&header])));
        connection.finish_sending();
        says(
            &connection.answer().unwrap(),
            400,
            "the body could not be read to its end",
        );
    }
    assert_eq!(hub.deliver(&created()).send().status, 202);
    assert_eq!(host.deliveries().len(), 1);
}

#[test]
fn a_compressed_body_is_refused_and_a_plain_one_may_say_so() {
    let host = host();
    let hub = host.hub();
    for encoding in ["gzip", "br", "identity, gzip"] {
        let answer = hub
            .deliver(&created())
            .header("content-encoding", encoding)
            .send();
        assert_eq!(answer.status, 415, "{encoding}");
    }
    assert_eq!(
        hub.deliver(&created())
            .header("content-encoding", "identity")
            .send()
            .status,
        202
    );
}

#[test]
fn no_content_type_is_asked_for() {
    let host = host();
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=utf-8"),
        Some("?"),
    ] {
        assert_eq!(
            host.hub()
                .deliver(&created())
                .content_type(kind)
                .send()
                .status,
            202,
            "{kind:?}"
        );
    }
}

#[test]
fn what_the_hub_may_add_is_accepted() {
    let host = host();
    let changes: &[(&str, Value)] = &[
        ("/event/scope", "billing.plan".into()),
        ("/event/action", "archive".into()),
        ("/repo/type", "kernel".into()),
        ("/webhook/version", 4.into()),
        ("/repo", Value::Null),
        ("/repo/id", 7.into()),
        ("/discussion", json!(["new"])),
        ("/updatedRefs", json!({"new": true})),
    ];
    for (place, value) in changes {
        let mut event = created();
        *event.pointer_mut(place).unwrap() = value.clone();
        event["new"] = json!({"deep": [[[[1.5e300, null]]]]});
        let answer = host.hub().deliver(&event).send();
        assert_eq!(answer.status, 202, "{place}: {answer:?}");
        assert_eq!(host.delivery(&answer.id())["payload"], event, "{place}");
    }
}

#[test]
fn a_body_that_is_no_event_is_refused_with_the_place() {
    let host = host();
    let refused =
        |body: &str, error: &str| says(&host.hub().deliver_bytes(body).send(), 400, error);
    refused(
        "",
        "the body is not JSON: EOF while parsing a value at line 1 column 0",
    );
    refused(
        "{\"event\":",
        "the body is not JSON: EOF while parsing a value at line 1 column 9",
    );
    refused("[]", "the body: expected a JSON object, found an array");
    refused("{}", "event: expected a JSON object, found nothing");
    refused(
        "{\"event\": \"update\"}",
        "event: expected a JSON object, found a string",
    );
    refused(
        "{\"event\": {\"action\": \"x\"}}",
        "event.scope: expected a string, found nothing",
    );
    refused(
        "{\"event\": {\"scope\": \"x\", \"action\": 1}}",
        "event.action: expected a string, found a number",
    );
}
