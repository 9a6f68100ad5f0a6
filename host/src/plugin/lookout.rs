//! The lookout over the plugins folder: it tells which files have changed and come to rest since it last looked.

use crate::plugin::folder::{Folder, FolderError, Kind, ReadError};
use crate::plugin::grant::{GRANT_BYTES_MAX, WrittenGrant};
use crate::plugin::settling::{Due, Settling};
use crate::plugin::watch::Watch;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

/// Looks at one folder.
pub struct Lookout {
    folder: Folder,
    watch: Watch,
    settling: Settling,
    memory_bytes_max: usize,
}

/// What a look at the folder showed.
#[derive(Debug, Default)]
pub struct Seen {
    /// What has changed: what went before what came, a plugin's component before its grant where they went and after it
    /// where they came, so that none is ever without its grant in between.
    pub changes: Vec<Change>,
    /// The plugins whose component file is there, at rest or not.
    pub present: BTreeSet<String>,
    /// All files that look like a plugin's and cannot be one, with the reason.
    pub unusable: BTreeMap<String, String>,
}

/// What has become of a plugin's file.
#[derive(Debug)]
pub enum Change {
    /// A grant is there and was read, or cannot be.
    Granted(String, Result<Box<WrittenGrant>, String>),
    /// There is no grant any more.
    Ungranted(String),
    /// A component is there, and is to be read.
    Appeared(String),
    /// There is no component any more.
    Vanished(String),
}

impl Change {
    const fn rank(&self) -> u8 {
        match self {
            Self::Vanished(_) => 0,
            Self::Ungranted(_) => 1,
            Self::Granted(..) => 2,
            Self::Appeared(_) => 3,
        }
    }
}

impl Lookout {
    /// A lookout that has seen nothing yet. `wake` is notified when it is worth looking. `memory_bytes_max` is the
    /// host's bound on what a grant may give.
    #[must_use]
    pub fn new(folder: Folder, wake: Arc<Notify>, memory_bytes_max: usize) -> Self {
        Self {
            folder,
            watch: Watch::new(wake),
            settling: Settling::default(),
            memory_bytes_max,
        }
    }

    /// Looks for the first time: all that is there counts as come to rest. Blocks on the file system.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn first_look(&mut self) -> Result<Seen, FolderError> {
        self.look_with(|kind, plugin| Some(kind.file_name(plugin)))
    }

    /// Looks again. Blocks on the file system.
    ///
    /// # Errors
    /// [`FolderError`]: then nothing is known to have changed.
    pub fn look(&mut self) -> Result<Seen, FolderError> {
        self.look_with(|_, _| None)
    }

    fn look_with(
        &mut self,
        complete: impl Fn(Kind, &str) -> Option<String>,
    ) -> Result<Seen, FolderError> {
        // Before the listing: what is complete by now is complete in it.
        let mut hints = self.watch.hints();
        let listing = self.folder.list()?;
        self.watch.follow(self.folder.path(), listing.folder);
        let names = |kind, of: &BTreeMap<String, _>| -> Vec<String> {
            of.keys().filter_map(|name| complete(kind, name)).collect()
        };
        hints
            .complete
            .extend(names(Kind::Component, &listing.components));
        hints.complete.extend(names(Kind::Grant, &listing.grants));
        let due = self.settling.due(&listing, &hints, Instant::now());
        let mut changes: Vec<Change> = due.into_iter().filter_map(|due| self.change(due)).collect();
        changes.sort_by_key(Change::rank);
        Ok(Seen {
            changes,
            present: listing.components.into_keys().collect(),
            unusable: listing.unusable,
        })
    }

    /// What a file's change means; `None` if it went while it was looked at, which the next look tells.
    fn change(&self, due: Due) -> Option<Change> {
        Some(match (due.kind, due.there) {
            (Kind::Component, true) => Change::Appeared(due.plugin),
            (Kind::Component, false) => Change::Vanished(due.plugin),
            (Kind::Grant, false) => Change::Ungranted(due.plugin),
            (Kind::Grant, true) => {
                let read = self.read_grant(&due.plugin)?;
                Change::Granted(due.plugin, read.map(Box::new))
            }
        })
    }

    fn read_grant(&self, plugin: &str) -> Option<Result<WrittenGrant, String>> {
        let file = Kind::Grant.file_name(plugin);
        let path = self.folder.path().join(&file);
        let read = match self.folder.read(&file, GRANT_BYTES_MAX) {
            // A link to nothing is there.
            Err(ReadError::NotFound) if path.symlink_metadata().is_err() => return None,
            read => read,
        };
        let parsed = read
            .map_err(|error| error.to_string())
            .and_then(|bytes| WrittenGrant::parse(bytes, self.memory_bytes_max));
        Some(parsed.map_err(|reason| format!("{}: {reason}", path.display())))
    }

    /// Whether a file has changed and not come to rest yet: it is worth looking again soon.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.settling.waits()
    }

    /// Counts a plugin's grant as there until it has been gone for a while, although it was not seen yet.
    pub fn expect_grant(&mut self, plugin: &str) {
        self.settling.expect(Kind::Grant, plugin, Instant::now());
    }

    /// Has a plugin's component told of again, as if it had changed.
    pub fn again(&mut self, plugin: &str) {
        self.settling.again(Kind::Component, plugin);
    }

    /// Whether a plugin's component is being written at this moment.
    #[must_use]
    pub fn is_being_written(&self, plugin: &str) -> bool {
        self.watch
            .is_being_written(&Kind::Component.file_name(plugin))
    }
}
