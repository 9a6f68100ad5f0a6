//! What is counted of compiling.

use crate::metrics::{Histogram, Registry};
use crate::plugin::compiler::Observer;
use std::sync::Arc;

/// Upper bounds of a compile's time, in seconds: Rust takes tenths, Python and JavaScript take tens.
const SECONDS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0];

/// What the loader counts; cheap to clone.
#[derive(Debug, Clone)]
pub struct LoaderMetrics {
    compiles: Histogram,
}

impl LoaderMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            compiles: registry.histogram(
                "hookbox_compile_seconds",
                "Time that components took to compile, those that were refused included",
                SECONDS,
            ),
        }
    }

    /// What is to be told of each component that was compiled, or did not compile.
    #[must_use]
    pub fn observer(&self) -> Observer {
        let compiles = self.compiles.clone();
        Arc::new(move |compilation| compiles.observe(compilation.took.as_secs_f64()))
    }
}
