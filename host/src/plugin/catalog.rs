//! The plugins folder: which files are there, and what each of them is.
//!
//! Every component file gets a standing with its reason, so that nothing in the folder is passed over in silence.
//! This module reads the folder and compiles; it knows neither ledger nor HTTP.

use crate::plugin::component::{COMPONENT_BYTES_MAX, name_of};
use crate::plugin::grant::GRANT_BYTES_MAX;
use crate::plugin::{Component, Engine, Grant, Manifest};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the plugins folder holds.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Every component file, by its stem (a good plugin name but for refused files).
    pub plugins: BTreeMap<String, Arc<Plugin>>,
    /// Grants without a component: their endpoints are known, nothing runs.
    pub grants_alone: BTreeMap<String, Grant>,
}

/// A component file and what became of it.
#[derive(Clone)]
pub struct Plugin {
    /// Its name: the stem of its file.
    pub name: String,
    /// Where it stands.
    pub standing: Standing,
    /// Its grant; the default one if there is no sidecar or that cannot be used.
    pub grant: Grant,
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

impl Plugin {
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
#[error("{}: cannot read the plugins folder: {reason}", path.display())]
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
        let failed = |error: std::io::Error| CatalogError {
            path: folder.to_owned(),
            reason: error.to_string(),
        };
        let mut components = BTreeSet::new();
        let mut sidecars = BTreeSet::new();
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("wasm" | "cwasm") => components.insert(path),
                Some("toml") => sidecars.insert(path),
                _ => false,
            };
        }
        let mut catalog = Self::default();
        for path in &components {
            let plugin = load(engine, path, component_bytes_max);
            sidecars.remove(&path.with_extension("toml"));
            catalog
                .plugins
                .insert(plugin.name.clone(), Arc::new(plugin));
        }
        for path in sidecars {
            let Ok(name) = name_of(&path) else { continue };
            match read_grant(&path, engine) {
                Ok(grant) => {
                    catalog
                        .grants_alone
                        .insert(name.to_string(), grant.unwrap_or_default());
                }
                Err(reason) => {
                    let plugin = Plugin {
                        name: name.to_string(),
                        standing: Standing::Refused { reason },
                        grant: Grant::default(),
                    };
                    catalog
                        .plugins
                        .insert(plugin.name.clone(), Arc::new(plugin));
                }
            }
        }
        Ok(catalog)
    }
}

/// Loads one component file and its grant.
#[must_use]
pub fn load(engine: &Engine, path: &Path, component_bytes_max: u64) -> Plugin {
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let refused = |reason: String| Plugin {
        name: stem.clone(),
        standing: Standing::Refused { reason },
        grant: Grant::default(),
    };
    let name = match name_of(path) {
        Ok(name) => name.to_string(),
        Err(error) => return refused(format!("{}: {error}", path.display())),
    };
    let grant = match read_grant(&path.with_extension("toml"), engine) {
        Ok(grant) => grant.unwrap_or_default(),
        Err(reason) => return refused(reason),
    };
    let component = read_bounded(path, component_bytes_max)
        .and_then(|bytes| Component::load(engine, &bytes).map_err(|error| error.to_string()));
    match component {
        Err(reason) => Plugin {
            name,
            standing: Standing::Refused {
                reason: format!("{}: {reason}", path.display()),
            },
            grant,
        },
        Ok(component) => Plugin {
            name,
            standing: standing(component),
            grant,
        },
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

/// Reads a grant file; `None` if there is none.
fn read_grant(path: &Path, engine: &Engine) -> Result<Option<Grant>, String> {
    match read_regular(path, u64::try_from(GRANT_BYTES_MAX).unwrap_or(u64::MAX)) {
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
        Ok(bytes) => String::from_utf8(bytes)
            .map_err(|_| "not UTF-8 text".to_owned())
            .and_then(|text| {
                Grant::parse(&text, engine.config().memory_bytes_max)
                    .map_err(|error| error.to_string())
            })
            .map(Some)
            .map_err(|reason| format!("{}: {reason}", path.display())),
    }
}

fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    read_regular(path, bytes_max).map_err(|error| error.to_string())
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("not found")]
    NotFound,
    #[error("not a regular file")]
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
