//! Whether the rules of delivery were kept: order within a key, and bursts that became one run.

use super::Findings;
use super::rows::{Rows, Run};
use crate::promise::Promises;
use std::collections::BTreeMap;

/// What the clocks of a start (the wall's) and of a duration (the steady one) may differ by, in ms.
const CLOCKS_MS: i64 = 5;

/// Runs by plugin and key, each list in the order of the ledger.
fn by_key<'a>(
    rows: &'a Rows,
    key: impl Fn(&'a Run) -> Option<&'a String>,
) -> BTreeMap<(&'a str, &'a str), Vec<&'a Run>> {
    let mut lists: BTreeMap<_, Vec<&Run>> = BTreeMap::new();
    for run in rows.runs.values() {
        if let Some(key) = key(run) {
            lists.entry((&*run.plugin, &**key)).or_default().push(run);
        }
    }
    lists
}

/// Of an order key one run is attempted at a time, in the order of the ledger, and only the oldest may be claimed.
pub fn order(rows: &Rows, found: &mut Findings) {
    for ((plugin, key), runs) in by_key(rows, |run| run.order_key.as_ref()) {
        found.figures.ordered += runs.len();
        let mut unsettled = runs.iter().filter(|run| !run.is_settled());
        for run in unsettled.by_ref().skip(1).filter(|run| run.gate == "ready") {
            found.wrong(format!(
                "{} is not the oldest of {plugin}, {key}",
                run.shown()
            ));
        }
        let attempted: Vec<&&Run> = runs.iter().filter(|run| !run.attempts.is_empty()).collect();
        for pair in attempted.windows(2) {
            let [before, after] = pair else { continue };
            let ended = before
                .attempts
                .iter()
                .map(|attempt| attempt.started_ms + attempt.wall_ms.unwrap_or(0));
            let began = after
                .attempts
                .first()
                .map_or(i64::MAX, |attempt| attempt.started_ms);
            if ended.max().is_some_and(|ended| ended > began + CLOCKS_MS) {
                found.wrong(format!(
                    "{} began before {} was over ({plugin}, {key})",
                    after.shown(),
                    before.shown()
                ));
            }
        }
    }
}

/// Each run that another stands for is followed by that one, and those at the ends stand for all there were.
pub fn debounce(rows: &Rows, promises: &Promises, found: &mut Findings) {
    for ((plugin, key), runs) in by_key(rows, |run| run.debounce_key.as_ref()) {
        // Of those that may be gone some are: what is left of a burst adds up to nothing.
        let is_whole = |run: &&Run| run.lane == "live" && !promises.may_be_gone(&run.id);
        let live: Vec<&Run> = runs.into_iter().filter(is_whole).collect();
        found.figures.debounced += live.len();
        let mut before: Option<&Run> = None;
        for run in &live {
            let stood_for = before.filter(|before| before.state == "coalesced");
            let expected = stood_for.map_or(0, |before| before.stands_for + 1);
            if run.stands_for != expected {
                found.wrong(format!(
                    "{} stands for {}, not for {expected}",
                    run.shown(),
                    run.stands_for
                ));
            }
            let names = |before: &Run| {
                before
                    .reason
                    .as_ref()
                    .is_some_and(|reason| reason.contains(&run.id))
            };
            if stood_for.is_some_and(|before| !names(before)) {
                found.wrong(format!(
                    "{} is not named by the one that it stands for",
                    run.shown()
                ));
            }
            if stood_for.is_some_and(|before| before.first_ms != run.first_ms) {
                found.wrong(format!(
                    "{} has another beginning than those that it stands for",
                    run.shown()
                ));
            }
            before = Some(run);
        }
        let ends = live.iter().filter(|run| run.state != "coalesced");
        let stood: i64 = ends.map(|run| run.stands_for + 1).sum();
        if i64::try_from(live.len()) != Ok(stood) {
            found.wrong(format!(
                "{} runs of {plugin}, {key}: {stood} are stood for",
                live.len()
            ));
        }
    }
}
