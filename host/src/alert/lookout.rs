//! Looks for what an operator should hear of. What was so when it began to look is not told.

use super::AlertSettings;
use super::notice::{Kind, Notice};
use crate::delivery::{RunId, RunState, Settlement};
use crate::ledger::{Ledger, PluginRecord, RunEntry, RunFilter, Totals};
use crate::refusal::Refusals;
use crate::worker::Report;
use bytesize::ByteSize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many failures within [`BURST`] are a burst.
const BURST_FAILURES: u64 = 20;

/// The time in which failures are one burst.
const BURST: Duration = Duration::from_secs(60);

/// A backlog is old when a run of it has been due for so long, in ms.
const OLD_MS: u64 = 10 * 60 * 1000;

/// How many dead runs that no attempt told of are looked at one by one.
const DEAD_MAX: usize = 50;

/// How many runs are remembered as told.
const TOLD_MAX: usize = 256;

/// Why runs are dead that were not new when they died, and that no attempt tells of.
const WAITED: &str = "parked for too long, lost too often, or the plugin is gone";

/// Why they died, where more did than are looked at.
const TOO_MANY: &str = "see 'hookbox deliveries list --run-state dead --plugin NAME'";

/// Remembers what it saw.
pub struct Lookout {
    ledger: Arc<dyn Ledger>,
    refusals: Arc<Refusals>,
    /// `None` until it has looked once.
    seen: Option<Seen>,
}

/// What the last look saw.
struct Seen {
    paused: BTreeMap<String, String>,
    dead: Dead,
    /// The plugins whose backlog is old.
    old: BTreeSet<String>,
    failures: Failures,
    disk: Disk,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    Roomy,
    Low,
}

/// Dead runs: how many of each plugin there are, and which were told of.
#[derive(Default)]
struct Dead {
    plugins: BTreeMap<String, Deaths>,
    told: VecDeque<RunId>,
    /// Runs as old as this one, or older, are not new.
    newest: Option<RunId>,
}

/// How many runs of a plugin died.
#[derive(Default)]
struct Deaths {
    total: u64,
    /// Since the looks began, and told of by nobody yet. One look later nobody will.
    untold: i64,
    before: i64,
}

/// Failures in the last minute.
#[derive(Default)]
struct Failures {
    /// The total at each look.
    totals: VecDeque<(Instant, u64)>,
    /// Up to which total they were told.
    told: u64,
}

impl Lookout {
    /// One that has seen nothing yet.
    pub fn new(ledger: Arc<dyn Ledger>, refusals: Arc<Refusals>) -> Self {
        Self {
            ledger,
            refusals,
            seen: None,
        }
    }

    /// What an attempt came to.
    pub fn hear(&mut self, report: &Report) -> Option<Notice> {
        let dead = &mut self.seen.as_mut()?.dead;
        let Settlement::Dead { reason } = &report.settlement else {
            return None;
        };
        dead.tell(&report.facts.plugin, report.facts.run);
        Some(Notice {
            kind: Kind::RunDead,
            plugin: Some(report.facts.plugin.clone()),
            run: Some(report.facts.run.to_string()),
            delivery: Some(report.facts.delivery.to_string()),
            reason: reason.clone(),
            count: 1,
        })
    }

    /// What has changed since the last look. A ledger that cannot be read now is read at the next.
    pub async fn look(&mut self, settings: &AlertSettings) -> Vec<Notice> {
        let Some(url) = &settings.url else {
            // Nobody is told, and what happens meanwhile is not told later.
            self.seen = None;
            return Vec::new();
        };
        let (Ok(totals), Ok(plugins)) = (self.ledger.totals().await, self.ledger.plugins().await)
        else {
            return Vec::new();
        };
        let disk = Room::of(&totals, settings);
        let failures = self.refusals.auth_failures();
        let Some(seen) = &mut self.seen else {
            // A disk that is full already is worth a word all the same.
            let low = disk_notice(Disk::Roomy, &disk);
            self.seen = Some(Seen {
                paused: paused(&plugins),
                dead: Dead::begin(&totals, newest_dead(&*self.ledger).await),
                old: old(&totals).into_keys().collect(),
                failures: Failures::begin(failures, Instant::now()),
                disk: disk.state,
            });
            tracing::info!(host = url.host(), "alerts are posted from now on");
            return low.into_iter().collect();
        };
        let mut notices = seen.pauses(&plugins);
        notices.extend(seen.backlogs(&totals));
        notices.extend(seen.failures.look(failures, Instant::now()));
        notices.extend(disk_notice(seen.disk, &disk));
        seen.disk = disk.state;
        let untold = seen.dead.look(&totals);
        if !untold.is_empty() {
            let page = self.ledger.run_page(dead_runs(), DEAD_MAX, None).await;
            let runs = page.ok().flatten().map_or_else(Vec::new, |page| page.items);
            notices.extend(seen.dead.attribute(runs, &untold));
        }
        notices
    }
}

