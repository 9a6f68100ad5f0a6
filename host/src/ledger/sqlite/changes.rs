//! What a transaction changes beside its rows: the totals that are kept in it, and who is told once it is durable.

use super::fault::Fault;
use super::metrics::WriterMetrics;
use crate::delivery::{DeliveryId, Gate, Outcome, RunState};
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::{Add, Neg};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// The counter of deliveries recorded.
pub(super) const DELIVERIES: &str = "deliveries";
/// The counter of deliveries that are no longer kept.
pub(super) const REMOVED: &str = "deliveries-removed";
/// The counter of duplicates.
pub(super) const DUPLICATES: &str = "duplicates";
/// The counter, per plugin, of runs that are not settled.
pub(super) const UNSETTLED: &str = "unsettled";
/// The counter, per plugin, of runs that are parked.
pub(super) const PARKED: &str = "parked";

/// The counter of payload bytes of runs that are neither settled nor parked.
pub(super) const BACKLOG_BYTES: &str = "backlog-bytes";

/// The counter, per plugin, of runs that ever became dead, those that were let go since included.
pub(super) const DIED: &str = "runs-died";

/// The counter, per plugin, of bytes of its state: keys and values.
pub(super) const STATE_BYTES: &str = "state-bytes";

/// The counter, per plugin, of keys of its state.
pub(super) const STATE_KEYS: &str = "state-keys";

/// The counter of runs in a state.
pub(super) const fn runs_in(state: RunState) -> &'static str {
    match state {
        RunState::Pending => "runs-pending",
        RunState::Running => "runs-running",
        RunState::Done => "runs-done",
        RunState::Ignored => "runs-ignored",
        RunState::Coalesced => "runs-coalesced",
        RunState::Dead => "runs-dead",
    }
}

/// Where a run stands, as far as totals tell runs apart.
pub(super) type Standing = (RunState, Gate);

/// How many runs moved, and how many bytes their payloads have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub runs: i64,
    pub bytes: i64,
}

impl Weight {
    /// One run with a payload of so many bytes.
    pub const fn of_run(bytes: i64) -> Self {
        Self { runs: 1, bytes }
    }
}

impl Add for Weight {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl Neg for Weight {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            runs: -self.runs,
            bytes: -self.bytes,
        }
    }
}

