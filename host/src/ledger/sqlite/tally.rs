//! Counting what a filter matches before something is done to it: in short steps, each a read of its own.

use super::clock::{natural, whole};
use super::fault::Fault;
use super::query::{NEWEST_IN_STATE, conditions, list};
use super::walk::first_since;
use crate::delivery::{DeliveryState, RunState};
use crate::ledger::DeliveryFilter;
use rusqlite::{Connection, named_params};
use std::collections::BTreeMap;

/// How many rows one step looks at.
const ROWS_MAX: i64 = 4_096;

/// How much a filter matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Deliveries; the filter's limit counts.
    pub deliveries: u64,
    /// Of these, if the filter asks for a state of runs, the runs that are the newest of their plugin and in it.
    pub runs: BTreeMap<String, u64>,
}

/// Counts what a filter matches, oldest first.
pub(super) fn tally(connection: &Connection, filter: &DeliveryFilter) -> Result<Tally, Fault> {
    let (first, last): (Option<i64>, Option<i64>) = connection.query_row(
        "SELECT (SELECT min(seq) FROM deliveries), (SELECT max(seq) FROM deliveries)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (Some(mut from), Some(last)) = (first, last) else {
        return Ok(Tally::default());
    };
    if let Some(since_ms) = filter.since_ms {
        from = first_since(connection, (from, last), whole(since_ms))?;
    }
    let mut tally = Tally::default();
    let mut left = filter
        .limit
        .map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    while from <= last && left > 0 {
        let to = from.saturating_add(ROWS_MAX);
        let seqs = matching(connection, filter, (from, to), left)?;
        left = left.saturating_sub(i64::try_from(seqs.len()).unwrap_or(i64::MAX));
        tally.deliveries = tally
            .deliveries
            .saturating_add(u64::try_from(seqs.len()).unwrap_or(u64::MAX));
        if filter.run_state.is_some() {
            count_runs(connection, filter, &seqs, &mut tally.runs)?;
        }
        from = to;
    }
    Ok(tally)
}

/// The rows in a range that match.
fn matching(
    connection: &Connection,
    filter: &DeliveryFilter,
    (from, to): (i64, i64),
    limit: i64,
) -> Result<Vec<i64>, Fault> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT seq FROM deliveries WHERE seq >= :from AND seq < :to AND {}
             ORDER BY seq LIMIT :limit",
            conditions(filter)
        ))?
        .query_map(
            named_params! {
                ":from": from,
                ":to": to,
                ":limit": limit,
                ":state": filter.state.map(DeliveryState::as_str),
                ":run_state": filter.run_state.map(RunState::as_str),
                ":plugin": filter.plugin,
                ":scope": filter.scope,
                ":repo": filter.repo,
                ":since": filter.since_ms.map(whole),
            },
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?)
}

fn count_runs(
    connection: &Connection,
    filter: &DeliveryFilter,
    seqs: &[i64],
    runs: &mut BTreeMap<String, u64>,
) -> Result<(), Fault> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT plugin, count(*) FROM runs
         WHERE delivery IN (SELECT value FROM json_each(:seqs)) AND {NEWEST_IN_STATE}
         GROUP BY plugin"
    ))?;
    let mut rows = select.query(named_params! {
        ":seqs": list(seqs),
        ":run_state": filter.run_state.map(RunState::as_str),
        ":plugin": filter.plugin,
    })?;
    while let Some(row) = rows.next()? {
        let of_plugin = runs.entry(row.get(0)?).or_default();
        *of_plugin = of_plugin.saturating_add(natural(row.get(1)?));
    }
    Ok(())
}
