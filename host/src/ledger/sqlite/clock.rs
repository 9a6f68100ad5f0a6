//! The clocks of a ledger: the wall clock, one that starts with it and only runs forward, and one that follows the wall
//! clock forward and never back.

use crate::clock::now_ms;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Reads the time, in ms since the Unix epoch.
pub(super) struct Clock {
    opened: Instant,
    opened_ms: i64,
    /// How far the wall clock has been ahead of the steady one, in ms.
    ahead_ms: AtomicI64,
    #[cfg(test)]
    pub set: Set,
}

/// How far a test has set each clock, in ms.
#[cfg(test)]
#[derive(Default)]
pub(super) struct Set {
    pub wall: AtomicI64,
    pub steady: AtomicI64,
    /// Where they stand, if they do not run.
    hands: Option<Hands>,
}

#[cfg(test)]
impl Set {
    fn wall(&self, now_ms: i64) -> i64 {
        match &self.hands {
            Some(hands) => read(&hands.wall),
            None => now_ms + read(&self.wall),
        }
    }

    fn steady(&self, steady_ms: i64) -> i64 {
        match &self.hands {
            Some(hands) => read(&hands.steady),
            None => steady_ms.saturating_add(read(&self.steady)),
        }
    }
}

#[cfg(test)]
fn read(ms: &AtomicI64) -> i64 {
    ms.load(Ordering::Relaxed)
}

/// Where a test has the clocks stand, in ms.
#[cfg(test)]
#[derive(Clone)]
pub(super) struct Hands {
    pub wall: std::sync::Arc<AtomicI64>,
    pub steady: std::sync::Arc<AtomicI64>,
}

#[cfg(test)]
impl Hands {
    /// Both at the same time.
    pub fn at(now_ms: u64) -> Self {
        let hand = || std::sync::Arc::new(AtomicI64::new(whole(now_ms)));
        Self {
            wall: hand(),
            steady: hand(),
        }
    }

    /// Has each stand elsewhere.
    pub fn set(&self, wall_ms: u64, steady_ms: u64) {
        self.wall.store(whole(wall_ms), Ordering::Relaxed);
        self.steady.store(whole(steady_ms), Ordering::Relaxed);
    }
}

#[cfg(test)]
thread_local! {
    static HANDS: std::cell::RefCell<Option<Hands>> = const { std::cell::RefCell::new(None) };
}

/// Has the clocks of a ledger that is opened meanwhile stand where the hands do, in ms, in place of running.
#[cfg(test)]
pub(super) fn with_hands<T>(hands: Hands, open: impl FnOnce() -> T) -> T {
    HANDS.set(Some(hands));
    let opened = open();
    HANDS.set(None);
    opened
}

impl Clock {
    pub fn start() -> Self {
        Self {
            opened: Instant::now(),
            opened_ms: whole(now_ms()),
            ahead_ms: AtomicI64::new(0),
            #[cfg(test)]
            set: Set {
                hands: HANDS.with_borrow(Clone::clone),
                ..Set::default()
            },
        }
    }

    /// The wall clock: what records carry.
    pub fn wall_ms(&self) -> i64 {
        let wall = whole(now_ms());
        #[cfg(test)]
        let wall = self.set.wall(wall);
        wall
    }

    /// The wall clock as it would stand had nobody set it since the ledger was opened. Leases are measured by it:
    /// a clock set forward must not take claims from attempts that are still under way.
    pub fn steady_ms(&self) -> i64 {
        let since = i64::try_from(self.opened.elapsed().as_millis()).unwrap_or(i64::MAX);
        let steady = self.opened_ms.saturating_add(since);
        #[cfg(test)]
        let steady = self.set.steady(steady);
        steady
    }

    /// The wall clock, but for being set back: due times are made of it and compared with it. So what is due after a
    /// while is due after that while, whatever is done to the wall clock meanwhile, and what an operator's command wrote
    /// by that clock is never in the future.
    pub fn forward_ms(&self) -> i64 {
        let steady_ms = self.steady_ms();
        let ahead_ms = self.wall_ms().saturating_sub(steady_ms);
        let before_ms = self.ahead_ms.fetch_max(ahead_ms, Ordering::Relaxed);
        steady_ms.saturating_add(before_ms.max(ahead_ms))
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
