//! The operator's settings for the plugin: the grant's `[config]`.
//!
//! ```
//! use hookbox_sdk::{config, testing};
//!
//! let _config = testing::config([("model", "moonshotai/Kimi-K2.6")]);
//! assert_eq!(config::require("model")?, "moonshotai/Kimi-K2.6");
//! assert_eq!(config::get("language")?, None);
//! # Ok::<(), hookbox_sdk::Failure>(())
//! ```
//!
//! Values are plain text, and never secrets: the host adds credentials to requests itself. Declare what is needed with
//! [`Want::config`](crate::Want::config), so that the operator is asked for it.

use std::fmt;

/// Why a setting is not there.
///
/// ```
/// use hookbox_sdk::config;
///
/// let missing = config::require("channel").unwrap_err();
/// assert_eq!(
///     missing.to_string(),
///     "the setting `channel` is missing: add `channel = \"…\"` under `[config]` of the plugin's grant"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The operator has not set it.
    Missing {
        /// Its key.
        key: String,
    },
    /// It is set to something else than what it is for.
    Malformed {
        /// Its key.
        key: String,
        /// What it should be: a phrase that follows "is not".
        expected: String,
    },
    /// The host cannot read the settings.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Missing { key } => write!(
                f,
                "the setting `{key}` is missing: add `{key} = \"…\"` under `[config]` of the plugin's grant"
            ),
            Error::Malformed { key, expected } => write!(
                f,
                "the setting `{key}` is not {expected}: mend it under `[config]` of the plugin's grant"
            ),
            Error::Unreadable { reason } => write!(f, "the settings cannot be read: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

/// A setting, if the operator has set it.
///
/// ```
/// use hookbox_sdk::{config, testing};
///
/// let _config = testing::config([("channel", "#hub")]);
/// assert_eq!(config::get("channel")?.as_deref(), Some("#hub"));
/// // What the plugin can do without has its default here.
/// assert_eq!(config::get("language")?.unwrap_or("en".to_owned()), "en");
/// # Ok::<(), config::Error>(())
/// ```
///
/// # Errors
/// If the host cannot read the settings.
pub fn get(key: &str) -> Result<Option<String>, Error> {
    source::get(key)
}

/// A setting that the plugin cannot do without.
///
/// ```
/// use hookbox_sdk::{config, prelude::*, testing};
///
/// fn announce(text: &str) -> Result { done(format!("{}: {text}", config::require("channel")?)) }
///
/// assert!(matches!(announce("hello"), Err(Failure::Retry { .. })));
/// let _config = testing::config([("channel", "#hub")]);
/// assert_eq!(announce("hello"), done("#hub: hello"));
/// ```
///
/// # Errors
/// If the operator has not set it: the error names the line to add. As a handler's `?` it asks for another attempt, so
/// that a delivery is not lost over it.
pub fn require(key: &str) -> Result<String, Error> {
    get(key)?.ok_or_else(|| Error::Missing {
        key: key.to_owned(),
    })
}

/// All settings, by key.
///
/// ```
/// use hookbox_sdk::{config, testing};
///
/// let _config = testing::config([("team.vision", "ada"), ("team.text", "bob"), ("channel", "#hub")]);
/// let teams = config::all()?.into_iter().filter(|(key, _)| key.starts_with("team."));
/// assert_eq!(teams.count(), 2);
/// # Ok::<(), config::Error>(())
/// ```
///
/// # Errors
/// If the host cannot read the settings.
pub fn all() -> Result<Vec<(String, String)>, Error> {
    source::all()
}

#[cfg(target_family = "wasm")]
mod source {
    use super::Error;
    use crate::bindings::wasi::config::store;

    pub fn get(key: &str) -> Result<Option<String>, Error> {
        store::get(key).map_err(unreadable)
    }

    pub fn all() -> Result<Vec<(String, String)>, Error> {
        store::get_all().map_err(unreadable)
    }

    fn unreadable(error: store::Error) -> Error {
        let (store::Error::Upstream(reason) | store::Error::Io(reason)) = error;
        Error::Unreadable { reason }
    }
}

#[cfg(not(target_family = "wasm"))]
pub(crate) use source::{SETTINGS, Settings};

#[cfg(not(target_family = "wasm"))]
mod source {
    //! The settings of a native test. What no test gave is an empty `[config]`.

    use std::cell::RefCell;
    use std::rc::Rc;

    use super::Error;
    use crate::given::Stack;

    /// A test's settings, and which of them were asked for.
    #[derive(Debug, Default)]
    pub struct Settings {
        pub values: Vec<(String, String)>,
        pub asked: RefCell<Vec<String>>,
    }

    thread_local! {
        /// The settings that this thread's test gave.
        pub(crate) static SETTINGS: Stack<Rc<Settings>> = const { Stack::new() };
    }

    pub fn get(key: &str) -> Result<Option<String>, Error> {
        let settings = asked(key);
        let mut settings = settings.iter().flat_map(|settings| &settings.values);
        let found = settings.find(|(known, _)| known == key);
        Ok(found.map(|(_, value)| value.clone()))
    }

    pub fn all() -> Result<Vec<(String, String)>, Error> {
        Ok(asked("*").map_or(vec![], |settings| settings.values.clone()))
    }

    fn asked(key: &str) -> Option<Rc<Settings>> {
        let settings = SETTINGS.with(Stack::last)?;
        settings.asked.borrow_mut().push(key.to_owned());
        Some(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failure, testing};

    #[test]
    fn a_missing_setting_names_the_line_to_add() {
        let said = "the setting `model` is missing: add `model = \"…\"` under `[config]` of the plugin's grant";
        let failure = require("model").map_err(Failure::from);
        assert_eq!(failure, Err(Failure::retry(said)));
    }

    #[test]
    fn what_a_test_sets_counts_until_it_lets_go() {
        let key = "model".to_owned();
        let outer = testing::config([("model", "large"), ("language", "fr")]);
        assert_eq!(require("model"), Ok("large".to_owned()));
        {
            let _inner = testing::config([("model", "small")]);
            assert_eq!(all(), Ok(vec![(key.clone(), "small".to_owned())]));
        }
        assert_eq!(get("language"), Ok(Some("fr".to_owned())));
        drop(outer);
        assert_eq!(require("model"), Err(Error::Missing { key }));
    }
}
