//! A commit of small files.

use serde_json::{Value, json};

use super::{Client, Error, Repo, path};
use crate::http::Request;
use crate::payload::lenient::object;

/// The most bytes of a file in a commit. Larger ones go another way (LFS, Xet), which the SDK does not have.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// What a commit does: files that it writes and deletes.
///
/// ```
/// use hookbox_sdk::hub::{Client, Commit, Repo};
/// use hookbox_sdk::{prelude::*, testing::FakeHub};
///
/// let fake = FakeHub::start();
/// fake.answers("POST", "/api/models/my-org/bert/commit/main", &json!({"commitOid": "4f5c1b2"}));
///
/// let commit = Commit::new("Add tags").file("README.md", "---\ntags: [art]\n---\n").delete("old.txt");
/// Client::new()?.commit(&Repo::model("my-org/bert")?, "main", &commit)?;
/// assert_eq!(fake.asked(), ["POST /api/models/my-org/bert/commit/main"]);
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    summary: String,
    description: String,
    parent: Option<String>,
    is_pull_request: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Write(String, Vec<u8>),
    Delete(String),
    DeleteFolder(String),
}

impl Commit {
    /// A commit with that first line.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Commit, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # fake.answers("POST", "/api/models/my-org/bert/commit/main", &json!({"commitOid": "4f5c1b2"}));
    ///
    /// let commit = Commit::new("Add a licence").file("LICENSE", "MIT License\n");
    /// let made = Client::new()?.commit(&Repo::model("my-org/bert")?, "main", &commit)?;
    /// assert_eq!(made.oid, "4f5c1b2");
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn new(summary: impl Into<String>) -> Commit {
        Commit {
            summary: summary.into(),
            description: String::new(),
            parent: None,
            is_pull_request: false,
            steps: vec![],
        }
    }

    /// The rest of its message.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Commit, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/models/my-org/bert/commit/main", &json!({"commitOid": "4f5c1b2"}));
    ///
    /// let commit = Commit::new("Tidy up").description("Nothing reads it any more.").delete("old.txt");
    /// Client::new()?.commit(&Repo::model("my-org/bert")?, "main", &commit)?;
    /// let sent = fake.requests();
    /// assert!(String::from_utf8_lossy(sent[0].body()).contains("Nothing reads it any more."));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Commit {
        self.description = description.into();
        self
    }

    /// Writes a file, of at most 1 MiB. What the repo's `.gitattributes` has as large files, the Hub refuses.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Commit, Repo};
    ///
    /// let big = Commit::new("Add weights").file("model.safetensors", vec![0; 2 * 1024 * 1024]);
    /// let refused = Client::new()?.commit(&Repo::model("my-org/bert")?, "main", &big).unwrap_err();
    /// assert!(refused.message().contains("larger than the 1 MiB"));
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Commit {
        self.steps.push(Step::Write(path.into(), content.into()));
        self
    }

    /// Deletes a file.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Commit, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/spaces/my-org/demo/commit/main", &json!({"commitOid": "4f5c1b2"}));
    ///
    /// let commit = Commit::new("Tidy up").delete("old.txt").delete("older.txt");
    /// Client::new()?.commit(&Repo::space("my-org/demo")?, "main", &commit)?;
    /// let sent = fake.requests();
    /// assert_eq!(String::from_utf8_lossy(sent[0].body()).matches("deletedFile").count(), 2);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn delete(mut self, path: impl Into<String>) -> Commit {
        self.steps.push(Step::Delete(path.into()));
        self
    }

    /// Deletes a folder and all in it.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Commit, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/spaces/my-org/demo/commit/main", &json!({"commitOid": "4f5c1b2"}));
    ///
    /// let commit = Commit::new("Tidy up").delete_folder("drafts");
    /// Client::new()?.commit(&Repo::space("my-org/demo")?, "main", &commit)?;
    /// let sent = fake.requests();
    /// assert!(String::from_utf8_lossy(sent[0].body()).contains("deletedFolder"));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn delete_folder(mut self, path: impl Into<String>) -> Commit {
        self.steps.push(Step::DeleteFolder(path.into()));
        self
    }

    /// Fails unless that is the branch's head: what was read at it then still holds.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Commit, ErrorKind, Repo};
    /// # use hookbox_sdk::{prelude::*, http::Response, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # fake.answers_with("POST", "/api/models/my-org/bert/commit/main", Ok(Response::new(412)));
    ///
    /// // Somebody has pushed since `ce9a467`, which the card was read at.
    /// let commit = Commit::new("Sort tags").parent("ce9a467").file("README.md", "---\ntags: [art]\n---\n");
    /// let late = Client::new()?.commit(&Repo::model("my-org/bert")?, "main", &commit).unwrap_err();
    /// assert_eq!(late.kind(), &ErrorKind::Conflict);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn parent(mut self, commit: impl Into<String>) -> Commit {
        self.parent = Some(commit.into());
        self
    }

    /// Opens a pull request in place of changing the branch.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Commit, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// # let url = "https://huggingface.co/my-org/bert/discussions/8";
    /// # let made = json!({"commitOid": "4f5c1b2", "pullRequestUrl": url});
    /// # fake.answers("POST", "/api/models/my-org/bert/commit/main", &made);
    ///
    /// let commit = Commit::new("Add a licence").file("LICENSE", "MIT License\n").as_pull_request();
    /// let made = Client::new()?.commit(&Repo::model("my-org/bert")?, "main", &commit)?;
    /// assert_eq!(made.pull_request(), Some(8));
    /// assert_eq!(fake.asked(), ["POST /api/models/my-org/bert/commit/main?create_pr=1"]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn as_pull_request(mut self) -> Commit {
        self.is_pull_request = true;
        self
    }

    /// One line of JSON for the header, and one for each step. (hub client, `_prepare_commit_payload`)
    fn lines(&self) -> Result<String, Error> {
        if self.steps.is_empty() {
            return Err(Error::argument("a commit needs a file that it changes"));
        }
        let mut header = json!({"summary": self.summary, "description": self.description});
        if let (Some(parent), Some(header)) = (&self.parent, header.as_object_mut()) {
            header.insert("parentCommit".to_owned(), Value::from(parent.as_str()));
        }
        let mut lines = format!("{}\n", json!({"key": "header", "value": header}));
        for step in &self.steps {
            lines.push_str(&step.line()?.to_string());
            lines.push('\n');
        }
        Ok(lines)
    }
}

