//! One attempt in one fresh sandbox, under five limits: fuel, wall-clock time, memory (with tables and
//! instances), what crosses between guest and host, and log bytes. The store's are set in `new_store`, the clock in `within`.
//!
//! Whatever the guest does, the answer is an outcome. A store is never used twice.

mod phases;

pub use phases::{Phases, phases};

use crate::delivery::AttemptRecord;
use crate::delivery::state::StateChanges;
use crate::plugin::Manifest;
use crate::plugin::bindings::v0_1::{self, hookbox::plugin::types};
use crate::plugin::capability::http::{HttpAccess, HttpHooks};
use crate::plugin::capability::log::{AttemptLog, Stream};
use crate::plugin::capability::state::StateView;
use crate::plugin::capability::{Backing, Capabilities};
use crate::plugin::component::{Component, ComponentError};
use crate::plugin::engine::Engine;
use crate::plugin::limiter::Limiter;
use crate::plugin::verdict::{Failed, Used, cut, judge};
use crate::scope::SeenEvent;
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::ResourceTable;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Fuel for each byte of payload besides the grant's: reading JSON costs about 65 a byte in Rust, 136 in Python.
pub const FUEL_PER_PAYLOAD_BYTE: u64 = 150;

/// The longest text of an outcome, in bytes.
pub const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// The most bytes that one call may make the host hold for the guest.
const HOST_CALL_FUEL: usize = 4 * 1024 * 1024;

/// The most component-model handles of a sandbox.
const HANDLES_MAX: usize = 1000;

/// The most host resources (streams, pollables, HTTP fields) of a sandbox.
const RESOURCES_MAX: usize = 1000;

/// The most random bytes in one call.
const RANDOM_BYTES_MAX: u64 = 64 * 1024;

/// The most bytes of HTTP fields in one resource.
const FIELD_BYTES_MAX: usize = 64 * 1024;

/// After so much fuel a guest lets others run.
const FUEL_YIELD_INTERVAL: u64 = 1_000_000;

/// What an attempt may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fuel (about one a WebAssembly instruction), besides [`FUEL_PER_PAYLOAD_BYTE`].
    pub fuel: u64,
    /// Linear memory in bytes, over all memories.
    pub memory_bytes: usize,
    /// Wall-clock time, host calls included.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 200_000_000,
            memory_bytes: 64 * 1024 * 1024,
            timeout: Duration::from_secs(10),
        }
    }
}

/// What one attempt is given.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The delivery's id.
    pub delivery: String,
    /// The run's id.
    pub run: String,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// When the delivery was received, in ms since the Unix epoch.
    pub received_ms: u64,
    /// The event as the plugin sees it.
    pub seen: SeenEvent,
    /// The scope as sent.
    pub sent_scope: String,
    /// The action as sent.
    pub sent_action: String,
    /// `repo.type`.
    pub repo_type: Option<String>,
    /// `repo.name`.
    pub repo_name: Option<String>,
    /// `repo.id`.
    pub repo_id: Option<String>,
    /// The body as received.
    pub body: Bytes,
    /// The kept headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// An attempt that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What it left behind.
    pub record: AttemptRecord,
    /// The wait that the plugin asked for, with `retry`.
    pub after: Option<Duration>,
    /// What it read of its plugin's state and is to write there; nothing, if its outcome drops that.
    pub changes: StateChanges,
}

/// No sandbox was free: the attempt was not made.
#[derive(Debug, thiserror::Error)]
#[error("no sandbox is free")]
pub struct NoSandbox;

