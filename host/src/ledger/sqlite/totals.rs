//! The totals that transactions keep: what a page shows without counting rows.

use super::changes::{DELIVERIES, DUPLICATES, PARKED, UNSETTLED, runs_in};
use super::clock::natural;
use super::fault::Fault;
use crate::delivery::RunState;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// How much of everything there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Deliveries recorded.
    pub deliveries: u64,
    /// Deliveries that came again.
    pub duplicates: u64,
    /// Runs by state; a state without runs may be missing.
    pub runs: Vec<(RunState, u64)>,
    /// Plugins that have, or had, runs.
    pub plugins: BTreeMap<String, PluginTotals>,
}

/// How many runs a plugin has to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PluginTotals {
    /// Runs that are not settled, parked ones included.
    pub unsettled: u64,
    /// Runs that are parked.
    pub parked: u64,
}

pub(super) fn totals(connection: &Connection) -> Result<Totals, Fault> {
    let mut totals = Totals::default();
    let mut select = connection.prepare_cached("SELECT name, plugin, value FROM counters")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (name, plugin): (String, String) = (row.get(0)?, row.get(1)?);
        let value = natural(row.get(2)?);
        match name.as_str() {
            DELIVERIES => totals.deliveries = value,
            DUPLICATES => totals.duplicates = value,
            UNSETTLED => totals.plugins.entry(plugin).or_default().unsettled = value,
            PARKED => totals.plugins.entry(plugin).or_default().parked = value,
            _ => {
                let state = RunState::ALL.iter().find(|state| runs_in(**state) == name);
                totals.runs.extend(state.map(|state| (*state, value)));
            }
        }
    }
    Ok(totals)
}
