//! A plugin's own state: reading it, and writing it if nothing that was read has changed.

use super::clock::natural;
use super::fault::Fault;
use crate::ledger::{StateChanges, StateValue};
use rusqlite::{Connection, OptionalExtension as _};

/// The value of a key.
pub(super) fn value(
    connection: &Connection,
    plugin: &str,
    key: &str,
) -> Result<Option<StateValue>, Fault> {
    Ok(connection
        .prepare_cached("SELECT value, version FROM plugin_state WHERE plugin = ?1 AND key = ?2")?
        .query_row((plugin, key), |row| {
            Ok(StateValue {
                value: row.get(0)?,
                version: natural(row.get(1)?),
            })
        })
        .optional()?)
}

/// Whether a key that an attempt read has another version now.
pub(super) fn any_read_changed(
    connection: &Connection,
    plugin: &str,
    changes: &StateChanges,
) -> Result<bool, Fault> {
    let mut select = connection
        .prepare_cached("SELECT version FROM plugin_state WHERE plugin = ?1 AND key = ?2")?;
    for (key, read) in &changes.reads {
        let version: Option<i64> = select
            .query_row((plugin, key), |row| row.get(0))
            .optional()?;
        if version.map_or(0, natural) != *read {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes what an attempt wrote. All keys written by one settlement get the same version, the next of their plugin.
pub(super) fn write(
    connection: &Connection,
    plugin: &str,
    changes: &StateChanges,
) -> Result<(), Fault> {
    if changes.writes.is_empty() {
        return Ok(());
    }
    let version: i64 = connection
        .prepare_cached(
            "INSERT INTO counters (name, plugin, value) VALUES ('state-version', ?1, 1)
             ON CONFLICT (name, plugin) DO UPDATE SET value = value + 1 RETURNING value",
        )?
        .query_row([plugin], |row| row.get(0))?;
    let mut put = connection.prepare_cached(
        "INSERT INTO plugin_state (plugin, key, value, version) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (plugin, key)
         DO UPDATE SET value = excluded.value, version = excluded.version",
    )?;
    let mut delete =
        connection.prepare_cached("DELETE FROM plugin_state WHERE plugin = ?1 AND key = ?2")?;
    for (key, value) in &changes.writes {
        match value {
            Some(value) => put.execute((plugin, key, value, version))?,
            None => delete.execute((plugin, key))?,
        };
    }
    Ok(())
}
