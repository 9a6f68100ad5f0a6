//! The exclusive lock on a data folder: one host serves it at a time.
//!
//! The lock is the system's, on `hookbox.lock`, so it ends with its process however that dies. The process id in
//! the file is only for the message of whoever finds it locked. The file stays: removing it would let a third
//! process lock a new file beside the one that a second still waits for.

use crate::ledger::LedgerError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

/// Holds a data folder's lock until it is dropped.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Locks a folder, or says who holds it.
    pub fn take(folder: &Path) -> Result<Self, LedgerError> {
        let path = folder.join("hookbox.lock");
        let open_error = |error: std::io::Error| LedgerError::Open {
            path: path.clone(),
            reason: format!("{error}; let hookbox write to this folder"),
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(open_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LedgerError::Locked {
                    path: folder.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(open_error(error)),
        }
        note_holder(&mut file).map_err(open_error)?;
        Ok(Self { _file: file })
    }
}

fn note_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// ` (process N)`, or empty if the file does not say.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!(" (process {pid})"),
        _ => String::new(),
    }
}
