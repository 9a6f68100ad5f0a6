//! Reading and opening discussions and pull requests.

use serde_json::json;

use super::mark::marked;
use super::thread::Thread;
use super::{Client, Error, Filter, Once, Repo};
use crate::payload::lenient::object;

/// The newest discussions of a repo among which [`Client::open_once`] looks for its own.
const LOOKED_AT_MAX: usize = 50;

/// Those of them that it reads at most.
const READ_MAX: usize = 5;

object! {
    /// A discussion that was opened.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let opened = json!({"num": 20, "url": "https://huggingface.co/my-org/bert/discussions/20"});
    /// # fake.answers("POST", "/api/models/my-org/bert/discussions", &opened);
    ///
    /// let opened = Client::new()?.open_discussion(&Repo::model("my-org/bert")?, "Licence", "Which is it?")?;
    /// assert_eq!(format!("asked in {}", opened.url), "asked in https://huggingface.co/my-org/bert/discussions/20");
    /// # Ok::<(), Failure>(())
    /// ```
    pub struct Opened {
        /// Its number in the repo.
        pub num: u64 = "num",
        /// Its page.
        pub url: String = "url",
    }
}

impl Client {
    /// A discussion or a pull request with all that happened in it.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let said = json!({"type": "comment", "author": {"name": "ada"}, "data": {"latest": {"raw": "Which licence?"}}});
    /// # let thread = json!({"num": 7, "title": "Licence", "events": [said]});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/7", &thread);
    ///
    /// let thread = Client::new()?.discussion(&Repo::model("my-org/bert")?, 7)?;
    /// let texts: Vec<_> = thread.comments().map(|(_, text)| text).collect();
    /// assert_eq!((thread.title.as_str(), texts), ("Licence", vec!["Which licence?"]));
    /// # Ok::<(), Failure>(())
    /// ```
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
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let diff = "diff --git a/LICENSE b/LICENSE\n";
    /// # let pull = json!({"num": 8, "isPullRequest": true, "diff": diff});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/8", &pull);
    ///
    /// let pull = Client::new()?.pull_request(&Repo::model("my-org/bert")?, 8)?;
    /// assert!(pull.diff.is_some_and(|diff| diff.contains("b/LICENSE")));
    /// # Ok::<(), Failure>(())
    /// ```
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
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # fake.answers("POST", "/api/models/my-org/bert/discussions", &json!({"num": 20}));
    ///
    /// let opened = Client::new()?.open_discussion(&Repo::model("my-org/bert")?, "Licence", "Which is it?")?;
    /// assert_eq!(opened.num, 20);
    /// # Ok::<(), Failure>(())
    /// ```
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

    /// Opens a discussion unless this run has opened it: its text ends with the run's [`marker`](super::marker), which is
    /// looked for first, in those of that title among the fifty newest, open or not. Of the one that is found its number
    /// is told, and its page. One request for each ten of the repo's discussions, at most five; one for each of that
    /// title, at most five; and one that opens it.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Once, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let text = json!({"data": {"latest": {"raw": "Which is it?\n\n<!-- hookbox 0197-4a -->"}}});
    /// # let listed = json!({"count": 1, "discussions": [{"num": 20, "title": "Licence"}]});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions", &json!({"discussions": []}));
    /// # fake.answers("POST", "/api/models/my-org/bert/discussions", &json!({"num": 20}));
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions", &listed);
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/20", &json!({"num": 20, "events": [text]}));
    ///
    /// let (hub, repo) = (Client::new()?, Repo::model("my-org/bert")?);
    /// assert!(matches!(hub.open_once(&repo, "0197-4a", "Licence", "Which is it?")?, Once::Made(_)));
    /// // Another attempt of the same run:
    /// assert!(matches!(hub.open_once(&repo, "0197-4a", "Licence", "Which is it?")?, Once::Found(_)));
    /// # Ok::<(), Failure>(())
    /// ```
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

    /// Gives a discussion another title.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/models/my-org/bert/discussions/7/title", &json!({}));
    ///
    /// Client::new()?.retitle(&Repo::model("my-org/bert")?, 7, "[answered] Licence")?;
    /// assert_eq!(fake.bodies(), [json!({"title": "[answered] Licence"})]);
    /// # Ok::<(), Failure>(())
    /// ```
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
}

/// A discussion's place in the API.
pub fn place(repo: &Repo, num: u64) -> Result<String, Error> {
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
