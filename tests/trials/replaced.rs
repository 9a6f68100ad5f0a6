//! A plugin is replaced a hundred times while deliveries come: none is lost, none meets a half-written file, and each
//! attempt names the very bytes that were run.

use hookbox_tests::{Host, component_bytes, digest, event, eventually};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const REPLACEMENTS: usize = 100;
const SENDERS: usize = 3;
const MARK: &[u8] = b"mark-00000000000";

/// The component with another mark in it, and what it will answer.
fn marked(number: usize) -> (Vec<u8>, String) {
    let mark = format!("mark-{number:011}");
    let mut bytes = component_bytes("guest-marked");
    let places: Vec<usize> = (0..bytes.len() - MARK.len())
        .filter(|at| bytes[*at..].starts_with(MARK))
        .collect();
    assert_eq!(places.len(), 1, "the mark is not there once");
    bytes[places[0]..places[0] + MARK.len()].copy_from_slice(mark.as_bytes());
    (bytes, mark)
}

/// Puts a version in place, each time in another way that people and programs have.
fn replace(host: &Host, number: usize, bytes: &[u8]) {
    let (path, part) = (
        host.plugins().join("bot.wasm"),
        host.plugins().join(".bot.wasm.part"),
    );
    match number % 4 {
        0 => {
            std::fs::write(&part, bytes).unwrap();
            std::fs::rename(part, path).unwrap();
        }
        1 => std::fs::write(path, bytes).unwrap(),
        2 => {
            std::fs::remove_file(&path).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        _ => {
            let mut file = File::create(path).unwrap();
            for chunk in bytes.chunks(4096) {
                file.write_all(chunk).unwrap();
                file.sync_all().unwrap();
            }
        }
    }
}

#[test]
fn a_plugin_replaced_under_load_loses_nothing_and_runs_no_half_of_a_file() {
    let (first, mark) = marked(0);
    let host = Host::with(&[]).file("bot.wasm", first.clone()).start();
    let mut marks = BTreeMap::from([(digest(&first), mark)]);
    let (promised, over) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false));
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    std::thread::scope(|scope| {
        let _over = hookbox_tests::Raise(&over);
        // Given senders that never pause
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let hub = host.hub();
                while !over.load(Ordering::Relaxed) {
                    let answer = hub.deliver(&event("repo", "update", "a/b")).send();
                    assert_eq!(
                        (answer.status, answer.plugins()),
                        (202, vec!["bot".to_owned()])
                    );
                    promised.lock().unwrap().insert(answer.id());
                }
            });
        }
        // When the plugin is replaced again and again, now and then before the last version was ready
        for number in 1..=REPLACEMENTS {
            let (bytes, mark) = marked(number);
            let replaced = Instant::now();
            replace(&host, number, &bytes);
            let expected = digest(&bytes);
            marks.insert(expected.clone(), mark);
            if number % 5 != 0 {
                host.plugin_when("bot", |bot| bot["digest"] == expected.as_str());
                slowest = slowest.max(replaced.elapsed());
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    let took = began.elapsed();
    // Then every delivery that was promised is done
    let promised = promised.into_inner().unwrap();
    eventually(Duration::from_secs(120), || {
        let pending = host.cli(&["deliveries", "list", "--state", "pending", "--json"]);
        (pending.ok().json() == serde_json::json!([])).then_some(())
    });
    // By way of a file: there may be a great many.
    let file = host.folder().join("deliveries.jsonl");
    host.cli(&["deliveries", "export", "-o", file.to_str().unwrap()])
        .ok();
    let deliveries: Vec<serde_json::Value> = std::fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery["state"] == "settled")
    );
    let kept: BTreeSet<String> = deliveries
        .iter()
        .map(|delivery| delivery["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(promised.difference(&kept).count(), 0, "deliveries are lost");
    // And every attempt was made by a whole version, the one whose digest it names
    let mut versions = BTreeSet::new();
    for delivery in &deliveries {
        let attempts = delivery["runs"][0]["attempts"].as_array().unwrap();
        assert_eq!(
            (attempts.len(), &attempts[0]["outcome"]),
            (1, &"done".into()),
            "{delivery:#}"
        );
        let digest = attempts[0]["digest"].as_str().unwrap();
        assert_eq!(
            attempts[0]["output"].as_str(),
            marks.get(digest).map(String::as_str),
            "{delivery:#}"
        );
        versions.insert(digest.to_owned());
    }
    println!(
        "{REPLACEMENTS} replacements in {took:?} (slowest from file to swapped, as seen by a command: {slowest:?}): \
         {} deliveries promised, 0 lost, run by {} versions",
        promised.len(),
        versions.len()
    );
    assert!(versions.len() > REPLACEMENTS / 2, "{}", versions.len());
}
