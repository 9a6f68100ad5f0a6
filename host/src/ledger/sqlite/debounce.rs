//! Debounce: of like runs that were never claimed only the last is made, and it stands for the others.

use super::fault::Fault;
use super::rate;
use super::row::word;
use super::standing::{Waiting, end};
use super::writer::Tx;
use crate::delivery::{Gate, NewRun, RunState};
use crate::failpoint::hit;
use rusqlite::OptionalExtension as _;

/// A run that another took the place of.
pub(super) struct Predecessor {
    /// When the first of the burst was recorded.
    pub first_ms: i64,
    /// How many runs it stood for.
    pub stands_for: i64,
    /// From when on it had a share of its repo's hour; the new run's from now on, if that is of the same repo.
    pub rate_ms: Option<i64>,
    /// Why it waited.
    pub reason: Option<String>,
}

/// The run that the next like one takes the place of.
pub(super) const ALIKE: &str =
    "SELECT seq, delivery, gate, bytes, order_key, first_ms, stands_for, rate_key, rate_ms, reason
     FROM runs INDEXED BY runs_debounce
     WHERE plugin = ?1 AND debounce_key = ?2 AND debounce_key IS NOT NULL AND state = 'pending' AND claims = 0
     ORDER BY seq DESC LIMIT 1";

/// Ends the run of the plugin that is like a new one, if one waits that was never claimed.
pub(super) fn coalesce(
    tx: &mut Tx<'_>,
    key: &str,
    new: &NewRun,
) -> Result<Option<Predecessor>, Fault> {
    let found = tx
        .connection
        .prepare_cached(ALIKE)?
        .query_row((&new.plugin, key), |row| {
            let waiting = Waiting {
                run: row.get(0)?,
                delivery: row.get(1)?,
                gate: word(row, 2, Gate::from_word)?,
                bytes: row.get(3)?,
                order_key: row.get(4)?,
            };
            let predecessor = Predecessor {
                first_ms: row.get(5)?,
                stands_for: row.get(6)?,
                rate_ms: row.get(8)?,
                reason: row.get(9)?,
            };
            Ok((waiting, predecessor, row.get(7)?))
        })
        .optional()?;
    let Some((waiting, mut predecessor, rate_key)) = found else {
        return Ok(None);
    };
    let rate_key: Option<String> = rate_key;
    if rate_key != new.rules.rate_key {
        rate::give_back(tx, &new.plugin, waiting.run)?;
        predecessor.rate_ms = None;
    }
    let reason = format!("a like event came: run {} stands for it", new.id);
    end(tx, &new.plugin, &waiting, RunState::Coalesced, &reason)?;
    hit!("in-coalesce");
    Ok(Some(predecessor))
}
