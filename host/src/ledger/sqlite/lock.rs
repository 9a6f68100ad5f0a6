//! The exclusive lock on a data folder: one host serves it at a time.
//!
//! The lock is the system's, on `hookbox.lock`, so it ends with its process however that dies. The process id in
//! the file is only for the message of whoever finds it locked. The file stays: removing it would let a third
//! process lock a new file beside the one that a second still waits for.

use crate::ledger::LedgerError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// The file that is locked.
const FILE: &str = "hookbox.lock";

/// How long a command may hold a folder's lock that only looks whether it can be had.
const PROBED: Duration = Duration::from_millis(200);

/// The wait between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Whether a host serves a folder now. Blocks for no longer than a file takes to be opened.
///
/// # Errors
/// If that cannot be told.
pub fn is_served(folder: &Path) -> std::io::Result<bool> {
    let file = match open(folder) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    // Given up at once when the file is closed; a host that starts in between looks more than once.
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The process that serves a folder, as it noted itself; `None` if none does, or that cannot be told. Blocks for no
/// longer than a file takes to be opened.
#[must_use]
pub fn running_host(folder: &Path) -> Option<u32> {
    let is_served = is_served(folder).unwrap_or(false);
    let file = is_served.then(|| open(folder).ok())?;
    noted(&mut file?)
}

/// Opens a folder's lock to look at it. Whatever else lies there is not waited for.
fn open(folder: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = options
        .read(true)
        .custom_flags(nonblocking)
        .open(folder.join(FILE))?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(std::io::Error::other("not a regular file; remove it"))
    }
}

/// Holds a data folder's lock until it is dropped.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Locks a folder, or says who holds it.
    pub fn take(folder: &Path) -> Result<Self, LedgerError> {
        let path = folder.join(FILE);
        let open_error = |error: std::io::Error| LedgerError::Open {
            path: path.clone(),
            reason: format!("{error}; let hookbox write to this folder"),
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.mode(0o600);
        let mut file = options.open(&path).map_err(open_error)?;
        match lock_within(&file, PROBED) {
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

/// Locks a file, whoever looks whether it is locked meanwhile.
fn lock_within(file: &File, patience: Duration) -> Result<(), TryLockError> {
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOOK),
            locked => return locked,
        }
    }
}

fn note_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// ` (process N)`, or empty if the file does not say.
fn holder(file: &mut File) -> String {
    noted(file).map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// The process that a lock's file names.
fn noted(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_a_lock_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(running_host(folder.path()), None);
        let lock = FolderLock::take(folder.path()).unwrap();
        assert_eq!(running_host(folder.path()), Some(std::process::id()));
        drop(lock);
        assert_eq!(running_host(folder.path()), None);
    }
}
