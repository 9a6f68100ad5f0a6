//! What can be seen of a ledger after a step: as it should be by the paper, and as it is.

use super::check::same;
use super::paper::{Paper, Plugin, Run};
use super::step::{PLUGINS, behind};
use crate::delivery::{DeliveryId, DeliveryState, Gate, Lane, Outcome, RunId, RunState};
use crate::ledger::{DeliveryFilter, Ledger, PluginState, RunRecord, Totals};
use proptest::test_runner::TestCaseError;
use std::collections::BTreeMap;

/// All that can be seen. Deliveries and runs are in the order they were recorded in.
#[derive(Debug, PartialEq, Default)]
pub struct View {
    pub deliveries: Vec<DeliveryView>,
    pub runs: Vec<RunView>,
    pub plugins: BTreeMap<String, PluginView>,
    pub totals: TotalsView,
    next_due: Option<u64>,
}

#[derive(Debug, PartialEq, Default)]
pub struct TotalsView {
    deliveries: u64,
    duplicates: u64,
    backlog_bytes: u64,
    runs: Vec<(RunState, u64)>,
}

#[derive(Debug, PartialEq)]
pub struct DeliveryView {
    state: DeliveryState,
    duplicates: u64,
    runs: Vec<usize>,
}

#[derive(Debug, PartialEq)]
pub struct RunView {
    pub plugin: String,
    pub state: RunState,
    pub gate: Gate,
    lane: Lane,
    reason: Option<String>,
    replay_of: Option<usize>,
    pub stands_for: u64,
    next_attempt: Option<u64>,
    attempts: Vec<(u32, Option<Outcome>)>,
}

#[derive(Debug, PartialEq, Default)]
pub struct PluginView {
    state: Option<PluginState>,
    pub unsettled: u64,
    pub parked: u64,
    first_due: Option<u64>,
}

impl View {
    /// What should be seen.
    pub fn of_paper(paper: &Paper) -> Self {
        let deliveries = 0..paper.deliveries.len();
        let plugins = PLUGINS.iter().enumerate();
        let plugins: BTreeMap<String, PluginView> = plugins
            .map(|(at, name)| ((*name).to_owned(), plugin_on(paper, at)))
            .collect();
        Self {
            deliveries: deliveries.map(|at| delivery_on(paper, at)).collect(),
            runs: (0..paper.runs.len()).map(|at| run_on(paper, at)).collect(),
            totals: totals_on(paper),
            next_due: plugins
                .values()
                .filter_map(|plugin| plugin.first_due)
                .min()
                .map(|due| due.saturating_sub(paper.behind)),
            plugins,
        }
    }

    /// What is seen, where deliveries and runs have these ids.
    pub async fn of_ledger(
        ledger: &dyn Ledger,
        paper: &Paper,
        deliveries: &[DeliveryId],
        runs: &[RunId],
    ) -> Result<Self, TestCaseError> {
        let plugins = PLUGINS.map(str::to_owned).to_vec();
        let next_due = ledger.next_due_ms(plugins).await.unwrap();
        let totals = ledger.totals().await.unwrap();
        let mut kept = ledger.deliveries(DeliveryFilter::default()).await.unwrap();
        kept.reverse();
        let ids: Vec<DeliveryId> = kept.iter().map(|kept| kept.id).collect();
        same(&&*ids, &deliveries, "the deliveries that are kept")?;
        let place = |id: RunId| runs.iter().position(|known| *known == id);
        let mut view = Self {
            next_due,
            plugins: plugins_in(&totals),
            totals: totals_in(&totals),
            ..Self::default()
        };
        let mut seen = BTreeMap::new();
        for delivery in kept {
            view.deliveries.push(DeliveryView {
                state: delivery.state,
                duplicates: delivery.duplicates,
                runs: delivery
                    .runs
                    .iter()
                    .filter_map(|run| place(run.id))
                    .collect(),
            });
            for run in delivery.runs {
                let at = place(run.id);
                let known = at.and_then(|at| paper.runs.get(at));
                let expected = known.and_then(|known| known.reason.as_deref());
                let replay_of = run.replay_of.and_then(place);
                seen.insert(at, run_in(run, paper.wall(), replay_of, expected));
            }
        }
        view.runs = seen.into_values().collect();
        same(&view.runs.len(), &runs.len(), "how many runs are kept")?;
        Ok(view)
    }
}

fn totals_on(paper: &Paper) -> TotalsView {
    let count = |state| paper.which(|_, run| run.state == state).len() as u64;
    TotalsView {
        deliveries: paper.deliveries.len() as u64,
        duplicates: paper.deliveries.iter().map(|one| one.duplicates).sum(),
        backlog_bytes: paper.backlog(),
        runs: RunState::ALL
            .iter()
            .map(|state| (*state, count(*state)))
            .collect(),
    }
}

fn totals_in(totals: &Totals) -> TotalsView {
    let count = |state| totals.runs.iter().find(|(kept, _)| *kept == state);
    let all = RunState::ALL.iter();
    TotalsView {
        deliveries: totals.deliveries,
        duplicates: totals.duplicates,
        backlog_bytes: totals.backlog_bytes,
        runs: all
            .map(|state| (*state, count(*state).map_or(0, |(_, count)| *count)))
            .collect(),
    }
}

fn plugins_in(totals: &Totals) -> BTreeMap<String, PluginView> {
    let seen = PLUGINS.iter().map(|name| {
        let totals = totals.plugins.get(*name).copied().unwrap_or_default();
        let view = PluginView {
            state: totals.state,
            unsettled: totals.unsettled,
            parked: totals.parked,
            first_due: totals.first_due_ms,
        };
        ((*name).to_owned(), view)
    });
    seen.collect()
}

