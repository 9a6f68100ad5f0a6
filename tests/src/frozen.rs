//! Interface versions as they were when they were new: `tests/frozen`.

use crate::built::{build_pinned, story_target, workspace};
use crate::wit_deps::{Error, is_resource};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, ImportSection, MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wit_component::{
    ComponentEncoder, DecodedWasm, OutputToString, StringEncoding, WitPrinter, decode,
    embed_component_metadata,
};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Interface, Resolve, World, WorldId, WorldItem, WorldKey};

/// The folder of a version.
#[must_use]
pub fn folder(version: &str) -> PathBuf {
    workspace().join("tests/frozen").join(version)
}

/// The component of the first version, built from its source by its own lock file and toolchain.
pub fn component() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = story_target().join("frozen");
        let args = ["build", "--locked", "--release", "--target-dir"];
        build_pinned(
            &folder("0.1.0"),
            &[
                &args[..],
                &[&target.to_string_lossy(), "--target", "wasm32-wasip2"],
            ]
            .concat(),
        );
        target.join("wasm32-wasip2/release/frozen_0_1_0.wasm")
    })
}

/// The digest of a version's folder: of the digests and paths of all its files but its README and what was built there,
/// in the order of their paths, as `sha256sum` prints them.
///
/// # Errors
/// If they cannot be read.
pub fn digest(version: &Path) -> Result<String, Error> {
    let mut files = BTreeSet::new();
    let mut folders = vec![(version.to_owned(), ".".to_owned())];
    while let Some((folder, name)) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{name}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                if name != "./target" {
                    folders.push((entry.path(), name));
                }
            } else if name != "./README.md" {
                files.insert(name);
            }
        }
    }
    let mut all = String::new();
    for name in files {
        let digest = hex(&std::fs::read(version.join(&name))?);
        all.push_str(&format!("{digest}  {name}\n"));
    }
    Ok(hex(all.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The releases of WASI that components were ever built with: `tests/frozen/wasi-versions.txt`.
///
/// # Errors
/// If it cannot be read.
pub fn wasi_versions() -> Result<BTreeSet<String>, Error> {
    let text = std::fs::read_to_string(folder("wasi-versions.txt"))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// The releases of WASI among imported functions, of which drafts are none.
#[must_use]
pub fn wasi_releases(imported: &BTreeSet<String>) -> BTreeSet<String> {
    let of_wasi = imported.iter().filter(|name| name.starts_with("wasi:"));
    of_wasi
        .filter_map(|name| name.split(['@', ' ']).nth(1))
        .filter(|version| !version.contains('-'))
        .map(str::to_owned)
        .collect()
}

/// The world of a version with another release of WASI in place of the one that it names.
///
/// # Errors
/// If it cannot be read, or does not hold together.
pub fn world_with_wasi(version: &str, from: &str, to: &str) -> Result<(Resolve, WorldId), Error> {
    let copy = tempfile::TempDir::new()?;
    for part in ["", "deps"] {
        std::fs::create_dir_all(copy.path().join(part))?;
        for entry in std::fs::read_dir(folder(version).join("wit").join(part))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                let text = std::fs::read_to_string(entry.path())?.replace(from, to);
                std::fs::write(copy.path().join(part).join(entry.file_name()), text)?;
            }
        }
    }
    world(copy.path())
}

/// A folder of WIT and its world `plugin`.
///
/// # Errors
/// If it does not hold together.
pub fn world(wit: &Path) -> Result<(Resolve, WorldId), Error> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit)?;
    let world = resolve.select_world(&[package], Some("plugin"))?;
    Ok((resolve, world))
}

/// What a world imports, or exports.
type WorldItems = wit_parser::IndexMap<WorldKey, WorldItem>;

/// The interfaces among what a world imports, or exports, by their names.
fn interfaces<'a>(
    resolve: &'a Resolve,
    world: WorldId,
    of: impl Fn(&'a World) -> &'a WorldItems,
) -> Vec<(String, &'a Interface)> {
    let items = resolve.worlds.get(world).into_iter().flat_map(of);
    items
        .filter_map(|(key, item)| match item {
            WorldItem::Interface { id, .. } => {
                Some((resolve.name_world_key(key), resolve.interfaces.get(*id)?))
            }
            _ => None,
        })
        .collect()
}

/// The functions that a world imports: `wasi:cli/exit@0.2.12 exit`.
#[must_use]
pub fn functions(resolve: &Resolve, world: WorldId) -> BTreeSet<String> {
    let imports = interfaces(resolve, world, |world| &world.imports);
    imports
        .iter()
        .flat_map(|(from, interface)| {
            let names = interface.functions.keys();
            names.map(move |name| format!("{from} {name}"))
        })
        .collect()
}

/// The functions that a component imports.
///
/// # Errors
/// If it is none.
pub fn imported(component: &[u8]) -> Result<BTreeSet<String>, Error> {
    match decode(component)? {
        DecodedWasm::Component(resolve, world) => Ok(functions(&resolve, world)),
        DecodedWasm::WitPackage(..) => Err("a package of WIT".into()),
    }
}

