//! The clocks of a ledger: the wall clock, one that starts with it and only runs forward, and one that follows the wall
//! clock forward and never back.

use super::fault::Fault;
use super::meta;
use crate::clock::now_ms;
use rusqlite::Connection;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Reads the time, in ms since the Unix epoch.
pub(super) struct Clock {
    opened: Instant,
    opened_ms: i64,
    /// How far the one that is never set back is ahead of the steady one, in ms.
    ahead_ms: AtomicI64,
    noted: Noted,
    #[cfg(test)]
    pub set: Set,
}

/// What was last noted in the ledger, in ms.
#[derive(Default)]
struct Noted {
    forward: AtomicI64,
    ahead: AtomicI64,
}

/// The note of where the clock that is never set back stood when something was last written, in ms.
const FORWARD: &str = "clock-forward";

/// The note of how far it is ahead of the wall clock, in ms.
const AHEAD: &str = "clock-ahead";

/// How much either changes before it is noted anew.
const NOTED_MS: u64 = 1_000;

/// How far a clock that somebody set is off at least.
const SET_MS_MIN: i64 = 1_000;

/// When a pending run is due by the wall clock, where it is shown to people.
macro_rules! due_by_wall {
    () => {
        "runs.due_ms - coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'clock-ahead'), 0)"
    };
}
pub(super) use due_by_wall;

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
    /// The clocks of a ledger that is being opened. The one that is never set back does not begin before it stood when the
    /// ledger was open last: a wall clock that was mended since would else delay all that waits.
    pub fn start(connection: &Connection) -> Result<Self, Fault> {
        let clock = Self {
            opened: Instant::now(),
            opened_ms: whole(now_ms()),
            ahead_ms: AtomicI64::new(0),
            noted: Noted::default(),
            #[cfg(test)]
            set: Set {
                hands: HANDS.with_borrow(Clone::clone),
                ..Set::default()
            },
        };
        let stood_ms = noted(connection, FORWARD)?;
        let ahead_ms = stood_ms.saturating_sub(clock.steady_ms()).max(0);
        clock.ahead_ms.store(ahead_ms, Ordering::Relaxed);
        clock
            .noted
            .ahead
            .store(noted(connection, AHEAD)?, Ordering::Relaxed);
        Ok(clock)
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
    /// while is not due later because the wall clock is set back, and what an operator's command wrote by that clock is
    /// never in the future. A wall clock that is set forward ends waits early.
    pub fn forward_ms(&self) -> i64 {
        // In this order: a pause between the two must not make it run ahead.
        let wall_ms = self.wall_ms();
        let steady_ms = self.steady_ms();
        let ahead_ms = wall_ms.saturating_sub(steady_ms);
        let before_ms = self.ahead_ms.fetch_max(ahead_ms, Ordering::Relaxed);
        steady_ms.saturating_add(before_ms.max(ahead_ms))
    }

    /// How far that clock is ahead of the wall clock, in ms; 0 if that is less than a second, which nobody set.
    pub fn ahead_ms(&self) -> i64 {
        let ahead_ms = self.forward_ms().saturating_sub(self.wall_ms());
        if ahead_ms < SET_MS_MIN { 0 } else { ahead_ms }
    }

    /// Notes the clocks, as part of a transaction that writes anyway, or if they have drifted apart since. What is returned
    /// is to be [kept](Self::keep) once that is committed.
    pub fn note(&self, connection: &Connection, writes: bool) -> Result<Notes, Fault> {
        let (forward_ms, ahead_ms) = (self.forward_ms(), self.ahead_ms());
        let is_old =
            |noted: &AtomicI64, now: i64| noted.load(Ordering::Relaxed).abs_diff(now) >= NOTED_MS;
        let notes = Notes {
            forward: (writes && is_old(&self.noted.forward, forward_ms)).then_some(forward_ms),
            ahead: is_old(&self.noted.ahead, ahead_ms).then_some(ahead_ms),
        };
        for (key, ms) in [(FORWARD, notes.forward), (AHEAD, notes.ahead)] {
            if let Some(ms) = ms {
                meta::put(connection, key, &ms.to_string())?;
            }
        }
        Ok(notes)
    }

    /// Keeps what has been noted, durably.
    pub fn keep(&self, notes: Notes) {
        for (noted, ms) in [
            (&self.noted.forward, notes.forward),
            (&self.noted.ahead, notes.ahead),
        ] {
            if let Some(ms) = ms {
                noted.store(ms, Ordering::Relaxed);
            }
        }
    }
}

/// What one transaction noted of the clocks, in ms.
#[must_use]
pub(super) struct Notes {
    forward: Option<i64>,
    ahead: Option<i64>,
}

/// Where the clock that due times are made of stood when the ledger's host last wrote, in ms: it is never behind that.
pub(super) fn noted_forward_ms(connection: &Connection) -> Result<i64, Fault> {
    noted(connection, FORWARD)
}

fn noted(connection: &Connection, key: &str) -> Result<i64, Fault> {
    let noted = meta::get(connection, key)?;
    Ok(noted.and_then(|noted| noted.parse().ok()).unwrap_or(0))
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
