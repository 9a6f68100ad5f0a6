//! The rows of a ledger's file, read by SQL of the checker's own.

use rusqlite::types::FromSql;
use rusqlite::{Connection, OpenFlags, Row};
use std::collections::BTreeMap;
use std::path::Path;

/// Everything that the checker looks at.
pub struct Rows {
    /// The open file.
    pub connection: Connection,
    /// By `seq`.
    pub deliveries: BTreeMap<i64, Delivery>,
    /// By `seq`.
    pub runs: BTreeMap<i64, Run>,
}

/// A row of `deliveries`.
#[derive(Debug)]
pub struct Delivery {
    pub id: String,
    pub hub_id: Option<String>,
    pub body_sha256: Vec<u8>,
    pub body_bytes: i64,
    pub duplicates: i64,
    pub state: String,
    pub unparsable: Option<String>,
}

/// A row of `runs`, with its attempts in order.
#[derive(Debug)]
pub struct Run {
    pub seq: i64,
    pub id: String,
    pub delivery: i64,
    pub plugin: String,
    pub replay: i64,
    pub state: String,
    pub gate: String,
    pub lane: String,
    pub order_key: Option<String>,
    pub debounce_key: Option<String>,
    pub first_ms: i64,
    pub stands_for: i64,
    pub claims: i64,
    pub counted: i64,
    pub losses: i64,
    pub leased: bool,
    pub reason: Option<String>,
    pub bytes: i64,
    pub attempts: Vec<Attempt>,
}

/// A row of `attempts`.
#[derive(Debug)]
pub struct Attempt {
    pub n: i64,
    pub started_ms: i64,
    pub outcome: Option<String>,
    pub wall_ms: Option<i64>,
}

impl Run {
    /// Whether it has come to its end.
    pub fn is_settled(&self) -> bool {
        !["pending", "running"].contains(&&*self.state)
    }

    /// Whether it waits for something about its plugin.
    pub fn is_parked(&self) -> bool {
        self.state == "pending" && self.gate == "parked"
    }

    /// How it is named where something is wrong with it.
    pub fn shown(&self) -> String {
        let outcomes: Vec<&str> = self
            .attempts
            .iter()
            .map(|attempt| attempt.outcome.as_deref().unwrap_or("under way"))
            .collect();
        format!(
            "run {} (seq {}, {}, {}/{}, attempts: {})",
            self.id,
            self.seq,
            self.plugin,
            self.state,
            self.gate,
            outcomes.join(" ")
        )
    }
}

/// Opens the ledger of a data folder, to be read only.
pub fn open(data: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(data.join("ledger.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)
}

impl Rows {
    /// Reads the ledger of a data folder.
    pub fn read(data: &Path) -> rusqlite::Result<Self> {
        let connection = open(data)?;
        let deliveries = read(
            &connection,
            "SELECT seq, id, hub_id, body_sha256, body_bytes, dup_count, state, unparsable
             FROM deliveries",
            delivery,
        )?;
        let runs = read(
            &connection,
            "SELECT seq, id, delivery, plugin, replay, state, gate, lane, order_key, debounce_key,
             first_ms, stands_for, claims, attempts, losses, reason, bytes,
             lease_owner IS NOT NULL OR lease_until IS NOT NULL FROM runs",
            run,
        )?;
        let mut rows = Self {
            deliveries: deliveries.into_iter().collect(),
            runs: runs.into_iter().map(|run| (run.seq, run)).collect(),
            connection,
        };
        let attempts = read(
            &rows.connection,
            "SELECT run, n, started_ms, outcome, wall_ms FROM attempts ORDER BY run, n",
            attempt,
        )?;
        for (run, attempt) in attempts {
            // One without a run is found by its own check.
            if let Some(run) = rows.runs.get_mut(&run) {
                run.attempts.push(attempt);
            }
        }
        Ok(rows)
    }

    /// A number that the file is asked for.
    pub fn number(&self, sql: &str) -> rusqlite::Result<i64> {
        self.connection.query_row(sql, [], |row| row.get(0))
    }

    /// How much plugins keep, as counters of it should be.
    pub fn state_sizes(&self) -> rusqlite::Result<BTreeMap<(String, String), i64>> {
        let rows = read(
            &self.connection,
            "SELECT 'state-keys', plugin, count(*) FROM plugin_state GROUP BY plugin
             UNION ALL SELECT 'state-bytes', plugin, sum(octet_length(key) + length(value))
             FROM plugin_state GROUP BY plugin",
            |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)),
        )?;
        Ok(rows.into_iter().collect())
    }

    /// Counters by name and plugin.
    pub fn counters(&self) -> rusqlite::Result<BTreeMap<(String, String), i64>> {
        let rows = read(
            &self.connection,
            "SELECT name, plugin, value FROM counters",
            |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)),
        )?;
        Ok(rows.into_iter().collect())
    }
}

fn read<T>(
    connection: &Connection,
    sql: &str,
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map([], row)?.collect()
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<(i64, Delivery)> {
    let delivery = Delivery {
        id: row.get(1)?,
        hub_id: row.get(2)?,
        body_sha256: row.get(3)?,
        body_bytes: row.get(4)?,
        duplicates: row.get(5)?,
        state: row.get(6)?,
        unparsable: row.get(7)?,
    };
    Ok((row.get(0)?, delivery))
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let mut at = 0;
    Ok(Run {
        seq: next(row, &mut at)?,
        id: next(row, &mut at)?,
        delivery: next(row, &mut at)?,
        plugin: next(row, &mut at)?,
        replay: next(row, &mut at)?,
        state: next(row, &mut at)?,
        gate: next(row, &mut at)?,
        lane: next(row, &mut at)?,
        order_key: next(row, &mut at)?,
        debounce_key: next(row, &mut at)?,
        first_ms: next(row, &mut at)?,
        stands_for: next(row, &mut at)?,
        claims: next(row, &mut at)?,
        counted: next(row, &mut at)?,
        losses: next(row, &mut at)?,
        reason: next(row, &mut at)?,
        bytes: next(row, &mut at)?,
        leased: next(row, &mut at)?,
        attempts: Vec::new(),
    })
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<(i64, Attempt)> {
    let attempt = Attempt {
        n: row.get(1)?,
        started_ms: row.get(2)?,
        outcome: row.get(3)?,
        wall_ms: row.get(4)?,
    };
    Ok((row.get(0)?, attempt))
}

fn next<T: FromSql>(row: &Row<'_>, at: &mut usize) -> rusqlite::Result<T> {
    *at += 1;
    row.get(*at - 1)
}
