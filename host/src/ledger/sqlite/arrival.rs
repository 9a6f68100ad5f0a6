//! A new run: dead from the start, parked, behind another of its order, or ready; and the run that it takes the place of.
//!
//! What a rule needs to know is asked in the transaction that records the run, so that two deliveries of one group obey
//! it too.

use super::changes::{PARKED, UNSETTLED, Weight};
use super::clock::milliseconds;
use super::debounce::{self, Predecessor};
use super::fault::Fault;
use super::standing::{Parking, parking};
use super::writer::Tx;
use super::{order, park, rate};
use crate::delivery::{Gate, Lane, NewRun, RunState};

/// Why runs of a forgotten plugin are dead.
pub(super) const GONE: &str = "its plugin is gone; put its file back and replay";

/// A run that is to be recorded.
pub(super) struct Arrival<'a> {
    pub delivery: i64,
    /// Bytes of its delivery's body.
    pub bytes: i64,
    pub run: &'a NewRun,
    pub lane: Lane,
    /// Which of its plugin's runs of the delivery it is: 0 for the one recorded with it, the others are replays.
    pub replay: i64,
    pub replay_of: Option<&'a str>,
}

/// What a new run begins as.
enum Fate {
    Dead(String),
    /// With the reason, if nothing that is noted of its plugin says it.
    Parked(Option<String>),
    Free,
}

/// When a new run is due, and for how many it stands.
struct Waits {
    first_ms: i64,
    due_ms: i64,
    stands_for: i64,
    /// From when on it has its share of its repo's hour, if it has.
    rate_ms: Option<i64>,
    /// Why it is not due yet, if it is not.
    reason: Option<String>,
}

