//! Which pending runs are due, and when the next one will be.
//!
//! Everything here is a probe of the partial index over pending runs: what it costs does not grow with the
//! backlog, nor with the history.

use super::clock::natural;
use super::fault::Fault;
use crate::delivery::Lane;
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::HashSet;

/// A due time further ahead than any delay may be comes from a clock that was wrong: it counts as due.
const DUE_AHEAD_MS_MAX: i64 = 25 * 60 * 60 * 1000;

/// The oldest due run of a plugin and lane, in a range of due times.
pub(super) const NEXT_DUE: &str = "SELECT seq, due_ms FROM runs INDEXED BY runs_pending
     WHERE plugin = ?1 AND gate = 'ready' AND lane = ?2 AND state = 'pending'
       AND due_ms BETWEEN ?3 AND ?4 AND losses < 2 AND conflicts < 3
     ORDER BY due_ms, seq LIMIT 1";

/// When the first pending run of a plugin and lane is due, whatever it waits for besides.
pub(super) const FIRST_DUE: &str = "SELECT min(due_ms) FROM runs INDEXED BY runs_pending
     WHERE plugin = ?1 AND gate = 'ready' AND lane = ?2 AND state = 'pending'";

/// The first plugin after another that has pending runs.
pub(super) const NEXT_BUSY: &str =
    "SELECT min(plugin) FROM runs INDEXED BY runs_pending WHERE state = 'pending' AND plugin > ?1";

/// When the runs that want the host or their plugin to themselves are due.
const NEXT_ALONE: &str = "SELECT plugin, due_ms FROM runs INDEXED BY runs_alone
     WHERE state IN ('pending', 'running') AND gate = 'ready' AND (losses >= 2 OR conflicts >= 3)
       AND state = 'pending'";

/// A range of due times.
#[derive(Debug, Clone, Copy)]
pub(super) enum Range {
    /// Now or earlier.
    Due,
    /// Further ahead than is believed.
    FarAhead,
    /// Any time.
    Any,
}

impl Range {
    /// Its first and its last ms.
    pub const fn ms(self, now_ms: i64) -> (i64, i64) {
        match self {
            Self::Due => (i64::MIN, now_ms),
            Self::FarAhead => (far_ahead(now_ms).saturating_add(1), i64::MAX),
            Self::Any => (i64::MIN, i64::MAX),
        }
    }
}

/// The latest due time that is believed.
pub(super) const fn far_ahead(now_ms: i64) -> i64 {
    now_ms.saturating_add(DUE_AHEAD_MS_MAX)
}

/// The oldest due run of a plugin and lane, save those that want to be alone.
pub(super) fn next_due(
    connection: &Connection,
    plugin: &str,
    lane: Lane,
    (from, to): (i64, i64),
) -> Result<Option<(i64, i64)>, Fault> {
    Ok(connection
        .prepare_cached(NEXT_DUE)?
        .query_row((plugin, lane.as_str(), from, to), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?)
}

/// When the next pending run of these plugins is due; now, if one is due further ahead than is believed.
pub(super) fn next_due_ms(
    connection: &Connection,
    plugins: &[String],
    now_ms: i64,
) -> Result<Option<i64>, Fault> {
    let busy = busy_plugins(connection)?;
    let mut next: Option<i64> = None;
    let mut meet = |due_ms: i64| next = Some(next.map_or(due_ms, |next| next.min(due_ms)));
    for plugin in plugins.iter().filter(|plugin| busy.contains(*plugin)) {
        for lane in Lane::ALL {
            if let Some((_, due_ms)) = next_due(connection, plugin, *lane, Range::Any.ms(now_ms))? {
                meet(due_ms);
            }
            if next_due(connection, plugin, *lane, Range::FarAhead.ms(now_ms))?.is_some() {
                meet(now_ms);
            }
        }
    }
    let mut alone = connection.prepare_cached(NEXT_ALONE)?;
    let mut rows = alone.query([])?;
    while let Some(row) = rows.next()? {
        if plugins
            .iter()
            .any(|plugin| row.get_ref(0).is_ok_and(|name| name.as_str() == Ok(plugin)))
        {
            meet(row.get(1)?);
        }
    }
    Ok(next)
}

/// When the first pending run of a plugin is due, or was; parked ones aside.
pub(super) fn first_due_ms(connection: &Connection, plugin: &str) -> Result<Option<u64>, Fault> {
    let mut select = connection.prepare_cached(FIRST_DUE)?;
    let mut first: Option<i64> = None;
    for lane in Lane::ALL {
        let due_ms: Option<i64> = select.query_row((plugin, lane.as_str()), |row| row.get(0))?;
        first = [first, due_ms].into_iter().flatten().min();
    }
    Ok(first.map(natural))
}

/// The plugins that have pending runs, found by one probe of the index each.
pub(super) fn busy_plugins(connection: &Connection) -> Result<HashSet<String>, Fault> {
    let mut next = connection.prepare_cached(NEXT_BUSY)?;
    let mut busy = HashSet::new();
    let mut last = String::new();
    loop {
        let found: Option<String> = next.query_row([&last], |row| row.get(0))?;
        let Some(plugin) = found else {
            return Ok(busy);
        };
        last.clone_from(&plugin);
        busy.insert(plugin);
    }
}
