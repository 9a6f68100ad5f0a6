//! What is tried again: a file that could not be read, a version that could not be loaded. The waits double, so that
//! what will never work costs little.

use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The first wait, and how long a verdict stands however often the same file is put in place.
const FIRST: Duration = Duration::from_secs(5);

/// The longest wait.
const MAX: Duration = Duration::from_secs(10 * 60);

/// The waits of plugins.
#[derive(Debug, Default)]
pub struct Retries {
    due: BTreeMap<String, Instant>,
    waits: BTreeMap<String, Duration>,
    judged: BTreeMap<String, Instant>,
}

impl Retries {
    /// A version of the plugin was judged now.
    pub fn note_judged(&mut self, plugin: &str, now: Instant) {
        self.judged.insert(plugin.to_owned(), now);
    }

    /// Whether the last verdict is too young to be asked for again.
    pub fn is_early(&self, plugin: &str, now: Instant) -> bool {
        self.judged
            .get(plugin)
            .is_some_and(|judged| now.saturating_duration_since(*judged) < FIRST)
    }

    /// Has the plugin tried again later.
    pub fn put_off(&mut self, plugin: &str, now: Instant) {
        if self.due.contains_key(plugin) {
            return;
        }
        let wait = self
            .waits
            .get(plugin)
            .map_or(FIRST, |wait| (*wait * 2).min(MAX));
        self.waits.insert(plugin.to_owned(), wait);
        self.due.insert(plugin.to_owned(), now + wait);
    }

    /// Ends the waits of a plugin, and lets it be judged at once.
    pub fn end(&mut self, plugin: &str) {
        self.due.remove(plugin);
        self.waits.remove(plugin);
        self.judged.remove(plugin);
    }

    /// The plugins to be tried now.
    pub fn due(&mut self, now: Instant) -> Vec<String> {
        self.due
            .extract_if(.., |_, at| *at <= now)
            .map(|(name, _)| name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_double_up_to_a_bound_and_begin_anew() {
        let (mut retries, mut now) = (Retries::default(), Instant::now());
        for expected in [5, 10, 20, 40, 80, 160, 320, 600, 600] {
            retries.put_off("a", now);
            retries.put_off("a", now);
            now += Duration::from_secs(expected) - Duration::from_millis(1);
            assert!(retries.due(now).is_empty());
            now += Duration::from_millis(1);
            assert_eq!(retries.due(now), ["a"]);
        }
        retries.end("a");
        retries.put_off("a", now);
        assert_eq!(retries.due(now + FIRST), ["a"]);
    }

    #[test]
    fn a_verdict_stands_for_a_moment() {
        let (mut retries, now) = (Retries::default(), Instant::now());
        assert!(!retries.is_early("a", now));
        retries.note_judged("a", now);
        assert!(retries.is_early("a", now));
        assert!(!retries.is_early("a", now + FIRST));
        retries.end("a");
        assert!(!retries.is_early("a", now));
    }
}
