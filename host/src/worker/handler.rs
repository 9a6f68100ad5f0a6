//! One claim, from its payload to its settlement.

use crate::delivery::{AttemptRecord, Counts, Outcome, Settlement, Trap, settlement};
use crate::failpoint::hit;
use crate::ledger::{
    Claim, ClaimFacts, Freed, Ledger, LedgerError, Payload, Settled, StateChanges,
};
use crate::plugin::capability::{Backing, Capabilities, StateStore};
use crate::plugin::catalog::Plugin;
use crate::plugin::sandbox::{Attempt, Invocation, NoSandbox, attempt};
use crate::plugin::{Component, Engine};
use crate::scope::SeenEvent;
use crate::worker::metrics::{Used, WorkerMetrics};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::{Id, JoinError, JoinHandle};
use tracing::Instrument as _;

/// How long a run that could not be attempted keeps its slot: what was missing may come back meanwhile.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest time that an attempt which is broken off may take to end: a tick, and what the host does for it.
const ABORT_TIME_MAX: Duration = Duration::from_secs(1);

/// An attempt that ended and is settled, durably.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its run, and the delivery it handles.
    pub facts: ClaimFacts,
    /// The event as the plugin saw it.
    pub seen: SeenEvent,
    /// What became of the run.
    pub settlement: Settlement,
    /// What the attempt left behind.
    pub attempt: AttemptRecord,
}

/// An attempt's slot. It is free once the attempt has ended, though that is not settled yet: what is settled waits for
/// the disk, and no guest needs to wait with it.
pub struct Slot {
    freed: mpsc::Sender<Id>,
    counts: [Freed; 2],
}

impl Slot {
    /// One that is told to be free there, and counted before.
    pub const fn new(freed: mpsc::Sender<Id>, counts: [Freed; 2]) -> Self {
        Self { freed, counts }
    }

    /// Frees it, unless the attempt changed its plugin's state: the next one is to see that.
    fn free(self, changes: &StateChanges) {
        if changes.writes.is_empty()
            && let Some(id) = tokio::task::try_id()
        {
            self.counts.iter().for_each(Freed::add_one);
            // There is room for all of them; one that was not told is free when its claim is settled.
            let _ = self.freed.try_send(id);
        }
    }
}

/// Handles claims; cheap to clone.
#[derive(Clone)]
pub struct Handler {
    pub ledger: Arc<dyn Ledger>,
    /// Where attempts read their plugins' state: that ledger.
    pub state: Arc<dyn StateStore>,
    pub engine: Engine,
    /// The runtime of the guests.
    pub guests: Handle,
    /// Turns true when the drain time is over: attempts end, and their claims are given back.
    pub over: watch::Receiver<bool>,
    /// Told of every attempt that is settled.
    pub reports: broadcast::Sender<Arc<Report>>,
    pub metrics: WorkerMetrics,
}

