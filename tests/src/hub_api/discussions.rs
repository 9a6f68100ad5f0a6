//! Discussions and pull requests.

use super::FakeHubApi;
use super::exchange::{Reply, Request};
use super::store::{ADA, Account, BOT, MAIN, Store, Thread};
use serde_json::{Value, json};

/// Discussions of a page.
const PAGE: usize = 10;

impl FakeHubApi {
    /// Somebody opens a discussion; its number. The event of it is the last one.
    #[track_caller]
    pub fn opens(&self, repo: &str, title: &str, text: &str) -> u64 {
        let store = &mut self.desk.lock().store;
        store.open(repo, title, text, ADA)
    }

    /// Somebody writes a comment; the event of it.
    #[track_caller]
    pub fn comments(&self, repo: &str, num: u64, text: &str) -> Value {
        let store = &mut self.desk.lock().store;
        store.write(repo, num, text, ADA);
        store.events.last().cloned().unwrap_or_default()
    }

    /// A discussion as the API tells it.
    #[track_caller]
    #[must_use]
    pub fn discussion(&self, repo: &str, num: u64) -> Value {
        let store = &mut self.desk.lock().store;
        let thread = store.repo(repo).thread(num);
        thread.expect("there is such a discussion").json(repo)
    }

    /// The comments in a discussion by whom the token belongs to, in order.
    #[track_caller]
    #[must_use]
    pub fn answers(&self, repo: &str, num: u64) -> Vec<String> {
        let discussion = self.discussion(repo, num);
        let entries = discussion.get("events").and_then(Value::as_array);
        let text = |entry: &Value, pointer: &str| {
            let text = entry.pointer(pointer).and_then(Value::as_str);
            text.map(str::to_owned)
        };
        let by_it = |entry: &&Value| text(entry, "/author/_id").as_deref() == Some(BOT.id);
        let entries = entries.into_iter().flatten().filter(by_it);
        entries
            .filter_map(|entry| text(entry, "/data/latest/raw"))
            .collect()
    }

    /// The numbers of the discussions of a repo that whom the token belongs to has opened, in order.
    #[track_caller]
    #[must_use]
    pub fn opened(&self, repo: &str) -> Vec<u64> {
        let store = &mut self.desk.lock().store;
        let threads = store.repo(repo).threads.iter();
        let own = threads.filter(|thread| thread.author == BOT);
        own.map(|thread| thread.num).collect()
    }
}

impl Thread {
    fn entry(&self) -> Value {
        json!({
            "num": self.num, "title": self.title, "status": self.status, "isPullRequest": self.is_pull_request,
            "createdAt": self.created_at, "author": self.author.json(),
        })
    }

    /// What a pull request goes into, and the commit that it went into it with.
    pub fn changes(&self) -> Value {
        match &self.merged {
            Some(commit) => json!({ "base": MAIN, "mergeCommitId": commit }),
            None => json!({ "base": MAIN }),
        }
    }

    /// With all that happened.
    fn json(&self, repo: &str) -> Value {
        let (kind, name) = repo.split_once('/').unwrap_or_default();
        let mut thread = self.entry();
        let Some(members) = thread.as_object_mut() else {
            return Value::Null;
        };
        let repo = json!({ "name": name, "type": kind.trim_end_matches('s') });
        members.insert("repo".to_owned(), repo);
        members.insert("events".to_owned(), json!(self.entries));
        if self.is_pull_request {
            members.insert("changes".to_owned(), self.changes());
            members.insert("filesWithConflicts".to_owned(), json!([]));
        }
        thread
    }
}

impl Store {
    #[track_caller]
    pub fn open(&mut self, repo: &str, title: &str, text: &str, author: Account) -> u64 {
        let (id, created_at) = (self.id(), self.time());
        let entry = self.entry("comment", author, &said(text));
        let kept = self.repo(repo);
        let num = kept.threads.len() as u64 + 1;
        kept.threads.push(Thread {
            num,
            id,
            title: title.to_owned(),
            status: "open",
            author,
            created_at,
            is_pull_request: false,
            merged: None,
            entries: vec![entry.clone()],
        });
        self.posts_opened(repo, num, &entry);
        num
    }

    fn entry(&mut self, kind: &str, author: Account, data: &Value) -> Value {
        json!({
            "id": self.id(), "type": kind, "createdAt": self.time(), "author": author.json(), "data": data,
        })
    }

    #[track_caller]
    fn write(&mut self, repo: &str, num: u64, text: &str, author: Account) -> Value {
        let entry = self.entry("comment", author, &said(text));
        let thread = self.repo(repo).thread(num);
        let thread = thread.expect("there is such a discussion");
        thread.entries.push(entry.clone());
        self.posts_comment(repo, num, &entry);
        entry
    }

    fn happens(&mut self, repo: &str, num: u64, kind: &str, data: &Value) -> Value {
        let entry = self.entry(kind, BOT, data);
        if let Some(thread) = self.repo(repo).thread(num) {
            thread.entries.push(entry.clone());
        }
        self.posts_update(repo, num);
        entry
    }

