//! What marks a text as written by a run, so that another attempt finds it.

use super::Account;
use super::thread::{Entry, Thread};

/// How a run's mark begins.
const MARK: &str = "<!-- hookbox ";

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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let by_run = json!({"id": "c1", "data": {"latest": {"raw": "Hello!\n\n<!-- hookbox 0197-4a -->"}}});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/7", &json!({"num": 7, "events": [by_run]}));
    ///
    /// let thread = Client::new()?.discussion(&Repo::model("my-org/bert")?, 7)?;
    /// assert_eq!(thread.comment_of_run("0197-4a").map(|comment| comment.id.as_str()), Some("c1"));
    /// assert!(thread.comment_of_run("0197-4b").is_none());
    /// # Ok::<(), Failure>(())
    /// ```
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
    pub(super) fn is_of_run(&self, run_id: &str) -> bool {
        let first = self.events.first();
        first.is_some_and(|entry| entry.has_mark(&marker(run_id)))
    }
}

impl Entry {
    fn has_mark(&self, mark: &str) -> bool {
        mark_of(&self.data.latest.raw) == Some(mark)
    }
}
