//! What is counted of senders who did not know the secret.

use crate::metrics::{Counter, Registry, Series};
use hyper::StatusCode;

/// What intake counts; cheap to clone.
#[derive(Debug, Clone)]
pub struct IntakeMetrics {
    auth_failures: Series<Counter>,
}

impl IntakeMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            auth_failures: registry.counters(
                "hookbox_auth_failures_total",
                &["reason"],
                "Requests whose webhook secret was missing, wrong or repeated",
            ),
        }
    }

    /// A sender was not verified. Each of these answers is given for one reason; others are not the secret's fault.
    pub(super) fn unverified(&self, answered: StatusCode) {
        let reason = match answered {
            StatusCode::UNAUTHORIZED => "missing",
            StatusCode::FORBIDDEN => "wrong",
            StatusCode::BAD_REQUEST => "repeated",
            _ => return,
        };
        self.auth_failures.at(&[reason]).inc();
    }
}