impl Arrival<'_> {
    /// Records it, and says whether a run ended with that: this one, or one that had to make room, of whichever delivery.
    pub fn arrive(&self, tx: &mut Tx<'_>) -> Result<bool, Fault> {
        let mut fate = self.fate(tx)?;
        let mut waits = Waits {
            first_ms: tx.forward_ms,
            due_ms: tx.forward_ms,
            stands_for: 0,
            rate_ms: None,
            reason: None,
        };
        if !matches!(fate, Fate::Dead(_)) {
            // One that takes another's place is no further run.
            let predecessor = self.debounce(tx, &mut waits)?;
            if predecessor.is_none() && matches!(fate, Fate::Free) {
                fate = self.unless_too_many(tx)?;
            }
        }
        if !matches!(fate, Fate::Dead(_)) {
            order::to_live_lane(tx, self.run, self.lane)?;
        }
        let (state, gate, reason) = match fate {
            Fate::Dead(reason) => (RunState::Dead, Gate::Ready, Some(reason)),
            Fate::Parked(reason) => (
                RunState::Pending,
                Gate::Parked,
                reason.or(waits.reason.take()),
            ),
            Fate::Free => {
                let gate = if order::is_behind_any(tx, self.run)? {
                    Gate::Queued
                } else {
                    Gate::Ready
                };
                (RunState::Pending, gate, waits.reason.take())
            }
        };
        self.insert(tx, (state, gate), reason.as_deref(), &waits)?;
        tx.changes.moved(
            &self.run.plugin,
            Weight::of_run(self.bytes),
            None,
            (state, gate),
        );
        let made_room = gate == Gate::Parked && park::make_room(tx, &self.run.plugin)?;
        Ok(made_room || state.is_settled())
    }

    /// What it begins as, as far as its plugin decides.
    fn fate(&self, tx: &Tx<'_>) -> Result<Fate, Fault> {
        // What the caller knew may have changed since: what is noted decides.
        Ok(match parking(tx.connection, &self.run.plugin)? {
            Parking::Unknown => match &self.run.parked {
                Some(reason) => Fate::Parked(Some(reason.clone())),
                None => Fate::Free,
            },
            // It was routed before its plugin was forgotten.
            Parking::Forgotten => Fate::Dead(GONE.to_owned()),
            Parking::Free => Fate::Free,
            Parking::Parked(_) => Fate::Parked(None),
        })
    }

    /// Ends the run that this one is like, if there is one, and has this one wait as the rule says.
    fn debounce(&self, tx: &mut Tx<'_>, waits: &mut Waits) -> Result<Option<Predecessor>, Fault> {
        let Some(rule) = self
            .run
            .rules
            .debounce
            .as_ref()
            .filter(|_| self.lane == Lane::Live)
        else {
            return Ok(None);
        };
        let predecessor = debounce::coalesce(tx, &rule.key, self.run)?;
        if let Some(predecessor) = &predecessor {
            waits.first_ms = predecessor.first_ms;
            waits.stands_for = predecessor.stands_for + 1;
            // Else a repo with ever more events would wait for ever another share, and for none long enough.
            waits.rate_ms = predecessor.rate_ms.filter(|share| rate::is_share(*share));
        }
        let latest = waits.first_ms.saturating_add(milliseconds(rule.max));
        let quiet = latest.min(tx.forward_ms.saturating_add(milliseconds(rule.quiet)));
        waits.due_ms = waits.rate_ms.map_or(quiet, |share| share.max(quiet));
        waits.reason = if waits.due_ms > quiet {
            predecessor
                .as_ref()
                .and_then(|before| before.reason.clone())
        } else {
            (quiet > tx.forward_ms).then(|| "debounce: it waits for further like events".to_owned())
        };
        Ok(predecessor)
    }

    /// Free, unless its discussion had too many runs or too many of its plugin wait.
    fn unless_too_many(&self, tx: &Tx<'_>) -> Result<Fate, Fault> {
        let plugin = &self.run.plugin;
        // What was asked for is not held back by the guard, and does not count for it.
        if self.lane == Lane::Live
            && let Some(guarded) = &self.run.rules.discussion
            && let Some(reason) = rate::guard(tx, plugin, guarded)?
        {
            return Ok(Fate::Dead(reason));
        }
        let waiting = tx.total(UNSETTLED, plugin)? - tx.total(PARKED, plugin)?;
        let max = tx.settings.backlog_runs_per_plugin;
        Ok(
            if u64::try_from(waiting).is_ok_and(|waiting| waiting >= max) {
                Fate::Dead(format!(
                    "plugin backlog full: {waiting} runs wait, and backlog-runs-per-plugin allows {max}; replay it once they \
                 are fewer"
                ))
            } else {
                Fate::Free
            },
        )
    }

    fn insert(
        &self,
        tx: &Tx<'_>,
        (state, gate): (RunState, Gate),
        reason: Option<&str>,
        waits: &Waits,
    ) -> Result<(), Fault> {
        let rules = &self.run.rules;
        tx.connection
            .prepare_cached(
                "INSERT INTO runs
                 (id, delivery, plugin, replay, replay_of, state, gate, lane, due_ms, scope, action,
                  routed_digest, order_key, debounce_key, first_ms, stands_for, reason, bytes, parked_ms,
                  rate_key, rate_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                  ?19, ?20, ?21)",
            )?
            .execute(rusqlite::params![
                self.run.id.to_string(),
                self.delivery,
                self.run.plugin,
                self.replay,
                self.replay_of,
                state.as_str(),
                gate.as_str(),
                self.lane.as_str(),
                waits.due_ms,
                self.run.scope,
                self.run.action,
                self.run.routed_digest,
                rules.order_key,
                // A replay is neither debounced nor what others are debounced with.
                rules.debounce.as_ref().filter(|_| self.lane == Lane::Live).map(|rule| &rule.key),
                waits.first_ms,
                waits.stands_for,
                reason,
                self.bytes,
                (gate == Gate::Parked).then_some(tx.now_ms),
                rules.rate_key,
                waits.rate_ms,
            ])?;
        Ok(())
    }
}
