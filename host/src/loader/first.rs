//! The first look at the folder, and what takes long to compile.

use super::job::Job;
use super::{LOOK_EVERY, Loader, LoaderError};
use crate::clock::now_ms;
use crate::plugin::lookout::Lookout;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long the host waits for manifests before it listens. What is not compiled by then is not routed to until it is.
const PATIENCE: Duration = Duration::from_secs(60);

impl Loader {
    pub(super) async fn first_look(&mut self) -> Result<(), LoaderError> {
        let seen = self.with_lookout(Lookout::first_look).await?;
        self.take_in(seen?);
        let is_plugin = |name: &&String| !self.unusable.contains(*name);
        let names: Vec<String> = self.plugins.keys().filter(is_plugin).cloned().collect();
        for name in names {
            if !self.present.contains(&name) {
                self.vanish(&name);
            }
            if !self.granted.contains(&name) {
                self.miss_grant(&name);
            }
        }
        // A version that was active needs no more than a look, and one that was judged stands as it did; any other is
        // compiled now.
        self.judge_new().await?;
        self.register
            .publish(&mut self.changed, &self.plugins)
            .await?;
        Ok(())
    }

    /// Has what was never judged judged, as long as there is patience: an event that came before would not be routed to
    /// it, but nobody may keep the host from listening. What changes in the folder meanwhile counts.
    async fn judge_new(&mut self) -> Result<(), LoaderError> {
        let began = Instant::now();
        let mut last_look = began;
        let is_new = |job: &Job| !matches!(job, Job::Reload { .. });
        loop {
            self.queue.start();
            if self.queue.is_done_with(is_new) {
                return Ok(());
            }
            if began.elapsed() >= PATIENCE {
                tracing::warn!(
                    "components are still being compiled; the host starts all the same, and what is posted for a new \
                     plugin before it is compiled is not handled by it"
                );
                return Ok(());
            }
            match timeout(LOOK_EVERY, self.queue.finished()).await {
                Ok(Some((plugin, done))) => self.finish(plugin, done),
                Ok(None) => return Ok(()),
                Err(_) => {
                    self.tell_slow();
                    self.publish().await;
                }
            }
            if last_look.elapsed() >= LOOK_EVERY {
                self.look().await?;
                last_look = Instant::now();
            }
        }
    }

    /// Tells of what takes long to compile, so that nobody thinks it stuck.
    pub(super) fn tell_slow(&mut self) {
        for (name, digest, took) in self.queue.newly_slow() {
            tracing::info!(
                plugin = name,
                "it is being compiled, once; Python and JavaScript take up to a minute"
            );
            let took = u64::try_from(took.as_millis()).unwrap_or(0);
            let since_ms = now_ms().saturating_sub(took);
            self.with(&name, |plugin| plugin.note_slow(digest, since_ms));
            self.changed.insert(name);
        }
    }
}
