//! What the data folder keeps of components: the bytes of each active version, and what they were compiled to.
//!
//! Both are named by the component's digest, written once under that name and never rewritten, and checked against
//! a hash when they are read: a damaged file counts as absent. What is compiled is native code, so its folder must be
//! its owner's alone (whoever may write to the data folder is trusted); without that it is not used.

use crate::plugin::component::{COMPONENT_BYTES_MAX, digest, hex};
use crate::plugin::engine::Engine;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::hash::{Hash as _, Hasher};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use wasmtime::component::Component as Compiled;

/// What the digest of a component begins with.
const ALGORITHM: &str = "sha256:";

/// How many hex digits name the engine that compiled something.
const ENGINE_DIGITS: usize = 16;

/// The hex digits of a SHA-256.
const HASH_DIGITS: usize = 64;

/// Rights of a folder.
const ANYTHING_TO_OTHERS: u32 = 0o077;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const NOTHING: u32 = 0;

/// Keeps components and what they were compiled to. It never forgets by itself: see [`Store::retain`].
#[derive(Debug, Clone)]
pub struct Store {
    components: PathBuf,
    /// Absent if it cannot be trusted.
    compiled: Option<PathBuf>,
    /// Names the engine, its settings and this version of Hookbox.
    engine: String,
}

impl Store {
    /// Opens the store in a data folder, making its folders if they are not there.
    ///
    /// # Errors
    /// If they cannot be made, with the path.
    pub fn open(data: &Path, engine: &Engine) -> io::Result<Self> {
        let components = data.join("components");
        let compiled = data.join("compiled");
        for folder in [&components, &compiled] {
            make_private(folder).map_err(|error| named(folder, &error))?;
        }
        // The folder itself may be reached by a link.
        let trusted =
            is_own(&data.canonicalize()?, WRITABLE_BY_OTHERS)? && take_private(&compiled)?;
        if !trusted {
            tracing::warn!(
                data = %data.display(),
                "this folder is another user's, or others may write here, so compiled components are not kept and every \
                 start compiles; make it this user's alone (chown, chmod 700)"
            );
        }
        Ok(Self {
            components,
            compiled: trusted.then_some(compiled),
            engine: engine_key(engine),
        })
    }

    /// Keeps a component's bytes, durably.
    ///
    /// # Errors
    /// If they cannot be written, with the path.
    pub fn keep(&self, digest: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.component_path(digest);
        if path.exists() {
            return Ok(());
        }
        write_once(&path, bytes).map_err(|error| named(&path, &error))
    }

    /// Whether a component's bytes are kept.
    #[must_use]
    pub fn has(&self, digest: &str) -> bool {
        self.component_path(digest).exists()
    }

    /// A component's bytes.
    ///
    /// # Errors
    /// If they are not there or not what the digest says, with the path.
    pub fn bytes(&self, wanted: &str) -> io::Result<Vec<u8>> {
        let path = self.component_path(wanted);
        let read = || {
            let mut bytes = Vec::new();
            File::open(&path)?
                .take(COMPONENT_BYTES_MAX.saturating_mul(16))
                .read_to_end(&mut bytes)?;
            if digest(&bytes) != wanted {
                // So that a good copy can take its place.
                remove(&path);
                return Err(io::Error::new(ErrorKind::NotFound, "its bytes are damaged"));
            }
            Ok(bytes)
        };
        read().map_err(|error| named(&path, &error))
    }