fn dead_runs() -> RunFilter {
    RunFilter {
        plugin: None,
        state: Some(RunState::Dead),
    }
}

async fn newest_dead(ledger: &dyn Ledger) -> Option<RunId> {
    let page = ledger.run_page(dead_runs(), 1, None).await.ok().flatten()?;
    page.items.first().map(|entry| entry.run.id)
}

fn paused(plugins: &[PluginRecord]) -> BTreeMap<String, String> {
    let paused = plugins.iter();
    paused
        .filter_map(|plugin| Some((plugin.name.clone(), plugin.paused_by.clone()?)))
        .collect()
}

/// The plugins whose backlog is old, and for how long the first of its runs has been due, in ms.
fn old(totals: &Totals) -> BTreeMap<String, u64> {
    let plugins = totals.plugins.iter();
    let due = plugins.filter_map(|(name, plugin)| {
        let age_ms = totals.overdue_ms(plugin);
        (age_ms > OLD_MS).then(|| (name.clone(), age_ms))
    });
    due.collect()
}

impl Seen {
    fn pauses(&mut self, plugins: &[PluginRecord]) -> Vec<Notice> {
        let now = paused(plugins);
        let begun = now
            .iter()
            .filter(|(name, _)| !self.paused.contains_key(*name));
        let notices = begun.map(|(name, by)| about(Kind::PluginPaused, name, by.clone()));
        let notices = notices.collect();
        self.paused = now;
        notices
    }

    fn backlogs(&mut self, totals: &Totals) -> Vec<Notice> {
        let now = old(totals);
        let begun = now.iter().filter(|(name, _)| !self.old.contains(*name));
        let notices = begun.map(|(name, age_ms)| {
            let unsettled = totals.plugins.get(name).map_or(0, |plugin| {
                plugin.unsettled - plugin.parked.min(plugin.unsettled)
            });
            let minutes = age_ms / 60_000;
            about(
                Kind::BacklogOld,
                name,
                format!("the oldest of {unsettled} has been due for {minutes} min"),
            )
        });
        let notices = notices.collect();
        self.old = now.into_keys().collect();
        notices
    }
}

fn about(kind: Kind, plugin: &str, reason: String) -> Notice {
    Notice {
        kind,
        plugin: Some(plugin.to_owned()),
        run: None,
        delivery: None,
        reason,
        count: 1,
    }
}

impl Dead {
    fn begin(totals: &Totals, newest: Option<RunId>) -> Self {
        let mut dead = Self {
            newest,
            ..Self::default()
        };
        for (name, plugin) in &totals.plugins {
            dead.of(name).total = plugin.died;
        }
        dead
    }

    fn of(&mut self, plugin: &str) -> &mut Deaths {
        self.plugins.entry(plugin.to_owned()).or_default()
    }

    /// A run was told of.
    fn tell(&mut self, plugin: &str, run: RunId) {
        self.of(plugin).untold -= 1;
        self.told.truncate(TOLD_MAX - 1);
        self.told.push_front(run);
    }

    /// How many of each plugin died that no attempt tells of: a report may come a moment after the totals, or before
    /// them, so only what two looks in a row miss is one of these.
    fn look(&mut self, totals: &Totals) -> BTreeMap<String, u64> {
        for (name, plugin) in &totals.plugins {
            self.of(name).count(plugin.died);
        }
        let plugins = self.plugins.iter_mut();
        let missed = plugins.map(|(name, deaths)| (name.clone(), deaths.missed()));
        missed.filter(|(_, missed)| *missed > 0).collect()
    }

