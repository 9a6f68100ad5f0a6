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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let answer = json!({"branches": [{"name": "main"}], "tags": [{"name": "v1.0"}]});
    /// # fake.answers("GET", "/api/models/my-org/bert/refs", &answer);
    ///
    /// let refs = Client::new()?.refs(&Repo::model("my-org/bert")?)?;
    /// assert_eq!((refs.branches.len(), refs.tags.len(), refs.pull_requests.len()), (1, 1, 0));
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let tags = json!([{"name": "v1.0", "ref": "refs/tags/v1.0", "targetCommit": "575db8b"}]);
    /// # fake.answers("GET", "/api/models/my-org/bert/refs", &json!({"tags": tags}));
    ///
    /// let refs = Client::new()?.refs(&Repo::model("my-org/bert")?)?;
    /// let release = refs.tags.iter().find(|tag| tag.name == "v1.0");
    /// assert_eq!(release.map(|tag| tag.commit.as_str()), Some("575db8b"));
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, EntryKind, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let entries = json!([{"type": "directory", "path": "data"}, {"type": "file", "path": "data/train.csv"}]);
    /// # fake.answers("GET", "/api/datasets/my-org/reviews/tree/main", &entries);
    ///
    /// let tree = Client::new()?.tree(&Repo::dataset("my-org/reviews")?, "main", "")?;
    /// let files = tree.entries.iter().filter(|entry| entry.kind == EntryKind::File);
    /// assert_eq!(files.count(), 1);
    /// # Ok::<(), Failure>(())
    /// ```
    pub enum EntryKind {
        /// A file.
        File = "file",
        /// A folder.
        Directory = "directory",
    }
}

object! {
    /// A file or a folder. (hub client, `list_repo_tree`)
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let file = |path, size: u64| json!({"type": "file", "path": path, "size": size});
    /// # let entries = json!([file("train.csv", 120), file("test.csv", 30)]);
    /// # fake.answers("GET", "/api/datasets/my-org/reviews/tree/main", &entries);
    ///
    /// let tree = Client::new()?.tree(&Repo::dataset("my-org/reviews")?, "main", "")?;
    /// assert_eq!(tree.entries.iter().map(|entry| entry.size).sum::<u64>(), 150);
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let content = json!({"oid": "e3b0c442", "size": 5_000_000});
    /// # let large = json!([{"type": "file", "path": "model.safetensors", "lfs": content}]);
    /// # fake.answers("GET", "/api/models/my-org/bert/tree/main", &large);
    ///
    /// let tree = Client::new()?.tree(&Repo::model("my-org/bert")?, "main", "")?;
    /// let known = tree.entries.iter().filter_map(|entry| entry.lfs.as_ref());
    /// assert!(known.clone().any(|content| content.sha256 == "e3b0c442")); // these weights are there
    /// # Ok::<(), Failure>(())
    /// ```
    pub struct Lfs {
        /// Its SHA-256.
        pub sha256: String = "oid",
        /// Its size in bytes.
        pub size: u64 = "size",
    }
}

impl TreeEntry {
    /// Whether it is a large file: git has only what stands for its content, so [`Client::read_file`] cannot read it.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let large = json!({"type": "file", "path": "train.parquet", "lfs": {"size": 5_000_000}});
    /// # let large = json!([large, {"type": "file", "path": "README.md"}]);
    /// # fake.answers("GET", "/api/datasets/my-org/reviews/tree/main", &large);
    ///
    /// let tree = Client::new()?.tree(&Repo::dataset("my-org/reviews")?, "main", "")?;
    /// let readable = tree.entries.iter().filter(|entry| !entry.is_large());
    /// assert_eq!(readable.map(|entry| &entry.path).collect::<Vec<_>>(), ["README.md"]);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn is_large(&self) -> bool {
        self.lfs.is_some()
    }
}

/// Files and folders of a repo.
///
/// ```
/// use hookbox_sdk::hub::{Client, Repo};
/// # use hookbox_sdk::{prelude::*, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # fake.answers("GET", "/api/models/my-org/bert/tree/main", &json!([{"type": "file", "path": "README.md"}]));
///
/// let tree = Client::new()?.tree(&Repo::model("my-org/bert")?, "main", "")?;
/// let has_licence = tree.entries.iter().any(|entry| entry.path == "LICENSE");
/// // Only of a whole list does it say so.
/// assert!(!has_licence && tree.is_complete);
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Tree {
    /// Them.
    pub entries: Vec<TreeEntry>,
    /// Whether these are all: no more than 10,000 are asked for.
    pub is_complete: bool,
}

