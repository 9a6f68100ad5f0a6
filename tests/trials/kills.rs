//! `kill -9` under load, again and again on the same data folder: what was promised is kept.

use hookbox_tests::{Host, event, eventually};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const KILLS: usize = 20;
const SENDERS: usize = 4;

/// What the senders know: which deliveries got a 2xx, and which got no answer and are to be sent again.
#[derive(Default)]
struct Sent {
    promised: Mutex<BTreeSet<String>>,
    unanswered: Mutex<Vec<String>>,
    next: AtomicUsize,
}

impl Sent {
    /// Sends until told to stop, or until the host is gone; what got no answer is sent again first, as the Hub does.
    fn send(&self, host: &Host, stop: &AtomicBool) {
        let hub = host.hub();
        let comment = event("discussion.comment", "create", "a/ok");
        while !stop.load(Ordering::Relaxed) {
            let again = self.unanswered.lock().unwrap().pop();
            let id = again
                .unwrap_or_else(|| format!("hub-{}", self.next.fetch_add(1, Ordering::Relaxed)));
            let answer = hub.deliver(&comment).id(&id).try_send();
            match answer {
                Some(answer) if (200..300).contains(&answer.status) => {
                    self.promised.lock().unwrap().insert(id);
                }
                _ => {
                    self.unanswered.lock().unwrap().push(id);
                    if answer.is_none() {
                        return;
                    }
                }
            }
        }
    }

    fn count(&self) -> usize {
        self.promised.lock().unwrap().len()
    }
}

/// Every run by its id.
fn runs(deliveries: &[Value]) -> BTreeMap<String, Value> {
    let all = deliveries
        .iter()
        .filter_map(|delivery| delivery["runs"].as_array())
        .flatten();
    all.map(|run| (run["id"].as_str().unwrap().to_owned(), run.clone()))
        .collect()
}

fn settled(run: &Value) -> bool {
    !["pending", "running"].contains(&run["state"].as_str().unwrap())
}

fn losses(run: &Value) -> usize {
    run["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|attempt| attempt["outcome"] == "lost")
        .count()
}

#[test]
fn twenty_kills_lose_nothing_that_was_promised_and_run_nothing_twice() {
    let began = Instant::now();
    let mut host = Host::with(&["hello", "guest-counter", "guest-hostile"]).start();
    let sent = Sent::default();
    let mut settled_before: BTreeMap<String, Value> = BTreeMap::new();
    for kill in 0..KILLS {
        if kill > 0 {
            host.restart();
        }
        // Given senders that post as fast as they can, and a kill somewhere in between
        let (stop, enough) = (AtomicBool::new(false), sent.count() + 10 + kill * 29 % 60);
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| sent.send(&host, &stop));
            }
            eventually(Duration::from_secs(30), || {
                (sent.count() >= enough).then_some(())
            });
            host.kill_from_here();
            stop.store(true, Ordering::Relaxed);
        });
        host.kill();
        // Then whatever was settled before an earlier kill is as it was
        let now = runs(&host.deliveries());
        for (id, run) in &settled_before {
            assert_eq!(
                now.get(id),
                Some(run),
                "a settled run changed after kill {kill}"
            );
        }
        settled_before = now.into_iter().filter(|(_, run)| settled(run)).collect();
    }
    // When the host is back for good, everything settles
    host.restart();
    let hub = host.hub();
    for id in sent.unanswered.lock().unwrap().drain(..) {
        let answer = hub
            .deliver(&event("discussion.comment", "create", "a/ok"))
            .id(&id)
            .send();
        assert!([200, 202].contains(&answer.status), "{answer:?}");
    }
    eventually(Duration::from_secs(60), || {
        let pending = host
            .cli(&["deliveries", "list", "--state", "pending", "--json"])
            .ok()
            .json();
        pending.as_array().unwrap().is_empty().then_some(())
    });
    // Then each promise is one delivery with three runs, each done once, and the settled ones were not touched
    let deliveries = host.deliveries();
    let mut by_id: BTreeMap<&str, usize> = BTreeMap::new();
    for delivery in &deliveries {
        *by_id
            .entry(delivery["hub_id"].as_str().unwrap())
            .or_default() += 1;
        assert_eq!(
            delivery["runs"].as_array().unwrap().len(),
            3,
            "{delivery:#}"
        );
    }
    let promised = sent.promised.into_inner().unwrap();
    let missing: Vec<_> = promised
        .iter()
        .filter(|id| !by_id.contains_key(id.as_str()))
        .collect();
    assert!(missing.is_empty(), "promised and not there: {missing:?}");
    assert!(by_id.values().all(|count| *count == 1), "recorded twice");
    let all = runs(&deliveries);
    for (id, run) in &settled_before {
        assert_eq!(
            all.get(id),
            Some(run),
            "a settled run changed after the last kill"
        );
    }
    let mut dead_as_lost = 0;
    for run in all.values() {
        let attempts = run["attempts"].as_array().unwrap();
        if run["state"] == "dead" {
            assert_eq!(losses(run), 3, "{run:#}");
            dead_as_lost += 1;
        } else {
            assert_eq!(
                (&run["state"], attempts.len() - losses(run)),
                (&"done".into(), 1),
                "{run:#}"
            );
        }
    }
    let lost: usize = all.values().map(losses).sum();
    println!(
        "{KILLS} kills in {:.1} s: {} deliveries promised, 0 missing, {} recorded, {} runs, {lost} attempts lost and \
         made again, 0 settled runs run again, {dead_as_lost} runs dead as lost",
        began.elapsed().as_secs_f64(),
        promised.len(),
        deliveries.len(),
        all.len(),
    );
}
