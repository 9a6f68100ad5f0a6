//! What is counted of attempts. How they ended is counted by the ledger.

use crate::delivery::{AttemptRecord, OutgoingCall};
use crate::metrics::{Counter, Gauge, Histogram, PLUGIN, Registry, Series};

/// Upper bounds of an attempt's time, in seconds: a small Rust plugin takes some 20 µs, Python some ms.
const SECONDS: &[f64] = &[
    0.00002, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
    0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Upper bounds of the fuel that an attempt used; the default grant is 2e8.
const FUEL: &[f64] = &[
    1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10,
];

/// Upper bounds of an attempt's peak memory, in bytes: 64 KiB to 1 GiB; the default grant is 64 MiB.
const MEMORY_BYTES: &[f64] = &[
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];

/// Upper bounds of the time of an outgoing call, in seconds: one on this machine takes a ms.
const CALL_SECONDS: &[f64] = &[
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// What is counted of attempts; cheap to clone.
#[derive(Debug, Clone)]
pub struct WorkerMetrics {
    pub(super) slots: Gauge,
    pub(super) slots_in_use: Gauge,
    seconds: Series<Histogram>,
    fuel: Series<Histogram>,
    memory: Series<Histogram>,
    calls: Series<Counter>,
    call_seconds: Series<Histogram>,
    connections: Series<Counter>,
}

impl WorkerMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            slots: registry.gauge("hookbox_slots", "Attempts that may be under way at once"),
            slots_in_use: registry.gauge("hookbox_slots_in_use", "Attempts that are under way"),
            seconds: registry.histograms(
                "hookbox_attempt_seconds",
                &[PLUGIN],
                "Wall-clock time of attempts in which the plugin ran",
                || Histogram::new(SECONDS.iter().copied()),
            ),
            fuel: registry.histograms(
                "hookbox_attempt_fuel",
                &[PLUGIN],
                "Fuel that attempts used",
                || Histogram::new(FUEL.iter().copied()),
            ),
            memory: registry.histograms(
                "hookbox_attempt_memory_bytes",
                &[PLUGIN],
                "The most memory that attempts held",
                || Histogram::new(MEMORY_BYTES.iter().copied()),
            ),
            calls: registry.counters(
                "hookbox_calls_total",
                &[PLUGIN, "result"],
                "Outgoing calls of settled attempts, by how they ended",
            ),
            call_seconds: registry.histograms(
                "hookbox_call_seconds",
                &[PLUGIN],
                "Time of outgoing calls that were answered",
                || Histogram::new(CALL_SECONDS.iter().copied()),
            ),
            connections: registry.counters(
                "hookbox_connections_total",
                &[PLUGIN, "kind"],
                "Outgoing calls that were answered, by their connection: new, or reused",
            ),
        }
    }

    /// An attempt is settled, durably.
    pub(super) fn settled(&self, plugin: &str, used: Used) {
        self.seconds.at(&[plugin]).observe(used.seconds);
        self.fuel.at(&[plugin]).observe(used.fuel);
        self.memory.at(&[plugin]).observe(used.memory_bytes);
        for call in &used.calls {
            self.called(plugin, call);
        }
    }

    fn called(&self, plugin: &str, call: &Called) {
        self.calls.at(&[plugin, call.result]).inc();
        if let Some(kind) = call.connection {
            self.call_seconds.at(&[plugin]).observe(call.seconds);
            self.connections.at(&[plugin, kind]).inc();
        }
    }
}

/// What an attempt used.
#[derive(Debug, Clone)]
pub(super) struct Used {
    seconds: f64,
    fuel: f64,
    memory_bytes: f64,
    calls: Vec<Called>,
}

/// What is counted of an outgoing call.
#[derive(Debug, Clone, Copy)]
struct Called {
    result: &'static str,
    seconds: f64,
    /// Which kind of connection it was answered over.
    connection: Option<&'static str>,
}

impl Called {
    fn of(call: &OutgoingCall) -> Option<Self> {
        Some(Self {
            result: call.result()?,
            seconds: approximate(call.ms) / 1000.0,
            connection: call
                .reused
                .map(|reused| if reused { "reused" } else { "new" }),
        })
    }
}

impl Used {
    /// `None` if no code of the plugin ran.
    pub(super) fn of(attempt: &AttemptRecord) -> Option<Self> {
        (attempt.fuel_limit > 0).then(|| Self {
            seconds: attempt.wall.as_secs_f64(),
            fuel: approximate(attempt.fuel),
            memory_bytes: approximate(attempt.memory_peak_bytes),
            calls: attempt.calls.iter().filter_map(Called::of).collect(),
        })
    }
}

/// The nearest number that a histogram can add up: what is lost above 2^53 is less than a bucket is wide.
const fn approximate(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Outcome;
    use std::time::Duration;

    #[test]
    fn what_an_attempt_used_is_kept_unless_nothing_ran() {
        let skipped = AttemptRecord::not_executed("1".into(), "d".into(), Outcome::Ignored);
        assert!(Used::of(&skipped).is_none());
        let ran = AttemptRecord {
            fuel_limit: 200_000_000,
            fuel: 70_000,
            memory_peak_bytes: 1 << 20,
            wall: Duration::from_micros(1_500_500),
            calls: vec![
                OutgoingCall {
                    status: Some(201),
                    ms: 20,
                    reused: Some(true),
                    ..OutgoingCall::default()
                },
                OutgoingCall {
                    denied_by: Some("host: no".into()),
                    ..OutgoingCall::default()
                },
                OutgoingCall::default(),
            ],
            ..skipped
        };
        let mut registry = Registry::default();
        let metrics = WorkerMetrics::register(&mut registry);
        metrics.settled("hello", Used::of(&ran).unwrap());
        let mut text = String::new();
        registry.write(&mut text).unwrap();
        for sample in [
            r#"hookbox_attempt_seconds_sum{plugin="hello"} 1.5005"#,
            r#"hookbox_attempt_seconds_bucket{le="1.0",plugin="hello"} 0"#,
            r#"hookbox_attempt_seconds_bucket{le="2.5",plugin="hello"} 1"#,
            r#"hookbox_attempt_fuel_bucket{le="100000.0",plugin="hello"} 1"#,
            r#"hookbox_attempt_memory_bytes_bucket{le="1048576.0",plugin="hello"} 1"#,
            r#"hookbox_calls_total{plugin="hello",result="ok"} 1"#,
            r#"hookbox_calls_total{plugin="hello",result="denied"} 1"#,
            r#"hookbox_call_seconds_sum{plugin="hello"} 0.02"#,
            r#"hookbox_connections_total{plugin="hello",kind="reused"} 1"#,
        ] {
            assert!(
                text.lines().any(|line| line == sample),
                "{sample} is not in\n{text}"
            );
        }
    }
}
