//! Claiming: which runs are due, in whose turn, and what their attempts need to know.
//!
//! Everything here is a probe of a partial index over unsettled runs: what a claim costs does not grow with the
//! backlog, nor with the history.

use super::changes::Weight;
use super::clock::natural;
use super::due::{Range, busy_plugins, far_ahead, next_due};
use super::fault::Fault;
use super::lease::expire_leases;
use super::rate;
use super::row::parsed;
use super::standing::{Parking, end_running, parking, refresh_delivery};
use super::writer::Tx;
use crate::delivery::{Gate, LOSSES_BEFORE_ALONE, Lane, RunState};
use crate::ledger::{Claim, ClaimFacts, ClaimRequest, ClaimablePlugin};
use crate::scope::SeenEvent;
use rusqlite::Row;
use std::collections::HashMap;

/// The runs, few as they are, that want the host or their plugin to themselves.
pub(super) const ALONE: &str =
    "SELECT seq, plugin, state, losses, lease_owner FROM runs INDEXED BY runs_alone
     WHERE state IN ('pending', 'running') AND gate = 'ready' AND (losses >= 2 OR conflicts >= 3)
       AND (state = 'running' OR due_ms <= ?1 OR due_ms > ?2)
     ORDER BY due_ms, seq";

/// How many runs that wait for their share of an hour one claim puts off: there may be very many.
const PUT_OFF_MAX: usize = 32;

/// Whether a run that is due may be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    Now,
    Later,
}

/// Claims due runs.
pub(super) fn claim(tx: &mut Tx<'_>, request: &ClaimRequest) -> Result<Vec<Claim>, Fault> {
    expire_leases(tx)?;
    let alone = Alone::find(tx)?;
    if alone.host_is_taken {
        return Ok(Vec::new());
    }
    let plugins = claimable(tx, request)?;
    if let Some((run, plugin)) = alone.for_host(&plugins) {
        // It waits until nothing else runs, and nothing else is begun meanwhile.
        if request.running > 0 || request.slots.count() == 0 || plugin.slots.count() == 0 {
            return Ok(Vec::new());
        }
        return Ok(take_or_bury(tx, run, plugin)?.into_iter().collect());
    }
    claim_in_turns(tx, request.slots.count(), &plugins, &alone)
}

/// The plugins asked for that have pending runs which are not, or not yet, parked.
fn claimable<'a>(
    tx: &Tx<'_>,
    request: &'a ClaimRequest,
) -> Result<Vec<&'a ClaimablePlugin>, Fault> {
    let busy = busy_plugins(tx.connection)?;
    let mut claimable = Vec::new();
    for plugin in &request.plugins {
        if busy.contains(&plugin.name)
            && matches!(
                parking(tx.connection, &plugin.name)?,
                Parking::Free | Parking::Unknown
            )
        {
            claimable.push(plugin);
        }
    }
    Ok(claimable)
}

fn claim_in_turns(
    tx: &mut Tx<'_>,
    slots: usize,
    plugins: &[&ClaimablePlugin],
    alone: &Alone,
) -> Result<Vec<Claim>, Fault> {
    let turns = plugins.iter().map(|plugin| Turn::new(plugin, alone));
    let mut turns: Vec<Turn<'_>> = turns.collect();
    let mut claims = Vec::new();
    let mut put_off = 0;
    while !turns.is_empty() {
        let mut still_due = Vec::with_capacity(turns.len());
        for mut turn in turns {
            if claims.len() >= slots || put_off >= PUT_OFF_MAX {
                return Ok(claims);
            }
            if let Some(run) = turn.next(tx)? {
                match rate::admit(tx, run, turn.plugin)? {
                    Begin::Now => claims.extend(take_or_bury(tx, run, turn.plugin)?),
                    Begin::Later => {
                        put_off += 1;
                        turn.slots += 1;
                    }
                }
                still_due.push(turn);
            }
        }
        turns = still_due;
    }
    Ok(claims)
}

/// Which runs want to be alone, of those that run or are due.
#[derive(Default)]
struct Alone {
    /// One that wants the host to itself is under way.
    host_is_taken: bool,
    for_host: Vec<(i64, String)>,
    /// Plugins of which such a run is under way or due; the run if it is due.
    for_plugin: HashMap<String, Option<i64>>,
}

impl Alone {
    fn find(tx: &Tx<'_>) -> Result<Self, Fault> {
        let mut found = Self::default();
        let mut select = tx.connection.prepare_cached(ALONE)?;
        let mut rows = select.query((tx.forward_ms, far_ahead(tx.forward_ms)))?;
        while let Some(row) = rows.next()? {
            let (run, plugin): (i64, String) = (row.get(0)?, row.get(1)?);
            let running = row.get_ref(2)?.as_str() == Ok(RunState::Running.as_str());
            let for_host = row.get::<_, u32>(3)? >= LOSSES_BEFORE_ALONE;
            match (for_host, running) {
                (true, true) => found.host_is_taken |= row.get_ref(4)?.as_str() == Ok(tx.owner),
                (true, false) => found.for_host.push((run, plugin)),
                (false, true) => {
                    found.for_plugin.insert(plugin, None);
                }
                (false, false) => {
                    found.for_plugin.entry(plugin).or_insert(Some(run));
                }
            }
        }
        Ok(found)
    }

    /// The oldest run that wants the host to itself, of the plugins asked for.
    fn for_host<'a>(&self, plugins: &[&'a ClaimablePlugin]) -> Option<(i64, &'a ClaimablePlugin)> {
        self.for_host.iter().find_map(|(run, plugin)| {
            let plugin = *plugins.iter().find(|asked| asked.name == *plugin)?;
            Some((*run, plugin))
        })
    }
}

