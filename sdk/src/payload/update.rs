//! What changed in a repo's content: refs of git repos, files of buckets.

use super::lenient::{part, words};

part! {
    /// A branch, a tag or a pull request's ref that changed.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let pushed: ContentEvent = sample("repo-content").view();
    /// assert_eq!(pushed.refs[0].name, "refs/heads/main");
    /// assert!(pushed.refs[0].is_main() && pushed.refs[0].updated());
    /// ```
    pub struct RefUpdate {
        /// Its full name: `refs/heads/main`, `refs/tags/v1`, `refs/pr/5`, `refs/convert/parquet`. (docs)
        pub name: String = "ref",
        /// Its commit before; absent if it was created. (docs)
        pub old_sha: Option<String> = "oldSha",
        /// Its commit now; absent if it was deleted. (docs)
        pub new_sha: Option<String> = "newSha",
    }
}

/// What happened to a ref.
///
/// ```
/// use hookbox_sdk::{ContentEvent, payload::RefChange, testing::sample};
/// let pushed: ContentEvent = sample("repo-content").view();
/// let changes: Vec<_> = pushed.refs.iter().map(|update| update.change()).collect();
/// assert_eq!(changes, [RefChange::Updated, RefChange::Deleted]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefChange {
    /// It is new.
    Created,
    /// It points to another commit.
    Updated,
    /// It is gone.
    Deleted,
}

impl RefUpdate {
    /// What happened to it: no old commit means created, no new one deleted. (docs)
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, payload::RefChange, testing::sample};
    /// let pushed: ContentEvent = sample("repo-content-tag").view();
    /// assert_eq!(pushed.refs[0].change(), RefChange::Created);
    /// ```
    pub fn change(&self) -> RefChange {
        match (&self.old_sha, &self.new_sha) {
            (None, Some(_)) => RefChange::Created,
            (Some(_), None) => RefChange::Deleted,
            // Neither commit was told: that it changed is all that is known.
            (Some(_), Some(_)) | (None, None) => RefChange::Updated,
        }
    }

    /// Whether it is new.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let pushed: ContentEvent = sample("repo-content-tag").view();
    /// assert!(pushed.refs[0].created());
    /// ```
    pub fn created(&self) -> bool {
        self.change() == RefChange::Created
    }

    /// Whether it points to another commit: it was there, and it still is.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let pushed: ContentEvent = sample("repo-content").view();
    /// assert!(pushed.refs[0].updated());
    /// ```
    pub fn updated(&self) -> bool {
        self.change() == RefChange::Updated
    }

    /// Whether it is gone.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let pushed: ContentEvent = sample("repo-content").view();
    /// assert!(pushed.refs[1].deleted());
    /// ```
    pub fn deleted(&self) -> bool {
        self.change() == RefChange::Deleted
    }

    /// Its commit before, if that is a commit's id (7 to 64 hexadecimal digits), so that it can be asked for.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let pushed: ContentEvent = sample("repo-content").view();
    /// assert_eq!(pushed.refs[0].old_commit(), Some("ce9a4674fa833a68d5a73ec355f0ea95eedd60b7"));
    /// ```
    pub fn old_commit(&self) -> Option<&str> {
        self.old_sha.as_deref().filter(|sha| is_id(sha))
    }

    /// Its commit now, if that is a commit's id (7 to 64 hexadecimal digits), so that it can be asked for.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let push = sample("repo-content").refs([("refs/heads/main", None, Some("../../whoami-v2"))]);
    /// let pushed: ContentEvent = push.view();
    /// assert_eq!(pushed.refs[0].new_commit(), None);
    /// ```
    pub fn new_commit(&self) -> Option<&str> {
        self.new_sha.as_deref().filter(|sha| is_id(sha))
    }

    /// Whether it is the branch `main`.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let push = sample("repo-content").refs([("refs/heads/main", None, Some("575db8b"))]);
    /// let pushed: ContentEvent = push.view();
    /// assert!(pushed.refs[0].is_main() && pushed.refs[0].is_branch());
    /// ```
    pub fn is_main(&self) -> bool {
        self.name == "refs/heads/main"
    }

    /// Whether it is a branch.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let push = sample("repo-content").refs([("refs/heads/next", None, Some("575db8b"))]);
    /// let pushed: ContentEvent = push.view();
    /// assert!(pushed.refs[0].is_branch() && !pushed.refs[0].is_main());
    /// ```
    pub fn is_branch(&self) -> bool {
        self.name.starts_with("refs/heads/")
    }

    /// Whether it is a tag.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let push = sample("repo-content").refs([("refs/tags/v1", None, Some("575db8b"))]);
    /// let pushed: ContentEvent = push.view();
    /// assert!(pushed.refs[0].is_tag());
    /// ```
    pub fn is_tag(&self) -> bool {
        self.name.starts_with("refs/tags/")
    }

    /// Whether it belongs to a pull request.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let push = sample("repo-content").refs([("refs/pr/5", None, Some("575db8b"))]);
    /// let pushed: ContentEvent = push.view();
    /// assert!(pushed.refs[0].is_pull_request());
    /// ```
    pub fn is_pull_request(&self) -> bool {
        self.name.starts_with("refs/pr/")
    }

    /// Its name without the kind: `main`, `v1`, `5`; the full name if it is of no known kind.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let push = sample("repo-content").refs([("refs/pr/5", None, Some("575db8b"))]);
    /// let pushed: ContentEvent = push.view();
    /// assert_eq!(pushed.refs[0].short_name(), "5");
    /// ```
    pub fn short_name(&self) -> &str {
        let prefixes = ["refs/heads/", "refs/tags/", "refs/pr/"];
        prefixes
            .iter()
            .find_map(|prefix| self.name.strip_prefix(prefix))
            .unwrap_or(&self.name)
    }
}

