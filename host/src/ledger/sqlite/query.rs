//! Reading deliveries with their runs and attempts: a few statements for a list, however long.

use super::clock::{due_by_wall, natural, whole};
use super::fault::Fault;
use super::order::BEHIND;
use super::pack::{unpack_body, unpack_logs};
use super::row::{json, parsed, parsed_if_any, word, word_if_any};
use super::standing::parking;
use crate::clock::now_ms;
use crate::delivery::{DeliveryId, DeliveryState, Gate, Lane, Outcome, RunState};
use crate::ledger::{AttemptEntry, DeliveryFilter, DeliveryRecord, Payload, RunRecord};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// How many deliveries' runs are read at a time.
const CHUNK: usize = 500;

pub(super) const COLUMNS: &str =
    "seq, id, path, hub_id, webhook_id, scope, action, repo_type, repo_name,
    repo_id, received_ms, dup_count, state, unparsable";

/// One delivery with its runs, attempts and payload.
pub(super) fn delivery(
    connection: &Connection,
    id: DeliveryId,
) -> Result<Option<DeliveryRecord>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let found = snapshot
        .prepare_cached(&format!("SELECT {COLUMNS} FROM deliveries WHERE id = ?1"))?
        .query_row([id.to_string()], delivery_of)
        .optional()?;
    let Some((seq, mut delivery)) = found else {
        return Ok(None);
    };
    delivery.payload = payload(&snapshot, seq)?;
    delivery.runs = runs(&snapshot, &[seq])?.remove(&seq).unwrap_or_default();
    Ok(Some(delivery))
}

/// Deliveries, newest first.
pub(super) fn deliveries(
    connection: &Connection,
    filter: &DeliveryFilter,
) -> Result<Vec<DeliveryRecord>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let mut found = snapshot
        .prepare_cached(&list_statement(filter))?
        .query_map(
            named_params! {
                ":state": filter.state.map(DeliveryState::as_str),
                ":run_state": filter.run_state.map(RunState::as_str),
                ":plugin": filter.plugin,
                ":scope": filter.scope,
                ":repo": filter.repo,
                ":since": filter.since_ms.map(whole),
                ":limit": filter.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(-1)),
            },
            delivery_of,
        )?
        .collect::<Result<Vec<_>, _>>()?;
    for chunk in found.chunks_mut(CHUNK) {
        let seqs: Vec<i64> = chunk.iter().map(|(seq, _)| *seq).collect();
        let mut runs = runs(&snapshot, &seqs)?;
        for (seq, delivery) in chunk {
            delivery.runs = runs.remove(seq).unwrap_or_default();
        }
    }
    Ok(found.into_iter().map(|(_, delivery)| delivery).collect())
}

/// The oldest delivery that matches a filter and lies after one row and not after another, with its row, its runs and
/// attempts, and its payload, or why that is damaged.
pub(super) fn next_delivery(
    connection: &Connection,
    filter: &DeliveryFilter,
    (after, last): (i64, i64),
) -> Result<Option<(i64, DeliveryRecord, Option<String>)>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let found = snapshot
        .prepare_cached(&next_statement(filter))?
        .query_row(
            named_params! {
                ":after": after,
                ":last": last,
                ":state": filter.state.map(DeliveryState::as_str),
                ":run_state": filter.run_state.map(RunState::as_str),
                ":plugin": filter.plugin,
                ":scope": filter.scope,
                ":repo": filter.repo,
                ":since": filter.since_ms.map(whole),
            },
            delivery_of,
        )
        .optional()?;
    let Some((seq, mut delivery)) = found else {
        return Ok(None);
    };
    let damage = match payload(&snapshot, seq) {
        Ok(payload) => {
            delivery.payload = payload;
            None
        }
        Err(Fault::Item(reason)) => Some(reason),
        Err(fault) => return Err(fault),
    };
    delivery.runs = runs(&snapshot, &[seq])?.remove(&seq).unwrap_or_default();
    Ok(Some((seq, delivery, damage)))
}

/// The statement that lists what matches a filter.
pub(super) fn list_statement(filter: &DeliveryFilter) -> String {
    let matches = conditions(filter);
    format!("SELECT {COLUMNS} FROM deliveries WHERE {matches} ORDER BY seq DESC LIMIT :limit")
}

/// The statement that finds the next one in a range of rows.
fn next_statement(filter: &DeliveryFilter) -> String {
    let matches = conditions(filter);
    format!(
        "SELECT {COLUMNS} FROM deliveries WHERE seq > :after AND seq <= :last AND {matches}
         ORDER BY seq LIMIT 1"
    )
}

