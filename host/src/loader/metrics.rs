//! What is counted of compiling.

use crate::metrics::{Histogram, Registry, Series};
use crate::plugin::compiler::Observer;
use std::sync::Arc;

/// Upper bounds of a compile's time, in seconds: Rust takes tenths, Python and JavaScript take tens.
const SECONDS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0];

/// What the loader counts; cheap to clone.
#[derive(Debug, Clone)]
pub struct LoaderMetrics {
    compiles: Series<Histogram>,
}

impl LoaderMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            compiles: registry.histograms(
                "hookbox_compile_seconds",
                &["result"],
                "Time that components took to compile: made, refused by their own fault, or failed",
                || Histogram::new(SECONDS.iter().copied()),
            ),
        }
    }

    /// What is to be told of each component that was compiled, or did not compile.
    #[must_use]
    pub fn observer(&self) -> Observer {
        let compiles = self.compiles.clone();
        Arc::new(move |compilation| {
            let took = compilation.took.as_secs_f64();
            compiles.at(&[compilation.result]).observe(took);
        })
    }
}
