//! What is counted of answers.

use crate::metrics::{Counter, Registry, Series};
use hyper::StatusCode;

/// What the public listener counts; cheap to clone.
#[derive(Debug, Clone)]
pub struct PublicMetrics {
    answers: Series<Counter>,
}

impl PublicMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            answers: registry.counters(
                "hookbox_answers_total",
                &["status"],
                "Answers of the public listener, by HTTP status",
            ),
        }
    }

    /// A request was answered.
    pub(super) fn note(&self, status: StatusCode) {
        self.answers.at(&[status.as_str()]).inc();
    }
}
