//! `hookbox run`: one event through one plugin, without a host, in the same sandbox and under the same limits.

mod calls;
mod input;
mod state;
mod watch;

use crate::activity::RunOnceJson;
use crate::cli::component::{load, small_engine};
use crate::cli::event::Source;
use crate::cli::{End, UsageError, output};
use crate::clock::now_ms;
use crate::delivery::{AttemptRecord, Outcome};
use crate::event::Event;
use crate::plugin::capability::{Backing, Capabilities};
use crate::plugin::compiler::Compiler;
use crate::plugin::folder::read_grant;
use crate::plugin::grant::{FUEL_MAX, memory_bytes};
use crate::plugin::sandbox::{Attempt, Limits, attempt};
use crate::plugin::{Component, Engine, Grant};
use crate::scope::SeenEvent;
use bytesize::ByteSize;
use calls::Calls;
use input::Input;
use state::CopiedState;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Run one event through one plugin, without a host
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox run plugins-dir/hello.wasm discussion-comment
  hookbox run plugins-dir/hello.wasm event.json --grant hello.toml --json
  hookbox run plugins-dir/hello.wasm --delivery 01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e --data data
  curl -s https://example.org/event.json | hookbox run plugins-dir/hello.wasm -
  hookbox run plugins-dir/hello.wasm event.json --watch

The sandbox and the limits are those of 'hookbox serve'; [match] is not judged. An event
that no subscription admits is not executed and comes out as ignored. With [state] in its
grant the plugin finds what the ledger in --data keeps for it, if there is one; what it
writes is thrown away.

Exit codes: 0 done or ignored, or --watch was ended with Ctrl-C; 1 the plugin failed, or
used more fuel than expected, or none because it was not executed; 2 wrong usage, or what
was given cannot be used.")]
pub struct Run {
    /// The component
    file: PathBuf,
    /// A JSON file with the payload, '-' for standard input, or a sample ('hookbox send --list')
    #[arg(required_unless_present = "delivery", conflicts_with = "delivery")]
    event: Option<String>,
    /// Take payload, headers, time and id of a delivery in the ledger instead of an event
    #[arg(long, value_name = "ID")]
    delivery: Option<String>,
    /// The data folder whose ledger holds the delivery, and the plugin's state
    #[arg(long, env = "HOOKBOX_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The grant; the sidecar beside the file by default
    #[arg(long, value_name = "FILE")]
    grant: Option<PathBuf>,
    /// Fuel in place of the grant's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=FUEL_MAX))]
    fuel: Option<u64>,
    /// Memory in place of the grant's
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Fail if N fuel or more was used, or if nothing was executed that could be measured
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    expect_fuel_below: Option<u64>,
    /// Let the plugin call the hosts that its grant allows; without it every call is denied
    #[arg(long)]
    allow_http: bool,
    /// Certificate authorities to trust besides the system's with --allow-http, as for 'serve'
    #[arg(long, env = "HOOKBOX_CA_FILE", value_name = "FILE")]
    ca_file: Option<OsString>,
    /// Run again whenever the component, its grant or the event changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Largest memory that a grant may give, as for 'serve'
    #[arg(
        long,
        env = "HOOKBOX_MEMORY_MAX",
        value_name = "SIZE",
        default_value = "256MiB"
    )]
    memory_max: ByteSize,
    /// Print JSON; with --watch one document a line
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let engine = small_engine(memory_max(self.memory_max)?)?;
        let input = self.input().map_err(usage)?;
        let memory = self.memory.as_deref();
        let memory = memory.map(|text| memory_bytes(text, engine.config().memory_bytes_max));
        let trial = Trial {
            memory: memory
                .transpose()
                .map_err(|reason| UsageError(format!("--memory: {reason}")))?,
            engine,
            compiler: Compiler::in_children()?,
            input,
            calls: self.calls()?,
            run: &self,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        if !self.watch {
            let ended = runtime.block_on(trial.run());
            // A name that is still looked up for a call is not waited for.
            runtime.shutdown_background();
            return ended;
        }
        let again = async || match trial.run().await {
            // What was said is all that comes of a run here: the next one may go better.
            Ok(End::Ok | End::Failed) => {}
            Err(error) => output::error(&error),
        };
        let ended = runtime.block_on(watch::run_again(trial.files(), again));
        // A component that is being compiled is not waited for.
        trial.compiler.stop();
        runtime.shutdown_background();
        ended.map(|()| End::Ok)
    }

    fn input(&self) -> anyhow::Result<Input> {
        if let Some(id) = &self.delivery {
            return Input::of_delivery(&self.data, id);
        }
        let source = Source::find(self.event.as_deref().unwrap_or_default())?;
        anyhow::ensure!(
            !self.watch || !matches!(source, Source::Stdin),
            "--watch reads the event anew for each run, and standard input can be read only once; give a file"
        );
        Ok(Input::Event(source))
    }

    fn calls(&self) -> anyhow::Result<Calls> {
        if !self.allow_http {
            return Ok(Calls::withheld());
        }
        // None and an empty one are the same, as for a host.
        let authorities = self.ca_file.as_deref().filter(|file| !file.is_empty());
        Calls::allowed(authorities.map(Path::new))
            .map_err(|reason| UsageError(format!("--ca-file {reason}")).into())
    }

    fn sidecar(&self) -> PathBuf {
        self.file.with_extension("toml")
    }
}

