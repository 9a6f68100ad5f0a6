//! What people and programs are shown of deliveries, runs and plugins: the JSON shapes, and nothing else.
//!
//! Absent is `null`; times are RFC 3339 in UTC with milliseconds. Fields may be added, never renamed.

mod component;
pub mod holding;

pub use component::{ComponentJson, SidecarJson};

use crate::clock::rfc3339;
use crate::delivery::{AttemptRecord, DeliveryId, Gate, LogLine, OutgoingCall, Trap};
use crate::ledger::{
    AttemptEntry, DeliveryRecord, PluginRecord, RunEntry, RunRecord, StateUsage, Totals,
};
use crate::plugin::{Manifest, StoredSubscription};
use crate::refusal::Refusal;
use crate::replay::Skipped;
use holding::{AccountJson, StateUsageJson};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;

/// A delivery.
#[derive(Debug, Serialize)]
pub struct DeliveryJson {
    id: String,
    received_at: String,
    path: String,
    hub_id: Option<String>,
    webhook_id: Option<String>,
    scope: Option<String>,
    action: Option<String>,
    repo: Option<RepoJson>,
    state: &'static str,
    unparsable: Option<String>,
    duplicates: u64,
    runs: Vec<RunJson>,
}

/// One delivery with what was received.
#[derive(Debug, Serialize)]
pub struct DeliveryDetailJson {
    #[serde(flatten)]
    delivery: DeliveryJson,
    payload: Option<Box<RawValue>>,
    headers: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Serialize)]
struct RepoJson {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    id: Option<String>,
}

/// A run.
#[derive(Debug, Serialize)]
pub struct RunJson {
    id: String,
    plugin: String,
    state: &'static str,
    parked: bool,
    reason: Option<String>,
    scope: String,
    action: String,
    replay_of: Option<String>,
    stands_for: u64,
    next_attempt_at: Option<String>,
    attempts: Vec<AttemptJson>,
}

/// A run apart from its delivery.
#[derive(Debug, Serialize)]
pub struct RunEntryJson {
    delivery: String,
    #[serde(flatten)]
    run: RunJson,
}

/// An attempt.
#[derive(Debug, Serialize)]
pub struct AttemptJson {
    n: u32,
    started_at: String,
    version: Option<String>,
    digest: Option<String>,
    outcome: Option<&'static str>,
    output: Option<String>,
    fuel: Option<u64>,
    fuel_limit: Option<u64>,
    memory_peak_bytes: Option<u64>,
    wall_ms: Option<u64>,
    logs: Vec<LogLine>,
    calls: Vec<OutgoingCall>,
    trap: Option<Trap>,
}

/// What a replay of one delivery came to.
#[derive(Debug, Serialize)]
pub struct ReplayJson {
    id: String,
    runs: Vec<RunJson>,
    skipped: Vec<SkippedJson>,
}

/// A plugin that did not get a replayed delivery.
#[derive(Debug, Serialize)]
struct SkippedJson {
    plugin: String,
    reason: String,
}

/// A refused request.
#[derive(Debug, Serialize, Deserialize)]
pub struct RequestJson {
    /// When.
    pub at: String,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// The answer's reason.
    pub reason: String,
    /// Who asked.
    pub peer: String,
    /// The request's id, as in the log.
    pub request_id: String,
}

/// How a host does.
#[derive(Debug, Serialize)]
pub struct HealthJson {
    /// Whether it takes deliveries.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// Of the program.
    pub version: &'static str,
    /// When it was started.
    pub started_at: String,
    /// How long ago that is, in s.
    pub uptime_s: u64,
    /// Plugins that do not run, or not yet. That does not keep a host from being ready.
    pub plugins_not_running: Vec<PluginStandingJson>,
    /// What is to be run; `None` if the ledger cannot be read.
    pub backlog: Option<BacklogJson>,
    /// Requests that were refused since it was started.
    pub refused_requests: u64,
}

/// Where a plugin stands.
#[derive(Debug, Serialize)]
pub struct PluginStandingJson {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: &'static str,
    /// Why.
    pub reason: Option<String>,
}

/// Runs that are not settled.
#[derive(Debug, Serialize)]
pub struct BacklogJson {
    /// Those that wait for their turn, or are under way.
    pub runs: u64,
    /// Those that wait until something about their plugin changes.
    pub parked: u64,
    /// The same by plugin; those with none are left out.
    pub plugins: Vec<PluginBacklogJson>,
}

