//! What the Hub sends, typed.
//!
//! Reading is lenient: whatever is missing or has an unexpected type is absent (`None`, an empty text, an empty
//! list), and words that this version does not know are kept. What has no field here is in [`Event::json`].
//!
//! What something is has a method `is_…` (`is_tag`, `is_open`); what happened to it has the bare word (`created`,
//! `deleted`).
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
mod discussion;
pub(crate) mod lenient;
mod repo;
mod update;

use lenient::part;

pub use config::Config;
pub use discussion::{Changes, Comment, Discussion, Status};
pub use repo::{Account, MovedTo, Repo, RepoType, Url};
pub use update::{FileAction, FileUpdate, RefChange, RefUpdate};

use crate::{Failure, Result, json};

part! {
    /// A whole payload. Which parts are there depends on the scope.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// let event = sample("discussion-comment").event();
    /// let payload = event.payload()?;
    /// assert!(payload.comment.is_some() && payload.moved_to.is_none());
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// let event = sample("unknown-scope").event();
    /// let sent = &event.payload()?.event;
    /// assert_eq!((sent.scope.as_str(), sent.action.as_str()), ("repo.config.dois", "create"));
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub struct EventName {
        /// `create`, `delete`, `update`, `move`, or a later word. (docs)
        pub action: String = "action",
        /// The scope, dotted: `repo.content`. (docs)
        pub scope: String = "scope",
    }
}

part! {
    /// The webhook that sent a payload.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// let event = sample("repo-create").event();
    /// assert_eq!(event.payload()?.webhook.version, Some(3));
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
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
    /// ```
    /// use hookbox_sdk::payload::Payload;
    /// let payload = Payload::from_json(br#"{"repo": {"name": "gpt2"}}"#)?;
    /// assert_eq!(payload.repo.name, "gpt2");
    /// assert!(Payload::from_json(b"gpt2").is_err());
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
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

/// The failure of a payload that cannot be read.
pub(crate) fn not_json(error: &dyn std::fmt::Display) -> Failure {
    Failure::reject(format!(
        "the payload is no JSON that can be read ({error}): check what posted it"
    ))
}

#[cfg(test)]
mod tests;
