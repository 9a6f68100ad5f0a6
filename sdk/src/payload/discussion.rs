//! Discussions, pull requests and the comments in them.

use super::lenient::{part, words};
use super::{Account, Url};

words! {
    /// Where a discussion stands. (hub client)
    ///
    /// ```
    /// use hookbox_sdk::{DiscussionEvent, payload::Status, testing::sample};
    /// let merged: DiscussionEvent = sample("discussion-update").view();
    /// assert_eq!(merged.discussion.status, Status::Merged);
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::{DiscussionEvent, testing::sample};
    /// let opened: DiscussionEvent = sample("discussion-pr").view();
    /// assert!(opened.discussion.is_pull_request && opened.discussion.is_open());
    /// assert_eq!((opened.discussion.num, opened.discussion.title.as_str()), (19, "Update co2 emissions"));
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::{DiscussionEvent, testing::sample};
    /// let merged: DiscussionEvent = sample("discussion-update").view();
    /// let changes = merged.discussion.changes.as_ref().ok_or("it is no pull request")?;
    /// assert_eq!(changes.base.as_deref(), Some("refs/heads/main"));
    /// assert!(changes.merge_commit_id.is_some());
    /// # Ok::<(), &str>(())
    /// ```
    pub struct Changes {
        /// The ref it goes into, `refs/heads/main`. (docs)
        pub base: Option<String> = "base",
        /// The commit that merged it. (hub client)
        pub merge_commit_id: Option<String> = "mergeCommitId",
    }
}

part! {
    /// A comment in a discussion.
    ///
    /// ```
    /// use hookbox_sdk::{CommentEvent, testing::sample};
    /// let hidden: CommentEvent = sample("discussion-comment-hidden").view();
    /// assert!(hidden.comment.hidden);
    /// assert_eq!(hidden.comment.content, None);
    /// ```
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

impl Status {
    /// Whether work on it goes on: open or draft.
    ///
    /// ```
    /// use hookbox_sdk::payload::Status;
    /// assert!(Status::Open.is_open() && Status::Draft.is_open());
    /// assert!(!Status::Closed.is_open() && !Status::Merged.is_open());
    /// ```
    pub fn is_open(&self) -> bool {
        matches!(self, Status::Open | Status::Draft)
    }
}

impl Discussion {
    /// Whether work on it goes on: open or draft.
    ///
    /// ```
    /// use hookbox_sdk::{DiscussionEvent, testing::sample};
    /// let opened: DiscussionEvent = sample("discussion").view();
    /// assert!(opened.discussion.is_open());
    /// ```
    pub fn is_open(&self) -> bool {
        self.status.is_open()
    }

    /// Whether it is a pull request that is not ready.
    ///
    /// ```
    /// use hookbox_sdk::{DiscussionEvent, testing::sample};
    /// let opened: DiscussionEvent = sample("discussion-pr").status("draft").view();
    /// assert!(opened.discussion.is_draft() && opened.discussion.is_open());
    /// ```
    pub fn is_draft(&self) -> bool {
        self.status == Status::Draft
    }

    /// Whether it was closed without merging.
    ///
    /// ```
    /// use hookbox_sdk::{DiscussionEvent, testing::sample};
    /// let changed: DiscussionEvent = sample("discussion-update").status("closed").view();
    /// assert!(changed.discussion.is_closed() && !changed.discussion.is_open());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.status == Status::Closed
    }

    /// Whether it is a pull request that was merged.
    ///
    /// ```
    /// use hookbox_sdk::{DiscussionEvent, testing::sample};
    /// let changed: DiscussionEvent = sample("discussion-update").view();
    /// assert!(changed.discussion.is_merged() && !changed.discussion.is_closed());
    /// ```
    pub fn is_merged(&self) -> bool {
        self.status == Status::Merged
    }
}

impl Comment {
    /// Whether it can be read: it was not hidden. Only then is there a text.
    ///
    /// ```
    /// use hookbox_sdk::{CommentEvent, testing::sample};
    /// let hidden: CommentEvent = sample("discussion-comment-hidden").view();
    /// assert!(!hidden.comment.is_visible());
    /// ```
    pub fn is_visible(&self) -> bool {
        !self.hidden
    }
}
