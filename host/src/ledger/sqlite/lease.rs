//! Attempts that nobody will settle any more: those of a host that died, and those whose lease ran out.

use super::fault::Fault;
use super::standing::{end_running, make_pending, refresh_delivery};
use super::writer::Tx;
use crate::delivery::{LOSSES_MAX, Outcome, RunState};
use rusqlite::Row;

/// Closes every attempt under way as lost: its host is gone, for this one holds the folder's lock.
pub(super) fn void_leases(tx: &mut Tx<'_>) -> Result<usize, Fault> {
    lose_all(tx, i64::MAX)
}

/// Closes the attempts whose lease has run out as lost.
pub(super) fn expire_leases(tx: &mut Tx<'_>) -> Result<usize, Fault> {
    lose_all(tx, tx.steady_ms)
}

/// The runs whose lease has run out.
pub(super) const EXPIRED: &str = "SELECT seq, delivery, plugin, losses + 1
     FROM runs INDEXED BY runs_running
     WHERE state = 'running' AND lease_until <= ?1 ORDER BY lease_until, seq";

/// A run whose attempt is lost.
struct Lost {
    run: i64,
    delivery: i64,
    plugin: String,
    /// How often, this time included.
    losses: u32,
}

fn lose_all(tx: &mut Tx<'_>, lease_until: i64) -> Result<usize, Fault> {
    let lost = tx
        .connection
        .prepare_cached(EXPIRED)?
        .query_map([lease_until], lost_of)?
        .collect::<Result<Vec<_>, _>>()?;
    let mut count = 0;
    for run in lost {
        // An attempt that has been made and waits to be written down is not lost.
        if !tx.ending.contains(run.run) {
            lose(tx, &run)?;
            count += 1;
        }
    }
    Ok(count)
}

fn lost_of(row: &Row<'_>) -> rusqlite::Result<Lost> {
    Ok(Lost {
        run: row.get(0)?,
        delivery: row.get(1)?,
        plugin: row.get(2)?,
        losses: row.get(3)?,
    })
}

fn lose(tx: &mut Tx<'_>, lost: &Lost) -> Result<(), Fault> {
    tx.connection
        .prepare_cached("UPDATE attempts SET outcome = ?2 WHERE run = ?1 AND outcome IS NULL")?
        .execute((lost.run, Outcome::Lost.as_str()))?;
    tx.connection
        .prepare_cached("UPDATE runs SET losses = ?2 WHERE seq = ?1")?
        .execute((lost.run, lost.losses))?;
    if lost.losses >= LOSSES_MAX {
        let reason = format!(
            "lost {} times: the host died, or the lease ran out, during the attempt",
            lost.losses
        );
        end_running(tx, lost.run, &lost.plugin, RunState::Dead, Some(&reason))?;
    } else {
        make_pending(tx, lost.run, &lost.plugin, tx.forward_ms)?;
    }
    tx.changes.ended(&lost.plugin, Outcome::Lost);
    tx.changes.any_attempted();
    refresh_delivery(tx, lost.delivery)
}
