//! What went wrong in the store, and what that means: this item, for now, or for good.
//!
//! A full disk, a lock held elsewhere or a folder without write access may pass: the next write tries again.
//! After an I/O error or corruption nothing the store says can be trusted (SQLite commits happily after a failed
//! fsync), so the ledger stops for good and its process must start again. Anything else is one item's own fault.
//! SQLite has one code for every write that the system refused, so why it did is seen by writing beside the file.
//! (<https://www.sqlite.org/rescode.html> tells what each code means.)

use super::open::folder_of;
use crate::ledger::LedgerError;
use rusqlite::ffi;
use std::ffi::c_int;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

/// What mends a full disk.
const ROOM: &str = "make room on its disk";
/// What mends a lock held by somebody else.
const LOCK: &str = "end the other program that holds it locked";
/// What mends missing rights, and the want of file descriptors, which SQLite does not tell from them.
const RIGHTS: &str = "let hookbox write to it and its folder, and open enough files (ulimit -n)";
/// What mends a file system that takes no writes.
const WRITABLE: &str = "make its file system writable again";
/// What mends an index of the write-ahead log that cannot grow.
const INDEX: &str = "make room on its disk, and check that";
/// What mends a want of memory.
const MEMORY: &str = "give the host more memory";
/// What mends a disk that reports errors.
const DISK: &str = "check the disk";
/// What mends a damaged file.
const COPY: &str = "put a copy made with `hookbox backup` in its place, and remove the -wal and -shm files beside it";
/// What mends a file that was moved away from under its host.
const PLACE: &str = "put it back";

/// Bytes that are written to see whether the folder takes any: a page.
const TRIED: usize = 4_096;

/// An error of the store, sorted by what follows from it.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// Only what was asked cannot be done.
    Item(String),
    /// Nothing more is to be taken in now.
    Full(String),
    /// The store cannot write now, and may later.
    Passing(String),
    /// The system refused a write to the store. Whether that may pass, [`Fault::after_trying`] tells.
    Unwritten(String),
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
            Self::Unwritten(reason) | Self::Final(reason) => LedgerError::Failed {
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
            Self::Item(reason) | Self::Unwritten(reason) | Self::Final(reason) => {
                LedgerError::Failed {
                    reason: reason.into(),
                }
            }
        }
    }

    /// The fault with the file's name before its reason.
    pub fn in_file(self, file: &Path) -> Self {
        self.with(|reason| format!("{}: {reason}", file.display()))
    }

    /// The fault with what it led to after its reason.
    pub fn with(self, reason: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Item(old) => Self::Item(reason(old)),
            // It names what is full itself.
            Self::Full(old) => Self::Full(old),
            Self::Passing(old) => Self::Passing(reason(old)),
            Self::Unwritten(old) => Self::Unwritten(reason(old)),
            Self::Final(old) => Self::Final(reason(old)),
        }
    }

    /// The fault with the mend after its reason, for good if the system refused a write that it takes elsewhere in
    /// `folder`. A refused write changed nothing, so it may pass, unlike a write or a flush that failed. Writes to the
    /// folder.
    pub fn after_trying(self, folder: &Path) -> Self {
        let Self::Unwritten(reason) = self else {
            return self;
        };
        let tried = tempfile::tempfile_in(folder).and_then(|mut file| file.write_all(&[0; TRIED]));
        match tried.map_err(|error| error.kind()) {
            Err(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                Self::Passing(format!("{reason}: its disk is full; {ROOM}"))
            }
            Err(ErrorKind::ReadOnlyFilesystem) => Self::Passing(format!(
                "{reason}: its file system is read-only; {WRITABLE}"
            )),
            _ => Self::Final(format!("{reason}; {DISK}")),
        }
    }

    /// Why.
    pub fn reason(&self) -> &str {
        let (Self::Item(reason)
        | Self::Full(reason)
        | Self::Passing(reason)
        | Self::Unwritten(reason)
        | Self::Final(reason)) = self;
        reason
    }

    /// Whether the disk reported it: what is on it is then not what was written, and nobody may have noticed yet.
    pub fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Final(reason) if reason.ends_with(DISK))
    }

    /// What a caller who opened `path` is told.
    pub fn into_open_error(self, path: &Path) -> LedgerError {
        let fault = self.after_trying(folder_of(path));
        LedgerError::Open {
            path: path.to_owned(),
            reason: fault.reason().to_owned(),
        }
    }

    /// Damage in the store, as SQLite tells it.
    pub fn damage(found: &str) -> Self {
        Self::Final(format!("{found}; {COPY}"))
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error().map(|error| error.extended_code);
        match code.map_or(Meaning::Item, Meaning::of) {
            Meaning::Item => Self::Item(error.to_string()),
            Meaning::Passing(mend) => Self::Passing(format!("{error}; {mend}")),
            Meaning::Unwritten => Self::Unwritten(error.to_string()),
            Meaning::Final(mend) => Self::Final(format!("{error}; {mend}")),
        }
    }
}

