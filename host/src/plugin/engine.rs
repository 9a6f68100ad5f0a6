//! The one wasmtime engine of the process: its configuration, its pool of sandboxes, its clock tick, and the
//! linker with the whole plugin world.

use crate::plugin::capability;
use crate::plugin::component::hex;
use crate::plugin::limiter::{INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};
use crate::plugin::sandbox::GuestState;
use sha2::{Digest as _, Sha256};
use std::hash::{Hash as _, Hasher};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::Linker;
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OperatorCost, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

/// How often a running guest lets others run, and its time limit is looked at.
pub const TICK: Duration = Duration::from_millis(5);

/// Fuel of one `memory.grow`: far more work than an ordinary instruction, and a guest may loop over a failing one.
const MEMORY_GROW_FUEL: u8 = 255;

/// The largest core instance's host-side state, in bytes.
const CORE_INSTANCE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of a freed memory that stay resident, so that the next sandbox needs no page faults for them.
const MEMORY_KEEP_RESIDENT_BYTES: usize = 4 * 1024 * 1024;

/// The same for tables.
const TABLE_KEEP_RESIDENT_BYTES: usize = 64 * 1024;

/// Sandboxes besides those of attempts: describing plugins while they load.
const SPARE_SANDBOXES: u32 = 4;

/// The most frames of a guest's stack kept with a trap.
const FRAMES_MAX: usize = 64;

/// How many hex digits a key has.
const KEY_DIGITS: usize = 16;

/// What an engine is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineConfig {
    /// Attempts at once.
    pub concurrency: u32,
    /// The largest memory that a grant may give, in bytes.
    pub memory_bytes_max: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            concurrency: 32,
            memory_bytes_max: 256 * 1024 * 1024,
        }
    }
}

impl EngineConfig {
    /// How many sandboxes there are at once.
    const fn sandboxes(self) -> u32 {
        self.concurrency.saturating_add(SPARE_SANDBOXES)
    }
}

/// An engine could not be made.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot reserve address space for {concurrency} sandboxes: {reason}; lower `concurrency`, or raise the \
     limit on virtual memory (`ulimit -v`)"
)]
pub struct EngineError {
    concurrency: u32,
    reason: String,
}

/// The engine and the linker; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Arc<Linker<GuestState>>,
    config: EngineConfig,
}

impl Engine {
    /// Makes the engine and starts its tick, which ends with the last clone.
    ///
    /// # Errors
    /// [`EngineError`] when the address space for the pool cannot be had.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError {
            concurrency: config.concurrency,
            reason: format!("{error:#}"),
        };
        let engine = wasmtime::Engine::new(&wasmtime_config(InstanceAllocationStrategy::Pooling(
            pool(config),
        )))
        .map_err(failed)?;
        let linker = linker(&engine).map_err(failed)?;
        start_tick(&engine).map_err(|error| failed(error.into()))?;
        Ok(Self {
            engine,
            linker: Arc::new(linker),
            config,
        })
    }

    /// What it was made for.
    #[must_use]
    pub const fn config(&self) -> EngineConfig {
        self.config
    }

    /// Names everything that compiled code depends on: wasmtime, its settings, this processor and this version of
    /// Hookbox. What was compiled under one key is loaded by engines of that key only.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.engine)
    }

    /// How many sandboxes there are at once.
    #[must_use]
    pub const fn sandboxes(&self) -> u32 {
        self.config.sandboxes()
    }

    /// How many of them hold a guest now.
    #[must_use]
    pub fn sandboxes_in_use(&self) -> u64 {
        let pool = self.engine.pooling_allocator_metrics();
        pool.map_or(0, |pool| pool.component_instances())
    }

    /// Wasmtime's engine.
    #[must_use]
    pub(in crate::plugin) const fn wasmtime(&self) -> &wasmtime::Engine {
        &self.engine
    }

    /// The linker with the whole world.
    #[must_use]
    pub(in crate::plugin) fn linker(&self) -> &Linker<GuestState> {
        &self.linker
    }
}

/// An engine that compiles for [`Engine`] and runs nothing: it reserves no address space.
///
/// # Errors
/// Wasmtime's.
pub(in crate::plugin) fn compiling() -> wasmtime::Result<wasmtime::Engine> {
    wasmtime::Engine::new(&wasmtime_config(InstanceAllocationStrategy::OnDemand))
}

/// See [`Engine::key`].
pub(in crate::plugin) fn key(engine: &wasmtime::Engine) -> String {
    let mut hash = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hash);
    hash.write(env!("CARGO_PKG_VERSION").as_bytes());
    let mut key = hex(&hash.0.finalize());
    key.truncate(KEY_DIGITS);
    key
}

/// The standard library's hashers promise no stable result; this one is SHA-256.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.clone().finalize();
        hash.iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// How sandboxes are allocated does not change what is compiled.
fn wasmtime_config(allocation: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    let mut cost = OperatorCost::new();
    cost.MemoryGrow = MEMORY_GROW_FUEL;
    config
        .consume_fuel(true)
        .operator_cost(cost)
        .epoch_interruption(true)
        // Lines are shown where a component has them, whatever this process's environment says of it.
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(FRAMES_MAX))
        .allocation_strategy(allocation)
        // No language that compiles to components needs these; each is code of ours that a guest could reach.
        .gc_support(false)
        .wasm_tail_call(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .concurrency_support(false);
    config
}

fn pool(settings: EngineConfig) -> PoolingAllocationConfig {
    let sandboxes = settings.sandboxes();
    let each = |max: usize| sandboxes.saturating_mul(u32::try_from(max).unwrap_or(u32::MAX));
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(sandboxes)
        .total_core_instances(each(INSTANCES_MAX))
        .total_memories(each(MEMORIES_MAX))
        .total_tables(each(TABLES_MAX))
        .total_stacks(sandboxes)
        .max_core_instances_per_component(u32::try_from(INSTANCES_MAX).unwrap_or(u32::MAX))
        .max_memories_per_component(u32::try_from(MEMORIES_MAX).unwrap_or(u32::MAX))
        .max_tables_per_component(u32::try_from(TABLES_MAX).unwrap_or(u32::MAX))
        .max_tables_per_module(u32::try_from(TABLES_MAX).unwrap_or(u32::MAX))
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_core_instance_size(CORE_INSTANCE_BYTES_MAX)
        .max_memory_size(settings.memory_bytes_max)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT_BYTES)
        .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Everything of the world `hookbox:plugin/plugin`, with the implementations that refuse where nothing is granted.
fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async::<GuestState>(&mut linker)?;
    capability::config::add_to_linker(&mut linker)?;
    capability::state::add_to_linker(&mut linker)?;
    capability::raw::add_to_linker(&mut linker)?;
    capability::log::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// A plain thread ticks the engine's epoch: a guest that spins on every runtime thread could not stop it.
fn start_tick(engine: &wasmtime::Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("hookbox-tick".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_compiles_fits_every_engine_of_a_host() {
        let child = key(&compiling().unwrap());
        for memory_bytes_max in [1 << 20, 256 << 20, 1 << 30, 4 << 30] {
            let config = EngineConfig {
                concurrency: 1,
                memory_bytes_max,
            };
            assert_eq!(Engine::new(config).unwrap().key(), child);
        }
    }
}
