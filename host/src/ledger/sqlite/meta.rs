//! What the ledger notes of itself.

use super::fault::Fault;
use super::writer::Tx;
use rusqlite::{Connection, OptionalExtension as _};

/// Notes that the ledger is open, and says whether it was closed before.
pub(super) fn note_open(tx: &mut Tx<'_>) -> Result<LastStop, Fault> {
    let last = get(tx.connection, "stop")?;
    put(tx.connection, "stop", "none")?;
    Ok(match last.as_deref() {
        None | Some("clean") => LastStop::Clean,
        Some(_) => LastStop::Unclean,
    })
}

/// Notes that all that was asked is done; and that the file is still to be looked through, if that was begun and not
/// ended.
pub(super) fn note_clean_stop(tx: &mut Tx<'_>, checked: Checked) -> Result<(), Fault> {
    let stop = match checked {
        Checked::Yes => "clean",
        Checked::NotYet => "unchecked",
    };
    put(tx.connection, "stop", stop)
}

/// Whether the file was looked through since it was stopped without order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    Yes,
    NotYet,
}

/// Writes something of no meaning: whether that is possible is the question.
pub(super) fn probe(tx: &mut Tx<'_>) -> Result<(), Fault> {
    put(tx.connection, "probe", &tx.now_ms.to_string())
}

/// What is noted under a key.
pub(super) fn get(connection: &Connection, key: &str) -> Result<Option<String>, Fault> {
    Ok(connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

/// Notes something.
pub(super) fn put(connection: &Connection, key: &str, value: &str) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute((key, value))?;
    Ok(())
}

/// How the ledger was stopped before it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastStop {
    /// It was closed, or never open.
    Clean,
    /// Its host died.
    Unclean,
    /// It failed, and was checked before it was opened again.
    Failed,
}