/// All that a run is made of and that stays the same while files change.
struct Trial<'a> {
    run: &'a Run,
    engine: Engine,
    compiler: Compiler,
    input: Input,
    memory: Option<usize>,
    calls: Calls,
}

/// What the files hold.
struct Given {
    body: Vec<u8>,
    event: Event,
    limits: Limits,
    name: String,
    component: Component,
    grant: Grant,
    capabilities: Capabilities,
    state: CopiedState,
}

impl Trial<'_> {
    /// Makes one attempt and shows it.
    async fn run(&self) -> anyhow::Result<End> {
        let given = self.read().await.map_err(usage)?;
        warn_of_wants(&given.component, &given.grant, &self.calls);
        let (name, event) = (given.name.clone(), given.event.clone());
        let started_ms = now_ms();
        let manifest = given.component.manifest();
        let (seen, record, executed) = match manifest.sees(&event.scope, &event.action) {
            Some(seen) => (seen.clone(), self.attempt(given, seen).await?, true),
            None => {
                let (seen, record) = not_subscribed(&given.component, &event);
                (seen, record, false)
            }
        };
        self.show(&name, &seen, started_ms, &record)?;
        let within = self.is_fuel_as_expected(executed.then_some(record.fuel));
        Ok(match record.outcome {
            Outcome::Done | Outcome::Ignored if within => End::Ok,
            _ => End::Failed,
        })
    }

    /// Reads all that the command was given: what is wrong with it is a mistake in its use, not the plugin's failure.
    async fn read(&self) -> anyhow::Result<Given> {
        let (body, event) = self.input.read()?;
        let sidecar = self.run.sidecar();
        let memory_bytes_max = self.engine.config().memory_bytes_max;
        let grant = match &self.run.grant {
            Some(path) => read_grant(path, memory_bytes_max).map_err(anyhow::Error::msg)?,
            None if sidecar.exists() => {
                read_grant(&sidecar, memory_bytes_max).map_err(anyhow::Error::msg)?
            }
            None => Grant::within(memory_bytes_max),
        };
        let state = match grant.state {
            Some(_) => CopiedState::open(&self.run.data)?,
            None => CopiedState::none(),
        };
        let mut limits = grant.limits;
        limits.fuel = self.run.fuel.unwrap_or(limits.fuel);
        limits.memory_bytes = self.memory.unwrap_or(limits.memory_bytes);
        let (engine, file) = (self.engine.clone(), self.run.file.clone());
        let compiler = self.compiler.clone();
        // Compiling blocks, and Ctrl-C must not wait for it.
        let loading = tokio::task::spawn_blocking(move || load(&engine, &file, &compiler));
        let (name, component) = loading.await??;
        let written = self.run.grant.as_ref().unwrap_or(&sidecar);
        let http = self.calls.of(&name, grant.http.clone(), written).await?;
        let capabilities = Capabilities::of(&grant, http);
        if let Some(digest) =
            (grant.digest.as_ref()).filter(|digest| **digest != component.facts().digest)
        {
            output::note(&format!(
                "warning: its grant is for another file ({digest}); 'hookbox serve' would hold this one"
            ));
        }
        Ok(Given {
            body,
            event,
            limits,
            name,
            component,
            grant,
            capabilities,
            state,
        })
    }

    async fn attempt(&self, given: Given, seen: SeenEvent) -> anyhow::Result<AttemptRecord> {
        let invocation = self.input.invocation(given.event, given.body, seen);
        let backing = Backing {
            plugin: given.name.into(),
            state: Arc::new(given.state),
        };
        let Attempt { record, .. } = attempt(
            &self.engine,
            &given.component,
            &given.limits,
            &given.capabilities,
            &backing,
            invocation,
        )
        .await?;
        Ok(record)
    }

    fn show(
        &self,
        name: &str,
        seen: &SeenEvent,
        started_ms: u64,
        record: &AttemptRecord,
    ) -> anyhow::Result<()> {
        if !self.run.json {
            show(record);
            return Ok(());
        }
        let shown = RunOnceJson::new(name, &seen.scope, &seen.action, started_ms, record.clone());
        if self.run.watch {
            output::json_line(&shown)
        } else {
            output::json(&shown)
        }
    }

    /// Whether the fuel is what `--expect-fuel-below` asks for. Where nothing was executed nothing was measured, and
    /// a check that checks nothing must not look like one that passed.
    fn is_fuel_as_expected(&self, used: Option<u64>) -> bool {
        let Some(below) = self.run.expect_fuel_below else {
            return true;
        };
        match used {
            Some(used) if used < below => return true,
            Some(used) => output::error(&anyhow::anyhow!(
                "it used {used} fuel; --expect-fuel-below {below} asks for less"
            )),
            None => output::error(&anyhow::anyhow!(
                "no fuel was measured, for the event was not executed; give --expect-fuel-below with an event that the plugin subscribes to"
            )),
        }
        false
    }

    /// The files that a run depends on, whether they are there or not.
    fn files(&self) -> Vec<PathBuf> {
        let grant = self.run.grant.clone();
        let event = self.input.file().map(std::borrow::ToOwned::to_owned);
        [
            self.run.file.clone(),
            grant.unwrap_or_else(|| self.run.sidecar()),
        ]
        .into_iter()
        .chain(event)
        .collect()
    }
}