/// A plugin's place in the round, and how far through its due runs it is.
struct Turn<'a> {
    plugin: &'a ClaimablePlugin,
    slots: usize,
    alone: Option<i64>,
    /// Ranges of due runs that may have some left, in the order they are claimed in.
    ranges: &'static [(Lane, Range)],
}

impl<'a> Turn<'a> {
    fn new(plugin: &'a ClaimablePlugin, alone: &Alone) -> Self {
        let mut turn = Self {
            plugin,
            slots: plugin.slots.count(),
            alone: None,
            ranges: &[
                (Lane::Live, Range::Due),
                (Lane::Live, Range::FarAhead),
                (Lane::Replay, Range::Due),
                (Lane::Replay, Range::FarAhead),
            ],
        };
        if let Some(run) = alone.for_plugin.get(&plugin.name) {
            turn.ranges = &[];
            turn.alone = run.filter(|_| plugin.running == 0);
        }
        turn
    }

    /// The plugin's next due run, if it has one and a slot for it.
    fn next(&mut self, tx: &Tx<'_>) -> Result<Option<i64>, Fault> {
        if self.slots == 0 {
            return Ok(None);
        }
        self.slots -= 1;
        if let Some(run) = self.alone.take() {
            return Ok(Some(run));
        }
        while let [(lane, range), rest @ ..] = self.ranges {
            let range_ms = range.ms(tx.forward_ms);
            if let Some((run, _)) = next_due(tx.connection, &self.plugin.name, *lane, range_ms)? {
                return Ok(Some(run));
            }
            self.ranges = rest;
        }
        Ok(None)
    }
}

/// Takes a run, or gives it up if it cannot be read: a damaged row must not keep all others from being claimed.
fn take_or_bury(
    tx: &mut Tx<'_>,
    run: i64,
    plugin: &ClaimablePlugin,
) -> Result<Option<Claim>, Fault> {
    match take(tx, run, plugin) {
        Err(Fault::Item(reason)) => {
            tracing::error!(
                run,
                plugin = plugin.name,
                reason,
                "a run is damaged in the ledger"
            );
            bury(tx, run, plugin)?;
            Ok(None)
        }
        taken => taken.map(Some),
    }
}

/// Makes a run that was just taken dead, and its attempt as if it had never been.
fn bury(tx: &mut Tx<'_>, run: i64, plugin: &ClaimablePlugin) -> Result<(), Fault> {
    tx.connection
        .prepare_cached("DELETE FROM attempts WHERE run = ?1 AND outcome IS NULL")?
        .execute([run])?;
    let reason = "damaged in the ledger; check the disk";
    end_running(tx, run, &plugin.name, RunState::Dead, Some(reason))?;
    let delivery: i64 = tx
        .connection
        .prepare_cached("SELECT delivery FROM runs WHERE seq = ?1")?
        .query_row([run], |row| row.get(0))?;
    refresh_delivery(tx, delivery)
}

/// Marks a run running under a lease and inserts its attempt row.
fn take(tx: &mut Tx<'_>, run: i64, plugin: &ClaimablePlugin) -> Result<Claim, Fault> {
    let lease_ms = i64::try_from(plugin.lease.as_millis()).unwrap_or(i64::MAX);
    let lease_until = tx.steady_ms.saturating_add(lease_ms);
    tx.connection
        .prepare_cached(
            "UPDATE runs SET state = 'running', claims = claims + 1, lease_token = claims + 1,
             lease_owner = ?2, lease_until = ?3, reason = NULL WHERE seq = ?1",
        )?
        .execute((run, tx.owner, lease_until))?;
    let n = tx
        .connection
        .prepare_cached(
            "INSERT INTO attempts (run, n, started_ms)
             VALUES (?1, (SELECT coalesce(max(n), 0) + 1 FROM attempts WHERE run = ?1), ?2)
             RETURNING n",
        )?
        .query_row((run, tx.now_ms), |row| row.get(0))?;
    tx.changes.moved(
        &plugin.name,
        // Its bytes wait as before.
        Weight::of_run(0),
        Some((RunState::Pending, Gate::Ready)),
        (RunState::Running, Gate::Ready),
    );
    Ok(tx
        .connection
        .prepare_cached(
            "SELECT runs.seq, deliveries.seq, lease_token, routed_digest, runs.scope,
             runs.action, runs.id, plugin, deliveries.id, attempts, received_ms, deliveries.scope,
             deliveries.action, repo_type, repo_name, repo_id, body_bytes
             FROM runs JOIN deliveries ON deliveries.seq = runs.delivery WHERE runs.seq = ?1",
        )?
        .query_row([run], |row| claim_of(row, n))?)
}

fn claim_of(row: &Row<'_>, n: u32) -> rusqlite::Result<Claim> {
    let attempts: u32 = row.get(9)?;
    Ok(Claim {
        run_seq: row.get(0)?,
        delivery_seq: row.get(1)?,
        token: row.get(2)?,
        routed_digest: row.get(3)?,
        seen: SeenEvent {
            scope: row.get(4)?,
            action: row.get(5)?,
        },
        facts: ClaimFacts {
            run: parsed(row, 6)?,
            plugin: row.get(7)?,
            delivery: parsed(row, 8)?,
            n,
            counted: attempts.saturating_add(1),
            received_ms: natural(row.get(10)?),
            sent_scope: row.get(11)?,
            sent_action: row.get(12)?,
            repo_type: row.get(13)?,
            repo_name: row.get(14)?,
            repo_id: row.get(15)?,
            body_bytes: natural(row.get(16)?),
        },
    })
}
