//! What room there is for deliveries, and whether it was told that there is none. A host that wrote until nothing is left
//! on its disk could neither settle nor clean up, so it stops taking deliveries in before that.

use super::fault::Fault;
use super::writer::Tx;
use bytesize::ByteSize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How old what was last seen may be when a delivery is recorded.
const SEEN_MAX: Duration = Duration::from_secs(1);

/// The disk of a data folder, as it was last seen.
#[derive(Default)]
pub(super) struct Room {
    folder: PathBuf,
    seen: Mutex<Seen>,
    /// Whether it was told that too much waits.
    backlog_told: AtomicBool,
}

#[derive(Default, Clone, Copy)]
struct Seen {
    at: Option<Instant>,
    /// `None` where the system does not tell: then the writes themselves will.
    free: Option<u64>,
    /// Whether it was told that there is not enough.
    told: bool,
}

impl Room {
    /// The disk of a data folder, seen now. Blocks on the file system.
    pub fn of(folder: &Path) -> Self {
        let room = Self {
            folder: folder.to_owned(),
            ..Self::default()
        };
        room.look(0);
        room
    }

    /// Looks again, and tells if that there are so many bytes is true no more, or again. Blocks on the file system.
    pub fn look(&self, min: u64) {
        let free = free_bytes(&self.folder);
        let before = {
            let mut seen = self.seen();
            let before = *seen;
            *seen = Seen {
                at: Some(Instant::now()),
                free,
                told: free.is_some_and(|free| free < min),
            };
            before
        };
        match (before.told, self.shortage(min)) {
            (false, Some(reason)) => tracing::error!(reason, "no more deliveries are taken in"),
            (true, None) => {
                tracing::info!("there is room on the disk; deliveries are taken in again")
            }
            _ => {}
        }
    }

    /// Tells that deliveries are refused because too much waits, when that begins and when it is over.
    pub fn tell_backlog(&self, refused: Option<&str>) {
        match (
            self.backlog_told.swap(refused.is_some(), Ordering::Relaxed),
            refused,
        ) {
            (false, Some(reason)) => tracing::error!(reason, "deliveries are refused"),
            (true, None) => tracing::info!("less waits now; deliveries are taken in again"),
            _ => {}
        }
    }

    /// Why there is no room for a delivery, by what was seen last, if there is none.
    pub fn shortage(&self, min: u64) -> Option<String> {
        let free = self.seen().free.filter(|free| *free < min)?;
        Some(format!(
            "{}: {} are free on its disk, and free-space-min keeps {}; make room there, or set free-space-min lower",
            self.folder.display(),
            ByteSize(free),
            ByteSize(min)
        ))
    }

    fn is_stale(&self) -> bool {
        let at = self.seen().at;
        at.is_none_or(|at| at.elapsed() > SEEN_MAX)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses a delivery if too little is free on the ledger's disk.
pub(super) fn check(tx: &Tx<'_>) -> Result<(), Fault> {
    let min = tx.settings.free_space_min;
    if tx.room.is_stale() {
        tx.room.look(min);
    }
    match tx.room.shortage(min) {
        Some(reason) => Err(Fault::Full(reason)),
        None => Ok(()),
    }
}

/// Bytes that are free for this process on the disk of a file's folder, if the system tells.
pub(super) fn free_in(file: &Path) -> Option<u64> {
    free_bytes(file.parent()?)
}

/// statvfs(3): what is free for those without privileges, so that root stops where another user would.
fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
