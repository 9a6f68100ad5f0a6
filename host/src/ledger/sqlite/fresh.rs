//! Payloads of the deliveries recorded last: their first attempts, which mostly follow at once, need not read them back.
//!
//! A payload is kept as it came until each of its runs was attempted once, or newer ones need its room. What is not
//! here is read from the file.

use crate::delivery::DeliveryId;
use crate::ledger::Payload;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most bytes of bodies that are kept.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most payloads that are kept.
const PAYLOADS_MAX: usize = 4096;

/// Bodies of more bytes are read back: that takes little of the time that a plugin takes for them.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The payloads recorded last.
#[derive(Default)]
pub(super) struct Fresh(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    payloads: HashMap<DeliveryId, Entry>,
    /// Oldest first; some are gone from the others already.
    order: VecDeque<DeliveryId>,
    bytes: usize,
}

struct Entry {
    payload: Payload,
    /// How many first attempts still need it.
    needed: usize,
}

impl Fresh {
    /// Keeps a payload that so many runs are going to need.
    pub fn keep(&self, id: DeliveryId, payload: Payload, runs: usize) {
        let bytes = payload.body.len();
        if runs == 0 || bytes > BODY_BYTES_MAX {
            return;
        }
        let mut kept = self.kept();
        kept.bytes += bytes;
        kept.order.push_back(id);
        let needed = runs;
        kept.payloads.insert(id, Entry { payload, needed });
        kept.make_room();
    }

    /// The payload for one of these runs.
    pub fn take(&self, id: DeliveryId) -> Option<Payload> {
        let mut kept = self.kept();
        let entry = kept.payloads.get_mut(&id)?;
        entry.needed -= 1;
        if entry.needed > 0 {
            return Some(entry.payload.clone());
        }
        kept.remove(id)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, id: DeliveryId) -> Option<Payload> {
        let entry = self.payloads.remove(&id)?;
        self.bytes -= entry.payload.body.len();
        Some(entry.payload)
    }

    fn make_room(&mut self) {
        while self.bytes > BYTES_MAX || self.order.len() > PAYLOADS_MAX {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(bytes: usize) -> Payload {
        Payload {
            body: vec![b'x'; bytes].into(),
            headers: Vec::new(),
        }
    }

    #[test]
    fn a_payload_is_there_once_for_each_run() {
        let (fresh, id) = (Fresh::default(), DeliveryId::new());
        fresh.keep(id, payload(10), 2);
        assert!(fresh.take(id).is_some());
        assert!(fresh.take(id).is_some());
        assert!(fresh.take(id).is_none());
        assert_eq!(fresh.kept().bytes, 0);
    }

    #[test]
    fn the_oldest_go_for_newer_ones_and_large_ones_are_not_kept() {
        let fresh = Fresh::default();
        let ids: Vec<_> = (0..200).map(|_| DeliveryId::new()).collect();
        for id in &ids {
            fresh.keep(*id, payload(BODY_BYTES_MAX), 1);
        }
        assert!(fresh.kept().bytes <= BYTES_MAX);
        assert!(fresh.take(ids[0]).is_none());
        assert!(fresh.take(ids[199]).is_some());
        let large = DeliveryId::new();
        fresh.keep(large, payload(BODY_BYTES_MAX + 1), 1);
        assert!(fresh.take(large).is_none());
    }

    #[test]
    fn what_was_taken_leaves_no_trace_however_much_comes() {
        let fresh = Fresh::default();
        let stuck = DeliveryId::new();
        fresh.keep(stuck, payload(1), 1);
        for _ in 0..2 * PAYLOADS_MAX {
            let id = DeliveryId::new();
            fresh.keep(id, payload(1), 1);
            assert!(fresh.take(id).is_some());
        }
        assert!(fresh.kept().order.len() <= PAYLOADS_MAX);
        assert!(fresh.take(stuck).is_none());
    }
}
