//! The ledger as it would be kept on paper: lists of all that ever was, and the rules of `docs/` and of
//! [`Ledger`](crate::ledger::Ledger) applied to them one after the other. Nothing is indexed, counted or kept twice.

mod arrive;
mod attempt;
mod plugin;
mod state;

pub use self::state::{Kept, Looked};

use super::step::{self, Bounds, Deed, Note, PLUGINS, Route, Step, Taste};
use crate::delivery::{Gate, Lane, Outcome, RunState};
use crate::ledger::PluginState;

/// All that is known. Deliveries and runs are named by their places in their lists, times are in ms.
#[derive(Clone)]
pub struct Paper {
    /// What the clock says that never goes back.
    pub now: u64,
    /// How far the wall clock was set back since the host was started.
    pub behind: u64,
    pub bounds: Bounds,
    pub taste: Taste,
    pub plugins: [Plugin; PLUGINS.len()],
    pub deliveries: Vec<Delivery>,
    pub runs: Vec<Run>,
    /// What the host has claimed and not ended, and what a host that died had.
    pub held: Vec<Held>,
    /// What the last step was answered.
    pub answer: Answer,
    belief: Belief,
}

/// Whether what is old by the clock may go: not within an hour after a host has been off for more than a day, or the wall
/// clock was set by more than that.
#[derive(Debug, Clone, Default)]
struct Belief {
    /// When a host that tends last wrote down what time it was.
    noted: Option<u64>,
    /// How far the wall clock was behind when this host last took note of that, if it has tended before.
    looked: Option<u64>,
    held_until: u64,
}

#[derive(Debug, Clone, Default)]
pub struct Plugin {
    pub note: Option<Note>,
    pub forgotten: bool,
    pub paused_by: Option<String>,
    /// Who had paused it when it was forgotten, and what it was then.
    paused_before: Option<(String, Note)>,
    failures: u32,
    pub kept: Kept,
    /// The minutes in which it sent what changes something elsewhere.
    sent: Vec<u64>,
}

#[derive(Debug, Clone)]
pub struct Delivery {
    hub: Option<u8>,
    body: u8,
    known_until: u64,
    pub duplicates: u64,
}

#[derive(Debug, Clone)]
pub struct Run {
    pub delivery: usize,
    pub route: Route,
    pub lane: Lane,
    /// Whether it was asked for.
    replayed: bool,
    pub replay_of: Option<usize>,
    pub state: RunState,
    /// How a reason begins that it has for its state.
    pub reason: Option<String>,
    recorded: u64,
    /// When the first of those that it stands for was.
    first: u64,
    pub due: u64,
    pub stands_for: u64,
    parked: Option<u64>,
    /// Whether it waited behind another of its order.
    queued: bool,
    /// The minute of its repo's hour that it takes.
    share: Option<u64>,
    pub claims: u64,
    /// Whether it counts for its discussion.
    guarded: bool,
    counted: u32,
    lease: u64,
    /// How each attempt ended; the last may be under way.
    pub attempts: Vec<Option<Outcome>>,
}

