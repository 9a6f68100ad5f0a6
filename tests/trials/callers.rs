//! Plugins that only compute beside one that calls: their threads are its connections' threads as well.

use hookbox_tests::{Host, Receiver, event};
use serde_json::{Value, json};

const SPINNING_PLUGINS: usize = 4;
const DELIVERIES: usize = 4;
const CALLS: usize = 20;

/// The longest that a call to a server on this machine may take at the median, in ms, on two cores that other trials keep
/// busy as well: each of its steps waits for guests to yield.
const MEDIAN_MS_MAX: u64 = 100;

#[test]
fn those_that_spin_do_not_keep_the_calls_of_another_waiting() {
    // Given plugins that spin
    let server = Receiver::answering(200);
    let url = server.url("/");
    let address = server.url("").replace("http://", "");
    let entry = format!("[[http]]\nhost = \"{address}\"\nscheme = \"http\"\nprivate = true\n");
    let mut builder = Host::with(&[])
        .plugin_as("caller", "guest-hostile")
        .grant("caller", &format!("[match]\nrepo = [\"a/call\"]\n{entry}"));
    for n in 0..SPINNING_PLUGINS {
        let name = format!("spinning-{n}");
        let grant = "fuel = 1_000_000_000_000\ntimeout = \"60s\"\nretry = { attempts = 1 }\n[match]\nrepo = [\"a/loop\"]\n";
        builder = builder
            .plugin_as(&name, "guest-hostile")
            .grant(&name, grant);
    }
    let host = builder.start();
    let hub = host.hub();
    for _ in 0..DELIVERIES {
        hub.deliver(&event("repo", "update", "a/loop")).send();
    }
    // When another one calls
    let mut times: Vec<u64> = (0..CALLS)
        .map(|_| {
            let mut asked = event("repo", "update", "a/call");
            asked["calls"] = json!([{ "url": url }]);
            let answer = hub.deliver(&asked).wait(25).send();
            let attempt = host.delivery(&answer.id())["runs"][0]["attempts"][0].clone();
            let call = &attempt["calls"][0];
            assert_eq!(call["status"], 200, "{attempt:#}");
            call["ms"].as_u64().unwrap()
        })
        .collect();
    // Then its calls come to their end soon, though the others are at it all the while
    let pending = host.cli(&["deliveries", "list", "--state", "pending", "--json"]);
    let pending: Value = pending.ok().json();
    assert!(!pending.as_array().unwrap().is_empty(), "they have ended");
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{SPINNING_PLUGINS} plugins spin: a call takes {median} ms (median), {worst} ms (worst)"
    );
    assert!(median <= MEDIAN_MS_MAX, "{times:?}");
}