/// What is true of a plugin's newest run of a delivery, if it is in the state and the plugin is the one asked for.
pub(super) const NEWEST_IN_STATE: &str =
    "runs.state = :run_state AND (:plugin IS NULL OR runs.plugin = :plugin)
    AND NOT EXISTS (SELECT 1 FROM runs AS later WHERE later.delivery = runs.delivery
                    AND later.plugin = runs.plugin AND later.replay > runs.replay)";

/// What a filter asks for. Conditions that are not asked for stay true, save that of the state: SQLite uses the
/// index of unsettled deliveries only if the statement says that it is about them.
pub(super) fn conditions(filter: &DeliveryFilter) -> String {
    let by_state = match filter.state {
        Some(DeliveryState::Pending | DeliveryState::Dead) => {
            "state = :state AND state <> 'settled'"
        }
        Some(DeliveryState::Settled) | None => "(:state IS NULL OR state = :state)",
    };
    let by_run_state = match filter.run_state {
        Some(RunState::Pending | RunState::Running | RunState::Dead) => "AND state <> 'settled'",
        _ => "",
    };
    format!(
        "{by_state} {by_run_state}
         AND (:repo IS NULL OR repo_name = :repo)
         AND (:since IS NULL OR received_ms >= :since)
         AND (:scope IS NULL OR scope = :scope
              OR substr(scope, 1, length(:scope) + 1) = :scope || '.')
         AND (:plugin IS NULL OR EXISTS
              (SELECT 1 FROM runs WHERE runs.delivery = deliveries.seq AND runs.plugin = :plugin))
         AND (:run_state IS NULL
              OR EXISTS (SELECT 1 FROM runs WHERE runs.delivery = deliveries.seq AND {NEWEST_IN_STATE})
              OR (:run_state = 'dead' AND :plugin IS NULL AND unparsable IS NOT NULL AND state = 'dead'))"
    )
}

/// The runs of one delivery, oldest first.
pub(super) fn runs_of(connection: &Connection, id: DeliveryId) -> Result<Vec<RunRecord>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let seq: Option<i64> = snapshot
        .prepare_cached("SELECT seq FROM deliveries WHERE id = ?1")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    let Some(seq) = seq else {
        return Ok(Vec::new());
    };
    Ok(runs(&snapshot, &[seq])?.remove(&seq).unwrap_or_default())
}

/// Body and headers of a delivery, checked against the recorded hash.
pub(super) fn payload(connection: &Connection, delivery: i64) -> Result<Option<Payload>, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT packing, body, headers, body_bytes, body_sha256
             FROM payloads JOIN deliveries USING (seq) WHERE seq = ?1",
        )?
        .query_row([delivery], |row| {
            let stored: (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            Ok((stored, json(row, 2)?, row.get(3)?, row.get(4)?))
        })
        .optional()?;
    let Some(((packing, stored), headers, bytes, sha256)) = found else {
        return Ok(None);
    };
    let (bytes, sha256): (i64, [u8; 32]) = (bytes, sha256);
    let body = unpack_body(packing, stored, usize::try_from(bytes).unwrap_or(0))?;
    if Sha256::digest(&body)[..] != sha256 {
        return Err(Fault::Item(
            "a stored body is not the one received: its SHA-256 differs; check the disk".to_owned(),
        ));
    }
    Ok(Some(Payload { body, headers }))
}

/// The runs of these deliveries, by delivery, each with its attempts.
pub(super) fn runs(
    connection: &Connection,
    deliveries: &[i64],
) -> Result<HashMap<i64, Vec<RunRecord>>, Fault> {
    let mut found = connection
        .prepare_cached(concat!(
            "SELECT seq, delivery, id, plugin, state, gate, lane, reason, scope, action, replay_of, stands_for, ",
            due_by_wall!(),
            " FROM runs WHERE delivery IN (SELECT value FROM json_each(?1)) ORDER BY seq",
        ))?
        .query_map([list(deliveries)], |row| {
            Ok((row.get(0)?, row.get(1)?, run_of(row)?))
        })?
        .collect::<Result<Vec<(i64, i64, RunRecord)>, _>>()?;
    let seqs: Vec<i64> = found.iter().map(|(seq, _, _)| *seq).collect();
    let mut attempts = attempts(connection, &seqs)?;
    let mut by_delivery: HashMap<i64, Vec<RunRecord>> = HashMap::new();
    for (seq, delivery, mut run) in found.drain(..) {
        run.attempts = attempts.remove(&seq).unwrap_or_default();
        say_why(connection, &mut run)?;
        by_delivery.entry(delivery).or_default().push(run);
    }
    Ok(by_delivery)
}

