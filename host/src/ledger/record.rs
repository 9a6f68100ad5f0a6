//! What the ledger keeps, as it is read back: deliveries, runs, attempts, plugins, and which of them to list.

use crate::delivery::state::StateUsage;
use crate::delivery::{
    DeliveryId, DeliveryState, Gate, Lane, LogLine, Outcome, OutgoingCall, RunId, RunState, Trap,
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// A delivery's body and kept headers.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The exact bytes received.
    pub body: Bytes,
    /// Kept headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// A delivery as it is kept.
#[derive(Debug, Clone)]
pub struct DeliveryRecord {
    /// Its id.
    pub id: DeliveryId,
    /// The path it was posted to.
    pub path: String,
    /// The Hub's `Webhook-Id`.
    pub hub_id: Option<String>,
    /// The payload's `webhook.id`.
    pub webhook_id: Option<String>,
    /// The scope as sent.
    pub scope: String,
    /// The action as sent.
    pub action: String,
    /// `repo.type`.
    pub repo_type: Option<String>,
    /// `repo.name`.
    pub repo_name: Option<String>,
    /// `repo.id`.
    pub repo_id: Option<String>,
    /// When it was received, in ms since the Unix epoch.
    pub received_ms: u64,
    /// How often the same delivery came again.
    pub duplicates: u64,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why its body is no event, if it could not be read when it came.
    pub unparsable: Option<String>,
    /// Its runs, oldest first.
    pub runs: Vec<RunRecord>,
    /// Body and headers, where one delivery was asked for.
    pub payload: Option<Payload>,
}

impl DeliveryRecord {
    /// What it says in short, for people: the scope and the action as sent.
    #[must_use]
    pub fn title(&self) -> String {
        match self.unparsable {
            Some(_) => "no event".to_owned(),
            None => format!("{} {}", self.scope, self.action),
        }
    }
}

/// A run as it is kept.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// Its plugin.
    pub plugin: String,
    /// Where it stands.
    pub state: RunState,
    /// Whether it can be claimed, if it is pending.
    pub gate: Gate,
    /// Live or replayed.
    pub lane: Lane,
    /// Why it is parked, waits or is dead, or which run stands for it.
    pub reason: Option<String>,
    /// The scope as the plugin sees it.
    pub scope: String,
    /// The action as the plugin sees it.
    pub action: String,
    /// The run that it replays.
    pub replay_of: Option<RunId>,
    /// The runs that it stands for.
    pub stands_for: u64,
    /// When the next attempt is due, in ms since the Unix epoch, if it is pending, not parked and not behind another.
    pub next_attempt_ms: Option<u64>,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptEntry>,
}

/// An attempt as it is kept: one under way has no outcome yet, and a lost one only that.
#[derive(Debug, Clone)]
pub struct AttemptEntry {
    /// Its number, from 1.
    pub n: u32,
    /// When it started, in ms since the Unix epoch.
    pub started_ms: u64,
    /// The plugin's version.
    pub version: Option<String>,
    /// `sha256:` and the hash of the component.
    pub digest: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The plugin's text.
    pub output: Option<String>,
    /// Fuel used.
    pub fuel: Option<u64>,
    /// The most fuel it could have used.
    pub fuel_limit: Option<u64>,
    /// Peak memory in bytes.
    pub memory_peak_bytes: Option<u64>,
    /// Wall-clock time in ms.
    pub wall_ms: Option<u64>,
    /// Log lines.
    pub logs: Vec<LogLine>,
    /// Outgoing calls.
    pub calls: Vec<OutgoingCall>,
    /// What the sandbox met.
    pub trap: Option<Trap>,
}

/// Which deliveries to list. All conditions must hold.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// At most so many; all if absent.
    pub limit: Option<usize>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// With a run of this plugin.
    pub plugin: Option<String>,
    /// With a plugin, or if one is named with that, whose newest run is in this state. Where that is `Dead` and no
    /// plugin is named, with those that could not be read.
    pub run_state: Option<RunState>,
    /// With this scope, as sent, or one under it.
    pub scope: Option<String>,
    /// About the repo of this name.
    pub repo: Option<String>,
    /// Received at or after this time, in ms since the Unix epoch.
    pub since_ms: Option<u64>,
}

/// Which runs to list. All conditions must hold.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Of this plugin.
    pub plugin: Option<String>,
    /// In this state.
    pub state: Option<RunState>,
}

/// A run with the delivery that it is of.
#[derive(Debug, Clone)]
pub struct RunEntry {
    /// The delivery's id.
    pub delivery: DeliveryId,
    /// The run.
    pub run: RunRecord,
}

/// A part of a list, newest first. It may hold less than was asked for, even nothing, although there is more: each
/// part is read within bounds.
#[derive(Debug, Clone)]
pub struct Page<T, Id> {
    /// What was found.
    pub items: Vec<T>,
    /// What to ask for the next part before; `None` at the list's end.
    pub next: Option<Id>,
}

