//! Calls of discussions and pull requests.

use serde_json::json;

use super::thread::{Discussion, Entry, Page, Thread};
use super::{Account, Client, Error, Repo};
use crate::http::encoded;
use crate::payload::Status;
use crate::payload::lenient::object;

/// Pages that one listing asks for at most. A page has ten discussions.
const PAGES_MAX: u64 = 20;

/// The newest discussions of a repo among which [`Client::open_once`] looks for its own.
const LOOKED_AT_MAX: usize = 50;

/// Those of them that it reads at most.
const READ_MAX: usize = 5;

/// How a run's mark begins.
const MARK: &str = "<!-- hookbox ";

/// Which discussions to list; without more the hundred newest of all.
///
/// ```
/// use hookbox_sdk::hub::Filter;
/// let filter = Filter::new().pull_requests().open().by("ada").limit(20);
/// # let _ = filter;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    kind: &'static str,
    status: &'static str,
    author: Option<String>,
    limit: usize,
}

impl Filter {
    /// The hundred newest of all.
    pub fn new() -> Filter {
        Filter {
            kind: "all",
            status: "all",
            author: None,
            limit: 100,
        }
    }

    /// Only those that are no pull requests.
    #[must_use]
    pub fn discussions(mut self) -> Filter {
        self.kind = "discussion";
        self
    }

    /// Only pull requests.
    #[must_use]
    pub fn pull_requests(mut self) -> Filter {
        self.kind = "pull_request";
        self
    }

    /// Only open ones.
    #[must_use]
    pub fn open(mut self) -> Filter {
        self.status = "open";
        self
    }

    /// Only closed ones.
    #[must_use]
    pub fn closed(mut self) -> Filter {
        self.status = "closed";
        self
    }

    /// Only those that an account opened, by its name.
    #[must_use]
    pub fn by(mut self, author: impl Into<String>) -> Filter {
        self.author = Some(author.into());
        self
    }

    /// At most so many, and never more than 200: each page of ten is a request of its own, and there are at most twenty.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Filter {
        self.limit = limit;
        self
    }
}

impl Default for Filter {
    fn default() -> Filter {
        Filter::new()
    }
}

/// What a discussion's status can be set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewStatus {
    /// Open, or open again.
    Open,
    /// Closed without merging.
    Closed,
}

/// Something that is to be there once, however often it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// It was made now.
    Made(T),
    /// It was there already.
    Found(T),
}

impl<T> Once<T> {
    /// The thing itself, whenever it was made.
    pub fn into_inner(self) -> T {
        match self {
            Once::Made(thing) | Once::Found(thing) => thing,
        }
    }
}

object! {
    /// A discussion that was opened.
    pub struct Opened {
        /// Its number in the repo.
        pub num: u64 = "num",
        /// Its page.
        pub url: String = "url",
    }
}

object! {
    /// The answer to a change of a discussion.
    pub struct Changed {
        /// The comment that was written.
        pub message: Entry = "newMessage",
    }
}

/// What marks a text as written by a run, and is not shown: `<!-- hookbox RUN-ID -->`.
///
/// ```
/// assert_eq!(hookbox_sdk::hub::marker("0197-4a"), "<!-- hookbox 0197-4a -->");
/// ```
pub fn marker(run_id: &str) -> String {
    format!("{MARK}{run_id} -->")
}

/// A text that ends with the [`marker`] of a run.
///
/// ```
/// assert_eq!(hookbox_sdk::hub::marked("Thank you!\n", "0197-4a"), "Thank you!\n\n<!-- hookbox 0197-4a -->");
/// ```
pub fn marked(text: &str, run_id: &str) -> String {
    format!("{}\n\n{}", text.trim_end(), marker(run_id))
}

/// Whether a run of any Hookbox plugin has marked that text as its own: whoever answers comments does not answer these.
///
/// ```
/// use hookbox_sdk::hub::{is_marked, marker};
/// assert!(is_marked(&format!("Thank you!\n\n{}", marker("0197-4a"))));
/// assert!(!is_marked("Thank you!"));
/// ```
pub fn is_marked(text: &str) -> bool {
    mark_of(text).is_some()
}

