//! The note that a ledger failed for good, `ledger.db.failed`, and what the next start does about it.
//!
//! The database cannot be trusted with that note. Whoever opens the ledger after it reads the whole file before
//! anything else, from the disk and not from what the system still holds of it: after a failed flush the two may
//! differ. What is found sound is served again; what is not is left as it is.

use super::fault::Fault;
use super::open;
use crate::clock::{now_ms, rfc3339};
use crate::ledger::LedgerError;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The most of a note that is read.
const BYTES_MAX: u64 = 4_096;

/// How often a check that takes its time says that it is at work.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Whether a ledger was found sound after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recheck {
    /// It had not failed.
    Unneeded,
    /// It had, and its file is sound.
    Sound,
}

/// The marker of a ledger's file.
fn path_of(file: &Path) -> PathBuf {
    file.with_extension("db.failed")
}

/// When and why the ledger of a data folder failed, if it did and was not found sound since.
///
/// # Errors
/// If that cannot be told.
pub fn failed_before(data: &Path) -> io::Result<Option<String>> {
    read(&open::file_in(data))
}

/// Notes when and why a ledger failed, as durably as the disk allows, for the next start.
pub(super) fn leave(file: &Path, reason: &str) {
    let path = path_of(file);
    let name = format!("{}: ", file.display());
    match write(&path, reason.strip_prefix(&name).unwrap_or(reason)) {
        Ok(()) => {
            tracing::info!(marker = %path.display(), "the next start checks the ledger's file before it serves");
        }
        Err(error) => tracing::error!(
            marker = %path.display(),
            %error,
            "the failure could not be noted beside the ledger: before the next start, make an empty file of this name, \
             so that the ledger is checked before it is served"
        ),
    }
}

/// What a host that was to open a ledger is told; notes it for the next start if the disk reported an error.
pub(super) fn into_open_error(fault: Fault, file: &Path) -> LedgerError {
    let fault = fault.after_trying(open::folder_of(file));
    if fault.is_of_the_disk() {
        leave(file, fault.reason());
    }
    fault.into_open_error(file)
}

fn write(path: &Path, reason: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut marker = options.open(path)?;
    writeln!(marker, "{} {reason}", rfc3339(now_ms()))?;
    marker.sync_all()?;
    open::sync_folder(open::folder_of(path))
}

fn read(file: &Path) -> io::Result<Option<String>> {
    let mut options = OpenOptions::new();
    // A pipe would wait for its writer.
    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let marker = match options.read(true).open(path_of(file)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        marker => marker?,
    };
    let mut text = Vec::new();
    // That it is there is what counts: it may be cut off or empty.
    drop(marker.take(BYTES_MAX).read_to_end(&mut text));
    Ok(Some(String::from_utf8_lossy(&text).trim().to_owned()))
}

/// Checks the whole file if the ledger failed when it was last open, and removes the marker if the file is sound.
/// Blocks for as long as the file takes to be read.
///
/// # Errors
/// [`LedgerError::Open`] if it is not sound, or that cannot be told.
pub(super) fn recheck(file: &Path) -> Result<Recheck, LedgerError> {
    let path = path_of(file);
    let unusable = |error: io::Error| LedgerError::Open {
        path: path.clone(),
        reason: format!("{error}; let hookbox read and remove it"),
    };
    let Some(why) = read(file).map_err(unusable)? else {
        return Ok(Recheck::Unneeded);
    };
    // Whoever took the damaged file away starts anew.
    if file.exists() {
        tracing::warn!(
            failed = why,
            "the ledger failed when it was last served; checking its file before it is served again"
        );
        forget_cached(file);
        let began = Instant::now();
        tell_progress(file, || check(file)).map_err(|fault| {
            let at = why.split(' ').next().unwrap_or_default();
            let told = |reason| format!("{reason} (it failed before, {at})");
            fault.with(told).into_open_error(file)
        })?;
        let seconds = began.elapsed().as_secs();
        tracing::info!(seconds, "the ledger's file is sound; it is served again");
    }
    std::fs::remove_file(&path).map_err(unusable)?;
    Ok(Recheck::Sound)
}

/// Opens the file as it is, which takes in its write-ahead log, and reads all of it.
fn check(file: &Path) -> Result<(), Fault> {
    open::check_integrity(&open::open_as_it_is(file)?)
}

/// Has the system read a ledger's files from the disk again. Where it does not, what it holds is checked.
fn forget_cached(file: &Path) {
    for path in [file.to_owned(), file.with_extension("db-wal")] {
        let Ok(file) = File::open(path) else { continue };
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    }
}

/// Does something that may take long, and says now and then that it is at work.
fn tell_progress<T>(file: &Path, work: impl FnOnce() -> T) -> T {
    let bytes = file.metadata().map_or(0, |file| file.len());
    let began = Instant::now();
    let (done, ended) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let teller = std::thread::Builder::new().name("check".to_owned());
        // Without a thread nothing is told, and the work is done all the same.
        drop(teller.spawn_scoped(scope, move || {
            while ended.recv_timeout(TELL_EVERY) == Err(RecvTimeoutError::Timeout) {
                let (seconds, mib) = (began.elapsed().as_secs(), bytes >> 20);
                tracing::info!(seconds, mib, "still checking the ledger's file");
            }
        }));
        let result = work();
        drop(done);
        result
    })
}
