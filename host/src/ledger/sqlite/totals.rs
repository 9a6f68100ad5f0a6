//! The totals that transactions keep: what a page or a scrape shows without counting rows.

use super::changes::{
    BACKLOG_BYTES, DELIVERIES, DIED, DUPLICATES, PARKED, REMOVED, STATE_BYTES, STATE_KEYS,
    UNSETTLED, runs_in,
};
use super::clock::natural;
use super::due::first_due_ms;
use super::fault::Fault;
use super::plugins::states;
use super::room;
use crate::delivery::RunState;
use crate::ledger::{StateUsage, Totals};
use rusqlite::Connection;
use std::path::Path;

/// How much of everything there is, at a time of the clock that due times are made of.
pub(super) fn totals(connection: &Connection, now_ms: i64) -> Result<Totals, Fault> {
    let mut totals = counted(connection)?;
    totals.now_ms = natural(now_ms);
    for (name, state) in states(connection)? {
        totals.plugins.entry(name).or_default().state = Some(state);
    }
    for (name, plugin) in &mut totals.plugins {
        // Parked runs are not claimable, and may be a million.
        if plugin.unsettled > plugin.parked {
            plugin.first_due_ms = first_due_ms(connection, name)?;
        }
    }
    if let Some(file) = connection.path() {
        totals.bytes = bytes_of(file);
        totals.free_bytes = room::free_in(Path::new(file));
    }
    Ok(totals)
}

fn counted(connection: &Connection) -> Result<Totals, Fault> {
    let (mut totals, mut removed) = (Totals::default(), 0);
    let mut select = connection.prepare_cached("SELECT name, plugin, value FROM counters")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (name, plugin): (String, String) = (row.get(0)?, row.get(1)?);
        let value = natural(row.get(2)?);
        match name.as_str() {
            DELIVERIES => totals.deliveries = value,
            REMOVED => removed = value,
            DUPLICATES => totals.duplicates = value,
            BACKLOG_BYTES => totals.backlog_bytes = value,
            DIED => totals.plugins.entry(plugin).or_default().died = value,
            UNSETTLED => totals.plugins.entry(plugin).or_default().unsettled = value,
            PARKED => totals.plugins.entry(plugin).or_default().parked = value,
            STATE_BYTES => stored(&mut totals, plugin).bytes = value,
            STATE_KEYS => stored(&mut totals, plugin).keys = value,
            _ => {
                let state = RunState::ALL.iter().find(|state| runs_in(**state) == name);
                totals.runs.extend(state.map(|state| (*state, value)));
            }
        }
    }
    totals.kept = totals.deliveries.saturating_sub(removed);
    Ok(totals)
}

fn stored(totals: &mut Totals, plugin: String) -> &mut StateUsage {
    let plugin = totals.plugins.entry(plugin).or_default();
    plugin.stored.get_or_insert_default()
}

/// Bytes of the file and of its write-ahead log.
fn bytes_of(file: &str) -> u64 {
    [file.to_owned(), format!("{file}-wal")]
        .iter()
        .filter_map(|path| Some(Path::new(path).metadata().ok()?.len()))
        .sum()
}