/// The mark that a text ends with, if it does. One above may be of a text that is quoted.
fn mark_of(text: &str) -> Option<&str> {
    let last = text.lines().rfind(|line| !line.trim().is_empty())?.trim();
    last.starts_with(MARK).then_some(last)
}

impl Thread {
    /// The comment that a run has written, by its [`marker`]; also one that somebody hid, if the Hub still tells it.
    ///
    /// Whoever wrote it: nobody can guess the id of a run (UUIDv7, mostly random) before the run has written it
    /// somewhere. A mark of another making that can be guessed proves nothing: see [`Thread::comment_by`].
    pub fn comment_of_run(&self, run_id: &str) -> Option<&Entry> {
        let mark = marker(run_id);
        let mut entries = self.events.iter();
        entries.find(|entry| entry.has_mark(&mark))
    }

    /// The comment with the [`marker`] of that text by that account. Anybody may write a mark, and one that does not
    /// come from a run's id can be guessed: without the account, a stranger's comment would pass for the plugin's own.
    ///
    /// ```
    /// use hookbox_sdk::{hub::Client, prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/whoami-v2", &json!({"id": "61d2f90c3c2083e1c08af22d", "name": "my-bot"}));
    /// let by = |id| json!({"author": {"_id": id}, "data": {"latest": {"raw": "Hello!\n\n<!-- hookbox greeting -->"}}});
    /// let thread = json!({"num": 7, "events": [by("62d2f90c3c2083e1c08af22e")]});
    /// fake.answers("GET", "/api/models/a/b/discussions/7", &thread);
    ///
    /// let (hub, repo) = (Client::new()?, hub::Repo::model("a/b")?);
    /// let thread = hub.discussion(&repo, 7)?;
    /// // The Hub limits `whoami` strictly: it is asked where there is a mark.
    /// assert!(thread.comment_of_run("greeting").is_some());
    /// assert!(thread.comment_by(&hub.whoami()?, "greeting").is_none());
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn comment_by(&self, account: &Account, text: &str) -> Option<&Entry> {
        let mark = marker(text);
        let mut entries = self.events.iter();
        entries.find(|entry| entry.is_by(account) && entry.has_mark(&mark))
    }

    /// Whether a run has opened it: the first that happened is the text that it was opened with.
    fn is_of_run(&self, run_id: &str) -> bool {
        let first = self.events.first();
        first.is_some_and(|entry| entry.has_mark(&marker(run_id)))
    }
}

impl Entry {
    fn has_mark(&self, mark: &str) -> bool {
        mark_of(&self.data.latest.raw) == Some(mark)
    }
}

