//! Writing comments.

use serde_json::json;

use super::discussion::place;
use super::mark::marked;
use super::thread::Entry;
use super::{Client, Error, Once, Repo};
use crate::payload::lenient::object;

object! {
    /// The answer to a change of a discussion.
    pub struct Changed {
        /// The comment that was written.
        pub message: Entry = "newMessage",
    }
}

impl Client {
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

    /// Writes a comment unless this run has written one there: it ends with the run's [`marker`](super::marker), which
    /// is looked for first. Returns the comment's id. Two requests, or one if it is there.
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
}
