//! Calls that read a repo's content: its refs, what changed, its files.

use std::borrow::Cow;

use super::compare::{Change, changes};
use super::{Client, Error, ErrorKind, Repo, path};
use crate::payload::lenient::{object, words};

/// How the text begins that stands in git for a large file. (git-lfs: specification, "The Pointer")
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n";

/// The most bytes of such a text. (ibid.)
const POINTER_BYTES_MAX: usize = 1024;

/// Pages of a tree that are asked for at most. A page has a thousand entries.
const TREE_PAGES_MAX: u32 = 10;

object! {
    /// What a repo's names stand for. (hub client, `list_repo_refs`)
    pub struct Refs {
        /// Its branches.
        pub branches: Vec<Ref> = "branches",
        /// What the Hub made of a dataset: `refs/convert/parquet`.
        pub converts: Vec<Ref> = "converts",
        /// Its tags.
        pub tags: Vec<Ref> = "tags",
        /// Its pull requests.
        pub pull_requests: Vec<Ref> = "pullRequests",
    }
}

object! {
    /// A name for a commit.
    pub struct Ref {
        /// The short name: `main`.
        pub name: String = "name",
        /// The whole name: `refs/heads/main`.
        pub full_name: String = "ref",
        /// The commit's id.
        pub commit: String = "targetCommit",
    }
}

words! {
    /// What a repo's tree has in it. (hub client, `list_repo_tree`)
    pub enum EntryKind {
        /// A file.
        File = "file",
        /// A folder.
        Directory = "directory",
    }
}

object! {
    /// A file or a folder. (hub client, `list_repo_tree`)
    pub struct TreeEntry {
        /// Which of the two.
        pub kind: EntryKind = "type",
        /// Its path in the repo.
        pub path: String = "path",
        /// Its size in bytes; that of the content for a large file.
        pub size: u64 = "size",
        /// Its id in git.
        pub oid: String = "oid",
        /// What is known of a large file's content, which git does not keep.
        pub lfs: Option<Lfs> = "lfs",
    }
}

object! {
    /// The content of a large file. (hub client, `BlobLfsInfo`)
    pub struct Lfs {
        /// Its SHA-256.
        pub sha256: String = "oid",
        /// Its size in bytes.
        pub size: u64 = "size",
    }
}

impl TreeEntry {
    /// Whether it is a large file: git has only what stands for its content, so [`Client::read_file`] cannot read it.
    pub fn is_large(&self) -> bool {
        self.lfs.is_some()
    }
}

/// Files and folders of a repo.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Tree {
    /// Them.
    pub entries: Vec<TreeEntry>,
    /// Whether these are all: no more than 10,000 are asked for.
    pub is_complete: bool,
}

/// A file of a repo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// Its content.
    pub content: Vec<u8>,
    /// The commit that it was read at, if the Hub says so. (hub client: header `X-Repo-Commit`)
    pub commit: Option<String>,
}

impl File {
    /// Its content as text. Bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }
}

impl Client {
    /// A repo's branches, tags and pull requests with their commits.
    ///
    /// `GET /api/{T}/{repo}/refs?include_prs=1` (hub client, `list_repo_refs`)
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub fn refs(&self, repo: &Repo) -> Result<Refs, Error> {
        self.get(&format!("{}/refs?include_prs=1", repo.api()))?
            .read()
    }

