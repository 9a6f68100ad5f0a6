//! The settings of a native test.

use std::rc::Rc;

use crate::config::{SETTINGS, Settings};
use crate::given::Given;

/// A `[config]` of these keys and values.
///
/// ```
/// use hookbox_sdk::{config, testing};
///
/// let _config = testing::config([("model", "small"), ("language", "fr")]);
/// assert_eq!(config::require("model")?, "small");
/// # Ok::<(), hookbox_sdk::Failure>(())
/// ```
pub fn config<K: Into<String>, V: Into<String>>(
    settings: impl IntoIterator<Item = (K, V)>,
) -> FakeConfig {
    let settings = settings.into_iter();
    let settings = settings.map(|(key, value)| (key.into(), value.into()));
    let settings = Rc::new(Settings {
        values: settings.collect(),
        ..Settings::default()
    });
    FakeConfig {
        _given: Given::new(&SETTINGS, Rc::clone(&settings)),
        settings,
    }
}

/// The settings of a native test, made by [`config`]. They count on this thread until this is dropped.
///
/// ```
/// use hookbox_sdk::{config, testing};
///
/// let fake = testing::config([("model", "small")]);
/// drop(fake);
/// assert_eq!(config::get("model")?, None);
/// # Ok::<(), hookbox_sdk::Failure>(())
/// ```
#[must_use = "it counts only until it is dropped: keep it as `let _config = …`"]
#[derive(Debug)]
pub struct FakeConfig {
    settings: Rc<Settings>,
    _given: Given<Rc<Settings>>,
}

impl FakeConfig {
    /// The keys that were asked for, in order; `*` where all were.
    ///
    /// ```
    /// use hookbox_sdk::{config, testing};
    ///
    /// let fake = testing::config([("model", "small")]);
    /// let (_, _) = (config::get("language")?, config::all()?);
    /// assert_eq!(fake.asked(), ["language", "*"]);
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn asked(&self) -> Vec<String> {
        self.settings.asked.borrow().clone()
    }
}
