//! The state that a plugin finds in `hookbox run`: that of a ledger, if there is one. Whatever the plugin writes is its
//! own for this run and thrown away after it.

use crate::ledger::sqlite::SqliteReader;
use crate::ledger::{LedgerError, StateKeys, StateUsage, StateValue};
use crate::plugin::capability::{StateStore, Unavailable};
use async_trait::async_trait;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// See the module's head.
pub struct CopiedState(Option<Arc<Mutex<SqliteReader>>>);

impl CopiedState {
    /// The state in the ledger of a data folder; none, if there is no ledger.
    ///
    /// # Errors
    /// There is one that cannot be read.
    pub fn open(data: &Path) -> Result<Self, LedgerError> {
        let reader = SqliteReader::open_if_there(data)?;
        Ok(Self(reader.map(|reader| Arc::new(Mutex::new(reader)))))
    }

    /// None.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Reads on a thread for blocking.
    async fn read<T: Default + Send + 'static>(
        &self,
        read: impl FnOnce(&SqliteReader) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let Some(reader) = &self.0 else {
            return Ok(T::default());
        };
        let reader = Arc::clone(reader);
        let reading = tokio::task::spawn_blocking(move || {
            read(&reader.lock().unwrap_or_else(PoisonError::into_inner))
                .map_err(|error| error.to_string())
        });
        let read = reading.await.unwrap_or_else(|error| Err(error.to_string()));
        read.map_err(|reason| Unavailable { reason })
    }
}

#[async_trait]
impl StateStore for CopiedState {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<StateValue>, Unavailable> {
        let (plugin, key) = (plugin.to_owned(), key.to_owned());
        self.read(move |ledger| ledger.state(&plugin, &key)).await
    }

    async fn keys(
        &self,
        plugin: &str,
        after: &str,
        limit: usize,
    ) -> Result<StateKeys, Unavailable> {
        let (plugin, after) = (plugin.to_owned(), after.to_owned());
        self.read(move |ledger| ledger.state_keys(&plugin, &after, limit))
            .await
    }

    async fn usage(&self, plugin: &str) -> Result<StateUsage, Unavailable> {
        let plugin = plugin.to_owned();
        self.read(move |ledger| ledger.state_usage(&plugin)).await
    }
}
