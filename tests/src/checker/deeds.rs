//! Whether what was seen from outside, as it happened, is what the ledger holds.

use super::Findings;
use super::rows::{Rows, Run};
use crate::promise::{Promises, SeenSettled};
use crate::witness::{Happened, Witness};
use std::collections::{BTreeMap, BTreeSet};

/// The outcomes that end a run, and the state that each leaves it in.
const ENDS: &[(&str, &str)] = &[
    ("done", "done"),
    ("ignored", "ignored"),
    ("rejected", "dead"),
];

fn by_id(rows: &Rows) -> BTreeMap<&str, &Run> {
    rows.runs.values().map(|run| (&*run.id, run)).collect()
}

/// No guest was called but for an attempt that is in the ledger, none again for the same attempt, and none for a run
/// that had been told to be settled.
pub fn told(rows: &Rows, promises: &Promises, witness: &Witness, found: &mut Findings) {
    let runs = by_id(rows);
    let mut begun = BTreeMap::new();
    let mut over: BTreeSet<&str> = BTreeSet::new();
    for life in &witness.lives {
        for told in &life.told {
            let Some(run) = runs.get(&*told.run) else {
                if !promises.may_be_gone(&told.run) {
                    found.wrong(format!("{told:?}: there is no such run"));
                }
                continue;
            };
            let kept = run.attempts.iter().find(|attempt| attempt.n == told.n);
            let outcome = kept.and_then(|attempt| attempt.outcome.as_deref());
            match &told.what {
                Happened::Begins => {
                    found.figures.begun += 1;
                    if over.contains(&*told.run) {
                        found.figures.run_again += 1;
                        found.wrong(format!(
                            "{told:?} after it was told to be settled: {}",
                            run.shown()
                        ));
                    }
                    // A stop gives attempts back, and the next one has the same number.
                    let again = begun.insert((&*told.run, told.n), life.stopped) == Some(false);
                    if again || (kept.is_none() && !life.stopped) {
                        found.wrong(format!("{told:?} again, or without a row: {}", run.shown()));
                    }
                }
                Happened::Ends => {}
                Happened::Settled(told_outcome) => {
                    if outcome != Some(told_outcome) {
                        found.wrong(format!("{told:?}, but {}", run.shown()));
                    }
                    if let Some((_, state)) =
                        ENDS.iter().find(|(outcome, _)| outcome == told_outcome)
                    {
                        over.insert(&told.run);
                        found.figures.seen_settled += 1;
                        if run.state != *state {
                            found.wrong(format!("{told:?}, but {}", run.shown()));
                        }
                    }
                }
            }
        }
    }
}

/// Guests of one order key were called one after the other, in the order of the ledger.
pub fn order(rows: &Rows, witness: &Witness, found: &mut Findings) {
    let runs = by_id(rows);
    let key = |run: &str| {
        let run = runs.get(run)?;
        Some((run.seq, (&*run.plugin, run.order_key.as_deref()?)))
    };
    let mut newest = BTreeMap::new();
    for life in &witness.lives {
        let mut under_way = BTreeMap::new();
        for told in &life.told {
            let Some((seq, key)) = key(&told.run) else {
                continue;
            };
            match told.what {
                Happened::Begins => {
                    if let Some(other) = under_way.insert(key, seq).filter(|other| *other != seq) {
                        found.wrong(format!(
                            "{key:?}: run {seq} began while run {other} was under way"
                        ));
                    }
                    if newest.insert(key, seq).is_some_and(|newest| newest > seq) {
                        found.wrong(format!("{key:?}: run {seq} began after a later one"));
                    }
                }
                Happened::Ends => drop(under_way.remove(&key)),
                Happened::Settled(_) => {}
            }
        }
    }
}

/// What an answer called settled is as it was then.
pub fn seen(rows: &Rows, promises: &Promises, found: &mut Findings) {
    let runs = by_id(rows);
    let deliveries: BTreeMap<&str, i64> = rows
        .deliveries
        .iter()
        .map(|(seq, delivery)| (&*delivery.id, *seq))
        .collect();
    let run_of = |seen: &SeenSettled| match &seen.run {
        Ok(id) => runs.get(&**id).copied(),
        Err((delivery, plugin)) => {
            let delivery = deliveries.get(&**delivery)?;
            let of =
                |run: &&Run| run.delivery == *delivery && run.plugin == *plugin && run.replay == 0;
            rows.runs.values().find(of)
        }
    };
    for seen in promises.seen() {
        found.figures.seen_settled += 1;
        let Some(run) = run_of(&seen) else {
            let (Ok(id) | Err((id, _))) = &seen.run;
            if !promises.may_be_gone(id) {
                found.wrong(format!("{seen:?}: there is no such run"));
            }
            continue;
        };
        if run.state != seen.state
            || seen
                .attempts
                .is_some_and(|attempts| attempts != run.attempts.len())
        {
            found.figures.run_again += 1;
            found.wrong(format!("{seen:?}, but {}", run.shown()));
        }
    }
}
