//! The worker: claims runs, makes attempts, settles them.
//!
//! It owns every attempt it starts, keeps within the host's and each plugin's bounds, and takes plugins in turn, so
//! that one with a long backlog delays no other. At shutdown it claims nothing more and lets attempts finish; what
//! does not finish in time is given back. It answers no HTTP.

mod backing;
mod handler;
mod metrics;

use crate::clock::now_ms;
use crate::failpoint::hit;
use crate::ledger::{Claim, ClaimRequest, ClaimablePlugin, Freed, Ledger, LedgerError, Slots};
use crate::plugin::Engine;
use crate::plugin::catalog::{Catalog, Plugin};
pub use backing::InLedger;
pub use handler::Report;
use handler::{Handler, Slot};
pub use metrics::WorkerMetrics;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument as _;

/// What a lease lasts longer than the attempt's own time limit: time to load the payload and to settle.
const LEASE_MARGIN: Duration = Duration::from_secs(60);

/// The longest that the worker sleeps without looking. What an operator's command writes into the ledger beside this
/// host comes without a wake-up and is to be taken up within 500 ms: half of that leaves the other half for the claim.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The wait where a run is due and could not be claimed: it waits to be alone, or came due this moment.
const LOOK_SOON: Duration = Duration::from_millis(20);

/// One slot in so many is kept for plugins that have no attempt under way.
const RESERVED_PART: usize = 4;

/// How many claims there are at most for each slot: the others' attempts have ended, and are being settled.
const CLAIMS_PER_SLOT: usize = 4;

/// The wait after the ledger could not be written to.
const LEDGER_RETRY: Duration = Duration::from_millis(250);

/// The longest that giving claims back may take once the drain time is over.
const GIVE_BACK: Duration = Duration::from_secs(5);

/// How many reports wait for whoever reads them; one who reads more slowly misses the oldest.
const REPORTS_MAX: usize = 1024;

/// Bounds of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Attempts at once, over all plugins.
    pub concurrency: usize,
    /// How long attempts may go on after a shutdown began.
    pub drain: Duration,
}

/// Makes attempts until it is told to stop.
pub struct Worker {
    handler: Handler,
    catalog: watch::Receiver<Arc<Catalog>>,
    config: WorkerConfig,
    /// A task for each claim, until it is settled.
    claims: JoinSet<Result<(), LedgerError>>,
    /// The plugins of those whose attempt is under way: they hold a slot.
    attempts: HashMap<Id, String>,
    /// The plugins of those whose attempt has ended: it is being settled.
    settling: HashMap<Id, String>,
    /// Says whose attempt has ended.
    freed: (mpsc::Sender<Id>, mpsc::Receiver<Id>),
    /// Counts them: of all plugins, and of each.
    freed_count: Freed,
    freed_counts: HashMap<String, Freed>,
    /// The plugin that was claimed for last: the next turn is that of the one after it.
    last: String,
    over: watch::Sender<bool>,
}

type Ended = Result<(Id, Result<(), LedgerError>), JoinError>;

impl Worker {
    /// A worker whose guests run on the runtime behind `guests`.
    #[must_use]
    pub fn new(
        ledger: Arc<dyn Ledger>,
        engine: Engine,
        catalog: watch::Receiver<Arc<Catalog>>,
        guests: Handle,
        config: WorkerConfig,
        metrics: WorkerMetrics,
    ) -> Self {
        metrics
            .slots
            .set(u64::try_from(config.concurrency).unwrap_or(u64::MAX));
        let (over, is_over) = watch::channel(false);
        Self {
            handler: Handler {
                state: Arc::new(InLedger(Arc::clone(&ledger))),
                ledger,
                engine,
                guests,
                over: is_over,
                reports: broadcast::channel(REPORTS_MAX).0,
                metrics,
            },
            catalog,
            config,
            claims: JoinSet::new(),
            attempts: HashMap::new(),
            settling: HashMap::new(),
            // Each claim says it once; those that come free meanwhile are claimed beyond the bound.
            freed: mpsc::channel(claims_max(config).saturating_add(config.concurrency).max(1)),
            freed_count: Freed::default(),
            freed_counts: HashMap::new(),
            last: String::new(),
            over,
        }
    }

