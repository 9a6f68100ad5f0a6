//! The sources of projects, watched: which projects changed since they were last asked for.
//!
//! Folders are watched one by one, so that build output, hidden folders and packages of others cost nothing. Where
//! the operating system cannot watch (too many folders, some file systems), files are looked at every second.

use crate::cli::project::Layout;
use notify::event::{MetadataKind, ModifyKind};
use notify::{Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A change is over when nothing more came for so long: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// However much goes on, a change is taken up after so long.
const QUIET_MAX: Duration = Duration::from_secs(1);

/// How often files are looked at where they cannot be watched.
const POLL: Duration = Duration::from_secs(1);

/// The most folders that are watched.
const FOLDERS_MAX: usize = 4096;

/// What marks a folder as a cache, as cargo's build output is.
const CACHE_MARK: &str = "CACHEDIR.TAG";

/// Folders that languages keep beside sources, and make anew at any time.
const CACHES: [&str; 2] = ["__pycache__", "node_modules"];

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The projects with changed sources, by their place.
    pub projects: BTreeSet<usize>,
    /// The projects whose grant changed, and lies apart from the sources.
    pub grants: BTreeSet<usize>,
    /// Whether a file changed that decides which sources there are.
    pub manifests: bool,
}

/// Watches until it is dropped.
pub struct Sources {
    watcher: Box<dyn Watcher + Send + Sync>,
    layouts: Vec<Layout>,
    watched: BTreeSet<PathBuf>,
    /// The folders of each project, for whoever gets the events.
    owned: Owned,
    changed: Arc<watch::Sender<Changes>>,
    building: Arc<AtomicBool>,
}

type Owned = Arc<Mutex<Vec<BTreeSet<PathBuf>>>>;

impl Sources {
    /// Watches the sources of these projects, by polling where nothing else works.
    ///
    /// # Errors
    /// If even that does not.
    pub fn watch(layouts: &[Layout]) -> notify::Result<Self> {
        Self::watch_by::<RecommendedWatcher>(layouts.to_vec(), POLL)
            .or_else(|_| Self::watch_by::<PollWatcher>(layouts.to_vec(), POLL))
    }

    fn watch_by<W: Watcher + Send + Sync + 'static>(
        layouts: Vec<Layout>,
        poll: Duration,
    ) -> notify::Result<Self> {
        let changed = Arc::new(watch::Sender::new(Changes::default()));
        let owned = Owned::default();
        let building = Arc::new(AtomicBool::new(false));
        let noted = Noted {
            building: Arc::clone(&building),
            layouts: layouts.clone(),
            owned: Arc::clone(&owned),
            changed: Arc::clone(&changed),
        };
        // Polling knows times in seconds only: what is saved twice in one is told by its content.
        let config = notify::Config::default()
            .with_poll_interval(poll)
            .with_compare_contents(true);
        let watcher = W::new(move |event| noted.take(event), config)?;
        let mut sources = Self {
            watcher: Box::new(watcher),
            layouts,
            watched: BTreeSet::new(),
            owned,
            changed,
            building,
        };
        sources.refresh()?;
        Ok(sources)
    }

    /// Watches folders that are new, too.
    ///
    /// # Errors
    /// If one cannot be watched.
    pub fn refresh(&mut self) -> notify::Result<()> {
        let owned: Vec<_> = self.layouts.iter().map(folders).collect();
        let manifests = self.layouts.iter().flat_map(|layout| &layout.manifests);
        let roots = manifests.filter_map(|file| file.parent());
        let wanted: BTreeSet<PathBuf> = owned
            .iter()
            .flatten()
            .map(PathBuf::as_path)
            .chain(roots)
            .map(Path::to_owned)
            .collect();
        *self.owned.lock().unwrap_or_else(PoisonError::into_inner) = owned;
        for folder in wanted.difference(&self.watched) {
            match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                // It went while it was looked for; whatever removed it is a change of its own.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
                watched => watched?,
            }
        }
        for gone in self.watched.difference(&wanted) {
            // The operating system has mostly forgotten it already.
            let _ = self.watcher.unwatch(gone);
        }
        self.watched = wanted;
        Ok(())
    }

    /// Waits for a build. What happens to a lock file meanwhile is cargo's doing, and no change.
    pub async fn lock_passed_over<T>(&self, build: impl Future<Output = T>) -> T {
        self.building.store(true, Ordering::Release);
        let built = build.await;
        self.building.store(false, Ordering::Release);
        built
    }

    /// Waits for a change, and until it is over; then takes it.
    pub async fn changes(&mut self) -> Changes {
        let mut changes = self.changed.subscribe();
        // The sender is ours: it does not end while this waits.
        let _ = changes
            .wait_for(|changes| *changes != Changes::default())
            .await;
        let began = Instant::now();
        while began.elapsed() < QUIET_MAX {
            changes.mark_unchanged();
            if tokio::time::timeout(QUIET, changes.changed())
                .await
                .is_err()
            {
                break;
            }
        }
        self.changed.send_replace(Changes::default())
    }
}

