//! P4: what one sandboxed run costs, as `cargo bench` measured it.

use crate::built::{bench_sandbox, target};
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::path::Path;

/// What is measured, by the folder that its figures lie in, as the tables name it.
const MEASURED: &[(&str, &str)] = &[
    (
        "hello/native",
        "`hello` as a plain function of this process",
    ),
    ("hello/run", "`hello` in a sandbox, whole"),
    ("hello/store", "· make the store"),
    ("hello/instantiate", "· instantiate"),
    ("hello/call", "· call"),
    ("hello/drop", "· drop"),
    ("no-op/run", "a guest that does nothing, whole"),
    (
        "hello/two-threads",
        "`hello` on two threads at once, each run's share",
    ),
];

/// One line of the table.
pub struct Timed {
    /// What.
    pub name: &'static str,
    /// Microseconds, in the median.
    pub p50_us: f64,
}

/// Runs the benchmark and reads what it found.
///
/// # Errors
/// If it fails, or left no figures.
pub fn measure() -> Result<Vec<Timed>> {
    bench_sandbox()?;
    let folder = target().join("criterion");
    MEASURED
        .iter()
        .map(|(file, name)| {
            Ok(Timed {
                name,
                p50_us: median_us(&folder.join(file))?,
            })
        })
        .collect()
}

fn median_us(folder: &Path) -> Result<f64> {
    let path = folder.join("new/estimates.json");
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let estimates: Value = serde_json::from_slice(&text)?;
    let nanoseconds = estimates.pointer("/median/point_estimate");
    let nanoseconds = nanoseconds.and_then(Value::as_f64);
    Ok(nanoseconds.with_context(|| path.display().to_string())? / 1000.0)
}
