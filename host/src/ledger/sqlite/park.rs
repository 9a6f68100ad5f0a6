//! Parking: what a change of a plugin does to its pending runs, in steps; and how long runs may be parked.
//!
//! What is noted of a plugin counts at once, for claims look at it. Its runs follow in steps of a bounded size: the first
//! with the change itself, the others when the ledger is tended to, so that deliveries pass between two of them.

use super::arrival::GONE;
use super::changes::{PARKED, Weight};
use super::clock::{milliseconds, natural};
use super::due::busy_plugins;
use super::fault::Fault;
use super::order::is_behind;
use super::row::word;
use super::standing::{Parking, Waiting, end, parking, put};
use super::writer::Tx;
use crate::delivery::{Gate, RunState};
use crate::ledger::Tended;
use rusqlite::Row;

/// How many runs one step moves.
const STEP: usize = 1_000;

/// Runs of a plugin at a gate, whichever.
const AT_GATE: &str =
    "SELECT seq, delivery, gate, bytes, order_key FROM runs INDEXED BY runs_pending
     WHERE plugin = ?1 AND gate = ?2 AND state = 'pending' LIMIT ?3";

/// Parked runs of a plugin, longest parked first.
pub(super) const LONGEST_PARKED: &str = "SELECT seq, delivery, gate, bytes, order_key FROM runs INDEXED BY runs_parked
     WHERE plugin = ?1 AND parked_ms <= ?2 AND state = 'pending' AND gate = 'parked' ORDER BY parked_ms, seq LIMIT ?3";

/// Moves a step of a plugin's pending runs to where what is noted of it wants them.
pub(super) fn regate(tx: &mut Tx<'_>, plugin: &str) -> Result<Tended, Fault> {
    let moved = match parking(tx.connection, plugin)? {
        Parking::Unknown => 0,
        Parking::Forgotten => bury_all(tx, plugin)?,
        Parking::Free => free(tx, plugin)?,
        Parking::Parked(_) => park(tx, plugin)?,
    };
    if moved > 0 {
        tx.changes.any_attempted();
    }
    Ok(if moved < STEP {
        Tended::All
    } else {
        Tended::Part
    })
}

/// Moves a step of the runs of each plugin, and gives up parked ones that are too many.
pub(super) fn tend(tx: &mut Tx<'_>) -> Result<Tended, Fault> {
    let mut tended = Tended::All;
    for plugin in busy_plugins(tx.connection)? {
        for step in [regate, give_up_surplus] {
            if step(tx, &plugin)? == Tended::Part {
                tended = Tended::Part;
            }
        }
    }
    Ok(tended)
}

/// Gives up a step of the runs of each plugin that are parked for too long.
pub(super) fn give_up_all_late(tx: &mut Tx<'_>) -> Result<Tended, Fault> {
    let mut tended = Tended::All;
    for plugin in busy_plugins(tx.connection)? {
        if give_up_late(tx, &plugin)? == Tended::Part {
            tended = Tended::Part;
        }
    }
    Ok(tended)
}

/// Gives up the longest parked run of a plugin if there are too many, and says whether there were.
pub(super) fn make_room(tx: &mut Tx<'_>, plugin: &str) -> Result<bool, Fault> {
    let are_too_many = surplus(tx, plugin)? > 0;
    if are_too_many {
        give_up(tx, plugin, i64::MAX, 1, too_many)?;
    }
    Ok(are_too_many)
}

fn give_up_surplus(tx: &mut Tx<'_>, plugin: &str) -> Result<Tended, Fault> {
    let surplus = usize::try_from(surplus(tx, plugin)?).unwrap_or(usize::MAX);
    give_up(tx, plugin, i64::MAX, surplus.min(STEP), too_many)
}

