//! What a test changes in the payload of a sample.

use serde_json::{Value, json};

use super::{SampleEvent, wrong};
use crate::sample::SAMPLES;

/// The repo, and what changed in it.
impl SampleEvent {
    /// Another name of the repo, with its namespace.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// assert_eq!(sample("repo-create").repo("ada/notes").event().repo_name(), Some("ada/notes"));
    /// ```
    #[track_caller]
    pub fn repo(self, name: impl Into<String>) -> SampleEvent {
        self.set("/repo/name", name.into())
    }

    /// Another id of the repo.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// assert_eq!(sample("repo-create").repo_id("1").event().repo_id(), Some("1"));
    /// ```
    #[track_caller]
    pub fn repo_id(self, id: impl Into<String>) -> SampleEvent {
        self.set("/repo/id", id.into())
    }

    /// Another type of repo: `model`, `dataset`, `space`, `bucket`.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// assert_eq!(sample("repo-create").repo_type("space").event().repo_type(), Some("space"));
    /// ```
    #[track_caller]
    pub fn repo_type(self, repo_type: &str) -> SampleEvent {
        self.set("/repo/type", repo_type)
    }

    /// Another owner of the repo.
    ///
    /// ```
    /// use hookbox_sdk::{RepoEvent, testing::sample};
    /// let created: RepoEvent = sample("repo-create").owner("ada").view();
    /// assert_eq!(created.repo.owner.id, "ada");
    /// ```
    #[track_caller]
    pub fn owner(self, id: impl Into<String>) -> SampleEvent {
        self.set("/repo/owner/id", id.into())
    }

    /// Whether the repo is private.
    ///
    /// ```
    /// use hookbox_sdk::{RepoEvent, testing::sample};
    /// let created: RepoEvent = sample("repo-create").private(true).view();
    /// assert_eq!(created.repo.private, Some(true));
    /// ```
    #[track_caller]
    pub fn private(self, is_private: bool) -> SampleEvent {
        self.set("/repo/private", is_private)
    }

    /// The refs that changed, in place of the sample's: each with its commit before, if it was there, and its commit
    /// now, if it still is.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let push = sample("repo-content").refs([("refs/tags/v2", None, Some("575db8b"))]);
    /// let pushed: ContentEvent = push.view();
    /// assert!(pushed.refs[0].is_tag() && pushed.refs[0].created());
    /// ```
    #[track_caller]
    pub fn refs<'a>(
        self,
        refs: impl IntoIterator<Item = (&'a str, Option<&'a str>, Option<&'a str>)>,
    ) -> SampleEvent {
        let refs = refs.into_iter();
        let refs = refs.map(|(name, old, new)| json!({"ref": name, "oldSha": old, "newSha": new}));
        self.in_part("updatedRefs", "", refs.collect::<Value>())
    }

    /// The files of a bucket that changed, in place of the sample's: each with `add` or `delete`.
    ///
    /// ```
    /// use hookbox_sdk::{ContentEvent, testing::sample};
    /// let changed: ContentEvent = sample("bucket-content").files([("data/a.txt", "add")]).view();
    /// assert_eq!(changed.files[0].path, "data/a.txt");
    /// ```
    #[track_caller]
    pub fn files<'a>(self, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> SampleEvent {
        let files = files.into_iter();
        let files = files.map(|(path, action)| json!({"path": path, "action": action}));
        self.in_part("updatedFiles", "", files.collect::<Value>())
    }

    /// The settings that changed with their new values, in place of the sample's.
    ///
    /// ```
    /// use hookbox_sdk::{ConfigEvent, prelude::json, testing::sample};
    /// let changed: ConfigEvent = sample("repo-config").changes(json!({"hardware": "t4-small"})).view();
    /// assert_eq!(changed.changes.get("hardware"), Some(json!("t4-small")));
    /// ```
    #[track_caller]
    pub fn changes(self, settings: Value) -> SampleEvent {
        self.in_part("updatedConfig", "", settings)
    }

    /// Where the repo went: its new name, with the namespace.
    ///
    /// ```
    /// use hookbox_sdk::{MoveEvent, testing::sample};
    /// let moved: MoveEvent = sample("repo-move").moved_to("ada/new").view();
    /// assert_eq!(moved.to.name, "ada/new");
    /// ```
    #[track_caller]
    pub fn moved_to(self, name: impl Into<String>) -> SampleEvent {
        self.in_part("movedTo", "/name", name.into())
    }
}

/// The discussion and the comment.
impl SampleEvent {
    /// What the comment says; it is not hidden then.
    ///
    /// ```
    /// use hookbox_sdk::{CommentEvent, testing::sample};
    /// let written: CommentEvent = sample("discussion-comment").content("hello").view();
    /// assert_eq!(written.comment.content.as_deref(), Some("hello"));
    /// ```
    #[track_caller]
    pub fn content(self, text: impl Into<String>) -> SampleEvent {
        self.in_part("comment", "/content", text.into())
            .in_part("comment", "/hidden", false)
    }

