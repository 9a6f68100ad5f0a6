//! The exclusive lock on a data folder: one host serves it at a time.
//!
//! The lock is the system's, on `hookbox.lock`, so it ends with its process however that dies. The process id in
//! the file is only for the message of whoever finds it locked. The file stays: removing it would let a third
//! process lock a new file beside the one that a second still waits for.

use crate::ledger::LedgerError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek as _, Write as _};
use std::path::Path;

/// The lock's file in a data folder.
const FILE: &str = "hookbox.lock";

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

/// The process that serves a data folder, as far as it can be told without touching the lock: trying to take it could
/// keep a host from starting. One in another process namespace is not seen.
#[must_use]
pub fn running_host(folder: &Path) -> Option<u32> {
    let path = folder.join(FILE);
    let mut file = File::open(&path).ok()?;
    let found = rustix::fs::fstat(&file).ok()?;
    let mut noted = String::new();
    Read::by_ref(&mut file)
        .take(32)
        .read_to_string(&mut noted)
        .ok()?;
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let (major, minor) = (
        rustix::fs::major(found.st_dev),
        rustix::fs::minor(found.st_dev),
    );
    let place = format!("{major:02x}:{minor:02x}:{}", found.st_ino);
    holder_in(&locks, &place, noted.trim().parse().ok())
}

/// The holder of a lock in `/proc/locks` (proc(5)). Some file systems show another device there than to stat(2): then
/// the inode and the noted process tell.
fn holder_in(locks: &str, place: &str, noted: Option<u32>) -> Option<u32> {
    let inode = place.rsplit(':').next();
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, held, ..] = words.as_slice() else {
            return None;
        };
        let pid = pid.parse().ok()?;
        let is_noted = noted == Some(pid) && held.rsplit(':').next() == inode;
        (*held == place || is_noted).then_some(pid)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_a_lock_is_told_without_touching_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(running_host(folder.path()), None);
        let lock = FolderLock::take(folder.path()).unwrap();
        assert_eq!(running_host(folder.path()), Some(std::process::id()));
        drop(lock);
        assert_eq!(running_host(folder.path()), None);
    }

    #[test]
    fn a_lock_is_found_by_its_file_or_by_its_noted_holder() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 08:01:5 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 8 00:1b:5 0 EOF\n";
        assert_eq!(holder_in(locks, "00:1b:5", None), Some(8));
        assert_eq!(holder_in(locks, "00:2c:5", Some(8)), Some(8));
        assert_eq!(holder_in(locks, "00:2c:5", Some(9)), None);
        assert_eq!(holder_in(locks, "08:01:5", Some(7)), None);
    }
}
