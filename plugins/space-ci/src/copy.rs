//! Copies the files of a pull request into its Space: those that differ, in commits of a bounded size.
//!
//! What is to be done is found by comparing what is there, each time. So an attempt that was cut off is finished by the
//! next one, and one that comes late does no harm.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;

use hookbox_sdk::hub::{
    Card, Client, Commit, EntryKind, Error, ErrorKind, Repo, Space, SpaceSdk, Tree, TreeEntry,
};
use hookbox_sdk::{Failure, http, log};

use crate::settings::Settings;

/// The most bytes of a file that is copied. (a commit's own bound, see the SDK)
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// When a commit is made, in bytes and in files: its content is in memory three times.
const COMMIT_BYTES: u64 = 2 * 1024 * 1024;
const COMMIT_FILES: usize = 50;

/// Files that a comment names, and the signs of each.
const SHOWN_MAX: usize = 20;
const SHOWN_CHARS_MAX: usize = 100;

/// What was copied.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Synced {
    written: usize,
    deleted: usize,
    is_new: bool,
    /// The files that are too large, or cannot be asked for.
    pub left_out: Vec<String>,
}

impl Synced {
    pub fn is_changed(&self) -> bool {
        self.is_new || self.written + self.deleted > 0
    }
}

impl fmt::Display for Synced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let new = if self.is_new { "made, " } else { "" };
        write!(
            f,
            "{new}{} files written, {} deleted",
            self.written, self.deleted
        )
    }
}

/// The files of a Space by path, with what they are; `None` if there is no such Space.
pub fn files(hub: &Client, space: &Repo) -> Result<Option<BTreeMap<String, TreeEntry>>, Failure> {
    match hub.tree(space, "main", "") {
        Ok(tree) => by_path(tree).map(Some),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn by_path(tree: Tree) -> Result<BTreeMap<String, TreeEntry>, Failure> {
    // Files that are not listed would be taken for deleted ones.
    if !tree.is_complete {
        return Err(Failure::reject(
            "it has more than 10,000 files: it is not copied",
        ));
    }
    let files = tree.entries.into_iter();
    let files = files.filter(|entry| entry.kind == EntryKind::File);
    Ok(files.map(|file| (file.path.clone(), file)).collect())
}

/// Has a Space hold the files of a commit; makes it if it is not there. `None` if nothing says how to make it.
pub fn sync(
    hub: &Client,
    source: &Repo,
    commit: &str,
    target: &Repo,
    settings: &Settings,
) -> Result<Option<Synced>, Failure> {
    let wanted = by_path(hub.tree(source, commit, "")?)?;
    let mut synced = Synced::default();
    let there = match files(hub, target)? {
        Some(there) => there,
        None => {
            let Some(sdk) = sdk(hub, source, commit)? else {
                return Ok(None);
            };
            let space = settings.apply(Space::new(target.clone(), sdk));
            let url = hub.create_space(&space)?.into_inner();
            log::info!("made {url}");
            synced.is_new = true;
            // The Hub puts files of its own in.
            files(hub, target)?.unwrap_or_default()
        }
    };
    let mut step = Step::new(source, commit, target);
    for path in there.keys().filter(|path| !wanted.contains_key(*path)) {
        step.delete(hub, path)?;
        synced.deleted += 1;
    }
    for (path, file) in wanted {
        let old = there.get(&path);
        let is_same = old.is_some_and(|old| old.oid == file.oid);
        let is_small = !file.is_large() && file.size <= FILE_BYTES_MAX;
        if is_small && is_same {
            continue;
        }
        if is_small && step.write(hub, &path)? {
            synced.written += 1;
            continue;
        }
        // What it was when it was small would pass for what it is.
        if old.is_some() && !is_same {
            step.delete(hub, &path)?;
            synced.deleted += 1;
        }
        synced.left_out.push(path);
    }
    step.end(hub)?;
    Ok(Some(synced))
}

/// What the Space is made with, by the card in the pull request.
fn sdk(hub: &Client, source: &Repo, commit: &str) -> Result<Option<SpaceSdk>, Error> {
    match hub.read_file(source, commit, "README.md") {
        Ok(file) => Ok(Card::parse(&file.text())
            .text("sdk")
            .and_then(SpaceSdk::named)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A commit in the making.
struct Step<'a> {
    source: &'a Repo,
    revision: &'a str,
    target: &'a Repo,
    commit: Commit,
    files: usize,
    bytes: u64,
}

impl<'a> Step<'a> {
    fn new(source: &'a Repo, revision: &'a str, target: &'a Repo) -> Step<'a> {
        let commit = Commit::new(format!("Copy {source} at {revision}"));
        Step {
            source,
            revision,
            target,
            commit,
            files: 0,
            bytes: 0,
        }
    }

    fn delete(&mut self, hub: &Client, path: &str) -> Result<(), Error> {
        self.add(hub, |commit| commit.delete(path))
    }

    /// Writes a file; `false` if git has only what stands for it, or no request can name it.
    fn write(&mut self, hub: &Client, path: &str) -> Result<bool, Error> {
        let content = match hub.read_file(self.source, self.revision, path) {
            Ok(file) => file.content,
            Err(error) if matches!(error.kind(), ErrorKind::LargeFile { .. }) => return Ok(false),
            Err(error) if is_unnameable(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        self.bytes += content.len() as u64;
        self.add(hub, |commit| commit.file(path, content))?;
        Ok(true)
    }

    fn add(&mut self, hub: &Client, step: impl FnOnce(Commit) -> Commit) -> Result<(), Error> {
        self.commit = step(std::mem::replace(&mut self.commit, Commit::new("")));
        self.files += 1;
        if self.bytes >= COMMIT_BYTES || self.files >= COMMIT_FILES {
            self.end(hub)?;
        }
        Ok(())
    }

    /// Makes the commit, if there is something in it, and begins another.
    fn end(&mut self, hub: &Client) -> Result<(), Error> {
        if self.files > 0 {
            hub.commit(self.target, "main", &self.commit)?;
        }
        *self = Step::new(self.source, self.revision, self.target);
        Ok(())
    }
}

/// Whether a file's name can stand in no path: git knows more names than the SDK (a backslash) and the host (a part that
/// begins with a semicolon) let through.
fn is_unnameable(error: &Error) -> bool {
    let source = error.source();
    let source = source.and_then(|source| source.downcast_ref::<http::Error>());
    *error.kind() == ErrorKind::Argument
        || source.is_some_and(|source| source.kind() == http::ErrorKind::Invalid)
}

/// Names of files as a list. They are the text of others: as code they mention nobody and lead nowhere.
pub fn shown(paths: &[String]) -> String {
    let line = |path: &String| {
        let plain = path
            .chars()
            .filter(|sign| !sign.is_control() && *sign != '`');
        let plain: String = plain.take(SHOWN_CHARS_MAX).collect();
        format!("- `{plain}`\n")
    };
    let mut text: String = paths.iter().take(SHOWN_MAX).map(line).collect();
    if let Some(more) = paths.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        text.push_str(&format!("- and {more} more\n"));
    }
    text
}
