//! What the data folder keeps of components: the bytes of each active version, and what they were compiled to.
//!
//! Both are named by the component's digest, written once under that name and never rewritten, and checked against
//! a hash when they are read: a damaged file counts as absent. What is compiled is native code, so its folder must be
//! its owner's alone (whoever may write to the data folder is trusted); without that it is not used.

mod part;

pub use part::Part;

use crate::plugin::compiler::{CompileError, Compiler};
use crate::plugin::component::{ALGORITHM, digest_of};
use crate::plugin::engine::Engine;
use std::collections::HashSet;
use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use wasmtime::component::Component as Compiled;

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
    /// The key of the engine.
    engine: String,
    compiler: Compiler,
}

impl Store {
    /// Opens the store in a data folder, making its folders if they are not there. What was not compiled before is
    /// left to the compiler.
    ///
    /// # Errors
    /// If they cannot be made, with the path.
    pub fn open(data: &Path, engine: &Engine, compiler: Compiler) -> io::Result<Self> {
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
            engine: engine.key(),
            compiler,
        })
    }

    /// What compiles.
    #[must_use]
    pub const fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// Copies a component, to be kept under its digest: see [`Self::keep`].
    ///
    /// # Errors
    /// If it cannot be written, with the path. What is read may fail, too: `read` tells that by itself.
    pub fn copy(&self, component: &mut dyn Read) -> io::Result<Part> {
        let mut part =
            Part::create(&self.components).map_err(|error| named(&self.components, &error))?;
        io::copy(component, &mut part).map_err(|error| named(&self.components, &error))?;
        Ok(part)
    }

    /// Keeps a copy of a component under its digest, durably.
    ///
    /// # Errors
    /// If it cannot be written, with the path.
    pub fn keep(&self, copy: Part) -> io::Result<()> {
        let path = self.component_path(&copy.hash());
        if path.exists() {
            return Ok(());
        }
        copy.become_file(&path)
            .map_err(|error| named(&path, &error))
    }

    /// Whether a component's bytes are kept.
    #[must_use]
    pub fn has(&self, digest: &str) -> bool {
        self.component_path(digest).exists()
    }

    /// Opens a component's file, if it is what the digest says.
    ///
    /// # Errors
    /// If it is not there or not what the digest says, with the path.
    pub fn find(&self, wanted: &str) -> io::Result<File> {
        let path = self.component_path(wanted);
        let found = || {
            if digest_of(&mut File::open(&path)?)? != wanted {
                // So that a good copy can take its place.
                remove(&path);
                return Err(io::Error::new(ErrorKind::NotFound, "its bytes are damaged"));
            }
            File::open(&path)
        };
        found().map_err(|error| named(&path, &error))
    }

    /// Compiles a component that is kept, or takes what it was compiled to before. Blocks.
    ///
    /// # Errors
    /// [`CompileError`] says why there is nothing to run, and whether that is the component's fault.
    pub fn compiled(&self, engine: &Engine, digest: &str) -> Result<Compiled, CompileError> {
        let Some(folder) = &self.compiled else {
            return self.compile_in_memory(engine, digest);
        };
        if let Some(found) = self.find_compiled(folder, digest) {
            match load(engine, &found) {
                Ok(compiled) => return Ok(compiled),
                Err(error) => {
                    tracing::warn!(file = %found.display(), %error, "what was compiled before cannot be used");
                    if !matches!(error, CompileError::Written(_)) {
                        remove(&found);
                    }
                }
            }
        }
        match self.compile_into(folder, engine, digest) {
            Err(error @ CompileError::Written(_)) => {
                tracing::warn!(folder = %folder.display(), %error, "every start compiles it anew");
                self.compile_in_memory(engine, digest)
            }
            compiled => compiled,
        }
    }

    fn compile_into(
        &self,
        folder: &Path,
        engine: &Engine,
        digest: &str,
    ) -> Result<Compiled, CompileError> {
        let mut artifact = Part::create(folder).map_err(CompileError::Written)?;
        self.compile(engine, digest, &mut artifact)?;
        let path = folder.join(format!(
            "{}{}",
            self.compiled_prefix(digest),
            artifact.hash()
        ));
        artifact.become_file(&path).map_err(CompileError::Written)?;
        load(engine, &path).map_err(|error| {
            remove(&path);
            match error {
                // What was written cannot be run from there, as on a file system mounted without `exec`.
                CompileError::Load(reason) => CompileError::Written(io::Error::other(reason)),
                error => error,
            }
        })
    }

    /// Without a folder that can be trusted, native code is never anywhere but in memory.
    fn compile_in_memory(&self, engine: &Engine, digest: &str) -> Result<Compiled, CompileError> {
        let mut artifact = Vec::new();
        self.compile(engine, digest, &mut artifact)?;
        load_made(engine, &artifact)
    }

    fn compile(
        &self,
        engine: &Engine,
        digest: &str,
        artifact: &mut dyn io::Write,
    ) -> Result<(), CompileError> {
        tracing::debug!(digest, "compiling");
        let mut component = self.find(digest).map_err(CompileError::Read)?;
        self.compiler
            .compile(engine, digest, &mut component, artifact)
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
///
/// # Errors
/// [`CompileError::Written`] if the file cannot be read, [`CompileError::Load`] or [`CompileError::Unloadable`] if it
/// cannot be used.
fn load(engine: &Engine, path: &Path) -> Result<Compiled, CompileError> {
    let expected = path.extension().unwrap_or_default().to_string_lossy();
    let found = File::open(path).and_then(|mut file| digest_of(&mut file));
    if hash_of(&found.map_err(CompileError::Written)?) != expected {
        return Err(CompileError::Load("its bytes are damaged".to_owned()));
    }
    native(engine, &Artifact::File(path)).map_err(|error| CompileError::not_loaded(&error))
}

/// Loads native code that was made by [`Compiler::compile`] into this process's memory.
///
/// # Errors
/// [`CompileError::Load`] or [`CompileError::Unloadable`].
pub(in crate::plugin) fn load_made(engine: &Engine, made: &[u8]) -> Result<Compiled, CompileError> {
    native(engine, &Artifact::Made(made)).map_err(|error| CompileError::not_loaded(&error))
}

/// Native code that this program made for an engine of this key.
enum Artifact<'a> {
    /// In a file that [`load`] has checked.
    File(&'a Path),
    /// In memory, where the compiler put it.
    Made(&'a [u8]),
}

#[expect(
    unsafe_code,
    reason = "loading native code is unsafe in wasmtime's API"
)]
fn native(engine: &Engine, artifact: &Artifact<'_>) -> wasmtime::Result<Compiled> {
    let engine = engine.wasmtime();
    match artifact {
        // SAFETY: the file holds what `precompile_component` of an engine with this engine's key returned, in this
        // process or in a child that is this same program and compared the key: it lies in a folder that only the
        // process's owner may write to, under a name that is written once and carries the hash just compared, and is
        // never changed in place (it is unlinked at most, which leaves a mapping intact).
        Artifact::File(path) => unsafe { Compiled::deserialize_file(engine, path) },
        // SAFETY: the bytes are what `precompile_component` of such an engine returned, and were never anywhere but in
        // the memory of this process and such a child and in the pipe between them.
        Artifact::Made(bytes) => unsafe { Compiled::deserialize(engine, bytes) },
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

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
