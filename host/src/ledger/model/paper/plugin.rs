//! What is noted of plugins, and which of their runs are parked and given up.

use super::{Answer, Paper, Run};
use crate::delivery::{Gate, RunState};
use crate::ledger::model::step::{Note, PLUGINS};

impl Paper {
    pub(super) fn known(&mut self, plugin: usize) -> Answer {
        if self.plugins[plugin].forgotten {
            self.bury(plugin);
        }
        Answer::Known(self.plugins[plugin].note.is_some())
    }

    pub(super) fn pause(&mut self, plugin: usize, by: &str) {
        let plugin = &mut self.plugins[plugin];
        if plugin.note.is_some() {
            plugin.paused_by.get_or_insert_with(|| by.to_owned());
        }
    }

    pub(super) fn put(&mut self, plugin: usize, note: &Note) -> Answer {
        let had = self.plugins[plugin].note.replace(note.clone());
        if had.as_ref().is_some_and(|had| had.grant != note.grant) {
            self.share_anew(plugin);
        }
        let known = &mut self.plugins[plugin];
        known.forgotten = false;
        if had.is_none_or(|had| (had.active, had.grant) != (note.active, note.grant)) {
            (known.paused_by, known.failures) = (None, 0);
        }
        // It comes back as it was when it was forgotten.
        if let Some((by, was)) = known.paused_before.take()
            && (was.active, was.grant) == (note.active, note.grant)
        {
            known.paused_by = Some(by);
        }
        Answer::Nothing
    }

    /// Another grant gives the runs that wait for their share another.
    fn share_anew(&mut self, plugin: usize) {
        let now = self.now;
        let waits = |run: &Run| {
            run.route.plugin == plugin && run.share.is_some_and(|share| share > now / 60_000)
        };
        for run in self.runs.iter_mut().filter(|run| waits(run)) {
            (run.share, run.due) = (None, now);
        }
    }

    /// Gives up the pending runs of a plugin that is gone.
    pub(super) fn bury(&mut self, plugin: usize) {
        let is_its = |run: &Run| run.route.plugin == plugin && run.state == RunState::Pending;
        for at in self.which(|_, run| is_its(run)) {
            self.end(at, RunState::Dead, "its plugin is gone");
        }
    }

    pub(super) fn tend(&mut self) -> Answer {
        let (may_be_old, wall) = (self.believes_the_clock(), self.wall());
        if may_be_old {
            self.forget_repeated(wall);
        }
        for plugin in 0..PLUGINS.len() {
            if self.plugins[plugin].forgotten {
                self.bury(plugin);
            }
            let mut parked = self.of(plugin, RunState::Pending, Gate::Parked);
            parked.sort_by_key(|at| self.runs[*at].parked);
            let surplus = parked.len().saturating_sub(self.bounds.park_runs as usize);
            let since = wall.saturating_sub(self.bounds.park_for * 1000);
            let is_late = |at: usize| may_be_old && self.runs[at].parked <= Some(since);
            let late = parked.iter().filter(|at| is_late(**at)).count();
            for (nth, at) in parked.into_iter().enumerate().take(late.max(surplus)) {
                let reason = if nth < surplus {
                    "more runs"
                } else {
                    "parked for longer"
                };
                self.end(at, RunState::Dead, reason);
            }
        }
        Answer::Nothing
    }

    /// Notes since when what is parked is, and whose turn has come: a replayed run then goes behind what is due by now.
    pub(super) fn note_gates(&mut self) {
        let wall = self.wall();
        for at in 0..self.runs.len() {
            let gate = self.gate(at);
            let (now, run) = (self.now, &mut self.runs[at]);
            match (gate == Gate::Parked, run.parked) {
                (true, None) => run.parked = Some(wall),
                (false, Some(_)) => run.parked = None,
                _ => {}
            }
            if run.queued && gate == Gate::Ready && run.replayed {
                run.due = run.due.max(now);
            }
            run.queued = gate == Gate::Queued;
        }
    }

    /// Lets go of what is known of deliveries whose window is over: a clock that is set back does not bring it back.
    fn forget_repeated(&mut self, wall: u64) {
        for delivery in &mut self.deliveries {
            if delivery.known_until <= wall {
                delivery.known_until = 0;
            }
        }
    }

    fn believes_the_clock(&mut self) -> bool {
        const DAY: u64 = 24 * 60 * 60 * 1000;
        let (now, behind, wall) = (self.now, self.behind, self.wall());
        let belief = &mut self.belief;
        let since = wall.abs_diff(belief.noted.unwrap_or(wall));
        let moved = match belief.looked {
            Some(before) => behind.abs_diff(before),
            None => since.max(behind),
        };
        if moved > DAY {
            belief.held_until = now + 60 * 60 * 1000;
        }
        if moved > DAY || belief.noted.is_none() || since > 60 * 60 * 1000 {
            belief.noted = Some(wall);
        }
        belief.looked = Some(match belief.looked {
            Some(before) if moved <= DAY => before,
            None if moved <= DAY => 0,
            _ => behind,
        });
        belief.held_until <= now
    }
}
