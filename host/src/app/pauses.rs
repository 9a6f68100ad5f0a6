//! Looks which plugins are paused, for as long as the host runs: a command pauses them in the ledger beside the host, and
//! the ledger itself does after failures.
//!
//! Claims look for themselves. This is for whoever is told: the log, and `dev`.

use crate::ledger::Ledger;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// The time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Who paused which plugin.
pub type Paused = BTreeMap<String, String>;

/// Looks until `stopping` turns true, and shows what it sees in `seen`.
pub async fn look(
    ledger: Arc<dyn Ledger>,
    seen: watch::Sender<Paused>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let look = async {
            looks.tick().await;
            ledger.plugins().await
        };
        let plugins = tokio::select! {
            plugins = look => plugins,
            // A sender that is gone means the same.
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        // A ledger that cannot be read is told of elsewhere.
        let Ok(plugins) = plugins else { continue };
        let paused = plugins
            .into_iter()
            .filter_map(|plugin| Some((plugin.name, plugin.paused_by?)));
        let paused: Paused = paused.collect();
        if *seen.borrow() != paused {
            tell(&seen.borrow(), &paused);
            seen.send_replace(paused);
        }
    }
}

fn tell(before: &Paused, now: &Paused) {
    for (plugin, by) in now
        .iter()
        .filter(|(plugin, _)| !before.contains_key(*plugin))
    {
        tracing::warn!(
            plugin,
            by,
            "a plugin is paused; 'hookbox plugins resume' ends that"
        );
    }
    for plugin in before.keys().filter(|plugin| !now.contains_key(*plugin)) {
        tracing::info!(plugin, "a plugin is not paused any more");
    }
}
