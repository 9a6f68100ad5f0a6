//! `hookbox deliveries replay`: has deliveries handled again, by the plugins and grants of now.
//!
//! It writes the new runs into the ledger, whether a host runs or not; the host makes their attempts.

mod bulk;

use crate::activity::ReplayJson;
use crate::cli::{End, UsageError, output};
use crate::delivery::{DeliveryId, Gate};
use crate::event::Event;
use crate::ledger::RunRecord;
use crate::ledger::sqlite::{SqliteOperator, SqliteReader};
use crate::plugin;
use crate::replay::{Plan, Skipped};
use crate::router::Router;
use anyhow::Context as _;
use std::path::Path;

/// Have deliveries handled again, by the plugins and grants of now
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox deliveries replay 01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e
  hookbox deliveries replay 01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e --plugin hello
  hookbox deliveries replay --plugin hello --since 1d --state dead
  hookbox deliveries replay --since 2026-08-28T09:30:00Z --repo my-org/my-model --yes

Each delivery is routed anew and gets a new run of each plugin that takes it now; one posted
to a plugin's own endpoint goes to that plugin alone. A plugin whose run of the delivery is
not settled is skipped. A running host takes new runs up within half a second.

Without ids, all deliveries that match are replayed, oldest first, once that is confirmed. With
--state dead only the plugins whose newest run is dead run again. It can be stopped at any time:
what was replayed until then stays.

Exit codes: 0 nothing failed; 1 a delivery is not there or cannot be replayed, the plugin
asked for does not take it, or nothing of what matches was replayed; 2 wrong usage.")]
pub struct Replay {
    /// The deliveries' ids
    #[arg(
        value_name = "ID",
        required_unless_present_any = ["state", "scope", "repo", "since"],
        conflicts_with_all = ["state", "scope", "repo", "since", "limit"]
    )]
    ids: Vec<String>,
    /// Only to this plugin
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    /// Those pending, settled or dead; with `dead` only the plugins that are dead there
    #[arg(long, value_name = "STATE", value_parser = ["pending", "settled", "dead"])]
    state: Option<String>,
    /// Those with this scope, or one under it
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// Those about this repo
    #[arg(long, value_name = "NAME")]
    repo: Option<String>,
    /// Those of the last 30m, 12h, 7d…, or since a time such as 2026-08-28T09:30:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most so many, the oldest
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

/// What became of one delivery.
struct Replayed {
    id: DeliveryId,
    runs: Vec<RunRecord>,
    skipped: Vec<Skipped>,
    /// Whether the plugin that was asked for does not take it.
    refused: bool,
}

impl Replay {
    pub(in crate::cli) fn execute(self, data: &Path, json: bool) -> anyhow::Result<End> {
        if self.ids.is_empty() {
            return bulk::execute(self, data, json);
        }
        let ids: Vec<DeliveryId> = self
            .ids
            .iter()
            .map(|id| id.parse().map_err(|error| UsageError(format!("{error}"))))
            .collect::<Result<_, _>>()?;
        let mut replayer = Replayer::open(data, self.plugin)?;
        let mut end = End::Ok;
        let mut shown = Vec::new();
        for id in ids {
            // One that cannot be replayed keeps none of the others from it.
            let replayed = match replayer.replay(id) {
                Ok(replayed) => replayed,
                Err(error) => {
                    output::error(&error);
                    end = End::Failed;
                    continue;
                }
            };
            if replayed.refused {
                end = End::Failed;
            }
            if json {
                shown.push(ReplayJson::new(
                    replayed.id,
                    replayed.runs,
                    replayed.skipped,
                ));
            } else {
                output::line(&replayed.told());
            }
        }
        if json {
            output::json(&shown)?;
        }
        Ok(end)
    }
}

/// The ledger, and what is noted of plugins now.
struct Replayer {
    reader: SqliteReader,
    operator: SqliteOperator,
    router: Router,
    only: Option<String>,
}

impl Replayer {
    fn open(data: &Path, only: Option<String>) -> anyhow::Result<Self> {
        let reader = SqliteReader::open(data)?;
        let records = reader.plugins()?;
        if let Some(only) = &only {
            let noted: Vec<&str> = records.iter().map(|record| &*record.name).collect();
            if let Some(why) = plugin::unknown(only, &noted, &reader.known_plugins()?) {
                anyhow::bail!(why);
            }
        }
        Ok(Self {
            router: Router::of(&records),
            operator: SqliteOperator::open(data)?,
            reader,
            only,
        })
    }