    /// Compiles a component, or takes what it was compiled to before.
    ///
    /// # Errors
    /// Wasmtime's, if it does not compile.
    pub fn compile(
        &self,
        engine: &Engine,
        digest: &str,
        bytes: &[u8],
    ) -> wasmtime::Result<Compiled> {
        let Some(folder) = &self.compiled else {
            return Compiled::from_binary(engine.wasmtime(), bytes);
        };
        if let Some(found) = self.find_compiled(folder, digest) {
            match load(engine, &found) {
                Ok(compiled) => return Ok(compiled),
                Err(error) => {
                    tracing::warn!(file = %found.display(), %error, "what was compiled before cannot be used");
                    if error.kind() == ErrorKind::InvalidData {
                        remove(&found);
                    }
                }
            }
        }
        tracing::debug!(digest, "compiling");
        let artifact = engine.wasmtime().precompile_component(bytes)?;
        let name = format!(
            "{}{}",
            self.compiled_prefix(digest),
            hex(&Sha256::digest(&artifact))
        );
        let path = folder.join(name);
        match write_once(&path, &artifact).and_then(|()| load(engine, &path)) {
            Ok(compiled) => Ok(compiled),
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "what was compiled cannot be kept");
                native(engine, &Artifact::Made(&artifact))
            }
        }
    }

    /// Removes all but the components of these digests, and what they were compiled to by this engine.
    pub fn retain(&self, digests: &HashSet<String>) {
        let kept: HashSet<&str> = digests.iter().map(|digest| hash_of(digest)).collect();
        for name in names(&self.components) {
            if !name
                .strip_suffix(".wasm")
                .is_some_and(|hash| kept.contains(hash))
            {
                remove(&self.components.join(&name));
            }
        }
        let Some(compiled) = &self.compiled else {
            return;
        };
        for name in names(compiled) {
            let mut parts = name.split('.');
            let (hash, engine) = (parts.next(), parts.next());
            let of_kept = hash.is_some_and(|hash| kept.contains(hash));
            if !of_kept || engine != Some(&self.engine) {
                remove(&compiled.join(&name));
            }
        }
    }

    fn component_path(&self, digest: &str) -> PathBuf {
        self.components.join(format!("{}.wasm", hash_of(digest)))
    }

    /// What the name of a component's artifact begins with; its own hash follows.
    fn compiled_prefix(&self, digest: &str) -> String {
        format!("{}.{}.", hash_of(digest), self.engine)
    }

    fn find_compiled(&self, folder: &Path, digest: &str) -> Option<PathBuf> {
        let prefix = self.compiled_prefix(digest);
        // Not one that is still being written.
        let is_whole = |hash: &str| hash.len() == HASH_DIGITS && !hash.contains('.');
        let name = names(folder).find(|name| name.strip_prefix(&prefix).is_some_and(is_whole))?;
        Some(folder.join(name))
    }
}

/// Loads native code that this host compiled, if the file is what its name says.
fn load(engine: &Engine, path: &Path) -> io::Result<Compiled> {
    let expected = path.extension().unwrap_or_default().to_string_lossy();
    let mut hash = Sha256::new();
    let mut file = File::open(path)?;
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hash.update(chunk.get(..read).unwrap_or_default());
    }
    let damaged = |reason: String| io::Error::new(ErrorKind::InvalidData, reason);
    if hex(&hash.finalize()) != expected {
        return Err(damaged("its bytes are damaged".to_owned()));
    }
    native(engine, &Artifact::File(path)).map_err(|error| damaged(format!("{error:#}")))
}

/// Native code that this process's own engine made.
enum Artifact<'a> {
    /// In a file that [`load`] has checked.
    File(&'a Path),
    /// In memory, where `precompile_component` left it.
    Made(&'a [u8]),
}

#[expect(
    unsafe_code,
    reason = "loading native code is unsafe in wasmtime's API"
)]
fn native(engine: &Engine, artifact: &Artifact<'_>) -> wasmtime::Result<Compiled> {
    let engine = engine.wasmtime();
    match artifact {
        // SAFETY: the file was written by `precompile_component` of this engine: it lies in a folder that only the
        // process's owner may write to, under a name that is written once and carries the hash just compared, and is
        // never changed in place (it is unlinked at most, which leaves a mapping intact).
        Artifact::File(path) => unsafe { Compiled::deserialize_file(engine, path) },
        // SAFETY: the bytes are what `precompile_component` of this engine returned, and were never anywhere but in
        // this process's memory.
        Artifact::Made(bytes) => unsafe { Compiled::deserialize(engine, bytes) },
    }
}

/// Writes a file that is whole as soon as it has its name, and durable when this returns.
fn write_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    // Two plugins may have the same bytes, and be loaded at once.
    part.push(format!(".{:016x}.part", fastrand::u64(..)));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(&part)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| std::fs::rename(&part, path)) {
        remove(Path::new(&part));
        return Err(error);
    }
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a folder of native code its owner's alone, if it is that owner's; what others may have put there goes.
fn take_private(folder: &Path) -> io::Result<bool> {
    if is_own(folder, ANYTHING_TO_OTHERS)? {
        return Ok(true);
    }
    if !is_own(folder, NOTHING)? {
        return Ok(false);
    }
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    names(folder).for_each(|name| remove(&folder.join(name)));
    Ok(true)
}

/// Whether a folder is a real one and this process's user's, and gives none of these rights.
fn is_own(folder: &Path, rights: u32) -> io::Result<bool> {
    let found = std::fs::symlink_metadata(folder)?;
    let own = rustix::process::geteuid().as_raw() == found.uid();
    Ok(found.is_dir() && own && found.mode() & rights == 0)
}

fn names(folder: &Path) -> impl Iterator<Item = String> + use<> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(file = %path.display(), %error, "cannot be removed");
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The hex digits of a digest.
fn hash_of(digest: &str) -> &str {
    digest.strip_prefix(ALGORITHM).unwrap_or(digest)
}

