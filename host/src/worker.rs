//! The worker: claims runs, makes attempts, settles them.
//!
//! It owns every attempt it starts, keeps within the host's and each plugin's bounds, and takes plugins in turn, so
//! that one with a long backlog delays no other. At shutdown it claims nothing more and lets attempts finish. It
//! answers no HTTP.

use crate::clock::now_ms;
use crate::delivery::{AttemptRecord, Outcome, Settlement, Trap, settlement};
use crate::ledger::{
    Claim, ClaimRequest, ClaimablePlugin, Ledger, LedgerError, Settled, StateChanges,
};
use crate::plugin::catalog::{Catalog, Plugin};
use crate::plugin::sandbox::{Attempt, Invocation, NoSandbox, attempt};
use crate::plugin::{Component, Engine};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What a lease lasts longer than the attempt's own time limit: time to load the payload and to settle.
const LEASE_MARGIN: Duration = Duration::from_secs(60);

/// The longest that the worker sleeps without looking: a lost wake-up costs so much.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The wait after the ledger could not be written to.
const LEDGER_RETRY: Duration = Duration::from_millis(250);

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
    ledger: Arc<dyn Ledger>,
    engine: Engine,
    catalog: watch::Receiver<Arc<Catalog>>,
    guests: Handle,
    config: WorkerConfig,
    attempts: JoinSet<(String, Result<(), LedgerError>)>,
    running: HashMap<String, usize>,
    turn: usize,
}

impl Worker {
    /// A worker whose guests run on the runtime behind `guests`.
    #[must_use]
    pub fn new(
        ledger: Arc<dyn Ledger>,
        engine: Engine,
        catalog: watch::Receiver<Arc<Catalog>>,
        guests: Handle,
        config: WorkerConfig,
    ) -> Self {
        Self {
            ledger,
            engine,
            catalog,
            guests,
            config,
            attempts: JoinSet::new(),
            running: HashMap::new(),
            turn: 0,
        }
    }

