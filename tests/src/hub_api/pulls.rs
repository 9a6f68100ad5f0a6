//! What somebody does by hand: repos that are made, pull requests that change and end, Jobs that fail.

use super::FakeHubApi;
use super::store::{Blob, Files, MAIN, OTHER, Store};
use serde_json::{Value, json};

impl FakeHubApi {
    /// Somebody makes a repo with these files in it; the event of its making.
    #[track_caller]
    pub fn creates(&self, repo: &str, files: &[(&str, &str)]) -> Value {
        let store = &mut self.desk.lock().store;
        store.make(repo, blobs(files));
        store.posts_repo(repo, "create");
        store.last()
    }

    /// Somebody pushes these files to a pull request; the event of it.
    #[track_caller]
    pub fn pushes_to_pull_request(&self, repo: &str, num: u64, files: &[(&str, &str)]) -> Value {
        let store = &mut self.desk.lock().store;
        let name = format!("refs/pr/{num}");
        let kept = store.repo(repo);
        let commit = kept.commit_of(&name).cloned().unwrap_or_default();
        let mut pushed = kept.files(&commit);
        pushed.extend(blobs(files));
        store.move_ref(repo, &name, pushed);
        store.last()
    }

    /// A stranger, whom no grant of the stories trusts, proposes these files in a pull request; its number.
    #[track_caller]
    pub fn stranger_proposes(&self, repo: &str, title: &str, files: &[(&str, &str)]) -> u64 {
        let store = &mut self.desk.lock().store;
        let mut proposed = store.files_of_main(repo);
        proposed.extend(blobs(files));
        store.propose(repo, title, proposed, OTHER)
    }

    /// Somebody closes a discussion or a pull request; the event of it.
    #[track_caller]
    pub fn closes(&self, repo: &str, num: u64) -> Value {
        self.sets(repo, num, "closed")
    }

    /// Somebody opens it again; the event of it.
    #[track_caller]
    pub fn opens_again(&self, repo: &str, num: u64) -> Value {
        self.sets(repo, num, "open")
    }

    /// Somebody merges a pull request; the event of its new status, which is the last one.
    #[track_caller]
    pub fn merges(&self, repo: &str, num: u64) -> Value {
        let store = &mut self.desk.lock().store;
        let kept = store.repo(repo);
        let proposed = kept.commit_of(&format!("refs/pr/{num}")).cloned();
        let files = kept.files(&proposed.unwrap_or_default());
        store.move_ref(repo, MAIN, files);
        drop(store.set_status(repo, num, "merged", None));
        store.last()
    }

    #[track_caller]
    fn sets(&self, repo: &str, num: u64, status: &'static str) -> Value {
        let store = &mut self.desk.lock().store;
        drop(store.set_status(repo, num, status, None));
        store.last()
    }

    /// The paths of a repo's files at a revision, in order.
    #[track_caller]
    #[must_use]
    pub fn paths(&self, repo: &str, revision: &str) -> Vec<String> {
        let store = &mut self.desk.lock().store;
        let repo = store.repo(repo);
        let commit = repo.commit_of(revision).cloned().unwrap_or_default();
        repo.files(&commit).into_keys().collect()
    }

    /// From now on every Job that was started has failed.
    pub fn jobs_fail(&self) {
        for (_, job) in &mut self.desk.lock().store.jobs {
            if let Some(job) = job.as_object_mut() {
                let status = json!({ "stage": "ERROR", "message": "out of memory" });
                job.insert("status".to_owned(), status);
            }
        }
    }
}

impl Store {
    /// The event that was posted last.
    fn last(&self) -> Value {
        self.events.last().cloned().unwrap_or_default()
    }
}

fn blobs(files: &[(&str, &str)]) -> Files {
    let files = files.iter().map(|(path, text)| {
        let bytes = text.as_bytes().to_vec();
        let blob = Blob {
            bytes,
            is_large: false,
        };
        ((*path).to_owned(), blob)
    });
    files.collect()
}
