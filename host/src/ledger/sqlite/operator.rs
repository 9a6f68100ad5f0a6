//! Writes what an operator asks for into a ledger that a host may be serving meanwhile, or will serve later.
//!
//! Every write is one transaction beside the host's own, durable when it is answered and counted as the host counts.
//! The host is not told: it looks. This never makes a ledger, never brings one up to date, and never takes the
//! folder's lock, because it takes over nothing that a host left.

use super::changes::Changes;
use super::clock::{noted_forward_ms, whole};
use super::fault::Fault;
use super::held::Ending;
use super::marker::failed_before;
use super::open::{existing_file, open_operator};
use super::room::Room;
use super::writer::Tx;
use super::{plugins, query, record};
use crate::clock::now_ms;
use crate::delivery::{DeliveryId, NewRun, RunState};
use crate::ledger::{LedgerError, LedgerSettings, RunRecord};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use std::path::{Path, PathBuf};

/// A delivery that is to be run again.
#[derive(Debug, Clone)]
pub struct Again {
    /// The delivery.
    pub id: DeliveryId,
    /// Its new runs.
    pub runs: Vec<NewRun>,
}

/// Which of the new runs are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those of plugins whose run is settled, or that had none.
    Settled,
    /// Those of plugins whose newest run is dead, or that had none.
    Dead,
}

/// What became of pausing a plugin, or of ending its pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switched {
    /// It is so from now on.
    Now,
    /// It was so already, and nothing is written.
    Already,
    /// There is no such plugin.
    Unknown,
}

/// An operator's hand in a ledger.
pub struct SqliteOperator {
    pub(super) connection: Connection,
    file: PathBuf,
}

impl SqliteOperator {
    /// Opens the ledger in a data folder.
    ///
    /// # Errors
    /// [`LedgerError::Open`] if there is none, or none that this version knows.
    pub fn open(data: &Path) -> Result<Self, LedgerError> {
        let file = existing_file(data)?;
        refuse_failed(&file, data)?;
        let connection = open_operator(&file)?;
        Ok(Self { connection, file })
    }

    /// Records new runs of a delivery, as [`Ledger::replay`](crate::ledger::Ledger::replay) does, and returns them as
    /// they stand; `None` if there is no such delivery.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if another program keeps the ledger locked, or it cannot be written to: then
    /// nothing is recorded.
    pub fn replay(
        &mut self,
        id: DeliveryId,
        runs: &[NewRun],
    ) -> Result<Option<Vec<RunRecord>>, LedgerError> {
        let recorded = self.write(|tx| record::replay(tx, id, runs))?;
        if recorded.is_none() {
            return Ok(None);
        }
        // What was skipped has no row, so these are the recorded ones.
        let is_new = |kept: &RunRecord| runs.iter().any(|run| run.id == kept.id);
        let mut kept = query::runs_of(&self.connection, id)
            .map_err(|fault| fault.in_file(&self.file).into_read_error())?;
        kept.retain(is_new);
        Ok(Some(kept))
    }

    /// Records new runs of several deliveries in one transaction: keep it short, a host waits meanwhile. Returns, in
    /// order, the plugins whose runs were recorded; `None` for a delivery that is gone.
    ///
    /// # Errors
    /// As [`SqliteOperator::replay`].
    pub fn replay_all(
        &mut self,
        deliveries: &[Again],
        which: Which,
    ) -> Result<Vec<Option<Vec<String>>>, LedgerError> {
        // It was dead when it was looked at, and may have been replayed by somebody else since.
        let wanted: fn(RunState) -> bool = match which {
            Which::Settled => |_| true,
            Which::Dead => |newest| newest == RunState::Dead,
        };
        self.write(|tx| {
            let deliveries = deliveries.iter();
            deliveries
                .map(|again| record::replay_where(tx, again.id, &again.runs, wanted))
                .collect()
        })
    }

    /// Pauses a plugin, as [`Ledger::pause`](crate::ledger::Ledger::pause) does.
    ///
    /// # Errors
    /// As [`SqliteOperator::replay`].
    pub fn pause(&mut self, plugin: &str, by: &str) -> Result<Switched, LedgerError> {
        self.write(|tx| match paused_by(tx, plugin)? {
            None => Ok(Switched::Unknown),
            Some(Some(_)) => Ok(Switched::Already),
            Some(None) => plugins::pause(tx, plugin, by).map(|_| Switched::Now),
        })
    }

    /// Ends a plugin's pause, as [`Ledger::resume`](crate::ledger::Ledger::resume) does.
    ///
    /// # Errors
    /// As [`SqliteOperator::replay`].
    pub fn resume(&mut self, plugin: &str) -> Result<Switched, LedgerError> {
        self.write(|tx| match paused_by(tx, plugin)? {
            None => Ok(Switched::Unknown),
            Some(None) => Ok(Switched::Already),
            Some(Some(_)) => plugins::resume(tx, plugin).map(|_| Switched::Now),
        })
    }

    /// Does one thing in a transaction of its own.
    fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault>,
    ) -> Result<T, LedgerError> {
        commit(&mut self.connection, work).map_err(|fault| fault.in_file(&self.file).into_error())
    }
}

/// Nothing is written into a ledger that failed until a host has checked it.
fn refuse_failed(file: &Path, data: &Path) -> Result<(), LedgerError> {
    let reason = match failed_before(data) {
        Ok(None) => return Ok(()),
        Ok(Some(why)) => format!("it failed ({why}); start `hookbox serve`, which checks it first"),
        Err(error) => format!("{error}; let hookbox read its folder"),
    };
    Err(LedgerError::Open {
        path: file.to_owned(),
        reason,
    })
}

/// Who paused a plugin, if somebody did; `None` if it is not known.
fn paused_by(tx: &Tx<'_>, plugin: &str) -> Result<Option<Option<String>>, Fault> {
    Ok(tx
        .connection
        .prepare_cached("SELECT paused_by FROM plugins WHERE name = ?1")?
        .query_row([plugin], |row| row.get(0))
        .optional()?)
}

fn commit<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // Immediate: one that read before it wrote could find that the host has written meanwhile, and fail.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let now_ms = whole(now_ms());
    let mut tx = Tx {
        connection: &transaction,
        // Claims nothing and ends no claim.
        owner: "",
        now_ms,
        forward_ms: now_ms.max(noted_forward_ms(&transaction)?),
        steady_ms: now_ms,
        ending: &Ending::default(),
        // The host's own bounds are not known here: it looks after them when it tends to the ledger.
        settings: &LedgerSettings {
            backlog_runs_per_plugin: u64::MAX,
            park_runs: u64::MAX,
            ..LedgerSettings::default()
        },
        room: &Room::default(),
        changes: Changes::default(),
        earlier: Changes::default(),
    };
    let done = work(&mut tx)?;
    tx.changes.count(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
