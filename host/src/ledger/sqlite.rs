//! The embedded ledger: one SQLite file in the data folder, served by one host at a time.
//!
//! One thread writes, in groups: all that waits becomes one transaction, and is answered once that is on disk.
//! A few connections read beside it and see only what is committed, and an operator's command may write beside it in
//! transactions of its own. It promises that what was answered survives a power cut; it never waits in a lock on an
//! async thread.

mod arrival;
mod ask;
mod backup;
mod budget;
mod changes;
mod checkpoint;
mod claim;
mod clock;
mod debounce;
mod dedup;
mod due;
mod fault;
mod first;
mod fresh;
mod header;
mod health;
mod held;
mod lease;
mod lock;
mod marker;
mod medium;
mod meta;
mod metrics;
mod migrate;
mod open;
mod operator;
mod order;
mod pack;
mod page;
mod park;
mod plugins;
mod query;
mod queue;
mod rate;
mod reader;
mod record;
mod retention;
mod room;
mod row;
mod settle;
mod standing;
mod state;
mod tally;
mod tend;
mod totals;
mod walk;
mod wall_clock;
mod writer;

pub use backup::BackupError;
pub use header::check_file;
pub use lock::{is_served, running_host};
pub use marker::failed_before;
pub use medium::{Medium, NetworkFs, check_medium, is_on_root};
pub use meta::LastStop;
pub use metrics::WriterMetrics;
pub use operator::{Again, SqliteOperator, Switched, Which};
pub use reader::SqliteReader;
pub use tally::Tally;
pub use walk::{Walk, Walked};

use self::fault::Fault;
use self::health::Health;
use self::lock::FolderLock;
use self::marker::Recheck;
use self::reader::ReaderPool;
use self::writer::{Shared, Writer};
use super::{LedgerError, LedgerSettings};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use tokio::sync::watch;
use uuid::Uuid;

/// How much other work than deliveries may wait for the writer.
const WORK_MAX: usize = 1024;

/// The bounds of an embedded ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How many deliveries may wait to be recorded; one more is refused.
    pub queue_max: usize,
    /// How much one transaction takes in.
    pub group_max: usize,
    /// What may change while it is open.
    pub settings: LedgerSettings,
    /// How many queries are answered at once.
    pub readers: usize,
    /// Whether it may lie on a network file system.
    pub network_fs: NetworkFs,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            queue_max: 1024,
            group_max: 256,
            settings: LedgerSettings::default(),
            readers: 4,
            network_fs: NetworkFs::Refused,
        }
    }
}

/// The embedded ledger.
pub struct SqliteLedger {
    shared: Arc<Shared>,
    readers: ReaderPool,
    fresh: fresh::Fresh,
    last_stop: LastStop,
    writer: Option<JoinHandle<()>>,
}

impl SqliteLedger {
    /// Opens the ledger of a data folder, making both if they are not there, and closes as lost what a host that
    /// died left under way. What its writer does is counted in `metrics`.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] if another host serves the folder, [`LedgerError::Open`] if the ledger cannot be
    /// opened, was written by a newer hookbox, or failed before and is not sound.
    pub fn open(
        data: &Path,
        options: SqliteOptions,
        metrics: WriterMetrics,
    ) -> Result<Self, LedgerError> {
        check_medium(data, options.network_fs)?;
        open::make_folder(data)?;
        let lock = FolderLock::take(data)?;
        let file = open::file_in(data);
        let recheck = marker::recheck(&file)?;
        let connection = open::open_writer(&file)?;
        let clock = clock::Clock::start(&connection)
            .map_err(|fault| marker::into_open_error(fault, &file))?;
        let shared = Arc::new(Shared {
            queue: queue::Queue::new(options.queue_max, WORK_MAX),
            health: Health::new(file.clone()),
            waits: changes::Waits::new(),
            clock,
            ending: held::Ending::default(),
            commits: AtomicU64::new(0),
            unchecked: AtomicBool::new(false),
            ended: watch::Sender::new(false),
            owner: Uuid::now_v7().to_string(),
            settings: watch::Sender::new(Arc::new(options.settings)),
            room: room::Room::of(data),
            retention: retention::Retention::default(),
        });
        let writer = Writer {
            connection,
            group_max: options.group_max,
            metrics,
            shared: Arc::clone(&shared),
            lock,
        };
        let mut last_stop =
            take_over(&writer).map_err(|fault| marker::into_open_error(fault, &file))?;
        if recheck == Recheck::Sound {
            last_stop = LastStop::Failed;
        }
        // Until it is looked through, an orderly stop is not the end of that.
        let unchecked = last_stop == LastStop::Unclean;
        shared.unchecked.store(unchecked, Ordering::Relaxed);
        open::sync_folder(data).map_err(|error| {
            let reason =
                format!("its names are not safe from a power cut: {error}; check the disk");
            marker::into_open_error(Fault::Final(reason), &file)
        })?;
        // Before the thread is there: a ledger that cannot be opened leaves nothing behind.
        let readers = ReaderPool::open(&file, options.readers, Arc::clone(&shared))
            .map_err(|fault| fault.into_open_error(&file))?;
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| Fault::Item(error.to_string()).into_open_error(&file))?;
        Ok(Self {
            readers,
            fresh: fresh::Fresh::default(),
            shared,
            last_stop,
            writer: Some(thread),
        })
    }

    /// How the ledger was stopped before it was opened.
    #[must_use]
    pub const fn last_stop(&self) -> LastStop {
        self.last_stop
    }

    /// Has other settings from the next transaction on.
    pub fn set(&self, settings: LedgerSettings) {
        self.shared.settings.send_replace(Arc::new(settings));
    }

    /// How many transactions that changed something were committed since the ledger was opened.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// Reads the whole file and checks that it is well formed; a ledger that is not has failed for good.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] names what is wrong.
    pub async fn check_integrity(&self) -> Result<(), LedgerError> {
        self.readers.read(open::check_integrity).await?;
        self.shared.unchecked.store(false, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for SqliteLedger {
    fn drop(&mut self) {
        self.shared.queue.close();
        // So that whoever opens the folder next does not find it locked.
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the ledger's thread ended in a panic");
        }
    }
}

/// Makes what the folder's last host left this host's own.
fn take_over(writer: &Writer) -> Result<LastStop, Fault> {
    let (last_stop, lost) =
        writer.write_now(|tx| Ok((meta::note_open(tx)?, lease::void_leases(tx)?)))?;
    if lost > 0 {
        tracing::warn!(
            attempts = lost,
            "attempts of a host that died were closed as lost"
        );
    }
    Ok(last_stop)
}

#[cfg(test)]
mod tests;