    /// Works until `shutdown` says stop, then drains.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] when the ledger failed for good.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) -> Result<(), LedgerError> {
        let mut claimable = self.ledger.claimable();
        while !*shutdown.borrow_and_update() {
            claimable.borrow_and_update();
            let pause = match self.claim_and_start().await {
                Ok(0) => self.until_due().await,
                Ok(_) => Duration::ZERO,
                Err(LedgerError::Failed { reason }) => return Err(LedgerError::Failed { reason }),
                Err(error) => {
                    tracing::warn!(%error, "cannot claim runs; trying again");
                    LEDGER_RETRY
                }
            };
            if pause.is_zero() && self.attempts.len() < self.config.concurrency {
                continue;
            }
            tokio::select! {
                _ = shutdown.changed() => {}
                _ = claimable.changed() => {}
                Some(ended) = self.attempts.join_next() => self.note_end(ended)?,
                () = tokio::time::sleep(pause.max(Duration::from_millis(1))) => {}
            }
            while let Some(ended) = self.attempts.try_join_next() {
                self.note_end(ended)?;
            }
        }
        self.drain().await
    }

    /// Claims what there is room for and starts its attempts; returns how many.
    async fn claim_and_start(&mut self) -> Result<usize, LedgerError> {
        let slots = self.config.concurrency.saturating_sub(self.attempts.len());
        let catalog = Arc::clone(&self.catalog.borrow());
        let plugins = self.in_turn(&catalog);
        if slots == 0 || plugins.is_empty() {
            return Ok(0);
        }
        let request = ClaimRequest {
            plugins,
            slots,
            running: self.attempts.len(),
        };
        let claims = self.ledger.claim(request).await?;
        let started = claims.len();
        for claim in claims {
            self.start(&catalog, claim);
        }
        Ok(started)
    }

    /// The plugins with room for another attempt, beginning with another one each time.
    fn in_turn(&mut self, catalog: &Catalog) -> Vec<ClaimablePlugin> {
        // One plugin never holds more than half of the host.
        let share = (self.config.concurrency / 2).max(1);
        let mut plugins: Vec<ClaimablePlugin> = catalog
            .plugins
            .values()
            .filter(|plugin| plugin.reason().is_none())
            .filter_map(|plugin| {
                let running = self.running.get(&plugin.name).copied().unwrap_or(0);
                let slots = plugin.grant.concurrency.min(share).saturating_sub(running);
                (slots > 0).then(|| ClaimablePlugin {
                    name: plugin.name.clone(),
                    slots,
                    running,
                    lease: plugin.grant.limits.timeout.saturating_add(LEASE_MARGIN),
                })
            })
            .collect();
        self.turn = self.turn.wrapping_add(1);
        if !plugins.is_empty() {
            let first = self.turn % plugins.len();
            plugins.rotate_left(first);
        }
        plugins
    }

    fn start(&mut self, catalog: &Catalog, claim: Claim) {
        let name = claim.facts().plugin.clone();
        let plugin = catalog.plugins.get(&name).map(Arc::clone);
        let ledger = Arc::clone(&self.ledger);
        let engine = self.engine.clone();
        *self.running.entry(name.clone()).or_default() += 1;
        let guests = self.guests.clone();
        self.attempts.spawn(async move {
            let result = handle(&*ledger, &engine, &guests, plugin, claim).await;
            (name, result)
        });
    }

    fn note_end(
        &mut self,
        ended: Result<(String, Result<(), LedgerError>), tokio::task::JoinError>,
    ) -> Result<(), LedgerError> {
        let (name, result) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                // Its claim is gone with it: the lease runs out and the run is attempted again.
                tracing::error!(%error, "an attempt's task ended abnormally");
                return Ok(());
            }
        };
        if let Some(running) = self.running.get_mut(&name) {
            *running = running.saturating_sub(1);
        }
        match result {
            Err(LedgerError::Failed { reason }) => Err(LedgerError::Failed { reason }),
            Err(error) => {
                tracing::error!(plugin = name, %error, "an attempt could not be settled");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// How long until a run is due, as far as the ledger knows.
    async fn until_due(&self) -> Duration {
        let catalog = Arc::clone(&self.catalog.borrow());
        let names = catalog.plugins.keys().cloned().collect();
        match self.ledger.next_due_ms(names).await {
            Ok(Some(due_ms)) => {
                let wait = Duration::from_millis(due_ms.saturating_sub(now_ms()));
                // Due already, and yet nothing was claimed: no slot was free for it.
                if wait.is_zero() {
                    LOOK_AGAIN
                } else {
                    wait.min(LOOK_AGAIN)
                }
            }
            Ok(None) => LOOK_AGAIN,
            Err(_) => LEDGER_RETRY,
        }
    }

    /// Lets attempts finish; those that do not in time are dropped, and their runs attempted again after a restart.
    async fn drain(&mut self) -> Result<(), LedgerError> {
        let deadline = tokio::time::Instant::now() + self.config.drain;
        while !self.attempts.is_empty() {
            tokio::select! {
                Some(ended) = self.attempts.join_next() => self.note_end(ended)?,
                () = tokio::time::sleep_until(deadline) => {
                    tracing::warn!(
                        attempts = self.attempts.len(),
                        "drain time is over: these attempts are dropped and made again after the restart"
                    );
                    self.attempts.shutdown().await;
                    break;
                }
            }
        }
        Ok(())
    }
}

/// One claim, from its payload to its settlement.
async fn handle(
    ledger: &dyn Ledger,
    engine: &Engine,
    guests: &Handle,
    plugin: Option<Arc<Plugin>>,
    mut claim: Claim,
) -> Result<(), LedgerError> {
    let Some((plugin, component)) = plugin
        .as_ref()
        .and_then(|plugin| Some((plugin, plugin.component()?)))
    else {
        ledger.give_back(claim).await?;
        return Ok(());
    };
    if claim.routed_digest() != component.facts().digest && !reroute(&mut claim, component) {
        let record = not_executed(
            component,
            "this version of the plugin does not subscribe to the event".to_owned(),
        );
        return settle(ledger, claim, Settlement::Ignored, record).await;
    }
    let payload = match ledger.payload(&claim).await {
        Ok(payload) => payload,
        Err(error) => return bury(ledger, claim, component, &error).await,
    };
    let invocation = invocation(&claim, payload);
    let attempted = {
        let (engine, component) = (engine.clone(), component.clone());
        let limits = plugin.grant.limits;
        // Guests have a runtime of their own: one that spins delays neither intake nor the ledger. The guard ends
        // the attempt with this task.
        let mut task = AbortOnDrop(
            guests.spawn(async move { attempt(&engine, &component, &limits, invocation).await }),
        );
        (&mut task.0).await
    };
    let attempt = match attempted {
        Ok(Ok(attempt)) => attempt,
        Ok(Err(NoSandbox)) => {
            tracing::warn!(
                plugin = plugin.name,
                "no sandbox is free; the run is tried again"
            );
            ledger.give_back(claim).await?;
            return Ok(());
        }
        Err(error) => Attempt {
            record: host_fault(component, &error),
            after: None,
        },
    };
    tell(&claim, &attempt);
    let settlement = settlement(
        attempt.record.outcome,
        claim.facts().counted,
        attempt.after,
        &plugin.grant.retry,
        fastrand::f64(),
    );
    settle(ledger, claim, settlement, attempt.record).await
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Gives a run up whose payload cannot be read: trying again would read the same bytes. If it is the ledger itself
/// that failed, the settlement fails too, and says so.
async fn bury(
    ledger: &dyn Ledger,
    claim: Claim,
    component: &Component,
    error: &LedgerError,
) -> Result<(), LedgerError> {
    tracing::error!(delivery = %claim.facts().delivery, %error, "its payload cannot be read");
    let reason = format!("its payload cannot be read: {error}");
    let record = AttemptRecord {
        output: Some(reason.clone()),
        ..empty_record(component, Outcome::Rejected)
    };
    settle(ledger, claim, Settlement::Dead { reason }, record).await
}

async fn settle(
    ledger: &dyn Ledger,
    claim: Claim,
    settlement: Settlement,
    record: AttemptRecord,
) -> Result<(), LedgerError> {
    let run = claim.facts().run;
    match ledger
        .settle(claim, settlement, record, StateChanges::default())
        .await?
    {
        Settled::Yes => {}
        Settled::Stale => {
            tracing::warn!(%run, "its lease ran out; this attempt's result is dropped")
        }
        Settled::Conflict(claim) => {
            // Nothing is written to plugin state yet, so nothing can conflict; give the run back rather than lose it.
            ledger.give_back(*claim).await?;
        }
    }
    Ok(())
}

/// Matches the subscriptions of the version that is to run; `false` if it no longer subscribes to the event.
fn reroute(claim: &mut Claim, component: &Component) -> bool {
    let facts = claim.facts();
    let Some(seen) = component
        .manifest()
        .sees(&facts.sent_scope, &facts.sent_action)
    else {
        return false;
    };
    claim.see_as(seen, &component.facts().digest);
    true
}

fn invocation(claim: &Claim, payload: crate::ledger::Payload) -> Invocation {
    let facts = claim.facts();
    Invocation {
        delivery: facts.delivery.to_string(),
        run: facts.run.to_string(),
        attempt: facts.n,
        received_ms: facts.received_ms,
        seen: claim.seen().clone(),
        sent_scope: facts.sent_scope.clone(),
        sent_action: facts.sent_action.clone(),
        repo_type: facts.repo_type.clone(),
        repo_name: facts.repo_name.clone(),
        repo_id: facts.repo_id.clone(),
        body: payload.body,
        headers: payload.headers,
    }
}

fn empty_record(component: &Component, outcome: Outcome) -> AttemptRecord {
    AttemptRecord {
        version: component.manifest().version.clone(),
        digest: component.facts().digest.clone(),
        outcome,
        output: None,
        fuel: 0,
        fuel_limit: 0,
        memory_peak_bytes: 0,
        wall_ms: 0,
        logs: Vec::new(),
        calls: Vec::new(),
        trap: None,
    }
}

fn not_executed(component: &Component, reason: String) -> AttemptRecord {
    AttemptRecord {
        output: Some(reason),
        ..empty_record(component, Outcome::Ignored)
    }
}

/// A panic of ours while a guest ran stays one failed attempt.
fn host_fault(component: &Component, error: &tokio::task::JoinError) -> AttemptRecord {
    tracing::error!(%error, "a host function failed");
    AttemptRecord {
        trap: Some(Trap {
            message: "a fault of the host itself, not of the plugin; its log says more".to_owned(),
            frames: Vec::new(),
        }),
        ..empty_record(component, Outcome::Trapped)
    }
}

fn tell(claim: &Claim, attempt: &Attempt) {
    let facts = claim.facts();
    let record = &attempt.record;
    tracing::info!(
        plugin = facts.plugin,
        delivery = %facts.delivery,
        attempt = facts.n,
        outcome = %record.outcome,
        fuel = record.fuel,
        ms = record.wall_ms,
        reason = record.trap.as_ref().map(|trap| trap.message.as_str()),
        "attempt ended"
    );
}
