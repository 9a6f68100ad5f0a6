//! What an operator sets for a ledger and may change while it is open: what it takes in, and what it keeps.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What holds for all of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSettings {
    /// How long a delivery is known by its `Webhook-Id`.
    pub dedup_window: Duration,
    /// What one that comes again within that time has run.
    pub on_duplicate: OnDuplicate,
    /// Payload bytes of runs that can be claimed, parked ones aside; over it nothing more is taken in.
    pub backlog_bytes_max: u64,
    /// Runs of one plugin that are neither settled nor parked; over it new ones are dead from the start.
    pub backlog_runs_per_plugin: u64,
    /// Parked runs of one plugin; over it the oldest become dead.
    pub park_runs: u64,
    /// How long a run is parked before it becomes dead.
    pub park_for: Duration,
    /// Bytes that must be free on the ledger's disk; below it nothing more is taken in.
    pub free_space_min: u64,
    /// The age at which a delivery goes, once it is settled.
    pub retain: Duration,
    /// Bytes that the ledger may hold; over it the oldest settled deliveries go.
    pub retain_bytes: u64,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self {
            dedup_window: 7 * DAY,
            on_duplicate: OnDuplicate::Fill,
            backlog_bytes_max: 4 << 30,
            backlog_runs_per_plugin: 100_000,
            park_runs: 10_000,
            park_for: 7 * DAY,
            free_space_min: 256 << 20,
            retain: 30 * DAY,
            retain_bytes: 10 << 30,
        }
    }
}

/// What a delivery that comes again has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDuplicate {
    /// Plugins whose run is dead, and those that it is routed to now and that had none: whoever replays a delivery on
    /// the Hub wants it handled.
    Fill,
    /// Nothing.
    Ignore,
    /// All plugins that it is routed to and whose runs have ended.
    Rerun,
}

impl OnDuplicate {
    /// The word, as it is set and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fill => "fill",
            Self::Ignore => "ignore",
            Self::Rerun => "rerun",
        }
    }

    /// All of them.
    pub const ALL: &[Self] = &[Self::Fill, Self::Ignore, Self::Rerun];
}
