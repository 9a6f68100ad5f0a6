//! The ledger: where deliveries, runs, attempts and what the host knows of plugins are kept.
//!
//! [`Ledger`] is the contract, written for one host and for many; [`sqlite`] is its embedded form. What it
//! promises: a delivery and its runs are recorded in one transaction, durable before [`Ledger::record`] returns;
//! a claim is held by one owner at a time and settles in one transaction, and a claim that was taken over settles
//! nothing; nothing is shown before it is durable. It knows no plugin code, no grant and no HTTP.

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
pub(crate) mod model;
pub mod record;
pub mod settings;
pub mod slots;
pub mod sqlite;

pub use crate::delivery::state::{StateChanges, StateKeys, StateQuota, StateUsage, StateValue};
pub use record::{
    AttemptEntry, Candidate, DeliveryFilter, DeliveryRecord, OwnAccount, OwnStanding, Page,
    Payload, PluginRecord, PluginState, PluginTotals, RunEntry, RunFilter, RunRecord, Totals,
};
pub use settings::{LedgerSettings, OnDuplicate};
pub use slots::{Freed, Slots};

use crate::delivery::{AttemptRecord, DeliveryId, NewDelivery, NewRun, RunId, Settlement};
use crate::scope::SeenEvent;
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Who paused a plugin that was paused by command.
pub const OPERATOR: &str = "its operator";

