//! Claims: whose turn it is, how attempts end, and how they are lost.

use super::{Held, Paper, Run, Settled};
use crate::delivery::{
    CONFLICTS_BEFORE_ALONE, Counts, Gate, LOSSES_BEFORE_ALONE, LOSSES_MAX, Lane, Outcome, RunState,
    Settlement,
};
use crate::ledger::model::step::{Ask, Deed, End};

impl Paper {
    pub(super) fn claim(&mut self, ask: &Ask) -> Vec<(usize, u32, u32)> {
        self.lose(self.now);
        self.note_gates();
        let has_host = |run: &Run| run.state == RunState::Running && run.wants_host();
        let plugins = || {
            ask.plugins
                .iter()
                .copied()
                .filter(|(plugin, _)| self.is_free(*plugin))
        };
        let mut turns: Vec<(usize, usize)> = plugins().collect();
        let asked: Vec<usize> = plugins().map(|(plugin, _)| plugin).collect();
        let alone = self.first_due(|run| run.wants_host() && asked.contains(&run.route.plugin));
        if self.runs.iter().any(has_host) {
            return Vec::new();
        }
        if let Some(run) = alone {
            let is_idle = self.held.iter().all(|held| held.host_died);
            let claims = is_idle && ask.slots > 0;
            return claims.then(|| self.take(run, ask)).into_iter().collect();
        }
        let mut claims = Vec::new();
        while !turns.is_empty() {
            let mut next = Vec::new();
            for (plugin, slots) in turns {
                if claims.len() == ask.slots {
                    return claims;
                }
                let due = if slots > 0 {
                    self.next_of(plugin)
                } else {
                    None
                };
                match due {
                    Some(run) if self.admit(run, ask.per_repo) => {
                        claims.push(self.take(run, ask));
                        next.push((plugin, slots - 1));
                    }
                    Some(_) => next.push((plugin, slots)),
                    None => {}
                }
            }
            turns = next;
        }
        claims
    }

    fn is_free(&self, plugin: usize) -> bool {
        self.parking(plugin).is_none() && !self.plugins[plugin].forgotten
    }

    /// The run that is due first, of those that can be claimed: live ones before replayed ones.
    fn first_due(&self, is: impl Fn(&Run) -> bool) -> Option<usize> {
        let due = self.which(|at, run| {
            let is_ready = run.state == RunState::Pending && self.gate(at) == Gate::Ready;
            is_ready && run.due <= self.now && is(run)
        });
        let key = |at: &usize| {
            let run = &self.runs[*at];
            // Those that want to be alone are so few that their lanes do not count.
            let is_replay = run.lane == Lane::Replay && !run.wants_host() && !run.wants_plugin();
            (is_replay, run.due, *at)
        };
        due.into_iter().min_by_key(key)
    }

    /// The run of a plugin whose turn it is.
    fn next_of(&self, plugin: usize) -> Option<usize> {
        let wants = |run: &Run| run.route.plugin == plugin && run.wants_plugin();
        let under_way = |run: &Run| run.state == RunState::Running && wants(run);
        if self.runs.iter().any(under_way) {
            return None;
        }
        let alone = self.first_due(wants);
        if alone.is_some() {
            let is_of = |held: &Held| self.runs[held.run].route.plugin == plugin;
            let is_busy = self.held.iter().any(|held| !held.host_died && is_of(held));
            return alone.filter(|_| !is_busy);
        }
        self.first_due(|run| run.route.plugin == plugin && !run.wants_host())
    }

    /// Whether a run may be begun now, or waits for the first minute with room in its repo's hour.
    fn admit(&mut self, at: usize, max: u32) -> bool {
        let now = self.now / 60_000;
        let Run {
            route,
            share,
            claims,
            ..
        } = &self.runs[at];
        // What was set aside in an hour that has passed is no share any more.
        let is_good = |share: u64| *claims > 0 || now < share + 61;
        if route.repo.is_none() || share.is_some_and(is_good) {
            return true;
        }
        let of_repo = |run: &Run| (run.route.plugin, run.route.repo) == (route.plugin, route.repo);
        let runs = self.runs.iter().filter(|run| of_repo(run));
        let taken: Vec<u64> = runs.filter_map(|run| run.share).collect();
        let last = taken.iter().copied().max().unwrap_or(now);
        let has_room = |minute: &u64| {
            let hour = taken.iter().filter(|taken| **taken + 61 > *minute);
            (hour.count() as u64) < u64::from(max)
        };
        let minute = (now.max(last)..).find(has_room).unwrap_or(now);
        let run = &mut self.runs[at];
        run.share = Some(minute);
        if minute > now {
            run.due = minute * 60_000;
        }
        minute == now
    }

