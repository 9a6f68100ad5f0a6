//! Steps: what a host, the Hub, an operator and time do to a ledger, drawn at random.
//!
//! A step names what it is about by its place in a list, whatever the list's length: so every step means something in
//! every state, and a failing case stays one when others of its steps are left out.

use crate::delivery::{Counts, Gate, Outcome, Settlement};
use crate::ledger::{LedgerSettings, OnDuplicate, PluginState};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::time::Duration;

/// The plugins that there are, by number.
pub const PLUGINS: [&str; 3] = ["a", "b", "c"];

/// How long a run waits for a like event, and how long at most, in s.
pub const QUIET: u64 = 10;
pub const MAX: u64 = 25;

/// How many live runs of a plugin one discussion may have within an hour.
pub const PER_DISCUSSION: u32 = 2;

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// Deliveries come in, all at once.
    Record(Vec<Post>),
    Claim(Ask),
    /// A claim is settled; one whose attempt died with its host may be.
    Settle(usize, End, Deed),
    /// All claims are settled alike.
    SettleAll(End),
    GiveBack(usize),
    /// The host dies and another starts.
    Crash,
    Replay(usize, Vec<Route>),
    /// A plugin is about to send something.
    Write(usize),
    Pause(usize),
    Resume(usize),
    Put(usize, Note),
    Forget(usize),
    /// So many seconds pass.
    Pass(u64),
    /// Somebody sets the wall clock back by so many seconds.
    SetBack(u64),
    /// All that is due is tended to.
    Tend,
    Set(Bounds),
}

/// A delivery.
#[derive(Clone)]
pub struct Post {
    pub hub: Option<u8>,
    pub body: u8,
    pub routes: Vec<Route>,
}

/// A run that a delivery is routed to, and the keys of its rules.
#[derive(Clone, PartialEq)]
pub struct Route {
    pub plugin: usize,
    pub order: Option<u8>,
    pub like: Option<u8>,
    pub discussion: Option<u8>,
    pub repo: Option<u8>,
}

/// What is asked for when runs are claimed.
#[derive(Clone)]
pub struct Ask {
    /// In turns, each with its slots.
    pub plugins: Vec<(usize, usize)>,
    pub slots: usize,
    /// In s.
    pub lease: u64,
    pub per_repo: u32,
}

/// How an attempt ends.
#[derive(Debug, Clone)]
pub enum End {
    Done,
    Ignored,
    Rejected,
    /// With none left of its schedule.
    Dead(Outcome),
    /// After so many s.
    Again(Outcome, u64),
}

impl End {
    /// What it means for its run.
    pub fn settlement(&self) -> (Outcome, Settlement) {
        let dead = |reason: &str| Settlement::Dead {
            reason: reason.to_owned(),
        };
        match *self {
            Self::Done => (Outcome::Done, Settlement::Done),
            Self::Ignored => (Outcome::Ignored, Settlement::Ignored),
            Self::Rejected => (Outcome::Rejected, dead("rejected by the plugin")),
            Self::Dead(outcome) => (outcome, dead("no attempt is left")),
            Self::Again(outcome, after) => {
                let counts = match outcome {
                    Outcome::Conflict => Counts::No,
                    _ => Counts::Yes,
                };
                let delay = Duration::from_secs(after);
                (outcome, Settlement::Again { delay, counts })
            }
        }
    }
}

/// What an attempt does with its plugin's state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Deed {
    Nothing,
    /// Reads a key, or only lists them all.
    Looks(Look),
    /// Looks, and writes so many bytes to a key, or deletes it, within a quota of bytes.
    Writes(Look, u8, Option<u8>, u64),
}

/// What an attempt looked at when it was claimed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Look {
    Nowhere,
    At(u8),
    AtAllKeys,
}

/// The keys of a plugin's state.
pub const KEYS: [&str; 2] = ["key", "k"];

/// A quota that two long values do not fit into, and one for all.
const QUOTAS: [u64; 2] = [12, 1000];

/// How many requests that change something elsewhere a plugin may send within an hour.
pub const WRITES_MAX: u32 = 2;

