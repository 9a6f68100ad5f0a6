//! A look at the ledger's file that changes nothing: SQLite makes files beside a database even to read it, so the
//! header is read as bytes (SQLite documentation, "Database File Format", section 1.3).

use super::migrate::{APPLICATION_ID, newest};
use super::open::file_in;
use crate::ledger::LedgerError;
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// What every database begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Bytes of the header.
const HEADER_BYTES: usize = 100;

/// Where the schema's version stands, and where the application's id does.
const USER_VERSION: usize = 60;
const APPLICATION: usize = 68;

/// Looks whether the ledger of a data folder is one that this version opens, without opening it; one that is not there
/// will be made. What is damaged inside is not seen.
///
/// # Errors
/// [`LedgerError::Open`] with the reason.
pub fn check_file(data: &Path) -> Result<(), LedgerError> {
    let path = file_in(data);
    let failed = |reason: String| LedgerError::Open {
        path: path.clone(),
        reason,
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    // A pipe would wait for its writer.
    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = match options.open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        file => file.map_err(|error| failed(format!("{error}; let hookbox write to it")))?,
    };
    let has_log = std::fs::metadata(path.with_extension("db-wal")).is_ok_and(|log| log.len() > 0);
    match read_header(&file) {
        Ok(header) => judge(&header, has_log).map_err(failed),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn read_header(file: &File) -> std::io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other(
            "not a regular file; name another folder with --data",
        ));
    }
    let mut header = Vec::new();
    let bytes = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
    file.take(bytes).read_to_end(&mut header)?;
    Ok(header)
}

fn judge(header: &[u8], has_log: bool) -> Result<(), String> {
    // What is not in the file may still be in the log beside it.
    if header.is_empty() {
        return Ok(());
    }
    if header.len() < HEADER_BYTES || !header.starts_with(MAGIC) {
        return Err(
            "not a ledger, or damaged; restore it from a copy, or name another folder with --data"
                .to_owned(),
        );
    }
    let (application, version) = (number(header, APPLICATION), number(header, USER_VERSION));
    if application != APPLICATION_ID && !has_log {
        return Err("a database of another program; name another folder with --data".to_owned());
    }
    let newest = newest();
    if version > newest {
        return Err(format!(
            "its schema is version {version}, this hookbox knows up to version {newest}; use the hookbox that wrote it, \
             or a newer one"
        ));
    }
    Ok(())
}

fn number(header: &[u8], at: usize) -> i64 {
    let bytes = header.get(at..).and_then(|rest| rest.first_chunk::<4>());
    bytes.map_or(0, |bytes| i64::from(u32::from_be_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sqlite::{SqliteLedger, SqliteOptions, WriterMetrics};

    #[test]
    fn a_ledger_is_told_from_other_files_without_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        assert!(check_file(data).is_ok());
        drop(SqliteLedger::open(data, SqliteOptions::default(), WriterMetrics::default()).unwrap());
        let files = || std::fs::read_dir(data).unwrap().count();
        let before = files();
        assert!(check_file(data).is_ok());
        assert_eq!(files(), before);
        let ledger = file_in(data);
        let mut bytes = std::fs::read(&ledger).unwrap();
        bytes[USER_VERSION + 3] = 99;
        std::fs::write(&ledger, &bytes).unwrap();
        assert!(
            check_file(data)
                .unwrap_err()
                .to_string()
                .contains("version 99")
        );
        bytes[APPLICATION] = 0;
        std::fs::write(&ledger, &bytes).unwrap();
        assert!(
            check_file(data)
                .unwrap_err()
                .to_string()
                .contains("another program")
        );
        std::fs::write(&ledger, "x".repeat(4096)).unwrap();
        assert!(
            check_file(data)
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }
}
