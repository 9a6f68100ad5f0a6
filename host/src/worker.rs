//! The worker: claims runs, makes attempts, settles them.
//!
//! It owns every attempt it starts, keeps within the host's and each plugin's bounds, and takes plugins in turn, so
//! that one with a long backlog delays no other. At shutdown it claims nothing more and lets attempts finish; what
//! does not finish in time is given back. It answers no HTTP.

mod handler;
mod metrics;

use crate::clock::now_ms;
use crate::failpoint::hit;
use crate::ledger::{Claim, ClaimRequest, ClaimablePlugin, Ledger, LedgerError};
use crate::plugin::Engine;
use crate::plugin::catalog::{Catalog, Plugin};
use handler::Handler;
pub use handler::Report;
pub use metrics::WorkerMetrics;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, watch};
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
    attempts: JoinSet<Result<(), LedgerError>>,
    /// The plugin of each attempt's task.
    plugins: HashMap<Id, String>,
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
                ledger,
                engine,
                guests,
                over: is_over,
                reports: broadcast::channel(REPORTS_MAX).0,
                metrics,
            },
            catalog,
            config,
            attempts: JoinSet::new(),
            plugins: HashMap::new(),
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
            let pause = match self.claim_and_start().await {
                // With all slots in use only an attempt's end makes room, and that wakes the wait below.
                Ok(0) if self.attempts.len() >= self.config.concurrency => LOOK_AGAIN,
                Ok(0) => self.until_due().await,
                Ok(_) if self.attempts.len() < self.config.concurrency => continue,
                Ok(_) => LOOK_AGAIN,
                Err(LedgerError::Failed { reason }) => return Err(LedgerError::Failed { reason }),
                Err(error) => {
                    tracing::warn!(%error, "cannot claim runs; trying again");
                    LEDGER_RETRY
                }
            };
            tokio::select! {
                _ = shutdown.changed() => {}
                _ = claimable.changed() => {}
                Ok(()) = self.catalog.changed() => {}
                Some(ended) = self.attempts.join_next_with_id() => self.note_end(ended)?,
                () = tokio::time::sleep(pause) => {}
            }
            while let Some(ended) = self.attempts.try_join_next_with_id() {
                self.note_end(ended)?;
            }
        }
        self.drain().await
    }

    /// Claims what there is room for and starts its attempts; returns how many.
    ///
    /// A part of the slots is kept for plugins that have nothing under way: however many slow plugins there are, a
    /// quick one beside them finds a slot at once.
    async fn claim_and_start(&mut self) -> Result<usize, LedgerError> {
        let reserved = self.config.concurrency / RESERVED_PART;
        let common = self.config.concurrency.saturating_sub(reserved);
        let room = common.saturating_sub(self.attempts.len());
        let started = self.claim(room, |_, slots| slots).await?;
        if started < room {
            return Ok(started);
        }
        let room = self.config.concurrency.saturating_sub(self.attempts.len());
        let idle_only = |running, slots: usize| if running == 0 { slots.min(1) } else { 0 };
        Ok(started + self.claim(room, idle_only).await?)
    }

    /// Claims at most `room` runs and starts their attempts; returns how many. `allowed` bounds a plugin's slots,
    /// given how many attempts it has under way and how many more it may have.
    async fn claim(
        &mut self,
        room: usize,
        allowed: impl Fn(usize, usize) -> usize,
    ) -> Result<usize, LedgerError> {
        let catalog = Arc::clone(&self.catalog.borrow());
        let plugins = self.in_turn(&catalog, allowed);
        if room == 0 || plugins.is_empty() {
            return Ok(0);
        }
        let request = ClaimRequest {
            plugins,
            slots: room,
            running: self.attempts.len(),
        };
        let claims = self.handler.ledger.claim(request).await?;
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
                let running = self.running(&plugin.name);
                let free = plugin
                    .grant()
                    .concurrency
                    .min(share)
                    .saturating_sub(running);
                let slots = allowed(running, free);
                (slots > 0).then(|| ClaimablePlugin {
                    name: plugin.name.clone(),
                    slots,
                    running,
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

    fn running(&self, plugin: &str) -> usize {
        self.plugins.values().filter(|name| *name == plugin).count()
    }

    fn start(&mut self, plugin: Option<&Arc<Plugin>>, claim: Claim) {
        let name = claim.facts().plugin.clone();
        let handler = self.handler.clone();
        let facts = claim.facts();
        let span = tracing::info_span!("attempt", plugin = name, delivery = %facts.delivery, run = %facts.run, n = facts.n);
        let task = self.attempts.spawn(
            handler
                .handle(plugin.map(Arc::clone), claim)
                .instrument(span),
        );
        self.plugins.insert(task.id(), name);
        self.handler.metrics.slots_in_use.inc();
    }

    /// Takes an attempt's task off the books, however it ended.
    fn note_end(&mut self, ended: Ended) -> Result<(), LedgerError> {
        let (id, result) = match ended {
            Ok((id, result)) => (id, result),
            Err(error) => {
                // Its claim is gone with it: the lease runs out and the run is attempted again.
                tracing::error!(%error, "an attempt's task ended abnormally");
                (error.id(), Ok(()))
            }
        };
        let plugin = self.plugins.remove(&id);
        self.handler.metrics.slots_in_use.dec();
        match result {
            Ok(()) => Ok(()),
            Err(LedgerError::Failed { reason }) => Err(LedgerError::Failed { reason }),
            Err(error) => {
                tracing::error!(plugin, %error, "an attempt could not be settled");
                Ok(())
            }
        }
    }

    /// How long until a run is due, as far as the ledger knows.
    async fn until_due(&self) -> Duration {
        let catalog = Arc::clone(&self.catalog.borrow());
        let running = catalog
            .plugins
            .values()
            .filter(|plugin| plugin.running().is_some());
        let names = running.map(|plugin| plugin.name.clone()).collect();
        match self.handler.ledger.next_due_ms(names).await {
            Ok(Some(due_ms)) => {
                Duration::from_millis(due_ms.saturating_sub(now_ms())).clamp(LOOK_SOON, LOOK_AGAIN)
            }
            Ok(None) => LOOK_AGAIN,
            Err(_) => LEDGER_RETRY,
        }
    }

    /// Lets attempts finish; those that do not in time are ended and their claims given back, as if they had never
    /// been made.
    async fn drain(&mut self) -> Result<(), LedgerError> {
        if self.finish_within(self.config.drain).await? {
            return Ok(());
        }
        tracing::warn!(
            attempts = self.attempts.len(),
            "drain time is over: these attempts are given back, and made again after the restart"
        );
        self.over.send_replace(true);
        if !self.finish_within(GIVE_BACK).await? {
            self.attempts.shutdown().await;
        }
        Ok(())
    }

    /// Waits for all attempts; `false` if some go on after so long.
    async fn finish_within(&mut self, time: Duration) -> Result<bool, LedgerError> {
        let over = tokio::time::sleep(time);
        tokio::pin!(over);
        loop {
            tokio::select! {
                ended = self.attempts.join_next_with_id() => match ended {
                    Some(ended) => self.note_end(ended)?,
                    None => return Ok(true),
                },
                () = &mut over => return Ok(false),
            }
        }
    }
}
