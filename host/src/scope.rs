//! Dotted webhook scopes, and which subscription sees which event.
//!
//! A scope is compared segment by segment, never by string prefix: `repo.contents` is not under `repo.content`.
//! A scope that the plugin's interface version does not know is narrowed to its nearest known ancestor and seen
//! there as an `update`, which is the Hub's own rule for scopes it adds later (Hub documentation, webhooks,
//! "Event"). This module is pure: it knows no plugin and no payload.

use std::collections::BTreeSet;
use std::fmt;

/// The longest scope, in bytes, that a subscription may name.
pub const PATTERN_BYTES_MAX: usize = 256;

/// The scopes that interface `hookbox:plugin@0.1.x` knows.
///
/// The set belongs to the interface version that a component was built against: teaching the host a new scope
/// must not take its events away from plugins built before.
pub const KNOWN_SCOPES_0_1: &[&str] = &[
    "repo",
    "repo.content",
    "repo.config",
    "discussion",
    "discussion.comment",
];

/// The action that a plugin sees when a scope was narrowed.
pub const NARROWED_ACTION: &str = "update";

/// Which scopes a subscription covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScopePattern {
    /// One scope: `repo.content`.
    Exact(String),
    /// A scope and everything under it: `repo.*` (the root is kept without the `.*`).
    Subtree(String),
    /// Every scope: `*`.
    Everything,
}

/// Why a text is not a scope pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopePatternError {
    /// The text is empty.
    #[error(
        "an empty scope; write a scope such as `repo.content`, a subtree such as `repo.*`, or `*`"
    )]
    Empty,
    /// The text is longer than [`PATTERN_BYTES_MAX`].
    #[error("a scope of {bytes} bytes; at most {PATTERN_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A segment is empty or has a character that no scope has.
    #[error(
        "`{pattern}` is not a scope: segments are letters, digits, `_` and `-`, joined by single dots; \
         `*` stands alone or as the last segment"
    )]
    Malformed {
        /// The text as given.
        pattern: String,
    },
}

impl ScopePattern {
    /// Reads a pattern: `a.b`, `a.b.*` or `*`.
    ///
    /// # Errors
    /// [`ScopePatternError`] says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, ScopePatternError> {
        if text.is_empty() {
            return Err(ScopePatternError::Empty);
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(ScopePatternError::TooLong { bytes: text.len() });
        }
        if text == "*" {
            return Ok(Self::Everything);
        }
        let (scope, subtree) = match text.strip_suffix(".*") {
            Some(root) => (root, true),
            None => (text, false),
        };
        let is_word = |segment: &str| {
            !segment.is_empty()
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        };
        if !scope.split('.').all(is_word) {
            return Err(ScopePatternError::Malformed {
                pattern: text.to_owned(),
            });
        }
        Ok(if subtree {
            Self::Subtree(scope.to_owned())
        } else {
            Self::Exact(scope.to_owned())
        })
    }

    /// How many segments the pattern names: `repo.*` has one, `*` none.
    fn segments(&self) -> usize {
        match self {
            Self::Exact(scope) | Self::Subtree(scope) => scope.split('.').count(),
            Self::Everything => 0,
        }
    }
}

impl fmt::Display for ScopePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(scope) => f.write_str(scope),
            Self::Subtree(scope) => write!(f, "{scope}.*"),
            Self::Everything => f.write_str("*"),
        }
    }
}

/// Events that a plugin handles: a scope pattern and the actions it admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Which scopes.
    pub pattern: ScopePattern,
    /// Which actions, as the subscription sees them; empty for all.
    pub actions: BTreeSet<String>,
}

impl Subscription {
    fn admits(&self, action: &str) -> bool {
        self.actions.is_empty() || self.actions.contains(action)
    }
}

/// A scope and an action as a plugin sees them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeenEvent {
    /// The scope: as sent, or the known one it was narrowed to.
    pub scope: String,
    /// The action: as sent, or `update` where the scope was narrowed.
    pub action: String,
}

/// How a plugin with these subscriptions sees an event, or `None` if none of them admits it.
///
/// `known` is the set of scopes of the plugin's interface version. Of all subscriptions that match and admit the
/// action as they would see it, the one with the most segments wins, an exact one over a subtree on a tie.
#[must_use]
pub fn seen_by(
    subscriptions: &[Subscription],
    known: &[&str],
    sent_scope: &str,
    sent_action: &str,
) -> Option<SeenEvent> {
    subscriptions
        .iter()
        .filter_map(|subscription| {
            let seen = seen_through(&subscription.pattern, known, sent_scope, sent_action)?;
            subscription.admits(&seen.action).then(|| {
                let exact = matches!(subscription.pattern, ScopePattern::Exact(_));
                ((subscription.pattern.segments(), exact), seen)
            })
        })
        .max_by_key(|(rank, _)| *rank)
        .map(|(_, seen)| seen)
}

/// How an event looks through one pattern, whatever its actions.
fn seen_through(
    pattern: &ScopePattern,
    known: &[&str],
    sent_scope: &str,
    sent_action: &str,
) -> Option<SeenEvent> {
    let unchanged = || SeenEvent {
        scope: sent_scope.to_owned(),
        action: sent_action.to_owned(),
    };
    match pattern {
        ScopePattern::Everything => Some(unchanged()),
        ScopePattern::Subtree(root) => is_at_or_under(sent_scope, root).then(unchanged),
        ScopePattern::Exact(scope) if scope == sent_scope => Some(unchanged()),
        ScopePattern::Exact(scope) => narrows_to(sent_scope, scope, known).then(|| SeenEvent {
            scope: scope.clone(),
            action: NARROWED_ACTION.to_owned(),
        }),
    }
}

/// Whether `scope` is `root` or below it, by whole segments.
#[must_use]
pub fn is_at_or_under(scope: &str, root: &str) -> bool {
    scope
        .strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether the unknown scope `sent` passes `target` on its way up to its nearest known ancestor.
fn narrows_to(sent: &str, target: &str, known: &[&str]) -> bool {
    if known.contains(&sent) || !is_at_or_under(sent, target) {
        return false;
    }
    // The way up ends at the nearest known ancestor, so nothing known may lie strictly between.
    !known
        .iter()
        .any(|scope| scope.len() > target.len() && *scope != sent && is_at_or_under(sent, scope))
}

/// The ancestors of a scope and the scope itself, shortest first, at most `depth_max` of them:
/// `repo.config.dois` gives `repo`, `repo.config`, `repo.config.dois`.
pub fn prefixes(scope: &str, depth_max: usize) -> impl Iterator<Item = &str> {
    scope
        .match_indices('.')
        .map(|(at, _)| at)
        .chain(std::iter::once(scope.len()))
        .filter_map(|end| scope.get(..end))
        .take(depth_max)
}

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;
