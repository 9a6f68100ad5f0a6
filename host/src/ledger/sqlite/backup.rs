//! Copying a ledger into a file of its own while a host may be writing to it.

use super::fault::Fault;
use super::reader::SqliteReader;
use crate::ledger::LedgerError;
use rusqlite::ErrorCode;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::Builder;

/// A ledger was not copied.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something has that name already.
    #[error(
        "{}: there is a file of that name already; a backup replaces nothing, name another file", path.display()
    )]
    Exists {
        /// Its path.
        path: PathBuf,
    },
    /// It would lie among a host's own files.
    #[error(
        "{}: that is in the data folder, where the host has its own files; name a file elsewhere", path.display()
    )]
    Inside {
        /// Its path.
        path: PathBuf,
    },
    /// The copy cannot be written.
    #[error("{}: the backup cannot be written: {reason}", path.display())]
    Unwritable {
        /// Its path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl SqliteReader {
    /// Copies the whole ledger as it is at one moment into a new file, for its owner alone. The copy is durable when
    /// this returns, and has no companions; the host is not held up meanwhile. Returns the copy's size in bytes.
    ///
    /// # Errors
    /// [`BackupError`]; then there is no such file.
    pub fn backup(&self, path: &Path) -> Result<u64, BackupError> {
        let unwritable = |error: io::Error| BackupError::Unwritable {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let exists = || BackupError::Exists {
            path: path.to_owned(),
        };
        if path.symlink_metadata().is_ok() {
            return Err(exists());
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if self.is_inside(folder).map_err(unwritable)? {
            return Err(BackupError::Inside {
                path: path.to_owned(),
            });
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let copy = Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".part")
            .tempfile_in(folder)
            .map_err(unwritable)?;
        self.copy_into(copy.path(), path)?;
        // SQLite does not (https://www.sqlite.org/lang_vacuum.html, "VACUUM with an INTO clause").
        copy.as_file().sync_all().map_err(unwritable)?;
        let bytes = copy.as_file().metadata().map_err(unwritable)?.len();
        match copy.persist_noclobber(path) {
            Ok(_) => {}
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(exists());
            }
            Err(failed) => return Err(unwritable(failed.error)),
        }
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(unwritable)?;
        Ok(bytes)
    }

    /// Whether a folder is the ledger's own, or below it.
    fn is_inside(&self, folder: &Path) -> io::Result<bool> {
        let data = self
            .file
            .parent()
            .unwrap_or(Path::new("."))
            .canonicalize()?;
        Ok(folder.canonicalize()?.starts_with(data))
    }

    /// One statement, so one read transaction: a consistent state, whatever is committed meanwhile.
    fn copy_into(&self, copy: &Path, path: &Path) -> Result<(), BackupError> {
        let unwritable = |reason: String| BackupError::Unwritable {
            path: path.to_owned(),
            reason,
        };
        let target = copy.to_str();
        let target = target.ok_or_else(|| unwritable("its path is not UTF-8".to_owned()))?;
        // The connection is open for reading alone, so this is about the copy.
        let copied = (self.connection.pragma_update(None, "query_only", false))
            .and_then(|()| self.connection.execute("VACUUM INTO ?1", [target]));
        copied.map(drop).map_err(|error| {
            match error.sqlite_error_code() {
                // Only the ledger was there to be read.
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    let fault = Fault::from(error).in_file(&self.file);
                    BackupError::Ledger(fault.into_read_error())
                }
                _ => unwritable(format!("{error}; is there room for a copy of the ledger?")),
            }
        })
    }
}
