//! A plugin's own state: reading it, and writing it if nothing that was read has changed and there is room for it.

use super::changes::{STATE_BYTES, STATE_KEYS};
use super::clock::natural;
use super::fault::Fault;
use super::writer::Tx;
use crate::ledger::{StateChanges, StateKeys, StateUsage, StateValue};
use rusqlite::{Connection, OptionalExtension as _};

/// The counter, per plugin, of settlements that wrote to its state: what they wrote has its value as version.
const VERSION: &str = "state-version";

/// The same where keys came or went: its value is that of the last such settlement.
const KEYS_VERSION: &str = "state-keys-version";

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

/// The keys after one, at most so many.
pub(super) fn keys(
    connection: &Connection,
    plugin: &str,
    after: &str,
    limit: usize,
) -> Result<StateKeys, Fault> {
    // Before the keys: of what is committed between the two, whoever lists them hears at its settlement.
    let version = counter(connection, KEYS_VERSION, plugin)?;
    let mut select = connection.prepare_cached(
        "SELECT key FROM plugin_state WHERE plugin = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let keys = select.query_map((plugin, after, limit), |row| row.get(0))?;
    Ok(StateKeys {
        keys: keys.collect::<Result<_, _>>()?,
        version: natural(version),
    })
}

/// How much there is, by the totals that are kept beside it.
pub(super) fn usage(connection: &Connection, plugin: &str) -> Result<StateUsage, Fault> {
    Ok(StateUsage {
        bytes: natural(counter(connection, STATE_BYTES, plugin)?),
        keys: natural(counter(connection, STATE_KEYS, plugin)?),
    })
}

/// Whether what an attempt read is another now: a key has another version, or keys came or went since it listed them.
pub(super) fn any_read_changed(
    connection: &Connection,
    plugin: &str,
    changes: &StateChanges,
) -> Result<bool, Fault> {
    if let Some(listed) = changes.listed
        && natural(counter(connection, KEYS_VERSION, plugin)?) != listed
    {
        return Ok(true);
    }
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

/// What writing makes of a plugin's state.
pub(super) struct Growth {
    bytes: i64,
    keys: i64,
    /// Whether a key comes or goes.
    other_keys: bool,
}

/// What an attempt's writes would make of its plugin's state; `None` if there is no room for that.
pub(super) fn growth(
    tx: &Tx<'_>,
    plugin: &str,
    changes: &StateChanges,
) -> Result<Option<Growth>, Fault> {
    let mut growth = Growth {
        bytes: 0,
        keys: 0,
        other_keys: false,
    };
    let mut select = tx
        .connection
        .prepare_cached("SELECT length(value) FROM plugin_state WHERE plugin = ?1 AND key = ?2")?;
    for (key, value) in &changes.writes {
        let size = |bytes: usize| i64::try_from(key.len() + bytes).unwrap_or(i64::MAX);
        let kept: Option<i64> = select
            .query_row((plugin, key), |row| row.get(0))
            .optional()?;
        let before = kept.map(|bytes| size(0).saturating_add(bytes));
        let after = value.as_ref().map(|value| size(value.len()));
        growth.bytes += after.unwrap_or(0) - before.unwrap_or(0);
        growth.keys += i64::from(after.is_some()) - i64::from(before.is_some());
        growth.other_keys |= after.is_some() != before.is_some();
    }
    let (bytes, keys) = (
        tx.total(STATE_BYTES, plugin)?,
        tx.total(STATE_KEYS, plugin)?,
    );
    let size = |bytes, keys| StateUsage {
        bytes: natural(bytes),
        keys: natural(keys),
    };
    let after = size(bytes + growth.bytes, keys + growth.keys);
    let fits = changes.quota.allows(size(bytes, keys), after);
    Ok(fits.then_some(growth))
}

/// Writes what an attempt wrote. All keys written by one settlement get the same version, the next of their plugin.
pub(super) fn write(
    tx: &mut Tx<'_>,
    plugin: &str,
    changes: &StateChanges,
    growth: &Growth,
) -> Result<(), Fault> {
    if changes.writes.is_empty() {
        return Ok(());
    }
    let version: i64 = tx
        .connection
        .prepare_cached(
            "INSERT INTO counters (name, plugin, value) VALUES (?1, ?2, 1)
             ON CONFLICT (name, plugin) DO UPDATE SET value = value + 1 RETURNING value",
        )?
        .query_row((VERSION, plugin), |row| row.get(0))?;
    if growth.other_keys {
        tx.connection
            .prepare_cached(
                "INSERT INTO counters (name, plugin, value) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name, plugin) DO UPDATE SET value = excluded.value",
            )?
            .execute((KEYS_VERSION, plugin, version))?;
    }
    let mut put = tx.connection.prepare_cached(
        "INSERT INTO plugin_state (plugin, key, value, version) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (plugin, key)
         DO UPDATE SET value = excluded.value, version = excluded.version",
    )?;
    let mut delete = tx
        .connection
        .prepare_cached("DELETE FROM plugin_state WHERE plugin = ?1 AND key = ?2")?;
    for (key, value) in &changes.writes {
        match value {
            Some(value) => put.execute((plugin, key, value, version))?,
            None => delete.execute((plugin, key))?,
        };
    }
    tx.changes.state_grew(plugin, growth.bytes, growth.keys);
    Ok(())
}

/// A counter as it is committed; 0 if it never counted anything.
fn counter(connection: &Connection, name: &str, plugin: &str) -> Result<i64, Fault> {
    let value: Option<i64> = connection
        .prepare_cached("SELECT value FROM counters WHERE name = ?1 AND plugin = ?2")?
        .query_row((name, plugin), |row| row.get(0))
        .optional()?;
    Ok(value.unwrap_or_default())
}