#[derive(Debug, Clone)]
pub struct Held {
    pub run: usize,
    token: u64,
    /// What its plugin's state was when it was claimed.
    pub looked: Looked,
    host_died: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Nothing,
    Recorded(Vec<Recorded>),
    /// The runs, and the numbers of their attempts as kept and as counted.
    Claimed(Vec<(usize, u32, u32)>),
    Settled(Vec<Settled>),
    Known(bool),
    Replayed(Option<Vec<usize>>),
    /// Whether something may be sent, or when it may by the wall clock.
    Taken(Result<(), u64>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    New { reused: bool },
    Duplicate { first: usize, again: Vec<usize> },
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Settled {
    Yes,
    Stale,
    Conflict,
}

impl Paper {
    pub fn new(
        now: u64,
        bounds: Bounds,
        taste: Taste,
        plugins: [Option<Note>; PLUGINS.len()],
    ) -> Self {
        Self {
            now,
            behind: 0,
            bounds,
            taste,
            plugins: plugins.map(|note| Plugin {
                note,
                ..Plugin::default()
            }),
            deliveries: Vec::new(),
            runs: Vec::new(),
            held: Vec::new(),
            answer: Answer::Nothing,
            belief: Belief::default(),
        }
    }

    pub fn step(&mut self, step: &Step) {
        self.answer = match step {
            Step::Record(posts) => {
                Answer::Recorded(posts.iter().map(|post| self.record(post)).collect())
            }
            Step::Claim(ask) => Answer::Claimed(self.claim(ask)),
            Step::Settle(at, end, deed) => {
                let held = at.checked_rem(self.held.len());
                Answer::Settled(
                    held.map(|at| self.settle(at, end, *deed))
                        .into_iter()
                        .collect(),
                )
            }
            Step::SettleAll(end) => {
                let count = self.held.len();
                Answer::Settled(
                    (0..count)
                        .map(|_| self.settle(0, end, Deed::Nothing))
                        .collect(),
                )
            }
            Step::GiveBack(at) => {
                let held = at.checked_rem(self.held.len());
                Answer::Settled(held.map(|at| self.give_back(at)).into_iter().collect())
            }
            Step::Crash => {
                self.held.iter_mut().for_each(|held| held.host_died = true);
                self.lose(u64::MAX);
                (self.belief.looked, self.belief.held_until) = (None, 0);
                // Whoever starts another sets the clock right.
                self.behind = 0;
                Answer::Nothing
            }
            Step::Replay(at, routes) => Answer::Replayed(
                at.checked_rem(self.deliveries.len())
                    .map(|delivery| self.replay(delivery, routes, |_| true)),
            ),
            Step::Write(plugin) => Answer::Taken(self.send(*plugin)),
            Step::Pause(plugin) => {
                self.pause(*plugin, "operator");
                self.known(*plugin)
            }
            Step::Resume(plugin) => {
                self.plugins[*plugin].paused_by = None;
                self.plugins[*plugin].failures = 0;
                self.known(*plugin)
            }
            Step::Put(plugin, note) => self.put(*plugin, note),
            Step::Forget(plugin) => {
                let was = std::mem::take(&mut self.plugins[*plugin]);
                let paused = was.paused_by.zip(was.note);
                self.plugins[*plugin] = Plugin {
                    forgotten: true,
                    kept: was.kept,
                    sent: was.sent,
                    paused_before: paused.or(was.paused_before),
                    ..Plugin::default()
                };
                self.bury(*plugin);
                Answer::Nothing
            }
            Step::Pass(s) => {
                self.now += s * 1000;
                Answer::Nothing
            }
            Step::SetBack(s) => {
                self.behind += s * 1000;
                Answer::Nothing
            }
            Step::Tend => self.tend(),
            Step::Set(bounds) => {
                self.bounds = *bounds;
                Answer::Nothing
            }
        };
        self.note_gates();
    }

    /// What the wall clock says: by it deliveries are received, and what is old is.
    pub const fn wall(&self) -> u64 {
        self.now - self.behind
    }

    /// Why the runs of a plugin are parked.
    pub fn parking(&self, plugin: usize) -> Option<String> {
        let Plugin {
            note, paused_by, ..
        } = &self.plugins[plugin];
        let state = note.as_ref()?.state;
        match (paused_by, state) {
            (Some(by), _) => Some(format!("paused by {by}")),
            (None, PluginState::Loaded | PluginState::Compiling) => None,
            (None, state) => Some(format!("{}: why", state.as_str())),
        }
    }

    pub fn gate(&self, at: usize) -> Gate {
        let Run { route, state, .. } = &self.runs[at];
        let is_before = |other: &Run| {
            !other.state.is_settled()
                && route.order.is_some()
                && (other.route.plugin, other.route.order) == (route.plugin, route.order)
        };
        match state {
            RunState::Pending if self.parking(route.plugin).is_some() => Gate::Parked,
            RunState::Pending if self.runs[..at].iter().any(is_before) => Gate::Queued,
            _ => Gate::Ready,
        }
    }

    /// The runs that something is true of.
    pub fn which(&self, is: impl Fn(usize, &Run) -> bool) -> Vec<usize> {
        let runs = self.runs.iter().enumerate();
        runs.filter(|(at, run)| is(*at, run))
            .map(|(at, _)| at)
            .collect()
    }

    fn of(&self, plugin: usize, state: RunState, gate: Gate) -> Vec<usize> {
        self.which(|at, run| {
            run.route.plugin == plugin && run.state == state && self.gate(at) == gate
        })
    }

    /// Payload bytes of what is neither settled nor parked.
    pub fn backlog(&self) -> u64 {
        let waiting =
            self.which(|at, run| !run.state.is_settled() && self.gate(at) != Gate::Parked);
        let bytes = |at: &usize| {
            let body = self.deliveries[self.runs[*at].delivery].body;
            step::body(body).len() as u64
        };
        waiting.iter().map(bytes).sum()
    }
}
