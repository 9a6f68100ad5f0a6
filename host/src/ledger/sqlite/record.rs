//! Recording: a delivery, its body, its dedup row and its runs; and the new runs of a replay.

use super::arrival::Arrival;
use super::changes::{BACKLOG_BYTES, DELIVERIES};
use super::clock::{natural, whole};
use super::dedup;
use super::fault::Fault;
use super::pack::Packed;
use super::room;
use super::row::word;
use super::standing::{Parking, parking, refresh_delivery};
use super::writer::Tx;
use crate::delivery::{DeliveryId, DeliveryState, Lane, NewDelivery, NewRun, RunState};
use crate::ledger::{OnDuplicate, Recorded, Recording};
use rusqlite::OptionalExtension as _;

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
        if let Some(first) = dedup::count_duplicate(tx, delivery, hub_id)? {
            let again = run_again(tx, first, &parcel.runs)?;
            return Ok(Recording::Duplicate { first, again });
        }
        hub_id_reused = dedup::other_body_came(tx, delivery, hub_id)?;
    }
    room::check(tx)?;
    if !parcel.runs.is_empty() {
        refuse_over_bytes(tx, &parcel.runs)?;
    }
    if let Some(hub_id) = &delivery.hub_id {
        dedup::remember(tx, delivery, hub_id)?;
    }
    let seq = insert_delivery(tx, parcel)?;
    let bytes = body_bytes(delivery);
    let mut any_ended = false;
    for run in &parcel.runs {
        let arrival = Arrival {
            delivery: seq,
            bytes,
            run,
            lane: Lane::Live,
            replay: 0,
            replay_of: None,
        };
        any_ended |= arrival.arrive(tx)?;
    }
    // Runs that came after it are not in what an ended one made of the delivery's state.
    if any_ended {
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
    replay_where(tx, id, runs, |_| true)
}

/// Records those new runs of a delivery that came again which the operator's settings want.
fn run_again(tx: &mut Tx<'_>, id: DeliveryId, runs: &[NewRun]) -> Result<Vec<String>, Fault> {
    let wanted: fn(RunState) -> bool = match tx.settings.on_duplicate {
        OnDuplicate::Ignore => return Ok(Vec::new()),
        OnDuplicate::Fill => |newest| newest == RunState::Dead,
        OnDuplicate::Rerun => |_| true,
    };
    // Nothing if the delivery itself was let go.
    Ok(replay_where(tx, id, runs, wanted)?.unwrap_or_default())
}

/// Records new runs of a delivery, for plugins that had none and for those whose newest one is settled as `wanted`;
/// `None` if there is no such delivery.
pub(super) fn replay_where(
    tx: &mut Tx<'_>,
    id: DeliveryId,
    runs: &[NewRun],
    wanted: fn(RunState) -> bool,
) -> Result<Option<Vec<String>>, Fault> {
    let delivery: Option<(i64, i64)> = tx
        .connection
        .prepare_cached("SELECT seq, body_bytes FROM deliveries WHERE id = ?1")?
        .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((delivery, bytes)) = delivery else {
        return Ok(None);
    };
    let mut recorded = Vec::new();
    for run in runs {
        let newest = newest_run(tx, delivery, &run.plugin)?;
        if let Some(newest) = &newest
            && !(newest.state.is_settled() && wanted(newest.state))
        {
            continue;
        }
        let arrival = Arrival {
            delivery,
            bytes,
            run,
            lane: Lane::Replay,
            replay: newest.as_ref().map_or(1, |newest| newest.replay + 1),
            replay_of: newest.as_ref().map(|newest| &*newest.id),
        };
        arrival.arrive(tx)?;
        recorded.push(run.plugin.clone());
    }
    if !recorded.is_empty() {
        refresh_delivery(tx, delivery)?;
        tx.changes.attempted(id);
    }
    Ok(Some(recorded))
}

/// Refuses what would have to wait behind more bytes than may.
fn refuse_over_bytes(tx: &Tx<'_>, runs: &[NewRun]) -> Result<(), Fault> {
    let (waiting, max) = (
        natural(tx.total(BACKLOG_BYTES, "")?),
        tx.settings.backlog_bytes_max,
    );
    if waiting < max {
        // Not at once: else it would be told with each run that ends.
        if waiting < max - max / 10 {
            tx.room.tell_backlog(None);
        }
        return Ok(());
    }
    let mut is_more = false;
    for run in runs {
        // What is parked is no backlog.
        is_more |= match parking(tx.connection, &run.plugin)? {
            Parking::Free => true,
            Parking::Unknown => run.parked.is_none(),
            Parking::Forgotten | Parking::Parked(_) => false,
        };
    }
    if !is_more {
        return Ok(());
    }
    let reason = format!(
        "runs with {waiting} bytes of payloads wait, and backlog-max allows {max}; give slow plugins more concurrency, or \
         pause them"
    );
    tx.room.tell_backlog(Some(&reason));
    Err(Fault::Full(reason))
}

fn body_bytes(delivery: &NewDelivery) -> i64 {
    i64::try_from(delivery.body.len()).unwrap_or(i64::MAX)
}

fn insert_delivery(tx: &Tx<'_>, parcel: &Parcel) -> Result<i64, Fault> {
    let delivery = &parcel.delivery;
    let event = &delivery.event;
    let repo = event.repo.as_ref();
    let state = match &delivery.unparsable {
        Some(_) => DeliveryState::Dead,
        None if parcel.runs.is_empty() => DeliveryState::Settled,
        None => DeliveryState::Pending,
    };
    let seq = tx
        .connection
        .prepare_cached(
            "INSERT INTO deliveries
             (id, path, hub_id, webhook_id, scope, action, repo_type, repo_name, repo_id,
              discussion_id, received_ms, body_sha256, body_bytes, state, unparsable)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
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
            body_bytes(delivery),
            state.as_str(),
            &delivery.unparsable,
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

struct Newest {
    id: String,
    replay: i64,
    state: RunState,
}

fn newest_run(tx: &Tx<'_>, delivery: i64, plugin: &str) -> Result<Option<Newest>, Fault> {
    Ok(tx
        .connection
        .prepare_cached(
            "SELECT id, replay, state FROM runs
             WHERE delivery = ?1 AND plugin = ?2 ORDER BY replay DESC LIMIT 1",
        )?
        .query_row((delivery, plugin), |row| {
            Ok(Newest {
                id: row.get(0)?,
                replay: row.get(1)?,
                state: word(row, 2, RunState::from_word)?,
            })
        })
        .optional()?)
}
