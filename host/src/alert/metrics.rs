//! What is counted of alerts.

use crate::metrics::{Counter, Registry, Series};

/// What became of alerts; cheap to clone.
#[derive(Debug, Clone)]
pub struct AlertMetrics {
    alerts: Series<Counter>,
}

impl AlertMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            alerts: registry.counters(
                "hookbox_alerts_total",
                &["result"],
                "Alerts: posted, failed after all attempts, or dropped because too many waited",
            ),
        }
    }

    pub(super) fn posted(&self) {
        self.alerts.at(&["posted"]).inc();
    }

    pub(super) fn failed(&self) {
        self.alerts.at(&["failed"]).inc();
    }

    pub(super) fn dropped(&self) {
        self.alerts.at(&["dropped"]).inc();
    }
}