    pub fn list_discussions(&mut self, repo: &str, request: &Request) -> Reply {
        let asked = |key: &str| request.query(key).filter(|value| value != "all");
        let (kind, status, author) = (asked("type"), asked("status"), asked("author"));
        let is_wanted = |thread: &&Thread| {
            let own = if thread.is_pull_request {
                "pull_request"
            } else {
                "discussion"
            };
            kind.as_deref().is_none_or(|kind| kind == own)
                && status
                    .as_deref()
                    .is_none_or(|status| (status == "open") == (thread.status == "open"))
                && author
                    .as_deref()
                    .is_none_or(|author| author == thread.author.name)
        };
        let found: Vec<Value> = self
            .repo(repo)
            .threads
            .iter()
            .rev()
            .filter(is_wanted)
            .map(Thread::entry)
            .collect();
        let page: usize = asked("p").and_then(|page| page.parse().ok()).unwrap_or(0);
        let start = page * PAGE;
        let shown: Vec<&Value> = found.iter().skip(start).take(PAGE).collect();
        Reply::json(&json!({ "count": found.len(), "start": start, "discussions": shown }))
    }

    pub fn post_discussion(&mut self, repo: &str, request: &Request) -> Reply {
        let body = request.json();
        let text = |key: &str| {
            body.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let title = text("title");
        if !(3..=200).contains(&title.chars().count()) {
            return Reply::no(400, "the title has 3 to 200 characters");
        }
        let num = self.open(repo, &title, &text("description"), BOT);
        let url = format!("{}/discussions/{num}", self.web(repo));
        Reply::json(&json!({ "num": num, "pullRequest": false, "url": url }))
    }

    pub fn read_discussion(&mut self, repo: &str, num: u64) -> Reply {
        match self.repo(repo).thread(num) {
            Some(thread) => Reply::json(&thread.json(repo)),
            None => no_discussion(),
        }
    }

    /// What is posted to a discussion: a comment, another title or status, or that it is to be merged.
    pub fn change_discussion(
        &mut self,
        repo: &str,
        num: u64,
        what: &str,
        request: &Request,
    ) -> Reply {
        if self.repo(repo).thread(num).is_none() {
            return no_discussion();
        }
        let body = request.json();
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        match what {
            "comment" => match text("comment") {
                Some(comment) if !comment.trim().is_empty() => {
                    Reply::json(&json!({ "newMessage": self.write(repo, num, &comment, BOT) }))
                }
                _ => Reply::no(400, "the comment is empty"),
            },
            "title" => self.retitle(repo, num, &text("title").unwrap_or_default()),
            "status" => {
                let status = match text("status").as_deref() {
                    Some("open") => "open",
                    Some("closed") => "closed",
                    _ => return Reply::no(400, "the status is open or closed"),
                };
                let entry = self.set_status(repo, num, status, text("comment"));
                Reply::json(&json!({ "newStatus": entry }))
            }
            "merge" => self.merge(repo, num, text("comment")),
            _ => Reply::no(404, "there is no such call"),
        }
    }

    fn retitle(&mut self, repo: &str, num: u64, title: &str) -> Reply {
        let Some(thread) = self.repo(repo).thread(num) else {
            return no_discussion();
        };
        let from = std::mem::replace(&mut thread.title, title.to_owned());
        let change = json!({ "from": from, "to": title });
        Reply::json(&json!({ "newTitle": self.happens(repo, num, "title-change", &change) }))
    }

    pub fn set_status(
        &mut self,
        repo: &str,
        num: u64,
        status: &'static str,
        comment: Option<String>,
    ) -> Value {
        if let Some(comment) = comment {
            self.write(repo, num, &comment, BOT);
        }
        if let Some(thread) = self.repo(repo).thread(num) {
            thread.status = status;
        }
        self.happens(repo, num, "status-change", &json!({ "status": status }))
    }

    fn merge(&mut self, repo: &str, num: u64, comment: Option<String>) -> Reply {
        let kept = self.repo(repo);
        let proposed = kept.refs.get(&format!("refs/pr/{num}")).cloned();
        let is_open = kept
            .thread(num)
            .is_some_and(|thread| thread.status == "open");
        let Some(proposed) = proposed.filter(|_| is_open) else {
            return Reply::no(400, "it is no open pull request");
        };
        let files = self.repo(repo).files(&proposed);
        let commit = self.move_ref(repo, MAIN, files);
        if let Some(thread) = self.repo(repo).thread(num) {
            thread.merged = Some(commit);
        }
        self.set_status(repo, num, "merged", comment);
        Reply::json(&json!({}))
    }
}

/// A comment's text as an entry has it.
fn said(text: &str) -> Value {
    json!({ "edited": false, "hidden": false, "latest": { "raw": text, "html": "" }, "numEdits": 0 })
}

fn no_discussion() -> Reply {
    Reply::missing("EntryNotFound", "Discussion not found")
}
