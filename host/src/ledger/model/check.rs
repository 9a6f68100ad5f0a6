//! What is compared with the paper, and what must hold whatever the paper says.

use super::paper::Paper;
use super::view::View;
use crate::delivery::{Gate, RunState};
use proptest::test_runner::TestCaseError;
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;

/// How a check ends: well, or with what is wrong.
pub type Checked = Result<(), TestCaseError>;

/// Compares something that the ledger said with what it should have.
pub fn same<T: PartialEq + Debug>(found: &T, expected: &T, what: &str) -> Checked {
    if found == expected {
        return Ok(());
    }
    wrong(format!("{what}\n   is: {found:?}\nnot: {expected:?}"))
}

fn wrong(what: String) -> Checked {
    Err(TestCaseError::fail(what))
}

/// Compares all that can be seen, and names only what differs: the rest is long.
pub fn alike(found: &View, expected: &View) -> Checked {
    for (at, (found, expected)) in found.runs.iter().zip(&expected.runs).enumerate() {
        same(found, expected, &format!("run {at}"))?;
    }
    let deliveries = found.deliveries.iter().zip(&expected.deliveries);
    for (at, (found, expected)) in deliveries.enumerate() {
        same(found, expected, &format!("delivery {at}"))?;
    }
    same(&found.plugins, &expected.plugins, "the plugins")?;
    same(&found.totals, &expected.totals, "the totals")?;
    same(found, expected, "what is seen")
}

/// Of each order only the oldest run that has not ended runs or can be claimed.
pub fn orders(found: &View, paper: &Paper) -> Checked {
    let mut heads = HashSet::new();
    for (run, known) in found.runs.iter().zip(&paper.runs) {
        let Some(order) = known.route.order.filter(|_| !run.state.is_settled()) else {
            continue;
        };
        let is_head = heads.insert((known.route.plugin, order));
        let goes_on = run.state == RunState::Running || run.gate == Gate::Ready;
        if goes_on && !is_head {
            return wrong(format!("not the oldest of its order: {run:?}"));
        }
    }
    Ok(())
}

/// The runs that have ended: they stay so.
#[derive(Default)]
pub struct Ends(HashSet<usize>);

impl Ends {
    /// No run that has ended is claimed.
    pub fn none_begins_anew(&self, run: usize) -> Checked {
        if self.0.contains(&run) {
            return wrong(format!("run {run} had ended and is claimed"));
        }
        Ok(())
    }

    /// What has ended stays so, and whatever was coalesced is stood for once.
    pub fn check(&mut self, found: &View) -> Checked {
        let mut coalesced: HashMap<&str, (u64, u64)> = HashMap::new();
        for (at, run) in found.runs.iter().enumerate() {
            let (gone, stood_for) = coalesced.entry(&run.plugin).or_default();
            match run.state {
                RunState::Coalesced => *gone += 1,
                _ => *stood_for += run.stands_for,
            }
            if run.state.is_settled() {
                self.0.insert(at);
            } else if self.0.contains(&at) {
                return wrong(format!("run {at} had ended: {run:?}"));
            }
        }
        for (plugin, (gone, stood_for)) in coalesced {
            let what = format!("runs of {plugin} that others stand for, and that are stood for");
            same(&gone, &stood_for, &what)?;
        }
        Ok(())
    }
}
