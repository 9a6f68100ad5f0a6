//! Commits: pushed by somebody, or made through the API.

use super::FakeHubApi;
use super::exchange::{Reply, Request};
use super::store::{ADA, Account, BOT, Blob, Files, MAIN, Store};
use serde_json::{Value, json};

impl FakeHubApi {
    /// Somebody pushes these files to the main branch; the event of it.
    #[track_caller]
    pub fn pushes(&self, repo: &str, files: &[(&str, &str)]) -> Value {
        let blobs = files
            .iter()
            .map(|(path, text)| (*path, text.as_bytes(), false));
        self.pushed(repo, blobs)
    }

    /// The same with a file that LFS keeps.
    #[track_caller]
    pub fn pushes_large(&self, repo: &str, path: &str, bytes: &[u8]) -> Value {
        self.pushed(repo, std::iter::once((path, bytes, true)))
    }

    #[track_caller]
    fn pushed<'a>(
        &self,
        repo: &str,
        blobs: impl Iterator<Item = (&'a str, &'a [u8], bool)>,
    ) -> Value {
        let store = &mut self.desk.lock().store;
        let mut files = store.files_of_main(repo);
        files.extend(blobs.map(|(path, bytes, is_large)| {
            let bytes = bytes.to_vec();
            (path.to_owned(), Blob { bytes, is_large })
        }));
        store.move_ref(repo, MAIN, files);
        store.events.last().cloned().unwrap_or_default()
    }

    /// Somebody proposes these files in a pull request; its number. The events are those of its opening and its push.
    #[track_caller]
    pub fn proposes(&self, repo: &str, title: &str, files: &[(&str, &str)]) -> u64 {
        let store = &mut self.desk.lock().store;
        let mut proposed = store.files_of_main(repo);
        proposed.extend(files.iter().map(|(path, text)| {
            let bytes = text.as_bytes().to_vec();
            (
                (*path).to_owned(),
                Blob {
                    bytes,
                    is_large: false,
                },
            )
        }));
        store.propose(repo, title, proposed, ADA)
    }

    /// A file at a revision: a branch, the whole name of a ref, or a commit.
    #[track_caller]
    #[must_use]
    pub fn file(&self, repo: &str, revision: &str, path: &str) -> Option<String> {
        let store = &mut self.desk.lock().store;
        let repo = store.repo(repo);
        let blob = repo.files(repo.commit_of(revision)?).remove(path)?;
        Some(String::from_utf8_lossy(&blob.bytes).into_owned())
    }
}

impl Store {
    #[track_caller]
    pub fn files_of_main(&mut self, repo: &str) -> Files {
        let repo = self.repo(repo);
        let head = repo.head().to_owned();
        repo.files(&head)
    }

    /// Makes a commit, and has a name stand for it from now on.
    #[track_caller]
    pub fn move_ref(&mut self, repo: &str, name: &str, files: Files) -> String {
        let commit = self.sha();
        let kept = self.repo(repo);
        kept.commits.insert(commit.clone(), files);
        let old = kept.refs.insert(name.to_owned(), commit.clone());
        self.posts_push(repo, name, old.as_deref(), &commit);
        commit
    }

    #[track_caller]
    pub fn propose(&mut self, repo: &str, title: &str, files: Files, author: Account) -> u64 {
        let num = self.open(repo, title, "", author);
        if let Some(thread) = self.repo(repo).thread(num) {
            thread.is_pull_request = true;
        }
        // It was told of before it was known to be one.
        let opened = self
            .repo(repo)
            .thread(num)
            .and_then(|thread| thread.entries.first().cloned());
        self.events.pop();
        self.posts_opened(repo, num, &opened.unwrap_or_default());
        self.move_ref(repo, &format!("refs/pr/{num}"), files);
        num
    }

    /// `POST …/commit/{branch}`: a header, and a line for each step. (hub client, `_prepare_commit_payload`)
    pub fn post_commit(&mut self, repo: &str, branch: &str, request: &Request) -> Reply {
        let full = if branch.starts_with("refs/") {
            branch.to_owned()
        } else {
            format!("refs/heads/{branch}")
        };
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let lines: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let Some(base) = self.repo(repo).refs.get(&full).cloned() else {
            return Reply::missing("RevisionNotFound", &format!("Invalid rev id: {branch}"));
        };
        let part = |line: &Value, pointer: &str| {
            line.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let header = lines.first().cloned().unwrap_or_default();
        let parent = part(&header, "/value/parentCommit");
        if !parent.is_empty() && parent != base {
            return Reply::no(
                412,
                "A commit has happened since. Please refresh and try again.",
            );
        }
        let mut files = self.repo(repo).files(&base);
        for line in &lines {
            let path = part(line, "/value/path");
            match part(line, "/key").as_str() {
                "file" => {
                    let bytes = unbase64(&part(line, "/value/content"));
                    files.insert(
                        path,
                        Blob {
                            bytes,
                            is_large: false,
                        },
                    );
                }
                "deletedFile" => drop(files.remove(&path)),
                "deletedFolder" => files.retain(|known, _| !known.starts_with(&format!("{path}/"))),
                _ => {}
            }
        }
        let summary = part(&header, "/value/summary");
        if request.query("create_pr").as_deref() == Some("1") {
            let num = self.propose(repo, &summary, files, BOT);
            let url = format!("{}/discussions/{num}", self.web(repo));
            let commit = self.repo(repo).refs.get(&format!("refs/pr/{num}")).cloned();
            return self.committed(repo, &commit.unwrap_or_default(), Some(url));
        }
        let commit = self.move_ref(repo, &full, files);
        self.committed(repo, &commit, None)
    }

    fn committed(&self, repo: &str, commit: &str, pull_request: Option<String>) -> Reply {
        Reply::json(&json!({
            "success": true, "commitOid": commit, "commitUrl": format!("{}/commit/{commit}", self.web(repo)),
            "hookOutput": "", "pullRequestUrl": pull_request,
        }))
    }
}

/// The bytes of a text in base64. (RFC 4648, section 4)
fn unbase64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = text.bytes().filter(|letter| *letter != b'=').collect();
    let mut bytes = Vec::with_capacity(letters.len());
    for four in letters.chunks(4) {
        let group = four.iter().fold(0_u32, |group, letter| {
            group << 6 | u32::from(value(*letter))
        });
        let [_, three @ ..] = (group << (6 * (4 - four.len()))).to_be_bytes();
        bytes.extend(three.iter().take(four.len() - 1));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::unbase64;

    #[test]
    fn bytes_are_read_from_base64() {
        // The test vectors of RFC 4648, section 10.
        let vectors = [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYmE=", "fooba"),
        ];
        for (text, bytes) in vectors {
            assert_eq!(unbase64(text), bytes.as_bytes());
        }
        assert_eq!(unbase64("//vwAA=="), [0xff, 0xfb, 0xf0, 0x00]);
    }
}
