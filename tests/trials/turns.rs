//! Plugins are taken in turn: whoever is equally busy gets equally much, wherever it stands among those that idle.

use hookbox_tests::{Host, event, eventually};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Plugins in the order of their names: a gap before a busy one must not be its gain.
const PLUGINS: &str = "bbiibiiibibbiiiiiiii";
const DELIVERIES: usize = 15;

/// The ended runs of each plugin.
fn ended(host: &Host) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for delivery in host.deliveries() {
        for run in delivery["runs"].as_array().unwrap() {
            let is_ended = !["pending", "running"].contains(&run["state"].as_str().unwrap());
            let name = run["plugin"].as_str().unwrap().to_owned();
            *counts.entry(name).or_default() += usize::from(is_ended);
        }
    }
    counts
}

#[test]
fn plugins_that_are_equally_busy_get_equally_much_done() {
    // Given six busy plugins among fourteen idle ones, and as many runs for each of the six
    let mut builder = Host::with(&[]).args(&["--concurrency", "4"]);
    let mut busy = 0;
    for (n, kind) in PLUGINS.chars().enumerate() {
        if kind == 'i' {
            builder = builder.plugin_as(&format!("p{n:02}-idle"), "hello");
            continue;
        }
        let name = format!("p{n:02}-busy");
        let grant = "timeout = \"500ms\"\nretry = { attempts = 1 }\n";
        builder = builder
            .plugin_as(&name, "guest-hostile")
            .grant(&name, grant);
        busy += 1;
    }
    let host = builder.start();
    let hub = host.hub();
    let began = Instant::now();
    for _ in 0..DELIVERIES {
        let sleep = event("repo", "update", "a/sleep");
        assert_eq!(hub.deliver(&sleep).send().plugins().len(), busy);
    }
    // When half of the runs have ended
    let half = busy * DELIVERIES / 2;
    let counts = eventually(Duration::from_secs(60), || {
        let counts = ended(&host);
        (counts.values().sum::<usize>() >= half).then_some(counts)
    });
    // Then each plugin had its part
    let (least, most) = (
        counts.values().min().unwrap(),
        counts.values().max().unwrap(),
    );
    println!(
        "{} of {} runs ended in {:?}, by plugin: {counts:?}",
        counts.values().sum::<usize>(),
        busy * DELIVERIES,
        began.elapsed()
    );
    assert!(most - least <= 2 || 2 * most <= 3 * least, "{counts:?}");
}
