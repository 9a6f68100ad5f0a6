//! `hookbox run`: one event through one plugin, without a host, in the same sandbox and under the same limits.

use crate::activity::RunOnceJson;
use crate::cli::inspect::{load, small_engine};
use crate::cli::{End, event, output};
use crate::clock::now_ms;
use crate::delivery::{AttemptRecord, DeliveryId, Outcome, RunId};
use crate::event::Event;
use crate::plugin::sandbox::{Attempt, Invocation, attempt};
use crate::plugin::{Component, Engine, Grant};
use crate::scope::SeenEvent;
use anyhow::Context as _;
use std::path::PathBuf;

/// Run one event through one plugin, without a host
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox run plugins-dir/hello.wasm discussion-comment
  hookbox run plugins-dir/hello.wasm event.json --grant hello.toml --json

The sandbox and the limits are those of 'hookbox serve'; [match] is not judged. An event that no subscription
admits is not executed and comes out as ignored. Exit code 0: done or ignored, 1: the plugin failed.")]
pub struct Run {
    /// The component
    file: PathBuf,
    /// A JSON file with the payload, or the name of a sample ('hookbox send --list')
    event: String,
    /// The grant; the sidecar beside the file by default
    #[arg(long, value_name = "FILE")]
    grant: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let engine = small_engine()?;
        let body = event::read(&self.event)?;
        let event = Event::parse(&body).with_context(|| self.event.clone())?;
        let grant = self.grant(&engine)?;
        let (name, component) = load(&engine, &self.file)?;
        for want in component
            .manifest()
            .wants
            .iter()
            .filter(|want| want.required)
        {
            let (kind, wanted, reason) = (&want.kind, &want.name, &want.reason);
            let text =
                format!("warning: it requires {kind} `{wanted}`, which is not granted: {reason}");
            output::note(&output::visible(&text));
        }
        let started_ms = now_ms();
        let (seen, record) = match component.manifest().sees(&event.scope, &event.action) {
            Some(seen) => {
                let record = run(&engine, &component, &grant, &event, seen.clone(), body)?;
                (seen, record)
            }
            None => not_subscribed(&component, &event),
        };
        let end = match record.outcome {
            Outcome::Done | Outcome::Ignored => End::Ok,
            _ => End::Failed,
        };
        let shown = RunOnceJson::new(&name, &seen.scope, &seen.action, started_ms, record.clone());
        if self.json {
            output::json(&shown)?;
        } else {
            show(&record);
        }
        Ok(end)
    }

    fn grant(&self, engine: &Engine) -> anyhow::Result<Grant> {
        let sidecar = self.file.with_extension("toml");
        let path = match &self.grant {
            Some(path) => path,
            None if sidecar.exists() => &sidecar,
            None => return Ok(Grant::default()),
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: cannot read the grant", path.display()))?;
        Grant::parse(&text, engine.config().memory_bytes_max)
            .with_context(|| path.display().to_string())
    }
}

fn run(
    engine: &Engine,
    component: &Component,
    grant: &Grant,
    event: &Event,
    seen: SeenEvent,
    body: Vec<u8>,
) -> anyhow::Result<AttemptRecord> {
    let repo = event.repo.clone().unwrap_or_default();
    let invocation = Invocation {
        delivery: DeliveryId::new().to_string(),
        run: RunId::new().to_string(),
        attempt: 1,
        received_ms: now_ms(),
        seen,
        sent_scope: event.scope.clone(),
        sent_action: event.action.clone(),
        repo_type: repo.kind,
        repo_name: repo.name,
        repo_id: repo.id,
        body: body.into(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let Attempt { record, .. } =
        runtime.block_on(attempt(engine, component, &grant.limits, invocation))?;
    Ok(record)
}

fn not_subscribed(component: &Component, event: &Event) -> (SeenEvent, AttemptRecord) {
    let seen = SeenEvent {
        scope: event.scope.clone(),
        action: event.action.clone(),
    };
    let record = AttemptRecord {
        version: component.manifest().version.clone(),
        digest: component.facts().digest.clone(),
        outcome: Outcome::Ignored,
        output: Some(format!(
            "not executed: no subscription admits `{}` on `{}`",
            event.action, event.scope
        )),
        fuel: 0,
        fuel_limit: 0,
        memory_peak_bytes: 0,
        wall_ms: 0,
        logs: Vec::new(),
        calls: Vec::new(),
        trap: None,
    };
    (seen, record)
}

fn show(record: &AttemptRecord) {
    for line in &record.logs {
        let text = format!("{:>6} ms  {:<5}  {}", line.at_ms, line.level, line.text);
        output::line(&output::visible(&text));
    }
    if let Some(trap) = &record.trap {
        output::line(&output::visible(&trap.message));
        for frame in &trap.frames {
            output::line(&format!("    at {}", output::visible(frame)));
        }
    }
    output::line(&format!(
        "{}{}",
        output::state(record.outcome.as_str()),
        record
            .output
            .as_ref()
            .map_or_else(String::new, |text| format!(": {}", output::visible(text)))
    ));
    output::line(&format!(
        "fuel {} of {}, memory {} KiB, {} ms",
        record.fuel,
        record.fuel_limit,
        record.memory_peak_bytes / 1024,
        record.wall_ms
    ));
}
