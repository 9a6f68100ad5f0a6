//! Tests of what the data folder keeps of components.

use super::*;
use crate::plugin::EngineConfig;
use crate::plugin::component::digest;
use crate::plugin::limiter::TABLES_MAX;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use wasm_encoder::{ComponentBuilder, Module, ModuleArg, RefType, TableSection, TableType};

/// The smallest component there is.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

fn engine() -> Engine {
    Engine::new(EngineConfig {
        concurrency: 1,
        ..EngineConfig::default()
    })
    .unwrap()
}

fn open_with(data: &TempDir, engine: &Engine) -> Store {
    Store::open(data.path(), engine, Compiler::here()).unwrap()
}

/// A store that keeps [`EMPTY`], and its digest.
fn with_empty(data: &TempDir, engine: &Engine) -> (Store, String) {
    let store = open_with(data, engine);
    let digest = keep(&store, EMPTY);
    (store, digest)
}

fn keep(store: &Store, mut bytes: &[u8]) -> String {
    let copy = store.copy(&mut bytes).unwrap();
    let digest = copy.digest();
    store.keep(copy).unwrap();
    digest
}

/// A component that instantiates a module with so many tables.
fn with_tables(count: usize) -> Vec<u8> {
    let mut tables = TableSection::new();
    for _ in 0..count {
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: 1,
            maximum: None,
            shared: false,
        });
    }
    let mut component = ComponentBuilder::default();
    let module = component.core_module(None, Module::new().section(&tables));
    let nothing: [(&str, ModuleArg); 0] = [];
    component.core_instantiate(None, module, nothing);
    component.finish()
}

/// From here on only what was compiled before can be meant.
fn lose(store: &Store, digest: &str) {
    std::fs::remove_file(store.component_path(digest)).unwrap();
}

fn compiled(data: &TempDir) -> Vec<PathBuf> {
    let folder = data.path().join("compiled");
    names(&folder).map(|name| folder.join(name)).collect()
}

#[test]
fn bytes_come_back_as_they_were_kept_or_not_at_all() {
    let data = TempDir::new().unwrap();
    let engine = engine();
    let name = digest(EMPTY);
    assert!(open_with(&data, &engine).find(&name).is_err());
    let (store, name) = with_empty(&data, &engine);
    let mut bytes = Vec::new();
    store.find(&name).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, EMPTY);
    std::fs::write(store.component_path(&name), "else").unwrap();
    let error = store.find(&name).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    assert!(!store.has(&name));
}

#[test]
fn a_copy_that_nobody_wants_leaves_nothing() {
    let data = TempDir::new().unwrap();
    let store = open_with(&data, &engine());
    drop(store.copy(&mut &*EMPTY).unwrap());
    assert_eq!(names(&store.components).count(), 0);
}

#[test]
fn what_was_compiled_is_used_again_and_compiled_anew_where_it_is_damaged() {
    let data = TempDir::new().unwrap();
    let engine = engine();
    let (store, name) = with_empty(&data, &engine);
    store.compiled(&engine, &name).unwrap();
    let file = compiled(&data).pop().unwrap();
    let first = std::fs::read(&file).unwrap();
    lose(&store, &name);
    store.compiled(&engine, &name).unwrap();
    let mut damaged = first.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&file, damaged).unwrap();
    assert!(store.compiled(&engine, &name).is_err());
    let (store, name) = with_empty(&data, &engine);
    store.compiled(&engine, &name).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), first);
    assert_eq!(compiled(&data), [file]);
}

#[test]
fn an_artifact_of_another_engine_is_not_looked_at() {
    let data = TempDir::new().unwrap();
    let engine = engine();
    let (mut store, name) = with_empty(&data, &engine);
    store.compiled(&engine, &name).unwrap();
    lose(&store, &name);
    store.engine = "0000000000000000".to_owned();
    assert!(store.compiled(&engine, &name).is_err());
    store.retain(&[name].into());
    assert!(compiled(&data).is_empty());
}

#[test]
fn only_what_is_in_use_stays() {
    let data = TempDir::new().unwrap();
    let engine = engine();
    let (store, name) = with_empty(&data, &engine);
    store.compiled(&engine, &name).unwrap();
    for folder in ["components", "compiled"] {
        std::fs::write(data.path().join(folder).join("01ab.part"), "half").unwrap();
    }
    store.retain(&[name.clone()].into());
    assert_eq!(names(&store.components).count(), 1);
    assert_eq!(compiled(&data).len(), 1);
    store.retain(&HashSet::new());
    assert!(store.find(&name).is_err());
    assert!(compiled(&data).is_empty());
}

#[test]
fn native_code_is_not_taken_from_where_others_may_write() {
    let engine = engine();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    // What others could have put there goes, and nobody else may write there again
    let data = TempDir::new().unwrap();
    let folder = data.path().join("compiled");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("planted"), "x").unwrap();
    mode(&folder, 0o770);
    let (store, name) = with_empty(&data, &engine);
    assert!(compiled(&data).is_empty());
    store.compiled(&engine, &name).unwrap();
    assert_eq!(compiled(&data).len(), 1);
    // In a data folder of others the whole folder could be replaced: nothing is kept
    let data = TempDir::new().unwrap();
    mode(data.path(), 0o777);
    let (store, name) = with_empty(&data, &engine);
    store.compiled(&engine, &name).unwrap();
    assert!(compiled(&data).is_empty());
}

#[test]
fn what_cannot_be_kept_runs_all_the_same() {
    let data = TempDir::new().unwrap();
    let engine = engine();
    let (store, name) = with_empty(&data, &engine);
    std::fs::remove_dir(data.path().join("compiled")).unwrap();
    store.compiled(&engine, &name).unwrap();
}

#[test]
fn a_module_may_have_as_many_tables_as_a_sandbox() {
    let data = TempDir::new().unwrap();
    let engine = engine();
    let store = open_with(&data, &engine);
    for count in [2, TABLES_MAX] {
        let digest = keep(&store, &with_tables(count));
        store.compiled(&engine, &digest).unwrap();
    }
}

#[test]
fn what_can_never_be_loaded_is_the_components_fault_and_is_compiled_once() {
    let compiles: Arc<Mutex<u32>> = Arc::default();
    let count = Arc::clone(&compiles);
    let compiler = Compiler::here().observed_by(Arc::new(move |_| *count.lock().unwrap() += 1));
    let (data, engine) = (TempDir::new().unwrap(), engine());
    let store = Store::open(data.path(), &engine, compiler).unwrap();
    let digest = keep(&store, &with_tables(TABLES_MAX + 1));
    let error = store.compiled(&engine, &digest).unwrap_err();
    assert!(!error.is_passing(), "{error}");
    assert!(error.to_string().contains("cannot be loaded: "), "{error}");
    assert_eq!(*compiles.lock().unwrap(), 1);
    assert!(compiled(&data).is_empty());
}