/// The attempts of these runs, by run.
pub(super) fn attempts(
    connection: &Connection,
    runs: &[i64],
) -> Result<HashMap<i64, Vec<AttemptEntry>>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT attempts.run, attempts.n, started_ms, version, digest, outcome, output, fuel,
         fuel_limit, memory_peak_bytes, wall_ms, calls, trap, attempt_logs.bytes, lines
         FROM attempts LEFT JOIN attempt_logs
           ON attempt_logs.run = attempts.run AND attempt_logs.n = attempts.n
         WHERE attempts.run IN (SELECT value FROM json_each(?1)) ORDER BY attempts.run, attempts.n",
    )?;
    let mut rows = select.query([list(runs)])?;
    let mut by_run: HashMap<i64, Vec<AttemptEntry>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let mut attempt = attempt_of(row)?;
        if let Some(bytes) = row.get::<_, Option<i64>>(13)? {
            let bytes = usize::try_from(bytes).unwrap_or(0);
            attempt.logs = unpack_logs(
                row.get_ref(14)?.as_blob().map_err(rusqlite::Error::from)?,
                bytes,
            )?;
        }
        by_run.entry(row.get(0)?).or_default().push(attempt);
    }
    Ok(by_run)
}

/// A list of row numbers as one parameter.
pub(super) fn list(seqs: &[i64]) -> String {
    let mut text = String::from("[");
    for (at, seq) in seqs.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&seq.to_string());
    }
    text.push(']');
    text
}

pub(super) fn delivery_of(row: &Row<'_>) -> rusqlite::Result<(i64, DeliveryRecord)> {
    let delivery = DeliveryRecord {
        id: parsed(row, 1)?,
        path: row.get(2)?,
        hub_id: row.get(3)?,
        webhook_id: row.get(4)?,
        scope: row.get(5)?,
        action: row.get(6)?,
        repo_type: row.get(7)?,
        repo_name: row.get(8)?,
        repo_id: row.get(9)?,
        received_ms: natural(row.get(10)?),
        duplicates: natural(row.get(11)?),
        state: word(row, 12, DeliveryState::from_word)?,
        unparsable: row.get(13)?,
        runs: Vec::new(),
        payload: None,
    };
    Ok((row.get(0)?, delivery))
}

pub(super) fn run_of(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    let state = word(row, 4, RunState::from_word)?;
    let gate = word(row, 5, Gate::from_word)?;
    let due_ms = natural(row.get(12)?);
    Ok(RunRecord {
        id: parsed(row, 2)?,
        plugin: row.get(3)?,
        state,
        gate,
        lane: word(row, 6, Lane::from_word)?,
        reason: row.get(7)?,
        scope: row.get(8)?,
        action: row.get(9)?,
        replay_of: parsed_if_any(row, 10)?,
        stands_for: natural(row.get(11)?),
        next_attempt_ms: (state == RunState::Pending && gate == Gate::Ready).then_some(due_ms),
        attempts: Vec::new(),
    })
}

/// Has a run that waits say why. What its plugin or its order has to do with that is looked up here: it may change for
/// very many runs at once, and nothing of them is written then.
pub(super) fn say_why(connection: &Connection, run: &mut RunRecord) -> Result<(), Fault> {
    let why = match (run.state, run.gate) {
        (RunState::Pending, Gate::Parked) => parking(connection, &run.plugin)?.reason(),
        (RunState::Pending, Gate::Queued) => Some(BEHIND.to_owned()),
        // What it waited for besides is of no account once it is due.
        (RunState::Pending, Gate::Ready) if run.next_attempt_ms <= Some(now_ms()) => {
            run.reason = None;
            None
        }
        _ => None,
    };
    if why.is_some() {
        run.reason = why;
    }
    Ok(())
}

fn attempt_of(row: &Row<'_>) -> rusqlite::Result<AttemptEntry> {
    let amount = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(natural));
    Ok(AttemptEntry {
        n: row.get(1)?,
        started_ms: natural(row.get(2)?),
        version: row.get(3)?,
        digest: row.get(4)?,
        outcome: word_if_any(row, 5, Outcome::from_word)?,
        output: row.get(6)?,
        fuel: amount(7)?,
        fuel_limit: amount(8)?,
        memory_peak_bytes: amount(9)?,
        wall_ms: amount(10)?,
        logs: Vec::new(),
        calls: json(row, 11)?,
        trap: json(row, 12)?,
    })
}
