//! Refused requests: the last ones, in memory. Strangers never write to the ledger.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many refused requests are kept.
pub const REFUSALS_MAX: usize = 256;

/// The longest kept path, in bytes.
const PATH_BYTES_MAX: usize = 256;

/// A request that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// When, in ms since 1970.
    pub at_ms: u64,
    /// The request's id, as in the log and in its answer.
    pub request_id: String,
    /// The method.
    pub method: String,
    /// The path, without the query; cut.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// The answer's reason.
    pub reason: String,
    /// Who asked: mostly a proxy in front.
    pub peer: SocketAddr,
}

/// The last refused requests, bounded.
#[derive(Debug, Default)]
pub struct Refusals {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    total: u64,
    last: VecDeque<Refusal>,
}

impl Refusals {
    /// Keeps one, in the place of the oldest if there is no more room.
    pub fn note(&self, mut refusal: Refusal) {
        let end = refusal.path.floor_char_boundary(PATH_BYTES_MAX);
        refusal.path.truncate(end);
        let mut kept = self.kept();
        kept.total = kept.total.saturating_add(1);
        kept.last.truncate(REFUSALS_MAX - 1);
        kept.last.push_front(refusal);
    }

    /// Those that are kept, newest first.
    #[must_use]
    pub fn last(&self) -> Vec<Refusal> {
        self.kept().last.iter().cloned().collect()
    }

    /// How many there were since the host was started.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.kept().total
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(number: usize) -> Refusal {
        Refusal {
            at_ms: 0,
            request_id: number.to_string(),
            method: "POST".into(),
            path: format!("/{}", "\u{e4}".repeat(number)),
            status: 403,
            reason: "Invalid webhook secret.".into(),
            peer: SocketAddr::from(([127, 0, 0, 1], 1)),
        }
    }

    #[test]
    fn the_last_ones_are_kept_newest_first_and_cut() {
        let refusals = Refusals::default();
        for number in 0..REFUSALS_MAX + 10 {
            refusals.note(refusal(number));
        }
        let last = refusals.last();
        let ids: Vec<&str> = last.iter().map(|kept| kept.request_id.as_str()).collect();
        assert_eq!(ids.len(), REFUSALS_MAX);
        assert_eq!((ids[0], ids[REFUSALS_MAX - 1]), ("265", "10"));
        assert_eq!(refusals.total(), 266);
        assert!(last.iter().all(|kept| kept.path.len() <= PATH_BYTES_MAX));
    }
}
