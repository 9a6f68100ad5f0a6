//! One sandboxed run, in process, with the host's own engine and limits: `cargo bench -p hookbox-bench`.
//!
//! Measured are an attempt from its invocation to its record, the phases of one, a guest that does nothing, two threads
//! at once, and the same plugin as a plain function. The ledger has no part in it.
#![expect(
    clippy::expect_used,
    reason = "a benchmark stops at the first surprise, with a message"
)]

use criterion::Criterion;
use hookbox::plugin::capability::{Backing, Capabilities};
use hookbox::plugin::compiler::Compiler;
use hookbox::plugin::sandbox::{Invocation, Limits, Phases, attempt, phases};
use hookbox::plugin::{Component, Engine, EngineConfig};
use hookbox::scope::SeenEvent;
use hookbox_sdk::Event;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// Set in the process that measures.
const MEASURES: &str = "HOOKBOX_BENCH_MEASURES";

const PAYLOAD: &str = "tests/payloads/v3-doc-2026-discussion-create-pr.json";

fn main() {
    // A plugin that runs as a plain function logs to standard error, a line a run.
    if std::env::var_os(MEASURES).is_none() {
        let own = std::env::current_exe().expect("a program knows its own file");
        let status = Command::new(own)
            .args(std::env::args_os().skip(1))
            .env(MEASURES, "")
            .stderr(Stdio::null())
            .status();
        let status = status.expect("a program can start itself");
        std::process::exit(status.code().unwrap_or(1));
    }
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    hello(&mut criterion);
    no_op(&mut criterion);
    criterion.final_summary();
}

fn hello(criterion: &mut Criterion) {
    let bench = Bench::new("hello", ["discussion.comment", "create"]);
    let mut group = criterion.benchmark_group("hello");
    let payload = payload();
    group.bench_function("native", |bencher| {
        bencher.iter(|| {
            let event = Event::from_json(&payload).expect("the payload is JSON");
            hello::PLUGIN.deliver(&event)
        });
    });
    group.bench_function("run", |bencher| {
        bencher.iter_custom(|times| bench.runs(times));
    });
    let measured: [(&str, Phase); 4] = [
        ("store", |phases| phases.store),
        ("instantiate", |phases| phases.instantiate),
        ("call", |phases| phases.call),
        ("drop", |phases| phases.drop),
    ];
    for (name, phase) in measured {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| bench.phase(times, phase));
        });
    }
    group.bench_function("two-threads", |bencher| {
        bencher.iter_custom(|times| bench.on_two_threads(times));
    });
    group.finish();
}

fn no_op(criterion: &mut Criterion) {
    let bench = Bench::new("guest_marked", ["repo.content", "update"]);
    let mut group = criterion.benchmark_group("no-op");
    group.bench_function("run", |bencher| {
        bencher.iter_custom(|times| bench.runs(times));
    });
    group.finish();
}

/// One phase of several.
type Phase = fn(Phases) -> Duration;

/// A component that is about to be run, again and again.
struct Bench {
    engine: Engine,
    component: Component,
    invocation: Invocation,
}

impl Bench {
    fn new(component: &str, [scope, action]: [&str; 2]) -> Self {
        let path = components().join(format!("{component}.wasm"));
        let bytes = std::fs::read(&path).unwrap_or_else(|error| {
            eprintln!("{}: {error}; run `cargo build --profile hookbox --target wasm32-wasip2 -p hello -p guest-marked`", path.display());
            Vec::new()
        });
        let engine = Engine::new(EngineConfig::default()).expect("there is address space");
        let component = Component::load_bytes(&engine, &bytes, &Compiler::here());
        let word = |text: &str| text.to_owned();
        Self {
            engine,
            component: component.expect("the component is a plugin"),
            invocation: Invocation {
                delivery: word("01900000-0000-7000-8000-000000000001"),
                run: word("01900000-0000-7000-8000-000000000002"),
                attempt: 1,
                received_ms: 1_767_225_600_000,
                seen: SeenEvent {
                    scope: word(scope),
                    action: word(action),
                },
                sent_scope: word(scope),
                sent_action: word(action),
                repo_type: Some(word("model")),
                repo_name: Some(word("openai-community/gpt2")),
                repo_id: Some(word("621ffdc036468d709f17434d")),
                body: payload().into(),
                headers: Vec::new(),
            },
        }
    }

    /// The time of so many attempts, one after another.
    fn runs(&self, times: u64) -> Duration {
        runtime().block_on(async {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                let invocation = self.invocation.clone();
                let began = Instant::now();
                let limits = Limits::default();
                let ended = attempt(
                    &self.engine,
                    &self.component,
                    &limits,
                    &Capabilities::default(),
                    &Backing::none(),
                    invocation,
                )
                .await;
                spent += began.elapsed();
                let record = ended.expect("a sandbox is free").record;
                assert_eq!(record.outcome.as_str(), "done", "{:?}", record.trap);
            }
            spent
        })
    }

    /// The time that so many attempts spend in one phase.
    fn phase(&self, times: u64, phase: Phase) -> Duration {
        runtime().block_on(async {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                let (limits, invocation) = (Limits::default(), self.invocation.clone());
                let ended = phases(&self.engine, &self.component, &limits, invocation).await;
                spent += phase(ended.expect("the guest answers"));
            }
            spent
        })
    }

    /// The time until two threads have made so many attempts between them.
    fn on_two_threads(&self, times: u64) -> Duration {
        let began = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| self.runs(times / 2));
            scope.spawn(|| self.runs(times - times / 2));
        });
        began.elapsed()
    }
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime can be made")
}

/// The example in which somebody opens a pull request, with the scope that `hello` subscribes to.
fn payload() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join(PAYLOAD)).expect("the payload is there");
    text.replace(
        r#""scope": "discussion""#,
        r#""scope": "discussion.comment""#,
    )
}

/// Where cargo puts components: beside the profile that this program lies in.
fn components() -> PathBuf {
    let own = std::env::current_exe().expect("a program knows its own file");
    let target = own
        .ancestors()
        .nth(3)
        .expect("it lies in target/PROFILE/deps");
    target.join("wasm32-wasip2/hookbox")
}
