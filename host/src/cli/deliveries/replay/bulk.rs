//! Replaying all deliveries that match: counted, confirmed, and done in short transactions.
//!
//! No more than one part is held in memory or locked at a time, and a stop loses nothing of the parts before it.

use super::super::since;
use super::{Replay, Replayer};
use crate::cli::foreground::Foreground;
use crate::cli::{End, UsageError, output};
use crate::clock::rfc3339;
use crate::delivery::{DeliveryId, DeliveryState, RunState};
use crate::event::Event;
use crate::ledger::DeliveryFilter;
use crate::ledger::sqlite::{Again, Tally, Walked, Which};
use crate::replay::{NOT_DEAD, Plan, Skipped, UNSETTLED, dead};
use crate::router::Router;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;

/// How many deliveries one transaction replays: a host that records meanwhile waits for it.
const PART: usize = 200;

/// How many reasons of skips are told apart.
const REASONS_MAX: usize = 100;

/// How many deliveries are named with each.
const EXAMPLES_MAX: usize = 5;

/// What all that matched came to.
#[derive(Debug, Default, Serialize)]
struct Summary {
    /// Deliveries that matched when they were counted.
    matched: u64,
    /// Deliveries that were replayed.
    deliveries: u64,
    /// Their new runs.
    runs: u64,
    /// Those of them that wait until something about their plugin changes.
    parked: u64,
    skipped: Vec<SkippedJson>,
    /// Whether it was stopped before its end.
    stopped: bool,
    /// When the last delivery that was looked at was received.
    last_received_at: Option<String>,
}

/// Why something was not replayed, and how often.
#[derive(Debug, Serialize)]
struct SkippedJson {
    /// `None` if the delivery itself cannot be replayed.
    plugin: Option<String>,
    reason: String,
    count: u64,
    /// The first of the deliveries.
    deliveries: Vec<String>,
}

/// Why a delivery is skipped that matched.
const GONE: &str = "retention let it go meanwhile";

/// What of one delivery can be replayed.
enum Planned {
    Plan(DeliveryId, Plan),
    /// Nothing, for this reason.
    Nothing(DeliveryId, String),
}

/// Counts, asks, and replays.
pub fn execute(replay: Replay, data: &Path, json: bool) -> anyhow::Result<End> {
    let filter = filter(&replay)?;
    let foreground = Foreground::new()?;
    let mut replayer = Replayer::open(data, replay.plugin.clone())?;
    let tally = replayer.reader.tally(&filter)?;
    if tally.deliveries > 0 && !confirmed(&replay, &tally)? {
        output::note("nothing was replayed");
        return Ok(End::Failed);
    }
    foreground.work(async {
        let mut summary = Summary {
            matched: tally.deliveries,
            ..Summary::default()
        };
        let stop = || foreground.is_told_to_stop();
        let done = replayer.replay_all(filter, &mut summary, stop);
        // Told also if it broke off: what was replayed stays.
        if json {
            output::json(&summary)?;
        } else {
            summary.print();
        }
        done?;
        let nothing = summary.matched > 0 && summary.deliveries == 0;
        Ok(if nothing { End::Failed } else { End::Ok })
    })
}

fn filter(replay: &Replay) -> anyhow::Result<DeliveryFilter> {
    let state = replay.state.as_deref().and_then(DeliveryState::from_word);
    let dead = state == Some(DeliveryState::Dead);
    Ok(DeliveryFilter {
        limit: replay.limit,
        // What is dead for one plugin may be pending for another.
        state: state.filter(|_| !dead),
        run_state: dead.then_some(RunState::Dead),
        // Without a state, a plugin that had no run of it gets its first.
        plugin: replay.plugin.clone().filter(|_| dead),
        scope: replay.scope.clone(),
        repo: replay.repo.clone(),
        since_ms: replay.since.as_deref().map(since).transpose()?,
    })
}

