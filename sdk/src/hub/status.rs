//! Closing, opening again and merging.

use serde_json::json;

use super::discussion::place;
use super::mark::marked;
use super::{Client, Error, Once, Repo};
use crate::payload::Status;

/// What a discussion's status can be set to.
///
/// ```
/// use hookbox_sdk::hub::{Client, NewStatus, Repo};
/// use hookbox_sdk::{prelude::*, testing::FakeHub};
///
/// let fake = FakeHub::start();
/// fake.answers("POST", "/api/models/my-org/bert/discussions/7/status", &json!({}));
///
/// Client::new()?.set_status(&Repo::model("my-org/bert")?, 7, NewStatus::Open, None)?;
/// assert_eq!(fake.bodies(), [json!({"status": "open"})]);
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewStatus {
    /// Open, or open again.
    Open,
    /// Closed without merging.
    Closed,
}

impl Client {
    /// Closes a discussion or opens it again, with a comment if there is something to say. A repeated attempt writes
    /// the comment again: see [`Client::set_status_once`].
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, NewStatus, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/models/my-org/bert/discussions/7/status", &json!({}));
    ///
    /// Client::new()?.set_status(&Repo::model("my-org/bert")?, 7, NewStatus::Closed, Some("It is mended."))?;
    /// assert_eq!(fake.bodies(), [json!({"status": "closed", "comment": "It is mended."})]);
    /// # Ok::<(), Failure>(())
    /// ```
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
    /// run's [`marker`](super::marker). Two requests, or one if there is nothing to do.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, NewStatus, Once, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/models/my-org/bert/discussions/7", &json!({"num": 7, "status": "closed"}));
    ///
    /// let (hub, repo) = (Client::new()?, Repo::model("my-org/bert")?);
    /// let closed = hub.set_status_once(&repo, 7, "0197-4a", NewStatus::Closed, "It is mended.")?;
    /// assert_eq!(closed, Once::Found(()));
    /// assert_eq!(fake.asked(), ["GET /api/models/my-org/bert/discussions/7"]);
    /// # Ok::<(), Failure>(())
    /// ```
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
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/models/my-org/bert/discussions/8/merge", &json!({}));
    ///
    /// Client::new()?.merge(&Repo::model("my-org/bert")?, 8, Some("Thank you!"))?;
    /// assert_eq!(fake.asked(), ["POST /api/models/my-org/bert/discussions/8/merge"]);
    /// # Ok::<(), Failure>(())
    /// ```
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

    /// Merges a pull request with a comment, unless it is merged already. The comment ends with the run's
    /// [`marker`](super::marker). Two requests, or one if there is nothing to do.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Once, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/8", &json!({"num": 8, "status": "open"}));
    /// # fake.answers("POST", "/api/models/my-org/bert/discussions/8/merge", &json!({}));
    ///
    /// let merged = Client::new()?.merge_once(&Repo::model("my-org/bert")?, 8, "0197-4a", "Thank you!")?;
    /// assert_eq!(merged, Once::Made(()));
    /// assert_eq!(fake.bodies(), [json!({"comment": "Thank you!\n\n<!-- hookbox 0197-4a -->"})]);
    /// # Ok::<(), Failure>(())
    /// ```
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
