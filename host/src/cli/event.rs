//! The event of `run` and `send`: a built-in sample by its name, a JSON file, or standard input.

use crate::cli::UsageError;
use crate::intake::IntakeConfig;
use anyhow::Context as _;
use hookbox_sdk::sample;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The word for standard input, where a file could stand.
const STDIN: &str = "-";

/// Where an event comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A built-in sample's JSON.
    Sample(&'static str),
    /// A file.
    File(PathBuf),
    /// Standard input, which can be read once.
    Stdin,
}

/// Reads an event: a name without a dot or slash is a sample's.
///
/// # Errors
/// There is no such sample or file, or what it holds is larger than any body may be.
pub fn read(event: &str) -> anyhow::Result<Vec<u8>> {
    Source::find(event)?.read()
}

impl Source {
    /// Finds what was named, without reading it.
    ///
    /// # Errors
    /// [`UsageError`] if it looks like a sample's name and is none.
    pub fn find(event: &str) -> Result<Self, UsageError> {
        if event == STDIN {
            return Ok(Self::Stdin);
        }
        if let Some(sample) = sample::find(event) {
            return Ok(Self::Sample(sample.json));
        }
        let path = Path::new(event);
        if !event.contains(['.', '/']) && !path.exists() {
            return Err(UsageError(format!(
                "there is no sample `{event}` (hookbox send --list shows all), and no file of that name"
            )));
        }
        Ok(Self::File(path.to_owned()))
    }

    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, or is larger than any body may be.
    pub fn read(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Sample(json) => Ok(json.as_bytes().to_vec()),
            Self::File(path) => bounded(|| File::open(path)),
            Self::Stdin => bounded(|| Ok(std::io::stdin())),
        }
        .with_context(|| self.shown())
    }

    /// Its file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Sample(_) | Self::Stdin => None,
        }
    }

    /// What to call it in an error.
    pub fn shown(&self) -> String {
        match self {
            Self::Sample(_) => "the sample".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
        }
    }
}

fn bounded<R: Read>(open: impl FnOnce() -> std::io::Result<R>) -> anyhow::Result<Vec<u8>> {
    let bytes_max = IntakeConfig::default().body_bytes_max;
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // One byte over the limit tells what is too large from what just fits.
    open()
        .and_then(|source| source.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .context("cannot read the event")?;
    anyhow::ensure!(
        bytes.len() <= bytes_max,
        "larger than {bytes_max} bytes, which no host takes"
    );
    Ok(bytes)
}