    /// Set to true, it ends the drain: attempts are given back at once.
    #[must_use]
    pub fn halt(&self) -> watch::Sender<bool> {
        self.over.clone()
    }

    /// What every attempt came to, once that is durable.
    #[must_use]
    pub fn reports(&self) -> broadcast::Receiver<Arc<Report>> {
        self.handler.reports.subscribe()
    }

    /// Works until `shutdown` says stop, then drains.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] when the ledger failed for good.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) -> Result<(), LedgerError> {
        let mut claimable = self.handler.ledger.claimable();
        while !*shutdown.borrow_and_update() {
            // Looked at before claiming: what comes meanwhile wakes the wait below.
            claimable.borrow_and_update();
            let look_again = match self.claim_and_start().await {
                Ok(()) => Look::WhenDue(self.with_room()),
                Err(LedgerError::Failed { reason }) => return Err(LedgerError::Failed { reason }),
                Err(error) => {
                    tracing::warn!(%error, "cannot claim runs; trying again");
                    Look::After(LEDGER_RETRY)
                }
            };
            // Whoever has room by then need not wait until it is known what is due next.
            let look_again = look_again.wait(Arc::clone(&self.handler.ledger));
            tokio::pin!(look_again);
            let mut waits = true;
            while waits {
                waits = tokio::select! {
                    _ = shutdown.changed() => false,
                    _ = claimable.changed() => false,
                    Ok(()) = self.catalog.changed() => false,
                    Some(ended) = self.claims.join_next_with_id() => !self.note_end(ended)?,
                    Some(id) = self.freed.1.recv() => !self.note_freed(id),
                    () = &mut look_again => false,
                };
            }
            while let Some(ended) = self.claims.try_join_next_with_id() {
                self.note_end(ended)?;
            }
            self.note_all_freed();
        }
        self.drain().await
    }

    /// Claims what is due, as far as there is room for it, and starts its attempts.
    ///
    /// A part of the slots is kept for plugins that have nothing under way: however many slow plugins there are, a
    /// quick one beside them finds a slot at once.
    async fn claim_and_start(&mut self) -> Result<(), LedgerError> {
        let reserved = self.config.concurrency / RESERVED_PART;
        let common = self.config.concurrency.saturating_sub(reserved);
        let room = self.room(common);
        // Less than there was room for: nothing more is due.
        let slots = Slots::and_freed(room, &self.freed_count);
        // Where there is no room, what comes free is not all of it room.
        if room > 0 && self.claim(slots, |_, slots| slots).await? < room {
            return Ok(());
        }
        let room = self.room(self.config.concurrency);
        self.claim(room.into(), idle_only).await?;
        Ok(())
    }

    /// How many more claims there may be, with so many slots.
    fn room(&self, slots: usize) -> usize {
        let claims = claims_max(self.config).saturating_sub(self.claims.len());
        slots.saturating_sub(self.attempts.len()).min(claims)
    }

    /// Claims at most `room` runs and starts their attempts; returns how many. `allowed` bounds a plugin's slots,
    /// given how many attempts it has under way and how many more it may have.
    async fn claim(
        &mut self,
        room: Slots,
        allowed: impl Fn(usize, usize) -> usize,
    ) -> Result<usize, LedgerError> {
        let catalog = Arc::clone(&self.catalog.borrow());
        let plugins = self.in_turn(&catalog, allowed);
        if room.count() == 0 || plugins.is_empty() {
            return Ok(0);
        }
        let request = ClaimRequest {
            plugins,
            slots: room,
            running: self.claims.len(),
        };
        let claims = self.handler.ledger.claim(request).await?;
        // Some may have taken the place of these.
        self.note_all_freed();
        let started = claims.len();
        if started > 0 {
            hit!("after-claim");
        }
        // Claims come in the order of the turns, so the last one tells where the next round begins. A plugin that had
        // nothing due gave its turn away and is none the worse for it.
        if let Some(claim) = claims.last() {
            self.last.clone_from(&claim.facts().plugin);
        }
        for claim in claims {
            self.start(catalog.plugins.get(&claim.facts().plugin), claim);
        }
        Ok(started)
    }

    /// The plugins with room for another attempt, in the order of whose turn it is.
    fn in_turn(
        &self,
        catalog: &Catalog,
        allowed: impl Fn(usize, usize) -> usize,
    ) -> Vec<ClaimablePlugin> {
        // One plugin never holds more than half of the host.
        let share = (self.config.concurrency / 2).max(1);
        let mut plugins: Vec<ClaimablePlugin> = catalog
            .plugins
            .values()
            .filter(|plugin| plugin.running().is_some())
            .filter_map(|plugin| {
                let attempts = count(&self.attempts, &plugin.name);
                let free = plugin
                    .grant()
                    .concurrency
                    .min(share)
                    .saturating_sub(attempts);
                let slots = allowed(attempts, free);
                (slots > 0).then(|| ClaimablePlugin {
                    name: plugin.name.clone(),
                    slots: match self.freed_counts.get(&plugin.name) {
                        Some(freed) => Slots::and_freed(slots, freed),
                        None => slots.into(),
                    },
                    // What is not settled yet is not over for a run that wants its plugin to itself.
                    running: self.claims_of(&plugin.name),
                    lease: plugin.grant().limits.timeout.saturating_add(LEASE_MARGIN),
                    runs_per_repo_max: plugin.grant().rules.rate.per_repo,
                })
            })
            .collect();
        // Sorted by name, as the catalog is: those after the last one first.
        let first = plugins.partition_point(|plugin| plugin.name <= self.last);
        plugins.rotate_left(first);
        plugins
    }

    fn start(&mut self, plugin: Option<&Arc<Plugin>>, claim: Claim) {
        let name = claim.facts().plugin.clone();
        let handler = self.handler.clone();
        let facts = claim.facts();
        let span = tracing::info_span!("attempt", plugin = name, delivery = %facts.delivery, run = %facts.run, n = facts.n);
        let counts = [
            self.freed_count.clone(),
            self.freed_counts.entry(name.clone()).or_default().clone(),
        ];
        let slot = Slot::new(self.freed.0.clone(), counts);
        let task = self.claims.spawn(
            handler
                .handle(plugin.map(Arc::clone), claim, slot)
                .instrument(span),
        );
        self.attempts.insert(task.id(), name);
        self.handler.metrics.slots_in_use.inc();
    }

    /// An attempt has ended: its slot is free, while it is being settled. `false` if all of it had ended already.
    fn note_freed(&mut self, id: Id) -> bool {
        let Some(plugin) = self.attempts.remove(&id) else {
            return false;
        };
        self.settling.insert(id, plugin);
        self.handler.metrics.slots_in_use.dec();
        true
    }

    /// The same for all that have said so; `false` if there is none.
    fn note_all_freed(&mut self) -> bool {
        let mut any = false;
        while let Ok(id) = self.freed.1.try_recv() {
            any |= self.note_freed(id);
        }
        any
    }

    /// Takes a claim's task off the books, however it ended; tells whether that made room for another claim.
    fn note_end(&mut self, ended: Ended) -> Result<bool, LedgerError> {
        // What it said is older than its end, and must not be taken for another's of the same id.
        let freed = self.note_all_freed();
        let (id, result) = match ended {
            Ok((id, result)) => (id, result),
            Err(error) => {
                // Its claim is gone with it: the lease runs out and the run is attempted again.
                tracing::error!(%error, "an attempt's task ended abnormally");
                (error.id(), Ok(()))
            }
        };
        let was_full = self.claims.len().saturating_add(1) >= claims_max(self.config);
        let attempt = self.attempts.remove(&id);
        let held_slot = attempt.is_some();
        if held_slot {
            self.handler.metrics.slots_in_use.dec();
        }
        let plugin = attempt.or_else(|| self.settling.remove(&id));
        // A run may wait for its plugin, or the host, to itself.
        let is_idle = plugin
            .as_deref()
            .is_none_or(|plugin| self.claims_of(plugin) == 0);
        match result {
            Ok(()) => {}
            Err(LedgerError::Failed { reason }) => return Err(LedgerError::Failed { reason }),
            Err(error) => tracing::error!(plugin, %error, "an attempt could not be settled"),
        }
        Ok(freed || held_slot || is_idle || was_full)
    }

    /// How many claims of a plugin are not settled yet.
    fn claims_of(&self, plugin: &str) -> usize {
        count(&self.attempts, plugin) + count(&self.settling, plugin)
    }

    /// The plugins that there is room for. An attempt's end makes more room, and is waited for as well.
    fn with_room(&self) -> Vec<String> {
        if self.room(self.config.concurrency) == 0 {
            return Vec::new();
        }
        let catalog = Arc::clone(&self.catalog.borrow());
        let plugins = self.in_turn(&catalog, |_, slots| slots);
        plugins.into_iter().map(|plugin| plugin.name).collect()
    }

    /// Lets attempts finish; those that do not in time are ended and their claims given back, as if they had never
    /// been made.
    async fn drain(&mut self) -> Result<(), LedgerError> {
        if self.finish_within(self.config.drain).await? {
            return Ok(());
        }
        tracing::warn!(
            attempts = self.claims.len(),
            "drain time is over: these attempts are given back, and made again after the restart"
        );
        self.over.send_replace(true);
        if !self.finish_within(GIVE_BACK).await? {
            self.claims.shutdown().await;
        }
        Ok(())
    }

    /// Waits for all attempts; `false` if some go on after so long.
    async fn finish_within(&mut self, time: Duration) -> Result<bool, LedgerError> {
        let over = tokio::time::sleep(time);
        tokio::pin!(over);
        loop {
            tokio::select! {
                ended = self.claims.join_next_with_id() => match ended {
                    Some(ended) => drop(self.note_end(ended)?),
                    None => return Ok(true),
                },
                () = &mut over => return Ok(false),
            }
        }
    }
}

