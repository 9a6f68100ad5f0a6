//! How long it takes from a file being complete to its version being compiled and active: renamed into place, written in place, and
//! behind a link, where the system tells nothing and only looking finds it; and from a replay to its run being done by
//! a host that idles. Figures, not bounds.

use hookbox_tests::{Host, component_bytes, digest, event, eventually, version_of};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

const SWAPS: usize = 11;

/// Swaps two versions by turns, and returns how long it took each time. Of what is not active nothing compiled is kept.
fn swaps(host: &Host, plugin: &str, mut put: impl FnMut(&[u8])) -> Vec<Duration> {
    let versions = [version_of("hello", 1), component_bytes("hello")];
    let mut times: Vec<Duration> = (0..SWAPS + 2)
        .map(|n| {
            let version = &versions[n % 2];
            put(version);
            let complete = Instant::now();
            let expected = digest(version);
            host.plugin_when(plugin, |plugin| {
                plugin["digest"] == expected.as_str() && plugin["state"] == "loaded"
            });
            complete.elapsed()
        })
        .collect();
    // The first two warm up.
    let mut times = times.split_off(2);
    times.sort();
    times
}

#[test]
fn from_a_complete_file_to_an_active_version() {
    let host = Host::with(&[]).plugin_as("seen", "hello").start();
    let at = |name: &str| host.plugins().join(name);
    std::fs::create_dir(at("..data")).unwrap();
    host.put("..data/linked.wasm", component_bytes("hello"));
    symlink("..data/linked.wasm", at("linked.wasm")).unwrap();
    let renamed = swaps(&host, "seen", |bytes| {
        host.put(".seen.part", bytes);
        std::fs::rename(at(".seen.part"), at("seen.wasm")).unwrap();
    });
    let written = swaps(&host, "seen", |bytes| host.put("seen.wasm", bytes));
    let linked = swaps(&host, "linked", |bytes| {
        host.put("..data/linked.wasm", bytes)
    });
    for (how, times) in [
        ("renamed", renamed),
        ("written", written),
        ("behind a link", linked),
    ] {
        println!(
            "{how}: {:?} median, {:?} slowest of {SWAPS}",
            times[SWAPS / 2],
            times[SWAPS - 1]
        );
    }
}

#[test]
fn from_a_replay_to_its_run_being_done() {
    let host = Host::with(&["hello"]).start();
    let comment = event("discussion.comment", "create", "a/b");
    let id = host.hub().deliver(&comment).wait(20).send().id();
    let mut times: Vec<Duration> = (0..SWAPS)
        .map(|n| {
            host.cli(&["deliveries", "replay", &id]).ok();
            let replayed = Instant::now();
            eventually(Duration::from_secs(20), || {
                let delivery = host.delivery(&id);
                let runs = delivery["runs"].as_array()?;
                (runs.len() == n + 2 && delivery["state"] == "settled").then_some(())
            });
            replayed.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "replayed: done {:?} (median), {:?} (slowest of {SWAPS}) after the command",
        times[SWAPS / 2],
        times[SWAPS - 1]
    );
}
