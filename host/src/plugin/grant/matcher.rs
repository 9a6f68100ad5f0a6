//! A grant's `[match]`: which of the events that a plugin subscribes to it gets.

use crate::event::Event;
use globset::GlobSet;
use std::collections::BTreeSet;

/// The grant's `[match]`: which of the events that a plugin subscribes to it gets.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    pub(super) repo: Option<GlobSet>,
    pub(super) repo_globs: Vec<String>,
    pub(super) types: Option<BTreeSet<String>>,
    pub(super) refs: Option<GlobSet>,
    pub(super) ignore_authors: BTreeSet<String>,
    pub(super) own: OwnEvents,
}

/// What becomes of events that were caused by the account whose credential the plugin's calls carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OwnEvents {
    /// They are kept away: a plugin that answers comments would answer its own.
    #[default]
    Ignored,
    /// They pass like any other.
    Pass,
}

impl Matcher {
    /// The globs of the repos that pass, as they were written; none if all do.
    #[must_use]
    pub fn repo_globs(&self) -> &[String] {
        &self.repo_globs
    }

    /// The types of the repos that pass, in lower case; `None` if all do.
    #[must_use]
    pub const fn types(&self) -> Option<&BTreeSet<String>> {
        self.types.as_ref()
    }

    /// What becomes of the events of the plugin's own account.
    #[must_use]
    pub const fn own(&self) -> OwnEvents {
        self.own
    }

    /// Whether it keeps an event away because this account caused it, which is the plugin's own.
    #[must_use]
    pub fn ignores(&self, event: &Event, own: Option<&str>) -> bool {
        self.own == OwnEvents::Ignored && own.is_some() && author(event) == own
    }

    /// Whether it keeps any event away that somebody else caused.
    pub(super) fn narrows(&self) -> bool {
        self.repo.is_some()
            || self.types.is_some()
            || self.refs.is_some()
            || !self.ignore_authors.is_empty()
    }

    /// Whether an event passes. `repo` and `types` need the field they ask of; on a move either name is enough;
    /// `refs` is asked only of events that carry refs, and one is enough.
    #[must_use]
    pub fn admits(&self, event: &Event) -> bool {
        let repo = event.repo.as_ref();
        let by_name = self.repo.as_ref().is_none_or(|globs| {
            let names = [
                repo.and_then(|repo| repo.name.as_deref()),
                event.moved_to.as_deref(),
            ];
            names.into_iter().flatten().any(|name| globs.is_match(name))
        });
        let by_type = self.types.as_ref().is_none_or(|types| {
            repo.and_then(|repo| repo.kind.as_ref())
                .is_some_and(|kind| types.contains(&kind.to_lowercase()))
        });
        let by_ref = self.refs.as_ref().is_none_or(|globs| {
            event.refs.is_empty() || event.refs.iter().any(|name| globs.is_match(name))
        });
        let by_author = author(event).is_none_or(|author| !self.ignore_authors.contains(author));
        by_name && by_type && by_ref && by_author
    }
}

/// Who caused an event, where the payload tells: nobody is named for pushes, merges or moves.
fn author(event: &Event) -> Option<&str> {
    if crate::scope::is_at_or_under(&event.scope, "discussion.comment") {
        event.comment_author_id.as_deref()
    } else if event.scope == "discussion" && event.action == "create" {
        event.discussion_author_id.as_deref()
    } else {
        None
    }
}