/// Runs of one plugin that are not settled.
#[derive(Debug, Serialize)]
pub struct PluginBacklogJson {
    plugin: String,
    runs: u64,
    parked: u64,
}

/// The attempt of `hookbox run`.
#[derive(Debug, Serialize)]
pub struct RunOnceJson {
    plugin: String,
    scope: String,
    action: String,
    n: u32,
    started_at: String,
    version: String,
    digest: String,
    outcome: &'static str,
    output: Option<String>,
    fuel: u64,
    fuel_limit: u64,
    memory_peak_bytes: u64,
    wall_ms: u64,
    logs: Vec<LogLine>,
    calls: Vec<OutgoingCall>,
    trap: Option<Trap>,
}

/// A plugin.
#[derive(Debug, Serialize)]
pub struct PluginJson {
    name: String,
    state: &'static str,
    reason: Option<String>,
    version: Option<String>,
    digest: Option<String>,
    description: Option<String>,
    subscriptions: Vec<StoredSubscription>,
    candidate: Option<CandidateJson>,
    paused_by: Option<String>,
    own_account: Option<AccountJson>,
    own_account_unknown: Option<String>,
    state_usage: Option<StateUsageJson>,
}

/// A plugin that was paused, or whose pause was ended.
#[derive(Debug, Serialize)]
pub struct SwitchedJson {
    /// Whether it was not so before.
    pub changed: bool,
    /// Where it stands now.
    #[serde(flatten)]
    pub plugin: PluginJson,
}

/// A version of a plugin that lies in the folder and is not the active one.
#[derive(Debug, Serialize)]
struct CandidateJson {
    digest: Option<String>,
    state: &'static str,
    reason: Option<String>,
}