/// The host's bound on memory, within what a host may be told.
fn memory_max(size: ByteSize) -> Result<usize, UsageError> {
    let bytes = usize::try_from(size.as_u64()).ok();
    bytes
        .filter(|bytes| (1 << 20..=4 << 30).contains(bytes))
        .ok_or_else(|| UsageError(format!("--memory-max {size}: not between 1MiB and 4GiB")))
}

/// A mistake in the command's use, with all its causes.
fn usage(error: anyhow::Error) -> anyhow::Error {
    UsageError(format!("{error:#}")).into()
}

/// Tells what the plugin wants and is not given. Without `--allow-http` no call is, whatever its grant says.
fn warn_of_wants(component: &Component, grant: &Grant, calls: &Calls) {
    for want in &component.manifest().wants {
        let needs = if want.required {
            "requires"
        } else {
            "would like"
        };
        let text = match want.lacking(grant) {
            Some(lacking) => format!("{needs} what is not granted: {lacking}"),
            None if want.kind == "http" && calls.are_withheld() => {
                format!("{needs} http `{}`, which --allow-http gives it", want.name)
            }
            None => continue,
        };
        output::note(&output::one_line(&format!("warning: it {text}")));
    }
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
    output::calls("", &record.calls);
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
        record.wall_ms()
    ));
}
