//! What takes time and blocks: reading, compiling and describing components, each on a thread for blocking.
//!
//! A file is read once, into the store; what is compiled is what was read.

use super::config::LoaderSettings;
use crate::plugin::component::digest_of;
use crate::plugin::folder::{Folder, Kind, ReadError};
use crate::plugin::store::Store;
use crate::plugin::{Component, ComponentError, Engine};
use std::collections::HashSet;
use std::io::Read;
use tokio::sync::watch;

/// What all jobs need.
pub struct Workshop {
    pub folder: Folder,
    pub engine: Engine,
    pub store: Store,
    pub settings: watch::Receiver<LoaderSettings>,
}

/// What is to be done for a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Read the component in the folder. Versions of these digests are known: if they are kept, that
    /// need not be done again.
    Read { known: HashSet<String> },
    /// Compile what was read.
    Compile { digest: String },
    /// Compile the active version from what is kept of it.
    Reload { digest: String },
}

/// What came of it.
pub enum Done {
    /// There is nothing to read any more.
    Gone,
    Unreadable {
        reason: String,
    },
    Read {
        digest: String,
    },
    Compiled(Component),
    /// The version is no good.
    Refused {
        digest: String,
        reason: String,
    },
    /// The version could not be compiled this time, which says nothing about it.
    Failed {
        digest: String,
        reason: String,
    },
    Reloaded(Component),
    /// The active version cannot be had now.
    Suspended {
        digest: String,
        reason: String,
    },
}

/// Why a version was not loaded.
#[derive(Debug, thiserror::Error)]
enum NotLoaded {
    /// The version is no good.
    #[error("{0}")]
    Bad(ComponentError),
    /// It could not be had: that says nothing about it, and may pass.
    #[error("{0}")]
    Unread(String),
}

impl Job {
    /// What came of a job that broke off.
    pub fn broken(self) -> Done {
        let reason = "loading it failed; the host's log says more".to_owned();
        match self {
            Self::Read { .. } => Done::Unreadable { reason },
            Self::Compile { digest } => Done::Refused { digest, reason },
            Self::Reload { digest } => Done::Suspended { digest, reason },
        }
    }
}

impl Workshop {
    /// Does a job. Blocks.
    pub fn work(&self, plugin: &str, job: Job) -> Done {
        match job {
            Job::Read { known } => self.read(plugin, &known),
            Job::Compile { digest } => match self.load(plugin, &digest) {
                Ok(component) => Done::Compiled(component),
                Err(NotLoaded::Bad(error)) => Done::Refused {
                    digest,
                    reason: self.named(plugin, &error),
                },
                Err(error) => Done::Failed {
                    digest,
                    reason: self.named(plugin, &error),
                },
            },
            Job::Reload { digest } => match self.load(plugin, &digest) {
                Ok(component) => Done::Reloaded(component),
                Err(error) => Done::Suspended {
                    digest,
                    reason: format!("its active version cannot be loaded: {error}"),
                },
            },
        }
    }

    fn read(&self, plugin: &str, known: &HashSet<String>) -> Done {
        let file = Kind::Component.file_name(plugin);
        let unreadable = |error: &dyn std::fmt::Display| Done::Unreadable {
            reason: self.named(plugin, error),
        };
        let bytes_max = self.component_bytes_max();
        let digest = match self.folder.read_with(&file, bytes_max, digest_of) {
            Ok(digest) => digest,
            // A link to nothing is there; a file that went meanwhile is not.
            Err(ReadError::NotFound)
                if self.folder.path().join(&file).symlink_metadata().is_err() =>
            {
                return Done::Gone;
            }
            Err(error) => return unreadable(&error),
        };
        if known.contains(&digest) && self.store.has(&digest) {
            return Done::Read { digest };
        }
        match self.keep(&file) {
            Ok(digest) => Done::Read { digest },
            Err(reason) => unreadable(&reason),
        }
    }

    /// Takes a copy of a file into the store, and returns its digest.
    fn keep(&self, file: &str) -> Result<String, String> {
        let not_kept = |error| format!("no copy can be kept: {error}");
        // Why the copy failed is told apart from why the file cannot be read.
        let copy = |content: &mut dyn Read| Ok(self.store.copy(content).map_err(not_kept));
        let copied = self
            .folder
            .read_with(file, self.component_bytes_max(), copy);
        let part = copied.map_err(|error| error.to_string())??;
        let digest = part.digest();
        self.store.keep(part).map_err(not_kept)?;
        Ok(digest)
    }

    /// Compiles what is kept. That may be damaged or gone; the file itself may still be there.
    fn load(&self, plugin: &str, wanted: &str) -> Result<Component, NotLoaded> {
        if let Err(error) = self.store.find(wanted) {
            let kept = self.keep(&Kind::Component.file_name(plugin));
            if kept.is_ok_and(|digest| digest != wanted) || !self.store.has(wanted) {
                return Err(NotLoaded::Unread(error.to_string()));
            }
        }
        Component::load(&self.engine, &self.store, wanted).map_err(|error| match error {
            ComponentError::Read(error) => NotLoaded::Unread(error.to_string()),
            ComponentError::Compile(error) if error.is_passing() => {
                NotLoaded::Unread(error.to_string())
            }
            error => NotLoaded::Bad(error),
        })
    }

    fn component_bytes_max(&self) -> u64 {
        self.settings.borrow().component_bytes_max
    }

    fn named(&self, plugin: &str, error: &dyn std::fmt::Display) -> String {
        let path = self.folder.path().join(Kind::Component.file_name(plugin));
        format!("{}: {error}", path.display())
    }
}
