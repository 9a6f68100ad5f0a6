//! A file that is still being written.

use super::remove;
use crate::plugin::component::{ALGORITHM, hex};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A file under a passing name, hashed as it is written. It goes when it is dropped.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    file: File,
    hash: Sha256,
}

impl Part {
    /// Begins an empty one in a folder, readable for this process's user alone.
    ///
    /// # Errors
    /// The system's.
    pub fn create(folder: &Path) -> io::Result<Self> {
        // Two plugins may have the same bytes, and be loaded at once. What a power cut leaves is nobody's: it is
        // named after no digest.
        let path = folder.join(format!("{:016x}.part", fastrand::u64(..)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        Ok(Self {
            file: options.open(&path)?,
            path,
            hash: Sha256::new(),
        })
    }

    /// The SHA-256 of what was written, in hex digits.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&self.hash.clone().finalize())
    }

    /// What was written as the digest of a component.
    #[must_use]
    pub fn digest(&self) -> String {
        format!("{ALGORITHM}{}", self.hash())
    }

    /// Gives it its name: under that it is whole from the first moment, and durable when this returns.
    ///
    /// # Errors
    /// The system's.
    pub fn become_file(self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Two are the same if they hold the same.
impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.hash() == other.hash()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.path.exists() {
            remove(&self.path);
        }
    }
}
