//! Senders that take their time: every wait for them ends, and nobody else waits for it.

use hookbox_tests::{Connection, Host, Hub, event, eventually};
use std::ops::Range;
use std::time::{Duration, Instant};

/// The time between two bytes of a slow reader.
const SIP: Duration = Duration::from_millis(50);

/// Requests in one piece, and how many such pieces: more than the kernel keeps on the way to a host that does not read.
const PIECE: usize = 100;
const PIECES: usize = 10_000;

#[track_caller]
fn within(began: Instant, seconds: Range<f64>) {
    let took = began.elapsed().as_secs_f64();
    assert!(seconds.contains(&took), "{took} s is not in {seconds:?}");
}

/// Asks and asks until nothing more is taken; whether the host cut the connection.
fn asks_on(connection: &mut Connection, address: &str) -> bool {
    let piece = format!("GET / HTTP/1.1\r\nhost: {address}\r\n\r\n").repeat(PIECE);
    (0..PIECES).any(|_| !connection.send(&piece))
}

/// The head of a delivery whose body is as long as this.
fn head(hub: &Hub, body: &str) -> String {
    hub.head(&[&format!("content-length: {}", body.len())])
}

#[test]
fn a_sender_that_never_reads_its_answers_is_cut_off() {
    let host = Host::with(&[]).env("HOOKBOX_WRITE_TIME_MAX", "1s").start();
    let mut sender = host.hub().connect();
    let began = Instant::now();
    assert!(asks_on(&mut sender, host.address()));
    within(began, 0.9..10.0);
}

#[test]
fn reading_byte_by_byte_wins_no_time() {
    let host = Host::with(&[]).env("HOOKBOX_WRITE_TIME_MAX", "1s").start();
    let mut sender = host.hub().connect();
    let mut reader = sender.another_hand();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let began = Instant::now();
            (asks_on(&mut sender, host.address()), began)
        });
        // A byte is read, and then none for a while.
        let pause = std::sync::mpsc::channel::<()>();
        while !asked.is_finished() && reader.sips() {
            assert!(pause.1.recv_timeout(SIP).is_err());
        }
        let (cut, began) = asked.join().unwrap();
        assert!(cut);
        within(began, 0.9..10.0);
    });
}

#[test]
fn a_kept_connection_may_be_idle_for_so_long_and_no_longer() {
    let host = Host::with(&[]).env("HOOKBOX_HEAD_TIME_MAX", "1s").start();
    let hub = host.hub();
    let body = event("repo", "create", "a/b").to_string();
    let mut kept = hub.connect();
    // Given one that was answered, twice
    for _ in 0..2 {
        kept.send(format!("{}\r\n{body}", head(&hub, &body)));
        assert_eq!(kept.answer().unwrap().status, 202);
    }
    let (began, mut silent) = (Instant::now(), hub.connect());
    // Then it is closed when it says nothing more, as is one that never said anything
    assert!(kept.is_closed() && silent.is_closed());
    within(began, 0.9..5.0);
    // And one that begins to speak and stops is closed likewise
    let mut half = hub.connect();
    half.send(format!("{}\r\n{body}POST /web", head(&hub, &body)));
    assert_eq!(half.answer().unwrap().status, 202);
    assert!(half.is_closed());
    within(began, 0.9..9.0);
}

#[test]
fn an_old_connection_is_closed_between_two_requests() {
    let host = Host::with(&[])
        .env("HOOKBOX_CONNECTION_AGE_MAX", "1s")
        .start();
    let hub = host.hub();
    let body = event("repo", "create", "a/b").to_string();
    let request = format!("{}\r\n{body}", head(&hub, &body));
    let mut connection = hub.connect();
    let began = Instant::now();
    let mut answered = 0;
    // When a sender never rests
    let last = eventually(Duration::from_secs(10), || {
        connection.send(&request);
        let answer = connection.answer();
        answered += usize::from(answer.is_some());
        match answer {
            Some(answer) if answer.header("connection") != Some("close") => None,
            last => Some(last.map(|answer| answer.status)),
        }
    });
    // Then its connection ends all the same, after an answer or before another request was read
    within(began, 0.9..5.0);
    assert!(matches!(last, None | Some(202)) && answered > 1, "{last:?}");
    assert_eq!(host.deliveries().len(), answered);
}