/// Shows what will happen, and asks whether it may.
fn confirmed(replay: &Replay, tally: &Tally) -> anyhow::Result<bool> {
    if replay.yes {
        return Ok(true);
    }
    let deliveries = counted(tally.deliveries, "delivery", "deliveries");
    let question = match &replay.plugin {
        Some(plugin) => format!("Replay {deliveries} to {plugin}?"),
        None if tally.runs.is_empty() => {
            format!("Replay {deliveries} to the plugins that take them now?")
        }
        None => {
            let plugins = tally.runs.iter();
            let plugins: Vec<String> = plugins
                .map(|(plugin, runs)| format!("{plugin} {runs}"))
                .collect();
            let plugins = plugins.join(", ");
            format!("Replay {deliveries} to the plugins that are dead there ({plugins})?")
        }
    };
    let question = output::one_line(&question);
    if !std::io::stdin().is_terminal() {
        let counted =
            format!("{deliveries} would be replayed; say --yes to do it without a question");
        return Err(UsageError(counted).into());
    }
    output::note(
        "Each is routed anew by the plugins and grants of now. New runs come after those that wait already.",
    );
    Ok(output::ask(&format!("{question} [y/N] "))?)
}

impl Replayer {
    /// Replays what matches, in parts, until there is no more or it is told to stop.
    fn replay_all(
        &mut self,
        filter: DeliveryFilter,
        summary: &mut Summary,
        stop: impl Fn() -> bool,
    ) -> anyhow::Result<()> {
        let (which, limit) = match filter.run_state {
            Some(_) => (Which::Dead, filter.limit),
            None => (Which::Settled, filter.limit),
        };
        let mut walk = self.reader.walk(filter)?;
        let mut left = limit.unwrap_or(usize::MAX);
        while left > 0 {
            if stop() {
                summary.stopped = true;
                return Ok(());
            }
            // Plugins and grants may have changed since the part before.
            self.router = Router::of(&self.reader.plugins()?);
            let (mut part, mut last_ms) = (Vec::new(), 0);
            for walked in walk.by_ref().take(left.min(PART)) {
                let walked = walked?;
                last_ms = walked.delivery.received_ms;
                part.push(plan(walked, &self.router, self.only.as_deref(), which));
            }
            if part.is_empty() {
                return Ok(());
            }
            left = left.saturating_sub(part.len());
            let again: Vec<Again> = part.iter().filter_map(Planned::again).collect();
            let recorded = self.operator.replay_all(&again, which)?;
            let recorded = again.iter().map(|again| again.id).zip(recorded);
            summary.take(part, &recorded.collect(), which);
            summary.last_received_at = Some(rfc3339(last_ms));
        }
        Ok(())
    }
}

fn plan(walked: Walked, router: &Router, only: Option<&str>, which: Which) -> Planned {
    let Walked { delivery, damage } = walked;
    let event = match (&delivery.payload, damage) {
        (Some(payload), _) => Event::parse(&payload.body).map_err(|error| error.to_string()),
        (None, Some(damage)) => Err(damage),
        (None, None) => Err("its payload is not kept any more".to_owned()),
    };
    let event = match event {
        Ok(event) => event,
        Err(reason) => return Planned::Nothing(delivery.id, reason),
    };
    let plan = Plan::new(router, &delivery, &event, only);
    let plan = match which {
        // Of one that could not be read when it came, no plugin had a run.
        Which::Dead if !delivery.runs.is_empty() => plan.narrowed_to(&dead(&delivery)),
        Which::Dead | Which::Settled => plan,
    };
    Planned::Plan(delivery.id, plan)
}

impl Planned {
    fn again(&self) -> Option<Again> {
        match self {
            Self::Plan(id, plan) => Some(Again {
                id: *id,
                runs: plan.runs.clone(),
            }),
            Self::Nothing(..) => None,
        }
    }
}

