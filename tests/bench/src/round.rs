//! The rounds: each contestant is started, loaded and stopped, one after another, again and again.

use crate::contestant::{Contestant, Place};
use crate::load::{Load, Pace, send};
use crate::numbers::{median, quantile};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;

/// What one contestant reached in one round.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Deliveries in a second: accepted, or settled by [`Contestant::HookboxHello`].
    pub per_second: f64,
    /// Latency, in microseconds.
    pub p50_us: f64,
    /// The same of the slowest hundredth.
    pub p99_us: f64,
    /// Microseconds of processor time for each.
    pub cpu_us: f64,
    /// Megabytes resident before the load.
    pub idle_mb: f64,
    /// The same after it.
    pub loaded_mb: f64,
    /// Answers that were no 2xx.
    pub refused: BTreeMap<u16, u64>,
    /// The most runs that waited.
    pub backlog_max: u64,
}

/// Measures one contestant once.
///
/// # Errors
/// If it does not start, or takes nothing.
pub async fn measure(contestant: Contestant, place: &Place, load: Load) -> Result<Figures> {
    let running = contestant.start(place).await?;
    let pace = match contestant {
        Contestant::HookboxHello => Pace::Settled,
        _ => Pace::Answered,
    };
    let idle_mb = running.process.resident_mb();
    let cpu_before = running.process.cpu_seconds();
    let reached = send(&running, load, pace).await;
    let reached = reached.with_context(|| contestant.name())?;
    let cpu = running.process.cpu_seconds() - cpu_before;
    let loaded_mb = running.process.resident_mb();
    running.stop().await?;
    // The warm-up has its share of the processor's time, and of what was done in it.
    let counted = load.time.as_secs_f64() / (load.time + load.warm_up).as_secs_f64();
    let done = reached.per_second * load.time.as_secs_f64();
    Ok(Figures {
        per_second: reached.per_second,
        p50_us: median(&reached.latencies),
        p99_us: quantile(&reached.latencies, 0.99),
        cpu_us: cpu * counted / done.max(1.0) * 1e6,
        idle_mb,
        loaded_mb,
        refused: reached.refused,
        backlog_max: reached.backlog_max,
    })
}

/// All rounds of one contestant.
pub struct Rounds {
    /// Who.
    pub contestant: Contestant,
    /// Which version.
    pub version: String,
    /// In order.
    pub figures: Vec<Figures>,
}

impl Rounds {
    /// The median over its rounds.
    pub fn median(&self, of: impl Fn(&Figures) -> f64) -> f64 {
        median(&self.figures.iter().map(of).collect::<Vec<_>>())
    }

    /// How many times as many a second as another, round against round, in the median.
    pub fn ratio(&self, other: &Self) -> f64 {
        let pairs = self.figures.iter().zip(&other.figures);
        let ratios: Vec<f64> = pairs
            .map(|(own, other)| own.per_second / other.per_second.max(f64::EPSILON))
            .collect();
        median(&ratios)
    }
}