fn is_id(sha: &str) -> bool {
    (7..=64).contains(&sha.len()) && sha.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl RefChange {
    /// `created`, `updated` or `deleted`.
    ///
    /// ```
    /// assert_eq!(hookbox_sdk::payload::RefChange::Created.as_str(), "created");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            RefChange::Created => "created",
            RefChange::Updated => "updated",
            RefChange::Deleted => "deleted",
        }
    }
}

impl std::fmt::Display for RefChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

words! {
    /// What happened to a bucket's file. (2026 docs)
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, payload::FileAction, testing::sample};
    /// let changed: ContentEvent = sample("bucket-content").view();
    /// assert_eq!(changed.files[1].action, FileAction::Delete);
    /// ```
    pub enum FileAction {
        /// Added, or written over.
        Add = "add",
        /// Deleted.
        Delete = "delete",
    }
}

part! {
    /// A bucket's file that changed.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let changed: ContentEvent = sample("bucket-content").view();
    /// let file = &changed.files[0];
    /// assert_eq!((file.path.as_str(), file.size, file.added()), ("data/train.txt", Some(20), true));
    /// ```
    pub struct FileUpdate {
        /// Its path. (2026 docs)
        pub path: String = "path",
        /// What happened to it. (2026 docs)
        pub action: FileAction = "action",
        /// The hash of its content. (2026 docs)
        pub xet_hash: Option<String> = "xetHash",
        /// Its size in bytes. (2026 docs)
        pub size: Option<u64> = "size",
    }
}

impl FileUpdate {
    /// Whether it was added, or written over.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let changed: ContentEvent = sample("bucket-content").files([("a.txt", "add")]).view();
    /// assert!(changed.files[0].added());
    /// ```
    pub fn added(&self) -> bool {
        self.action == FileAction::Add
    }

    /// Whether it is gone.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let changed: ContentEvent = sample("bucket-content").files([("a.txt", "delete")]).view();
    /// assert!(changed.files[0].deleted());
    /// ```
    pub fn deleted(&self) -> bool {
        self.action == FileAction::Delete
    }
}