/// Keeps deliveries and runs, and hands runs out to whoever will attempt them.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Records a delivery and its runs in one transaction, durable before this returns.
    ///
    /// A delivery with the same path, `Webhook-Id` and body as one within the dedup window is counted there and
    /// not recorded again. A run is parked if its plugin is noted as not loaded; [`NewRun::parked`] counts for
    /// plugins that were never noted.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] when the queue is full, [`LedgerError::Full`] when a bound of the operator's is reached and
    /// [`LedgerError::Unavailable`] when the store cannot write: nothing is recorded. After [`LedgerError::Failed`] it is unknown whether it was.
    async fn record(
        &self,
        delivery: NewDelivery,
        runs: Vec<NewRun>,
    ) -> Result<Recording, LedgerError>;

    /// The delivery that was recorded first with this path, `Webhook-Id` and body, if it is within the dedup window and
    /// nothing of it is to be run again. It changes nothing: it is for a delivery that cannot be recorded now.
    ///
    /// # Errors
    /// [`LedgerError`] if that cannot be read now.
    async fn first_of(&self, again: KnownAs) -> Result<Option<DeliveryId>, LedgerError>;

    /// Claims due runs: marks them running under a lease and inserts their attempt rows.
    ///
    /// Takes one run of each plugin in the order given, then a second of each, until the slots are used: no plugin
    /// waits behind another's backlog. Live runs come before replayed ones, older before newer. A run with
    /// [`LOSSES_BEFORE_ALONE`](crate::delivery::LOSSES_BEFORE_ALONE) losses is claimed only when
    /// `running` is 0, alone, and while one is due nothing else is claimed; one with
    /// [`CONFLICTS_BEFORE_ALONE`](crate::delivery::CONFLICTS_BEFORE_ALONE) conflicts only when its plugin has none
    /// running, and while one is due nothing else of that plugin is. Runs whose lease has run out are closed as lost
    /// first. Claims whose caller stopped waiting are given back.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, LedgerError>;

    /// Settles a claim in one transaction: the attempt, its logs, its run's and its delivery's state, and what the
    /// attempt wrote to its plugin's state, if it ended `done`, `ignored` or `rejected`. With a stale claim, nothing
    /// changes; nor does it if a key that such an attempt read has changed since, if keys have come or gone since it
    /// listed them, or if there is no room any more for what it writes.
    ///
    /// # Errors
    /// As [`Ledger::record`], save that it waits until a store that cannot write now can: what was attempted must
    /// not count as lost because the disk was full for a while.
    async fn settle(
        &self,
        claim: Claim,
        settlement: Settlement,
        attempt: AttemptRecord,
        changes: StateChanges,
    ) -> Result<Settled, LedgerError>;

    /// Gives a claim back unused: its attempt row is deleted and the run is pending again, due at once.
    ///
    /// # Errors
    /// As [`Ledger::settle`].
    async fn give_back(&self, claim: Claim) -> Result<Settled, LedgerError>;

    /// The body and kept headers of a claim's delivery; `None` if they are gone for good, or are not what was
    /// received (their hash differs).
    ///
    /// # Errors
    /// [`LedgerError`] if they cannot be read now.
    async fn payload(&self, claim: &Claim) -> Result<Option<Payload>, LedgerError>;

    /// When the next pending run of these plugins is due by the wall clock, in ms since the Unix epoch; `None` without
    /// one. A run that waits to be alone is due like any other, though it is not claimed yet.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    async fn next_due_ms(&self, plugins: Vec<String>) -> Result<Option<u64>, LedgerError>;

    /// Changes whenever a run may have become claimable. A lost signal costs latency, never a run.
    fn claimable(&self) -> watch::Receiver<u64>;

    /// Waits until every run of a delivery has ended its first attempt, is settled, or is parked, and returns them:
    /// none if there is no such delivery. An attempt in conflict, or lost, is not waited for: it is made again.
    ///
    /// The wait has no bound of its own: put it under a time-out.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    async fn first_attempts(&self, id: DeliveryId) -> Result<Vec<RunRecord>, LedgerError>;

    /// The runs of a delivery as they stand, oldest first; none if there is no such delivery.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    async fn runs(&self, id: DeliveryId) -> Result<Vec<RunRecord>, LedgerError>;

    /// Notes what the host knows of a plugin and, in the same transaction, parks or frees its pending runs. A pause
    /// outlives this, unless the active version or the grant is another: else it ends with [`Ledger::resume`].
    ///
    /// # Errors
    /// As [`Ledger::record`].
    async fn put_plugin(&self, plugin: PluginRecord) -> Result<(), LedgerError>;

    /// Forgets a plugin: its pending runs become dead, replayable. Its state is kept.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    async fn forget_plugin(&self, name: String) -> Result<(), LedgerError>;

    /// All plugins ever noted and not forgotten, by name.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    async fn plugins(&self) -> Result<Vec<PluginRecord>, LedgerError>;

    /// The names of all plugins that were ever noted or had a run, forgotten ones too.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    async fn known_plugins(&self) -> Result<Vec<String>, LedgerError>;

    /// A key of a plugin's state.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    async fn state(&self, plugin: &str, key: &str) -> Result<Option<StateValue>, LedgerError>;

    /// The keys of a plugin's state that come after one, in the order of their bytes, and at most so many.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    async fn state_keys(
        &self,
        plugin: &str,
        after: &str,
        limit: usize,
    ) -> Result<StateKeys, LedgerError>;

    /// How much state a plugin has.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    async fn state_usage(&self, plugin: &str) -> Result<StateUsage, LedgerError>;

    /// Counts one more of a plugin's requests that change something elsewhere, durably, if there were fewer than `max`
    /// of them to `key` within the last hour. No restart and no other grant makes the count smaller.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    async fn take_write(&self, plugin: &str, key: &str, max: u32) -> Result<Taken, LedgerError>;

    /// Records new runs of a delivery that was recorded before, in the replay lane; a plugin with an unsettled run
    /// for it is skipped. Returns the plugins whose runs were recorded; `None` if there is no such delivery.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    async fn replay(
        &self,
        id: DeliveryId,
        runs: Vec<NewRun>,
    ) -> Result<Option<Vec<String>>, LedgerError>;

    /// Pauses a plugin: its pending runs are parked until [`Ledger::resume`]. Returns whether it is known.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    async fn pause(&self, plugin: String, by: String) -> Result<bool, LedgerError>;

    /// Ends a pause. Returns whether the plugin is known.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    async fn resume(&self, plugin: String) -> Result<bool, LedgerError>;

    /// One delivery with all its runs and attempts.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRecord>, LedgerError>;

    /// Deliveries, newest first.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    async fn deliveries(&self, filter: DeliveryFilter) -> Result<Vec<DeliveryRecord>, LedgerError>;

    /// A part of the list of deliveries, newest first: of those older than `before`, if that is given; `None` if it is
    /// none. At most [`DeliveryFilter::limit`], and no more than is read in a short time and held in little memory.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    async fn delivery_page(
        &self,
        filter: DeliveryFilter,
        before: Option<DeliveryId>,
    ) -> Result<Option<Page<DeliveryRecord, DeliveryId>>, LedgerError>;

    /// A part of the list of runs, newest first, as [`Ledger::delivery_page`].
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    async fn run_page(
        &self,
        filter: RunFilter,
        limit: usize,
        before: Option<RunId>,
    ) -> Result<Option<Page<RunEntry, RunId>>, LedgerError>;

    /// One run with its attempts.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    async fn run(&self, id: RunId) -> Result<Option<RunEntry>, LedgerError>;

    /// How much of everything there is. What it costs grows with the number of plugins, not with that of runs.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    async fn totals(&self) -> Result<Totals, LedgerError>;

    /// Does a bounded part of what is due beside deliveries and runs: parks and frees what a change of a plugin has
    /// left to do, gives up what has been parked for too long, lets go what need not be kept. Whoever owns the ledger
    /// asks for it again and again.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    async fn tend(&self) -> Result<Tended, LedgerError>;

    /// Changes to the reason once the ledger has failed for good: the process must stop and start again.
    fn failure(&self) -> watch::Receiver<Option<Arc<str>>>;

    /// Whether the last write succeeded and there is room for more, and why not: what `/readyz` says.
    ///
    /// # Errors
    /// The error that a write would meet now.
    async fn check_writable(&self) -> Result<(), LedgerError>;

    /// Ends the ledger's tasks after all that was queued is committed.
    async fn close(&self);
}