impl Summary {
    /// Counts a part once it is durable.
    fn take(
        &mut self,
        part: Vec<Planned>,
        recorded: &BTreeMap<DeliveryId, Option<Vec<String>>>,
        which: Which,
    ) {
        let why = match which {
            Which::Settled => UNSETTLED,
            Which::Dead => NOT_DEAD,
        };
        for planned in part {
            match planned {
                Planned::Nothing(id, reason) => self.skip(id, None, reason),
                Planned::Plan(id, plan) => {
                    let Some(plugins) = recorded.get(&id).and_then(Option::as_ref) else {
                        self.skip(id, None, GONE.to_owned());
                        continue;
                    };
                    let is_recorded = |plugin: &String| plugins.contains(plugin);
                    let runs = plan.runs.iter().filter(|run| is_recorded(&run.plugin));
                    let parked = runs.filter(|run| run.parked.is_some()).count();
                    self.deliveries += u64::from(!plugins.is_empty());
                    self.runs += count(plugins.len());
                    self.parked += count(parked);
                    let skipped = plan.skipped_but(|run| is_recorded(&run.plugin), why);
                    for Skipped { plugin, reason } in skipped {
                        self.skip(id, Some(plugin), reason);
                    }
                }
            }
        }
    }

    fn skip(&mut self, id: DeliveryId, plugin: Option<String>, reason: String) {
        let mut skipped = self.skipped.iter_mut();
        let is_known = |known: &SkippedJson| known.plugin == plugin && known.reason == reason;
        let found = match skipped.position(|known| is_known(known)) {
            Some(at) => self.skipped.get_mut(at),
            None if self.skipped.len() >= REASONS_MAX => self.skipped.last_mut(),
            None => {
                let last = self.skipped.len() + 1 == REASONS_MAX;
                self.skipped.push(SkippedJson {
                    plugin: plugin.filter(|_| !last),
                    reason: if last {
                        "further reasons".to_owned()
                    } else {
                        reason
                    },
                    count: 0,
                    deliveries: Vec::new(),
                });
                self.skipped.last_mut()
            }
        };
        let Some(found) = found else { return };
        found.count += 1;
        if found.deliveries.len() < EXAMPLES_MAX {
            found.deliveries.push(id.to_string());
        }
    }

