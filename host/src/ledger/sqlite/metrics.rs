//! What is counted of the writer's work, after the commit that makes it durable.

use crate::metrics::{Counter, Histogram, PLUGIN, Registry, Series};
use std::time::Duration;

/// Upper bounds of a group's size; the largest is the default `group_max`.
const ITEMS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Upper bounds of a commit's time, in seconds: mostly that of one fsync.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// What is counted of the writer's work; cheap to clone.
#[derive(Debug, Clone)]
pub struct WriterMetrics {
    pub(super) attempts: Series<Counter>,
    pub(super) settled: Series<Counter>,
    items: Histogram,
    seconds: Histogram,
}

impl WriterMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            attempts: registry.counters(
                "hookbox_attempts_total",
                &[PLUGIN, "outcome"],
                "Attempts that ended, by outcome, each counted once that is durable",
            ),
            settled: registry.counters(
                "hookbox_runs_settled_total",
                &[PLUGIN, "state"],
                "Runs that came to their end, by the state they ended in",
            ),
            items: registry.histogram(
                "hookbox_commit_items",
                "Deliveries, claims, settlements and notes that were committed together",
                ITEMS,
            ),
            seconds: registry.histogram(
                "hookbox_commit_seconds",
                "Time of a commit, from its begin until it is on disk",
                SECONDS,
            ),
        }
    }

    /// A group of so many items was committed.
    pub(super) fn committed(&self, items: usize, time: Duration) {
        // A group is far smaller than where an f64 loses whole numbers.
        let items = u32::try_from(items).unwrap_or(u32::MAX);
        self.items.observe(f64::from(items));
        self.seconds.observe(time.as_secs_f64());
    }
}

/// Those of a ledger that nobody scrapes.
impl Default for WriterMetrics {
    fn default() -> Self {
        Self::register(&mut Registry::default())
    }
}
