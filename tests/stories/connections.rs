//! Connections at the public listener: kept, counted, and closed where a request could be read in two ways.

use hookbox_tests::{Host, Shared, event, eventually};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

static HOST: Shared = Shared::new();

/// One host for all stories that do not disturb one another.
fn host() -> Arc<Host> {
    HOST.get(|| Host::with(&["guest-counter"]).start())
}

/// An event that `guest-counter` handles.
fn created() -> Value {
    event("repo", "create", "a/b")
}

/// A request that is answered at once.
fn health(host: &Host) -> String {
    format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", host.address())
}

#[test]
fn on_a_full_house_the_longest_idle_goes_for_the_next() {
    let host = Host::with(&[]).args(&["--connections-max", "2"]).start();
    let hub = host.hub();
    // Given two that have said nothing yet
    let [mut longest, mut shorter] = [hub.connect(), hub.connect()];
    // When a third comes
    let began = Instant::now();
    let mut third = hub.connect();
    third.send(health(&host));
    // Then it is served at once, for the one that was idle for longest
    assert_eq!(third.answer().unwrap().status, 200);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(longest.is_closed());
    shorter.send(health(&host));
    assert_eq!(shorter.answer().unwrap().status, 200);
}

#[test]
fn a_request_under_way_keeps_its_place() {
    let host = Host::with(&["guest-hostile"])
        .args(&["--connections-max", "1"])
        .start();
    let hub = host.hub();
    // Given a house full of one whose delivery is being handled
    let body = event("repo", "create", "a/sleep").to_string();
    let length = format!("content-length: {}", body.len());
    let mut first = hub.connect();
    first.send(format!(
        "{}\r\n{body}",
        hub.head(&[&length, "prefer: wait=3"])
    ));
    eventually(Duration::from_secs(10), || {
        (!host.deliveries().is_empty()).then_some(())
    });
    // When another comes
    let mut second = hub.connect();
    second.send(health(&host));
    // Then it waits until the first has its answer
    assert!(!second.hears(Duration::from_millis(500)));
    assert_eq!(first.answer().unwrap().status, 202);
    assert_eq!(second.answer().unwrap().status, 200);
}

#[test]
fn without_a_file_left_an_idle_connection_goes_for_the_next() {
    let host = Host::with(&[]).start();
    let hub = host.hub();
    // Given idle connections, all of them accepted, and no file left for another
    let mut idle: Vec<_> = (0..10).map(|_| hub.connect()).collect();
    assert_eq!(hub.request("GET", "/healthz").send().status, 200);
    host.opens_no_more_files();
    // When many more come, and stay
    let mut stay = Vec::new();
    for _ in 0..20 {
        let mut next = hub.connect();
        next.send(health(&host));
        // Then each is served all the same, in the place of one that is idle
        assert_eq!(next.answer().unwrap().status, 200);
        stay.push(next);
    }
    assert!(idle.first_mut().unwrap().is_closed());
    // And the log says so once
    host.logs("cannot accept a connection; idle ones are closed");
    assert_eq!(
        host.log().matches("cannot accept").count(),
        1,
        "{}",
        host.log()
    );
}

#[test]
fn one_connection_carries_many_deliveries() {
    let host = host();
    let hub = host.hub();
    let body = created().to_string();
    let length = format!("content-length: {}", body.len());
    let mut connection = hub.connect();
    for _ in 0..3 {
        connection.send(format!("{}\r\n{body}", hub.head(&[&length])));
        assert_eq!(connection.answer().unwrap().status, 202);
    }
}

#[test]
fn who_has_nothing_more_to_send_gets_its_answer() {
    let host = host();
    let body = created().to_string();
    let length = format!("content-length: {}", body.len());
    let mut connection = host.hub().connect();
    connection.send(format!(
        "{}\r\n{body}",
        host.hub().head(&[&length, "prefer: wait=20"])
    ));
    connection.finish_sending();
    assert_eq!(connection.answer().unwrap().status, 200);
    assert!(connection.is_closed());
}

#[test]
fn half_a_head_is_waited_for_so_long_and_no_longer() {
    let host = Host::with(&[]).env("HOOKBOX_HEAD_TIME_MAX", "2s").start();
    let hub = host.hub();
    let began = Instant::now();
    let mut half = hub.connect();
    half.send(hub.head(&["content-length: 2"]));
    // Another is served meanwhile
    assert_eq!(hub.deliver(&created()).send().status, 202);
    assert!(began.elapsed() < Duration::from_secs(2));
    // And the dawdler is hung up on, without a word
    assert!(half.is_closed());
    let took = began.elapsed();
    assert!(
        (Duration::from_millis(1900)..Duration::from_secs(5)).contains(&took),
        "{took:?}"
    );
}

#[test]
fn a_head_with_too_much_in_it_is_refused_and_nothing_of_it_recorded() {
    let host = Host::with(&[]).start();
    let hub = host.hub();
    let body = created().to_string();
    let length = format!("content-length: {}", body.len());
    // Two headers are the hub's own, and one the length.
    let headers = |count: usize| {
        let more = vec!["x-more: 1"; count - 3];
        hub.head(&[&[length.as_str()], more.as_slice()].concat())
    };
    let padded = |bytes: usize| {
        let head = hub.head(&[&length, "x-more: "]);
        let padding = "p".repeat(bytes - head.len());
        format!("{}{padding}\r\n", head.trim_end_matches("\r\n"))
    };
    // A head that has not come to its end by then may not go on.
    for (request, status) in [
        (format!("{}\r\n{body}", headers(64)), 202),
        (format!("{}\r\n", headers(65)), 431),
        (format!("{}\r\n{body}", padded(60 * 1024)), 202),
        (padded(64 * 1024), 431),
    ] {
        let mut connection = hub.connect();
        connection.send(request);
        let answer = connection.answer().unwrap();
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 431 {
            assert!(answer.body.is_empty() && connection.is_closed());
        }
    }
    assert_eq!(host.deliveries().len(), 2);
}