impl Handler {
    /// Attempts a claimed run and settles it, or gives it back if it could not be attempted.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn handle(
        mut self,
        plugin: Option<Arc<Plugin>>,
        mut claim: Claim,
        slot: Slot,
    ) -> Result<(), LedgerError> {
        let found = plugin
            .as_ref()
            .and_then(|plugin| Some((plugin, plugin.running()?)));
        let Some((plugin, component)) = found else {
            return self.give_back(claim).await;
        };
        if claim.routed_digest() != component.facts().digest && !reroute(&mut claim, component) {
            let reason = "this version of the plugin does not subscribe to the event";
            let record = AttemptRecord {
                output: Some(reason.to_owned()),
                ..not_executed(component, Outcome::Ignored)
            };
            let changes = StateChanges::default();
            return self
                .settle(claim, Settlement::Ignored, record, changes)
                .await;
        }
        let payload = match self.ledger.payload(&claim).await {
            Ok(Some(payload)) => payload,
            Ok(None) => return self.bury(claim, component).await,
            Err(LedgerError::Failed { reason }) => return Err(LedgerError::Failed { reason }),
            Err(error) => {
                tracing::warn!(delivery = %claim.facts().delivery, %error, "its payload cannot be read now");
                return self.give_back_later(claim).await;
            }
        };
        let invocation = invocation(&claim, payload);
        tracing::debug!("attempt begins");
        let attempted = self.attempt(plugin, component, invocation).await;
        tracing::debug!("attempt ends");
        match attempted {
            Attempted::Ended(attempt) => {
                let settlement = settlement(
                    attempt.record.outcome,
                    claim.facts().counted,
                    attempt.after,
                    &plugin.grant().retry,
                    fastrand::f64(),
                );
                slot.free(&attempt.changes);
                self.settle(claim, settlement, attempt.record, attempt.changes)
                    .await
            }
            Attempted::CutShort => {
                hit!("in-drain");
                let given_back = self.give_back(claim).await;
                hit!("after-give-back");
                given_back
            }
            Attempted::NoSandbox => {
                tracing::warn!(
                    plugin = plugin.name,
                    "no sandbox is free; its run is tried again"
                );
                self.give_back_later(claim).await
            }
        }
    }

    /// Runs the guest. Guests have a runtime of their own: one that spins delays neither intake nor the ledger.
    async fn attempt(
        &mut self,
        plugin: &Plugin,
        component: &Component,
        invocation: Invocation,
    ) -> Attempted {
        let (engine, limits) = (self.engine.clone(), plugin.grant().limits);
        let guest = component.clone();
        let capabilities = Capabilities::of(plugin.grant(), plugin.http.clone());
        let backing = Backing {
            plugin: plugin.name.as_str().into(),
            state: Arc::clone(&self.state),
        };
        // Dropped with this future, and the guest with it.
        let attempt = async move {
            attempt(
                &engine,
                &guest,
                &limits,
                &capabilities,
                &backing,
                invocation,
            )
            .await
        };
        // What is told of it names its delivery, also when it is broken off.
        let mut task = AbortOnDrop(self.guests.spawn(attempt.in_current_span()));
        // What it gives is no thing to keep over a wait.
        let over = async { drop(self.over.wait_for(|over| *over).await) };
        tokio::select! {
            ended = &mut task.0 => match ended {
                Ok(Ok(attempt)) => Attempted::Ended(Box::new(attempt)),
                Ok(Err(NoSandbox)) => Attempted::NoSandbox,
                Err(error) => Attempted::Ended(Box::new(Attempt {
                    record: host_fault(component, &error),
                    after: None,
                    changes: StateChanges::default(),
                })),
            },
            () = over => {
                // It ends where it next lets others run: before its claim is given back, and what it has to tell is told.
                task.0.abort();
                drop(tokio::time::timeout(ABORT_TIME_MAX, &mut task.0).await);
                Attempted::CutShort
            }
        }
    }

    async fn give_back(&self, claim: Claim) -> Result<(), LedgerError> {
        self.ledger.give_back(claim).await.map(drop)
    }

    async fn give_back_later(&mut self, claim: Claim) -> Result<(), LedgerError> {
        let over = self.over.wait_for(|over| *over);
        // Whichever comes first: the pause, or the end of the drain.
        let _ = tokio::time::timeout(PAUSE, over).await;
        self.give_back(claim).await
    }

    /// Gives a run up whose payload is gone or damaged: no later attempt could read it either.
    async fn bury(&self, claim: Claim, component: &Component) -> Result<(), LedgerError> {
        let reason = "its payload is damaged in the ledger; check the disk".to_owned();
        let record = AttemptRecord {
            trap: Some(Trap {
                message: reason.clone(),
                frames: Vec::new(),
            }),
            ..not_executed(component, Outcome::Trapped)
        };
        self.settle(
            claim,
            Settlement::Dead { reason },
            record,
            StateChanges::default(),
        )
        .await
    }

    /// What is to be told of an attempt once it is settled, if anybody listens.
    fn report(
        &self,
        claim: &Claim,
        settlement: &Settlement,
        attempt: &AttemptRecord,
    ) -> Option<Report> {
        (self.reports.receiver_count() > 0).then(|| Report {
            facts: claim.facts().clone(),
            seen: claim.seen().clone(),
            settlement: settlement.clone(),
            attempt: attempt.clone(),
        })
    }

    /// Settles a claim. One whose attempt was overtaken by another of its plugin is settled as a conflict, with what it
    /// logged and called: that happened, and cannot be undone.
    async fn settle(
        &self,
        claim: Claim,
        settlement: Settlement,
        record: AttemptRecord,
        changes: StateChanges,
    ) -> Result<(), LedgerError> {
        hit!("before-settle");
        // Nothing conflicts with an attempt that did not look at its plugin's state.
        let in_conflict = (!changes.is_empty()).then(|| in_conflict(&record));
        let overtaken = self.settle_once(claim, settlement, record, changes).await?;
        if let (Some(claim), Some(record)) = (overtaken, in_conflict) {
            let at_once = Settlement::Again {
                delay: Duration::ZERO,
                counts: Counts::No,
            };
            let nothing = StateChanges::default();
            self.settle_once(claim, at_once, record, nothing).await?;
        }
        Ok(())
    }

    /// The claim comes back if what its attempt did with its plugin's state is in conflict with another's: nothing of it
    /// is settled then.
    async fn settle_once(
        &self,
        claim: Claim,
        settlement: Settlement,
        record: AttemptRecord,
        changes: StateChanges,
    ) -> Result<Option<Claim>, LedgerError> {
        let (outcome, fuel, ms) = (record.outcome, record.fuel, record.wall_ms());
        let reason = record.trap.as_ref().map(|trap| trap.message.clone());
        let report = self.report(&claim, &settlement, &record);
        let (plugin, used) = (claim.facts().plugin.clone(), Used::of(&record));
        let settled = self.ledger.settle(claim, settlement, record, changes);
        match settled.await? {
            Settled::Yes => {
                hit!("after-settle");
                tracing::info!(%outcome, fuel, ms, reason, "attempt settled");
                if let Some(used) = used {
                    self.metrics.settled(&plugin, used);
                }
                // Nobody may be listening.
                drop(report.map(|report| self.reports.send(Arc::new(report))));
                Ok(None)
            }
            Settled::Stale => {
                tracing::warn!(%outcome, "its lease ran out; this attempt's result is dropped");
                Ok(None)
            }
            Settled::Conflict(claim) => Ok(Some(*claim)),
        }
    }
}

