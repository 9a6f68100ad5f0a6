//! Deliveries that come in, or are run again, and what their runs begin as.

use super::{Delivery, Paper, Recorded, Run};
use crate::delivery::{Gate, Lane, RunState};
use crate::ledger::OnDuplicate;
use crate::ledger::model::step::{self, Post, Route};

impl Paper {
    pub(super) fn record(&mut self, post: &Post) -> Recorded {
        let wall = self.wall();
        let same = |delivery: &Delivery| delivery.hub == post.hub && delivery.known_until > wall;
        let mut known: Vec<usize> = Vec::new();
        if post.hub.is_some() {
            let all = 0..self.deliveries.len();
            known = all.filter(|at| same(&self.deliveries[*at])).collect();
        }
        let first = known
            .iter()
            .find(|at| self.deliveries[**at].body == post.body);
        if let Some(first) = first.copied() {
            self.deliveries[first].duplicates += 1;
            let again = match self.bounds.on_duplicate {
                OnDuplicate::Ignore => Vec::new(),
                OnDuplicate::Fill => {
                    self.replay(first, &post.routes, |state| state == RunState::Dead)
                }
                OnDuplicate::Rerun => self.replay(first, &post.routes, |_| true),
            };
            return Recorded::Duplicate { first, again };
        }
        let adds = |route: &Route| {
            self.parking(route.plugin).is_none() && !self.plugins[route.plugin].forgotten
        };
        if post.routes.iter().any(adds) && self.backlog() >= self.bounds.bytes {
            return Recorded::Full;
        }
        // What is known by an id and a body is the last one.
        let is_like =
            |old: &Delivery| post.hub.is_some() && (old.hub, old.body) == (post.hub, post.body);
        for old in self.deliveries.iter_mut().filter(|old| is_like(old)) {
            old.known_until = 0;
        }
        self.deliveries.push(Delivery {
            hub: post.hub,
            body: post.body,
            known_until: wall + self.bounds.window * 1000,
            duplicates: 0,
        });
        for route in &post.routes {
            self.arrive(self.deliveries.len() - 1, route, Lane::Live, None);
        }
        Recorded::New {
            reused: !known.is_empty(),
        }
    }

    /// Has a delivery run again for the plugins that had no run of it, or whose newest one ended as wanted.
    pub(super) fn replay(
        &mut self,
        delivery: usize,
        routes: &[Route],
        wanted: fn(RunState) -> bool,
    ) -> Vec<usize> {
        let mut again = Vec::new();
        for route in routes {
            let runs =
                self.which(|_, run| run.delivery == delivery && run.route.plugin == route.plugin);
            let newest = runs.last().copied();
            let is_free = |at: usize| {
                let state = self.runs[at].state;
                state.is_settled() && wanted(state)
            };
            if newest.is_none_or(is_free) {
                self.arrive(delivery, route, Lane::Replay, newest);
                again.push(route.plugin);
            }
        }
        again
    }

    fn arrive(&mut self, delivery: usize, route: &Route, lane: Lane, replay_of: Option<usize>) {
        let mut new = Run {
            delivery,
            route: route.clone(),
            lane,
            replayed: lane == Lane::Replay,
            replay_of,
            state: RunState::Pending,
            reason: None,
            recorded: self.now,
            first: self.now,
            due: self.now,
            stands_for: 0,
            parked: None,
            queued: false,
            share: None,
            claims: 0,
            guarded: false,
            counted: 0,
            lease: 0,
            attempts: Vec::new(),
        };
        let dead = self.born_dead(&mut new);
        if let Some(reason) = dead {
            (new.state, new.reason) = (RunState::Dead, Some(reason.to_owned()));
        }
        // A replay that holds back a live run is claimed like it.
        if lane == Lane::Live && dead.is_none() && route.order.is_some() {
            let before = self.which(|_, run| {
                !run.state.is_settled()
                    && (run.route.plugin, run.route.order) == (route.plugin, route.order)
            });
            for at in before {
                self.runs[at].lane = Lane::Live;
            }
        }
        self.runs.push(new);
        self.note_gates();
        let mut parked = self.of(route.plugin, RunState::Pending, Gate::Parked);
        if dead.is_none() && parked.len() as u64 > self.bounds.park_runs {
            parked.sort_by_key(|at| self.runs[*at].parked);
            self.end(parked[0], RunState::Dead, "more runs");
        }
    }

    /// Why a new run is dead from the start, if it is. Else it takes the place of the one that it is like.
    fn born_dead(&mut self, new: &mut Run) -> Option<&'static str> {
        let plugin = new.route.plugin;
        if self.plugins[plugin].forgotten {
            return Some("its plugin is gone");
        }
        if new.lane == Lane::Live && new.route.like.is_some() {
            let like = self.which(|_, run| {
                !run.replayed
                    && (run.state, run.claims) == (RunState::Pending, 0)
                    && (run.route.plugin, run.route.like) == (plugin, new.route.like)
            });
            let old = like.last().copied();
            if let Some(old) = old {
                self.end(old, RunState::Coalesced, "a like event came");
                new.first = self.runs[old].first;
                new.stands_for = self.runs[old].stands_for + 1;
                let share = self.runs[old].share.take();
                new.share = share.filter(|_| self.runs[old].route.repo == new.route.repo);
            }
            let quiet = (self.now + step::QUIET * 1000).min(new.first + step::MAX * 1000);
            new.due = quiet.max(new.share.unwrap_or(0) * 60_000);
            if old.is_some() {
                return None;
            }
        }
        if self.parking(plugin).is_some() {
            return None;
        }
        if new.lane == Lane::Live && new.route.discussion.is_some() {
            new.guarded = true;
            let since = (self.now / 60_000).saturating_sub(60) * 60_000;
            let counted = self.which(|_, run| {
                run.guarded
                    && (run.route.plugin, run.route.discussion) == (plugin, new.route.discussion)
                    && run.recorded >= since
            });
            if counted.len() >= step::PER_DISCUSSION as usize {
                return Some("loop guard");
            }
        }
        let waiting = self.which(|at, run| {
            run.route.plugin == plugin && !run.state.is_settled() && self.gate(at) != Gate::Parked
        });
        let is_full = waiting.len() as u64 >= self.bounds.runs;
        is_full.then_some("plugin backlog full")
    }
}
