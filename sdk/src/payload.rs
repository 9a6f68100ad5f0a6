//! What the Hub sends, typed.
//!
//! Reading is lenient: whatever is missing or has an unexpected type is absent (`None`, an empty text, an empty
//! list), and words that this version does not know are kept. What has no field here is in [`Event::json`].
//!
//! Sources, named at each field: *docs* is the Hub's page on webhooks (`docs/hub/webhooks.md` of
//! `huggingface/hub-docs`), *2026 docs* are its changes of August and September 2026, *hub client* is
//! `_webhooks_payload.py` of `huggingface_hub`, *beta docs* are the page's versions of 2022.
//!
//! ```
//! use hookbox_sdk::payload::{Payload, RefChange};
//!
//! let payload = Payload::from_json(br#"{
//!     "event": {"scope": "repo.content", "action": "update"},
//!     "repo": {"type": "model", "name": "openai-community/gpt2", "private": "yes"},
//!     "updatedRefs": [{"ref": "refs/tags/v1", "oldSha": null, "newSha": "575db8b"}]
//! }"#).map_err(|failure| failure.reason().to_owned())?;
//! assert_eq!(payload.repo.name, "openai-community/gpt2");
//! assert_eq!(payload.repo.private, None); // no boolean: absent
//! assert_eq!(payload.updated_refs[0].change(), RefChange::Created);
//! assert_eq!(payload.updated_refs[0].short_name(), "v1");
//! # Ok::<(), String>(())
//! ```
//!
//! [`Event::json`]: crate::Event::json

mod config;
pub(crate) mod lenient;
mod update;

use lenient::{Slot, object_fields, object_told, part, words};

pub use config::Config;
pub use update::{FileAction, FileUpdate, RefChange, RefUpdate};

use crate::{Failure, Result, json};

part! {
    /// A whole payload. Which parts are there depends on the scope.
    pub struct Payload {
        /// What happened, as sent. (docs: always there)
        pub event: EventName = "event",
        /// The repo that it happened to. (docs: always there)
        pub repo: Repo = "repo",
        /// The discussion or pull request, for `discussion` and `discussion.comment`. (docs)
        pub discussion: Option<Discussion> = "discussion",
        /// The comment, for `discussion.comment` and where a discussion is created. (docs)
        pub comment: Option<Comment> = "comment",
        /// Where a repo went, for the action `move`. (hub client; `repo.name` is then the old name)
        pub moved_to: Option<MovedTo> = "movedTo",
        /// The branches, tags and pull request refs that changed, for `repo.content` of git repos. (docs)
        pub updated_refs: Vec<RefUpdate> = "updatedRefs",
        /// The files that changed, for `repo.content` of buckets, at most 10,000. (2026 docs)
        pub updated_files: Vec<FileUpdate> = "updatedFiles",
        /// Whether more files changed than are listed. (2026 docs)
        pub updated_files_truncated: bool = "updatedFilesTruncated",
        /// The settings that changed with their new values, for `repo.config`; empty where the Hub does not tell which
        /// (secrets of a Space). (docs: `private`; any key may come)
        pub updated_config: Config = "updatedConfig",
        /// The webhook that sent it. (docs: in every example)
        pub webhook: Webhook = "webhook",
    }
}

part! {
    /// What happened, as the Hub sent it.
    pub struct EventName {
        /// `create`, `delete`, `update`, `move`, or a later word. (docs)
        pub action: String = "action",
        /// The scope, dotted: `repo.content`. (docs)
        pub scope: String = "scope",
    }
}

words! {
    /// The type of a repo. (docs; `bucket`: 2026 docs)
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
    pub struct Url {
        /// For people. (docs)
        pub web: Option<String> = "web",
        /// For programs. (docs; comments have none)
        pub api: Option<String> = "api",
    }
}

part! {
    /// A user or an organisation. The Hub sends no names.
    pub struct Account {
        /// Its id. (docs)
        pub id: String = "id",
    }
}

words! {
    /// Where a discussion stands. (hub client)
    pub enum Status {
        /// Open.
        Open = "open",
        /// A pull request that is not ready.
        Draft = "draft",
        /// Closed without merging.
        Closed = "closed",
        /// A merged pull request.
        Merged = "merged",
    }
}

