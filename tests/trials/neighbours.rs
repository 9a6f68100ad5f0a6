//! Many slow plugins at once, and one quick neighbour.

use hookbox_tests::{Host, event};
use std::time::{Duration, Instant};

const SLOW_PLUGINS: usize = 12;
const SLOW_DELIVERIES: usize = 5;
const QUICK_DELIVERIES: usize = 40;

/// The longest that the neighbour's sender may have to wait, on two cores that other trials keep busy as well: far less than
/// what it must not wait for takes.
const QUICK: Duration = Duration::from_secs(8);

#[test]
fn a_dozen_slow_plugins_do_not_keep_a_quick_one_waiting() {
    // Given a dozen plugins that are busy
    let mut builder = Host::with(&["guest-counter"]);
    for n in 0..SLOW_PLUGINS {
        let name = format!("slow-{n}");
        let grant = "fuel = 1_000_000_000_000\ntimeout = \"20s\"\nretry = { attempts = 1 }\n[match]\nrepo = [\"slow/*\"]\n";
        builder = builder
            .plugin_as(&name, "guest-hostile")
            .grant(&name, grant);
    }
    let host = builder.start();
    let hub = host.hub();
    for _ in 0..SLOW_DELIVERIES {
        assert_eq!(
            hub.deliver(&event("repo", "create", "slow/slow"))
                .send()
                .plugins()
                .len(),
            SLOW_PLUGINS + 1
        );
    }
    // When the quick one gets deliveries
    let mut times = Vec::new();
    for _ in 0..QUICK_DELIVERIES {
        let began = Instant::now();
        let answer = hub
            .deliver(&event("repo", "create", "quick/x"))
            .wait(25)
            .send();
        times.push(began.elapsed());
        let run = answer.run("guest-counter");
        // Then each is handled soon
        assert!(
            began.elapsed() < QUICK,
            "after {:?} the quick one's run is {run}",
            began.elapsed()
        );
        assert_eq!(run["outcome"], "done");
    }
    // And the slow ones were busy all the while.
    let pending = host
        .cli(&["deliveries", "list", "--state", "pending", "--json"])
        .ok()
        .json();
    assert!(
        !pending.as_array().unwrap().is_empty(),
        "the slow ones were not slow enough to tell"
    );
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{SLOW_PLUGINS} slow plugins at work: a quick one answers in {median:?} (median), {worst:?} (worst)"
    );
}
