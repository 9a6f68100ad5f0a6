//! Which deliveries came before: the rows that know them by path, `Webhook-Id` and body, for a window of time.
//!
//! They outlive their delivery: one that was let go is still known. What has expired is cleared by retention.

use super::changes::DUPLICATES;
use super::clock::{milliseconds, whole};
use super::fault::Fault;
use super::row::word;
use super::writer::Tx;
use crate::delivery::{DeliveryId, NewDelivery, RunState};
use crate::ledger::{KnownAs, OnDuplicate};
use rusqlite::{Connection, OptionalExtension as _};

/// The delivery that this one repeats within its window, counted as repeated.
pub(super) fn count_duplicate(
    tx: &mut Tx<'_>,
    delivery: &NewDelivery,
    hub_id: &str,
) -> Result<Option<DeliveryId>, Fault> {
    let received_ms = whole(delivery.received_ms);
    let Some(first) = first_of(
        tx.connection,
        &delivery.path,
        hub_id,
        &delivery.body_sha256,
        received_ms,
    )?
    else {
        return Ok(None);
    };
    tx.connection
        .prepare_cached(
            "UPDATE deliveries SET dup_count = dup_count + 1, dup_last_ms = ?2 WHERE id = ?1",
        )?
        .execute((first.to_string(), received_ms))?;
    tx.changes.counted(DUPLICATES);
    Ok(Some(first))
}

/// The delivery that was recorded first with this path, id and body, if that is within its window.
pub(super) fn first_of(
    connection: &Connection,
    path: &str,
    hub_id: &str,
    body_sha256: &[u8; 32],
    now_ms: i64,
) -> Result<Option<DeliveryId>, Fault> {
    let first: Option<String> = connection
        .prepare_cached(
            "SELECT delivery FROM dedup
             WHERE path = ?1 AND hub_id = ?2 AND body_sha256 = ?3 AND expires_ms > ?4",
        )?
        .query_row((path, hub_id, body_sha256, now_ms), |row| row.get(0))
        .optional()?;
    first
        .map(|id| id.parse())
        .transpose()
        .map_err(|error| Fault::Item(format!("a dedup row: {error}")))
}

/// The same where nothing would be run again for it: its answer can be given although nothing can be recorded now.
pub(super) fn first_at_rest(
    connection: &Connection,
    again: &KnownAs,
    now_ms: i64,
    on_duplicate: OnDuplicate,
) -> Result<Option<DeliveryId>, Fault> {
    let (path, hub_id) = (&again.path, &again.hub_id);
    let Some(first) = first_of(connection, path, hub_id, &again.body_sha256, now_ms)? else {
        return Ok(None);
    };
    let kept: Option<i64> = connection
        .prepare_cached("SELECT seq FROM deliveries WHERE id = ?1")?
        .query_row([first.to_string()], |row| row.get(0))
        .optional()?;
    let Some(delivery) = kept else {
        return Ok(Some(first));
    };
    for plugin in &again.plugins {
        let newest = newest_state(connection, delivery, plugin)?;
        let runs_again = match on_duplicate {
            OnDuplicate::Ignore => false,
            OnDuplicate::Fill => newest.is_none_or(|newest| newest == RunState::Dead),
            OnDuplicate::Rerun => newest.is_none_or(RunState::is_settled),
        };
        if runs_again {
            return Ok(None);
        }
    }
    Ok(Some(first))
}

fn newest_state(
    connection: &Connection,
    delivery: i64,
    plugin: &str,
) -> Result<Option<RunState>, Fault> {
    Ok(connection
        .prepare_cached(
            "SELECT state FROM runs WHERE delivery = ?1 AND plugin = ?2 ORDER BY replay DESC LIMIT 1",
        )?
        .query_row((delivery, plugin), |row| word(row, 0, RunState::from_word))
        .optional()?)
}

/// Whether the same path and id came with another body within the window.
pub(super) fn other_body_came(
    tx: &Tx<'_>,
    delivery: &NewDelivery,
    hub_id: &str,
) -> Result<bool, Fault> {
    Ok(tx
        .connection
        .prepare_cached("SELECT 1 FROM dedup WHERE path = ?1 AND hub_id = ?2 AND expires_ms > ?3")?
        .exists((&delivery.path, hub_id, whole(delivery.received_ms)))?)
}

/// Has a delivery known by its id from now on.
pub(super) fn remember(tx: &Tx<'_>, delivery: &NewDelivery, hub_id: &str) -> Result<(), Fault> {
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
    Ok(())
}
