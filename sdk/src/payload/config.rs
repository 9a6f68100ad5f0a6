//! Settings that changed, whatever their names and values.

use serde_json::Value;

use super::lenient::Slot;

/// The settings that changed, by name. A value is parsed when it is asked for.
///
/// ```
/// use hookbox_sdk::{Event, Failure};
///
/// let event = Event::sample("repo-config")?;
/// let config = &event.payload()?.updated_config;
/// assert_eq!(config.get("private"), Some(true.into()));
/// assert_eq!(config.names().collect::<Vec<_>>(), ["private"]);
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Names with the values' JSON, as sent.
    settings: Vec<(String, String)>,
}

impl Config {
    /// Whether no setting was named.
    ///
    /// ```
    /// use hookbox_sdk::{ConfigEvent, prelude::json, testing::sample};
    /// let changed: ConfigEvent = sample("repo-config").changes(json!({})).view();
    /// assert!(changed.changes.is_empty()); // secrets of a Space, say
    /// ```
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty()
    }

    /// How many settings were named.
    ///
    /// ```
    /// use hookbox_sdk::{ConfigEvent, testing::sample};
    /// let changed: ConfigEvent = sample("repo-config").view();
    /// assert_eq!(changed.changes.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.settings.len()
    }

    /// The names of the settings.
    ///
    /// ```
    /// use hookbox_sdk::{ConfigEvent, testing::sample};
    /// let changed: ConfigEvent = sample("repo-config").view();
    /// assert!(changed.changes.names().any(|name| name == "private"));
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().map(|(name, _)| name.as_str())
    }

    /// The new value of a setting.
    ///
    /// ```
    /// use hookbox_sdk::{ConfigEvent, testing::sample};
    /// let changed: ConfigEvent = sample("repo-config").view();
    /// assert_eq!(changed.changes.get("private"), Some(true.into()));
    /// assert_eq!(changed.changes.get("hardware"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.get_json(name)?).ok()
    }

    /// The new value of a setting, as the JSON that was sent.
    ///
    /// ```
    /// use hookbox_sdk::Event;
    /// let event = Event::from_json(r#"{"updatedConfig": {"budget": 1.50}}"#)?;
    /// assert_eq!(event.payload()?.updated_config.get_json("budget"), Some("1.50"));
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn get_json(&self, name: &str) -> Option<&str> {
        // Of two settings with one name the later counts, as everywhere in JSON.
        let found = self.settings.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, json)| json.as_str())
    }
}

impl Slot for Config {
    fn object(&mut self) -> bool {
        self.settings.clear();
        true
    }

    fn field_as_json(&mut self, name: &str) -> Option<&mut String> {
        self.settings.push((name.to_owned(), String::new()));
        self.settings.last_mut().map(|(_, json)| json)
    }
}

#[cfg(test)]
impl super::lenient::Told for Config {
    fn told(&self) -> Value {
        let all = self.names();
        let all = all.map(|name| (name.to_owned(), self.get(name).unwrap_or_default()));
        Value::Object(all.collect())
    }
}
