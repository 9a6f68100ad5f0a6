//! Slow readers of large answers on the admin listener: each keeps its answer in the host's memory until it is read.

use hookbox_tests::{Connection, Host, event};
use std::time::Duration;

/// Readers at once; the listener has places for 64.
const READERS: usize = 48;

/// The most that the host may hold for all of them, in bytes: it answers 8 at once, each some times its payload while
/// the answer is made.
const GROWTH_MAX: u64 = 400 << 20;

#[test]
fn the_host_does_not_hold_an_answer_for_everybody_who_does_not_read() {
    // Given a delivery of 12 MiB
    let host = Host::with(&[]).start();
    let mut body = event("repo", "create", "a/b");
    body["filler"] = "x".repeat(12 << 20).into();
    let id = host.hub().deliver(&body).send().id();
    let admin = host.admin();
    let path = format!("/api/v1/deliveries/{id}");
    assert_eq!(admin.get(&path).send().status, 200);
    // When many ask for it and do not read
    let process = host.process();
    process.forget_peak();
    let before = process.bytes("VmRSS").unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
        admin.address(),
        admin.token()
    );
    let mut readers: Vec<Connection> = (0..READERS)
        .map(|_| {
            let mut reader = Connection::open(admin.address());
            reader.send(&request);
            reader
        })
        .collect();
    // Until as many are answered as are at once, and the first of the others were told to come again
    let patience = Duration::from_secs(15);
    let told = readers.iter_mut().map(|reader| reader.hears(patience));
    let told = told.filter(|told| *told).count();
    // Then the host holds no more than those
    let grown = process.bytes("VmHWM").unwrap().saturating_sub(before);
    println!(
        "{READERS} readers, {told} told something: {} MiB more",
        grown >> 20
    );
    assert!(told >= 8 && grown < GROWTH_MAX, "{told} {grown}");
    // And when they are gone, the operator is answered
    drop(readers);
    assert_eq!(admin.get("/api/v1/plugins").send().status, 200);
}
