//! What is counted of the admin listener.

use crate::metrics::{Counter, Registry, Series};
use hyper::StatusCode;

/// What the admin listener counts; cheap to clone.
#[derive(Debug, Clone)]
pub struct AdminMetrics {
    refusals: Series<Counter>,
}

impl AdminMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            refusals: registry.counters(
                "hookbox_admin_refusals_total",
                &["status"],
                "Requests that the admin listener did not let in: 401 wrong token, 403 another site's page, 421 wrong \
                 name, 503 too many log-ins",
            ),
        }
    }

    /// A request was not let in.
    pub(super) fn refused(&self, status: StatusCode) {
        self.refusals.at(&[status.as_str()]).inc();
    }
}
