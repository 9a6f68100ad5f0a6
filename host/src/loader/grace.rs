//! How long a plugin whose file has gone is waited for.

use super::Loader;
use crate::clock::now_ms;
use crate::plugin::catalog::Presence;
use std::time::Duration;
use tokio::time::Instant;

impl Loader {
    /// A plugin's file has gone: it is waited for.
    pub(super) fn vanish(&mut self, name: &str) {
        self.queue.void_reads(name);
        self.queue.void_compiles(name, None);
        self.retries.end(name);
        let Some(plugin) = self.plugins.get_mut(name) else {
            return;
        };
        self.changed.insert(name.to_owned());
        plugin.vanish(now_ms());
        if let Presence::Gone { since_ms } = plugin.presence() {
            let gone = Duration::from_millis(now_ms().saturating_sub(since_ms));
            let left = self.taken_up.missing_grace.saturating_sub(gone);
            let forget_at = self.forget_at.entry(name.to_owned());
            forget_at.or_insert_with(|| Instant::now() + left);
        }
    }

    /// Forgets plugins whose file has been gone for longer than the grace: they get nothing more, and their parked
    /// runs are dead. A grant that still lies there is one alone from then on.
    pub(super) fn forget_missing(&mut self) {
        let now = Instant::now();
        let is_due = |name: &String, at: &mut Instant| *at <= now && !self.present.contains(name);
        for (name, _) in self.forget_at.extract_if(.., is_due) {
            tracing::warn!(
                plugin = name,
                "its file is still gone: forgotten, its parked runs are dead"
            );
            match self.plugins.get_mut(&name) {
                Some(plugin) if self.granted.contains(&name) => plugin.forget(),
                _ => drop(self.plugins.remove(&name)),
            }
            self.changed.insert(name);
        }
    }

    /// Waits for those that are missing already as long as is said now.
    pub(super) fn change_grace(&mut self, before: Duration) {
        let now = Instant::now();
        for at in self.forget_at.values_mut() {
            let left = at.saturating_duration_since(now) + self.taken_up.missing_grace;
            *at = now + left.saturating_sub(before);
        }
    }
}
