//! What the Hub posts of what has changed: version 3 of its webhooks' payloads.

use super::FakeHubApi;
use super::store::{OWNER, Store};
use serde_json::{Map, Value, json};

impl FakeHubApi {
    /// What the Hub would have posted so far, in order, whoever changed something.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.desk.lock().store.events.clone()
    }

    /// The last event of a scope and action.
    #[track_caller]
    #[must_use]
    pub fn last_event(&self, scope: &str, action: &str) -> Value {
        let mut events = self.events().into_iter().rev();
        let wanted = json!({ "scope": scope, "action": action });
        let found = events.find(|event| event.get("event") == Some(&wanted));
        found.unwrap_or_else(|| panic!("there was no {scope} [{action}]"))
    }
}

impl Store {
    /// Of a comment that was written.
    pub fn posts_comment(&mut self, repo: &str, num: u64, entry: &Value) {
        let comment = self.comment(repo, num, entry);
        let discussion = self.discussion(repo, num);
        self.posts(
            "discussion.comment",
            "create",
            repo,
            &[("discussion", discussion), ("comment", comment)],
        );
    }

    /// Of a discussion that was opened with this entry.
    pub fn posts_opened(&mut self, repo: &str, num: u64, entry: &Value) {
        let comment = self.comment(repo, num, entry);
        let discussion = self.discussion(repo, num);
        self.posts(
            "discussion",
            "create",
            repo,
            &[("discussion", discussion), ("comment", comment)],
        );
    }

    /// Of a discussion that has another title or status.
    pub fn posts_update(&mut self, repo: &str, num: u64) {
        let discussion = self.discussion(repo, num);
        self.posts("discussion", "update", repo, &[("discussion", discussion)]);
    }

    /// Of a name that stands for another commit; none before if it is new.
    pub fn posts_push(&mut self, repo: &str, name: &str, old: Option<&str>, new: &str) {
        let moved = json!([{ "ref": name, "oldSha": old, "newSha": new }]);
        self.posts("repo.content", "update", repo, &[("updatedRefs", moved)]);
    }

    /// Of a repo that was made, or is about to be deleted.
    pub fn posts_repo(&mut self, repo: &str, action: &str) {
        self.posts("repo", action, repo, &[]);
    }

    fn posts(&mut self, scope: &str, action: &str, repo: &str, more: &[(&str, Value)]) {
        let mut event = Map::new();
        event.insert(
            "event".to_owned(),
            json!({ "action": action, "scope": scope }),
        );
        event.insert("repo".to_owned(), self.repo_in_payload(repo));
        for (key, value) in more {
            event.insert((*key).to_owned(), value.clone());
        }
        let webhook = json!({ "id": "6390e855e30d9209411de93b", "version": 3 });
        event.insert("webhook".to_owned(), webhook);
        self.events.push(Value::Object(event));
    }

    fn repo_in_payload(&mut self, repo: &str) -> Value {
        let (kind, name) = repo.split_once('/').unwrap_or_default();
        let (web, endpoint) = (self.web(repo), self.endpoint.clone());
        let kept = self.repo(repo);
        json!({
            "type": kind.trim_end_matches('s'), "name": name, "id": kept.id, "private": false,
            "url": { "web": web, "api": format!("{endpoint}/api/{repo}") },
            "headSha": kept.head(), "owner": { "id": OWNER },
        })
    }

    fn discussion(&mut self, repo: &str, num: u64) -> Value {
        let (web, endpoint) = (self.web(repo), self.endpoint.clone());
        let Some(thread) = self.repo(repo).thread(num) else {
            return Value::Null;
        };
        let mut discussion = json!({
            "id": thread.id, "title": thread.title, "status": thread.status, "num": num,
            "isPullRequest": thread.is_pull_request, "author": { "id": thread.author.id },
            "url": {
                "web": format!("{web}/discussions/{num}"),
                "api": format!("{endpoint}/api/{repo}/discussions/{num}"),
            },
        });
        if let (true, Some(discussion)) = (thread.is_pull_request, discussion.as_object_mut()) {
            discussion.insert("changes".to_owned(), thread.changes());
        }
        discussion
    }

    fn comment(&self, repo: &str, num: u64, entry: &Value) -> Value {
        let part = |pointer: &str| entry.pointer(pointer).cloned().unwrap_or_default();
        let id = part("/id");
        let shown = id.as_str().unwrap_or_default();
        json!({
            "id": id, "author": { "id": part("/author/_id") }, "content": part("/data/latest/raw"),
            "hidden": part("/data/hidden"),
            "url": { "web": format!("{}/discussions/{num}#{shown}", self.web(repo)) },
        })
    }

    /// The page of a repo.
    pub fn web(&self, repo: &str) -> String {
        format!("{}/{}", self.endpoint, repo.trim_start_matches("models/"))
    }
}
