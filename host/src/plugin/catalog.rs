//! The plugins folder: which files are there, and what each of them is.
//!
//! Every component file gets a standing with its reason, so that nothing in the folder is passed over in silence.
//! This module reads the folder and compiles; it knows neither ledger nor HTTP.

use crate::plugin::component::{COMPONENT_BYTES_MAX, ComponentError, name_of};
use crate::plugin::grant::GRANT_BYTES_MAX;
use crate::plugin::{Component, Engine, Grant, Manifest};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// The extension of native code, which is never loaded.
const PRECOMPILED: &str = "cwasm";

/// What the plugins folder holds.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Every plugin by its name, and every file that cannot be one by its file name.
    pub plugins: BTreeMap<String, Arc<Plugin>>,
    /// Grants without a component: their endpoints are known, nothing runs.
    pub grants_alone: BTreeMap<String, Grant>,
}

/// A file in the plugins folder and what became of it.
#[derive(Clone)]
pub struct Plugin {
    /// Its name: the stem of its file.
    pub name: String,
    /// Where it stands.
    pub standing: Standing,
    /// Its grant, or why that cannot be used: then nothing may be done in its name.
    grant: Result<Grant, String>,
}

/// Where a component file stands.
#[derive(Clone)]
pub enum Standing {
    /// It runs.
    Loaded(Component),
    /// It is good, and must have something that is not granted.
    Held {
        /// The component.
        component: Component,
        /// What is missing.
        reason: String,
    },
    /// It or its grant cannot be used.
    Refused {
        /// Why, and how to mend it.
        reason: String,
    },
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The grant of a plugin whose own cannot be used; it is refused, so nothing of it is ever spent.
static NO_GRANT: LazyLock<Grant> = LazyLock::new(Grant::default);

impl Plugin {
    fn refused(name: String, reason: String) -> Self {
        Self {
            name,
            grant: Err(reason.clone()),
            standing: Standing::Refused { reason },
        }
    }

    /// Its grant.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        self.grant.as_ref().unwrap_or(&NO_GRANT)
    }

    /// Its grant as an endpoint and routing need it.
    ///
    /// # Errors
    /// Why it cannot be used: then its endpoint is closed and no event passes its `[match]`.
    pub fn usable_grant(&self) -> Result<&Grant, &str> {
        self.grant.as_ref().map_err(String::as_str)
    }

    /// Its component, if that could be loaded.
    #[must_use]
    pub const fn component(&self) -> Option<&Component> {
        match &self.standing {
            Standing::Loaded(component) | Standing::Held { component, .. } => Some(component),
            Standing::Refused { .. } => None,
        }
    }

    /// Its manifest, if its component could be loaded.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.component().map(Component::manifest)
    }

    /// Why it does not run, if it does not.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match &self.standing {
            Standing::Loaded(_) => None,
            Standing::Held { reason, .. } | Standing::Refused { reason } => Some(reason),
        }
    }
}

/// The folder cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot read the plugins folder: {reason}; name another with --plugins", path.display())]
pub struct CatalogError {
    path: PathBuf,
    reason: String,
}

impl Catalog {
    /// Reads the folder and loads every component in it. Blocks for as long as compiling takes. A folder that is
    /// not there is empty.
    ///
    /// # Errors
    /// [`CatalogError`] if the folder itself cannot be read; a bad file only makes its own plugin refused.
    pub fn read(
        engine: &Engine,
        folder: &Path,
        component_bytes_max: u64,
    ) -> Result<Self, CatalogError> {
        let files = files(folder).map_err(|error| CatalogError {
            path: folder.to_owned(),
            reason: error.to_string(),
        })?;
        let mut catalog = Self::default();
        for path in files.iter().filter(|path| is_component(path)) {
            let plugin = load(engine, path, component_bytes_max);
            catalog
                .plugins
                .insert(plugin.name.clone(), Arc::new(plugin));
        }
        for path in files.iter().filter(|path| has_extension(path, "toml")) {
            catalog.add_grant(engine, path);
        }
        Ok(catalog)
    }

