//! What the Hub keeps: repos with their commits and discussions, Jobs, and what a model says next.

use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

/// An account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    pub id: &'static str,
    pub name: &'static str,
}

/// Whose token it takes.
pub const BOT: Account = Account {
    id: "6397f6081323f19c578f142e",
    name: "my-bot",
};

/// Somebody who writes by hand.
pub const ADA: Account = Account {
    id: "61d2000c3c2083e1c08af22d",
    name: "ada",
};

/// Somebody whom nobody knows.
pub const OTHER: Account = Account {
    id: "62d2000c3c2083e1c08af22e",
    name: "eve",
};

/// The organisation that owns what there is.
pub const OWNER: &str = "61d375fd733d3a83ecd1bba9";

/// The branch that counts.
pub const MAIN: &str = "refs/heads/main";

impl Account {
    pub fn json(self) -> Value {
        json!({ "_id": self.id, "name": self.name, "type": "user", "isPro": false })
    }
}

/// The files of a commit.
pub type Files = BTreeMap<String, Blob>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub bytes: Vec<u8>,
    /// Whether it is kept by LFS, outside git.
    pub is_large: bool,
}

#[derive(Debug)]
pub struct Thread {
    pub num: u64,
    pub id: String,
    pub title: String,
    /// `open`, `closed` or `merged`.
    pub status: &'static str,
    pub author: Account,
    pub created_at: String,
    pub is_pull_request: bool,
    /// The commit that it was merged with.
    pub merged: Option<String>,
    /// What happened in it, as the API tells it.
    pub entries: Vec<Value>,
}

#[derive(Debug, Default)]
pub struct Repo {
    pub id: String,
    /// Full names and the commits that they stand for.
    pub refs: BTreeMap<String, String>,
    pub commits: BTreeMap<String, Files>,
    pub threads: Vec<Thread>,
}

#[derive(Debug)]
pub struct Store {
    pub endpoint: String,
    /// By kind and name, as the API's paths have them: `models/my-org/demo`.
    pub repos: BTreeMap<String, Repo>,
    /// With their namespaces.
    pub jobs: Vec<(String, Value)>,
    /// What the model says, one after the other; the last one stays.
    pub says: VecDeque<String>,
    /// What the Hub would have posted of it.
    pub events: Vec<Value>,
    made: u64,
}

impl Store {
    pub fn new(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            repos: BTreeMap::new(),
            jobs: Vec::new(),
            says: VecDeque::new(),
            events: Vec::new(),
            made: 0,
        }
    }

    /// A number that nothing else has.
    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// An id as the Hub's database has them.
    pub fn id(&mut self) -> String {
        format!("66d42b98{:016x}", self.number())
    }

    /// An id of a commit.
    pub fn sha(&mut self) -> String {
        format!("{:08x}", 0xc0ff_ee00 + self.number()).repeat(5)
    }

    /// Later than any time before.
    pub fn time(&mut self) -> String {
        let n = self.number();
        format!(
            "2026-09-01T{:02}:{:02}:{:02}.000Z",
            8 + n / 3600,
            n / 60 % 60,
            n % 60
        )
    }

    #[track_caller]
    pub fn repo(&mut self, name: &str) -> &mut Repo {
        let found = self.repos.get_mut(name);
        found.unwrap_or_else(|| panic!("the Hub has no {name}"))
    }
}

impl Repo {
    pub fn thread(&mut self, num: u64) -> Option<&mut Thread> {
        self.threads.iter_mut().find(|thread| thread.num == num)
    }

    /// The commit that a revision stands for: a branch, the whole name of a ref, or a commit.
    pub fn commit_of(&self, revision: &str) -> Option<&String> {
        let branch = format!("refs/heads/{revision}");
        let named = self.refs.get(revision).or_else(|| self.refs.get(&branch));
        named.or_else(|| self.commits.keys().find(|commit| *commit == revision))
    }

    pub fn head(&self) -> &str {
        self.refs.get(MAIN).map_or("", String::as_str)
    }

    /// The files at a commit.
    pub fn files(&self, commit: &str) -> Files {
        self.commits.get(commit).cloned().unwrap_or_default()
    }
}