    fn print(&self) {
        let replayed = counted(self.deliveries, "delivery", "deliveries");
        let runs = counted(self.runs, "run", "runs");
        let parked = match self.parked {
            0 => String::new(),
            parked => format!(", {parked} of them parked (see 'hookbox plugins')"),
        };
        output::line(&format!("replayed {replayed}: {runs}{parked}"));
        for skipped in &self.skipped {
            let plugin = skipped.plugin.as_deref();
            let plugin = plugin.map_or_else(String::new, |plugin| format!("{plugin} in "));
            let deliveries = counted(skipped.count, "delivery", "deliveries");
            let more = if skipped.count > count(skipped.deliveries.len()) {
                ", …"
            } else {
                ""
            };
            let line = format!(
                "skipped: {plugin}{deliveries} ({}): {}{more}",
                skipped.reason,
                skipped.deliveries.join(", ")
            );
            output::line(&output::one_line(&line));
        }
        if self.stopped {
            let matched = counted(self.matched, "delivery", "deliveries");
            let last = self.last_received_at.as_deref().unwrap_or("none");
            output::note(&format!(
                "stopped: {} of {matched} were replayed, the last one received at {last}",
                self.deliveries
            ));
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::deliveries::replay::tests::{BODY, noted};
    use crate::ledger::Ledger as _;
    use crate::ledger::conformance::{delivery_with, run};
    use crate::ledger::sqlite::{SqliteLedger, SqliteOptions, WriterMetrics};
    use std::cell::Cell;
    use tempfile::TempDir;

    /// A ledger with so many deliveries that are dead for a plugin.
    async fn with_dead(folder: &TempDir, deliveries: usize) -> SqliteLedger {
        let options = SqliteOptions::default();
        let ledger = SqliteLedger::open(folder.path(), options, WriterMetrics::default()).unwrap();
        for _ in 0..deliveries {
            let delivery = delivery_with(DeliveryId::new(), BODY);
            ledger.record(delivery, vec![run("a")]).await.unwrap();
        }
        ledger.put_plugin(noted("a")).await.unwrap();
        ledger.forget_plugin("a".to_owned()).await.unwrap();
        ledger.put_plugin(noted("a")).await.unwrap();
        ledger
    }

    fn of_dead() -> DeliveryFilter {
        DeliveryFilter {
            run_state: Some(RunState::Dead),
            plugin: Some("a".to_owned()),
            ..DeliveryFilter::default()
        }
    }

    #[tokio::test]
    async fn a_stop_between_two_parts_keeps_what_was_replayed_and_the_rest_is_left() {
        let folder = TempDir::new().unwrap();
        let _ledger = with_dead(&folder, PART + PART / 2).await;
        let mut replayer = Replayer::open(folder.path(), Some("a".to_owned())).unwrap();
        let left = |replayer: &Replayer| replayer.reader.tally(&of_dead()).unwrap().deliveries;
        let dead = left(&replayer);
        // When it is stopped after the first part
        let (mut first, looks) = (Summary::default(), Cell::new(0));
        let stop = || looks.replace(looks.get() + 1) > 0;
        replayer.replay_all(of_dead(), &mut first, stop).unwrap();
        // Then that part is replayed, and no more
        assert!(first.stopped);
        assert_eq!((first.deliveries, first.runs), (count(PART), count(PART)));
        assert_eq!(left(&replayer), dead - count(PART));
        // And the same again takes the rest
        let mut second = Summary::default();
        replayer
            .replay_all(of_dead(), &mut second, || false)
            .unwrap();
        assert_eq!(second.deliveries, dead - count(PART));
        assert_eq!(left(&replayer), 0);
    }

    #[tokio::test]
    async fn what_changed_since_it_was_looked_at_is_told_apart() {
        // Given three dead deliveries, as they were looked at
        let folder = TempDir::new().unwrap();
        let _ledger = with_dead(&folder, 3).await;
        let mut replayer = Replayer::open(folder.path(), Some("a".to_owned())).unwrap();
        let walk = replayer.reader.walk(of_dead()).unwrap();
        let plan = |walked| plan(walked, &replayer.router, Some("a"), Which::Dead);
        let mut part: Vec<_> = walk.map(|walked| plan(walked.unwrap())).collect();
        // When one is replayed by somebody else, and one is gone
        let first = part[0].again().unwrap();
        replayer.operator.replay(first.id, &first.runs).unwrap();
        if let Planned::Plan(id, _) = &mut part[1] {
            *id = DeliveryId::new();
        }
        let again: Vec<Again> = part.iter().filter_map(Planned::again).collect();
        let recorded = replayer.operator.replay_all(&again, Which::Dead).unwrap();
        let recorded = again.iter().map(|again| again.id).zip(recorded).collect();
        let mut summary = Summary::default();
        summary.take(part, &recorded, Which::Dead);
        // Then the third runs again, and of the others it is told why they do not
        assert_eq!((summary.deliveries, summary.runs), (1, 1));
        let told = summary.skipped.iter().map(|skipped| &*skipped.reason);
        assert_eq!(told.collect::<Vec<_>>(), [NOT_DEAD, GONE]);
    }

    #[test]
    fn reasons_are_told_apart_as_far_as_there_is_room() {
        let mut summary = Summary::default();
        for n in 0..REASONS_MAX + 10 {
            for _ in 0..EXAMPLES_MAX + 1 {
                summary.skip(DeliveryId::new(), Some(format!("p{n}")), "no".to_owned());
            }
        }
        assert_eq!(summary.skipped.len(), REASONS_MAX);
        let (first, last) = (&summary.skipped[0], summary.skipped.last().unwrap());
        assert_eq!(first.count, count(EXAMPLES_MAX) + 1);
        assert_eq!(first.deliveries.len(), EXAMPLES_MAX);
        assert_eq!(
            (last.plugin.as_deref(), &*last.reason),
            (None, "further reasons")
        );
        assert_eq!(last.count, (count(EXAMPLES_MAX) + 1) * 11);
    }
}