    fn take(&mut self, at: usize, ask: &Ask) -> (usize, u32, u32) {
        let run = &mut self.runs[at];
        (run.state, run.reason) = (RunState::Running, None);
        run.claims += 1;
        run.attempts.push(None);
        run.lease = self.now + ask.lease * 1000;
        let claimed = (at, run.attempts.len() as u32, run.counted + 1);
        self.held.push(Held {
            run: at,
            token: run.claims,
            looked: self.plugins[run.route.plugin].kept.look(),
            host_died: false,
        });
        claimed
    }

    /// Ends the attempts whose leases end by a time.
    pub(super) fn lose(&mut self, until: u64) {
        for at in self.which(|_, run| run.state == RunState::Running && run.lease <= until) {
            self.runs[at].close(Outcome::Lost);
            if self.runs[at].count(Outcome::Lost) >= LOSSES_MAX {
                self.end(at, RunState::Dead, "lost 3 times");
            } else {
                self.wait(at, 0);
            }
        }
    }

    fn wait(&mut self, at: usize, ms: u64) {
        (self.runs[at].state, self.runs[at].due) = (RunState::Pending, self.now + ms);
    }

    pub(super) fn end(&mut self, at: usize, state: RunState, reason: &str) {
        let (now, run) = (self.now / 60_000, &mut self.runs[at]);
        (run.state, run.reason) = (state, Some(reason.to_owned()));
        // What it will not take others may.
        if state == RunState::Dead && run.claims == 0 {
            run.share = run.share.filter(|share| *share <= now);
        }
    }

    /// Whether a claim still holds its run. The host ends it, whatever it does.
    fn is_current(&self, held: &Held) -> bool {
        let run = &self.runs[held.run];
        run.state == RunState::Running && run.claims == held.token && !held.host_died
    }

    pub(super) fn settle(&mut self, held: usize, end: &End, deed: Deed) -> Settled {
        let Held {
            run: at, looked, ..
        } = self.held[held];
        let plugin = self.runs[at].route.plugin;
        if !self.is_current(&self.held[held]) {
            self.held.remove(held);
            return Settled::Stale;
        }
        let (outcome, settlement) = end.settlement();
        let commits = matches!(
            outcome,
            Outcome::Done | Outcome::Ignored | Outcome::Rejected
        );
        if commits {
            let Some(kept) = self.plugins[plugin].kept.after(&looked, deed) else {
                return Settled::Conflict;
            };
            self.plugins[plugin].kept = kept;
        }
        self.held.remove(held);
        self.runs[at].close(outcome);
        match settlement {
            Settlement::Done => self.runs[at].state = RunState::Done,
            Settlement::Ignored => self.runs[at].state = RunState::Ignored,
            Settlement::Dead { reason } => self.end(at, RunState::Dead, &reason),
            Settlement::Again { delay, counts } => {
                self.runs[at].counted += u32::from(counts == Counts::Yes);
                self.wait(at, delay.as_millis() as u64);
            }
        }
        self.note_outcome(plugin, outcome);
        Settled::Yes
    }

    pub(super) fn give_back(&mut self, held: usize) -> Settled {
        let held = self.held.remove(held);
        if !self.is_current(&held) {
            return Settled::Stale;
        }
        self.runs[held.run].attempts.pop();
        self.wait(held.run, 0);
        Settled::Yes
    }

    fn note_outcome(&mut self, plugin: usize, outcome: Outcome) {
        use Outcome::{Conflict, Lost, OutOfFuel, OutOfMemory, TimedOut, Trapped};
        let failures = match outcome {
            Trapped | OutOfFuel | OutOfMemory | TimedOut => self.plugins[plugin].failures + 1,
            Lost | Conflict => return,
            _ => 0,
        };
        self.plugins[plugin].failures = failures;
        if failures >= 10 {
            let by =
                format!("the host: {failures} attempts in a row failed, the last one {outcome}");
            self.pause(plugin, &by);
        }
    }
}

impl Run {
    fn count(&self, outcome: Outcome) -> u32 {
        let attempts = self.attempts.iter().filter(|kept| **kept == Some(outcome));
        attempts.count() as u32
    }

    fn wants_host(&self) -> bool {
        self.count(Outcome::Lost) >= LOSSES_BEFORE_ALONE
    }

    fn wants_plugin(&self) -> bool {
        !self.wants_host() && self.count(Outcome::Conflict) >= CONFLICTS_BEFORE_ALONE
    }

    fn close(&mut self, outcome: Outcome) {
        if let Some(last) = self.attempts.last_mut() {
            *last = Some(outcome);
        }
    }
}