    /// Takes in a grant that has no component beside it.
    fn add_grant(&mut self, engine: &Engine, path: &Path) {
        let name = match name_of(path) {
            Ok(name) => name.to_string(),
            Err(error) => {
                let reason = format!("{}: {error}", path.display());
                let plugin = Plugin::refused(file_name(path), reason);
                self.plugins.insert(plugin.name.clone(), Arc::new(plugin));
                return;
            }
        };
        if self.plugins.contains_key(&name) {
            return;
        }
        match read_sidecar(path, engine.config().memory_bytes_max) {
            Ok(grant) => {
                self.grants_alone.insert(name, grant);
            }
            Err(reason) => {
                self.plugins
                    .insert(name.clone(), Arc::new(Plugin::refused(name, reason)));
            }
        }
    }
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

fn is_component(path: &Path) -> bool {
    has_extension(path, "wasm") || has_extension(path, PRECOMPILED)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Loads one component file and its grant.
#[must_use]
pub fn load(engine: &Engine, path: &Path, component_bytes_max: u64) -> Plugin {
    let refused = |name: String, reason: &dyn std::fmt::Display| {
        Plugin::refused(name, format!("{}: {reason}", path.display()))
    };
    if has_extension(path, PRECOMPILED) {
        return refused(file_name(path), &ComponentError::Precompiled);
    }
    let name = match name_of(path) {
        Ok(name) => name.to_string(),
        Err(error) => return refused(file_name(path), &error),
    };
    let grant = read_sidecar(
        &path.with_extension("toml"),
        engine.config().memory_bytes_max,
    );
    let component = read_bounded(path, component_bytes_max)
        .and_then(|bytes| Component::load(engine, &bytes).map_err(|error| error.to_string()))
        .map_err(|reason| format!("{}: {reason}", path.display()));
    let standing = match (&grant, component) {
        (Err(reason), _) => Standing::Refused {
            reason: reason.clone(),
        },
        (_, Err(reason)) => Standing::Refused { reason },
        (Ok(_), Ok(component)) => standing(component),
    };
    Plugin {
        name,
        standing,
        grant,
    }
}

/// A component runs unless it must have what is not granted; so far nothing can be.
fn standing(component: Component) -> Standing {
    let missing: Vec<String> = component
        .manifest()
        .wants
        .iter()
        .filter(|want| want.required)
        .map(|want| format!("{} `{}` ({})", want.kind, want.name, want.reason))
        .collect();
    if missing.is_empty() {
        return Standing::Loaded(component);
    }
    Standing::Held {
        component,
        reason: format!(
            "it requires what this version of hookbox cannot grant: {}",
            missing.join(", ")
        ),
    }
}

/// Reads the grant beside a component: the default one if there is none.
fn read_sidecar(path: &Path, memory_bytes_max: usize) -> Result<Grant, String> {
    match read_regular(path, GRANT_BYTES_MAX) {
        Err(ReadError::NotFound) => Ok(Grant::within(memory_bytes_max)),
        read => parse_grant(path, read, memory_bytes_max),
    }
}

/// Reads a grant file that must be there.
///
/// # Errors
/// The reason, with path and line.
pub fn read_grant(path: &Path, memory_bytes_max: usize) -> Result<Grant, String> {
    parse_grant(path, read_regular(path, GRANT_BYTES_MAX), memory_bytes_max)
}

fn parse_grant(
    path: &Path,
    read: Result<Vec<u8>, ReadError>,
    memory_bytes_max: usize,
) -> Result<Grant, String> {
    read.map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned()))
        .and_then(|text| Grant::parse(&text, memory_bytes_max).map_err(|error| error.to_string()))
        .map_err(|reason| format!("{}: {reason}", path.display()))
}

fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    read_regular(path, bytes_max).map_err(|error| error.to_string())
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("there is no such file")]
    NotFound,
    #[error("not a regular file; put the file itself here")]
    NotRegular,
    #[error("{bytes} bytes large, at most {bytes_max} are read")]
    TooLarge { bytes: u64, bytes_max: u64 },
    #[error("cannot be read: {0}")]
    Io(std::io::Error),
}

/// Reads a regular file of at most `bytes_max` bytes. The kind is looked at before the file is opened, because
/// opening a FIFO would wait for its writer.
fn read_regular(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ReadError> {
    let io = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => ReadError::NotFound,
        _ => ReadError::Io(error),
    };
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(ReadError::NotRegular);
    }
    let file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    if bytes > bytes_max {
        return Err(ReadError::TooLarge { bytes, bytes_max });
    }
    let mut content = Vec::new();
    // One byte over the limit tells a file that grew meanwhile from one that just fits.
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(io)?;
    let read = u64::try_from(content.len()).unwrap_or(u64::MAX);
    if read > bytes_max {
        return Err(ReadError::TooLarge {
            bytes: read,
            bytes_max,
        });
    }
    Ok(content)
}

/// Reads a component file for a command that takes one: [`load`] without a folder around it.
///
/// # Errors
/// The reason, with the path.
pub fn read_component(path: &Path) -> Result<Vec<u8>, String> {
    read_bounded(path, COMPONENT_BYTES_MAX)
        .map_err(|reason| format!("{}: {reason}", path.display()))
}
