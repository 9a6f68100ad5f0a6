//! Refs, what changed between two commits, and files.

use super::exchange::{Reply, Request, quoted};
use super::store::{Blob, Files, Repo, Store};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Entries of a page of a tree.
const PAGE: usize = 1000;

/// Commits of a page of a history: few, so that a story turns one.
const COMMITS_PAGE: usize = 3;

impl Blob {
    /// Its id, as git and LFS have theirs.
    fn oid(&self) -> String {
        let hash = Sha256::digest(&self.bytes);
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What stands in git for a file that LFS keeps. (git-lfs: specification, "The Pointer")
    fn pointer(&self) -> String {
        let (oid, size) = (self.oid(), self.bytes.len());
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
    }

    fn json(&self, path: &str) -> Value {
        let (oid, size) = (self.oid(), self.bytes.len());
        let mut entry = json!({ "type": "file", "oid": oid, "size": size, "path": path });
        if let (true, Some(entry)) = (self.is_large, entry.as_object_mut()) {
            let lfs = json!({ "oid": oid, "size": size, "pointerSize": self.pointer().len() });
            entry.insert("lfs".to_owned(), lfs);
        }
        entry
    }
}

impl Repo {
    pub fn refs(&self) -> Reply {
        let below = |folder: &str| -> Vec<Value> {
            let refs = self.refs.iter();
            let named =
                refs.filter_map(|(full, commit)| Some((full, full.strip_prefix(folder)?, commit)));
            let refs = named.map(
                |(full, name, commit)| json!({ "name": name, "ref": full, "targetCommit": commit }),
            );
            refs.collect()
        };
        Reply::json(&json!({
            "branches": below("refs/heads/"), "converts": below("refs/convert/"), "tags": below("refs/tags/"),
            "pullRequests": below("refs/pr/"),
        }))
    }

    /// Git's raw diff of `OLD..NEW`.
    pub fn compare(&self, range: &str) -> Reply {
        let ends = range
            .split_once("..")
            .and_then(|(old, new)| Some((self.commit_of(old)?, self.commit_of(new)?)));
        let Some((old, new)) = ends else {
            return no_revision(range);
        };
        let (old, new) = (self.files(old), self.files(new));
        let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
        paths.sort();
        paths.dedup();
        let lines = paths
            .into_iter()
            .filter_map(|path| changed(path, &old, &new));
        Reply::bytes(lines.collect::<String>())
    }

    pub fn tree(&self, revision: &str, folder: &str, request: &Request, endpoint: &str) -> Reply {
        let Some(commit) = self.commit_of(revision) else {
            return no_revision(revision);
        };
        let files = self.files(commit);
        let inside = |path: &str| folder.is_empty() || path.starts_with(&format!("{folder}/"));
        let found: Vec<Value> = files
            .iter()
            .filter(|(path, _)| inside(path))
            .map(|(path, blob)| blob.json(path))
            .collect();
        let from: usize = request
            .query("cursor")
            .and_then(|cursor| cursor.parse().ok())
            .unwrap_or(0);
        let page: Vec<&Value> = found.iter().skip(from).take(PAGE).collect();
        let reply = Reply::json(&json!(page));
        if from + PAGE >= found.len() {
            return reply;
        }
        let path = request.target.split('?').next().unwrap_or_default();
        let next = format!(
            "<{endpoint}{path}?recursive=true&cursor={}>; rel=\"next\"",
            from + PAGE
        );
        reply.with("Link", next)
    }

    /// A history, newest first: all commits that are older, for ids grow with time here. (hub client, `list_repo_commits`)
    pub fn commits(&self, revision: &str, request: &Request, endpoint: &str) -> Reply {
        let Some(head) = self.commit_of(revision) else {
            return no_revision(revision);
        };
        let found: Vec<&String> = self
            .commits
            .range(..=head.clone())
            .map(|(id, _)| id)
            .collect();
        let number: usize = request
            .query("p")
            .and_then(|page| page.parse().ok())
            .unwrap_or(0);
        let newest = found
            .iter()
            .rev()
            .skip(number * COMMITS_PAGE)
            .take(COMMITS_PAGE);
        let told = newest.map(|id| {
            json!({
                "id": id, "title": format!("Upload {} files", self.files(id).len()), "message": "",
                "date": "2026-09-01T08:00:00.000Z", "authors": [{ "user": "ada" }],
            })
        });
        let reply = Reply::json(&told.collect());
        if (number + 1) * COMMITS_PAGE >= found.len() {
            return reply;
        }
        let path = request.target.split('?').next().unwrap_or_default();
        reply.with(
            "Link",
            format!("<{endpoint}{path}?p={}>; rel=\"next\"", number + 1),
        )
    }

    /// A file as git has it: of a large one, what stands for it.
    fn raw(&self, commit: &str, path: &str) -> Reply {
        let Some(blob) = self.files(commit).remove(path) else {
            return Reply::missing("EntryNotFound", "Entry not found");
        };
        let reply = if blob.is_large {
            Reply::bytes(blob.pointer())
        } else {
            Reply::bytes(blob.bytes)
        };
        reply.with("X-Repo-Commit", commit)
    }
}

impl Store {
    /// A file by `raw`, which is answered at once, or by `resolve`, which redirects to where it lies.
    pub fn file(&mut self, repo: &str, how: &str, revision: &str, path: &str) -> Reply {
        let kept = self.repo(repo);
        let Some(commit) = kept.commit_of(revision).cloned() else {
            return no_revision(revision);
        };
        let blob = kept.files(&commit).remove(path);
        match (how, blob) {
            ("raw", _) => kept.raw(&commit, path),
            (_, None) => Reply::missing("EntryNotFound", "Entry not found"),
            (_, Some(blob)) if blob.is_large => {
                let to = format!(
                    "https://cdn-lfs.hf.co/{}?Signature=of-the-story",
                    blob.oid()
                );
                Reply::moved(302, to)
            }
            (_, Some(_)) => {
                let to = format!("/api/resolve-cache/{repo}/{commit}/{}", quoted(path));
                Reply::moved(307, to).with("X-Repo-Commit", commit)
            }
        }
    }

    /// What `resolve` redirects to.
    pub fn cached_file(&mut self, repo: &str, commit: &str, path: &str) -> Reply {
        self.repo(repo).raw(commit, path)
    }
}

/// A line of git's raw diff, if the file is another. (git: "Raw output format")
fn changed(path: &str, old: &Files, new: &Files) -> Option<String> {
    let (old, new) = (old.get(path), new.get(path));
    let short = |blob: &Blob| blob.oid().chars().take(7).collect::<String>();
    let side = |blob: Option<&Blob>| {
        blob.map_or(("000000", "0".repeat(7)), |blob| ("100644", short(blob)))
    };
    let letter = match (old, new) {
        (None, Some(_)) => 'A',
        (Some(_), None) => 'D',
        (old, new) if old == new => return None,
        _ => 'M',
    };
    let ((old_mode, old), (new_mode, new)) = (side(old), side(new));
    Some(format!(
        ":{old_mode} {new_mode} {old} {new} {letter}\t{path}\n"
    ))
}

fn no_revision(revision: &str) -> Reply {
    Reply::missing("RevisionNotFound", &format!("Invalid rev id: {revision}"))
}
