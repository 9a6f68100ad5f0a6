//! What a guest may have of the host is capped, charged for, and told by name.

use hookbox_tests::{Host, Shared, event, met};
use serde_json::Value;
use std::sync::Arc;

static HOST: Shared = Shared::new();

/// One host with a guest that has what every guest has.
fn host() -> Arc<Host> {
    HOST.get(|| {
        Host::with(&["guest-hostile"])
            .grant("guest-hostile", "retry = { attempts = 1 }\n")
            .start()
    })
}

/// The first attempt at a word.
fn attempt(host: &Host, word: &str) -> Value {
    let event = event("repo", "update", &format!("a/{word}"));
    let answer = host.hub().deliver(&event).wait(20).send();
    assert_eq!(answer.status, 200, "{word}: {answer:?}");
    host.delivery(&answer.id())["runs"][0]["attempts"][0].clone()
}

#[test]
fn what_crosses_to_the_host_is_capped_by_name() {
    let host = host();
    met(&attempt(&host, "strings"), "trapped", "host-call fuel");
    met(&attempt(&host, "handles"), "trapped", "resource cap");
}

#[test]
fn asking_for_memory_costs_fuel_whether_it_is_given_or_not() {
    let grows = attempt(&host(), "grows");
    assert_eq!(
        grows["output"], "10000 times the host gave nothing",
        "{grows:#}"
    );
    let fuel = grows["fuel"].as_u64().unwrap();
    assert!(fuel >= 255 * 10_000, "{fuel}");
}

#[test]
fn no_guest_gets_a_mebibyte_of_random_bytes_at_once() {
    met(
        &attempt(&host(), "random-big"),
        "trapped",
        "requested len 1048576 exceeds limit 65536",
    );
}

#[test]
fn no_guest_has_more_memory_than_any_grant_may_give() {
    let host = Host::with(&["guest-hostile"])
        .args(&["--memory-max", "32MiB"])
        .start();
    let hog = attempt(&host, "hog");
    met(&hog, "out-of-memory", "32768 KiB");
    let peak = hog["memory_peak_bytes"].as_u64().unwrap();
    assert!((16 << 20..=32 << 20).contains(&peak), "{peak}");
}
