//! Recording: a delivery, its body, its dedup row and its runs; and the new runs of a replay.

use super::changes::{DELIVERIES, DUPLICATES};
use super::clock::{milliseconds, whole};
use super::fault::Fault;
use super::pack::Packed;
use super::standing::{Parking, parking, refresh_delivery};
use super::writer::Tx;
use crate::delivery::{DeliveryId, DeliveryState, Gate, Lane, NewDelivery, NewRun, RunState};
use crate::ledger::{Recorded, Recording};
use rusqlite::OptionalExtension as _;

/// A wall clock further from the steady one than this was set: nothing expires by it.
const CLOCK_JUMP_MS: u64 = 24 * 60 * 60 * 1000;

/// Why runs of a forgotten plugin are dead.
pub(super) const GONE: &str = "its plugin is gone; put its file back and replay";

/// A delivery, ready to be stored.
pub(super) struct Parcel {
    pub delivery: NewDelivery,
    pub body: Packed,
    /// The kept headers, as JSON.
    pub headers: String,
    pub runs: Vec<NewRun>,
}

/// Records a delivery, or counts it where it was recorded before.
pub(super) fn record(tx: &mut Tx<'_>, parcel: &Parcel) -> Result<Recording, Fault> {
    let delivery = &parcel.delivery;
    let mut hub_id_reused = false;
    if let Some(hub_id) = &delivery.hub_id {
        if let Some(first) = duplicate_of(tx, delivery, hub_id)? {
            return Ok(Recording::Duplicate {
                first,
                again: Vec::new(),
            });
        }
        hub_id_reused = other_body_came(tx, delivery, hub_id)?;
        remember(tx, parcel, hub_id)?;
    }
    let seq = insert_delivery(tx, parcel)?;
    let mut born_dead = false;
    for run in &parcel.runs {
        born_dead |= insert_run(tx, seq, run, Lane::Live, 0, None)?.is_settled();
    }
    if born_dead {
        refresh_delivery(tx, seq)?;
    }
    tx.changes.counted(DELIVERIES);
    Ok(Recording::Recorded(Recorded {
        id: delivery.id,
        hub_id_reused,
    }))
}

/// Records new runs of a delivery; `None` if there is no such delivery.
pub(super) fn replay(
    tx: &mut Tx<'_>,
    id: DeliveryId,
    runs: &[NewRun],
) -> Result<Option<Vec<String>>, Fault> {
    let delivery: Option<i64> = tx
        .connection
        .prepare_cached("SELECT seq FROM deliveries WHERE id = ?1")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    let Some(delivery) = delivery else {
        return Ok(None);
    };
    let mut recorded = Vec::new();
    for run in runs {
        let (replay, replay_of) = match newest_run(tx, delivery, &run.plugin)? {
            Some(newest) if !newest.settled => continue,
            Some(newest) => (newest.replay + 1, Some(newest.id)),
            None => (0, None),
        };
        insert_run(
            tx,
            delivery,
            run,
            Lane::Replay,
            replay,
            replay_of.as_deref(),
        )?;
        recorded.push(run.plugin.clone());
    }
    refresh_delivery(tx, delivery)?;
    tx.changes.attempted(id);
    Ok(Some(recorded))
}

/// The delivery that this one repeats within its window, counted as repeated.
fn duplicate_of(
    tx: &mut Tx<'_>,
    delivery: &NewDelivery,
    hub_id: &str,
) -> Result<Option<DeliveryId>, Fault> {
    let received_ms = whole(delivery.received_ms);
    let first: Option<String> = tx
        .connection
        .prepare_cached(
            "SELECT delivery FROM dedup
             WHERE path = ?1 AND hub_id = ?2 AND body_sha256 = ?3 AND expires_ms > ?4",
        )?
        .query_row(
            (&delivery.path, hub_id, delivery.body_sha256, received_ms),
            |row| row.get(0),
        )
        .optional()?;
    let Some(first) = first else {
        return Ok(None);
    };
    tx.connection
        .prepare_cached(
            "UPDATE deliveries SET dup_count = dup_count + 1, dup_last_ms = ?2 WHERE id = ?1",
        )?
        .execute((&first, received_ms))?;
    tx.changes.counted(DUPLICATES);
    first
        .parse()
        .map(Some)
        .map_err(|error| Fault::Item(format!("a dedup row: {error}")))
}

fn other_body_came(tx: &Tx<'_>, delivery: &NewDelivery, hub_id: &str) -> Result<bool, Fault> {
    Ok(tx
        .connection
        .prepare_cached("SELECT 1 FROM dedup WHERE path = ?1 AND hub_id = ?2 AND expires_ms > ?3")?
        .exists((&delivery.path, hub_id, whole(delivery.received_ms)))?)
}

