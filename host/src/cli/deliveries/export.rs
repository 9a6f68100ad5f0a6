//! `hookbox deliveries export`: every delivery, or those that match, as JSON Lines.
//!
//! It reads one delivery after another and keeps none, and leaves no half-written file under the name it was given.

use super::Filter;
use crate::activity::DeliveryDetailJson;
use crate::cli::{End, UsageError, output};
use crate::ledger::sqlite::{SqliteReader, Walk};
use anyhow::Context as _;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Write deliveries as JSON Lines, oldest first, each as 'show --json' prints it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox deliveries export --since 30d -o deliveries.jsonl
  hookbox deliveries export --state dead | jq -r .id

It ends with the newest delivery that was there when it began, and may run beside a host. The
file is its owner's alone, and appears under its name once it is complete.")]
pub struct Export {
    #[command(flatten)]
    filter: Filter,
    /// A file instead of standard output; one that is there is replaced
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How much was written.
enum Written {
    /// All of it, and so many deliveries without their payload, because that is damaged.
    All { damaged: usize },
    /// As much as whoever reads the output wanted.
    Enough,
}

impl Export {
    pub(in crate::cli) fn execute(self, data: &Path) -> anyhow::Result<End> {
        let filter = self.filter.read(None)?;
        let reader = SqliteReader::open(data)?;
        let walk = reader.walk(filter)?;
        let written = match &self.out {
            Some(path) => write_file(walk, path)?,
            None => write(walk, &mut BufWriter::new(std::io::stdout().lock()))
                .context("standard output")?,
        };
        match written {
            Written::All { damaged: 0 } | Written::Enough => Ok(End::Ok),
            Written::All { damaged } => {
                output::error(&anyhow::anyhow!(
                    "{damaged} deliveries were written without their payload, which is damaged; check the disk"
                ));
                Ok(End::Failed)
            }
        }
    }
}

/// Writes into a file beside the one asked for, which is replaced at the end.
fn write_file(walk: Walk<'_>, path: &Path) -> anyhow::Result<Written> {
    let shown = || path.display().to_string();
    if path.exists() && !path.is_file() {
        return Err(UsageError(format!(
            "{}: not a regular file; name another with -o, or leave it out for standard output",
            shown()
        ))
        .into());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(folder).with_context(shown)?;
    let written = write(walk, &mut BufWriter::new(file.as_file_mut())).with_context(shown)?;
    file.as_file().sync_all().with_context(shown)?;
    file.persist(path).with_context(shown)?;
    Ok(written)
}

fn write(walk: Walk<'_>, out: &mut impl Write) -> anyhow::Result<Written> {
    let mut damaged = 0;
    for walked in walk {
        let walked = walked?;
        if let Some(reason) = walked.damage {
            damaged += 1;
            let id = walked.delivery.id;
            output::note(&format!("warning: {id}: {reason}"));
        }
        let line = DeliveryDetailJson::on_one_line(walked.delivery);
        if !is_read(write_line(out, &line))? {
            return Ok(Written::Enough);
        }
    }
    Ok(if is_read(out.flush())? {
        Written::All { damaged }
    } else {
        Written::Enough
    })
}

fn write_line(out: &mut impl Write, line: &DeliveryDetailJson) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Whether somebody still reads what is written: `head` ends when it has enough, and that is no failure.
fn is_read(written: std::io::Result<()>) -> std::io::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}
