//! A payload as large as the Hub may send is recorded and read by the plugins, and many of them at once are more than
//! the host keeps in memory.

use hookbox_tests::{Connection, Host, event, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// How large the payload is at least, in bytes.
const PAYLOAD_BYTES: usize = 12 * 1024 * 1024;

/// A bucket's files, so many that the payload has its size.
fn payload() -> (Value, usize) {
    let file = |n: usize| json!({"path": format!("data/{n:08}/{}", "x".repeat(60)), "action": "add", "size": 7});
    let count = PAYLOAD_BYTES / file(0).to_string().len() + 1;
    let mut event = event("repo.content", "update", "some-user/echo");
    event["repo"]["type"] = "bucket".into();
    event.as_object_mut().unwrap().remove("updatedRefs");
    event["updatedFiles"] = (0..count).map(file).collect();
    (event, count)
}

/// The 64-bit FNV-1a hash, as the guest computes it.
fn fnv1a(bytes: &[u8]) -> String {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix))
}

#[test]
fn twelve_mebibytes_are_recorded_and_read_by_every_plugin() {
    let host = Host::with(&["commit-log", "guest-hostile"]).start();
    let (event, count) = payload();
    let body = event.to_string();
    assert!(body.len() > PAYLOAD_BYTES);
    let answer = host.hub().deliver_bytes(body.clone()).wait(25).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    // Every byte came to the guest that looks at bytes
    let run = answer.run("guest-hostile");
    let echo: Value =
        serde_json::from_str(run["output"].as_str().unwrap_or_else(|| panic!("{run:#}"))).unwrap();
    assert_eq!(
        (&echo["bytes"], &echo["fnv1a"]),
        (&body.len().into(), &fnv1a(body.as_bytes()).into())
    );
    // And every file to the one that reads files
    let run = answer.run("commit-log");
    let log: Value =
        serde_json::from_str(run["output"].as_str().unwrap_or_else(|| panic!("{run:#}"))).unwrap();
    assert_eq!(
        (&log["added"], &log["bytes"]),
        (&count.into(), &(7 * count).into())
    );
    // And the ledger gives it back as it was.
    assert_eq!(host.delivery(&answer.id())["payload"], event);
}

/// Bodies of 15 MiB that come at once: together more than the 256 MiB that the host keeps of bodies under way.
const BODIES: usize = 18;
const BODY_BYTES: usize = 15 << 20;

#[test]
fn more_large_bodies_at_once_than_there_is_room_for_are_asked_to_come_again() {
    let host = Host::with(&[]).start();
    let hub = host.hub();
    let unfinished = " ".repeat(BODY_BYTES - 1);
    // Given large bodies of which the last byte is still to come
    let mut senders: Vec<Connection> = (0..BODIES).map(|_| hub.connect()).collect();
    for sender in &mut senders {
        let length = format!("content-length: {BODY_BYTES}");
        sender.send(format!("{}\r\n", hub.head(&[&length])));
        sender.send(&unfinished);
    }
    // Then one that finds no room is told to come again
    let refused = eventually(Duration::from_secs(10), || {
        senders.iter().position(Connection::has_answer)
    });
    let answer = senders.swap_remove(refused).answer().unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    // And the others still have theirs, until they leave
    let waiting = senders.iter().filter(|sender| !sender.has_answer()).count();
    assert_eq!(waiting, BODIES - 1);
    drop(senders);
    let small = event("repo", "create", "a/b");
    eventually(Duration::from_secs(10), || {
        (hub.deliver(&small).send().status == 202).then_some(())
    });
    assert_eq!(host.deliveries().len(), 1);
}
