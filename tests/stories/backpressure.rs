//! More than the host can take at once: it says so, and keeps what it promised.

use hookbox_tests::{Host, event};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// Senders at once: many more than may wait.
const SENDERS: usize = 16;

/// The most deliveries of a sender; one refusal is enough to end all of them.
const DELIVERIES: usize = 200;

#[test]
fn a_full_intake_queue_asks_to_come_again_and_loses_nothing_it_took() {
    // Given a host that lets one delivery wait
    let host = Host::with(&[]).env("HOOKBOX_INTAKE_QUEUE_MAX", "1").start();
    let refused = AtomicBool::new(false);
    // When many senders post at once
    let promised: BTreeSet<String> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut promised = Vec::new();
                    for _ in 0..DELIVERIES {
                        let answer = host.hub().deliver(&event("repo", "create", "a/b")).send();
                        if answer.status == 202 {
                            promised.push(answer.id());
                            continue;
                        }
                        // Then who is not taken is asked to come again
                        assert_eq!(answer.status, 503, "{answer:?}");
                        assert!(answer.header("retry-after").is_some(), "{answer:?}");
                        refused.store(true, Ordering::Relaxed);
                        break;
                    }
                    promised
                })
            })
            .collect();
        let ended = senders.into_iter().map(|sender| sender.join().unwrap());
        ended.flatten().collect()
    });
    assert!(refused.into_inner(), "the queue was never full");
    // And what was taken, and nothing else, is kept
    let kept: BTreeSet<String> = host
        .deliveries()
        .iter()
        .map(|delivery| delivery["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kept, promised);
}
