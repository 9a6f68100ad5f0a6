//! `hookbox backup`: a copy of the ledger, while a host runs or not.

use crate::cli::{End, UsageError, output};
use crate::ledger::sqlite::{BackupError, SqliteReader};
use std::path::PathBuf;

/// Copy the ledger into a new file, while a host runs or not
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox backup --data /var/lib/hookbox /backup/hookbox-$(date +%F).db

The copy is the ledger as it was at one moment: deliveries, runs, attempts, and what plugins keep.
To go back to it, stop the host, put the copy as 'ledger.db' into an empty data folder, and serve
that. What was accepted after the copy is not in it; runs that were under way then are run again.
A backup that is ended before its time leaves '.NAME.*.part' beside FILE.")]
pub struct Backup {
    /// The file to make; one that is there is never replaced
    file: PathBuf,
    /// The host's data folder
    #[arg(long, env = "HOOKBOX_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let bytes = match SqliteReader::open(&self.data)?.backup(&self.file) {
            Ok(bytes) => bytes,
            Err(error @ (BackupError::Exists { .. } | BackupError::Inside { .. })) => {
                return Err(UsageError(error.to_string()).into());
            }
            Err(error) => return Err(error.into()),
        };
        if self.json {
            output::json(&serde_json::json!({ "file": self.file, "bytes": bytes }))?;
        } else {
            output::line(&self.file.display().to_string());
        }
        Ok(End::Ok)
    }
}