fn give_up_late(tx: &mut Tx<'_>, plugin: &str) -> Result<Tended, Fault> {
    let since_ms = tx.now_ms.saturating_sub(milliseconds(tx.settings.park_for));
    give_up(tx, plugin, since_ms, STEP, |tx| {
        let time = humantime::format_duration(tx.settings.park_for);
        format!("parked for longer than park-for allows ({time}); replay it")
    })
}

fn too_many(tx: &Tx<'_>) -> String {
    let max = tx.settings.park_runs;
    format!("more runs of its plugin are parked than park-runs allows ({max}); replay it")
}

/// How many runs of a plugin are parked beyond what may be.
fn surplus(tx: &Tx<'_>, plugin: &str) -> Result<u64, Fault> {
    let parked = natural(tx.total(PARKED, plugin)?);
    Ok(parked.saturating_sub(tx.settings.park_runs))
}

/// Gives up the longest parked runs of a plugin, of those that were parked by then.
fn give_up(
    tx: &mut Tx<'_>,
    plugin: &str,
    parked_by_ms: i64,
    count: usize,
    reason: fn(&Tx<'_>) -> String,
) -> Result<Tended, Fault> {
    if count == 0 {
        return Ok(Tended::All);
    }
    let late = tx
        .connection
        .prepare_cached(LONGEST_PARKED)?
        .query_map((plugin, parked_by_ms, limit(count)), waiting_of)?
        .collect::<Result<Vec<_>, _>>()?;
    if late.is_empty() {
        return Ok(Tended::All);
    }
    let reason = reason(tx);
    for waiting in &late {
        end(tx, plugin, waiting, RunState::Dead, &reason)?;
    }
    Ok(if late.len() < STEP {
        Tended::All
    } else {
        Tended::Part
    })
}

fn bury_all(tx: &mut Tx<'_>, plugin: &str) -> Result<usize, Fault> {
    let waiting = some_at(tx, plugin, &[Gate::Parked, Gate::Queued, Gate::Ready])?;
    for one in &waiting {
        end(tx, plugin, one, RunState::Dead, GONE)?;
    }
    Ok(waiting.len())
}

fn park(tx: &mut Tx<'_>, plugin: &str) -> Result<usize, Fault> {
    let waiting = some_at(tx, plugin, &[Gate::Ready, Gate::Queued])?;
    for one in &waiting {
        move_to(tx, plugin, one, Gate::Parked)?;
    }
    Ok(waiting.len())
}

fn free(tx: &mut Tx<'_>, plugin: &str) -> Result<usize, Fault> {
    let waiting = some_at(tx, plugin, &[Gate::Parked])?;
    for one in &waiting {
        let gate = match &one.order_key {
            Some(key) if is_behind(tx, plugin, key, one.run)? => Gate::Queued,
            _ => Gate::Ready,
        };
        move_to(tx, plugin, one, gate)?;
    }
    Ok(waiting.len())
}

fn move_to(tx: &mut Tx<'_>, plugin: &str, waiting: &Waiting, gate: Gate) -> Result<(), Fault> {
    put(tx, waiting.run, gate)?;
    tx.changes.moved(
        plugin,
        Weight::of_run(waiting.bytes),
        Some((RunState::Pending, waiting.gate)),
        (RunState::Pending, gate),
    );
    Ok(())
}

/// A step of the pending runs of a plugin at these gates.
fn some_at(tx: &Tx<'_>, plugin: &str, gates: &[Gate]) -> Result<Vec<Waiting>, Fault> {
    let mut found = Vec::new();
    let mut select = tx.connection.prepare_cached(AT_GATE)?;
    for gate in gates {
        let rest = limit(STEP.saturating_sub(found.len()));
        for waiting in select.query_map((plugin, gate.as_str(), rest), waiting_of)? {
            found.push(waiting?);
        }
    }
    Ok(found)
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn waiting_of(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        run: row.get(0)?,
        delivery: row.get(1)?,
        gate: word(row, 2, Gate::from_word)?,
        bytes: row.get(3)?,
        order_key: row.get(4)?,
    })
}
