//! `hookbox deliveries`: what came in, what became of it, and having it handled again. Works on the ledger, whether a
//! host runs or not.

mod export;
mod replay;

use crate::activity::{DeliveryDetailJson, DeliveryJson};
use crate::cli::{End, UsageError, output};
use crate::clock::{read_since, rfc3339};
use crate::delivery::{DeliveryId, DeliveryState, RunState};
use crate::ledger::sqlite::SqliteReader;
use crate::ledger::{AttemptEntry, DeliveryFilter, DeliveryRecord, RunRecord};
use std::path::PathBuf;

/// Show, export and replay deliveries, with their runs and attempts
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox deliveries list --state dead --since 1d
  hookbox deliveries show 01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e --json
  hookbox deliveries export --repo my-org/my-model -o deliveries.jsonl
  hookbox deliveries replay 01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e --plugin hello
  hookbox deliveries replay --plugin hello --since 1d --state dead")]
pub struct Deliveries {
    #[command(subcommand)]
    command: Command,
    /// The host's data folder
    #[arg(
        long,
        env = "HOOKBOX_DATA",
        value_name = "DIR",
        default_value = "data",
        global = true
    )]
    data: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List deliveries, newest first
    List(List),
    /// Show one delivery with its payload, runs, attempts and logs
    Show {
        /// The delivery's id
        id: String,
    },
    Export(export::Export),
    Replay(replay::Replay),
}

#[derive(Debug, clap::Args)]
struct List {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    #[command(flatten)]
    filter: Filter,
}

const RUN_STATES: [&str; 6] = ["pending", "running", "done", "ignored", "coalesced", "dead"];

/// Which deliveries; all conditions must hold.
#[derive(Debug, clap::Args)]
struct Filter {
    /// Only those pending, settled or dead
    #[arg(long, value_name = "STATE", value_parser = ["pending", "settled", "dead"])]
    state: Option<String>,
    /// Only those with a run of this plugin
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    /// Only those where a plugin's newest run (with --plugin, that one's) is in this state
    #[arg(long, value_name = "STATE", value_parser = RUN_STATES)]
    run_state: Option<String>,
    /// Only those with this scope, or one under it
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// Only those about this repo
    #[arg(long, value_name = "NAME")]
    repo: Option<String>,
    /// Only those of the last 30m, 12h, 7d…, or since a time such as 2026-08-28T09:30:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

impl Deliveries {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        match self.command {
            Command::List(list) => {
                let limit = (!list.all).then_some(list.limit);
                let filter = list.filter.read(limit)?;
                let deliveries = SqliteReader::open(&self.data)?.deliveries(&filter)?;
                if self.json {
                    let deliveries: Vec<DeliveryJson> =
                        deliveries.into_iter().map(Into::into).collect();
                    output::json(&deliveries)?;
                } else {
                    show_list(deliveries);
                }
            }
            Command::Show { id } => {
                let id: DeliveryId = id.parse().map_err(|error| UsageError(format!("{error}")))?;
                let delivery = SqliteReader::open(&self.data)?.delivery(id)?.ok_or_else(|| {
                    let data = self.data.display();
                    anyhow::anyhow!("{id}: there is no such delivery in {data} (see 'hookbox deliveries list')")
                })?;
                if self.json {
                    output::json(&DeliveryDetailJson::from(delivery))?;
                } else {
                    show_one(&delivery);
                }
            }
            Command::Export(export) => return export.execute(&self.data),
            Command::Replay(replay) => return replay.execute(&self.data, self.json),
        }
        Ok(End::Ok)
    }
}

impl Filter {
    fn read(self, limit: Option<usize>) -> anyhow::Result<DeliveryFilter> {
        Ok(DeliveryFilter {
            limit,
            state: self.state.as_deref().and_then(DeliveryState::from_word),
            plugin: self.plugin,
            run_state: self.run_state.as_deref().and_then(RunState::from_word),
            scope: self.scope,
            repo: self.repo,
            since_ms: self.since.as_deref().map(since).transpose()?,
        })
    }
}

fn since(text: &str) -> Result<u64, UsageError> {
    read_since(text).ok_or_else(|| {
        UsageError(format!(
            "--since {text}: neither a duration such as 12h or 7d nor a time such as 2026-08-28T09:30:00Z"
        ))
    })
}

fn show_list(deliveries: Vec<DeliveryRecord>) {
    let rows = deliveries.into_iter().map(|delivery| {
        let runs: Vec<String> = delivery
            .runs
            .iter()
            .map(|run| format!("{} {}", run.plugin, run.state))
            .collect();
        [
            delivery.id.to_string(),
            rfc3339(delivery.received_ms),
            delivery.title(),
            delivery.repo_name.unwrap_or_default(),
            delivery.state.to_string(),
            runs.join(", "),
        ]
    });
    output::table(["id", "received", "event", "repo", "state", "runs"], rows);
}

fn show_one(delivery: &DeliveryRecord) {
    let print =
        |title: &str, text: &str| output::line(&format!("{title:<10}{}", output::one_line(text)));
    print("delivery", &delivery.id.to_string());
    print("received", &rfc3339(delivery.received_ms));
    print("path", &delivery.path);
    print("event", &delivery.title());
    if let Some(reason) = &delivery.unparsable {
        print("because", reason);
    }
    if let Some(name) = &delivery.repo_name {
        print(
            "repo",
            &format!(
                "{} {name}",
                delivery.repo_type.as_deref().unwrap_or_default()
            ),
        );
    }
    if let Some(id) = &delivery.hub_id {
        print(
            "hub id",
            &format!("{id} (came again {} times)", delivery.duplicates),
        );
    }
    output::line(&format!(
        "{:<10}{}",
        "state",
        output::state(delivery.state.as_str())
    ));
    for run in &delivery.runs {
        output::line("");
        show_run(run);
    }
    if let Some(payload) = &delivery.payload {
        output::line("");
        output::line(&output::visible(&String::from_utf8_lossy(&payload.body)));
    }
}

fn show_run(run: &RunRecord) {
    let name = output::one_line(&run.plugin);
    output::line(&format!(
        "{name} {} (run {})",
        output::state(run.state.as_str()),
        run.id
    ));
    if let Some(replayed) = &run.replay_of {
        output::line(&format!("  replay of run {replayed}"));
    }
    if let Some(reason) = &run.reason {
        output::line(&format!("  {}", output::one_line(reason)));
    }
    if let Some(next) = run.next_attempt_ms {
        output::line(&format!("  next attempt at {}", rfc3339(next)));
    }
    for attempt in &run.attempts {
        show_attempt(attempt);
    }
}

fn show_attempt(attempt: &AttemptEntry) {
    let outcome = attempt
        .outcome
        .map_or("running", crate::delivery::Outcome::as_str);
    let mut text = format!("  attempt {} {}", attempt.n, output::state(outcome));
    if let (Some(fuel), Some(bytes), Some(ms)) =
        (attempt.fuel, attempt.memory_peak_bytes, attempt.wall_ms)
    {
        text.push_str(&format!(
            ": fuel {fuel}, memory {} KiB, {ms} ms",
            bytes / 1024
        ));
    }
    output::line(&text);
    if let Some(said) = &attempt.output {
        output::line(&format!("    {}", output::visible(said)));
    }
    if let Some(trap) = &attempt.trap {
        output::trap("    ", trap);
    }
    output::logs("    ", &attempt.logs);
    output::calls("    ", &attempt.calls);
}
