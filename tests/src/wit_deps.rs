//! `wit/deps`: the standard interfaces as wasmtime's crates ship them, without their prose.
//!
//! `wasi:keyvalue` comes from a crate that nothing here depends on and `wasi:logging` from none, so these two are only
//! checked to be what the world asks for.

use crate::built::workspace;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_component::{OutputToString, WitPrinter};
use wit_parser::{Resolve, TypeDefKind, TypeId, WorldItem};

/// Whatever went wrong, in words.
pub type Error = Box<dyn std::error::Error>;

/// The packages of `wasmtime-wasi-http`'s `wit` folder.
const HTTP: &[&str] = &[
    "cli",
    "clocks",
    "filesystem",
    "http",
    "io",
    "random",
    "sockets",
];

/// The folder in the repo.
#[must_use]
pub fn folder() -> PathBuf {
    workspace().join("wit/deps")
}

/// Every file that can be made from a crate: its name and its text.
///
/// # Errors
/// If a crate's folder cannot be found or read.
pub fn printed() -> Result<Vec<(String, String)>, Error> {
    let mut files = packages("wasmtime-wasi-http", HTTP)?;
    files.extend(packages("wasmtime-wasi-config", &["config"])?);
    Ok(files)
}

/// The worlds of `wit/`, each with the interfaces it imports.
///
/// # Errors
/// If the folder does not hold together.
pub fn imports() -> Result<Vec<String>, Error> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(workspace().join("wit"))?;
    let world = resolve.select_world(&[package], Some("plugin"))?;
    let world = resolve.worlds.get(world).ok_or("no world")?;
    Ok(world
        .imports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect())
}

/// What `wit/` has in the world `plugin`, as the host judges imports by it: each interface, and in the lines below its
/// functions and resources.
///
/// # Errors
/// If the folder does not hold together.
pub fn linked() -> Result<String, Error> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(workspace().join("wit"))?;
    let world = resolve.select_world(&[package], Some("plugin"))?;
    let world = resolve.worlds.get(world).ok_or("no world")?;
    let mut text = String::new();
    for (key, item) in &world.imports {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let interface = resolve.interfaces.get(*id).ok_or("no interface")?;
        let types = interface.types.iter();
        let resources = types
            .filter(|(_, id)| is_resource(&resolve, **id))
            .map(|(name, _)| name);
        writeln!(text, "{}", resolve.name_world_key(key))?;
        for name in resources.chain(interface.functions.keys()) {
            writeln!(text, "  {name}")?;
        }
    }
    Ok(text)
}

/// Whether a type is a resource itself, and no other name of one.
pub(crate) fn is_resource(resolve: &Resolve, ty: TypeId) -> bool {
    let ty = resolve.types.get(ty);
    ty.is_some_and(|ty| matches!(ty.kind, TypeDefKind::Resource))
}

/// Where the host has that.
#[must_use]
pub fn linked_file() -> PathBuf {
    workspace().join("host/src/plugin/imports/linked.txt")
}

fn packages(source: &str, names: &[&str]) -> Result<Vec<(String, String)>, Error> {
    let mut resolve = Resolve::default();
    resolve.push_path(crate_folder(source)?.join("wit"))?;
    names
        .iter()
        .map(|name| {
            let package = resolve
                .packages
                .iter()
                .find(|(_, package)| package.name.namespace == "wasi" && package.name.name == *name)
                .map(|(id, _)| id)
                .ok_or_else(|| format!("{source}: no package wasi:{name}"))?;
            let mut printer = WitPrinter::new(OutputToString::default());
            printer.emit_docs(false);
            printer.print(&resolve, package, &[])?;
            Ok((format!("{name}.wit"), printer.output.to_string()))
        })
        .collect()
}

/// The platform that is built for anyway, in cargo's word.
const TARGET: &str = "host-tuple";

/// Where cargo keeps a dependency's sources.
fn crate_folder(name: &str) -> Result<PathBuf, Error> {
    let output = Command::new(env!("CARGO"))
        // Crates of other platforms are not there offline.
        .args(["metadata", "--format-version", "1", "--offline"])
        .args(["--filter-platform", TARGET])
        .current_dir(workspace())
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|package| package.get("name").and_then(Value::as_str) == Some(name))
        .and_then(|package| package.get("manifest_path").and_then(Value::as_str))
        .and_then(|manifest| Some(Path::new(manifest).parent()?.to_owned()))
        .ok_or_else(|| format!("cargo knows no {name}").into())
}
