//! Claims on their way to a caller and back: none is lost because a caller stopped waiting or the disk was full.

use super::fault::Fault;
use super::settle::{Verdict, give_back};
use super::writer::{Shared, Tx, closed};
use crate::ledger::{Claim, LedgerError, Settled};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an ending waits before it tries again what could not be written.
const RETRY: Duration = Duration::from_millis(200);

/// Claims that are made and not yet taken. Dropped before that, they are given back: whoever asked has gone.
pub(super) struct Handout {
    pub claims: Vec<Claim>,
    pub shared: Arc<Shared>,
}

impl Handout {
    pub fn take(mut self) -> Vec<Claim> {
        std::mem::take(&mut self.claims)
    }
}

impl Drop for Handout {
    fn drop(&mut self) {
        for claim in self.claims.drain(..) {
            let run = claim.facts.run;
            let returned = self
                .shared
                .work_unawaited(move |tx| give_back(tx, &claim).map(drop));
            if returned.is_err() {
                tracing::warn!(%run, "a claim made while the ledger closed counts as lost");
            }
        }
    }
}

/// The runs whose claims are being ended: they are held by this process, whatever their leases say.
#[derive(Default)]
pub(super) struct Ending(Mutex<HashSet<i64>>);

impl Ending {
    pub fn contains(&self, run: i64) -> bool {
        self.runs().contains(&run)
    }

    pub fn enter(&self, run: i64) -> EndingRun<'_> {
        self.runs().insert(run);
        EndingRun { ending: self, run }
    }

    fn runs(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run is being ended for as long as this lives.
pub(super) struct EndingRun<'a> {
    ending: &'a Ending,
    run: i64,
}

impl Drop for EndingRun<'_> {
    fn drop(&mut self) {
        self.ending.runs().remove(&self.run);
    }
}

/// Ends a claim. A write that fails for now is tried again until it succeeds: an attempt that has been made must
/// not count as lost because the disk was full when it ended, however long that lasts.
pub(super) async fn end<E>(shared: &Shared, claim: Claim, ending: E) -> Result<Settled, LedgerError>
where
    E: Fn(&mut Tx<'_>, &Claim) -> Result<Verdict, Fault> + Send + Sync + 'static,
{
    let _ending = shared.ending.enter(claim.run_seq);
    let (claim, ending) = (Arc::new(claim), Arc::new(ending));
    let verdict = loop {
        let (claim, ending) = (Arc::clone(&claim), Arc::clone(&ending));
        match shared.try_work(move |tx| ending(tx, &claim)).await {
            Err(Fault::Passing(_)) => tokio::time::sleep(RETRY).await,
            verdict => break verdict.map_err(Fault::into_error)?,
        }
    };
    match verdict {
        Verdict::Settled => Ok(Settled::Yes),
        Verdict::Stale => Ok(Settled::Stale),
        // The work that shared the claim is done, so this is its only owner.
        Verdict::Conflict => Arc::into_inner(claim)
            .map(|claim| Settled::Conflict(Box::new(claim)))
            .ok_or_else(|| closed().into_error()),
    }
}