    /// Tells of so many runs of each plugin, with the newest one that is new, if there is one: the others waited before.
    fn attribute(&mut self, runs: Vec<RunEntry>, untold: &BTreeMap<String, u64>) -> Vec<Notice> {
        let newest = runs.first().map(|entry| entry.run.id);
        // Those of one plugin may have left no place for another's.
        let reason = if runs.len() < DEAD_MAX {
            WAITED
        } else {
            TOO_MANY
        };
        let mut last: BTreeMap<String, RunEntry> = BTreeMap::new();
        for entry in runs {
            let is_new = self.newest.is_none_or(|newest| entry.run.id > newest);
            if is_new && !self.told.contains(&entry.run.id) {
                last.entry(entry.run.plugin.clone()).or_insert(entry);
            }
        }
        self.newest = newest.max(self.newest);
        let notices = untold.iter().map(|(plugin, count)| {
            let (run, reason, delivery) = match last.remove(plugin) {
                Some(RunEntry { delivery, run }) => (Some(run.id), run.reason, Some(delivery)),
                None => (None, Some(reason.to_owned()), None),
            };
            Notice {
                run: run.map(|id| id.to_string()),
                delivery: delivery.map(|id| id.to_string()),
                count: *count,
                ..about(Kind::RunDead, plugin, reason.unwrap_or_default())
            }
        });
        notices.collect()
    }
}

impl Deaths {
    fn count(&mut self, total: u64) {
        let more = total.saturating_sub(self.total);
        self.total = total;
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        self.untold = self.untold.saturating_add(more);
    }

    fn missed(&mut self) -> u64 {
        let missed = self.untold.min(self.before).max(0);
        self.untold -= missed;
        self.before = self.untold;
        u64::try_from(missed).unwrap_or(0)
    }
}

impl Failures {
    fn begin(total: u64, now: Instant) -> Self {
        Self {
            totals: VecDeque::from([(now, total)]),
            told: total,
        }
    }

    /// A burst that was not told yet.
    fn look(&mut self, total: u64, now: Instant) -> Option<Notice> {
        let is_over = |at: Instant| now.saturating_duration_since(at) > BURST;
        while self.totals.front().is_some_and(|(at, _)| is_over(*at)) {
            self.totals.pop_front();
        }
        let before = self.totals.front().map_or(self.told, |(_, total)| *total);
        self.totals.push_back((now, total));
        // What was told is no part of the next burst.
        let failures = total.saturating_sub(before.max(self.told));
        if failures < BURST_FAILURES {
            return None;
        }
        self.told = total;
        Some(Notice {
            kind: Kind::AuthFailures,
            plugin: None,
            run: None,
            delivery: None,
            reason: format!("{BURST_FAILURES} or more within a minute"),
            count: failures,
        })
    }
}

/// How much room there is, and how much there should be.
struct Room {
    state: Disk,
    free: u64,
    wanted: u64,
}

impl Room {
    fn of(totals: &Totals, settings: &AlertSettings) -> Self {
        let wanted = settings.free_space_min.saturating_mul(2);
        // A disk that cannot be looked at is the ledger's affair.
        let free = totals.free_bytes.unwrap_or(u64::MAX);
        let state = if free < wanted {
            Disk::Low
        } else {
            Disk::Roomy
        };
        Self {
            state,
            free,
            wanted,
        }
    }
}

fn disk_notice(before: Disk, room: &Room) -> Option<Notice> {
    (before == Disk::Roomy && room.state == Disk::Low).then(|| Notice {
        kind: Kind::DiskLow,
        plugin: None,
        run: None,
        delivery: None,
        reason: format!(
            "{} are free, less than {}, twice free-space-min; below that itself nothing is taken in",
            ByteSize::b(room.free).display().iec(),
            ByteSize::b(room.wanted).display().iec()
        ),
        count: 1,
    })
}

#[cfg(test)]
#[path = "lookout_tests.rs"]
mod tests;