/// When to look for due runs although nothing has happened.
enum Look {
    After(Duration),
    /// When one of these plugins has a run that is due.
    WhenDue(Vec<String>),
}

impl Look {
    async fn wait(self, ledger: Arc<dyn Ledger>) {
        let pause = match self {
            Self::After(pause) => pause,
            Self::WhenDue(plugins) if plugins.is_empty() => LOOK_AGAIN,
            Self::WhenDue(plugins) => match ledger.next_due_ms(plugins).await {
                Ok(Some(due_ms)) => Duration::from_millis(due_ms.saturating_sub(now_ms()))
                    .clamp(LOOK_SOON, LOOK_AGAIN),
                Ok(None) => LOOK_AGAIN,
                Err(_) => LEDGER_RETRY,
            },
        };
        tokio::time::sleep(pause).await;
    }
}

/// How many claims there may be at once.
const fn claims_max(config: WorkerConfig) -> usize {
    config.concurrency.saturating_mul(CLAIMS_PER_SLOT)
}

/// One slot for a plugin that has no attempt under way.
fn idle_only(attempts: usize, slots: usize) -> usize {
    if attempts == 0 { slots.min(1) } else { 0 }
}

fn count(plugins: &HashMap<Id, String>, plugin: &str) -> usize {
    plugins.values().filter(|name| *name == plugin).count()
}