    /// The files that changed between two commits. Of a push that made a branch there is no old one: list its
    /// [tree](Client::tree) instead.
    ///
    /// `GET /api/{T}/{repo}/compare/{old}..{new}?raw=true` (OpenAPI: `/compare/{compare}`). Revisions with a slash cost
    /// a request for the refs more.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub fn compare(&self, repo: &Repo, old: &str, new: &str) -> Result<Vec<Change>, Error> {
        let (old, new) = (self.revision(repo, old)?, self.revision(repo, new)?);
        let path = format!("{}/compare/{old}..{new}?raw=true", repo.api());
        let answer = self.get(&path)?;
        let text = answer.response.text();
        let found = changes(&text);
        // Else what is not understood would pass for a push that changed nothing.
        if found.is_empty() && !text.trim().is_empty() {
            return Err(answer.unreadable("it is no raw diff"));
        }
        Ok(found)
    }

    /// The files and folders under a folder of a repo, and under all below it; an empty folder name means all of the
    /// repo. One request for each thousand.
    ///
    /// `GET /api/{T}/{repo}/tree/{revision}/{folder}?recursive=true` (hub client, `list_repo_tree`). A revision with a
    /// slash costs a request for the refs more.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub fn tree(&self, repo: &Repo, revision: &str, folder: &str) -> Result<Tree, Error> {
        let revision = self.revision(repo, revision)?;
        let folder = match folder {
            "" => String::new(),
            folder => format!("/{}", path::encoded(folder)?),
        };
        let path = format!("{}/tree/{revision}{folder}?recursive=true", repo.api());
        let mut url = format!("{}{path}", self.endpoint());
        let mut entries = Vec::new();
        for _ in 0..TREE_PAGES_MAX {
            let answer = self.get_url(url.clone())?;
            entries.extend(answer.read::<Vec<TreeEntry>>()?);
            match answer.next_page(&url)? {
                Some(next) => url = next,
                None => {
                    return Ok(Tree {
                        entries,
                        is_complete: true,
                    });
                }
            }
        }
        Ok(Tree {
            entries,
            is_complete: false,
        })
    }

    /// Reads a file at a revision, as git has it. Of a large file (LFS, Xet) git has only what stands for it:
    /// [`ErrorKind::LargeFile`].
    ///
    /// `GET /{repo}/raw/{revision}/{path}` (JavaScript hub client, `fileDownloadInfo` with `raw`). The grant needs
    /// `/my-org/*/raw/**` for models, `/datasets/my-org/*/raw/**` for datasets. It is not asked by `/resolve/`: that
    /// redirects to an address with the path in one part, whose `%2F` hosts refuse. A revision with a slash costs a
    /// request for the refs more.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub fn read_file(&self, repo: &Repo, revision: &str, path: &str) -> Result<File, Error> {
        let revision = self.revision(repo, revision)?;
        let path = path::encoded(path)?;
        let answer = self.get(&format!("/{repo}/raw/{revision}/{path}"))?;
        if let Some(size) = pointed_size(answer.response.body()) {
            return Err(answer.fault(ErrorKind::LargeFile { size }));
        }
        let commit = answer.response.header("x-repo-commit").map(str::to_owned);
        Ok(File {
            content: answer.response.into_body(),
            commit,
        })
    }

    /// A revision as one part of a path. A name with a slash would need a `%2F`, which hosts refuse in granted paths,
    /// so its commit stands in for it.
    fn revision<'a>(&self, repo: &Repo, revision: &'a str) -> Result<Cow<'a, str>, Error> {
        let short = revision.strip_prefix("refs/heads/").unwrap_or(revision);
        if !short.contains('/') {
            return path::revision(short).map(Cow::Borrowed);
        }
        let refs = self.refs(repo)?;
        let kinds = [refs.branches, refs.tags, refs.pull_requests, refs.converts];
        let mut known = kinds.into_iter().flatten();
        let found = known.find(|known| known.full_name == revision || known.name == revision);
        match found {
            Some(found) => {
                path::revision(&found.commit).map(|commit| Cow::Owned(commit.to_owned()))
            }
            None => Err(Error::new(
                ErrorKind::NotFound,
                "",
                format!("{repo} has no revision {revision:?}"),
            )),
        }
    }
}

/// The size of the large file that a text stands for, in bytes, if it does for one; zero where it does not say.
fn pointed_size(content: &[u8]) -> Option<u64> {
    if content.len() >= POINTER_BYTES_MAX {
        return None;
    }
    let facts = std::str::from_utf8(content).ok()?.strip_prefix(POINTER)?;
    let size = facts.lines().find_map(|fact| fact.strip_prefix("size "));
    Some(size.and_then(|size| size.parse().ok()).unwrap_or_default())
}
