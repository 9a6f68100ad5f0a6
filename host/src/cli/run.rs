//! `hookbox run`: one event through one plugin, without a host, in the same sandbox and under the same limits.

use crate::activity::RunOnceJson;
use crate::cli::component::{load, small_engine};
use crate::cli::{End, UsageError, event, output};
use crate::clock::now_ms;
use crate::delivery::{AttemptRecord, DeliveryId, Outcome, RunId};
use crate::event::Event;
use crate::plugin::folder::read_grant;
use crate::plugin::sandbox::{Attempt, Invocation, attempt};
use crate::plugin::{Component, Engine, Grant};
use crate::scope::SeenEvent;
use anyhow::Context as _;
use bytesize::ByteSize;
use std::path::PathBuf;

/// Run one event through one plugin, without a host
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox run plugins-dir/hello.wasm discussion-comment
  hookbox run plugins-dir/hello.wasm event.json --grant hello.toml --json

The sandbox and the limits are those of 'hookbox serve'; [match] is not judged. An event
that no subscription admits is not executed and comes out as ignored. Exit code 0: done or
ignored, 1: the plugin failed, 2: wrong usage.")]
pub struct Run {
    /// The component
    file: PathBuf,
    /// A JSON file with the payload, or the name of a sample ('hookbox send --list')
    event: String,
    /// The grant; the sidecar beside the file by default
    #[arg(long, value_name = "FILE")]
    grant: Option<PathBuf>,
    /// Largest memory that a grant may give, as for 'serve'
    #[arg(
        long,
        env = "HOOKBOX_MEMORY_MAX",
        value_name = "SIZE",
        default_value = "256MiB"
    )]
    memory_max: ByteSize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let engine = small_engine(usize::try_from(self.memory_max.as_u64())?)?;
        let prepared = self.prepare(&engine);
        let Given {
            body,
            event,
            grant,
            name,
            component,
        } = prepared.map_err(|error| UsageError(format!("{error:#}")))?;
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

    /// Reads all that the command was given: what is wrong with it is a mistake in its use, not the plugin's failure.
    fn prepare(&self, engine: &Engine) -> anyhow::Result<Given> {
        let body = event::read(&self.event)?;
        let event = Event::parse(&body).with_context(|| self.event.clone())?;
        let sidecar = self.file.with_extension("toml");
        let memory_bytes_max = engine.config().memory_bytes_max;
        let grant = match &self.grant {
            Some(path) => read_grant(path, memory_bytes_max).map_err(anyhow::Error::msg)?,
            None if sidecar.exists() => {
                read_grant(&sidecar, memory_bytes_max).map_err(anyhow::Error::msg)?
            }
            None => Grant::within(memory_bytes_max),
        };
        let (name, component) = load(engine, &self.file)?;
        Ok(Given {
            body,
            event,
            grant,
            name,
            component,
        })
    }
}

/// What the command was given, read.
struct Given {
    body: Vec<u8>,
    event: Event,
    grant: Grant,
    name: String,
    component: Component,
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
        output: Some(format!(
            "not executed: no subscription admits `{}` on `{}`",
            event.action, event.scope
        )),
        ..AttemptRecord::not_executed(
            component.manifest().version.clone(),
            component.facts().digest.clone(),
            Outcome::Ignored,
        )
    };
    (seen, record)
}

fn show(record: &AttemptRecord) {
    output::logs("", &record.logs);
    if let Some(trap) = &record.trap {
        output::trap("", trap);
    }
    let said = record.output.as_deref().unwrap_or_default();
    let colon = if said.is_empty() { "" } else { ": " };
    let outcome = output::state(record.outcome.as_str());
    output::line(&format!("{outcome}{colon}{}", output::visible(said)));
    output::line(&format!(
        "fuel {} of {}, memory {} KiB, {} ms",
        record.fuel,
        record.fuel_limit,
        record.memory_peak_bytes / 1024,
        record.wall_ms
    ));
}