/// What follows from one of SQLite's codes, and what mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Item,
    Passing(&'static str),
    Unwritten,
    Final(&'static str),
}

impl Meaning {
    /// What follows from an extended code.
    const fn of(extended: c_int) -> Self {
        match extended {
            // Out of memory, under the name of an I/O error; no file was touched.
            ffi::SQLITE_IOERR_NOMEM => Self::Passing(MEMORY),
            // The index of the write-ahead log could not grow: mostly a full disk, for which it has no code of its own.
            // It is made anew from the log at need, so nothing that was promised depends on it.
            ffi::SQLITE_IOERR_SHMSIZE => Self::Passing(INDEX),
            // `pwrite` was refused: a full disk has a code of its own, but a quota or a file system that turned
            // read-only comes as this.
            ffi::SQLITE_IOERR_WRITE => Self::Unwritten,
            // What this process has open is nobody's ledger any more, and stays so.
            ffi::SQLITE_READONLY_DBMOVED => Self::Final(PLACE),
            _ => Self::of_kind(extended & 0xff),
        }
    }

    /// What follows from a primary code.
    const fn of_kind(code: c_int) -> Self {
        match code {
            ffi::SQLITE_FULL => Self::Passing(ROOM),
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => Self::Passing(LOCK),
            ffi::SQLITE_READONLY | ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM => Self::Passing(RIGHTS),
            ffi::SQLITE_NOMEM => Self::Passing(MEMORY),
            ffi::SQLITE_IOERR => Self::Final(DISK),
            ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => Self::Final(COPY),
            _ => Self::Item,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What follows from each primary code, whatever its extended ones say. SQLite's documentation lists 0 to 28;
    /// what is not in here is one item's own fault, a code that this table does not know yet among them.
    const KINDS: &[(c_int, Meaning)] = &[
        (ffi::SQLITE_PERM, Meaning::Passing(RIGHTS)),
        (ffi::SQLITE_BUSY, Meaning::Passing(LOCK)),
        (ffi::SQLITE_LOCKED, Meaning::Passing(LOCK)),
        (ffi::SQLITE_NOMEM, Meaning::Passing(MEMORY)),
        (ffi::SQLITE_READONLY, Meaning::Passing(RIGHTS)),
        (ffi::SQLITE_IOERR, Meaning::Final(DISK)),
        (ffi::SQLITE_CORRUPT, Meaning::Final(COPY)),
        (ffi::SQLITE_FULL, Meaning::Passing(ROOM)),
        (ffi::SQLITE_CANTOPEN, Meaning::Passing(RIGHTS)),
        (ffi::SQLITE_PROTOCOL, Meaning::Passing(LOCK)),
        (ffi::SQLITE_NOTADB, Meaning::Final(COPY)),
    ];

    /// Extended codes that mean something else than their primary code.
    const EXCEPTIONS: &[(c_int, Meaning)] = &[
        (ffi::SQLITE_IOERR_WRITE, Meaning::Unwritten),
        (ffi::SQLITE_IOERR_NOMEM, Meaning::Passing(MEMORY)),
        (ffi::SQLITE_IOERR_SHMSIZE, Meaning::Passing(INDEX)),
        (ffi::SQLITE_READONLY_DBMOVED, Meaning::Final(PLACE)),
    ];

    /// Codes of each kind as they were met or may be, so that a mistake in the tables above shows.
    const MET: &[(c_int, &str)] = &[
        (ffi::SQLITE_FULL, "passing"),
        (ffi::SQLITE_BUSY, "passing"),
        (ffi::SQLITE_BUSY_SNAPSHOT, "passing"),
        (ffi::SQLITE_BUSY_TIMEOUT, "passing"),
        (ffi::SQLITE_LOCKED_SHAREDCACHE, "passing"),
        (ffi::SQLITE_READONLY, "passing"),
        (ffi::SQLITE_READONLY_DIRECTORY, "passing"),
        (ffi::SQLITE_CANTOPEN, "passing"),
        (ffi::SQLITE_NOMEM, "passing"),
        (ffi::SQLITE_IOERR_NOMEM, "passing"),
        (ffi::SQLITE_IOERR_SHMSIZE, "passing"),
        (ffi::SQLITE_IOERR_WRITE, "unwritten"),
        (ffi::SQLITE_IOERR, "final"),
        (ffi::SQLITE_IOERR_READ, "final"),
        (ffi::SQLITE_IOERR_SHORT_READ, "final"),
        (ffi::SQLITE_IOERR_FSYNC, "final"),
        (ffi::SQLITE_IOERR_DIR_FSYNC, "final"),
        (ffi::SQLITE_IOERR_TRUNCATE, "final"),
        (ffi::SQLITE_IOERR_LOCK, "final"),
        (ffi::SQLITE_IOERR_SHMMAP, "final"),
        (ffi::SQLITE_IOERR_CORRUPTFS, "final"),
        (ffi::SQLITE_CORRUPT, "final"),
        (ffi::SQLITE_CORRUPT_INDEX, "final"),
        (ffi::SQLITE_NOTADB, "final"),
        (ffi::SQLITE_READONLY_DBMOVED, "final"),
        (ffi::SQLITE_CONSTRAINT_UNIQUE, "item"),
        (ffi::SQLITE_TOOBIG, "item"),
        (ffi::SQLITE_INTERRUPT, "item"),
        (ffi::SQLITE_MISUSE, "item"),
    ];

    fn fault(code: c_int) -> Fault {
        Fault::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    fn kind(fault: &Fault) -> &'static str {
        match fault {
            Fault::Item(_) => "item",
            Fault::Full(_) => "full",
            Fault::Passing(_) => "passing",
            Fault::Unwritten(_) => "unwritten",
            Fault::Final(_) => "final",
        }
    }

    #[test]
    fn every_code_is_sorted_by_what_follows_from_it() {
        let found = |table: &[(c_int, Meaning)], code| {
            let row = table.iter().find(|(listed, _)| *listed == code);
            row.map(|(_, meaning)| *meaning)
        };
        // An extended code has its primary one in its lowest byte.
        for extended in 0..=0xffff {
            let expected = found(EXCEPTIONS, extended)
                .or_else(|| found(KINDS, extended & 0xff))
                .unwrap_or(Meaning::Item);
            assert_eq!(Meaning::of(extended), expected, "{extended}");
        }
        for (code, expected) in MET {
            assert_eq!(kind(&fault(*code)), *expected, "{code}");
        }
    }

    #[test]
    fn a_fault_names_the_file_the_reason_and_the_mend() {
        let said = |code| {
            fault(code)
                .in_file(Path::new("data/ledger.db"))
                .reason()
                .to_owned()
        };
        for (code, mend) in [
            (ffi::SQLITE_FULL, ROOM),
            (ffi::SQLITE_BUSY, LOCK),
            (ffi::SQLITE_READONLY, RIGHTS),
            (ffi::SQLITE_IOERR_FSYNC, DISK),
            (ffi::SQLITE_CORRUPT, COPY),
        ] {
            let said = said(code);
            assert!(said.starts_with("data/ledger.db: "), "{said}");
            assert!(said.ends_with(&format!("; {mend}")), "{said}");
        }
    }

    #[test]
    fn a_refused_write_is_final_where_the_folder_takes_others() {
        let folder = tempfile::tempdir().unwrap();
        let refused = || fault(ffi::SQLITE_IOERR_WRITE);
        let tried = refused().after_trying(folder.path());
        assert!(
            matches!(&tried, Fault::Final(reason) if reason.contains("check the disk")),
            "{tried:?}"
        );
        // A folder that cannot be asked is trusted no more.
        let tried = refused().after_trying(&folder.path().join("gone"));
        assert_eq!(kind(&tried), "final");
        // /sys takes no new files; what it answers is no sign of a full or read-only disk
        assert_eq!(
            kind(&fault(ffi::SQLITE_FULL).after_trying(Path::new("/sys"))),
            "passing"
        );
    }
}
