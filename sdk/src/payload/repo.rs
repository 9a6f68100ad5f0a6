//! The repo that an event happened to, and whose it is.

use super::lenient::{Slot, object_fields, object_told, part, words};

words! {
    /// The type of a repo. (docs; `bucket`: 2026 docs)
    ///
    /// ```
    /// use hookbox_sdk::{RepoEvent, payload::RepoType, testing::sample};
    /// let created: RepoEvent = sample("repo-create").repo_type("space").view();
    /// assert_eq!(created.repo.repo_type, RepoType::Space);
    /// ```
    pub enum RepoType {
        /// A model.
        Model = "model",
        /// A dataset.
        Dataset = "dataset",
        /// A Space.
        Space = "space",
        /// A bucket: files without git.
        Bucket = "bucket",
    }
}

part! {
    /// The repo that an event happened to.
    ///
    /// ```
    /// use hookbox_sdk::{RepoEvent, testing::sample};
    /// let created: RepoEvent = sample("repo-create").view();
    /// assert_eq!(created.repo.name, "some-user/some-repo");
    /// assert_eq!(created.repo.url.web.as_deref(), Some("https://huggingface.co/some-user/some-repo"));
    /// ```
    pub struct Repo {
        /// Its type. (docs)
        pub repo_type: RepoType = "type",
        /// Its name with the namespace, `openai-community/gpt2`; old ones have none. (docs)
        pub name: String = "name",
        /// Its id, which survives a rename. (docs)
        pub id: String = "id",
        /// Whether it is private; `None` if not told, so that nobody takes a private repo for a public one. (docs)
        pub private: Option<bool> = "private",
        /// The head of `main`, where the scope is `repo` or under it, but not for buckets. (docs)
        pub head_sha: Option<String> = "headSha",
        /// Its tags. (docs of 2025, for models; no longer documented)
        pub tags: Vec<String> = "tags",
        /// The subdomain of a Space's app. (hub client)
        pub subdomain: Option<String> = "subdomain",
        /// Its pages. (docs)
        pub url: Url = "url",
        /// Who owns it. (docs; `author` in the beta docs)
        pub owner: Account = "owner" | "author",
    }
}

part! {
    /// Where something is on the Hub. Other Hubs than huggingface.co send their own hosts: never send a token to a
    /// host because it stands here.
    ///
    /// ```
    /// use hookbox_sdk::{CommentEvent, testing::sample};
    /// let written: CommentEvent = sample("discussion-comment").view();
    /// assert!(written.discussion.url.api.is_some());
    /// assert!(written.comment.url.web.is_some() && written.comment.url.api.is_none());
    /// ```
    pub struct Url {
        /// For people. (docs)
        pub web: Option<String> = "web",
        /// For programs. (docs; comments have none)
        pub api: Option<String> = "api",
    }
}

part! {
    /// A user or an organisation. The Hub sends no names.
    ///
    /// ```
    /// use hookbox_sdk::{CommentEvent, testing::sample};
    /// let written: CommentEvent = sample("discussion-comment").view();
    /// assert_eq!(written.comment.author.id, "61d2000c3c2083e1c08af22d");
    /// ```
    pub struct Account {
        /// Its id. (docs)
        pub id: String = "id",
    }
}

/// Where a repo was moved to.
///
/// ```
/// use hookbox_sdk::{MoveEvent, testing::sample};
/// let moved: MoveEvent = sample("repo-move").view();
/// assert_eq!((moved.repo.name.as_str(), moved.to.name.as_str()), ("some-user/some-repo", "new-org/new-repo"));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct MovedTo {
    /// Its new name with the namespace. (hub client)
    pub name: String,
    /// Its new owner. (hub client)
    pub owner: Account,
}

impl Slot for MovedTo {
    /// Payloads before version 3 sent the name alone.
    fn text(&mut self, name: &str) -> bool {
        self.name.text(name)
    }

    object_fields!(name = "name", owner = "owner",);
}

object_told!(MovedTo: name = "name", owner = "owner",);

impl Repo {
    /// Whether it is a model.
    ///
    /// ```
    /// use hookbox_sdk::{RepoEvent, testing::sample};
    /// let created: RepoEvent = sample("repo-create").view();
    /// assert!(created.repo.is_model());
    /// ```
    pub fn is_model(&self) -> bool {
        self.repo_type == RepoType::Model
    }

    /// Whether it is a dataset.
    ///
    /// ```
    /// use hookbox_sdk::{RepoEvent, testing::sample};
    /// let created: RepoEvent = sample("repo-create").repo_type("dataset").view();
    /// assert!(created.repo.is_dataset());
    /// ```
    pub fn is_dataset(&self) -> bool {
        self.repo_type == RepoType::Dataset
    }

    /// Whether it is a Space.
    ///
    /// ```
    /// use hookbox_sdk::{RepoEvent, testing::sample};
    /// let pushed: RepoEvent = sample("repo-content-pr").view();
    /// assert!(pushed.repo.is_space());
    /// ```
    pub fn is_space(&self) -> bool {
        self.repo_type == RepoType::Space
    }

    /// Whether it is a bucket.
    ///
    /// ```
    /// use hookbox_sdk::{RepoEvent, testing::sample};
    /// let changed: RepoEvent = sample("bucket-content").view();
    /// assert!(changed.repo.is_bucket());
    /// ```
    pub fn is_bucket(&self) -> bool {
        self.repo_type == RepoType::Bucket
    }

    /// Whether everybody may see it. What is not told counts as private.
    ///
    /// ```
    /// use hookbox_sdk::{RepoEvent, testing::sample};
    /// let created: RepoEvent = sample("repo-create").private(true).view();
    /// assert!(!created.repo.is_public());
    /// ```
    pub fn is_public(&self) -> bool {
        self.private == Some(false)
    }

    /// The user or organisation in its name; old repos have none (`gpt2`).
    ///
    /// ```
    /// use hookbox_sdk::{RepoEvent, testing::sample};
    /// let created: RepoEvent = sample("repo-create").repo("ada/notes").view();
    /// assert_eq!(created.repo.namespace(), Some("ada"));
    /// ```
    pub fn namespace(&self) -> Option<&str> {
        self.name.split_once('/').map(|(namespace, _)| namespace)
    }
}