/// What a store holds for its guest.
pub struct GuestState {
    /// Goes first: the bodies among the guest's resources must know that it has ended before they go.
    http_hooks: HttpHooks,
    pub(in crate::plugin) body: Bytes,
    pub(in crate::plugin) headers: Vec<(String, String)>,
    pub(in crate::plugin) log: AttemptLog,
    pub(in crate::plugin) config: Arc<[(String, String)]>,
    pub(in crate::plugin) state: StateView,
    pub(in crate::plugin) limiter: Limiter,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.http_hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Charges a host function's work to its guest: one fuel for each byte moved.
///
/// # Errors
/// A trap for want of fuel.
pub(in crate::plugin) fn charge_fuel(
    store: &mut StoreContextMut<'_, GuestState>,
    bytes: usize,
) -> wasmtime::Result<()> {
    let left = store.get_fuel()?;
    let cost = u64::try_from(bytes).unwrap_or(u64::MAX);
    match left.checked_sub(cost) {
        Some(rest) => store.set_fuel(rest),
        None => {
            store.set_fuel(0)?;
            Err(wasmtime::Trap::OutOfFuel.into())
        }
    }
}

/// Makes one attempt. What it may call, besides what every attempt may, is in `capabilities`; what of that lasts longer
/// than the attempt is kept behind `backing`.
///
/// # Errors
/// [`NoSandbox`] when the pool is used up: nothing ran.
pub async fn attempt(
    engine: &Engine,
    component: &Component,
    limits: &Limits,
    capabilities: &Capabilities,
    backing: &Backing,
    invocation: Invocation,
) -> Result<Attempt, NoSandbox> {
    let started = Instant::now();
    let payload_bytes = u64::try_from(invocation.body.len()).unwrap_or(u64::MAX);
    let fuel_limit = limits
        .fuel
        .saturating_add(payload_bytes.saturating_mul(FUEL_PER_PAYLOAD_BYTE));
    let log = AttemptLog::start();
    let delivery = to_guest(&invocation);
    let guest = Guest {
        body: invocation.body,
        headers: invocation.headers,
        log: log.clone(),
        http: capabilities.http.clone(),
        config: Arc::clone(&capabilities.config),
        state: StateView::new(capabilities.state.map(|grant| (grant, backing.clone()))),
    };
    let ended = match new_store(engine, limits, fuel_limit, guest) {
        Err(error) => (Err(Failed::Trapped(error)), None),
        Ok(mut store) => {
            let call = async {
                let host = component.pre().instantiate_async(&mut store).await?;
                host.hookbox_plugin_handler()
                    .call_handle(&mut store, &delivery)
                    .await
            };
            (within(limits, call).await, Some(store))
        }
    };
    let (result, store) = ended;
    if let Err(Failed::Trapped(error)) = &result
        && error.is::<wasmtime::PoolConcurrencyLimitError>()
    {
        return Err(NoSandbox);
    }
    let used = Used::read(store.as_ref(), fuel_limit);
    let judged = judge(result, &used, limits);
    let (output, cut) = bounded_output(judged.output);
    if cut {
        log.add(
            "warn",
            "output truncated: an outcome's text has at most 64 KiB",
        );
    }
    let (mut calls, mut changes) = (Vec::new(), StateChanges::default());
    if let Some(mut store) = store {
        calls = store.data_mut().http_hooks.end();
        if judged.outcome.keeps_state() {
            changes = store.data_mut().state.take_changes();
        }
    }
    Ok(Attempt {
        record: AttemptRecord {
            version: component.manifest().version.clone(),
            digest: component.facts().digest.clone(),
            outcome: judged.outcome,
            output,
            fuel: used.fuel,
            fuel_limit,
            memory_peak_bytes: u64::try_from(used.memory_peak_bytes).unwrap_or(u64::MAX),
            wall: started.elapsed(),
            logs: log.take(),
            calls,
            trap: judged.trap,
        },
        after: judged.after,
        changes,
    })
}

/// Asks a component for its manifest, in a sandbox of its own. Blocks: it is part of loading.
///
/// # Errors
/// [`ComponentError`] when it does not answer within its limits or the answer cannot be used.
pub fn describe(
    engine: &Engine,
    pre: &v0_1::PluginHostPre<GuestState>,
    limits: &Limits,
) -> Result<Manifest, ComponentError> {
    let failed = |reason: String| ComponentError::Describe { reason };
    let guest = Guest::alone(Bytes::new(), Vec::new());
    let log = guest.log.clone();
    let mut store = new_store(engine, limits, limits.fuel, guest)
        .map_err(|error| failed(format!("{error:#}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let result = runtime.block_on(async {
        let call = async {
            let host = pre.instantiate_async(&mut store).await?;
            host.hookbox_plugin_handler()
                .call_describe(&mut store)
                .await
        };
        within(limits, call).await
    });
    match result {
        Ok(manifest) => Ok(Manifest::try_from(manifest)?),
        Err(error) => {
            let used = Used::read(Some(&store), limits.fuel);
            let judged = judge(Err(error), &used, limits);
            let said = log.take().pop().map(|line| format!(" ({})", line.text));
            Err(failed(format!(
                "{}: {}{}",
                judged.outcome,
                judged.trap.map_or_else(String::new, |trap| trap.message),
                said.unwrap_or_default()
            )))
        }
    }
}

/// Instantiating and calling a guest, within its wall-clock time: it yields at every tick of the epoch.
async fn within<T>(
    limits: &Limits,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> Result<T, Failed> {
    match tokio::time::timeout(limits.timeout, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Failed::Trapped(error)),
        Err(_) => Err(Failed::TimedOut(limits.timeout)),
    }
}

struct Guest {
    body: Bytes,
    headers: Vec<(String, String)>,
    log: AttemptLog,
    http: HttpAccess,
    config: Arc<[(String, String)]>,
    state: StateView,
}

impl Guest {
    /// One that is given nothing but a delivery.
    fn alone(body: Bytes, headers: Vec<(String, String)>) -> Self {
        Self {
            body,
            headers,
            log: AttemptLog::start(),
            http: HttpAccess::NotGranted,
            config: Arc::default(),
            state: StateView::new(None),
        }
    }
}

/// A store with every limit set.
fn new_store(
    engine: &Engine,
    limits: &Limits,
    fuel: u64,
    guest: Guest,
) -> wasmtime::Result<Store<GuestState>> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(RESOURCES_MAX);
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(FIELD_BYTES_MAX);
    // Nothing of the host is passed on: no arguments, no environment, no folder, no socket, and no descriptor of
    // ours behind the standard streams.
    let wasi = WasiCtx::builder()
        .stdout(guest.log.stream(Stream::Stdout))
        .stderr(guest.log.stream(Stream::Stderr))
        .allow_tcp(false)
        .allow_udp(false)
        .max_random_size(RANDOM_BYTES_MAX)
        .build();
    let mut store = Store::new(
        engine.wasmtime(),
        GuestState {
            http_hooks: HttpHooks::new(guest.http),
            body: guest.body,
            headers: guest.headers,
            log: guest.log,
            config: guest.config,
            state: guest.state,
            limiter: Limiter::new(limits.memory_bytes),
            table,
            wasi,
            http,
        },
    );
    store.limiter(|state| &mut state.limiter);
    store.set_fuel(fuel)?;
    store.fuel_async_yield_interval(Some(FUEL_YIELD_INTERVAL))?;
    store.epoch_deadline_async_yield_and_update(1);
    store.set_hostcall_fuel(HOST_CALL_FUEL);
    store.set_max_component_handles(HANDLES_MAX);
    Ok(store)
}

/// An outcome's text within its bound, and whether it was cut.
fn bounded_output(output: Option<String>) -> (Option<String>, bool) {
    match output {
        Some(text) if text.len() > OUTPUT_BYTES_MAX => (Some(cut(text, OUTPUT_BYTES_MAX)), true),
        output => (output, false),
    }
}

fn to_guest(invocation: &Invocation) -> types::Delivery {
    types::Delivery {
        id: invocation.delivery.clone(),
        run_id: invocation.run.clone(),
        attempt: invocation.attempt,
        received_at: invocation.received_ms,
        event: types::Event {
            scope: invocation.seen.scope.clone(),
            action: invocation.seen.action.clone(),
            sent_scope: invocation.sent_scope.clone(),
            sent_action: invocation.sent_action.clone(),
            repo_type: invocation.repo_type.clone(),
            repo_name: invocation.repo_name.clone(),
            repo_id: invocation.repo_id.clone(),
        },
    }
}