/// What the host knows of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRecord {
    /// Its name: the stem of its file.
    pub name: String,
    /// Where it stands. A plugin that is neither `Loaded` nor `Compiling` parks its runs.
    pub state: PluginState,
    /// Why it is not loaded, or what is wrong although it is.
    pub reason: Option<String>,
    /// The digest of its active version: the one that runs, or ran until its file went.
    pub active: Option<String>,
    /// A version that lies in the folder and is not the active one.
    pub candidate: Option<Candidate>,
    /// Its manifest, as JSON, as of the last good version: by it events are routed.
    pub manifest: Option<String>,
    /// The digest of that version.
    pub manifest_digest: Option<String>,
    /// The text of its last good grant, empty for the default one; `None` if it never had a good one.
    pub grant: Option<String>,
    /// When its file went, in ms since the Unix epoch, if it is missing.
    pub missing_since_ms: Option<u64>,
    /// Who paused it, if it is paused, wherever it stands else. It is read here, and changed by
    /// [`Ledger::pause`](super::Ledger::pause) alone.
    pub paused_by: Option<String>,
    /// The account whose credential its calls to the Hub carry; `None` if they carry none, or nobody wants to know.
    pub own: Option<OwnAccount>,
}

/// The account behind a plugin's credential for the Hub, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAccount {
    /// What it holds for: who was asked, and a hash of the credential. It is only compared.
    pub of: String,
    /// Who it is.
    pub standing: OwnStanding,
}

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnStanding {
    /// Who it is.
    Known {
        /// Its id, which no change of its name changes.
        id: String,
        /// Its name when it was asked.
        name: Option<String>,
    },
    /// Nobody knows.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl OwnAccount {
    /// Its id, if it is known.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match &self.standing {
            OwnStanding::Known { id, .. } => Some(id),
            OwnStanding::Unknown { .. } => None,
        }
    }

    /// Why it is not known, if it is not.
    #[must_use]
    pub fn unknown(&self) -> Option<&str> {
        match &self.standing {
            OwnStanding::Known { .. } => None,
            OwnStanding::Unknown { reason } => Some(reason),
        }
    }
}

/// How much of everything there is. What is counted is kept beside what it counts, and never counted anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Deliveries recorded, those that are no longer kept included.
    pub deliveries: u64,
    /// Deliveries that are kept.
    pub kept: u64,
    /// Deliveries that came again.
    pub duplicates: u64,
    /// Runs by state; a state without runs may be missing.
    pub runs: Vec<(RunState, u64)>,
    /// Plugins that are noted, and those that have, or had, runs.
    pub plugins: BTreeMap<String, PluginTotals>,
    /// What time it is by the clock that due times are made of, in ms since the Unix epoch: it follows the wall clock, but
    /// not back.
    pub now_ms: u64,
    /// Bytes that the ledger takes on disk.
    pub bytes: u64,
    /// Payload bytes of runs that are neither settled nor parked.
    pub backlog_bytes: u64,
    /// Bytes that are free on its disk, if the system tells.
    pub free_bytes: Option<u64>,
}

/// Where a plugin stands and how many runs it has to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PluginTotals {
    /// Where it stands; `None` if it is not noted, or no longer.
    pub state: Option<PluginState>,
    /// Runs that are not settled, parked ones included.
    pub unsettled: u64,
    /// Runs that are parked.
    pub parked: u64,
    /// When the first of its pending runs was due, or will be, in ms since the Unix epoch; parked ones aside.
    pub first_due_ms: Option<u64>,
    /// Runs that ever became dead; it only grows.
    pub died: u64,
    /// How much it keeps; `None` if it never kept anything.
    pub stored: Option<StateUsage>,
}

impl Totals {
    /// For how long the first of a plugin's pending runs has been due, in ms; 0 if none is due.
    #[must_use]
    pub fn overdue_ms(&self, plugin: &PluginTotals) -> u64 {
        let due_ms = plugin.first_due_ms.unwrap_or(self.now_ms);
        self.now_ms.saturating_sub(due_ms)
    }

    /// How much a plugin keeps.
    #[must_use]
    pub fn stored(&self, plugin: &str) -> StateUsage {
        let plugin = self.plugins.get(plugin);
        plugin.and_then(|plugin| plugin.stored).unwrap_or_default()
    }
}

/// A version of a plugin that does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its digest; `None` if its file cannot be read.
    pub digest: Option<String>,
    /// `Compiling`, `Held` or `Refused`.
    pub state: PluginState,
    /// Why it does not run.
    pub reason: Option<String>,
}

/// Where a plugin stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PluginState {
    /// It runs.
    Loaded,
    /// It waits for its operator: something it must have is not granted.
    Held,
    /// Its file or its grant is not usable.
    Refused,
    /// It was stopped after failures or by its operator.
    Paused,
    /// Its file is gone.
    Missing,
    /// It is being compiled.
    Compiling,
}

impl PluginState {
    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Held => "held",
            Self::Refused => "refused",
            Self::Paused => "paused",
            Self::Missing => "missing",
            Self::Compiling => "compiling",
        }
    }

    /// The value of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|state| state.as_str() == word)
    }

    /// Why a plugin that stands so, for this reason, has its runs parked; `None` if it has not.
    #[must_use]
    pub fn parks(self, reason: Option<&str>) -> Option<String> {
        match (self, reason) {
            // While a version is compiled there is nothing to wait for but that.
            (Self::Loaded | Self::Compiling, _) => None,
            (state, Some(reason)) => Some(format!("{}: {reason}", state.as_str())),
            (state, None) => Some(state.as_str().to_owned()),
        }
    }

    /// Every state.
    pub const ALL: &[Self] = &[
        Self::Loaded,
        Self::Held,
        Self::Refused,
        Self::Paused,
        Self::Missing,
        Self::Compiling,
    ];
}
