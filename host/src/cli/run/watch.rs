//! Running again whenever one of a few files changes, until Ctrl-C.
//!
//! The system's notices of changes only make it quicker: what counts is a look at the files, now and then and after
//! each notice, because no notice comes from a network or container mount, nor through a link. A file counts once
//! it has stayed as it is for a moment: what is still being copied is not run.

use crate::cli::output;
use anyhow::Context as _;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// The longest wait without a look at the files.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long files must stay as they are before they count as complete.
const SETTLE: Duration = Duration::from_millis(100);

/// Calls `run` now and after each change of one of the files, until Ctrl-C.
///
/// # Errors
/// If Ctrl-C cannot be caught.
pub async fn run_again(files: Vec<PathBuf>, mut run: impl AsyncFnMut()) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot handle Ctrl-C")?;
    let mut changes = Changes::of(files);
    let running = async {
        output::note(&format!("watching {}; Ctrl-C ends it", changes.names()));
        let mut ran = changes.settled().await;
        loop {
            run().await;
            changes.until_other_than(&ran).await;
            let now = changes.settled().await;
            output::note(&format!("{} changed", changes.names_of_changed(&ran, &now)));
            ran = now;
        }
    };
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        () = running => Ok(()),
    }
}

/// What tells one content of a file from another without reading it; `None` if the file is not there.
type Stamp = Option<(u64, u64, Option<SystemTime>)>;

fn stamp(file: &Path) -> Stamp {
    let found = std::fs::metadata(file).ok()?;
    // A file that was renamed to this name may have the size and time of the one it replaced.
    Some((found.ino(), found.len(), found.modified().ok()))
}

/// The files, and who tells of changes beside them.
struct Changes {
    files: Vec<PathBuf>,
    notices: mpsc::Receiver<()>,
    /// Without a watcher nobody sends, and the wait for a notice must not end for that.
    _sender: mpsc::Sender<()>,
    _watcher: Option<RecommendedWatcher>,
}

impl Changes {
    fn of(files: Vec<PathBuf>) -> Self {
        // One notice waiting says all that many would.
        let (sender, notices) = mpsc::channel(1);
        Self {
            _watcher: watcher(&files, sender.clone()),
            files,
            notices,
            _sender: sender,
        }
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.files.iter().map(|file| stamp(file)).collect()
    }

    /// Waits until the files are not as they were.
    async fn until_other_than(&mut self, before: &[Stamp]) {
        while self.stamps() == before {
            // A notice or none: both are a reason to look.
            let _ = tokio::time::timeout(LOOK_AGAIN, self.notices.recv()).await;
        }
    }

    /// Waits until the files stay as they are.
    async fn settled(&self) -> Vec<Stamp> {
        let mut before = self.stamps();
        loop {
            tokio::time::sleep(SETTLE).await;
            let now = self.stamps();
            if now == before {
                return now;
            }
            before = now;
        }
    }

    fn names(&self) -> String {
        names(self.files.iter())
    }

    fn names_of_changed(&self, before: &[Stamp], now: &[Stamp]) -> String {
        let changed = before.iter().zip(now).map(|(before, now)| before != now);
        let files = self.files.iter().zip(changed);
        let names = names(files.filter(|(_, changed)| *changed).map(|(file, _)| file));
        // It may have changed back while it was waited for.
        if names.is_empty() {
            self.names()
        } else {
            names
        }
    }
}

fn names<'a>(files: impl Iterator<Item = &'a PathBuf>) -> String {
    let names: Vec<String> = files.map(|file| file.display().to_string()).collect();
    output::one_line(&names.join(", "))
}

/// Asks the system to tell of changes in the files' folders, where it can.
fn watcher(files: &[PathBuf], sender: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let tell = move |_: notify::Result<notify::Event>| {
        // Full means that somebody is being told already.
        let _ = sender.try_send(());
    };
    let mut watcher = notify::recommended_watcher(tell).ok()?;
    for file in files {
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // A folder that cannot be watched is looked at now and then.
        let _ = watcher.watch(folder, RecursiveMode::NonRecursive);
    }
    Some(watcher)
}
