//! What a scrape shows: what the components counted, and where the ledger stands at that moment.
//!
//! One scrape reads the ledger at a time, and those that come meanwhile share what it finds. A ledger that fails, or
//! is slow, costs its own part of the text and no more. Nothing of deliveries is shown but their number.

use crate::clock::now_ms;
use crate::delivery::RunState;
use crate::ledger::{Ledger, PluginState, PluginTotals, Totals};
use crate::metrics::{PLUGIN, Registry};
use crate::plugin::{Engine, PluginName};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// What the text is, for the header of an answer (OpenMetrics 1.0.0, "Overall structure").
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The longest that a scrape waits for the ledger, and for the scrape before it: Prometheus gives up after 10 s.
const LEDGER_TIME_MAX: Duration = Duration::from_secs(2);

/// Everything that is counted, as text.
pub struct Exposition {
    registry: Registry,
    ledger: Arc<dyn Ledger>,
    engine: Engine,
    started_ms: u64,
    turn: Arc<Semaphore>,
    last: Arc<Mutex<Option<Reading>>>,
}

/// What the ledger said.
#[derive(Clone)]
struct Reading {
    began: Instant,
    /// `None` if it could not be read.
    totals: Option<Arc<Totals>>,
    writable: bool,
}

impl Reading {
    const fn none(began: Instant) -> Self {
        Self {
            began,
            totals: None,
            writable: false,
        }
    }
}

impl Exposition {
    /// Shows what was registered, the ledger's totals, and the use of the engine's sandboxes.
    #[must_use]
    pub fn new(registry: Registry, ledger: Arc<dyn Ledger>, engine: Engine) -> Self {
        Self {
            registry,
            ledger,
            engine,
            started_ms: now_ms(),
            turn: Arc::new(Semaphore::new(1)),
            last: Arc::default(),
        }
    }

