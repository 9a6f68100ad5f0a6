//! Where things stand once a run has moved: its delivery's state, and whether its plugin's runs are parked.

use super::changes::Weight;
use super::fault::Fault;
use super::row::word;
use super::writer::Tx;
use super::{order, rate};
use crate::delivery::{DeliveryState, Gate, RunState};
use crate::ledger::PluginState;
use rusqlite::{Connection, OptionalExtension as _};

/// Stores a delivery's state anew, by the newest run of each plugin.
pub(super) fn refresh_delivery(tx: &Tx<'_>, delivery: i64) -> Result<(), Fault> {
    let state = delivery_state(tx.connection, delivery)?;
    tx.connection
        .prepare_cached("UPDATE deliveries SET state = ?2 WHERE seq = ?1 AND state <> ?2")?
        .execute((delivery, state.as_str()))?;
    Ok(())
}

fn delivery_state(connection: &Connection, delivery: i64) -> Result<DeliveryState, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT plugin, state FROM runs WHERE delivery = ?1 ORDER BY plugin, replay DESC",
    )?;
    let mut rows = select.query([delivery])?;
    let (mut last, mut state) = (None, DeliveryState::Settled);
    while let Some(row) = rows.next()? {
        let plugin: String = row.get(0)?;
        // Only the first row of each plugin, its newest run, has a say.
        if last.as_ref() == Some(&plugin) {
            continue;
        }
        last = Some(plugin);
        match row.get_ref(1)?.as_str().map(RunState::from_word) {
            Ok(Some(RunState::Dead)) => state = DeliveryState::Dead,
            Ok(Some(found)) if found.is_settled() => {}
            _ => return Ok(DeliveryState::Pending),
        }
    }
    if last.is_none() && is_unparsable(connection, delivery)? {
        return Ok(DeliveryState::Dead);
    }
    Ok(state)
}

/// Whether a delivery's body is no event.
fn is_unparsable(connection: &Connection, delivery: i64) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM deliveries WHERE seq = ?1 AND unparsable IS NOT NULL")?
        .exists([delivery])?)
}

/// Whether a plugin's pending runs are parked.
pub(super) enum Parking {
    /// The plugin was never noted.
    Unknown,
    /// It was forgotten: nothing will ever run them.
    Forgotten,
    /// They are free.
    Free,
    /// They are parked, for this reason.
    Parked(String),
}

impl Parking {
    /// The reason, if they are parked.
    pub fn reason(self) -> Option<String> {
        match self {
            Self::Parked(reason) => Some(reason),
            Self::Unknown | Self::Forgotten | Self::Free => None,
        }
    }
}

/// Whether a plugin's pending runs are parked, by what is noted of it.
pub(super) fn parking(connection: &Connection, plugin: &str) -> Result<Parking, Fault> {
    let found = connection
        .prepare_cached("SELECT state, reason, paused_by FROM plugins WHERE name = ?1")?
        .query_row([plugin], |row| {
            let state = word(row, 0, PluginState::from_word)?;
            let (reason, paused_by): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
            let parked = paused_by
                .map(|by| paused_text(&by))
                .or_else(|| state.parks(reason.as_deref()));
            Ok(parked.map_or(Parking::Free, Parking::Parked))
        })
        .optional()?;
    match found {
        Some(found) => Ok(found),
        None if is_forgotten(connection, plugin)? => Ok(Parking::Forgotten),
        None => Ok(Parking::Unknown),
    }
}

/// Whether a plugin that is not noted once was.
fn is_forgotten(connection: &Connection, plugin: &str) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM counters WHERE name = 'known' AND plugin = ?1")?
        .exists([plugin])?)
}

/// Why the runs of a plugin that someone paused are parked.
pub(super) fn paused_text(by: &str) -> String {
    format!("paused by {by}")
}

/// A run that waits.
pub(super) struct Waiting {
    pub run: i64,
    pub delivery: i64,
    pub gate: Gate,
    /// Bytes of its delivery's body.
    pub bytes: i64,
    pub order_key: Option<String>,
}