impl From<DeliveryRecord> for DeliveryJson {
    fn from(record: DeliveryRecord) -> Self {
        let repo =
            (record.repo_type.is_some() || record.repo_name.is_some() || record.repo_id.is_some())
                .then_some(RepoJson {
                    kind: record.repo_type,
                    name: record.repo_name,
                    id: record.repo_id,
                });
        let is_event = record.unparsable.is_none();
        Self {
            id: record.id.to_string(),
            received_at: rfc3339(record.received_ms),
            path: record.path,
            hub_id: record.hub_id,
            webhook_id: record.webhook_id,
            scope: is_event.then_some(record.scope),
            action: is_event.then_some(record.action),
            repo,
            state: record.state.as_str(),
            unparsable: record.unparsable,
            duplicates: record.duplicates,
            runs: record.runs.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<DeliveryRecord> for DeliveryDetailJson {
    fn from(mut record: DeliveryRecord) -> Self {
        let (payload, headers) = record.payload.take().map_or((None, None), |payload| {
            let text = || String::from_utf8_lossy(&payload.body);
            (
                // What is no JSON is shown as a text. It may be large: no copy more than is needed is made of it.
                RawValue::from_string(text().into_owned())
                    .or_else(|_| to_raw_value(&text()))
                    .ok(),
                Some(payload.headers.into_iter().collect()),
            )
        });
        Self {
            delivery: record.into(),
            payload,
            headers,
        }
    }
}

impl DeliveryDetailJson {
    /// The same without line breaks, for a list with one delivery a line. A payload is shown as it was received; a
    /// line break in JSON can only be white space between its parts, for in strings it is written otherwise.
    #[must_use]
    pub fn on_one_line(mut record: DeliveryRecord) -> Self {
        let breaks = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let is_json = |body: &[u8]| serde_json::from_slice::<IgnoredAny>(body).is_ok();
        if let Some(payload) = &mut record.payload
            && payload.body.iter().any(breaks)
            && (record.unparsable.is_none() || is_json(&payload.body))
        {
            let blank = |byte| if breaks(&byte) { b' ' } else { byte };
            payload.body = payload.body.iter().copied().map(blank).collect();
        }
        record.into()
    }
}

impl From<RunRecord> for RunJson {
    fn from(record: RunRecord) -> Self {
        Self {
            id: record.id.to_string(),
            plugin: record.plugin,
            state: record.state.as_str(),
            parked: record.gate == Gate::Parked && !record.state.is_settled(),
            reason: record.reason,
            scope: record.scope,
            action: record.action,
            replay_of: record.replay_of.map(|id| id.to_string()),
            stands_for: record.stands_for,
            next_attempt_at: record.next_attempt_ms.map(rfc3339),
            attempts: record.attempts.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<RunEntry> for RunEntryJson {
    fn from(entry: RunEntry) -> Self {
        Self {
            delivery: entry.delivery.to_string(),
            run: entry.run.into(),
        }
    }
}

impl From<Refusal> for RequestJson {
    fn from(refusal: Refusal) -> Self {
        Self {
            at: rfc3339(refusal.at_ms),
            method: refusal.method,
            path: refusal.path,
            status: refusal.status,
            reason: refusal.reason,
            peer: refusal.peer.to_string(),
            request_id: refusal.request_id,
        }
    }
}

impl From<Totals> for BacklogJson {
    fn from(totals: Totals) -> Self {
        let plugins = totals.plugins.into_iter();
        let plugins: Vec<_> = plugins
            .filter(|(_, totals)| totals.unsettled > 0)
            .map(|(plugin, totals)| PluginBacklogJson {
                plugin,
                runs: totals.unsettled.saturating_sub(totals.parked),
                parked: totals.parked,
            })
            .collect();
        Self {
            runs: plugins.iter().map(|plugin| plugin.runs).sum(),
            parked: plugins.iter().map(|plugin| plugin.parked).sum(),
            plugins,
        }
    }
}

impl From<AttemptEntry> for AttemptJson {
    fn from(entry: AttemptEntry) -> Self {
        Self {
            n: entry.n,
            started_at: rfc3339(entry.started_ms),
            version: entry.version,
            digest: entry.digest,
            outcome: entry.outcome.map(crate::delivery::Outcome::as_str),
            output: entry.output,
            fuel: entry.fuel,
            fuel_limit: entry.fuel_limit,
            memory_peak_bytes: entry.memory_peak_bytes,
            wall_ms: entry.wall_ms,
            logs: entry.logs,
            calls: entry.calls,
            trap: entry.trap,
        }
    }
}

impl ReplayJson {
    /// The new runs of a delivery, and the plugins that got none.
    #[must_use]
    pub fn new(id: DeliveryId, runs: Vec<RunRecord>, skipped: Vec<Skipped>) -> Self {
        Self {
            id: id.to_string(),
            runs: runs.into_iter().map(Into::into).collect(),
            skipped: skipped
                .into_iter()
                .map(|Skipped { plugin, reason }| SkippedJson { plugin, reason })
                .collect(),
        }
    }
}

impl RunOnceJson {
    /// One attempt outside a host.
    #[must_use]
    pub fn new(
        plugin: &str,
        scope: &str,
        action: &str,
        started_ms: u64,
        record: AttemptRecord,
    ) -> Self {
        let wall_ms = record.wall_ms();
        Self {
            plugin: plugin.to_owned(),
            scope: scope.to_owned(),
            action: action.to_owned(),
            n: 1,
            started_at: rfc3339(started_ms),
            version: record.version,
            digest: record.digest,
            outcome: record.outcome.as_str(),
            output: record.output,
            fuel: record.fuel,
            fuel_limit: record.fuel_limit,
            memory_peak_bytes: record.memory_peak_bytes,
            wall_ms,
            logs: record.logs,
            calls: record.calls,
            trap: record.trap,
        }
    }
}

impl PluginJson {
    /// A plugin, and how much the ledger keeps of it.
    #[must_use]
    pub fn new(record: PluginRecord, stored: StateUsage) -> Self {
        let state_usage = StateUsageJson::of(record.grant.as_deref(), stored);
        let manifest = record.manifest.as_deref().and_then(Manifest::from_stored);
        let of_candidate = || record.candidate.as_ref()?.digest.clone();
        let digest = record.active.clone().or_else(of_candidate);
        // Before there is an active version, the plugin's own state is that of its candidate.
        let candidate = record.candidate.filter(|_| record.active.is_some());
        let (own_account, own_account_unknown) = AccountJson::of(record.own);
        Self {
            name: record.name,
            state: record.state.as_str(),
            reason: record.reason,
            version: manifest.as_ref().map(|manifest| manifest.version.clone()),
            digest,
            description: manifest
                .as_ref()
                .map(|manifest| manifest.description.clone()),
            subscriptions: manifest.as_ref().map_or_else(Vec::new, subscriptions),
            candidate: candidate.map(|candidate| CandidateJson {
                digest: candidate.digest,
                state: candidate.state.as_str(),
                reason: candidate.reason,
            }),
            paused_by: record.paused_by,
            own_account,
            own_account_unknown,
            state_usage,
        }
    }
}

fn subscriptions(manifest: &Manifest) -> Vec<StoredSubscription> {
    manifest.subscriptions.iter().map(Into::into).collect()
}
