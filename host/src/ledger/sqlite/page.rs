//! Reading lists in parts: by keyset, newest first, each part within bounds on the rows it looks at and the bytes it
//! holds, however long the ledger is and however few rows match.

use super::clock::{due_by_wall, whole};
use super::fault::Fault;
use super::query;
use super::row::parsed;
use crate::delivery::{DeliveryId, DeliveryState, RunId, RunState};
use crate::ledger::{AttemptEntry, DeliveryFilter, DeliveryRecord, Page, RunEntry, RunFilter};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use std::str::FromStr;

/// How many rows are looked at for one part.
const ROWS_MAX: i64 = 50_000;

/// How many bytes of logs and outputs one part holds, about; the last delivery or run may go over it.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Rows came in order of their times but for what clocks do: so much earlier than a time, in ms, nothing later follows.
pub(super) const CLOCK_SLACK_MS: i64 = 24 * 60 * 60 * 1000;

/// The rows of a table to look at for one part.
struct Span {
    /// The oldest row of the table.
    first: i64,
    /// The lowest row to look at.
    from: i64,
    /// The row after the highest to look at.
    to: i64,
}

impl Span {
    /// The rows older than `before`; `None` if that is no row of the table.
    fn of(
        connection: &Connection,
        table: &str,
        before: Option<String>,
    ) -> Result<Option<Self>, Fault> {
        let (first, last): (Option<i64>, Option<i64>) = connection
            .prepare_cached(&format!(
                "SELECT (SELECT min(seq) FROM {table}), (SELECT max(seq) FROM {table})"
            ))?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let to = match before {
            None => Some(last.unwrap_or(0).saturating_add(1)),
            Some(id) => connection
                .prepare_cached(&format!("SELECT seq FROM {table} WHERE id = ?1"))?
                .query_row([id], |row| row.get(0))
                .optional()?,
        };
        let first = first.unwrap_or(1);
        Ok(to.map(|to| Self {
            first,
            from: to.saturating_sub(ROWS_MAX).max(first),
            to,
        }))
    }

    /// What the next part comes before: the last row that was taken, or where that was all, the last looked at.
    fn next<Id>(
        &self,
        connection: &Connection,
        table: &str,
        cut_at: Option<i64>,
    ) -> Result<Option<Id>, Fault>
    where
        Id: FromStr,
        Id::Err: std::error::Error + Send + Sync + 'static,
    {
        let last = cut_at.unwrap_or(self.from);
        if last <= self.first || self.to <= self.from {
            return Ok(None);
        }
        Ok(connection
            .prepare_cached(&format!(
                "SELECT id FROM {table} WHERE seq >= ?1 ORDER BY seq LIMIT 1"
            ))?
            .query_row([last], |row| parsed(row, 0))
            .optional()?)
    }
}

/// Deliveries older than `before`, newest first, with their runs.
pub(super) fn deliveries(
    connection: &Connection,
    filter: &DeliveryFilter,
    before: Option<DeliveryId>,
) -> Result<Option<Page<DeliveryRecord, DeliveryId>>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let before = before.map(|id| id.to_string());
    let Some(span) = Span::of(&snapshot, "deliveries", before)? else {
        return Ok(None);
    };
    let limit = filter.limit.unwrap_or(usize::MAX);
    let found = snapshot
        .prepare_cached(&format!(
            "SELECT {} FROM deliveries WHERE seq >= :from AND seq < :to AND {}
             ORDER BY seq DESC LIMIT :limit",
            query::COLUMNS,
            query::conditions(filter)
        ))?
        .query_map(
            named_params! {
                ":from": span.from,
                ":to": span.to,
                ":state": filter.state.map(DeliveryState::as_str),
                ":run_state": filter.run_state.map(RunState::as_str),
                ":plugin": filter.plugin,
                ":scope": filter.scope,
                ":repo": filter.repo,
                ":since": filter.since_ms.map(whole),
                ":limit": i64::try_from(limit).unwrap_or(-1),
            },
            query::delivery_of,
        )?
        .collect::<Result<Vec<_>, _>>()?;
    let (items, cut_at) = within_bytes(found, limit, |(seq, mut delivery)| {
        delivery.runs = query::runs(&snapshot, &[seq])?
            .remove(&seq)
            .unwrap_or_default();
        let attempts = delivery.runs.iter().flat_map(|run| &run.attempts);
        Ok((seq, attempts.map(bytes_of).sum(), delivery))
    })?;
    let over = cut_at.is_none() && is_over(&snapshot, &span, filter.since_ms)?;
    let next = if over {
        None
    } else {
        span.next(&snapshot, "deliveries", cut_at)?
    };
    Ok(Some(Page { items, next }))
}

