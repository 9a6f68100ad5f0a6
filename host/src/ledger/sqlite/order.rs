//! Order: of the runs of a plugin that share a key only the oldest that is not settled can be claimed.
//!
//! The order is that of the ledger's own sequence. Those behind the oldest are queued; whatever ends it makes the next
//! one ready. One that is parked, waits for its next attempt or for its share of the hour holds its key, and no other.

use super::changes::Weight;
use super::fault::Fault;
use super::row::word;
use super::standing::{Parking, parking, put};
use super::writer::Tx;
use crate::delivery::{Gate, Lane, NewRun, RunState};
use crate::failpoint::hit;
use rusqlite::OptionalExtension as _;

/// Why a queued run waits.
pub(super) const BEHIND: &str = "order: it waits behind another run of its repo";

/// The oldest unsettled run of a key.
pub(super) const HEAD: &str = "SELECT seq, state, gate, bytes FROM runs INDEXED BY runs_order
     WHERE plugin = ?1 AND order_key = ?2 AND order_key IS NOT NULL AND state IN ('pending', 'running')
     ORDER BY seq LIMIT 1";

/// Has the replayed runs of a key claimed as live ones: those after its last live one, as each live one has done this to
/// those before it.
pub(super) const TO_LIVE_LANE: &str = "UPDATE runs INDEXED BY runs_order SET lane = 'live'
     WHERE plugin = ?1 AND order_key = ?2 AND order_key IS NOT NULL AND state IN ('pending', 'running')
       AND seq > coalesce((SELECT seq FROM runs INDEXED BY runs_order
         WHERE plugin = ?1 AND order_key = ?2 AND order_key IS NOT NULL AND state IN ('pending', 'running')
           AND lane = 'live' ORDER BY seq DESC LIMIT 1), 0)";

/// Has replayed runs that hold back a new live one claimed like it: else they would hold it for as long as their plugin
/// has other live runs.
pub(super) fn to_live_lane(tx: &Tx<'_>, run: &NewRun, lane: Lane) -> Result<(), Fault> {
    if let (Some(key), Lane::Live) = (&run.rules.order_key, lane) {
        tx.connection
            .prepare_cached(TO_LIVE_LANE)?
            .execute((&run.plugin, key))?;
    }
    Ok(())
}

/// Whether a new run has to wait behind another.
pub(super) fn is_behind_any(tx: &Tx<'_>, run: &NewRun) -> Result<bool, Fault> {
    match &run.rules.order_key {
        Some(key) => is_behind(tx, &run.plugin, key, i64::MAX),
        None => Ok(false),
    }
}

/// Whether a run has to wait behind another.
pub(super) fn is_behind(tx: &Tx<'_>, plugin: &str, key: &str, run: i64) -> Result<bool, Fault> {
    let head: Option<i64> = tx
        .connection
        .prepare_cached(HEAD)?
        .query_row((plugin, key), |row| row.get(0))
        .optional()?;
    Ok(head.is_some_and(|head| head < run))
}

/// Makes the run whose turn it is ready, if it is queued.
pub(super) fn promote(tx: &mut Tx<'_>, plugin: &str, key: &str) -> Result<(), Fault> {
    let head = tx
        .connection
        .prepare_cached(HEAD)?
        .query_row((plugin, key), |row| {
            let state = word(row, 1, RunState::from_word)?;
            let gate = word(row, 2, Gate::from_word)?;
            Ok((row.get(0)?, state, gate, row.get(3)?))
        })
        .optional()?;
    let Some((run, RunState::Pending, Gate::Queued, bytes)) = head else {
        return Ok(());
    };
    let run: i64 = run;
    // While its plugin's runs are being parked this one may not have been yet.
    let gate = match parking(tx.connection, plugin)? {
        Parking::Parked(_) => Gate::Parked,
        Parking::Unknown | Parking::Forgotten | Parking::Free => Gate::Ready,
    };
    put(tx, run, gate)?;
    if gate == Gate::Ready {
        // A replayed one goes behind what is due by now: else it would pass the live runs of all other keys.
        tx.connection
            .prepare_cached(
                "UPDATE runs SET due_ms = max(due_ms, ?2) WHERE seq = ?1 AND replay > 0",
            )?
            .execute((run, tx.forward_ms))?;
    }
    hit!("in-promote");
    tx.changes.moved(
        plugin,
        Weight::of_run(bytes),
        Some((RunState::Pending, Gate::Queued)),
        (RunState::Pending, gate),
    );
    Ok(())
}
