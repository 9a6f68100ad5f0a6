//! Discussions as the Hub tells them: what lists show, and one with all that happened in it.
//!
//! Sources: hub client, `get_repo_discussions`, `get_discussion_details` and `community.py`.

use super::Account;
use crate::json::Slot;
use crate::payload::lenient::{object, words};
use crate::payload::{Changes, Status};

object! {
    /// A user or an organisation, with its name.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let thread = json!({"num": 7, "author": {"_id": "61d2000c", "name": "ada", "type": "user"}});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/7", &thread);
    ///
    /// // The payload of a webhook has ids alone: here is the name.
    /// let thread = Client::new()?.discussion(&Repo::model("my-org/bert")?, 7)?;
    /// let name = thread.author.map_or("somebody".to_owned(), |author| author.name);
    /// assert_eq!(name, "ada");
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Filter, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let listed = json!([{"num": 8, "isPullRequest": true}, {"num": 7, "title": "Licence"}]);
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions", &json!({"count": 2, "discussions": listed}));
    ///
    /// let newest = Client::new()?.discussions(&Repo::model("my-org/bert")?, &Filter::new())?;
    /// let asked = newest.iter().find(|one| !one.is_pull_request && one.title == "Licence");
    /// assert_eq!(asked.map(|one| one.num), Some(7));
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::{hub::{Client, Repo}, payload::Status};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let pull = json!({"num": 8, "status": "draft", "isPullRequest": true, "filesWithConflicts": ["README.md"]});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/8", &pull);
    ///
    /// let pull = Client::new()?.discussion(&Repo::model("my-org/bert")?, 8)?;
    /// assert_eq!(pull.status, Status::Draft);
    /// assert_eq!(pull.conflicts.files, ["README.md"]);
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, EventKind, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let closed = json!({"type": "status-change", "author": {"name": "ada"}, "data": {"status": "closed"}});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/7", &json!({"num": 7, "events": [closed]}));
    ///
    /// let thread = Client::new()?.discussion(&Repo::model("my-org/bert")?, 7)?;
    /// let last = thread.events.iter().rfind(|entry| entry.kind == EventKind::StatusChange);
    /// assert_eq!(last.and_then(|entry| entry.author.as_ref()).map(|author| author.name.as_str()), Some("ada"));
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, EventKind, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let events = json!([{"type": "comment"}, {"type": "commit"}, {"type": "commit"}, {"type": "reaction"}]);
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/8", &json!({"num": 8, "events": events}));
    ///
    /// let pull = Client::new()?.discussion(&Repo::model("my-org/bert")?, 8)?;
    /// assert_eq!(pull.events.iter().filter(|entry| entry.kind == EventKind::Commit).count(), 2);
    /// // What a later Hub tells keeps its word.
    /// assert_eq!(pull.events[3].kind.as_str(), "reaction");
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, EventKind, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let commit = json!({"type": "commit", "data": {"subject": "Add a licence", "oid": "575db8b"}});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/8", &json!({"num": 8, "events": [commit]}));
    ///
    /// let pull = Client::new()?.discussion(&Repo::model("my-org/bert")?, 8)?;
    /// let commits = pull.events.iter().filter(|entry| entry.kind == EventKind::Commit);
    /// let subjects: Vec<_> = commits.filter_map(|entry| entry.data.subject.as_deref()).collect();
    /// assert_eq!(subjects, ["Add a licence"]);
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let said = json!({"type": "comment", "data": {"edited": true, "latest": {"raw": "Which **licence**?"}}});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/7", &json!({"num": 7, "events": [said]}));
    ///
    /// let thread = Client::new()?.discussion(&Repo::model("my-org/bert")?, 7)?;
    /// let said = &thread.events[0].data;
    /// assert!(said.edited && said.latest.raw == "Which **licence**?"); // as it reads since the edit
    /// # Ok::<(), Failure>(())
    /// ```
    pub struct Text {
        /// In Markdown, as it was written.
        pub raw: String = "raw",
    }
}

/// The files of a pull request that conflict with the branch it goes into.
///
/// ```
/// use hookbox_sdk::hub::{Client, Repo};
/// # use hookbox_sdk::{prelude::*, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # let pull = json!({"num": 8, "isPullRequest": true, "filesWithConflicts": true});
/// # fake.answers("GET", "/api/models/my-org/bert/discussions/8", &pull);
///
/// // The Hub may say that there are some, and not which.
/// let conflicts = Client::new()?.discussion(&Repo::model("my-org/bert")?, 8)?.conflicts;
/// assert!(conflicts.exist && conflicts.files.is_empty());
/// # Ok::<(), Failure>(())
/// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let hidden = json!({"type": "comment", "data": {"hidden": true, "latest": {"raw": "It was hidden"}}});
    /// # let shown = json!({"type": "comment", "data": {"latest": {"raw": "Thank you!"}}});
    /// # let thread = json!({"num": 7, "events": [hidden, shown]});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/7", &thread);
    ///
    /// let thread = Client::new()?.discussion(&Repo::model("my-org/bert")?, 7)?;
    /// assert_eq!(thread.events[0].comment(), None); // somebody hid it
    /// assert_eq!(thread.events[1].comment(), Some("Thank you!"));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn comment(&self) -> Option<&str> {
        let is_shown = self.kind == EventKind::Comment && !self.data.hidden;
        is_shown.then_some(self.data.latest.raw.as_str())
    }

    /// Whether an account did it. One without an id did nothing.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let by = |id| json!({"type": "comment", "author": {"_id": id}});
    /// # fake.answers("GET", "/api/whoami-v2", &json!({"id": "6397f608", "name": "my-bot"}));
    /// # let thread = json!({"num": 7, "events": [by("6397f608"), by("61d2000c")]});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/7", &thread);
    ///
    /// let hub = Client::new()?;
    /// let (own, thread) = (hub.whoami()?, hub.discussion(&Repo::model("my-org/bert")?, 7)?);
    /// let by_others = thread.events.iter().filter(|entry| !entry.is_by(&own));
    /// assert_eq!(by_others.count(), 1);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn is_by(&self, account: &Account) -> bool {
        let author = self.author.as_ref();
        author.is_some_and(|author| !author.id.is_empty() && author.id == account.id)
    }
}

impl Thread {
    /// The comments that are not hidden, oldest first, with their texts.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo, is_marked};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let said = |text| json!({"type": "comment", "data": {"latest": {"raw": text}}});
    /// # let thread = json!({"num": 7, "events": [said("Which licence?"), said("MIT.\n\n<!-- hookbox 0197-4a -->")]});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/7", &thread);
    ///
    /// let thread = Client::new()?.discussion(&Repo::model("my-org/bert")?, 7)?;
    /// let by_people: Vec<_> = thread.comments().map(|(_, text)| text).filter(|text| !is_marked(text)).collect();
    /// assert_eq!(by_people, ["Which licence?"]);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn comments(&self) -> impl Iterator<Item = (&Entry, &str)> {
        let entries = self.events.iter();
        entries.filter_map(|entry| Some((entry, entry.comment()?)))
    }
}