    /// Everything as OpenMetrics text. With a ledger that fails, what there is without it, and
    /// `hookbox_ledger_up 0`.
    pub async fn render(&self) -> String {
        let reading = self.read().await;
        if let Some(totals) = &reading.totals {
            // Names come and go; what is counted of them does not pile up.
            let is_gone = |plugin: &PluginTotals| plugin.state.is_none();
            let gone = totals.plugins.iter().filter(|(_, plugin)| is_gone(plugin));
            let names: BTreeSet<&str> = gone.map(|(name, _)| name.as_str()).collect();
            self.registry.forget_plugins(&names);
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.registry.write(&mut text);
        let _ = self.standing(&reading).write(&mut text);
        text.push_str("# EOF\n");
        text
    }

    /// What the ledger says now, or said to a scrape that began since this one did.
    async fn read(&self) -> Reading {
        let asked = Instant::now();
        let turn = Arc::clone(&self.turn).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(LEDGER_TIME_MAX, turn).await else {
            return Reading::none(asked);
        };
        if let Some(reading) = self.last().clone()
            && reading.began >= asked
        {
            return reading;
        }
        let began = Instant::now();
        let (ledger, last) = (Arc::clone(&self.ledger), Arc::clone(&self.last));
        // A task of its own: the turn is over when the ledger has answered, not when nobody waits for it any more.
        let read = tokio::spawn(async move {
            let writable = ledger.check_writable().await.is_ok();
            let reading = Reading {
                began,
                totals: ledger.totals().await.ok().map(Arc::new),
                writable,
            };
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading.clone());
            drop(turn);
            reading
        });
        match tokio::time::timeout(LEDGER_TIME_MAX, read).await {
            Ok(Ok(reading)) => reading,
            Ok(Err(_)) | Err(_) => Reading::none(began),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Reading>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where things stand now: registered for this scrape alone.
    fn standing(&self, reading: &Reading) -> Registry {
        let mut registry = Registry::default();
        let up = reading.writable && reading.totals.is_some();
        registry
            .gauge(
                "hookbox_ledger_up",
                "1 if the ledger could be read, its last write succeeded and its disk has room, else 0",
            )
            .set(u64::from(up));
        if let Some(totals) = &reading.totals {
            count_ledger(&mut registry, totals);
            count_plugins(&mut registry, totals);
        }
        let sandboxes = registry.gauge("hookbox_sandboxes", "Sandboxes that there are at once");
        sandboxes.set(u64::from(self.engine.sandboxes()));
        let in_use = registry.gauge("hookbox_sandboxes_in_use", "Sandboxes that hold a plugin");
        in_use.set(self.engine.sandboxes_in_use());
        let started = registry.seconds(
            "hookbox_start_time_seconds",
            "When this host started, since the Unix epoch",
        );
        started.set(seconds(self.started_ms));
        registry.info(
            "hookbox_build_info",
            &["version"],
            "The version of this host",
            env!("CARGO_PKG_VERSION"),
        );
        registry
    }
}

/// What is known of all deliveries and runs.
fn count_ledger(registry: &mut Registry, totals: &Totals) {
    let deliveries = registry.counter(
        "hookbox_deliveries_total",
        "Deliveries that were recorded, over restarts too",
    );
    deliveries.inc_by(totals.deliveries);
    let duplicates = registry.counter(
        "hookbox_duplicates_total",
        "Deliveries that came again, over restarts too",
    );
    duplicates.inc_by(totals.duplicates);
    let kept = registry.gauge(
        "hookbox_kept_deliveries",
        "Deliveries in the ledger: those recorded, without those that retention let go",
    );
    kept.set(totals.kept);
    let runs = registry.gauges("hookbox_runs", &["state"], "Runs in the ledger, by state");
    for state in RunState::ALL {
        let found = totals.runs.iter().find(|(of, _)| of == state);
        runs.at(&[state.as_str()])
            .set(found.map_or(0, |(_, count)| *count));
    }
    let bytes = registry.gauge(
        "hookbox_ledger_bytes",
        "Size of the ledger's file and its write-ahead log",
    );
    bytes.set(totals.bytes);
    let backlog = registry.gauge(
        "hookbox_backlog_bytes",
        "Payload bytes of runs that are neither settled nor parked",
    );
    backlog.set(totals.backlog_bytes);
    if let Some(free) = totals.free_bytes {
        let gauge = registry.gauge(
            "hookbox_disk_free_bytes",
            "Bytes that are free on the ledger's disk",
        );
        gauge.set(free);
    }
}

/// What is known by plugin: of those that are noted, and of others that still have runs to go.
fn count_plugins(registry: &mut Registry, totals: &Totals) {
    let states = registry.gauges("hookbox_plugins", &["state"], "Plugins, by state");
    for state in PluginState::ALL {
        states.at(&[state.as_str()]).set(0);
    }
    let backlog = registry.gauges(
        "hookbox_backlog_runs",
        &[PLUGIN],
        "Runs that are not settled, parked ones aside",
    );
    let parked = registry.gauges(
        "hookbox_parked_runs",
        &[PLUGIN],
        "Runs that wait until something about their plugin changes",
    );
    let oldest = registry.seconds_by(
        "hookbox_oldest_pending_age_seconds",
        &[PLUGIN],
        "How long the run has been due that waits longest for an attempt, parked ones aside; 0 without one",
    );
    let state_keys = registry.gauges("hookbox_state_keys", &[PLUGIN], "Keys that plugins keep");
    let state_bytes = registry.gauges(
        "hookbox_state_bytes",
        &[PLUGIN],
        "Bytes of the keys and values that plugins keep",
    );
    for (name, plugin) in &totals.plugins {
        if let Some(state) = plugin.state {
            states.at(&[state.as_str()]).inc();
        }
        // A file that no plugin can have is noted under its own name, which may be anything.
        let named = PluginName::parse(name).is_ok();
        if !named || (plugin.state.is_none() && plugin.unsettled == 0) {
            continue;
        }
        backlog
            .at(&[name])
            .set(plugin.unsettled.saturating_sub(plugin.parked));
        parked.at(&[name]).set(plugin.parked);
        oldest.at(&[name]).set(seconds(totals.overdue_ms(plugin)));
        if let Some(stored) = plugin.stored {
            state_keys.at(&[name]).set(stored.keys);
            state_bytes.at(&[name]).set(stored.bytes);
        }
    }
}

fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

#[cfg(test)]
#[path = "exposition_tests.rs"]
mod tests;
