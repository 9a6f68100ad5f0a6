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
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/models/my-org/bert/discussions/7/comment", &json!({"newMessage": {"id": "c1"}}));
    ///
    /// let id = Client::new()?.comment(&Repo::model("my-org/bert")?, 7, "Thank you!")?;
    /// assert_eq!(id, "c1");
    /// assert_eq!(fake.bodies(), [json!({"comment": "Thank you!"})]);
    /// # Ok::<(), Failure>(())
    /// ```
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
    /// ```
    /// use hookbox_sdk::{hub, prelude::*, testing::FakeHub};
    ///
    /// #[on("discussion.comment", actions = [create])]
    /// fn thank(event: CommentEvent) -> Result {
    ///     let (repo, num) = (hub::Repo::of(&event)?, event.discussion.num);
    ///     hub::Client::new()?.comment_once(&repo, num, event.run_id(), "Thank you!")?;
    ///     done("thanked")
    /// }
    ///
    /// plugin! { description: "Says thank you", handlers: [thank] }
    ///
    /// # fn main() -> Result<()> {
    /// let fake = FakeHub::start();
    /// # let path = "/api/models/some-user/some-repo/discussions/3";
    /// let event = Event::sample("discussion-comment")?;
    /// # let said = json!({"data": {"latest": {"raw": hub::marked("Thank you!", event.run_id())}}});
    /// # fake.answers("GET", path, &json!({"num": 3, "events": []}));
    /// # fake.answers("GET", path, &json!({"num": 3, "events": [said]}));
    /// # fake.answers("POST", &format!("{path}/comment"), &json!({"newMessage": {"id": "c1"}}));
    /// assert_eq!(PLUGIN.deliver(&event), Some(done("thanked")));
    /// // The host was killed before it knew: the next attempt finds the comment.
    /// assert_eq!(PLUGIN.deliver(&event.with_attempt(2)), Some(done("thanked")));
    /// assert_eq!(fake.bodies().len(), 1);
    /// # Ok(()) }
    /// ```
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
