//! Waiting for what comes in its own time, with a bound.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The time between two looks.
const BETWEEN: Duration = Duration::from_millis(20);

/// Looks again and again until `look` finds something, and stops the story if that takes longer than `bound`.
#[track_caller]
pub fn eventually<T>(bound: Duration, look: impl FnMut() -> Option<T>) -> T {
    eventually_or(bound, look).unwrap_or_else(|| panic!("not within {bound:?}"))
}

/// The same, but `None` if it takes longer.
pub fn eventually_or<T>(bound: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    // Nothing is ever sent here: the receiver is a clock that cannot be mistaken for work.
    let (_open, clock) = channel::<()>();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if began.elapsed() >= bound {
            return None;
        }
        assert_eq!(clock.recv_timeout(BETWEEN), Err(RecvTimeoutError::Timeout));
    }
}

/// Lets so much time pass: for faults at any time, never to wait for something.
pub fn after(time: Duration) {
    let (_open, clock) = channel::<()>();
    assert_eq!(clock.recv_timeout(time), Err(RecvTimeoutError::Timeout));
}

/// Raises a flag when it goes, also when a story fails: threads that go on until then end, and the story with them.
pub struct Raise<'a>(pub &'a AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