/// Whether anything is left to tend to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tended {
    /// Nothing is, for now.
    All,
    /// Something is: ask again at once.
    Part,
}

/// What became of a delivery that was to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recording {
    /// It is durable.
    Recorded(Recorded),
    /// It was recorded before; the count of its duplicates is durable, and so are the new runs.
    Duplicate {
        /// The id it was first recorded under.
        first: DeliveryId,
        /// The plugins that it has run again, as [`LedgerSettings::on_duplicate`] says.
        again: Vec<String>,
    },
}

/// Proof that a delivery and its runs are durable: only a ledger makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    id: DeliveryId,
    hub_id_reused: bool,
}

impl Recorded {
    /// The delivery's id.
    #[must_use]
    pub const fn id(&self) -> DeliveryId {
        self.id
    }

    /// Whether the same path and `Webhook-Id` had come with another body within the window.
    #[must_use]
    pub const fn hub_id_reused(&self) -> bool {
        self.hub_id_reused
    }
}

/// What a delivery may be known by that came before.
#[derive(Debug, Clone)]
pub struct KnownAs {
    /// The endpoint's path.
    pub path: String,
    /// Its `Webhook-Id`.
    pub hub_id: String,
    /// SHA-256 of its body.
    pub body_sha256: [u8; 32],
    /// The plugins that it is routed to now.
    pub plugins: Vec<String>,
}

/// Which runs to claim.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// The plugins to claim for, in the order of whose turn it is.
    pub plugins: Vec<ClaimablePlugin>,
    /// How many runs to claim at most.
    pub slots: Slots,
    /// How many attempts are under way on this host.
    pub running: usize,
}