/// Whether what is older than the rows looked at is older than what is asked for.
fn is_over(connection: &Connection, span: &Span, since_ms: Option<u64>) -> Result<bool, Fault> {
    let Some(since_ms) = since_ms.map(whole) else {
        return Ok(false);
    };
    let oldest: Option<i64> = connection
        .prepare_cached("SELECT received_ms FROM deliveries WHERE seq >= ?1 ORDER BY seq LIMIT 1")?
        .query_row([span.from], |row| row.get(0))
        .optional()?;
    Ok(oldest.is_some_and(|oldest| oldest.saturating_add(CLOCK_SLACK_MS) < since_ms))
}

const RUN_COLUMNS: &str = concat!(
    "runs.seq, runs.delivery, runs.id, runs.plugin, runs.state, runs.gate, runs.lane, runs.reason, runs.scope,
     runs.action, runs.replay_of, runs.stands_for, ",
    due_by_wall!(),
    ", deliveries.id"
);

/// Runs older than `before`, newest first, with their attempts.
pub(super) fn runs(
    connection: &Connection,
    filter: &RunFilter,
    limit: usize,
    before: Option<RunId>,
) -> Result<Option<Page<RunEntry, RunId>>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let before = before.map(|id| id.to_string());
    let Some(span) = Span::of(&snapshot, "runs", before)? else {
        return Ok(None);
    };
    let found = snapshot
        .prepare_cached(&format!(
            "SELECT {RUN_COLUMNS} FROM runs JOIN deliveries ON deliveries.seq = runs.delivery
             WHERE runs.seq >= :from AND runs.seq < :to
             AND (:plugin IS NULL OR runs.plugin = :plugin) AND (:state IS NULL OR runs.state = :state)
             ORDER BY runs.seq DESC LIMIT :limit"
        ))?
        .query_map(
            named_params! {
                ":from": span.from,
                ":to": span.to,
                ":plugin": filter.plugin,
                ":state": filter.state.map(RunState::as_str),
                ":limit": i64::try_from(limit).unwrap_or(-1),
            },
            entry_of,
        )?
        .collect::<Result<Vec<_>, _>>()?;
    let (items, cut_at) = within_bytes(found, limit, |(seq, mut entry)| {
        complete(&snapshot, seq, &mut entry)?;
        Ok((seq, entry.run.attempts.iter().map(bytes_of).sum(), entry))
    })?;
    let next = span.next(&snapshot, "runs", cut_at)?;
    Ok(Some(Page { items, next }))
}

/// One run with its attempts.
pub(super) fn run(connection: &Connection, id: RunId) -> Result<Option<RunEntry>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let found = snapshot
        .prepare_cached(&format!(
            "SELECT {RUN_COLUMNS} FROM runs JOIN deliveries ON deliveries.seq = runs.delivery
             WHERE runs.id = ?1"
        ))?
        .query_row([id.to_string()], entry_of)
        .optional()?;
    let Some((seq, mut entry)) = found else {
        return Ok(None);
    };
    complete(&snapshot, seq, &mut entry)?;
    Ok(Some(entry))
}

fn complete(connection: &Connection, run: i64, entry: &mut RunEntry) -> Result<(), Fault> {
    let mut attempts = query::attempts(connection, &[run])?;
    entry.run.attempts = attempts.remove(&run).unwrap_or_default();
    query::say_why(connection, &mut entry.run)
}

fn entry_of(row: &Row<'_>) -> rusqlite::Result<(i64, RunEntry)> {
    let entry = RunEntry {
        delivery: parsed(row, 13)?,
        run: query::run_of(row)?,
    };
    Ok((row.get(0)?, entry))
}

/// Completes rows until they hold enough bytes, and says where they were cut: by that, or by the limit.
fn within_bytes<R, T>(
    rows: Vec<R>,
    limit: usize,
    complete: impl Fn(R) -> Result<(i64, usize, T), Fault>,
) -> Result<(Vec<T>, Option<i64>), Fault> {
    let (found, mut bytes, mut last) = (rows.len(), 0usize, None);
    let mut items = Vec::with_capacity(found);
    for row in rows {
        let (seq, more, item) = complete(row)?;
        items.push(item);
        bytes = bytes.saturating_add(more);
        last = Some(seq);
        if bytes > BYTES_MAX {
            break;
        }
    }
    let cut = items.len() < found || items.len() >= limit;
    Ok((items, last.filter(|_| cut)))
}

fn bytes_of(attempt: &AttemptEntry) -> usize {
    let logs = attempt.logs.iter().map(|log| log.text.len());
    let frames = attempt
        .trap
        .iter()
        .flat_map(|trap| &trap.frames)
        .map(String::len);
    let output = attempt.output.as_ref().map_or(0, String::len);
    logs.chain(frames).sum::<usize>().saturating_add(output)
}
