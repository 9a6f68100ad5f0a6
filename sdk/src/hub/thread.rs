//! Discussions as the Hub tells them: what lists show, and one with all that happened in it.
//!
//! Sources: hub client, `get_repo_discussions`, `get_discussion_details` and `community.py`.

use super::Account;
use crate::json::Slot;
use crate::payload::lenient::{object, words};
use crate::payload::{Changes, Status};

object! {
    /// A user or an organisation, with its name.
    pub struct Author {
        /// Its id, as payloads of webhooks have it.
        pub id: String = "_id" | "id",
        /// Its name.
        pub name: String = "name",
        /// `user` or `org`.
        pub kind: String = "type",
    }
}

object! {
    /// A discussion or a pull request, as lists show it.
    pub struct Discussion {
        /// Its number in the repo.
        pub num: u64 = "num",
        /// Its title.
        pub title: String = "title",
        /// Where it stands.
        pub status: Status = "status",
        /// Whether it is a pull request.
        pub is_pull_request: bool = "isPullRequest",
        /// When it was opened: a time in UTC (RFC 3339).
        pub created_at: String = "createdAt",
        /// Who opened it; absent if the account is gone.
        pub author: Option<Author> = "author",
    }
}

object! {
    /// One page of discussions.
    pub struct Page {
        /// How many there are in all.
        pub count: u64 = "count",
        /// The place of the page's first one.
        pub start: u64 = "start",
        /// Those of this page.
        pub discussions: Vec<Discussion> = "discussions",
    }
}

object! {
    /// A discussion or a pull request with all that happened in it.
    pub struct Thread {
        /// Its number in the repo.
        pub num: u64 = "num",
        /// Its title.
        pub title: String = "title",
        /// Where it stands.
        pub status: Status = "status",
        /// Whether it is a pull request.
        pub is_pull_request: bool = "isPullRequest",
        /// When it was opened: a time in UTC (RFC 3339).
        pub created_at: String = "createdAt",
        /// Who opened it; absent if the account is gone.
        pub author: Option<Author> = "author",
        /// What happened in it, oldest first. The first one is the text that it was opened with.
        pub events: Vec<Entry> = "events",
        /// What a pull request changes.
        pub changes: Option<Changes> = "changes",
        /// The files of a pull request that conflict.
        pub conflicts: Conflicts = "filesWithConflicts",
        /// What a pull request changes, as a git diff, if it was asked for.
        pub diff: Option<String> = "diff",
    }
}

object! {
    /// Something that happened in a discussion.
    pub struct Entry {
        /// Its id.
        pub id: String = "id",
        /// What it is.
        pub kind: EventKind = "type",
        /// When it happened: a time in UTC (RFC 3339).
        pub created_at: String = "createdAt",
        /// Who did it; absent if the account is gone.
        pub author: Option<Author> = "author",
        /// What it says; which fields are there depends on what it is.
        pub data: EntryData = "data",
    }
}

words! {
    /// What happened in a discussion.
    pub enum EventKind {
        /// A comment was written.
        Comment = "comment",
        /// It was opened, closed or merged.
        StatusChange = "status-change",
        /// It got another title.
        TitleChange = "title-change",
        /// A commit was added to the pull request.
        Commit = "commit",
    }
}

object! {
    /// What an event of a discussion says.
    pub struct EntryData {
        /// A comment's text as it is now.
        pub latest: Text = "latest",
        /// Whether a comment was edited.
        pub edited: bool = "edited",
        /// Whether a comment was hidden.
        pub hidden: bool = "hidden",
        /// The new status, for a change of it.
        pub status: Option<Status> = "status",
        /// The old title, for a change of it.
        pub from: Option<String> = "from",
        /// The new title, for a change of it.
        pub to: Option<String> = "to",
        /// The first line of a commit's message.
        pub subject: Option<String> = "subject",
        /// A commit's id.
        pub oid: Option<String> = "oid",
    }
}

object! {
    /// A comment's text.
    pub struct Text {
        /// In Markdown, as it was written.
        pub raw: String = "raw",
    }
}

/// The files of a pull request that conflict with the branch it goes into.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Conflicts {
    /// Whether there are any.
    pub exist: bool,
    /// Their paths; empty where the Hub says only that there are some.
    pub files: Vec<String>,
}

impl Slot for Conflicts {
    fn boolean(&mut self, exist: bool) -> bool {
        self.exist = exist;
        true
    }

    fn list(&mut self) -> bool {
        self.files.list()
    }

    fn item(&mut self) -> Option<&mut dyn Slot> {
        self.exist = true;
        self.files.item()
    }

    fn drop_item(&mut self) {
        self.files.drop_item();
    }
}

impl Entry {
    /// The text of a comment that is not hidden.
    pub fn comment(&self) -> Option<&str> {
        let is_shown = self.kind == EventKind::Comment && !self.data.hidden;
        is_shown.then_some(self.data.latest.raw.as_str())
    }

    /// Whether an account did it. One without an id did nothing.
    pub fn is_by(&self, account: &Account) -> bool {
        let author = self.author.as_ref();
        author.is_some_and(|author| !author.id.is_empty() && author.id == account.id)
    }
}

impl Thread {
    /// The comments that are not hidden, oldest first, with their texts.
    pub fn comments(&self) -> impl Iterator<Item = (&Entry, &str)> {
        let entries = self.events.iter();
        entries.filter_map(|entry| Some((entry, entry.comment()?)))
    }
}