impl Step {
    fn line(&self) -> Result<Value, Error> {
        let (Step::Write(path, _) | Step::Delete(path) | Step::DeleteFolder(path)) = self;
        path::in_repo(path)?;
        Ok(match self {
            Step::Write(path, content) => {
                if content.len() > FILE_BYTES_MAX {
                    return Err(Error::argument(format!(
                        "{path:?} is larger than the 1 MiB that a file of a commit may have here"
                    )));
                }
                let value = json!({"path": path, "content": base64(content), "encoding": "base64"});
                json!({"key": "file", "value": value})
            }
            Step::Delete(path) => json!({"key": "deletedFile", "value": {"path": path}}),
            Step::DeleteFolder(path) => json!({"key": "deletedFolder", "value": {"path": path}}),
        })
    }
}

object! {
    /// A commit that was made. (hub client, `CommitInfo`)
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Commit, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let made = json!({"commitOid": "4f5c1b2", "commitUrl": "https://huggingface.co/my-org/bert/commit/4f5c1b2"});
    /// # fake.answers("POST", "/api/models/my-org/bert/commit/main", &made);
    ///
    /// let commit = Commit::new("Tidy up").delete("old.txt");
    /// let made = Client::new()?.commit(&Repo::model("my-org/bert")?, "main", &commit)?;
    /// assert_eq!(format!("see {}", made.url), "see https://huggingface.co/my-org/bert/commit/4f5c1b2");
    /// # Ok::<(), Failure>(())
    /// ```
    pub struct Committed {
        /// Its id.
        pub oid: String = "commitOid",
        /// Its page.
        pub url: String = "commitUrl",
        /// The page of the pull request that was opened with it.
        pub pull_request_url: Option<String> = "pullRequestUrl",
    }
}

impl Committed {
    /// The number of the pull request that was opened with it. (hub client, `CommitInfo.pr_num`: the end of its page)
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Commit, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// # let url = "https://huggingface.co/my-org/bert/discussions/8";
    /// # let made = json!({"commitOid": "4f5c1b2", "pullRequestUrl": url});
    /// # fake.answers("POST", "/api/models/my-org/bert/commit/main", &made);
    /// # fake.answers("POST", "/api/models/my-org/bert/discussions/8/comment", &json!({"newMessage": {"id": "9"}}));
    ///
    /// let (hub, repo) = (Client::new()?, Repo::model("my-org/bert")?);
    /// let commit = Commit::new("Sort tags").file("README.md", "---\ntags: [art]\n---\n").as_pull_request();
    /// if let Some(num) = hub.commit(&repo, "main", &commit)?.pull_request() {
    ///     hub.comment(&repo, num, "They were in no order.")?;
    /// }
    /// assert_eq!(fake.asked()[1], "POST /api/models/my-org/bert/discussions/8/comment");
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn pull_request(&self) -> Option<u64> {
        let url = self.pull_request_url.as_deref()?;
        url.rsplit('/').next()?.parse().ok()
    }
}

