//! Reading a ledger: by commands, while a host serves it or not, and by the host, on a few connections.

use super::clock::{noted_forward_ms, whole};
use super::fault::Fault;
use super::open::{existing_file, file_in, open_reader};
use super::tally::{Tally, tally};
use super::totals::totals;
use super::walk::Walk;
use super::writer::Shared;
use super::{migrate, plugins, query, state};
use crate::clock::now_ms;
use crate::delivery::DeliveryId;
use crate::ledger::{
    DeliveryFilter, DeliveryRecord, LedgerError, PluginRecord, StateKeys, StateUsage, StateValue,
    Totals,
};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Reads a ledger that a host may be serving meanwhile. It sees only what is durable and changes nothing.
pub struct SqliteReader {
    pub(super) connection: Connection,
    pub(super) file: PathBuf,
}

impl SqliteReader {
    /// Opens the ledger in a data folder.
    ///
    /// # Errors
    /// [`LedgerError::Open`] if there is none, or none that this version reads.
    pub fn open(data: &Path) -> Result<Self, LedgerError> {
        let file = existing_file(data)?;
        let opened = open_reader(&file).and_then(|connection| {
            migrate::check_readable(&connection)?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => Ok(Self { connection, file }),
            Err(fault) => Err(fault.into_open_error(&file)),
        }
    }

    /// The same, and nothing if there is none.
    ///
    /// # Errors
    /// [`LedgerError::Open`] if there is one that this version does not read.
    pub fn open_if_there(data: &Path) -> Result<Option<Self>, LedgerError> {
        if file_in(data).is_file() {
            Self::open(data).map(Some)
        } else {
            Ok(None)
        }
    }

    /// One delivery with its runs, attempts and payload.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    pub fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRecord>, LedgerError> {
        self.told(query::delivery(&self.connection, id))
    }

    /// Deliveries, newest first.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    pub fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<DeliveryRecord>, LedgerError> {
        self.told(query::deliveries(&self.connection, filter))
    }

    /// Deliveries with their payloads, oldest first, up to the newest that is there now. `limit` is not looked at.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    pub fn walk(&self, filter: DeliveryFilter) -> Result<Walk<'_>, LedgerError> {
        self.told(Walk::begin(&self.connection, &self.file, filter))
    }

    /// How much a filter matches.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    pub fn tally(&self, filter: &DeliveryFilter) -> Result<Tally, LedgerError> {
        self.told(tally(&self.connection, filter))
    }

    /// All plugins noted, by name.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    pub fn plugins(&self) -> Result<Vec<PluginRecord>, LedgerError> {
        self.told(plugins::all(&self.connection))
    }

    /// The names of all plugins that were ever noted or had a run, forgotten ones too.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    pub fn known_plugins(&self) -> Result<Vec<String>, LedgerError> {
        self.told(plugins::known(&self.connection))
    }

    /// A key of a plugin's state.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    pub fn state(&self, plugin: &str, key: &str) -> Result<Option<StateValue>, LedgerError> {
        self.told(state::value(&self.connection, plugin, key))
    }

    /// The keys of a plugin's state after one, at most so many.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if they cannot be read.
    pub fn state_keys(
        &self,
        plugin: &str,
        after: &str,
        limit: usize,
    ) -> Result<StateKeys, LedgerError> {
        self.told(state::keys(&self.connection, plugin, after, limit))
    }

    /// How much state a plugin has.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    pub fn state_usage(&self, plugin: &str) -> Result<StateUsage, LedgerError> {
        self.told(state::usage(&self.connection, plugin))
    }

    /// How much of everything there is.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] if it cannot be read.
    pub fn totals(&self) -> Result<Totals, LedgerError> {
        let totals = noted_forward_ms(&self.connection)
            .and_then(|noted_ms| totals(&self.connection, noted_ms.max(whole(now_ms()))));
        self.told(totals)
    }

    fn told<T>(&self, result: Result<T, Fault>) -> Result<T, LedgerError> {
        result.map_err(|fault| fault.in_file(&self.file).into_read_error())
    }
}

/// The host's own read connections. All are opened at the start: later there may be no file descriptor left.
pub(super) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// The readers, and how many may be used at once.
pub(super) struct ReaderPool {
    readers: Arc<Readers>,
    permits: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl ReaderPool {
    pub fn open(file: &Path, readers: usize, shared: Arc<Shared>) -> Result<Self, Fault> {
        let readers = readers.max(1);
        let idle = (0..readers)
            .map(|_| open_reader(file))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            readers: Arc::new(Readers {
                file: file.to_owned(),
                idle: Mutex::new(idle),
            }),
            permits: Arc::new(Semaphore::new(readers)),
            shared,
        })
    }

    /// How much of everything there is.
    pub async fn totals(&self) -> Result<Totals, LedgerError> {
        let now_ms = self.shared.clock.forward_ms();
        self.read(move |connection| totals(connection, now_ms))
            .await
    }

    /// Reads on a thread for blocking, once a connection is free.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.shared.health.check()?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let (readers, shared) = (Arc::clone(&self.readers), Arc::clone(&self.shared));
        let outcome = tokio::task::spawn_blocking(move || {
            // What cannot be read is judged as what cannot be written: from then on nothing is served.
            let outcome = readers
                .read(read)
                .map_err(|fault| shared.health.judge(fault));
            drop(permit);
            outcome
        })
        .await
        .unwrap_or_else(|_| Err(Fault::Item("a read was cut off".to_owned())));
        outcome.map_err(Fault::into_read_error)
    }
}

impl Readers {
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.file)?,
        };
        let outcome = read(&connection);
        self.idle().push(connection);
        outcome
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