    /// Whoever did it: the author of the comment, or of the discussion with its first comment.
    ///
    /// ```
    /// use hookbox_sdk::{CommentEvent, DiscussionEvent, testing::sample};
    /// let written: CommentEvent = sample("discussion-comment").author("ada").view();
    /// assert_eq!(written.comment.author.id, "ada");
    /// let opened: DiscussionEvent = sample("discussion").author("ada").view();
    /// assert_eq!(opened.discussion.author.id, "ada");
    /// ```
    #[track_caller]
    pub fn author(mut self, id: impl Into<String>) -> SampleEvent {
        let id = id.into();
        if self.payload.get("comment").is_some() {
            self = self.set("/comment/author/id", id.as_str());
        }
        match self.payload.pointer("/event/scope").and_then(Value::as_str) {
            Some("discussion.comment") => self,
            _ => self.in_part("discussion", "/author/id", id),
        }
    }

    /// The discussion's number.
    ///
    /// ```
    /// use hookbox_sdk::{DiscussionEvent, testing::sample};
    /// let opened: DiscussionEvent = sample("discussion").num(7).view();
    /// assert_eq!(opened.discussion.num, 7);
    /// ```
    #[track_caller]
    pub fn num(self, num: u64) -> SampleEvent {
        self.in_part("discussion", "/num", num)
    }

    /// The discussion's title.
    ///
    /// ```
    /// use hookbox_sdk::{DiscussionEvent, testing::sample};
    /// let opened: DiscussionEvent = sample("discussion").title("Licence?").view();
    /// assert_eq!(opened.discussion.title, "Licence?");
    /// ```
    #[track_caller]
    pub fn title(self, title: impl Into<String>) -> SampleEvent {
        self.in_part("discussion", "/title", title.into())
    }

    /// Where the discussion stands: `open`, `draft`, `closed`, `merged`.
    ///
    /// ```
    /// use hookbox_sdk::{DiscussionEvent, testing::sample};
    /// let changed: DiscussionEvent = sample("discussion-update").status("closed").view();
    /// assert_eq!(changed.discussion.status.as_str(), "closed");
    /// ```
    #[track_caller]
    pub fn status(self, status: &str) -> SampleEvent {
        self.in_part("discussion", "/status", status)
    }
}

/// Anything else in the payload.
impl SampleEvent {
    /// Sets what stands at a JSON pointer (RFC 6901); what is missing on the way there is made, and `-` stands for a
    /// new item of a list.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// let event = sample("repo-create").set("/repo/gated/by", "license").set("/repo/tags", ["a"].as_slice());
    /// let event = event.set("/repo/tags/-", "b").event();
    /// assert_eq!(event.json()?["repo"]["gated"]["by"], "license");
    /// assert_eq!(event.payload()?.repo.tags, ["a", "b"]);
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    ///
    /// # Panics
    /// If it is no pointer to something in an object, or leads through something that is neither list nor object.
    #[track_caller]
    pub fn set(mut self, pointer: &str, value: impl Into<Value>) -> SampleEvent {
        if has_wrong_escape(pointer) {
            wrong(&format!(
                "`{pointer}` is no JSON pointer: write `~0` for `~`, and `~1` for `/`"
            ));
        }
        match place(&mut self.payload, pointer) {
            Some(place) => *place = value.into(),
            None => wrong(&format!(
                "nothing in `{}` can stand at `{pointer}`",
                self.name
            )),
        }
        self
    }

    /// Leaves out what stands at a JSON pointer.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// let event = sample("repo-content").without("/updatedRefs").event();
    /// assert!(event.payload()?.updated_refs.is_empty());
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    ///
    /// # Panics
    /// If nothing stands there.
    #[track_caller]
    pub fn without(mut self, pointer: &str) -> SampleEvent {
        let (above, key) = pointer.rsplit_once('/').unwrap_or_default();
        let object = self
            .payload
            .pointer_mut(above)
            .and_then(Value::as_object_mut);
        if object.and_then(|object| object.remove(key)).is_none() {
            wrong(&format!("nothing in `{}` stands at `{pointer}`", self.name));
        }
        self
    }

    /// Sets something in a part that the sample must have: a pull request has no files, and a push no comment.
    #[track_caller]
    fn in_part(self, part: &str, pointer: &str, value: impl Into<Value>) -> SampleEvent {
        if self.payload.get(part).is_none() {
            let has = |json: &str| json.contains(&format!("\"{part}\":"));
            let fitting = SAMPLES.iter().filter(|sample| has(sample.json));
            let fitting: Vec<_> = fitting.map(|sample| sample.name).collect();
            wrong(&format!(
                "the sample `{}` has no `{part}`: begin with {}",
                self.name,
                fitting.join(", ")
            ));
        }
        self.set(&format!("/{part}{pointer}"), value)
    }
}

/// Whether a `~` stands for nothing (RFC 6901).
fn has_wrong_escape(pointer: &str) -> bool {
    let mut escapes = pointer.split('~').skip(1);
    escapes.any(|rest| !rest.starts_with(['0', '1']))
}

/// The place that a JSON pointer names, made if need be.
fn place<'a>(tree: &'a mut Value, pointer: &str) -> Option<&'a mut Value> {
    let mut place = tree;
    for key in pointer.strip_prefix('/')?.split('/') {
        let key = key.replace("~1", "/").replace("~0", "~");
        if place.is_null() {
            *place = json!({});
        }
        place = match place {
            Value::Object(object) => object.entry(key).or_insert(Value::Null),
            Value::Array(items) => {
                let at = match key.as_str() {
                    "-" => items.len(),
                    _ => key.parse().ok()?,
                };
                if key == "-" {
                    items.push(Value::Null);
                }
                items.get_mut(at)?
            }
            _ => return None,
        };
    }
    Some(place)
}
