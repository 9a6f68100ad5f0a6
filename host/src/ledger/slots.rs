//! How much room there is for attempts, counted when the ledger gets to a claim: while the claim waited its turn, other
//! attempts may have ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the slots that come free; clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Freed(Arc<AtomicUsize>);

impl Freed {
    /// Counts one more.
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// So many slots, and those that have come free since.
#[derive(Debug, Clone)]
pub struct Slots {
    slots: usize,
    since: Option<(Freed, usize)>,
}

impl Slots {
    /// So many, and those that come free from now on. Whoever frees one counts it before it says so: one that is in
    /// `slots` already is then not counted twice.
    #[must_use]
    pub fn and_freed(slots: usize, freed: &Freed) -> Self {
        Self {
            slots,
            since: Some((freed.clone(), freed.count())),
        }
    }

    /// How many there are now.
    #[must_use]
    pub fn count(&self) -> usize {
        let freed = |(freed, before): &(Freed, usize)| freed.count().wrapping_sub(*before);
        self.slots
            .saturating_add(self.since.as_ref().map_or(0, freed))
    }
}

impl From<usize> for Slots {
    fn from(slots: usize) -> Self {
        Self { slots, since: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_free_meanwhile_counts() {
        let freed = Freed::default();
        freed.add_one();
        let slots = Slots::and_freed(3, &freed);
        assert_eq!(slots.count(), 3);
        freed.clone().add_one();
        assert_eq!(slots.count(), 4);
        assert_eq!(Slots::from(2).count(), 2);
    }
}