/// Puts a run that waits to another gate. Why it is parked or behind another is its plugin's and its order's to say, and
/// not written; why it waits besides is kept until it is due.
pub(super) fn put(tx: &Tx<'_>, run: i64, gate: Gate) -> Result<(), Fault> {
    tx.connection
        .prepare_cached(
            "UPDATE runs SET gate = ?2, parked_ms = ?3,
             reason = iif(claims = 0 AND (due_ms > ?4 OR ?2 = 'parked'), reason, NULL) WHERE seq = ?1",
        )?
        .execute((
            run,
            gate.as_str(),
            (gate == Gate::Parked).then_some(tx.now_ms),
            tx.forward_ms,
        ))?;
    Ok(())
}

/// Ends a run that waits, without an attempt.
pub(super) fn end(
    tx: &mut Tx<'_>,
    plugin: &str,
    waiting: &Waiting,
    state: RunState,
    reason: &str,
) -> Result<(), Fault> {
    if state == RunState::Dead {
        rate::give_back(tx, plugin, waiting.run)?;
    }
    tx.connection
        .prepare_cached(
            "UPDATE runs SET state = ?2, gate = 'ready', reason = ?3, parked_ms = NULL WHERE seq = ?1",
        )?
        .execute((waiting.run, state.as_str(), reason))?;
    tx.changes.moved(
        plugin,
        Weight::of_run(waiting.bytes),
        Some((RunState::Pending, waiting.gate)),
        (state, Gate::Ready),
    );
    refresh_delivery(tx, waiting.delivery)?;
    let id: Option<String> = tx
        .connection
        .prepare_cached("SELECT id FROM deliveries WHERE seq = ?1")?
        .query_row([waiting.delivery], |row| row.get(0))
        .optional()?;
    if let Some(id) = id.and_then(|id| id.parse().ok()) {
        tx.changes.attempted(id);
    }
    match &waiting.order_key {
        Some(key) => order::promote(tx, plugin, key),
        None => Ok(()),
    }
}

/// Makes a run that was running pending again, parked if its plugin's runs are.
pub(super) fn make_pending(
    tx: &mut Tx<'_>,
    run: i64,
    plugin: &str,
    due_ms: i64,
) -> Result<(), Fault> {
    let gate = match parking(tx.connection, plugin)? {
        Parking::Parked(_) => Gate::Parked,
        Parking::Unknown | Parking::Forgotten | Parking::Free => Gate::Ready,
    };
    let bytes = tx
        .connection
        .prepare_cached(
            "UPDATE runs SET state = 'pending', gate = ?2, due_ms = ?3, reason = NULL, parked_ms = ?4,
             lease_owner = NULL, lease_until = NULL WHERE seq = ?1 RETURNING bytes",
        )?
        .query_row(
            (
                run,
                gate.as_str(),
                due_ms,
                (gate == Gate::Parked).then_some(tx.now_ms),
            ),
            |row| row.get(0),
        )?;
    let running = (RunState::Running, Gate::Ready);
    tx.changes.moved(
        plugin,
        Weight::of_run(bytes),
        Some(running),
        (RunState::Pending, gate),
    );
    Ok(())
}

/// Ends a run that was running, and lets the next of its order go on.
pub(super) fn end_running(
    tx: &mut Tx<'_>,
    run: i64,
    plugin: &str,
    state: RunState,
    reason: Option<&str>,
) -> Result<(), Fault> {
    let (bytes, order_key): (i64, Option<String>) = tx
        .connection
        .prepare_cached(
            "UPDATE runs SET state = ?2, reason = ?3, lease_owner = NULL, lease_until = NULL
             WHERE seq = ?1 RETURNING bytes, order_key",
        )?
        .query_row((run, state.as_str(), reason), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    ended(tx, plugin, state, bytes, order_key.as_deref())
}

/// Counts a run that was running as ended, and lets the next of its order go on.
pub(super) fn ended(
    tx: &mut Tx<'_>,
    plugin: &str,
    state: RunState,
    bytes: i64,
    order_key: Option<&str>,
) -> Result<(), Fault> {
    let running = (RunState::Running, Gate::Ready);
    tx.changes.moved(
        plugin,
        Weight::of_run(bytes),
        Some(running),
        (state, Gate::Ready),
    );
    match order_key {
        Some(key) => order::promote(tx, plugin, key),
        None => Ok(()),
    }
}
