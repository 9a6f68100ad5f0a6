//! A component file, for the commands that take one.

use crate::plugin::compiler::Compiler;
use crate::plugin::folder::read_component;
use crate::plugin::{Component, Engine, EngineConfig};
use std::path::Path;

/// An engine for a command that runs one guest at a time, with at most so many bytes of memory.
///
/// # Errors
/// If its address space cannot be had.
pub fn small_engine(memory_bytes_max: usize) -> anyhow::Result<Engine> {
    Ok(Engine::new(EngineConfig {
        concurrency: 1,
        memory_bytes_max,
    })?)
}

/// Loads a component file and names it by its stem.
///
/// # Errors
/// Why it is no plugin, with its path.
pub fn load(
    engine: &Engine,
    file: &Path,
    compiler: &Compiler,
) -> anyhow::Result<(String, Component)> {
    let bytes = read_component(file).map_err(anyhow::Error::msg)?;
    let component = Component::load_bytes(engine, &bytes, compiler)
        .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    Ok((name(file), component))
}

/// What a component file is called: its stem, though that may be no plugin's name. A file that is looked at before it is
/// renamed to one is still worth a look.
pub fn name(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    stem.into_owned()
}
