//! What takes time and blocks: reading, compiling and describing components, each on a thread for blocking.

use crate::plugin::component::digest;
use crate::plugin::folder::{Folder, Kind, ReadError};
use crate::plugin::store::Store;
use crate::plugin::{Component, Engine};
use std::io::ErrorKind;

/// What all jobs need.
pub struct Workshop {
    pub folder: Folder,
    pub engine: Engine,
    pub store: Store,
    pub component_bytes_max: u64,
}

/// What is to be done for a plugin.
pub enum Job {
    /// Read the component in the folder.
    Read,
    /// Compile what was read.
    Compile { digest: String, bytes: Vec<u8> },
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
        bytes: Vec<u8>,
    },
    Refused {
        digest: String,
        reason: String,
    },
    Compiled(Component),
    Reloaded(Component),
    /// The active version cannot be had any more.
    Lost {
        digest: String,
        reason: String,
    },
}

impl Workshop {
    /// Does a job. Blocks.
    pub fn work(&self, plugin: &str, job: Job) -> Done {
        match job {
            Job::Read => self.read(plugin),
            Job::Compile { digest, bytes } => match self.compile(plugin, &digest, &bytes) {
                Ok(component) => Done::Compiled(component),
                Err(reason) => Done::Refused { digest, reason },
            },
            Job::Reload { digest } => match self.reload(plugin, &digest) {
                Ok(component) => Done::Reloaded(component),
                Err(reason) => Done::Lost { digest, reason },
            },
        }
    }

    fn read(&self, plugin: &str) -> Done {
        let file = Kind::Component.file_name(plugin);
        match self.folder.read(&file, self.component_bytes_max) {
            Ok(bytes) => Done::Read {
                digest: digest(&bytes),
                bytes,
            },
            // A link to nothing is there; a file that went meanwhile is not.
            Err(ReadError::NotFound)
                if self.folder.path().join(&file).symlink_metadata().is_err() =>
            {
                Done::Gone
            }
            Err(error) => Done::Unreadable {
                reason: self.named(plugin, &error),
            },
        }
    }

    fn compile(&self, plugin: &str, digest: &str, bytes: &[u8]) -> Result<Component, String> {
        let component = Component::load(&self.engine, bytes, Some(&self.store))
            .map_err(|error| self.named(plugin, &error))?;
        // Without a copy it runs as well; only a bad file in its place, and then a restart, would stop it.
        if let Err(error) = self.store.keep(digest, bytes) {
            tracing::warn!(plugin, %error, "no copy of the component is kept");
        }
        Ok(component)
    }

    fn reload(&self, plugin: &str, wanted: &str) -> Result<Component, String> {
        let kept = self.store.bytes(wanted).or_else(|error| {
            let file = Kind::Component.file_name(plugin);
            let read = self.folder.read(&file, self.component_bytes_max);
            match read {
                Ok(bytes) if digest(&bytes) == wanted => Ok(bytes),
                _ => Err(error),
            }
        });
        let bytes = kept.map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                "its active version is no longer kept; put its file back".to_owned()
            }
            _ => format!("its active version cannot be read: {error}"),
        })?;
        self.compile(plugin, wanted, &bytes)
    }

    fn named(&self, plugin: &str, error: &dyn std::fmt::Display) -> String {
        let path = self.folder.path().join(Kind::Component.file_name(plugin));
        format!("{}: {error}", path.display())
    }
}
