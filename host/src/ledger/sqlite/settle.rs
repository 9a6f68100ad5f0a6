//! Settling: the attempt, its logs, its run, its delivery and its plugin's state, in one transaction.

use super::clock::whole;
use super::fault::Fault;
use super::pack::{PackedLogs, pack_logs};
use super::plugins::note_outcome;
use super::row::as_json;
use super::standing::{ended, make_pending, refresh_delivery};
use super::state;
use super::writer::Tx;
use crate::delivery::{AttemptRecord, Counts, Outcome, RunState, Settlement};
use crate::failpoint::hit;
use crate::ledger::{Claim, StateChanges};

/// How an attempt ended, ready to be stored.
pub(super) struct Ending {
    settlement: Settlement,
    attempt: AttemptRecord,
    logs: Option<PackedLogs>,
    /// Its outgoing calls, as JSON.
    calls: Option<String>,
    /// What the sandbox met, as JSON.
    trap: Option<String>,
    changes: StateChanges,
}

impl Ending {
    /// Packs what is to be stored.
    pub async fn pack(
        settlement: Settlement,
        mut attempt: AttemptRecord,
        changes: StateChanges,
    ) -> Result<Self, Fault> {
        let calls = Some(&attempt.calls).filter(|calls| !calls.is_empty());
        Ok(Self {
            calls: calls.map(as_json).transpose()?,
            trap: attempt.trap.as_ref().map(as_json).transpose()?,
            logs: pack_logs(std::mem::take(&mut attempt.logs)).await?,
            settlement,
            attempt,
            changes,
        })
    }
}

/// What a settlement came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Settled,
    Stale,
    Conflict,
}

/// Settles a claim, or changes nothing.
pub(super) fn settle(tx: &mut Tx<'_>, claim: &Claim, ending: &Ending) -> Result<Verdict, Fault> {
    if !is_held(tx, claim)? {
        return Ok(Verdict::Stale);
    }
    if ending.attempt.outcome.keeps_state() && !ending.changes.is_empty() {
        let (plugin, changes) = (&claim.facts.plugin, &ending.changes);
        if state::any_read_changed(tx.connection, plugin, changes)? {
            return Ok(Verdict::Conflict);
        }
        let Some(growth) = state::growth(tx, plugin, changes)? else {
            return Ok(Verdict::Conflict);
        };
        state::write(tx, plugin, changes, &growth)?;
    }
    close_attempt(tx, claim, ending)?;
    hit!("during-settle");
    move_run(tx, claim, ending)?;
    refresh_delivery(tx, claim.delivery_seq)?;
    tx.changes.attempted(claim.facts.delivery);
    let outcome = ending.attempt.outcome;
    tx.changes.ended(&claim.facts.plugin, outcome);
    // No fuel is noted where it was the host that failed, not the plugin.
    if ending.attempt.fuel_limit > 0 {
        note_outcome(tx, &claim.facts.plugin, outcome)?;
    }
    Ok(Verdict::Settled)
}

/// Gives a claim back as if it had not been made, save that its token is never used again.
pub(super) fn give_back(tx: &mut Tx<'_>, claim: &Claim) -> Result<Verdict, Fault> {
    if !is_held(tx, claim)? {
        return Ok(Verdict::Stale);
    }
    tx.connection
        .prepare_cached("DELETE FROM attempts WHERE run = ?1 AND n = ?2")?
        .execute((claim.run_seq, claim.facts.n))?;
    let now_ms = tx.forward_ms;
    make_pending(tx, claim.run_seq, &claim.facts.plugin, now_ms)?;
    // A parked run is one of the things that a first attempt is not waited for.
    tx.changes.attempted(claim.facts.delivery);
    Ok(Verdict::Settled)
}

/// Whether the claim is the run's last one and still holds it.
fn is_held(tx: &Tx<'_>, claim: &Claim) -> Result<bool, Fault> {
    Ok(tx
        .connection
        .prepare_cached(
            "SELECT 1 FROM runs WHERE seq = ?1 AND state = 'running' AND lease_token = ?2
             AND lease_owner = ?3 AND id = ?4",
        )?
        .exists((
            claim.run_seq,
            claim.token,
            tx.owner,
            // A number may have been given to another since retention let the run go.
            claim.facts.run.to_string(),
        ))?)
}

fn close_attempt(tx: &Tx<'_>, claim: &Claim, ending: &Ending) -> Result<(), Fault> {
    let attempt = &ending.attempt;
    tx.connection
        .prepare_cached(
            "UPDATE attempts SET version = ?3, digest = ?4, outcome = ?5, output = ?6, fuel = ?7,
             fuel_limit = ?8, memory_peak_bytes = ?9, wall_ms = ?10, calls = ?11, trap = ?12
             WHERE run = ?1 AND n = ?2",
        )?
        .execute((
            claim.run_seq,
            claim.facts.n,
            &attempt.version,
            &attempt.digest,
            attempt.outcome.as_str(),
            &attempt.output,
            whole(attempt.fuel),
            whole(attempt.fuel_limit),
            whole(attempt.memory_peak_bytes),
            whole(attempt.wall_ms()),
            &ending.calls,
            &ending.trap,
        ))?;
    if let Some(logs) = &ending.logs {
        tx.connection
            .prepare_cached(
                "INSERT INTO attempt_logs (run, n, bytes, lines) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                claim.run_seq,
                claim.facts.n,
                i64::try_from(logs.bytes).unwrap_or(i64::MAX),
                &logs.lines,
            ))?;
    }
    Ok(())
}

fn move_run(tx: &mut Tx<'_>, claim: &Claim, ending: &Ending) -> Result<(), Fault> {
    let (state, reason) = match &ending.settlement {
        Settlement::Done => (RunState::Done, None),
        Settlement::Ignored => (RunState::Ignored, None),
        Settlement::Dead { reason } => (RunState::Dead, Some(reason)),
        Settlement::Again { delay, counts } => {
            let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
            note_attempt(tx, claim, ending.attempt.outcome, *counts)?;
            let due_ms = tx.forward_ms.saturating_add(delay_ms);
            return make_pending(tx, claim.run_seq, &claim.facts.plugin, due_ms);
        }
    };
    let (bytes, order_key): (i64, Option<String>) = tx
        .connection
        .prepare_cached(
            "UPDATE runs SET state = ?2, reason = ?3, scope = ?4, action = ?5, routed_digest = ?6,
             attempts = attempts + 1, lease_owner = NULL, lease_until = NULL WHERE seq = ?1
             RETURNING bytes, order_key",
        )?
        .query_row(
            (
                claim.run_seq,
                state.as_str(),
                reason,
                &claim.seen.scope,
                &claim.seen.action,
                &claim.routed_digest,
            ),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    let plugin = &claim.facts.plugin;
    ended(tx, plugin, state, bytes, order_key.as_deref())
}

/// What an attempt leaves on a run that goes on.
fn note_attempt(tx: &Tx<'_>, claim: &Claim, outcome: Outcome, counts: Counts) -> Result<(), Fault> {
    tx.connection
        .prepare_cached(
            "UPDATE runs SET scope = ?2, action = ?3, routed_digest = ?4, attempts = attempts + ?5,
             conflicts = conflicts + ?6, losses = losses + ?7 WHERE seq = ?1",
        )?
        .execute((
            claim.run_seq,
            &claim.seen.scope,
            &claim.seen.action,
            &claim.routed_digest,
            counts == Counts::Yes,
            outcome == Outcome::Conflict,
            outcome == Outcome::Lost,
        ))?;
    Ok(())
}
