//! The host is killed again and again while its plugin is replaced and deliveries come: every delivery that was promised
//! is kept for the plugin and run, by whole versions, and the last one put in place is active.

use hookbox_tests::{Host, component_bytes, digest, event, eventually, version_of};
use std::collections::BTreeSet;
use std::time::Duration;

const KILLS: u8 = 20;

#[test]
fn a_host_that_is_killed_while_its_plugin_is_replaced_loses_no_delivery() {
    let mut host = Host::with(&[]).plugin_as("bot", "hello").start();
    let mut versions = BTreeSet::from([digest(&component_bytes("hello"))]);
    let mut promised = BTreeSet::new();
    let mut last = Vec::new();
    for kill in 0..KILLS {
        last = version_of("hello", kill);
        versions.insert(digest(&last));
        let part = host.plugins().join(".bot.part");
        let place = host.plugins().join("bot.wasm");
        let hub = host.hub();
        // Another number of deliveries before and after each time, so that the kill meets another step of the swap
        for post in 0..(20 + usize::from(kill) * 7 % 60) {
            if post == 5 && kill % 3 != 2 {
                std::fs::write(&part, &last).unwrap();
                std::fs::rename(&part, &place).unwrap();
            }
            if post == 5 && kill % 3 == 2 {
                std::fs::write(&place, &last).unwrap();
            }
            let answer = hub
                .deliver(&event("discussion.comment", "create", "a/b"))
                .send();
            assert_eq!(
                (answer.status, answer.plugins()),
                (202, vec!["bot".to_owned()])
            );
            promised.insert(answer.id());
        }
        host.kill();
        host.restart();
    }
    let expected = digest(&last);
    host.plugin_when("bot", |bot| {
        bot["state"] == "loaded" && bot["digest"] == expected.as_str()
    });
    let deliveries = eventually(Duration::from_secs(60), || {
        let deliveries = host.deliveries();
        let settled = |delivery: &serde_json::Value| delivery["state"] == "settled";
        deliveries.iter().all(settled).then_some(deliveries)
    });
    let done = deliveries.iter().filter(|delivery| {
        let attempts = delivery["runs"][0]["attempts"].as_array().unwrap();
        let last = attempts.last().unwrap();
        last["outcome"] == "done" && versions.contains(last["digest"].as_str().unwrap())
    });
    let done: BTreeSet<String> = done
        .map(|delivery| delivery["id"].as_str().unwrap().to_owned())
        .collect();
    println!(
        "{KILLS} kills amid swaps: {} deliveries promised, {} not done",
        promised.len(),
        promised.difference(&done).count()
    );
    assert_eq!(promised.difference(&done).count(), 0);
}
