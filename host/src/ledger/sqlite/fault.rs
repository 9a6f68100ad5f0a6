//! What went wrong in the store, and what that means: this item, for now, or for good.
//!
//! A full disk, a lock held elsewhere or a folder without write access may pass: the next write tries again.
//! After an I/O error or corruption nothing the store says can be trusted (SQLite commits happily after a failed
//! fsync), so the ledger stops for good and its process must start again. Anything else is one item's own fault.

use crate::ledger::LedgerError;
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// An error of the store, sorted by what follows from it.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// Only what was asked cannot be done.
    Item(String),
    /// Nothing more is to be taken in now.
    Full(String),
    /// The store cannot write now, and may later.
    Passing(String),
    /// The store is not to be trusted again by this process.
    Final(String),
}

impl Fault {
    /// What a caller who wanted to write is told.
    pub fn into_error(self) -> LedgerError {
        match self {
            Self::Item(reason) | Self::Passing(reason) => LedgerError::Unavailable {
                reason: reason.into(),
            },
            Self::Full(reason) => LedgerError::Full {
                reason: reason.into(),
            },
            Self::Final(reason) => LedgerError::Failed {
                reason: reason.into(),
            },
        }
    }

    /// What a caller who wanted to read is told.
    pub fn into_read_error(self) -> LedgerError {
        match self {
            Self::Passing(reason) | Self::Full(reason) => LedgerError::Unavailable {
                reason: reason.into(),
            },
            Self::Item(reason) | Self::Final(reason) => LedgerError::Failed {
                reason: reason.into(),
            },
        }
    }

    /// The fault with the file's name before its reason.
    pub fn in_file(self, file: &Path) -> Self {
        let file = file.display();
        match self {
            Self::Item(reason) => Self::Item(format!("{file}: {reason}")),
            // It names what is full itself.
            Self::Full(reason) => Self::Full(reason),
            Self::Passing(reason) => Self::Passing(format!("{file}: {reason}")),
            Self::Final(reason) => Self::Final(format!("{file}: {reason}")),
        }
    }

    /// What a caller who opened `path` is told.
    pub fn into_open_error(self, path: &Path) -> LedgerError {
        let (Self::Item(reason) | Self::Full(reason) | Self::Passing(reason) | Self::Final(reason)) =
            self;
        LedgerError::Open {
            path: path.to_owned(),
            reason,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use ErrorCode::{
            CannotOpen, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull,
            FileLockingProtocolFailed, NotADatabase, OutOfMemory, ReadOnly, SystemIoFailure,
        };
        let mend = match error.sqlite_error_code() {
            Some(DiskFull) => "make room on its disk",
            Some(DatabaseBusy | DatabaseLocked | FileLockingProtocolFailed) => {
                "end the other program that holds it locked"
            }
            Some(ReadOnly | CannotOpen) => "let hookbox write to it and its folder",
            Some(OutOfMemory) => "give the host more memory",
            Some(SystemIoFailure) => {
                return Self::Final(format!("{error}; check the disk, then start again"));
            }
            Some(DatabaseCorrupt | NotADatabase) => {
                return Self::Final(format!("{error}; restore the file from a copy"));
            }
            _ => return Self::Item(error.to_string()),
        };
        Self::Passing(format!("{error}; {mend}"))
    }
}

/// How the ledger does: whether it failed for good, and whether its last write succeeded.
pub(super) struct Health {
    file: PathBuf,
    failure: watch::Sender<Option<Arc<str>>>,
    last_write: Mutex<Option<LedgerError>>,
}

impl Health {
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            failure: watch::Sender::new(None),
            last_write: Mutex::new(None),
        }
    }

    /// Names the ledger's file in a fault, and takes note if it is final.
    pub fn judge(&self, fault: Fault) -> Fault {
        let fault = fault.in_file(&self.file);
        if let Fault::Final(reason) = &fault {
            self.fail(reason);
        }
        fault
    }

    /// Takes note that the ledger failed for good; the first reason stays.
    pub fn fail(&self, reason: &str) {
        self.failure.send_if_modified(|failure| {
            let first = failure.is_none();
            if first {
                tracing::error!(reason, "the ledger failed");
                *failure = Some(reason.into());
            }
            first
        });
    }

    /// Takes note of how the last write went.
    pub fn wrote(&self, outcome: Result<(), LedgerError>) {
        *self.last() = outcome.err();
    }

    /// Why no more is to be asked of the store, if it failed.
    pub fn check(&self) -> Result<(), LedgerError> {
        match self.failure.borrow().clone() {
            Some(reason) => Err(LedgerError::Failed { reason }),
            None => Ok(()),
        }
    }

    /// Whether the last write succeeded.
    pub fn last_write_succeeded(&self) -> bool {
        self.last().is_none()
    }

    pub fn failure(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.failure.subscribe()
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<LedgerError>> {
        self.last_write
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
