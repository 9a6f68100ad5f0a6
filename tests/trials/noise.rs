//! Noise on the socket: random bytes, and good requests with random damage. The host lives, and says nothing odd.

use hookbox_tests::{Connection, Host, event};
use std::time::Duration;

/// Connections of each kind.
const CONNECTIONS: usize = 1500;

/// The first number of the sequence: each trial is the same.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Numbers that look random (xorshift64*).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        // Bytes that mean something come more often than others.
        let telling = b"\r\n :;,=/?%\0\"{}[]0aF\xff";
        if self.below(2) == 0 {
            telling[self.below(telling.len())]
        } else {
            u8::try_from(self.below(256)).unwrap()
        }
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.byte()).collect()
    }

    /// Changes, adds, removes or doubles a few bytes.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(4) {
                0 => bytes[at] = self.byte(),
                1 => bytes.insert(at, self.byte()),
                2 => drop(bytes.remove(at)),
                _ => {
                    let end = (at + self.below(40)).min(bytes.len());
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
            }
        }
    }
}

/// Sends bytes, and listens for a moment to whatever comes of them.
fn send(host: &Host, bytes: &[u8]) -> Option<u16> {
    let mut connection = Connection::open(host.address());
    connection.send(bytes);
    connection.finish_sending();
    connection.answer().map(|answer| answer.status)
}

#[test]
fn noise_does_no_harm() {
    let host = Host::with(&["guest-counter"])
        .env("HOOKBOX_HEAD_TIME_MAX", "500ms")
        .env("HOOKBOX_BODY_TIME_MAX", "500ms")
        .start();
    let mut noise = Noise(SEED);
    let body = event("repo", "create", "a/b").to_string();
    let good = [
        format!("content-length: {}", body.len()),
        "transfer-encoding: chunked".to_owned(),
    ]
    .map(|framing| host.hub().head(&[&framing, "prefer: wait=0"]));
    let bodies = [
        body.clone(),
        format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
    ];
    let mut statuses = std::collections::BTreeMap::<Option<u16>, usize>::new();
    for n in 0..CONNECTIONS {
        let raw = noise.bytes(2000);
        *statuses.entry(send(&host, &raw)).or_default() += 1;
        let mut damaged = format!("{}\r\n{}", good[n % 2], bodies[n % 2]).into_bytes();
        noise.damage(&mut damaged);
        *statuses.entry(send(&host, &damaged)).or_default() += 1;
    }
    println!("answers to noise: {statuses:?}");
    // Every answer is one of ours, and never that we failed
    let known = [200, 202, 400, 401, 403, 404, 405, 408, 413, 415, 431, 505];
    assert!(
        statuses
            .keys()
            .flatten()
            .all(|status| known.contains(status))
    );
    // And the host is as well as before, without a word of a panic
    let answer = host
        .hub()
        .deliver(&event("repo", "create", "a/b"))
        .wait(20)
        .send();
    assert_eq!(answer.run("guest-counter")["outcome"], "done", "{answer:?}");
    assert!(!host.log().contains("panicked"), "{}", host.log());
    let began = std::time::Instant::now();
    assert_eq!(host.hub().request("GET", "/readyz").send().status, 200);
    assert!(began.elapsed() < Duration::from_secs(1));
}
