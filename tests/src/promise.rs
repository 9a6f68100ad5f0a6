//! What clients were promised: every delivery that somebody posted, what it was, and what was answered.
//!
//! It is kept by those who post and nobody else, so that a ledger can be held against it.

use crate::host::Host;
use crate::http::Answer;
use crate::payloads::event;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The repos that events come from: few, so that their order and their bursts matter.
const REPOS: usize = 3;

/// One of so many posts repeats an earlier one.
const REPEATED: usize = 11;

/// One of so many posts waits for its runs.
const WAITING: usize = 7;

/// One delivery as its sender knows it.
#[derive(Debug, Clone, Default)]
pub struct Promise {
    /// What was posted.
    pub body: Vec<u8>,
    /// How often it was posted.
    pub posts: usize,
    /// The answers, in order; posts without one are not among them.
    pub answers: Vec<Promised>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promised {
    /// `202`, or `200` after a wait: it was recorded, with runs of these plugins.
    Recorded {
        /// The delivery's id.
        id: String,
        /// The plugins, sorted.
        runs: Vec<String>,
    },
    /// It had been recorded before.
    Duplicate {
        /// The first one's id.
        id: String,
        /// The plugins that get it again.
        again: Vec<String>,
    },
    /// Nothing was promised.
    Refused(u16),
}

impl Promise {
    /// The id that it was promised under.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.answers.iter().find_map(|answer| match answer {
            Promised::Recorded { id, .. } | Promised::Duplicate { id, .. } => Some(&**id),
            Promised::Refused(_) => None,
        })
    }

    /// The SHA-256 of the body, as it is stored.
    #[must_use]
    pub fn sha256(&self) -> Vec<u8> {
        Sha256::digest(&self.body).to_vec()
    }

    /// How many posts got no answer: any of them may have been recorded.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.posts - self.answers.len()
    }
}

/// A run that somebody saw settled, and is told of in an answer.
#[derive(Debug, Clone)]
pub struct SeenSettled {
    /// The delivery and the plugin, or the run.
    pub run: Result<String, (String, String)>,
    /// Its state.
    pub state: String,
    /// How many attempts it had, if that was told.
    pub attempts: Option<usize>,
}

/// All that was posted to one ledger, by `Webhook-Id`.
#[derive(Default)]
pub struct Promises {
    posted: Mutex<BTreeMap<String, Promise>>,
    /// Posts to be repeated, because there was no answer, as the Hub does.
    again: Mutex<Vec<String>>,
    seen: Mutex<Vec<SeenSettled>>,
    /// Deliveries and runs that need not be kept any more.
    released: Mutex<BTreeSet<String>>,
}