/// Notes events as changes; lives on the watcher's thread.
struct Noted {
    building: Arc<AtomicBool>,
    layouts: Vec<Layout>,
    owned: Owned,
    changed: Arc<watch::Sender<Changes>>,
}

impl Noted {
    fn take(&self, event: notify::Result<Event>) {
        let owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
        let mut noted = Changes::default();
        match event {
            Ok(event) if !is_change(event.kind) => return,
            // Events were lost: anything may have changed.
            Ok(event) if event.need_rescan() => noted.projects = (0..owned.len()).collect(),
            Ok(event) => {
                // A folder's time says that something in it came or went, which is told by itself.
                let timed = matches!(event.kind, EventKind::Modify(ModifyKind::Metadata(_)));
                let paths = event
                    .paths
                    .iter()
                    .filter(|path| !self.is_passing(path))
                    .filter(|path| !timed || !path.is_dir());
                paths.for_each(|path| self.note(path, &owned, &mut noted));
            }
            Err(_) => noted.projects = (0..owned.len()).collect(),
        }
        if noted != Changes::default() {
            self.changed.send_modify(|changes| {
                changes.projects.append(&mut noted.projects);
                changes.grants.append(&mut noted.grants);
                changes.manifests |= noted.manifests;
            });
        }
    }

    fn is_passing(&self, path: &Path) -> bool {
        let locked = path.file_name().is_some_and(|name| name == "Cargo.lock");
        is_passing(path) || (locked && self.building.load(Ordering::Acquire))
    }

    fn note(&self, path: &Path, owned: &[BTreeSet<PathBuf>], noted: &mut Changes) {
        for (place, (layout, folders)) in self.layouts.iter().zip(owned).enumerate() {
            let inside = path.parent().is_some_and(|folder| folders.contains(folder));
            let manifest = layout.manifests.contains(path)
                || (inside && path.file_name().is_some_and(|name| name == "Cargo.toml"));
            if layout.grant.as_deref() == Some(path) {
                noted.grants.insert(place);
            }
            if *path != layout.target && (inside || manifest) {
                noted.projects.insert(place);
                noted.manifests |= manifest;
            }
        }
    }
}

/// Whether an event says that a file has other content, rather than that somebody read it.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(_) => false,
        EventKind::Modify(ModifyKind::Metadata(kind)) => kind == MetadataKind::WriteTime,
        _ => true,
    }
}

/// Whether a file is an editor's own, there for a moment, or a folder that holds no sources.
fn is_passing(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(['.', '#'])
        || name.ends_with('~')
        || name.ends_with(".tmp")
        // Vim makes a file of this name to see whether it may.
        || name == "4913"
        || CACHES.contains(&&*name)
}

