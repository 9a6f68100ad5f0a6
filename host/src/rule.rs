//! Rules: what a grant says of how a plugin's runs follow each other, and what that means for the run of one event.
//!
//! Pure: the ledger keeps the rules, in the transactions that record, claim and settle. A rule whose key an event
//! lacks does not hold for it.

use crate::event::{Event, Repo};
use crate::scope::SeenEvent;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// The rules of a plugin, from its grant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// In which order its runs are made.
    pub order: Order,
    /// Which events become one run.
    pub debounce: Option<Debounce>,
    /// How many runs an hour there may be: the loop guard.
    pub rate: Rate,
}

/// In which order a plugin's runs are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As there is room for them.
    #[default]
    None,
    /// One at a time for each repo, in order of arrival.
    Repo,
}

/// Which like events become one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debounce {
    /// What they must have in common, beside scope, action and refs.
    pub by: DebounceBy,
    /// How long no further one must come before the run is made.
    pub quiet: Duration,
    /// How long the first is waited with at most.
    pub max: Duration,
}

/// What events must have in common to become one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebounceBy {
    /// `repo.id`.
    Repo,
    /// `discussion.id`.
    Discussion,
}

/// How many runs of a plugin there may be in any hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// For one discussion: over it, runs are dead from the start.
    pub per_discussion: u32,
    /// For one repo: over it, runs wait.
    pub per_repo: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            per_discussion: 20,
            per_repo: 120,
        }
    }
}

/// What the rules mean for one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunRules {
    /// Runs of the plugin with this key are made one at a time, in order of arrival.
    pub order_key: Option<String>,
    /// Runs of the plugin that are alike in this become one.
    pub debounce: Option<DebounceKey>,
    /// The discussion whose runs are counted.
    pub discussion: Option<Guarded>,
    /// Runs of the plugin with this key are counted when they are first claimed.
    pub rate_key: Option<String>,
}

/// What makes runs alike, and how long they are waited with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebounceKey {
    /// A hash of all that they have in common.
    pub key: String,
    /// See [`Debounce::quiet`].
    pub quiet: Duration,
    /// See [`Debounce::max`].
    pub max: Duration,
}

/// A discussion, and how many runs it may have in any hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarded {
    /// `discussion.id`.
    pub discussion: String,
    /// See [`Rate::per_discussion`].
    pub runs_max: u32,
}

impl Rules {
    /// What they mean for the run of an event, as the plugin sees it.
    #[must_use]
    pub fn for_run(&self, event: &Event, seen: &SeenEvent) -> RunRules {
        let repo_key = event.repo.as_ref().and_then(repo_key);
        RunRules {
            order_key: repo_key.clone().filter(|_| self.order == Order::Repo),
            debounce: self.debounce.and_then(|rule| rule.for_run(event, seen)),
            discussion: event.discussion_id.as_ref().map(|discussion| Guarded {
                discussion: discussion.clone(),
                runs_max: self.rate.per_discussion,
            }),
            rate_key: repo_key,
        }
    }
}

/// A repo's id, which outlives a rename, else its type and name.
fn repo_key(repo: &Repo) -> Option<String> {
    match (&repo.id, &repo.kind, &repo.name) {
        (Some(id), _, _) => Some(format!("id {id}")),
        (None, Some(kind), Some(name)) => Some(format!("name {kind}/{name}")),
        _ => None,
    }
}

impl Debounce {
    fn for_run(&self, event: &Event, seen: &SeenEvent) -> Option<DebounceKey> {
        let (by, id) = match self.by {
            DebounceBy::Repo => ("repo", event.repo.as_ref()?.id.as_ref()?),
            DebounceBy::Discussion => ("discussion", event.discussion_id.as_ref()?),
        };
        let mut refs: Vec<&str> = event.refs.iter().map(String::as_str).collect();
        refs.sort_unstable();
        refs.dedup();
        let mut hash = Sha256::new();
        for part in [by, id, &seen.scope, &seen.action].into_iter().chain(refs) {
            // With its length before it, no two lists of parts are the same bytes.
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        Some(DebounceKey {
            key: hash
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            quiet: self.quiet,
            max: self.max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(id: Option<&str>, kind: Option<&str>, name: Option<&str>) -> Option<Repo> {
        Some(Repo {
            kind: kind.map(str::to_owned),
            name: name.map(str::to_owned),
            id: id.map(str::to_owned),
        })
    }

    fn check_order(repo: Option<Repo>, expected: Option<&str>) {
        let rules = Rules {
            order: Order::Repo,
            ..Rules::default()
        };
        let event = Event {
            repo,
            ..Event::default()
        };
        let rules = rules.for_run(&event, &SeenEvent::default());
        assert_eq!(rules.order_key.as_deref(), expected, "{event:?}");
        assert_eq!(rules.rate_key, rules.order_key);
    }

    #[test]
    fn a_repo_is_known_by_its_id_or_else_by_its_name() {
        check_order(repo(Some("1"), Some("model"), Some("a/b")), Some("id 1"));
        check_order(
            repo(None, Some("model"), Some("a/b")),
            Some("name model/a/b"),
        );
        check_order(repo(None, None, Some("a/b")), None);
        check_order(repo(None, Some("model"), None), None);
        check_order(None, None);
    }

    fn key(by: DebounceBy, change: impl FnOnce(&mut Event, &mut SeenEvent)) -> Option<String> {
        let rule = Debounce {
            by,
            quiet: Duration::from_secs(1),
            max: Duration::from_secs(2),
        };
        let mut event = Event {
            repo: repo(Some("1"), Some("model"), Some("a/b")),
            discussion_id: Some("d".to_owned()),
            refs: vec!["refs/heads/a".to_owned(), "refs/heads/b".to_owned()],
            ..Event::default()
        };
        let mut seen = SeenEvent {
            scope: "repo.content".to_owned(),
            action: "update".to_owned(),
        };
        change(&mut event, &mut seen);
        let rules = Rules {
            debounce: Some(rule),
            ..Rules::default()
        };
        rules.for_run(&event, &seen).debounce.map(|found| found.key)
    }

    #[test]
    fn events_are_alike_in_repo_scope_action_and_refs() {
        let usual = key(DebounceBy::Repo, |_, _| {});
        assert!(usual.is_some());
        assert_eq!(
            usual,
            key(DebounceBy::Repo, |event, _| event.refs.reverse())
        );
        assert_eq!(
            usual,
            key(DebounceBy::Repo, |event, _| event.discussion_id = None)
        );
        let others = [
            key(DebounceBy::Discussion, |_, _| {}),
            key(DebounceBy::Repo, |event, _| event.refs.truncate(1)),
            key(DebounceBy::Repo, |_, seen| {
                seen.action = "create".to_owned()
            }),
            key(DebounceBy::Repo, |_, seen| seen.scope = "repo".to_owned()),
            key(DebounceBy::Repo, |event, _| {
                event.repo = repo(Some("2"), None, None);
            }),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(&usual, other, "{at}");
            assert!(other.is_some(), "{at}");
        }
    }

    #[test]
    fn what_lacks_the_key_is_not_debounced() {
        let without = key(DebounceBy::Repo, |event, _| {
            event.repo = repo(None, Some("model"), Some("a/b"));
        });
        assert_eq!(without, None);
        let without = key(DebounceBy::Discussion, |event, _| {
            event.discussion_id = None
        });
        assert_eq!(without, None);
    }
}