#[test]
fn a_request_under_way_gets_as_long_again() {
    let host = Host::with(&["guest-hostile"])
        .env("HOOKBOX_CONNECTION_AGE_MAX", "1s")
        .start();
    let hub = host.hub();
    let body = event("repo", "create", "a/sleep").to_string();
    let length = format!("content-length: {}", body.len());
    let began = Instant::now();
    let mut connection = hub.connect();
    connection.send(format!(
        "{}\r\n{body}",
        hub.head(&[&length, "prefer: wait=20"])
    ));
    assert!(connection.is_closed());
    within(began, 1.9..8.0);
    // The delivery is kept: its sender only does not know.
    assert_eq!(host.deliveries().len(), 1);
}

#[test]
fn a_refused_sender_sees_its_answer_although_it_goes_on_sending() {
    let host = Host::with(&[]).args(&["--body-max", "64KiB"]).start();
    let hub = host.hub();
    let stranger = Hub::new(host.address(), Some("wrong"));
    let length = "content-length: 200000";
    for (head, status) in [
        (stranger.head(&[length]), 403),
        (hub.head(&[length]), 413),
        (hub.head(&[length, "content-encoding: gzip"]), 415),
        (hub.head(&[length, "host: another"]), 400),
        (hub.head(&[length, "no colon"]), 400),
    ] {
        // Given a sender that was refused before its body
        let mut connection = hub.connect();
        connection.send(format!("{head}\r\n"));
        eventually(Duration::from_secs(5), || {
            connection.has_answer().then_some(())
        });
        // When it sends the body all the same, in pieces
        for _ in 0..20 {
            assert!(connection.send([b' '; 10_000]), "{head}");
        }
        // Then the answer is not lost, and nothing more is said
        assert_eq!(connection.answer().unwrap().status, status, "{head}");
        assert!(connection.is_closed());
    }
}

#[test]
fn the_farewell_is_short() {
    let host = Host::with(&[]).start();
    let stranger = Hub::new(host.address(), Some("wrong"));
    let began = Instant::now();
    // One that sends without an end, and one that waits
    let [mut loud, mut quiet] = [host.hub().connect(), host.hub().connect()];
    for sender in [&mut loud, &mut quiet] {
        sender.send(format!(
            "{}\r\n",
            stranger.head(&["content-length: 100000000"])
        ));
        assert_eq!(sender.answer().unwrap().status, 403);
    }
    let sent = (0..1000).take_while(|_| loud.send([b' '; 100_000])).count();
    assert!(sent < 1000, "all of it was taken");
    assert!(quiet.is_closed());
    within(began, 0.0..5.0);
}

#[test]
fn a_stop_does_not_wait_for_who_is_idle() {
    let mut host = Host::with(&[]).args(&["--drain", "30s"]).start();
    let hub = host.hub();
    let body = event("repo", "create", "a/b").to_string();
    let [mut fresh, mut kept] = [hub.connect(), hub.connect()];
    kept.send(format!("{}\r\n{body}", head(&hub, &body)));
    assert_eq!(kept.answer().unwrap().status, 202);
    let began = Instant::now();
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    within(began, 0.0..5.0);
    assert!(fresh.is_closed() && kept.is_closed());
}

#[test]
fn a_stop_does_not_wait_longer_than_it_is_told_to() {
    let mut host = Host::with(&[]).args(&["--drain", "2s"]).start();
    let hub = host.hub();
    // Given a sender that never reads, one that never ends its body, and one that never ends its head
    let [mut deaf, mut endless, mut half] = [hub.connect(), hub.connect(), hub.connect()];
    endless.send(format!("{}\r\n{{", hub.head(&["content-length: 100"])));
    half.send("POST /webhooks");
    std::thread::scope(|scope| {
        let address = host.address().to_owned();
        let asked = scope.spawn(move || asks_on(&mut deaf, &address));
        // And another, to know that they have been heard
        assert_eq!(
            hub.deliver(&event("repo", "create", "a/b")).send().status,
            202
        );
        // When the host is told to stop
        let began = Instant::now();
        assert_eq!(host.stop(), Some(0), "{}", host.log());
        // Then it does, in its time, and they are cut
        within(began, 1.9..8.0);
        assert!(asked.join().unwrap());
    });
    assert!(endless.is_closed() && half.is_closed());
}
