//! Plugins: a component becomes compiled, described, granted, and is run, one attempt at a time, to an outcome.
//!
//! A failing plugin is never an error here: it is an [`Outcome`](crate::delivery::Outcome). This module never
//! reads or writes the ledger.

pub mod bindings;
pub mod capability;
pub mod catalog;
pub mod compiler;
pub mod component;
pub mod engine;
pub mod folder;
pub mod grant;
pub mod imports;
pub mod limiter;
pub mod lookout;
pub mod sandbox;
pub mod scan;
pub mod settling;
pub mod store;
pub mod toolchain;
mod verdict;
pub mod want;
pub mod watch;

pub use component::{Component, ComponentError};
pub use engine::{Engine, EngineConfig};
pub use grant::Grant;

use crate::scope::{KNOWN_SCOPES_0_1, ScopePattern, SeenEvent, Subscription, seen_by};
use crate::spelling::nearest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The longest plugin name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// A plugin's name: the stem of its file, `[a-z0-9][a-z0-9_-]{0,63}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PluginName(Arc<str>);

/// A text is not a plugin's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a plugin name: lower-case letters, digits, `_` and `-`, the first a letter or digit, \
     at most {NAME_BYTES_MAX} of them; rename the file"
)]
pub struct PluginNameError {
    text: String,
}

impl PluginName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`PluginNameError`] says what a name is made of.
    pub fn parse(text: &str) -> Result<Self, PluginNameError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = text.len() <= NAME_BYTES_MAX
            && text.bytes().next().is_some_and(plain)
            && text
                .bytes()
                .all(|byte| plain(byte) || byte == b'_' || byte == b'-');
        if !good {
            return Err(PluginNameError {
                text: text.chars().take(NAME_BYTES_MAX + 16).collect(),
            });
        }
        Ok(Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why nothing can be done with a plugin that is none of those noted now. `known` are all there ever were.
#[must_use]
pub fn unknown(plugin: &str, noted: &[&str], known: &[String]) -> Option<String> {
    if noted.contains(&plugin) {
        return None;
    }
    if known.iter().any(|known| known == plugin) {
        return Some(format!(
            "the plugin `{plugin}` is gone; put its file back first"
        ));
    }
    Some(match nearest(plugin, noted.iter().copied()) {
        Some(nearest) => format!("there is no plugin `{plugin}`; did you mean `{nearest}`?"),
        None => format!("there is no plugin `{plugin}` (see 'hookbox plugins')"),
    })
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its own version.
    pub version: String,
    /// What it does, in a line.
    pub description: String,
    /// The events it handles; at least one.
    pub subscriptions: Vec<Subscription>,
    /// What it asks its operator for.
    pub wants: Vec<Want>,
    /// The scopes that its interface version knows.
    pub known_scopes: &'static [&'static str],
}

/// Something that a plugin asks its operator for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// `http`, `config` or `state`.
    pub kind: String,
    /// The host, key or label.
    pub name: String,
    /// A JSON object with more, or empty.
    pub detail: String,
    /// Whether the plugin is useless without it.
    pub required: bool,
    /// Why, for the operator.
    pub reason: String,
}

impl Manifest {
    /// How the plugin sees an event, or `None` if it subscribes to nothing that admits it.
    #[must_use]
    pub fn sees(&self, sent_scope: &str, sent_action: &str) -> Option<SeenEvent> {
        seen_by(
            &self.subscriptions,
            self.known_scopes,
            sent_scope,
            sent_action,
        )
    }

    /// The manifest as it is stored: JSON.
    #[must_use]
    pub fn to_stored(&self) -> String {
        serde_json::to_string(&StoredManifest::from(self)).unwrap_or_default()
    }

    /// Reads a stored manifest; `None` if it is not one.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let stored: StoredManifest = serde_json::from_str(text).ok()?;
        Some(Self {
            version: stored.version,
            description: stored.description,
            subscriptions: stored
                .subscriptions
                .into_iter()
                .map(|subscription| {
                    Some(Subscription {
                        pattern: ScopePattern::parse(&subscription.scope).ok()?,
                        actions: subscription.actions.into_iter().collect(),
                    })
                })
                .collect::<Option<_>>()?,
            wants: stored.wants,
            // The one interface version so far; a second one stores its number.
            known_scopes: KNOWN_SCOPES_0_1,
        })
    }
}

/// A manifest in the ledger.
#[derive(Serialize, Deserialize)]
struct StoredManifest {
    version: String,
    description: String,
    subscriptions: Vec<StoredSubscription>,
    wants: Vec<Want>,
}

/// A subscription in the ledger and in `--json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSubscription {
    /// The scope pattern.
    pub scope: String,
    /// The actions; empty for all.
    pub actions: Vec<String>,
}

impl From<&Subscription> for StoredSubscription {
    fn from(subscription: &Subscription) -> Self {
        Self {
            scope: subscription.pattern.to_string(),
            actions: subscription.actions.iter().cloned().collect(),
        }
    }
}

impl From<&Manifest> for StoredManifest {
    fn from(manifest: &Manifest) -> Self {
        Self {
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            subscriptions: manifest.subscriptions.iter().map(Into::into).collect(),
            wants: manifest.wants.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_one_rule() {
        for good in ["hello", "a", "0", "commit-log", "a_b", &"a".repeat(64)] {
            assert_eq!(PluginName::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "-a",
            "_a",
            "Hello",
            "a.b",
            "a b",
            "a/b",
            "ä",
            &"a".repeat(65),
        ] {
            assert!(PluginName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_manifest_survives_being_stored() {
        let manifest = Manifest {
            version: "1.0.0".into(),
            description: "says hello".into(),
            subscriptions: vec![Subscription {
                pattern: ScopePattern::parse("repo.*").unwrap(),
                actions: ["create".to_owned()].into(),
            }],
            wants: vec![],
            known_scopes: KNOWN_SCOPES_0_1,
        };
        assert_eq!(Manifest::from_stored(&manifest.to_stored()), Some(manifest));
        assert_eq!(Manifest::from_stored("{}"), None);
    }
}
