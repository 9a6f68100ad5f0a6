//! Opening the ledger's file: its folder, its connections and what they are set to.

use super::fault::Fault;
use super::{marker, migrate};
use crate::ledger::LedgerError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The oldest SQLite to use: older ones can corrupt a database in WAL mode when a checkpoint races a write.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// How long a connection waits for a lock that another program holds.
const BUSY_MS: u64 = 5_000;

/// Statements kept prepared per connection: more than there are.
const STATEMENTS_MAX: usize = 128;

/// The ledger's file in a data folder.
pub(super) fn file_in(data: &Path) -> PathBuf {
    data.join("ledger.db")
}

/// The folder that a ledger's file lies in.
pub(super) fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().unwrap_or(Path::new(""));
    if folder.as_os_str().is_empty() {
        return Path::new(".");
    }
    folder
}

/// Has the names of a folder's files survive a power cut, which SQLite asks for and does not wait to hear of.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some file systems have nothing to flush for a folder, and say so.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// The ledger's file in a data folder where there should be one.
pub(super) fn existing_file(data: &Path) -> Result<PathBuf, LedgerError> {
    let file = file_in(data);
    if file.is_file() {
        return Ok(file);
    }
    Err(LedgerError::Open {
        path: file,
        reason:
            "there is no ledger here; start `hookbox serve`, or name its data folder with --data"
                .to_owned(),
    })
}

/// Makes the data folder, for its owner alone, if it is not there.
pub(super) fn make_folder(data: &Path) -> Result<(), LedgerError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(data).map_err(|error| LedgerError::Open {
        path: data.to_owned(),
        reason: format!("{error}; name another folder with --data"),
    })
}

/// Opens the write connection, making the file if it is not there, and brings its schema up to date.
pub(super) fn open_writer(file: &Path) -> Result<Connection, LedgerError> {
    check_version(file)?;
    make_file(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(file, flags)
        .and_then(|mut connection| {
            set_for_writing(&connection)?;
            migrate::migrate(&mut connection)?;
            Ok(connection)
        })
        .map_err(|fault| marker::into_open_error(fault, file))
}

/// Opens a connection that writes beside a host, to a file that is there and up to date.
pub(super) fn open_operator(file: &Path) -> Result<Connection, LedgerError> {
    check_version(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(file, flags)
        .and_then(|connection| {
            migrate::check_readable(&connection)?;
            set_for_writing(&connection)?;
            Ok(connection)
        })
        .map_err(|fault| fault.into_open_error(file))
}

/// Opens a connection to a file that is there, whatever it holds: nothing is brought up to date.
pub(super) fn open_as_it_is(file: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(file, flags)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(file: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(file, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Reads the whole file and checks that it is well formed.
pub(super) fn check_integrity(connection: &Connection) -> Result<(), Fault> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    Err(Fault::damage(&format!(
        "its integrity check found: {found}"
    )))
}

/// Makes the file for its owner alone; SQLite gives its companions the same mode.
fn make_file(file: &Path) -> Result<(), LedgerError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(_) => Ok(()),
        Err(error) => Err(LedgerError::Open {
            path: file.to_owned(),
            reason: format!("{error}; let hookbox write to it and its folder"),
        }),
    }
}

fn open(file: &Path, flags: OpenFlags) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Plans must not depend on what is bound: else SQLite compiles a statement anew for each value that may decide
    // whether a partial index applies.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A mapped file turns an I/O error into a signal that kills the process.
    connection.pragma_update(None, "mmap_size", 0)?;
    // Savepoints note the pages they change; in memory that costs no temporary file.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn set_for_writing(connection: &Connection) -> Result<(), Fault> {
    // Before the first table, or it has no effect: retention gives pages back to the system.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::Item(format!(
            "its file system allows no write-ahead log (journal mode is {mode}); move the data folder to a local disk"
        )));
    }
    // NORMAL may lose the last commits on power loss.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // SQLite's own would keep to itself what goes wrong: the writer makes them.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    Ok(())
}

fn check_version(file: &Path) -> Result<(), LedgerError> {
    if rusqlite::version_number() >= SQLITE_VERSION_MIN {
        return Ok(());
    }
    Err(LedgerError::Open {
        path: file.to_owned(),
        reason: format!(
            "SQLite {} can corrupt it; build hookbox with SQLite 3.51.3 or newer",
            rusqlite::version()
        ),
    })
}