impl Client {
    /// Makes a commit on a branch, or opens a pull request into it. A repeated attempt makes another one, without changes:
    /// name the commit that it stands on, so that the Hub refuses it, or compare first. A pull request is opened again.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Commit, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let head = json!({"branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": "ce9a467"}]});
    /// # fake.answers("GET", "/api/models/my-org/bert/refs", &head);
    /// # fake.answers("POST", "/api/models/my-org/bert/commit/main", &json!({"commitOid": "4f5c1b2"}));
    ///
    /// let (hub, repo) = (Client::new()?, Repo::model("my-org/bert")?);
    /// let head = hub.refs(&repo)?.branches[0].commit.clone();
    /// let commit = Commit::new("Add a licence").file("LICENSE", "MIT License\n").parent(head);
    /// assert_eq!(hub.commit(&repo, "main", &commit)?.oid, "4f5c1b2");
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// `POST /api/{T}/{repo}/commit/{branch}[?create_pr=1]` (hub client, `create_commit`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind). Of the branch's name no part may be a slash: hosts refuse `%2F` in granted
    /// paths.
    pub fn commit(&self, repo: &Repo, branch: &str, commit: &Commit) -> Result<Committed, Error> {
        let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
        if path::revision(branch).is_err() {
            return Err(Error::argument(format!(
                "a commit to {branch:?} cannot be made from here: open a pull request in place of it"
            )));
        }
        let query = if commit.is_pull_request {
            "?create_pr=1"
        } else {
            ""
        };
        let url = format!("{}{}/commit/{branch}{query}", self.endpoint(), repo.api());
        let request = Request::post(url).with_body("application/x-ndjson", commit.lines()?);
        self.change(request)?.read()
    }
}

/// Bytes as base64 with padding. (RFC 4648, section 4)
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let mut group = 0u32;
        for place in 0..3 {
            let byte = three.get(place).copied().unwrap_or_default();
            group = (group << 8) | u32::from(byte);
        }
        for place in 0..4 {
            // Three bytes make four letters, two make three, and one makes two.
            if place <= three.len() {
                text.push(letter(group >> (18 - 6 * place)));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// The letter of the last six bits.
fn letter(bits: u32) -> char {
    let code = match (bits & 63) as u8 {
        six @ 0..26 => b'A' + six,
        six @ 26..52 => b'a' + six - 26,
        six @ 52..62 => b'0' + six - 52,
        62 => b'+',
        _ => b'/',
    };
    char::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_base64() {
        // The test vectors of RFC 4648, section 10.
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in vectors {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfb, 0xf0, 0x00]), "//vwAA==");
    }

    #[test]
    fn a_commit_is_a_header_and_a_line_for_each_step() {
        let commit = Commit::new("Mend\nit")
            .description("why")
            .parent("abc")
            .file("a/b.md", "# hi")
            .delete("c.txt")
            .delete_folder("d");
        let expected = concat!(
            r#"{"key":"header","value":{"description":"why","parentCommit":"abc","summary":"Mend\nit"}}"#,
            "\n",
            r#"{"key":"file","value":{"content":"IyBoaQ==","encoding":"base64","path":"a/b.md"}}"#,
            "\n",
            r#"{"key":"deletedFile","value":{"path":"c.txt"}}"#,
            "\n",
            r#"{"key":"deletedFolder","value":{"path":"d"}}"#,
            "\n",
        );
        // The order of keys is the JSON library's.
        let parsed = |lines: &str| -> Vec<Value> {
            let lines = lines.lines().map(serde_json::from_str);
            lines.collect::<Result<_, _>>().unwrap()
        };
        assert_eq!(parsed(&commit.lines().unwrap()), parsed(expected));
        assert_eq!(commit.lines().unwrap().lines().count(), 4);
    }

    #[test]
    fn what_cannot_be_committed_is_not_sent() {
        let says = |commit: Commit, word: &str| {
            let error = commit.lines().unwrap_err();
            assert!(error.message().contains(word), "{error}");
        };
        says(Commit::new("nothing"), "needs a file");
        says(Commit::new("out").file("../x", ""), "no path");
        says(Commit::new("out").delete("/x"), "no path");
        says(
            Commit::new("big").file("x", vec![0; FILE_BYTES_MAX + 1]),
            "1 MiB",
        );
    }
}