part! {
    /// A discussion or a pull request.
    pub struct Discussion {
        /// Its id. (docs)
        pub id: String = "id",
        /// Its number in the repo; 0 if not told. (docs)
        pub num: u64 = "num",
        /// Its title. (docs)
        pub title: String = "title",
        /// Where it stands. (docs)
        pub status: Status = "status",
        /// Who opened it. (docs)
        pub author: Account = "author",
        /// Its pages. (docs)
        pub url: Url = "url",
        /// Whether it is a pull request. (docs)
        pub is_pull_request: bool = "isPullRequest",
        /// What a pull request changes. (docs)
        pub changes: Option<Changes> = "changes",
        /// Whether it is pinned. (hub client)
        pub pinned: bool = "pinned",
    }
}

part! {
    /// What a pull request changes.
    pub struct Changes {
        /// The ref it goes into, `refs/heads/main`. (docs)
        pub base: Option<String> = "base",
        /// The commit that merged it. (hub client)
        pub merge_commit_id: Option<String> = "mergeCommitId",
    }
}

part! {
    /// A comment in a discussion.
    pub struct Comment {
        /// Its id. (docs)
        pub id: String = "id",
        /// Who wrote it. (docs)
        pub author: Account = "author",
        /// Its text in Markdown; absent when it is hidden. (docs)
        pub content: Option<String> = "content",
        /// Whether it was hidden. (docs)
        pub hidden: bool = "hidden",
        /// Its page. (docs)
        pub url: Url = "url",
    }
}

/// Where a repo was moved to.
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

part! {
    /// The webhook that sent a payload.
    pub struct Webhook {
        /// Its id. (docs)
        pub id: String = "id",
        /// The version of the payload's shape: 3 today. (docs)
        pub version: Option<u64> = "version",
    }
}

impl Payload {
    /// Reads a payload.
    ///
    /// # Errors
    /// Rejects what is not one JSON object: no later attempt could read it either.
    pub fn from_json(bytes: &[u8]) -> Result<Payload> {
        let mut payload = Payload::default();
        match json::read(bytes, &mut payload) {
            Ok(true) => Ok(payload),
            Ok(false) => Err(Failure::reject(
                "the payload is JSON, but no object: the Hub sends objects, so check what posted it",
            )),
            Err(error) => Err(not_json(&error)),
        }
    }
}

impl Status {
    /// Whether work on it goes on: open or draft.
    pub fn is_open(&self) -> bool {
        matches!(self, Status::Open | Status::Draft)
    }
}

impl Repo {
    /// Whether it is a model.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    /// assert!(Event::sample("repo-create")?.payload()?.repo.is_model());
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn is_model(&self) -> bool {
        self.repo_type == RepoType::Model
    }

    /// Whether it is a dataset.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    /// let event = Event::from_json(r#"{"repo": {"type": "dataset"}}"#)?;
    /// assert!(event.payload()?.repo.is_dataset());
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn is_dataset(&self) -> bool {
        self.repo_type == RepoType::Dataset
    }

    /// Whether it is a Space.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    /// assert!(Event::sample("repo-content-pr")?.payload()?.repo.is_space());
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn is_space(&self) -> bool {
        self.repo_type == RepoType::Space
    }

    /// Whether it is a bucket.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    /// assert!(Event::sample("bucket-content")?.payload()?.repo.is_bucket());
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn is_bucket(&self) -> bool {
        self.repo_type == RepoType::Bucket
    }

    /// The user or organisation in its name; old repos have none (`gpt2`).
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    /// let event = Event::sample("repo-create")?;
    /// assert_eq!(event.payload()?.repo.namespace(), Some("some-user"));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn namespace(&self) -> Option<&str> {
        self.name.split_once('/').map(|(namespace, _)| namespace)
    }
}

impl Discussion {
    /// Whether work on it goes on: open or draft.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    /// let event = Event::sample("discussion")?;
    /// assert!(event.payload()?.discussion.as_ref().is_some_and(|discussion| discussion.is_open()));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn is_open(&self) -> bool {
        self.status.is_open()
    }

    /// Whether it is a pull request that was merged.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    /// let event = Event::sample("discussion-update")?;
    /// assert!(event.payload()?.discussion.as_ref().is_some_and(|pull| pull.is_merged()));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn is_merged(&self) -> bool {
        self.status == Status::Merged
    }
}

impl Comment {
    /// Whether it can be read: it was not hidden. Only then is there a text.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    /// let event = Event::sample("discussion-comment-hidden")?;
    /// assert!(event.payload()?.comment.as_ref().is_some_and(|comment| !comment.is_visible()));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn is_visible(&self) -> bool {
        !self.hidden
    }
}

/// The failure of a payload that cannot be read.
pub(crate) fn not_json(error: &dyn std::fmt::Display) -> Failure {
    Failure::reject(format!(
        "the payload is no JSON that can be read ({error}): check what posted it"
    ))
}

#[cfg(test)]
mod tests;