/// What is noted of a plugin.
#[derive(Clone, PartialEq)]
pub struct Note {
    pub state: PluginState,
    pub active: u8,
    pub grant: u8,
}

/// What an operator sets; times in s.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub window: u64,
    pub on_duplicate: OnDuplicate,
    pub bytes: u64,
    pub runs: u64,
    pub park_runs: u64,
    pub park_for: u64,
}

impl Bounds {
    /// The same for a ledger; nothing is let go.
    pub fn settings(&self) -> LedgerSettings {
        LedgerSettings {
            dedup_window: Duration::from_secs(self.window),
            on_duplicate: self.on_duplicate,
            backlog_bytes_max: self.bytes,
            backlog_runs_per_plugin: self.runs,
            park_runs: self.park_runs,
            park_for: Duration::from_secs(self.park_for),
            free_space_min: 0,
            retain: Duration::from_secs(100 * 365 * 24 * 60 * 60),
            retain_bytes: u64::MAX,
        }
    }
}

/// A delivery's body.
pub fn body(number: u8) -> String {
    format!("{{\"n\":\"{}\"}}", "x".repeat(usize::from(number) * 40))
}

/// A class of reasons: what begins so is of the class.
pub const fn behind(gate: Gate) -> Option<&'static str> {
    match gate {
        Gate::Queued => Some("order:"),
        Gate::Ready | Gate::Parked => None,
    }
}

const HOUR: u64 = 60 * 60;

/// What a case has more of than others, so that what takes many steps of a kind comes about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Taste {
    Mixed,
    /// Attempts fail in the sandbox.
    Failures,
    Conflicts,
    /// Hosts die, and leases run out.
    Losses,
    /// All is about one plugin and few keys.
    Crowd,
}

impl Taste {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Mixed,
        Self::Failures,
        Self::Conflicts,
        Self::Losses,
        Self::Crowd,
    ];

    /// How much of something there is: more in a case of this taste.
    fn of(self, taste: Self, usual: u32, more: u32) -> u32 {
        if self == taste { more } else { usual }
    }
}

/// What may happen next, and whether claims are held.
pub fn steps(taste: Taste, any_held: bool) -> BoxedStrategy<Step> {
    let end = if any_held { 20 } else { 1 };
    prop_oneof![
        16 => vec(post(taste), 1..4).prop_map(Step::Record),
        taste.of(Taste::Losses, 20, 30) => ask().prop_map(Step::Claim),
        end => (any::<usize>(), end_of_attempt(taste), deed())
            .prop_map(|(held, end, deed)| Step::Settle(held, end, deed)),
        taste.of(Taste::Failures, end / 2, end) + 1 => end_of_attempt(taste).prop_map(Step::SettleAll),
        2 => any::<usize>().prop_map(Step::GiveBack),
        taste.of(Taste::Losses, 2, 16) => Just(Step::Crash),
        4 => (any::<usize>(), routes(taste, 1))
            .prop_map(|(delivery, routes)| Step::Replay(delivery, routes)),
        2 => plugin().prop_map(Step::Write),
        1 => plugin().prop_map(Step::Pause),
        3 => plugin().prop_map(Step::Resume),
        4 => (plugin(), note()).prop_map(|(plugin, note)| Step::Put(plugin, note)),
        1 => plugin().prop_map(Step::Forget),
        10 => select(&[1, QUIET, QUIET, 30, 60, 31 * 60, HOUR, 24 * HOUR]).prop_map(Step::Pass),
        2 => select(&[5, 30, 2 * HOUR, 25 * HOUR]).prop_map(Step::SetBack),
        4 => Just(Step::Tend),
        2 => bounds().prop_map(Step::Set),
    ]
    .boxed()
}

fn plugin() -> impl Strategy<Value = usize> {
    0..PLUGINS.len()
}

fn post(taste: Taste) -> impl Strategy<Value = Post> {
    (prop::option::of(0..4_u8), 0..2_u8, routes(taste, 0)).prop_map(|(hub, body, routes)| Post {
        hub,
        body,
        routes,
    })
}

