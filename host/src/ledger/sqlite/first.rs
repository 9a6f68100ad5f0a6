//! Waiting for a delivery's first attempts: woken by what the host itself writes, and looking now and then at what an
//! operator's command wrote beside it.

use super::reader::ReaderPool;
use super::writer::{Shared, closed};
use super::{fault::Fault, query};
use crate::delivery::{DeliveryId, Gate, Outcome, RunState};
use crate::ledger::{LedgerError, RunRecord};
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// The time between two looks at what nobody wakes for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Waits until every run of a delivery has ended its first attempt, is settled, or is parked.
pub(super) async fn first_attempts(
    shared: &Shared,
    readers: &ReaderPool,
    id: DeliveryId,
) -> Result<Vec<RunRecord>, LedgerError> {
    let waiting = shared.waits.register(id);
    let mut failure = shared.health.failure();
    let mut ended = shared.ended.subscribe();
    loop {
        // Registered before the runs are read: what is committed after that is not missed.
        let mut woken = pin!(waiting.notify.notified());
        woken.as_mut().enable();
        let runs = readers
            .read(move |connection| query::runs_of(connection, id))
            .await?;
        if runs.iter().all(has_had_its_first_attempt) {
            return Ok(runs);
        }
        tokio::select! {
            _ = timeout(LOOK_EVERY, woken) => {}
            _ = failure.changed() => {}
            _ = ended.wait_for(|ended| *ended) => return Err(Fault::into_error(closed())),
        }
    }
}

/// Attempts that do not count are made again at once, so they are not what is waited for.
fn has_had_its_first_attempt(run: &RunRecord) -> bool {
    let is_parked = run.state == RunState::Pending && run.gate == Gate::Parked;
    let counts = |outcome| !matches!(outcome, Outcome::Lost | Outcome::Conflict);
    let has_ended_one = run
        .attempts
        .iter()
        .any(|attempt| attempt.outcome.is_some_and(counts));
    run.state.is_settled() || is_parked || has_ended_one
}
