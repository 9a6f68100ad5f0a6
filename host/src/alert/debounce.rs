//! One alert of a kind and plugin in five minutes; what is held back is told, counted, once they are over.

use super::notice::{Kind, Notice};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The shortest time between two alerts of one kind and plugin.
const QUIET: Duration = Duration::from_secs(5 * 60);

/// How many kinds and plugins are told apart; beyond that a notice is posted as of its kind alone.
const KEYS_MAX: usize = 1_000;

/// What was posted last, and what is held back.
#[derive(Debug, Default)]
pub struct Debounce(BTreeMap<(Kind, Option<String>), Held>);

#[derive(Debug)]
struct Held {
    until: Instant,
    /// The last one held back, and for how many it stands.
    last: Option<(Notice, u64)>,
}

impl Debounce {
    /// The notice with its count, if it is to be posted now; else it is held back.
    pub fn take(&mut self, mut notice: Notice, now: Instant) -> Option<(Notice, u64)> {
        let mut key = (notice.kind, notice.plugin.clone());
        if self.0.len() >= KEYS_MAX && !self.0.contains_key(&key) {
            key.1 = None;
            notice.plugin = None;
        }
        let count = notice.count;
        match self.0.get_mut(&key) {
            // What was held back until now goes with it.
            Some(held) if now >= held.until => {
                held.until = now + QUIET;
                let before = held.last.take().map_or(0, |(_, count)| count);
                Some((notice, count.saturating_add(before)))
            }
            Some(held) => {
                let before = held.last.take().map_or(0, |(_, count)| count);
                held.last = Some((notice, count.saturating_add(before)));
                None
            }
            None => {
                let until = now + QUIET;
                self.0.insert(key, Held { until, last: None });
                Some((notice, count))
            }
        }
    }

    /// What was held back long enough. Forgets what is over.
    pub fn overdue(&mut self, now: Instant) -> Vec<(Notice, u64)> {
        self.0
            .retain(|_, held| now < held.until || held.last.is_some());
        let over = self.0.values_mut().filter(|held| now >= held.until);
        over.filter_map(|held| {
            held.until = now + QUIET;
            held.last.take()
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(plugin: &str, reason: &str) -> Notice {
        Notice {
            kind: Kind::RunDead,
            plugin: Some(plugin.to_owned()),
            run: None,
            delivery: None,
            reason: reason.to_owned(),
            count: 1,
        }
    }

    #[test]
    fn the_first_is_posted_at_once_and_the_others_as_one_when_the_time_is_over() {
        let (mut debounce, start) = (Debounce::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(
            debounce.take(notice("a", "1"), start),
            Some((notice("a", "1"), 1))
        );
        for second in 1..=30 {
            assert_eq!(debounce.take(notice("a", "again"), after(second)), None);
        }
        // Another plugin has a time of its own.
        assert_eq!(
            debounce.take(notice("b", "1"), after(31)),
            Some((notice("b", "1"), 1))
        );
        assert_eq!(debounce.overdue(after(299)), []);
        assert_eq!(debounce.overdue(after(300)), [(notice("a", "again"), 30)]);
        assert_eq!(debounce.take(notice("a", "later"), after(301)), None);
        assert_eq!(debounce.overdue(after(600)), [(notice("a", "later"), 1)]);
        // What is over is forgotten, and the next is the first again.
        assert_eq!(debounce.overdue(after(1000)), []);
        assert!(debounce.0.is_empty());
        assert_eq!(
            debounce.take(notice("a", "2"), after(1001)),
            Some((notice("a", "2"), 1))
        );
    }

    #[test]
    fn what_is_held_back_goes_with_one_that_comes_late() {
        let (mut debounce, start) = (Debounce::default(), Instant::now());
        debounce.take(notice("a", "1"), start);
        debounce.take(notice("a", "2"), start);
        let late = start + QUIET;
        assert_eq!(
            debounce.take(notice("a", "3"), late),
            Some((notice("a", "3"), 2))
        );
    }

    #[test]
    fn names_do_not_pile_up() {
        let (mut debounce, now) = (Debounce::default(), Instant::now());
        for n in 0..KEYS_MAX + 10 {
            debounce.take(notice(&format!("p{n}"), "1"), now);
        }
        assert_eq!(debounce.0.len(), KEYS_MAX + 1);
    }
}