/// How many of a plugin's ended with a word.
type Ends = BTreeMap<(String, &'static str), u64>;

/// What one item, or a group of them, changed.
#[derive(Default)]
pub(super) struct Changes {
    totals: BTreeMap<(&'static str, String), i64>,
    /// Attempts that ended, by plugin and outcome.
    ended: Ends,
    /// Runs that came to their end, by plugin and state.
    settled: Ends,
    claimable: bool,
    attempted: HashSet<DeliveryId>,
    any_attempted: bool,
}

impl Changes {
    /// A total of the whole ledger grew by one.
    pub fn counted(&mut self, name: &'static str) {
        self.add(name, "", 1);
    }

    /// Runs of a plugin went from one standing to another; `None` is where a new run comes from.
    pub fn moved(&mut self, plugin: &str, weight: Weight, from: Option<Standing>, to: Standing) {
        for (standing, weight) in from
            .map(|from| (from, -weight))
            .into_iter()
            .chain([(to, weight)])
        {
            self.add(runs_in(standing.0), "", weight.runs);
            if standing.0.is_settled() {
                continue;
            }
            self.add(UNSETTLED, plugin, weight.runs);
            if standing == (RunState::Pending, Gate::Parked) {
                self.add(PARKED, plugin, weight.runs);
            } else {
                self.add(BACKLOG_BYTES, "", weight.bytes);
            }
        }
        if to.0.is_settled() && !from.is_some_and(|from| from.0.is_settled()) {
            let settled = self.settled.entry((plugin.to_owned(), to.0.as_str()));
            *settled.or_default() += weight.runs.unsigned_abs();
            if to.0 == RunState::Dead {
                self.add(DIED, plugin, weight.runs);
            }
        }
        self.claimable |= to == (RunState::Pending, Gate::Ready);
    }

    /// A total as it is changed here.
    pub fn total(&self, name: &'static str, plugin: &str) -> i64 {
        let total = self.totals.get(&(name, plugin.to_owned()));
        total.copied().unwrap_or_default()
    }

    /// A plugin's state has so many more bytes and keys, or fewer.
    pub fn state_grew(&mut self, plugin: &str, bytes: i64, keys: i64) {
        self.add(STATE_BYTES, plugin, bytes);
        self.add(STATE_KEYS, plugin, keys);
    }

    /// `count` settled runs went with their delivery.
    pub fn removed(&mut self, state: RunState, count: i64) {
        self.add(runs_in(state), "", -count);
    }

    /// An attempt of a plugin ended.
    pub fn ended(&mut self, plugin: &str, outcome: Outcome) {
        *(self.ended.entry((plugin.to_owned(), outcome.as_str()))).or_default() += 1;
    }

    /// Whoever waits for this delivery's first attempts should look again.
    pub fn attempted(&mut self, id: DeliveryId) {
        self.attempted.insert(id);
    }

    /// Whoever waits for any delivery's first attempts should look again.
    pub const fn any_attempted(&mut self) {
        self.any_attempted = true;
    }

    /// Adds what another item changed.
    pub fn merge(&mut self, other: Self) {
        for (total, count) in other.totals {
            *self.totals.entry(total).or_default() += count;
        }
        for (ends, others) in [
            (&mut self.ended, other.ended),
            (&mut self.settled, other.settled),
        ] {
            for (end, count) in others {
                *ends.entry(end).or_default() += count;
            }
        }
        self.claimable |= other.claimable;
        self.attempted.extend(other.attempted);
        self.any_attempted |= other.any_attempted;
    }

    /// Writes the totals.
    pub fn count(&self, connection: &Connection) -> Result<(), Fault> {
        let mut add = connection.prepare_cached(
            "INSERT INTO counters (name, plugin, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (name, plugin) DO UPDATE SET value = value + excluded.value",
        )?;
        for ((name, plugin), count) in &self.totals {
            if *count != 0 {
                add.execute((name, plugin, count))?;
            }
        }
        Ok(())
    }

    /// Counts what is durable now.
    pub fn tell(&self, metrics: &WriterMetrics) {
        for ((plugin, outcome), count) in &self.ended {
            metrics.attempts.at(&[plugin, outcome]).inc_by(*count);
        }
        for ((plugin, state), count) in &self.settled {
            metrics.settled.at(&[plugin, state]).inc_by(*count);
        }
    }

    fn add(&mut self, name: &'static str, plugin: &str, count: i64) {
        *self.totals.entry((name, plugin.to_owned())).or_default() += count;
    }
}

/// Who waits for a commit.
pub(super) struct Waits {
    claimable: watch::Sender<u64>,
    first_attempts: Mutex<HashMap<DeliveryId, Arc<Notify>>>,
}

impl Waits {
    pub fn new() -> Self {
        Self {
            claimable: watch::Sender::new(0),
            first_attempts: Mutex::new(HashMap::new()),
        }
    }

    /// Changes whenever a run may have become claimable.
    pub fn claimable(&self) -> watch::Receiver<u64> {
        self.claimable.subscribe()
    }

    /// Wakes those whom a durable change concerns.
    pub fn wake(&self, changes: Changes) {
        if changes.claimable {
            self.claimable
                .send_modify(|count| *count = count.wrapping_add(1));
        }
        let waiting = self.first_attempts();
        if changes.any_attempted {
            waiting.values().for_each(|waiter| waiter.notify_waiters());
            return;
        }
        for id in &changes.attempted {
            if let Some(waiter) = waiting.get(id) {
                waiter.notify_waiters();
            }
        }
    }

    /// Registers someone who waits for a delivery's first attempts, until the registration is dropped.
    pub fn register(&self, id: DeliveryId) -> Registration<'_> {
        let notify = Arc::clone(self.first_attempts().entry(id).or_default());
        Registration {
            waits: self,
            id,
            notify,
        }
    }

    fn first_attempts(&self) -> MutexGuard<'_, HashMap<DeliveryId, Arc<Notify>>> {
        self.first_attempts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits for a delivery's first attempts.
pub(super) struct Registration<'a> {
    waits: &'a Waits,
    id: DeliveryId,
    pub notify: Arc<Notify>,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waits.first_attempts();
        // The map's own and this one: nobody else waits for the delivery.
        if Arc::strong_count(&self.notify) <= 2 {
            waiting.remove(&self.id);
        }
    }
}