    fn replay(&mut self, id: DeliveryId) -> anyhow::Result<Replayed> {
        let missing = || format!("{id}: there is no such delivery (see 'hookbox deliveries list')");
        let delivery = self.reader.delivery(id);
        let delivery = delivery
            .with_context(|| id.to_string())?
            .with_context(missing)?;
        let payload = delivery
            .payload
            .as_ref()
            .with_context(|| format!("{id}: its payload is not kept any more"))?;
        let event = Event::parse(&payload.body).with_context(|| id.to_string())?;
        let plan = Plan::new(&self.router, &delivery, &event, self.only.as_deref());
        let recorded = self.operator.replay(id, &plan.runs);
        let runs = recorded
            .with_context(|| id.to_string())?
            .with_context(missing)?;
        Ok(Replayed {
            id,
            refused: self.only.is_some() && plan.runs.is_empty(),
            skipped: plan.skipped(&runs),
            runs,
        })
    }
}

impl Replayed {
    /// What became of it, on one line.
    fn told(&self) -> String {
        let (parked, again): (Vec<_>, Vec<_>) = self
            .runs
            .iter()
            .partition(|run| run.gate == Gate::Parked && !run.state.is_settled());
        let again: Vec<&str> = again.iter().map(|run| &*run.plugin).collect();
        let with_reason = |plugin: &str, reason: &str| format!("{plugin} ({reason})");
        let parked: Vec<String> = parked
            .iter()
            .map(|run| with_reason(&run.plugin, run.reason.as_deref().unwrap_or_default()))
            .collect();
        let skipped: Vec<String> = self
            .skipped
            .iter()
            .map(|skipped| with_reason(&skipped.plugin, &skipped.reason))
            .collect();
        let parts: Vec<String> = [
            ("run again: ", again.join(", ")),
            ("parked: ", parked.join(", ")),
            ("skipped: ", skipped.join(", ")),
        ]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(title, names)| format!("{title}{names}"))
        .collect();
        if parts.is_empty() {
            return format!("{}  no plugin takes it now", self.id);
        }
        output::one_line(&format!("{}  {}", self.id, parts.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::conformance::{claim_one, delivery_with, done, plugin, run};
    use crate::ledger::sqlite::{SqliteLedger, SqliteOptions, WriterMetrics};
    use crate::ledger::{Ledger as _, PluginRecord, PluginState};
    use tempfile::TempDir;

    pub(super) const BODY: &str = r#"{"event":{"scope":"repo.content","action":"update"}}"#;

    /// A plugin that takes every event.
    pub(super) fn noted(name: &str) -> PluginRecord {
        PluginRecord {
            manifest: Some(
                r#"{"version":"1","description":"","wants":[],
                    "subscriptions":[{"scope":"*","actions":[]}]}"#
                    .to_owned(),
            ),
            ..plugin(name, PluginState::Loaded, None)
        }
    }

    #[tokio::test]
    async fn a_forgotten_plugin_is_named_and_gets_nothing_until_it_is_back() {
        // Given a delivery that two plugins handled, one of which was forgotten since
        let folder = TempDir::new().unwrap();
        let ledger = SqliteLedger::open(
            folder.path(),
            SqliteOptions::default(),
            WriterMetrics::default(),
        )
        .unwrap();
        let delivery = delivery_with(DeliveryId::new(), BODY);
        let id = delivery.id;
        let runs = vec![run("gone"), run("here")];
        ledger.record(delivery, runs).await.unwrap();
        for name in ["gone", "here"] {
            ledger.put_plugin(noted(name)).await.unwrap();
            done(&ledger, claim_one(&ledger, name).await).await;
        }
        ledger.forget_plugin("gone".to_owned()).await.unwrap();
        // When it is replayed
        let replay = |only: Option<&str>| {
            let mut replayer = Replayer::open(folder.path(), only.map(str::to_owned))?;
            Ok::<_, anyhow::Error>(replayer.replay(id)?.told())
        };
        // Then the other handles it again, and the forgotten one is named
        let told = replay(None).unwrap();
        assert_eq!(
            told,
            format!(
                "{id}  run again: here; skipped: gone (there is no such plugin; put its file into the plugins folder)"
            )
        );
        let error = replay(Some("gone")).unwrap_err().to_string();
        assert_eq!(error, "the plugin `gone` is gone; put its file back first");
        // And once it is back, it is a plugin like any other
        ledger.put_plugin(noted("gone")).await.unwrap();
        assert_eq!(
            replay(Some("gone")).unwrap(),
            format!("{id}  run again: gone")
        );
    }
}
