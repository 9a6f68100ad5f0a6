//! Which call a request is.

use super::Inner;
use super::exchange::{Reply, Request};
use super::repos::no_repo;
use super::store::Store;

/// The kinds of repos, as paths have them.
const KINDS: [&str; 3] = ["models", "datasets", "spaces"];

impl Inner {
    /// Does what is asked for, and says what came of it.
    pub fn route(&mut self, request: &Request) -> Reply {
        if request.is_chunked() {
            return Reply::no(411, "say the length of the body");
        }
        if !request.bears(&self.token) {
            return Reply::no(401, "Invalid credentials in Authorization header");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let store = &mut self.store;
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["api", "whoami-v2"]) => store.whoami(),
            ("POST", ["api", "repos", "create"]) => store.create_repo(request),
            ("DELETE", ["api", "repos", "delete"]) => store.delete_repo(request),
            ("GET", ["api", "jobs", namespace]) => store.list_jobs(namespace, request),
            ("POST", ["api", "jobs", namespace]) => store.run_job(namespace, request),
            ("POST", ["v1", "chat", "completions"]) => store.complete(request),
            ("GET", ["api", "resolve-cache", kind, owner, name, commit, path]) => {
                store.within(kind, owner, name, |store, repo| {
                    store.cached_file(repo, commit, path)
                })
            }
            (_, ["api", kind, owner, name, rest @ ..]) => {
                store.within(kind, owner, name, |store, repo| {
                    store.call(repo, rest, request)
                })
            }
            (
                "GET",
                [
                    kind,
                    owner,
                    name,
                    how @ ("raw" | "resolve"),
                    revision,
                    path @ ..,
                ],
            ) => store.within(kind, owner, name, |store, repo| {
                store.file(repo, how, revision, &path.join("/"))
            }),
            ("GET", [owner, name, how @ ("raw" | "resolve"), revision, path @ ..]) => {
                store.within("models", owner, name, |store, repo| {
                    store.file(repo, how, revision, &path.join("/"))
                })
            }
            _ => no_call(),
        }
    }
}

impl Store {
    /// A call of a repo, if there is one of that name.
    fn within(
        &mut self,
        kind: &str,
        owner: &str,
        name: &str,
        call: impl Fn(&mut Self, &str) -> Reply,
    ) -> Reply {
        let repo = format!("{kind}/{owner}/{name}");
        if KINDS.contains(&kind) && self.repos.contains_key(&repo) {
            call(self, &repo)
        } else {
            no_repo()
        }
    }

    fn call(&mut self, repo: &str, rest: &[&str], request: &Request) -> Reply {
        let num = |text: &str| text.parse().unwrap_or(0);
        match (request.method.as_str(), rest) {
            ("GET", ["discussions"]) => self.list_discussions(repo, request),
            ("POST", ["discussions"]) => self.post_discussion(repo, request),
            ("GET", ["discussions", thread]) => self.read_discussion(repo, num(thread)),
            ("POST", ["discussions", thread, what]) => {
                self.change_discussion(repo, num(thread), what, request)
            }
            ("GET", ["refs"]) => self.repo(repo).refs(),
            ("GET", ["compare", range]) => self.repo(repo).compare(range),
            ("GET", ["commits", revision]) => {
                let endpoint = self.endpoint.clone();
                self.repo(repo).commits(revision, request, &endpoint)
            }
            ("GET", ["tree", revision, folder @ ..]) => {
                let endpoint = self.endpoint.clone();
                self.repo(repo)
                    .tree(revision, &folder.join("/"), request, &endpoint)
            }
            ("POST", ["commit", branch]) => self.post_commit(repo, branch, request),
            _ => no_call(),
        }
    }
}

fn no_call() -> Reply {
    Reply::no(404, "there is no such call")
}