/// A file of a repo.
///
/// ```
/// use hookbox_sdk::hub::{Client, Commit, Repo};
/// # use hookbox_sdk::{prelude::*, http::Response, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # let card = Response::new(200).with_body("# BERT\n").with_header("x-repo-commit", "575db8b");
/// # fake.answers_with("GET", "/my-org/bert/raw/main/README.md", Ok(card));
///
/// let card = Client::new()?.read_file(&Repo::model("my-org/bert")?, "main", "README.md")?;
/// assert_eq!((card.content.as_slice(), card.commit.as_deref()), (b"# BERT\n".as_slice(), Some("575db8b")));
/// # Ok::<(), Failure>(())
/// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Card, Client, Repo};
    /// # use hookbox_sdk::{Failure, http::Response, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let card = Response::new(200).with_body("---\nlicense: mit\n---\n");
    /// # fake.answers_with("GET", "/my-org/bert/raw/main/README.md", Ok(card));
    ///
    /// let readme = Client::new()?.read_file(&Repo::model("my-org/bert")?, "main", "README.md")?;
    /// assert_eq!(Card::parse(&readme.text()).text("license"), Some("mit"));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }
}

impl Client {
    /// A repo's branches, tags and pull requests with their commits.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # fake.answers("GET", "/api/models/my-org/bert/refs", &json!({"pullRequests": [{"name": "5"}, {"name": "8"}]}));
    ///
    /// let refs = Client::new()?.refs(&Repo::model("my-org/bert")?)?;
    /// let numbers: Vec<_> = refs.pull_requests.iter().map(|pull| pull.name.as_str()).collect();
    /// assert_eq!(numbers, ["5", "8"]);
    /// # Ok::<(), Failure>(())
    /// ```
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
    /// ```
    /// use hookbox_sdk::{hub::Client, prelude::*};
    /// # use hookbox_sdk::{http::Response, testing::FakeHub};
    ///
    /// /// Whether a push changed data.
    /// fn has_new_data(event: &Event) -> Result<bool> {
    ///     let main = &event.payload()?.updated_refs[0];
    ///     let (Some(old), Some(new)) = (main.old_commit(), main.new_commit()) else { return Ok(false) };
    ///     let changes = Client::new()?.compare(&hub::Repo::of(event)?, old, new)?;
    ///     Ok(changes.iter().any(|change| change.path.ends_with(".csv")))
    /// }
    ///
    /// # let fake = FakeHub::start();
    /// # let path = "/api/models/some-user/some-repo/compare/\
    /// #     ce9a4674fa833a68d5a73ec355f0ea95eedd60b7..575db8b7a51b6f85eb06eee540738584589f131c";
    /// # fake.answers_with("GET", path, Ok(Response::new(200).with_body(":100644 100644 a1 b2 M\tdata/train.csv\n")));
    /// assert!(has_new_data(&Event::sample("repo-content")?)?);
    /// # Ok::<(), Failure>(())
    /// ```
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
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let entries = json!([{"type": "file", "path": "data/test.csv"}, {"type": "file", "path": "data/train.csv"}]);
    /// # fake.answers("GET", "/api/datasets/my-org/reviews/tree/575db8b/data", &entries);
    ///
    /// let tree = Client::new()?.tree(&Repo::dataset("my-org/reviews")?, "575db8b", "data")?;
    /// let paths: Vec<_> = tree.entries.iter().map(|entry| entry.path.as_str()).collect();
    /// assert_eq!(paths, ["data/test.csv", "data/train.csv"]);
    /// # Ok::<(), Failure>(())
    /// ```
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
    /// ```
    /// use hookbox_sdk::hub::{Client, ErrorKind, Repo};
    /// # use hookbox_sdk::{Failure, http::Response, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:e3b0c442\nsize 5000000\n";
    /// # let file = |content: &str| Ok(Response::new(200).with_body(content));
    /// # fake.answers_with("GET", "/my-org/bert/raw/main/README.md", file("# BERT\n"));
    /// # fake.answers_with("GET", "/my-org/bert/raw/main/model.safetensors", file(pointer));
    ///
    /// let (hub, repo) = (Client::new()?, Repo::model("my-org/bert")?);
    /// assert_eq!(hub.read_file(&repo, "main", "README.md")?.text(), "# BERT\n");
    /// let weights = hub.read_file(&repo, "main", "model.safetensors").unwrap_err();
    /// assert_eq!(weights.kind(), &ErrorKind::LargeFile { size: 5_000_000 });
    /// # Ok::<(), Failure>(())
    /// ```
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