/// A component that imports all of a world, makes no call, and whose answer to `describe` is all zeros: a manifest
/// without a subscription.
///
/// # Errors
/// If the world cannot be encoded.
pub fn dummy(resolve: &Resolve, world: WorldId) -> Result<Vec<u8>, Error> {
    let mut module = Core::default();
    for (from, interface) in interfaces(resolve, world, |world| &world.imports) {
        for (name, function) in &interface.functions {
            let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
            module.import(&from, name, &signature.params, &signature.results);
        }
        for (name, _) in interface
            .types
            .iter()
            .filter(|(_, id)| is_resource(resolve, **id))
        {
            let drop = format!("[resource-drop]{name}");
            module.import(&from, &drop, &[WasmType::I32], &[]);
        }
    }
    for (of, interface) in interfaces(resolve, world, |world| &world.exports) {
        for (name, function) in &interface.functions {
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
            let export = format!("{of}#{name}");
            module.export(&export, &signature.params, &signature.results);
        }
    }
    module.export("cabi_realloc", &[WasmType::I32; 4], &[WasmType::I32]);
    let mut bytes = module.finish();
    embed_component_metadata(&mut bytes, resolve, world, StringEncoding::UTF8)?;
    Ok(ComponentEncoder::default().module(&bytes)?.encode()?)
}

/// A core module whose functions answer with zeros.
#[derive(Default)]
struct Core {
    types: TypeSection,
    imports: ImportSection,
    functions: FunctionSection,
    exports: ExportSection,
    code: CodeSection,
}

impl Core {
    fn ty(&mut self, params: &[WasmType], results: &[WasmType]) -> u32 {
        let types = |types: &[WasmType]| types.iter().map(value).collect::<Vec<_>>();
        self.types.ty().function(types(params), types(results));
        self.types.len() - 1
    }

    fn import(&mut self, module: &str, name: &str, params: &[WasmType], results: &[WasmType]) {
        let ty = self.ty(params, results);
        self.imports.import(module, name, EntityType::Function(ty));
    }

    fn export(&mut self, name: &str, params: &[WasmType], results: &[WasmType]) {
        let ty = self.ty(params, results);
        let index = self.imports.len() + self.functions.len();
        self.functions.function(ty);
        self.exports.export(name, ExportKind::Func, index);
        let mut body = Function::new([]);
        for _ in results {
            body.instructions().i32_const(0);
        }
        body.instructions().end();
        self.code.function(&body);
    }

    fn finish(mut self) -> Vec<u8> {
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        self.exports.export("memory", ExportKind::Memory, 0);
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(0), [0; 64]);
        let mut module = Module::new();
        module
            .section(&self.types)
            .section(&self.imports)
            .section(&self.functions)
            .section(&memories)
            .section(&self.exports)
            .section(&self.code)
            .section(&data);
        module.finish()
    }
}

fn value(ty: &WasmType) -> ValType {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    }
}

/// Everything that packages of WIT say, by package and interface: types as they are, and each function by itself, those
/// of resources too.
///
/// # Errors
/// If a package cannot be printed.
pub fn items(resolve: &Resolve) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, package) in &resolve.packages {
        let mut printer = WitPrinter::new(OutputToString::default());
        printer.emit_docs(false);
        printer.print(resolve, id, &[])?;
        // Later patches are the same to a plugin; drafts are not.
        let text = releases_as_one(&printer.output.to_string());
        let name = &package.name;
        let prefix = format!("{}:{}", name.namespace, name.name);
        for block in blocks(&text) {
            let (head, items) = &block;
            let of_it = all.entry(format!("{prefix} {head}")).or_default();
            of_it.extend(items.iter().cloned());
        }
    }
    Ok(all)
}

/// Without the version of a release, as in `wasi:io/poll@0.2.12`.
fn releases_as_one(text: &str) -> String {
    let mut parts = text.split('@');
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_version = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let end = part.find(|c| !is_version(c)).unwrap_or(part.len());
        // A full stop before a brace or at an end is none of the version's.
        let version = part[..end].trim_end_matches('.');
        if version.contains('-') || !version.starts_with(|c: char| c.is_ascii_digit()) {
            all.push('@');
            all.push_str(part);
        } else {
            all.push_str(&part[version.len()..]);
        }
    }
    all
}

/// Each interface and world with its items.
fn blocks(text: &str) -> Vec<(String, Vec<String>)> {
    let mut blocks = Vec::new();
    // What is open now: its own indentation, and what it began with.
    let (mut head, mut open) = (String::new(), String::new());
    let mut items = Vec::new();
    for line in text.lines() {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim());
        match (indent, line) {
            _ if line.is_empty() || line.starts_with('@') => {}
            (0, "}") => blocks.push((std::mem::take(&mut head), std::mem::take(&mut items))),
            (0, line) => head = line.trim_end_matches(" {").to_owned(),
            (2, "}") if open.starts_with("resource ") => open.clear(),
            (2, "}") => items.push(format!("{} }}", std::mem::take(&mut open))),
            (2, line) if line.ends_with('{') => {
                line.clone_into(&mut open);
                if line.starts_with("resource ") {
                    items.push(line.trim_end_matches(" {").to_owned());
                }
            }
            (2, line) => items.push(line.trim_end_matches(';').to_owned()),
            (_, line) if open.starts_with("resource ") => items.push(format!("{open} {line}")),
            (_, line) => open = format!("{open} {line}"),
        }
    }
    blocks
}
