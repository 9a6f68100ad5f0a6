//! What all plugins use of one host, connections and lookups, so that no plugin can take it from the others: each has
//! its part, and whatever it does, the rest is theirs.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many plugins may use up their parts before others have to wait for them.
const PARTS: usize = 8;

/// The smallest part: one call under way does not keep the plugin from the next.
const PART_MIN: usize = 2;

/// A number of places, for all plugins together.
#[derive(Debug, Clone)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    part: usize,
}

impl Places {
    pub fn new(all: usize) -> Self {
        let part = (all / PARTS).max(PART_MIN);
        Self {
            all: Arc::new(Semaphore::new(all.max(PARTS * PART_MIN))),
            part,
        }
    }

    /// How many a plugin has at most.
    pub const fn part(&self) -> usize {
        self.part
    }

    /// A plugin's part.
    pub fn share(&self) -> Share {
        Share {
            all: Arc::clone(&self.all),
            own: Arc::new(Semaphore::new(self.part)),
        }
    }
}

/// A plugin's part of all places; its clones are the same part.
#[derive(Debug, Clone)]
pub(super) struct Share {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

impl Share {
    /// Waits for a place: first for one of the plugin's own, so that it never stands in the way of others with more.
    pub async fn place(&self) -> Place {
        // Neither is ever closed.
        let own = Arc::clone(&self.own).acquire_owned().await.ok();
        let all = Arc::clone(&self.all).acquire_owned().await.ok();
        Place(own, all)
    }
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub struct Place(
    #[expect(dead_code, reason = "held until it is dropped")] Option<OwnedSemaphorePermit>,
    #[expect(dead_code, reason = "held until it is dropped")] Option<OwnedSemaphorePermit>,
);

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn now(share: &Share) -> Option<Place> {
        let place = pin!(share.place());
        match place.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_plugin_that_takes_all_it_can_leaves_the_others_theirs() {
        let places = Places::new(16);
        let (greedy, other) = (places.share(), places.share());
        let mut taken: Vec<Place> = std::iter::from_fn(|| now(&greedy)).collect();
        assert_eq!(taken.len(), 2);
        assert!(now(&greedy.clone()).is_none(), "a clone is the same part");
        assert!(now(&other).is_some());
        taken.pop();
        assert!(now(&greedy).is_some());
    }

    #[test]
    fn there_are_never_more_than_all() {
        let places = Places::new(16);
        let shares: Vec<Share> = (0..12).map(|_| places.share()).collect();
        let taken = shares
            .iter()
            .flat_map(|share| std::iter::from_fn(|| now(share)));
        assert_eq!(taken.collect::<Vec<_>>().len(), 16);
    }
}
