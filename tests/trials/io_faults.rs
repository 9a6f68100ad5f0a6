//! The disk fails under the real binary: flushes and writes that fail one after the other, a full disk, a read-only one.
//! What was promised is there when a sound disk is.

mod disks;
mod injected;

use hookbox_tests::{Host, event};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Senders that post at once.
const SENDERS: usize = 4;

/// What the senders were told, over all that happened to a data folder, and what was settled in it.
#[derive(Default)]
struct Told {
    promised: Mutex<BTreeSet<String>>,
    refused: AtomicUsize,
    next: AtomicUsize,
    settled: BTreeMap<String, Value>,
}

impl Told {
    /// Has each sender post so many deliveries, one after the other, or until the host is gone. Each body is
    /// incompressible noise of so many bytes.
    fn post(&self, host: &Host, deliveries: usize, bytes: usize) {
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| (0..deliveries).all(|_| self.post_one(host, bytes)));
            }
        });
    }

    /// Posts one; whether the host answered.
    fn post_one(&self, host: &Host, bytes: usize) -> bool {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("hub-{n}");
        let mut comment = event("discussion.comment", "create", "a/ok");
        let mut random = (n as u64) | 1;
        let noise = (0..bytes).map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            char::from(b'!' + u8::try_from(random % 90).unwrap_or(0))
        });
        comment["noise"] = noise.collect::<String>().into();
        let Some(answer) = host.hub().deliver(&comment).id(&id).try_send() else {
            return false;
        };
        match answer.status {
            200..300 => {
                self.promised.lock().unwrap().insert(id);
            }
            503 => {
                assert!(answer.header("retry-after").is_some(), "{answer:?}");
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            _ => panic!("{answer:?}"),
        }
        true
    }

    fn promised(&self) -> usize {
        self.promised.lock().unwrap().len()
    }

    fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Compares with what a healthy host holds: each promise is one delivery, and each run that was settled the last
    /// time is as it was.
    #[track_caller]
    fn check(&mut self, host: &Host, when: &str) {
        let deliveries = host.deliveries();
        let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
        for delivery in &deliveries {
            *kept
                .entry(delivery["hub_id"].as_str().unwrap())
                .or_default() += 1;
        }
        let promised = self.promised.lock().unwrap();
        let missing: Vec<_> = promised
            .iter()
            .filter(|id| !kept.contains_key(&***id))
            .collect();
        assert!(
            missing.is_empty(),
            "{when}: promised and not there: {missing:?}"
        );
        assert!(
            kept.values().all(|count| *count == 1),
            "{when}: recorded twice"
        );
        let runs = deliveries
            .iter()
            .filter_map(|one| one["runs"].as_array())
            .flatten();
        let runs: BTreeMap<String, Value> = runs
            .map(|run| (run["id"].as_str().unwrap().to_owned(), run.clone()))
            .collect();
        for (id, run) in &self.settled {
            assert_eq!(runs.get(id), Some(run), "{when}: a settled run changed");
        }
        let is_settled = |run: &Value| run["state"] != "pending" && run["state"] != "running";
        self.settled = runs
            .into_iter()
            .filter(|(_, run)| is_settled(run))
            .collect();
    }
}
