//! How the host does: ready or not, and all that an operator should know of that.

use crate::activity::{HealthJson, PluginStandingJson};
use crate::admin::desk::Desk;
use crate::ledger::PluginState;

/// How it does now. It answers also when the ledger does not.
pub async fn health(desk: &Desk) -> HealthJson {
    let stopping = *desk.stopping.borrow();
    let unwritable = desk.ledger.check_writable().await.err();
    let plugins = desk.ledger.plugins().await.unwrap_or_default();
    let not_running = plugins
        .into_iter()
        .filter(|plugin| plugin.state != PluginState::Loaded)
        .map(|plugin| PluginStandingJson {
            name: plugin.name,
            state: plugin.state.as_str(),
            reason: plugin.reason,
        })
        .collect();
    let stops = stopping.then(|| "the host is stopping".to_owned());
    let unwritable = unwritable.map(|error| error.to_string());
    let reasons: Vec<String> = stops.into_iter().chain(unwritable).collect();
    let backlog = desk.ledger.totals().await.ok();
    HealthJson {
        ready: reasons.is_empty(),
        reasons,
        version: env!("CARGO_PKG_VERSION"),
        started_at: crate::clock::rfc3339(desk.started_ms),
        uptime_s: desk.started.elapsed().as_secs(),
        plugins_not_running: not_running,
        backlog: backlog.map(Into::into),
        refused_requests: desk.refusals.total(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::LISTS_MAX;
    use crate::exposition::Exposition;
    use crate::ledger::conformance::plugin;
    use crate::ledger::sqlite::{SqliteLedger, SqliteOptions, WriterMetrics};
    use crate::ledger::{Ledger, PluginRecord};
    use crate::metrics::Registry;
    use crate::plugin::{Engine, EngineConfig};
    use crate::refusal::Refusals;
    use std::sync::Arc;
    use std::time::Instant;
    use tokio::sync::{Semaphore, watch};

    #[tokio::test]
    async fn a_host_that_stops_says_that_it_is_not_ready_and_why() {
        let folder = tempfile::tempdir().unwrap();
        let mut registry = Registry::default();
        let metrics = WriterMetrics::register(&mut registry);
        let ledger = SqliteLedger::open(folder.path(), SqliteOptions::default(), metrics).unwrap();
        let paused = PluginRecord {
            reason: Some("paused by its operator".to_owned()),
            ..plugin("a", PluginState::Paused, None)
        };
        ledger.put_plugin(paused).await.unwrap();
        let (stop, stopping) = watch::channel(false);
        let ledger: Arc<dyn Ledger> = Arc::new(ledger);
        let engine = Engine::new(EngineConfig {
            concurrency: 1,
            ..EngineConfig::default()
        });
        let desk = Desk {
            ledger: Arc::clone(&ledger),
            refusals: Arc::new(Refusals::default()),
            metrics: Exposition::new(registry, ledger, engine.unwrap()),
            lists: Semaphore::new(LISTS_MAX),
            prefix: "",
            started_ms: 0,
            started: Instant::now(),
            stopping,
        };
        let before = health(&desk).await;
        assert!(before.ready && before.reasons.is_empty());
        let standing = &before.plugins_not_running[0];
        assert_eq!((&*standing.name, standing.state), ("a", "paused"));
        stop.send_replace(true);
        let after = health(&desk).await;
        assert!(!after.ready);
        assert_eq!(after.reasons, ["the host is stopping"]);
        // A ledger that is closed is told, too, and everything else is still answered.
        desk.ledger.close().await;
        assert_eq!(health(&desk).await.version, env!("CARGO_PKG_VERSION"));
    }
}
