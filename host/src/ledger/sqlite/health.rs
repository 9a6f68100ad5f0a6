//! How the ledger does: whether it failed for good, and whether its last write succeeded.

use super::fault::Fault;
use super::{marker, open};
use crate::ledger::LedgerError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The time between two writes that only try whether a store that refused one takes one again.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// How the ledger of one file does.
pub(super) struct Health {
    file: PathBuf,
    failure: watch::Sender<Option<Arc<str>>>,
    /// Held while a failure is written down.
    marking: Mutex<()>,
    writes: Mutex<Writes>,
}

/// How writing goes.
#[derive(Default)]
struct Writes {
    /// Why the last write failed, if it did.
    refused: Option<LedgerError>,
    /// When somebody last tried only to see whether one succeeds.
    probed: Option<Instant>,
}

/// Whether the store takes writes, as far as is known.
pub(super) enum Standing {
    /// It took the last one.
    Writes,
    /// It refused the last one, a moment ago.
    Refuses(LedgerError),
    /// It refused the last one, and it is time to try again. Nobody else is told so for a while.
    Try(LedgerError),
}

impl Health {
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            failure: watch::Sender::new(None),
            marking: Mutex::default(),
            writes: Mutex::default(),
        }
    }

    /// The ledger's file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Names the ledger's file in a fault and finds out whether it is final; one that is stops the host, and the next
    /// start is told by the marker. Blocks: it may write to the folder.
    pub fn judge(&self, fault: Fault) -> Fault {
        let folder = open::folder_of(&self.file);
        let fault = fault.in_file(&self.file).after_trying(folder);
        if let Fault::Final(reason) = &fault {
            // Told first: a disk that answers nothing must not keep the host from stopping.
            let marking = lock(&self.marking);
            if self.fail(reason) {
                marker::leave(&self.file, reason);
            }
            drop(marking);
        }
        fault
    }

    /// Takes note that the ledger failed for good; the first reason stays. Says whether this was the first.
    pub fn fail(&self, reason: &str) -> bool {
        self.failure.send_if_modified(|failure| {
            let first = failure.is_none();
            if first {
                tracing::error!(reason, "the ledger failed");
                *failure = Some(reason.into());
            }
            first
        })
    }

    /// Waits until a failure that was told is written down.
    pub fn until_marked(&self) {
        drop(lock(&self.marking));
    }

    /// Takes note of how the last write went; tells the log only when that changed.
    pub fn wrote(&self, outcome: Result<(), LedgerError>) {
        let refused = outcome.err();
        let mut writes = lock(&self.writes);
        match (&writes.refused, &refused) {
            (None, Some(error)) => {
                tracing::warn!(%error, "deliveries are refused until the ledger can write again");
            }
            (Some(_), None) => tracing::info!("the ledger writes again"),
            _ => {}
        }
        writes.refused = refused;
    }

    /// Why no more is to be asked of the store, if it failed.
    pub fn check(&self) -> Result<(), LedgerError> {
        match self.failure.borrow().clone() {
            Some(reason) => Err(LedgerError::Failed { reason }),
            None => Ok(()),
        }
    }

    /// Whether the store takes writes. Of those who ask while it does not, one a second is to try.
    pub fn standing(&self) -> Standing {
        let mut writes = lock(&self.writes);
        let Some(refused) = writes.refused.clone() else {
            return Standing::Writes;
        };
        let now = Instant::now();
        let is_due = |probed: Instant| now.saturating_duration_since(probed) >= PROBE_EVERY;
        if !writes.probed.is_none_or(is_due) {
            return Standing::Refuses(refused);
        }
        writes.probed = Some(now);
        Standing::Try(refused)
    }

    pub fn failure(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.failure.subscribe()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