fn engine_key(engine: &Engine) -> String {
    let mut hash = Sha256Hasher(Sha256::new());
    engine
        .wasmtime()
        .precompile_compatibility_hash()
        .hash(&mut hash);
    hash.write(env!("CARGO_PKG_VERSION").as_bytes());
    let mut key = hex(&hash.0.finalize());
    key.truncate(ENGINE_DIGITS);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::EngineConfig;
    use tempfile::TempDir;

    /// The smallest component there is.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn engine() -> Engine {
        Engine::new(EngineConfig {
            concurrency: 1,
            ..EngineConfig::default()
        })
        .unwrap()
    }

    fn compiled(data: &TempDir) -> Vec<PathBuf> {
        let folder = data.path().join("compiled");
        names(&folder).map(|name| folder.join(name)).collect()
    }

    #[test]
    fn bytes_come_back_as_they_were_kept_or_not_at_all() {
        let data = TempDir::new().unwrap();
        let store = Store::open(data.path(), &engine()).unwrap();
        let name = digest(EMPTY);
        assert!(store.bytes(&name).is_err());
        store.keep(&name, EMPTY).unwrap();
        assert_eq!(store.bytes(&name).unwrap(), EMPTY);
        std::fs::write(store.component_path(&name), "else").unwrap();
        assert!(
            store
                .bytes(&name)
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }

    #[test]
    fn what_was_compiled_is_used_again_and_compiled_anew_where_it_is_damaged() {
        let data = TempDir::new().unwrap();
        let engine = engine();
        let store = Store::open(data.path(), &engine).unwrap();
        let name = digest(EMPTY);
        store.compile(&engine, &name, EMPTY).unwrap();
        let file = compiled(&data).pop().unwrap();
        let first = std::fs::read(&file).unwrap();
        // Only the artifact can be meant: these bytes are no component.
        store.compile(&engine, &name, b"garbage").unwrap();
        let mut damaged = first.clone();
        *damaged.last_mut().unwrap() ^= 1;
        std::fs::write(&file, damaged).unwrap();
        assert!(store.compile(&engine, &name, b"garbage").is_err());
        store.compile(&engine, &name, EMPTY).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), first);
        assert_eq!(compiled(&data), [file]);
    }

    #[test]
    fn an_artifact_of_another_engine_is_not_looked_at() {
        let data = TempDir::new().unwrap();
        let engine = engine();
        let mut store = Store::open(data.path(), &engine).unwrap();
        let name = digest(EMPTY);
        store.compile(&engine, &name, EMPTY).unwrap();
        store.engine = "0000000000000000".to_owned();
        assert!(store.compile(&engine, &name, b"garbage").is_err());
        store.retain(&[name].into());
        assert!(compiled(&data).is_empty());
    }

    #[test]
    fn only_what_is_in_use_stays() {
        let data = TempDir::new().unwrap();
        let engine = engine();
        let store = Store::open(data.path(), &engine).unwrap();
        let name = digest(EMPTY);
        store.keep(&name, EMPTY).unwrap();
        store.compile(&engine, &name, EMPTY).unwrap();
        std::fs::write(data.path().join("components/stray.part"), "half").unwrap();
        store.retain(&[name.clone()].into());
        assert_eq!(names(&store.components).count(), 1);
        assert_eq!(compiled(&data).len(), 1);
        store.retain(&HashSet::new());
        assert!(store.bytes(&name).is_err());
        assert!(compiled(&data).is_empty());
    }

    #[test]
    fn native_code_is_not_taken_from_where_others_may_write() {
        let engine = engine();
        let name = digest(EMPTY);
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        // What others could have put there goes, and nobody else may write there again
        let data = TempDir::new().unwrap();
        let folder = data.path().join("compiled");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("planted"), "x").unwrap();
        mode(&folder, 0o770);
        let store = Store::open(data.path(), &engine).unwrap();
        assert!(compiled(&data).is_empty());
        store.compile(&engine, &name, EMPTY).unwrap();
        assert_eq!(compiled(&data).len(), 1);
        // In a data folder of others the whole folder could be replaced: nothing is kept
        let data = TempDir::new().unwrap();
        mode(data.path(), 0o777);
        let store = Store::open(data.path(), &engine).unwrap();
        store.compile(&engine, &name, EMPTY).unwrap();
        assert!(compiled(&data).is_empty());
    }

    #[test]
    fn an_artifact_that_is_being_written_is_not_looked_at() {
        let data = TempDir::new().unwrap();
        let engine = engine();
        let store = Store::open(data.path(), &engine).unwrap();
        let name = digest(EMPTY);
        store.compile(&engine, &name, EMPTY).unwrap();
        let whole = compiled(&data).pop().unwrap();
        let part = format!("{}.0.part", whole.display());
        std::fs::rename(&whole, &part).unwrap();
        store.compile(&engine, &name, EMPTY).unwrap();
        assert!(whole.exists() && Path::new(&part).exists());
    }
}