impl Client {
    /// Discussions and pull requests of a repo, newest first, up to the filter's [limit](Filter::limit). One request for
    /// each page of ten.
    ///
    /// `GET /api/{T}/{repo}/discussions?p=…&type=…&status=…&author=…` (hub client, `get_repo_discussions`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn discussions(&self, repo: &Repo, filter: &Filter) -> Result<Vec<Discussion>, Error> {
        let author = filter.author.as_deref().map(encoded);
        let author = author.map_or(String::new(), |author| format!("&author={author}"));
        let mut found = Vec::new();
        for number in 0..PAGES_MAX {
            let (kind, status) = (filter.kind, filter.status);
            let path = format!(
                "{}/discussions?p={number}&type={kind}&status={status}{author}",
                repo.api()
            );
            let page: Page = self.get(&path)?.read()?;
            let seen = page.start.saturating_add(page.discussions.len() as u64);
            let is_last = page.discussions.is_empty() || seen >= page.count;
            found.extend(page.discussions);
            if is_last || found.len() >= filter.limit {
                break;
            }
        }
        found.truncate(filter.limit);
        Ok(found)
    }

    /// A discussion or a pull request with all that happened in it.
    ///
    /// `GET /api/{T}/{repo}/discussions/{num}` (hub client, `get_discussion_details`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn discussion(&self, repo: &Repo, num: u64) -> Result<Thread, Error> {
        self.thread(num, &place(repo, num)?)
    }

    fn thread(&self, num: u64, path: &str) -> Result<Thread, Error> {
        let answer = self.get(path)?;
        let thread: Thread = answer.read()?;
        // Else what is not understood would pass for a discussion in which nothing was said.
        if thread.num != num {
            return Err(answer.unreadable("it is not that discussion"));
        }
        Ok(thread)
    }

    /// A pull request as [`Client::discussion`] has it, with what it changes as a git diff.
    ///
    /// `GET /api/{T}/{repo}/discussions/{num}?diff=1` (hub client, `get_discussion_details`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn pull_request(&self, repo: &Repo, num: u64) -> Result<Thread, Error> {
        self.thread(num, &format!("{}?diff=1", place(repo, num)?))
    }

    /// Opens a discussion. A repeated attempt opens another one: see [`Client::open_once`].
    ///
    /// `POST /api/{T}/{repo}/discussions` (hub client, `create_discussion`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind). A title has 3 to 200 characters.
    pub fn open_discussion(&self, repo: &Repo, title: &str, text: &str) -> Result<Opened, Error> {
        let title = checked_title(title)?;
        let body = json!({"title": title, "description": text, "pullRequest": false});
        let answer = self.post(&format!("{}/discussions", repo.api()), &body)?;
        let opened: Opened = answer.read()?;
        if opened.num == 0 {
            return Err(answer.unreadable("it names no discussion"));
        }
        Ok(opened)
    }

    /// Opens a discussion unless this run has opened it: its text ends with the run's [`marker`], which is looked for
    /// first, in those of that title among the fifty newest, open or not. Of the one that is found its number is told,
    /// and its page. One request for each ten of the repo's discussions, at most five; one for each of that title, at
    /// most five; and one that opens it.
    ///
    /// `GET /api/{T}/{repo}/discussions?…`, `GET …/discussions/{num}`, then `POST …/discussions` (hub client,
    /// `get_repo_discussions`, `get_discussion_details`, `create_discussion`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind). A title has 3 to 200 characters.
    pub fn open_once(
        &self,
        repo: &Repo,
        run_id: &str,
        title: &str,
        text: &str,
    ) -> Result<Once<Opened>, Error> {
        let title = checked_title(title)?;
        let newest = Filter::new().discussions().limit(LOOKED_AT_MAX);
        let listed = self.discussions(repo, &newest)?.into_iter();
        let alike = listed.filter(|one| one.title.trim() == title);
        for one in alike.take(READ_MAX) {
            if self.discussion(repo, one.num)?.is_of_run(run_id) {
                let url = format!("{}/{repo}/discussions/{}", self.endpoint(), one.num);
                return Ok(Once::Found(Opened { num: one.num, url }));
            }
        }
        let text = marked(text, run_id);
        self.open_discussion(repo, title, &text).map(Once::Made)
    }

    /// Writes a comment, and returns its id. A repeated attempt writes it again: see [`Client::comment_once`].
    ///
    /// `POST /api/{T}/{repo}/discussions/{num}/comment` (hub client, `comment_discussion`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn comment(&self, repo: &Repo, num: u64, text: &str) -> Result<String, Error> {
        let path = format!("{}/comment", place(repo, num)?);
        let answer = self.post(&path, &json!({"comment": text}))?;
        let changed: Changed = answer.read()?;
        Ok(changed.message.id)
    }

    /// Writes a comment unless this run has written one there: it ends with the run's [`marker`], which is looked for
    /// first. Returns the comment's id. Two requests, or one if it is there.
    ///
    /// `GET /api/{T}/{repo}/discussions/{num}`, then `POST …/comment` (hub client, `get_discussion_details`,
    /// `comment_discussion`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn comment_once(
        &self,
        repo: &Repo,
        num: u64,
        run_id: &str,
        text: &str,
    ) -> Result<Once<String>, Error> {
        let thread = self.discussion(repo, num)?;
        if let Some(found) = thread.comment_of_run(run_id) {
            return Ok(Once::Found(found.id.clone()));
        }
        let text = marked(text, run_id);
        self.comment(repo, num, &text).map(Once::Made)
    }

    /// Gives a discussion another title.
    ///
    /// `POST /api/{T}/{repo}/discussions/{num}/title` (hub client, `rename_discussion`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind). A title has 3 to 200 characters.
    pub fn retitle(&self, repo: &Repo, num: u64, title: &str) -> Result<(), Error> {
        let path = format!("{}/title", place(repo, num)?);
        let title = checked_title(title)?;
        self.post(&path, &json!({"title": title})).map(|_| ())
    }

    /// Closes a discussion or opens it again, with a comment if there is something to say. A repeated attempt writes
    /// the comment again: see [`Client::set_status_once`].
    ///
    /// `POST /api/{T}/{repo}/discussions/{num}/status` (hub client, `change_discussion_status`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn set_status(
        &self,
        repo: &Repo,
        num: u64,
        status: NewStatus,
        comment: Option<&str>,
    ) -> Result<(), Error> {
        let status = match status {
            NewStatus::Open => "open",
            NewStatus::Closed => "closed",
        };
        let body = match comment {
            Some(comment) => json!({"status": status, "comment": comment}),
            None => json!({"status": status}),
        };
        let path = format!("{}/status", place(repo, num)?);
        self.post(&path, &body).map(|_| ())
    }

    /// Closes a discussion or opens it again with a comment, unless it stands so already. The comment ends with the
    /// run's [`marker`]. Two requests, or one if there is nothing to do.
    ///
    /// `GET /api/{T}/{repo}/discussions/{num}`, then `POST …/status` (hub client, `get_discussion_details`,
    /// `change_discussion_status`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn set_status_once(
        &self,
        repo: &Repo,
        num: u64,
        run_id: &str,
        status: NewStatus,
        comment: &str,
    ) -> Result<Once<()>, Error> {
        let stands = self.discussion(repo, num)?.status;
        let wanted = match status {
            NewStatus::Open => Status::Open,
            NewStatus::Closed => Status::Closed,
        };
        if stands == wanted {
            return Ok(Once::Found(()));
        }
        let comment = marked(comment, run_id);
        self.set_status(repo, num, status, Some(&comment))
            .map(Once::Made)
    }

    /// Merges a pull request, with a comment if there is something to say. A repeated attempt finds it merged, which
    /// the Hub refuses: see [`Client::merge_once`].
    ///
    /// `POST /api/{T}/{repo}/discussions/{num}/merge` (hub client, `merge_pull_request`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn merge(&self, repo: &Repo, num: u64, comment: Option<&str>) -> Result<(), Error> {
        let body = match comment {
            Some(comment) => json!({"comment": comment}),
            None => json!({}),
        };
        let path = format!("{}/merge", place(repo, num)?);
        self.post(&path, &body).map(|_| ())
    }

    /// Merges a pull request with a comment, unless it is merged already. The comment ends with the run's [`marker`].
    /// Two requests, or one if there is nothing to do.
    ///
    /// `GET /api/{T}/{repo}/discussions/{num}`, then `POST …/merge` (hub client, `get_discussion_details`,
    /// `merge_pull_request`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn merge_once(
        &self,
        repo: &Repo,
        num: u64,
        run_id: &str,
        comment: &str,
    ) -> Result<Once<()>, Error> {
        if self.discussion(repo, num)?.status == Status::Merged {
            return Ok(Once::Found(()));
        }
        let comment = marked(comment, run_id);
        self.merge(repo, num, Some(&comment)).map(Once::Made)
    }
}

/// A discussion's place in the API.
fn place(repo: &Repo, num: u64) -> Result<String, Error> {
    if num == 0 {
        return Err(Error::argument(
            "discussions are numbered from 1: the payload named none",
        ));
    }
    Ok(format!("{}/discussions/{num}", repo.api()))
}

fn checked_title(title: &str) -> Result<&str, Error> {
    let title = title.trim();
    if (3..=200).contains(&title.chars().count()) {
        Ok(title)
    } else {
        Err(Error::argument(
            "a discussion's title has 3 to 200 characters",
        ))
    }
}
