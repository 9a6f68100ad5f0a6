//! The two clocks of a ledger: the wall clock, and one that starts with it and only runs forward.

use crate::clock::now_ms;
use std::time::{Duration, Instant};

/// Reads the time, in ms since the Unix epoch.
pub(super) struct Clock {
    opened: Instant,
    opened_ms: i64,
    #[cfg(test)]
    pub set: Set,
}

/// How far a test has set each clock, in ms.
#[cfg(test)]
#[derive(Default)]
pub(super) struct Set {
    pub wall: std::sync::atomic::AtomicI64,
    pub steady: std::sync::atomic::AtomicI64,
}

impl Clock {
    pub fn start() -> Self {
        Self {
            opened: Instant::now(),
            opened_ms: whole(now_ms()),
            #[cfg(test)]
            set: Set::default(),
        }
    }

    /// The wall clock: what records carry and due times are compared with.
    pub fn wall_ms(&self) -> i64 {
        let wall = whole(now_ms());
        #[cfg(test)]
        let wall = wall + self.set.wall.load(std::sync::atomic::Ordering::Relaxed);
        wall
    }

    /// The wall clock as it would stand had nobody set it since the ledger was opened. Leases are measured by it:
    /// a clock set forward must not take claims from attempts that are still under way.
    pub fn steady_ms(&self) -> i64 {
        let since = i64::try_from(self.opened.elapsed().as_millis()).unwrap_or(i64::MAX);
        #[cfg(test)]
        let since = since + self.set.steady.load(std::sync::atomic::Ordering::Relaxed);
        self.opened_ms.saturating_add(since)
    }
}

/// A number as SQLite keeps it; the largest it can keep if it is larger.
pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as SQLite kept it.
pub(super) fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A time in ms, as SQLite keeps it.
pub(super) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