/// A plugin that runs may be claimed for.
#[derive(Debug, Clone)]
pub struct ClaimablePlugin {
    /// Its name.
    pub name: String,
    /// How many more attempts it may have under way.
    pub slots: Slots,
    /// How many it has under way on this host.
    pub running: usize,
    /// How long its claims are held: longer than its longest attempt.
    pub lease: Duration,
    /// How many of its runs for one repo may be begun in any hour.
    pub runs_per_repo_max: u32,
}

/// The right to attempt one run once: only a ledger makes one, and settling it takes it.
#[derive(Debug)]
pub struct Claim {
    run_seq: i64,
    delivery_seq: i64,
    token: i64,
    routed_digest: String,
    seen: SeenEvent,
    facts: ClaimFacts,
}

/// What an attempt needs to know of its run and delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimFacts {
    /// The run.
    pub run: RunId,
    /// Its plugin.
    pub plugin: String,
    /// Its delivery.
    pub delivery: DeliveryId,
    /// The attempt's number among those kept, from 1: what the guest sees.
    pub n: u32,
    /// The attempt's number among those that count for the retry schedule, from 1.
    pub counted: u32,
    /// When the delivery was received, in ms since the Unix epoch.
    pub received_ms: u64,
    /// The scope as sent.
    pub sent_scope: String,
    /// The action as sent.
    pub sent_action: String,
    /// `repo.type`.
    pub repo_type: Option<String>,
    /// `repo.name`.
    pub repo_name: Option<String>,
    /// `repo.id`.
    pub repo_id: Option<String>,
    /// Bytes of the body.
    pub body_bytes: u64,
}

impl Claim {
    /// What the attempt needs to know.
    #[must_use]
    pub const fn facts(&self) -> &ClaimFacts {
        &self.facts
    }

    /// The event as the plugin sees it.
    #[must_use]
    pub const fn seen(&self) -> &SeenEvent {
        &self.seen
    }

    /// The digest of the component whose subscriptions routed the run.
    #[must_use]
    pub fn routed_digest(&self) -> &str {
        &self.routed_digest
    }

    /// Takes note that another version of the plugin sees the event differently; stored with the settlement.
    pub fn see_as(&mut self, seen: SeenEvent, digest: &str) {
        self.seen = seen;
        digest.clone_into(&mut self.routed_digest);
    }
}

/// Whether a settlement took effect.
#[derive(Debug)]
pub enum Settled {
    /// It did, durably.
    Yes,
    /// The claim was stale: its lease ran out and the run went on without it. Nothing changed.
    Stale,
    /// What the attempt read of its plugin's state was changed meanwhile, or there is no room for what it writes any more.
    /// Nothing changed: settle the claim as a conflict.
    Conflict(Box<Claim>),
}

/// Whether a plugin may send one more of the requests that change something elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It may, and that is counted.
    Yes,
    /// It has sent as many as it may within an hour.
    Full {
        /// When it may send the next one, in ms since the Unix epoch, if it sends none meanwhile.
        free_at_ms: u64,
    },
}

/// Why the ledger could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// Its queue is full.
    #[error("the ledger's queue is full; try again")]
    Busy,
    /// It is to take in nothing more now: the operator's bounds say so.
    #[error("{reason}")]
    Full {
        /// Which bound, and what to do.
        reason: Arc<str>,
    },
    /// The store cannot write now, and may later.
    #[error("the ledger cannot write: {reason}")]
    Unavailable {
        /// Why.
        reason: Arc<str>,
    },
    /// The store can no longer be trusted until the process starts again.
    #[error("the ledger failed: {reason}")]
    Failed {
        /// Why.
        reason: Arc<str>,
    },
    /// Another host has it open.
    #[error(
        "{path}: another hookbox serves this data folder{holder}; stop it, or give this one its own folder with --data"
    )]
    Locked {
        /// The data folder.
        path: PathBuf,
        /// ` (process N)`, or empty if unknown.
        holder: String,
    },
    /// It cannot be opened.
    #[error("{path}: {reason}")]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
}