/// The folders of a project with sources in them: no build output, nothing hidden, no other package.
fn folders(layout: &Layout) -> BTreeSet<PathBuf> {
    let mut found = layout.folders.clone();
    let mut open: Vec<PathBuf> = layout.folders.iter().cloned().collect();
    while let Some(folder) = open.pop() {
        // One that cannot be read, or went meanwhile, holds nothing that a build could read.
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let foreign = path == layout.target
                || is_passing(&path)
                || path.join(CACHE_MARK).exists()
                || path.join("Cargo.toml").exists();
            if is_folder && !foreign && found.len() < FOLDERS_MAX && found.insert(path.clone()) {
                open.push(path);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Two projects: the second depends on the first by its path.
    fn projects() -> (TempDir, Vec<Layout>) {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for made in ["a/src", "b/src", "target", "a/.git", "a/nested"] {
            std::fs::create_dir_all(root.join(made)).unwrap();
        }
        std::fs::write(root.join("a/nested/Cargo.toml"), "").unwrap();
        let layout = |names: &[&str]| Layout {
            folders: names.iter().map(|name| root.join(name)).collect(),
            manifests: [root.join("Cargo.lock")].into(),
            grant: Some(root.join(format!("{}.toml", names.join("-")))),
            target: root.join("target"),
            ..Layout::default()
        };
        let layouts = vec![layout(&["a"]), layout(&["a", "b"])];
        (folder, layouts)
    }

    async fn changed(sources: &mut Sources) -> (Vec<usize>, bool) {
        let changes = tokio::time::timeout(PATIENCE, sources.changes());
        let changes = changes.await.unwrap();
        (changes.projects.into_iter().collect(), changes.manifests)
    }

    /// Waits for this change, past what may still come of the one before.
    async fn changes_to(sources: &mut Sources, projects: &[usize], manifests: bool) {
        while changed(sources).await != (projects.to_vec(), manifests) {}
    }

    async fn tell<W: Watcher + Send + Sync + 'static>() {
        let (folder, layouts) = projects();
        let root = folder.path();
        let mut sources = Sources::watch_by::<W>(layouts, Duration::from_millis(100)).unwrap();
        // None of these is a source; the last one tells when they were all seen.
        for other in [
            "target/x",
            "a/.git/x",
            "a/src/.x.rs.swp",
            "a/src/x.rs~",
            "a/nested/x.rs",
            "b/src/lib.rs",
        ] {
            std::fs::write(root.join(other), "x").unwrap();
        }
        assert_eq!(changed(&mut sources).await, (vec![1], false));
        std::fs::write(root.join("a/src/lib.rs"), "x").unwrap();
        changes_to(&mut sources, &[0, 1], false).await;
        // At once, and as long as before.
        std::fs::write(root.join("b/src/lib.rs"), "y").unwrap();
        changes_to(&mut sources, &[1], false).await;
        std::fs::write(root.join("Cargo.lock"), "x").unwrap();
        changes_to(&mut sources, &[0, 1], true).await;
        std::fs::create_dir(root.join("b/src/new")).unwrap();
        changes_to(&mut sources, &[1], false).await;
        sources.refresh().unwrap();
        std::fs::write(root.join("b/src/new/lib.rs"), "x").unwrap();
        changes_to(&mut sources, &[1], false).await;
        // A grant that lies apart, and what Python keeps beside its sources.
        std::fs::create_dir(root.join("b/src/__pycache__")).unwrap();
        std::fs::write(root.join("a-b.toml"), "x").unwrap();
        let changes = tokio::time::timeout(PATIENCE, sources.changes()).await;
        let changes = changes.unwrap();
        assert_eq!(changes.grants, [1].into());
        assert!(changes.projects.is_empty(), "{changes:?}");
    }

    #[tokio::test]
    async fn a_change_names_the_projects_that_are_built_from_it() {
        tell::<RecommendedWatcher>().await;
    }

    #[tokio::test]
    async fn polling_finds_the_same() {
        tell::<PollWatcher>().await;
    }
}