fn remember(tx: &Tx<'_>, parcel: &Parcel, hub_id: &str) -> Result<(), Fault> {
    let delivery = &parcel.delivery;
    let received_ms = whole(delivery.received_ms);
    tx.connection
        .prepare_cached(
            "INSERT INTO dedup (path, hub_id, body_sha256, delivery, expires_ms)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (path, hub_id, body_sha256)
             DO UPDATE SET delivery = excluded.delivery, expires_ms = excluded.expires_ms",
        )?
        .execute((
            &delivery.path,
            hub_id,
            delivery.body_sha256,
            delivery.id.to_string(),
            received_ms.saturating_add(milliseconds(tx.settings.dedup_window)),
        ))?;
    // Each new row clears two old ones: the table holds one window's rows and needs no pass of its own.
    if tx.steady_ms.abs_diff(received_ms) < CLOCK_JUMP_MS {
        for _ in 0..2 {
            if !forget_oldest(tx, received_ms)? {
                break;
            }
        }
    }
    Ok(())
}

/// Clears the dedup row that expired first; `false` if none has.
fn forget_oldest(tx: &Tx<'_>, now_ms: i64) -> Result<bool, Fault> {
    let expired: Option<(String, String, [u8; 32])> = tx
        .connection
        .prepare_cached(
            "SELECT path, hub_id, body_sha256 FROM dedup
             WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT 1",
        )?
        .query_row([now_ms], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some(key) = expired else {
        return Ok(false);
    };
    tx.connection
        .prepare_cached("DELETE FROM dedup WHERE path = ?1 AND hub_id = ?2 AND body_sha256 = ?3")?
        .execute(key)?;
    Ok(true)
}

fn insert_delivery(tx: &Tx<'_>, parcel: &Parcel) -> Result<i64, Fault> {
    let delivery = &parcel.delivery;
    let event = &delivery.event;
    let repo = event.repo.as_ref();
    let state = if parcel.runs.is_empty() {
        DeliveryState::Settled
    } else {
        DeliveryState::Pending
    };
    let seq = tx
        .connection
        .prepare_cached(
            "INSERT INTO deliveries
             (id, path, hub_id, webhook_id, scope, action, repo_type, repo_name, repo_id,
              discussion_id, received_ms, body_sha256, body_bytes, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .insert((
            delivery.id.to_string(),
            &delivery.path,
            &delivery.hub_id,
            &event.webhook_id,
            &event.scope,
            &event.action,
            repo.and_then(|repo| repo.kind.as_deref()),
            repo.and_then(|repo| repo.name.as_deref()),
            repo.and_then(|repo| repo.id.as_deref()),
            &event.discussion_id,
            whole(delivery.received_ms),
            delivery.body_sha256,
            i64::try_from(delivery.body.len()).unwrap_or(i64::MAX),
            state.as_str(),
        ))?;
    tx.connection
        .prepare_cached(
            "INSERT INTO payloads (seq, packing, body, headers) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((
            seq,
            parcel.body.code(),
            parcel.body.bytes(),
            &parcel.headers,
        ))?;
    Ok(seq)
}

fn insert_run(
    tx: &mut Tx<'_>,
    delivery: i64,
    run: &NewRun,
    lane: Lane,
    replay: i64,
    replay_of: Option<&str>,
) -> Result<RunState, Fault> {
    // What the caller knew may have changed since: what is noted decides.
    let (state, parked) = match parking(tx.connection, &run.plugin)? {
        Parking::Unknown => (RunState::Pending, run.parked.clone()),
        // It was routed before its plugin was forgotten.
        Parking::Forgotten if lane == Lane::Live => (RunState::Dead, Some(GONE.to_owned())),
        known => (RunState::Pending, known.reason()),
    };
    let gate = match (state, &parked) {
        (RunState::Pending, Some(_)) => Gate::Parked,
        _ => Gate::Ready,
    };
    tx.connection
        .prepare_cached(
            "INSERT INTO runs
             (id, delivery, plugin, replay, replay_of, state, gate, lane, due_ms, scope, action,
              routed_digest, first_ms, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?13, ?6, ?7, ?8, ?9, ?10, ?11, ?8, ?12)",
        )?
        .execute((
            run.id.to_string(),
            delivery,
            &run.plugin,
            replay,
            replay_of,
            gate.as_str(),
            lane.as_str(),
            tx.now_ms,
            &run.scope,
            &run.action,
            &run.routed_digest,
            parked,
            state.as_str(),
        ))?;
    tx.changes.moved(&run.plugin, 1, None, (state, gate));
    Ok(state)
}

struct Newest {
    id: String,
    replay: i64,
    settled: bool,
}

fn newest_run(tx: &Tx<'_>, delivery: i64, plugin: &str) -> Result<Option<Newest>, Fault> {
    Ok(tx
        .connection
        .prepare_cached(
            "SELECT id, replay, state NOT IN ('pending', 'running') FROM runs
             WHERE delivery = ?1 AND plugin = ?2 ORDER BY replay DESC LIMIT 1",
        )?
        .query_row((delivery, plugin), |row| {
            Ok(Newest {
                id: row.get(0)?,
                replay: row.get(1)?,
                settled: row.get(2)?,
            })
        })
        .optional()?)
}