/// Runs of different plugins.
fn routes(taste: Taste, least: usize) -> impl Strategy<Value = Vec<Route>> {
    let (plugins, keys) = match taste {
        Taste::Crowd => (1, 0.8),
        Taste::Failures | Taste::Conflicts => (1, 0.3),
        Taste::Mixed | Taste::Losses => (PLUGINS.len(), 0.5),
    };
    let key = move |chance| prop::option::weighted(chance, 0..2_u8);
    let keys = vec(
        (key(keys), key(keys / 2.0), key(keys), key(keys)),
        PLUGINS.len(),
    );
    let least = prop_oneof![1 => Just(least), 9 => Just(1)];
    let plugins = least
        .prop_flat_map(move |least| subsequence((0..plugins).collect::<Vec<_>>(), least..=plugins));
    (plugins, keys).prop_map(|(plugins, keys)| {
        let routes = plugins.into_iter().zip(keys);
        let route = |(plugin, (order, like, discussion, repo))| Route {
            plugin,
            order,
            like,
            discussion,
            repo,
        };
        routes.map(route).collect()
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    let plugins = subsequence(vec![0, 1, 2], 1..=PLUGINS.len()).prop_shuffle();
    let slots = vec(1..5_usize, PLUGINS.len());
    let lease = select(&[20, 2 * HOUR]);
    (plugins, slots, 1..8_usize, lease, 1..4_u32).prop_map(
        |(plugins, each, slots, lease, per_repo)| Ask {
            plugins: plugins.into_iter().zip(each).collect(),
            slots,
            lease,
            per_repo,
        },
    )
}

fn end_of_attempt(taste: Taste) -> impl Strategy<Value = End> {
    use Outcome::{Conflict, OutOfFuel, OutOfMemory, Retry, TimedOut, Trapped};
    let failures = [TimedOut, Trapped, OutOfFuel, OutOfMemory];
    prop_oneof![
        4 => Just(End::Done),
        1 => Just(End::Ignored),
        2 => Just(End::Rejected),
        2 => select(failures.to_vec()).prop_map(End::Dead),
        2 => select(&[0, 5, HOUR]).prop_map(|after| End::Again(Retry, after)),
        taste.of(Taste::Conflicts, 2, 20) => Just(End::Again(Conflict, 0)),
        taste.of(Taste::Failures, 2, 60) => select(failures.to_vec())
            .prop_map(|outcome| End::Again(outcome, 0)),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    let key = || 0..KEYS.len() as u8;
    let look = move || {
        prop_oneof![
            1 => Just(Look::Nowhere),
            3 => key().prop_map(Look::At),
            1 => Just(Look::AtAllKeys),
        ]
    };
    let value = prop_oneof![1 => Just(None), 3 => select(&[1, 9]).prop_map(Some)];
    prop_oneof![
        2 => Just(Deed::Nothing),
        1 => look().prop_map(Deed::Looks),
        4 => (look(), key(), value, select(&QUOTAS))
            .prop_map(|(look, key, value, quota)| Deed::Writes(look, key, value, quota)),
    ]
}

fn note() -> impl Strategy<Value = Note> {
    use PluginState::{Compiling, Held, Loaded, Missing, Refused};
    let states = [
        Loaded, Loaded, Loaded, Loaded, Compiling, Held, Missing, Refused,
    ];
    (select(states.to_vec()), 0..2_u8, 0..2_u8).prop_map(|(state, active, grant)| Note {
        state,
        active,
        grant,
    })
}

/// Bounds, some of which are reached soon.
pub fn bounds() -> impl Strategy<Value = Bounds> {
    (
        select(&[20, HOUR]),
        select(OnDuplicate::ALL),
        select(&[1_000_000, 1_000_000, 100]),
        select(&[100, 100, 2]),
        select(&[100, 100, 2, 0]),
        select(&[24 * HOUR, 30]),
    )
        .prop_map(
            |(window, on_duplicate, bytes, runs, park_runs, park_for)| Bounds {
                window,
                on_duplicate,
                bytes,
                runs,
                park_runs,
                park_for,
            },
        )
}
