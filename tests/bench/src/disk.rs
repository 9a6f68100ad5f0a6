//! The disk that ledgers lie on: its file system, and what one flush costs.

use anyhow::{Context as _, Result};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// What is written before each flush, in bytes: two pages of a ledger's log, about what one small commit writes.
const WRITTEN: u64 = 8192;

/// The size of the file: as a write-ahead log that is used again and again, it does not grow.
const FILE: u64 = 512 * WRITTEN;

/// A file that is written to as a write-ahead log is.
pub struct Flushes {
    file: File,
    at: u64,
}

impl Flushes {
    /// A new file in a folder.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn beside(folder: &Path) -> Result<Self> {
        let path = folder.join("flushes");
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        let mut flushes = Self { file, at: 0 };
        for _ in 0..FILE / WRITTEN {
            flushes.write()?;
        }
        flushes.file.sync_all()?;
        Ok(flushes)
    }

    /// Writes and flushes once; how long that took.
    ///
    /// # Errors
    /// The disk's.
    pub fn once(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.write()?;
        self.file.sync_all()?;
        Ok(began.elapsed())
    }

    fn write(&mut self) -> Result<()> {
        let bytes = [0x5a; WRITTEN as usize];
        self.file.write_all_at(&bytes, self.at)?;
        self.at = (self.at + WRITTEN) % FILE;
        Ok(())
    }
}

/// The kind of file system that a folder lies on, as mounted (proc(5), `mountinfo`).
pub fn file_system(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let (mount, rest) = line.split_once(" - ")?;
        let point = mount.split(' ').nth(4)?;
        let kind = rest.split(' ').next()?;
        folder.starts_with(point).then_some((point.len(), kind))
    });
    let nearest = mounts.max_by_key(|(length, _)| *length);
    nearest.map_or("unknown", |(_, kind)| kind).to_owned()
}
