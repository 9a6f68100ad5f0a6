//! Hints of what happens in the plugins folder, from the system's file events.
//!
//! Hints only make things quicker and keep a file that is still being written from being read: whoever looks at the
//! folder now and then misses nothing without them. Where the system has no events (a network mount, too many
//! watches) there simply are none.

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a file counts as being written after its last write, if nobody says that it was closed. Whoever writes
/// it may be gone, or never close it.
const WRITING_MAX: Duration = Duration::from_secs(60);

/// The most names remembered: more than a folder of plugins has.
const NAMES_MAX: usize = 10_000;

/// Watches one folder.
pub struct Watch {
    noted: Arc<Mutex<Noted>>,
    wake: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    /// Which folder is watched: another may come to lie under the same path.
    folder: Option<(u64, u64)>,
}

/// What is known of the files of a folder, by file name.
#[derive(Debug, Default)]
pub struct Hints {
    /// Those being written.
    pub writing: HashSet<String>,
    /// Those that were closed or renamed to since the last hints.
    pub complete: HashSet<String>,
}

#[derive(Default)]
struct Noted {
    writing: HashMap<String, Instant>,
    complete: HashSet<String>,
    /// The watched folder itself went: whatever lies there now is another, also under the same number.
    folder_is_gone: bool,
}

impl Watch {
    /// Watches nothing yet. `wake` is notified of whatever happens.
    #[must_use]
    pub fn new(wake: Arc<Notify>) -> Self {
        Self {
            noted: Arc::default(),
            wake,
            watcher: None,
            folder: None,
        }
    }

    /// Watches the folder that now lies under the path; `folder` tells it from others. Blocks on the file system.
    pub fn follow(&mut self, path: &Path, folder: Option<(u64, u64)>) {
        let is_gone = std::mem::take(&mut self.noted().folder_is_gone);
        if self.folder == folder && !is_gone {
            return;
        }
        self.folder = folder;
        self.watcher = None;
        *self.noted() = Noted::default();
        if folder.is_none() {
            return;
        }
        let watched = path.to_owned();
        let (noted, wake) = (Arc::clone(&self.noted), Arc::clone(&self.wake));
        let watcher = notify::recommended_watcher(move |event| {
            if note(&mut lock(&noted), &watched, event, Instant::now()) {
                wake.notify_one();
            }
        });
        let watching = watcher.and_then(|mut watcher| {
            watcher.watch(path, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        match watching {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => tracing::warn!(
                folder = %path.display(), %error,
                "the system tells nothing of changes here; they are found by looking"
            ),
        }
    }

    /// What is known now.
    #[must_use]
    pub fn hints(&self) -> Hints {
        let mut noted = self.noted();
        let now = Instant::now();
        noted
            .writing
            .retain(|_, since| now.saturating_duration_since(*since) < WRITING_MAX);
        Hints {
            writing: noted.writing.keys().cloned().collect(),
            complete: std::mem::take(&mut noted.complete),
        }
    }

    /// Whether a file is being written at this moment.
    #[must_use]
    pub fn is_being_written(&self, file: &str) -> bool {
        self.noted().writing.contains_key(file)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        lock(&self.noted)
    }
}

fn lock(noted: &Mutex<Noted>) -> MutexGuard<'_, Noted> {
    noted.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes an event in; `true` if somebody should look.
fn note(noted: &mut Noted, folder: &Path, event: notify::Result<Event>, now: Instant) -> bool {
    let Ok(event) = event else {
        return true;
    };
    if event.need_rescan() {
        // Events were lost, among them perhaps that a file was closed.
        noted.writing.clear();
        return true;
    }
    let goes = matches!(
        event.kind,
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From))
    );
    noted.folder_is_gone |= goes && event.paths.iter().any(|path| path == folder);
    let names: Vec<String> = event
        .paths
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => {
            // The last path is the name that there is now.
            if let Some(name) = names.into_iter().next_back() {
                noted.writing.remove(&name);
                if noted.complete.len() < NAMES_MAX {
                    noted.complete.insert(name);
                }
            }
            true
        }
        EventKind::Modify(ModifyKind::Data(_)) => {
            for name in names {
                noted.complete.remove(&name);
                if noted.writing.len() < NAMES_MAX {
                    noted.writing.insert(name, now);
                }
            }
            // Its end will be told.
            false
        }
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
            for name in names {
                noted.writing.remove(&name);
                noted.complete.remove(&name);
            }
            true
        }
        // Looking at a file is an event too, and must not make anybody look.
        EventKind::Access(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use tempfile::TempDir;

    #[tokio::test]
    async fn a_file_is_being_written_until_it_is_closed() {
        let dir = TempDir::new().unwrap();
        let wake = Arc::new(Notify::new());
        let mut watch = Watch::new(Arc::clone(&wake));
        watch.follow(dir.path(), Some((0, 1)));
        let mut file = std::fs::File::create(dir.path().join("a.wasm")).unwrap();
        file.write_all(b"half").unwrap();
        until(|| watch.hints().writing.contains("a.wasm")).await;
        drop(file);
        let mut complete = false;
        until(|| {
            let hints = watch.hints();
            complete |= hints.complete.contains("a.wasm");
            complete && hints.writing.is_empty()
        })
        .await;
    }

    #[test]
    fn lost_events_leave_nothing_being_written() {
        let mut noted = Noted::default();
        noted.writing.insert("a.wasm".to_owned(), Instant::now());
        let lost = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        assert!(note(&mut noted, Path::new("/p"), Ok(lost), Instant::now()));
        assert!(noted.writing.is_empty());
    }

    #[test]
    fn a_folder_that_goes_is_followed_anew() {
        let mut noted = Noted::default();
        let gone = Event::new(EventKind::Remove(notify::event::RemoveKind::Folder));
        let gone = gone.add_path("/p".into());
        assert!(note(&mut noted, Path::new("/p"), Ok(gone), Instant::now()));
        assert!(noted.folder_is_gone);
    }

    #[test]
    fn a_rename_completes_and_a_removal_ends_what_was_written() {
        let (mut noted, now) = (Noted::default(), Instant::now());
        let mut tell = |kind: EventKind, paths: &[&str]| {
            let event = paths
                .iter()
                .fold(Event::new(kind), |event, path| event.add_path(path.into()));
            let woken = note(&mut noted, Path::new("/p"), Ok(event), now);
            (woken, noted.writing.len(), noted.complete.len())
        };
        let data = EventKind::Modify(ModifyKind::Data(notify::event::DataChange::Any));
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        let read = EventKind::Access(AccessKind::Close(AccessMode::Read));
        let removed = EventKind::Remove(notify::event::RemoveKind::File);
        assert_eq!(tell(data, &["/p/a.wasm"]), (false, 1, 0));
        assert_eq!(tell(read, &["/p/a.wasm"]), (false, 1, 0));
        assert_eq!(tell(renamed, &["/p/x", "/p/a.wasm"]), (true, 0, 1));
        assert_eq!(tell(data, &["/p/a.wasm"]), (false, 1, 0));
        assert_eq!(tell(removed, &["/p/a.wasm"]), (true, 0, 0));
    }

    async fn until(mut holds: impl FnMut() -> bool) {
        let held = async {
            while !holds() {
                tokio::task::yield_now().await;
            }
        };
        let bound = Duration::from_secs(10);
        tokio::time::timeout(bound, held).await.unwrap();
    }
}