/// How a guest's run ended.
enum Attempted {
    Ended(Box<Attempt>),
    /// The host stops and cannot wait for it.
    CutShort,
    NoSandbox,
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Matches the subscriptions of the version that is to run; `false` if it no longer subscribes to the event.
fn reroute(claim: &mut Claim, component: &Component) -> bool {
    let facts = claim.facts();
    let seen = component
        .manifest()
        .sees(&facts.sent_scope, &facts.sent_action);
    let Some(seen) = seen else {
        return false;
    };
    claim.see_as(seen, &component.facts().digest);
    true
}

fn invocation(claim: &Claim, payload: Payload) -> Invocation {
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

fn not_executed(component: &Component, outcome: Outcome) -> AttemptRecord {
    AttemptRecord::not_executed(
        component.manifest().version.clone(),
        component.facts().digest.clone(),
        outcome,
    )
}

/// A panic of ours while a guest ran stays one failed attempt.
fn host_fault(component: &Component, error: &JoinError) -> AttemptRecord {
    tracing::error!(%error, "a host function failed");
    AttemptRecord {
        trap: Some(Trap {
            message: "a fault of the host itself, not of the plugin; its log says more".to_owned(),
            frames: Vec::new(),
        }),
        ..not_executed(component, Outcome::Trapped)
    }
}

/// What is kept of an attempt that was overtaken. What it said is not: it did not come true.
fn in_conflict(attempt: &AttemptRecord) -> AttemptRecord {
    AttemptRecord {
        outcome: Outcome::Conflict,
        output: None,
        trap: Some(Trap {
            message: "another attempt changed the plugin state that this one had read, or took its room; nothing that \
                      this one wrote is kept, and it is made again"
                .to_owned(),
            frames: Vec::new(),
        }),
        ..attempt.clone()
    }
}
