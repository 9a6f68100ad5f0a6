//! Repos that are made and deleted, accounts, Jobs, and what a model says.

use super::FakeHubApi;
use super::exchange::{Reply, Request};
use super::store::{BOT, Blob, Files, MAIN, OWNER, Repo, Store};
use serde_json::{Value, json};

impl FakeHubApi {
    /// A repo with a main branch, by its kind and name: `models/my-org/demo`, `datasets/my-org/reviews`,
    /// `spaces/my-org/app`. No event tells of it.
    pub fn has(&self, repo: &str, files: &[(&str, &str)]) {
        let store = &mut self.desk.lock().store;
        let files = files.iter().map(|(path, text)| {
            let bytes = text.as_bytes().to_vec();
            (
                (*path).to_owned(),
                Blob {
                    bytes,
                    is_large: false,
                },
            )
        });
        store.make(repo, files.collect());
    }

    /// Whether there is a repo of that kind and name.
    #[must_use]
    pub fn knows(&self, repo: &str) -> bool {
        self.desk.lock().store.repos.contains_key(repo)
    }

    /// The Jobs that were started, with their namespaces.
    #[must_use]
    pub fn jobs(&self) -> Vec<(String, Value)> {
        self.desk.lock().store.jobs.clone()
    }

    /// What the model says next. Several texts are said in turn; the last one stays.
    pub fn model_says(&self, text: &str) {
        self.desk.lock().store.says.push_back(text.to_owned());
    }
}

impl Store {
    pub fn make(&mut self, name: &str, files: Files) {
        let (id, commit) = (self.id(), self.sha());
        let mut repo = Repo {
            id,
            ..Repo::default()
        };
        repo.refs.insert(MAIN.to_owned(), commit.clone());
        repo.commits.insert(commit, files);
        self.repos.insert(name.to_owned(), repo);
    }

    pub fn whoami(&self) -> Reply {
        Reply::json(&json!({
            "type": "user", "id": BOT.id, "name": BOT.name, "fullname": "A bot", "isPro": false,
            "orgs": [{ "type": "org", "id": OWNER, "name": "my-org", "roleInOrg": "write" }],
            "auth": { "type": "access_token", "accessToken": { "displayName": "hookbox", "role": "fineGrained" } },
        }))
    }

    pub fn create_repo(&mut self, request: &Request) -> Reply {
        let (name, shown) = named(request);
        if self.repos.contains_key(&name) {
            return Reply::no(409, "You already created this space repo");
        }
        // The Hub puts a file of its own in, which says what LFS keeps.
        let bytes = b"*.bin filter=lfs diff=lfs merge=lfs -text\n".to_vec();
        let attributes = Blob {
            bytes,
            is_large: false,
        };
        self.make(
            &name,
            Files::from([(".gitattributes".to_owned(), attributes)]),
        );
        self.posts_repo(&name, "create");
        Reply::json(&json!({ "id": self.repo(&name).id, "name": shown, "url": self.web(&name) }))
    }

    pub fn delete_repo(&mut self, request: &Request) -> Reply {
        let (name, _) = named(request);
        if !self.repos.contains_key(&name) {
            return no_repo();
        }
        self.posts_repo(&name, "delete");
        self.repos.remove(&name);
        Reply::json(&json!({}))
    }

    pub fn run_job(&mut self, namespace: &str, request: &Request) -> Reply {
        let mut job = request.json();
        let (id, time) = (self.id(), self.time());
        let Some(members) = job.as_object_mut() else {
            return Reply::no(400, "a Job is an object");
        };
        members.insert("id".to_owned(), json!(id));
        members.insert("createdAt".to_owned(), json!(time));
        members.insert(
            "status".to_owned(),
            json!({ "stage": "SCHEDULING", "message": null }),
        );
        let owner = json!({ "id": OWNER, "name": namespace, "type": "org" });
        members.insert("owner".to_owned(), owner);
        self.jobs.push((namespace.to_owned(), job.clone()));
        Reply::json(&job)
    }

    pub fn list_jobs(&self, namespace: &str, request: &Request) -> Reply {
        let label = request.query("label");
        let fits = |job: &Value| match label.as_deref().and_then(|label| label.split_once('=')) {
            Some((key, value)) => {
                let own = job.get("labels").and_then(|labels| labels.get(key));
                own.and_then(Value::as_str) == Some(value)
            }
            None => true,
        };
        let jobs = self
            .jobs
            .iter()
            .filter(|(owner, job)| owner == namespace && fits(job));
        Reply::json(&jobs.map(|(_, job)| job.clone()).collect())
    }

    /// A completion of the router.
    pub fn complete(&mut self, request: &Request) -> Reply {
        let said = if self.says.len() > 1 {
            self.says.pop_front()
        } else {
            self.says.front().cloned()
        };
        let said = said.unwrap_or_else(|| "I do not know.".to_owned());
        let model = request.json().get("model").cloned().unwrap_or_default();
        Reply::json(&json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_788_252_000, "model": model,
            "choices": [{
                "index": 0, "message": { "role": "assistant", "content": said, "reasoning_content": null },
                "finish_reason": "stop",
            }],
            "usage": { "prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24 },
        }))
    }
}

/// The repo that a body names: as paths have it, and as it is shown.
fn named(request: &Request) -> (String, String) {
    let body = request.json();
    let text = |key: &str| {
        body.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let shown = format!("{}/{}", text("organization"), text("name"));
    (format!("{}s/{shown}", text("type")), shown)
}

pub fn no_repo() -> Reply {
    Reply::missing("RepoNotFound", "Repository not found")
}
