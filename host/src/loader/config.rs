//! What a loader is made for, and why it cannot start or go on.

use super::OwnAccounts;
use crate::ledger::LedgerError;
use crate::plugin::capability::http::Outlet;
use crate::plugin::folder::FolderError;
use crate::secret::Secret;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What a loader is made for.
#[derive(Debug, Clone)]
pub struct LoaderConfig {
    /// The plugins folder.
    pub plugins: PathBuf,
    /// What may change while it runs.
    pub settings: watch::Receiver<LoaderSettings>,
    /// What plugins' calls go through.
    pub outlet: Outlet,
    /// The plugins' own accounts, as they become known.
    pub own: watch::Receiver<Arc<OwnAccounts>>,
}

/// What a loader takes up while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderSettings {
    /// The largest component, in bytes.
    pub component_bytes_max: u64,
    /// How long a plugin whose file has gone still gets (parked) runs: a redeploy often removes before it copies.
    pub missing_grace: Duration,
    /// The host's secrets, which open every endpoint without one of its own; none on a loopback address, or where
    /// told so.
    pub secrets: Vec<Secret>,
}

/// A loader cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A fault of the host itself.
    #[error("looking at the plugins folder broke off; the log says more, please report it")]
    Broken,
}