impl Promises {
    /// Posts one delivery after the other until `enough` are promised in all, `stop` is raised, or the host is gone.
    pub fn post(&self, host: &Host, enough: usize, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) && self.promised() < enough {
            let (id, body, number) = self.next();
            let hub = host.hub();
            let post = hub.deliver_bytes(body).id(&id);
            let post = if number % WAITING == 0 {
                post.wait(1)
            } else {
                post
            };
            let Some(answer) = post.try_send() else {
                lock(&self.again).push(id);
                return;
            };
            self.answered(&id, &answer);
        }
    }

    /// Posts again whatever got no answer, until all of it has one.
    ///
    /// # Panics
    /// If the host does not take one.
    pub fn post_the_unanswered(&self, host: &Host) {
        while let Some(id) = lock(&self.again).pop() {
            let body = self.posts_again(&id);
            let answer = host.hub().deliver_bytes(body).id(&id).send();
            self.answered(&id, &answer);
        }
    }

    /// Reads from the admin listener which runs are settled.
    pub fn look(&self, host: &Host) {
        let listed = host.admin().json("/api/v1/runs?limit=100");
        let runs = listed.as_array();
        let settled = runs.into_iter().flatten().filter_map(|run| {
            let word = |key: &str| Some(run.get(key)?.as_str()?.to_owned());
            let state = word("state").filter(|state| is_settled(state))?;
            Some(SeenSettled {
                run: Ok(word("id")?),
                state,
                attempts: run.get("attempts")?.as_array().map(Vec::len),
            })
        });
        lock(&self.seen).extend(settled);
    }

    /// Notes a delivery that was promised under an id by a host before the first of these, and returns its body.
    pub fn made_before(&self, hub_id: &str, id: &str, runs: &[&str]) -> Vec<u8> {
        let mut posted = lock(&self.posted);
        let promise = Promise {
            body: body(posted.len(), "ok"),
            posts: 1,
            answers: vec![Promised::Recorded {
                id: id.to_owned(),
                runs: runs.iter().map(|name| (*name).to_owned()).collect(),
            }],
        };
        let made = posted.entry(hub_id.to_owned()).or_insert(promise);
        made.body.clone()
    }

    /// Posts deliveries that keep `guest-hostile` busy until its time is over.
    ///
    /// # Panics
    /// If the host does not take one.
    pub fn post_sleepers(&self, host: &Host, count: usize) {
        for _ in 0..count {
            let number = lock(&self.posted).len();
            let (id, body) = (hub_id(number), body(number, "sleep"));
            let promise = Promise {
                body: body.clone(),
                posts: 1,
                answers: Vec::new(),
            };
            lock(&self.posted).insert(id.clone(), promise);
            let answer = host.hub().deliver_bytes(body).id(&id).send();
            self.answered(&id, &answer);
        }
    }

    /// Notes deliveries and runs, by their ids, that have been checked and need not be kept any more.
    pub fn release(&self, ids: impl IntoIterator<Item = String>) {
        lock(&self.released).extend(ids);
    }

    /// Whether a delivery or run may be gone.
    #[must_use]
    pub fn may_be_gone(&self, id: &str) -> bool {
        lock(&self.released).contains(id)
    }

    /// How many deliveries were promised.
    #[must_use]
    pub fn promised(&self) -> usize {
        let posted = lock(&self.posted);
        posted.values().filter(|post| post.id().is_some()).count()
    }

    /// All that was posted, by `Webhook-Id`.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Promise> {
        lock(&self.posted).clone()
    }

    /// The runs that were seen settled.
    #[must_use]
    pub fn seen(&self) -> Vec<SeenSettled> {
        lock(&self.seen).clone()
    }

    /// What is posted next: what got no answer, something that got one, or something new.
    fn next(&self) -> (String, Vec<u8>, usize) {
        let again = lock(&self.again).pop();
        let mut posted = lock(&self.posted);
        let (number, posts) = (
            posted.len(),
            posted.values().map(|post| post.posts).sum::<usize>(),
        );
        let repeated =
            (posts % REPEATED == REPEATED - 1).then(|| hub_id(posts * 7919 % number.max(1)));
        let id = again.or(repeated).unwrap_or_else(|| hub_id(number));
        let promise = posted.entry(id.clone()).or_insert_with(|| Promise {
            body: body(number, behaviour(number)),
            ..Promise::default()
        });
        promise.posts += 1;
        (id, promise.body.clone(), posts)
    }

    fn posts_again(&self, id: &str) -> Vec<u8> {
        let mut posted = lock(&self.posted);
        let promise = posted.entry(id.to_owned()).or_default();
        promise.posts += 1;
        promise.body.clone()
    }

    fn answered(&self, id: &str, answer: &Answer) {
        let told = match answer.status {
            200 if answer.json().get("duplicate").is_some() => Promised::Duplicate {
                id: answer.id(),
                again: answer.plugins(),
            },
            200 | 202 => Promised::Recorded {
                id: answer.id(),
                runs: answer.plugins(),
            },
            other => Promised::Refused(other),
        };
        if let Promised::Refused(_) = told {
            lock(&self.again).push(id.to_owned());
        }
        self.note_settled(answer);
        lock(&self.posted)
            .entry(id.to_owned())
            .or_default()
            .answers
            .push(told);
    }

    /// What the answer to `Prefer: wait` says of runs that are settled.
    fn note_settled(&self, answer: &Answer) {
        let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let runs = json.get("runs").and_then(Value::as_array);
        for run in runs.into_iter().flatten().filter(|run| run.is_object()) {
            let word = |key: &str| {
                run.get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            if is_settled(&word("state")) {
                lock(&self.seen).push(SeenSettled {
                    run: Err((answer.id(), word("plugin"))),
                    state: word("state"),
                    attempts: None,
                });
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_settled(state: &str) -> bool {
    !["pending", "running"].contains(&state)
}

fn hub_id(number: usize) -> String {
    format!("hub-{number:06}")
}

/// What a delivery asks of `guest-hostile`: some fail at first, some for good.
const fn behaviour(number: usize) -> &'static str {
    match number % 20 {
        5 => "fail-then-ok",
        11 => "reject",
        _ => "ok",
    }
}

/// An event of its own: a comment on one of few repos.
fn body(number: usize, behaviour: &str) -> Vec<u8> {
    let mut body = event("discussion.comment", "create", &format!("org/{behaviour}"));
    let of = number % REPOS;
    for (place, value) in [
        ("/repo/id", format!("repo-{of}")),
        ("/discussion/id", format!("discussion-{number}")),
        ("/comment/content", format!("comment {number}")),
    ] {
        if let Some(found) = body.pointer_mut(place) {
            *found = json!(value);
        }
    }
    body.to_string().into_bytes()
}