/// How each plugin should be shown that is noted.
pub fn notes_on(paper: &Paper) -> Vec<(String, PluginState, Option<String>)> {
    let noted = paper.plugins.iter().enumerate();
    let shown = noted.filter_map(|(at, plugin)| {
        let state = shown_state(paper, at)?;
        let reason = match state {
            PluginState::Paused => plugin
                .paused_by
                .as_ref()
                .map(|by| format!("paused by {by}")),
            PluginState::Loaded | PluginState::Compiling => None,
            _ => Some("why".to_owned()),
        };
        Some((PLUGINS[at].to_owned(), state, reason))
    });
    shown.collect()
}

/// How each is.
pub async fn notes_in(ledger: &dyn Ledger) -> Vec<(String, PluginState, Option<String>)> {
    let noted = ledger.plugins().await.unwrap().into_iter();
    noted
        .map(|plugin| (plugin.name, plugin.state, plugin.reason))
        .collect()
}

/// Only a plugin that would run else is shown as paused.
fn shown_state(paper: &Paper, at: usize) -> Option<PluginState> {
    let Plugin {
        note, paused_by, ..
    } = &paper.plugins[at];
    match note.as_ref()?.state {
        PluginState::Loaded if paused_by.is_some() => Some(PluginState::Paused),
        state => Some(state),
    }
}

fn delivery_on(paper: &Paper, at: usize) -> DeliveryView {
    let runs = paper.which(|_, run| run.delivery == at);
    let newest = |plugin| {
        runs.iter()
            .rev()
            .find(|at| paper.runs[**at].route.plugin == plugin)
    };
    let states: Vec<RunState> = (0..PLUGINS.len())
        .filter_map(|plugin| newest(plugin).map(|at| paper.runs[*at].state))
        .collect();
    let state = if states.iter().any(|state| !state.is_settled()) {
        DeliveryState::Pending
    } else if states.contains(&RunState::Dead) {
        DeliveryState::Dead
    } else {
        DeliveryState::Settled
    };
    DeliveryView {
        state,
        duplicates: paper.deliveries[at].duplicates,
        runs,
    }
}

fn run_on(paper: &Paper, at: usize) -> RunView {
    let run = &paper.runs[at];
    let gate = paper.gate(at);
    let is_ready = run.state == RunState::Pending && gate == Gate::Ready;
    RunView {
        plugin: PLUGINS[run.route.plugin].to_owned(),
        state: run.state,
        gate,
        lane: run.lane,
        reason: reason_on(paper, run, gate),
        replay_of: run.replay_of,
        stands_for: run.stands_for,
        next_attempt: is_ready.then_some(run.due.saturating_sub(paper.behind)),
        attempts: (1..).zip(run.attempts.iter().copied()).collect(),
    }
}

fn reason_on(paper: &Paper, run: &Run, gate: Gate) -> Option<String> {
    match (run.state, gate) {
        (RunState::Pending, Gate::Parked) => paper.parking(run.route.plugin),
        (RunState::Pending, Gate::Queued) => behind(gate).map(str::to_owned),
        (RunState::Pending, Gate::Ready) => {
            let waits = run.attempts.is_empty() && run.due > paper.now;
            waits.then(|| WAITS.to_owned())
        }
        _ => run.reason.clone(),
    }
}

/// Stands for the reason of a run that was not begun and waits for like events or for its share of an hour.
const WAITS: &str = "it waits";

fn run_in(run: RunRecord, now: u64, replay_of: Option<usize>, expected: Option<&str>) -> RunView {
    let begins =
        |reason: &str, beginnings: &[&str]| beginnings.iter().any(|it| reason.starts_with(it));
    let reason = match (run.state, run.gate, run.reason) {
        // Once it is due, what it waited for is of no account.
        (RunState::Pending, Gate::Ready, _) if run.next_attempt_ms <= Some(now) => None,
        (RunState::Pending, Gate::Ready, Some(reason))
            if begins(&reason, &["debounce: ", "rate."]) =>
        {
            Some(WAITS.to_owned())
        }
        (RunState::Pending, Gate::Queued, Some(reason)) => {
            let behind = behind(run.gate).filter(|behind| reason.starts_with(behind));
            Some(behind.map_or(reason, str::to_owned))
        }
        (RunState::Pending, _, reason) => reason,
        (_, _, Some(reason)) => {
            let expected = expected.filter(|expected| reason.starts_with(expected));
            Some(expected.map_or(reason, str::to_owned))
        }
        (_, _, None) => None,
    };
    RunView {
        plugin: run.plugin,
        state: run.state,
        gate: run.gate,
        lane: run.lane,
        reason,
        replay_of,
        stands_for: run.stands_for,
        next_attempt: run.next_attempt_ms,
        attempts: run
            .attempts
            .iter()
            .map(|kept| (kept.n, kept.outcome))
            .collect(),
    }
}

fn plugin_on(paper: &Paper, at: usize) -> PluginView {
    let its = |is: &dyn Fn(usize, &Run) -> bool| {
        paper.which(|run_at, run| {
            run.route.plugin == at && !run.state.is_settled() && is(run_at, run)
        })
    };
    let ready = its(&|at, run| run.state == RunState::Pending && paper.gate(at) == Gate::Ready);
    PluginView {
        state: shown_state(paper, at),
        unsettled: its(&|_, _| true).len() as u64,
        parked: its(&|at, _| paper.gate(at) == Gate::Parked).len() as u64,
        first_due: ready.iter().map(|at| paper.runs[*at].due).min(),
    }
}
