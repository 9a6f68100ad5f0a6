//! A grant's `[config]`: texts by names that the operator and the plugin agree on.

use super::GrantError;
use super::reader::Reader;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeValue;

/// The most entries.
const ENTRIES_MAX: usize = 256;

/// The most bytes of all names and values.
const BYTES_MAX: usize = 64 * 1024;

impl Reader<'_> {
    /// Reads the table.
    pub fn config(
        &self,
        table: &Spanned<DeValue<'_>>,
    ) -> Result<Arc<[(String, String)]>, GrantError> {
        let Some(entries) = table.get_ref().as_table() else {
            let reason = "config: not a table; write `[config]`, and below it `name = \"value\"`";
            return Err(self.at(table, reason.to_owned()));
        };
        let (mut config, mut bytes) = (Vec::new(), 0);
        for (name, value) in entries {
            let name_text: &str = name.get_ref();
            let Some(text) = value.get_ref().as_str() else {
                let reason = format!("config.{name_text}: not a text; write it in quotes");
                return Err(self.at(value, reason));
            };
            bytes += name_text.len() + text.len();
            if config.len() == ENTRIES_MAX || bytes > BYTES_MAX {
                let reason = format!(
                    "config: more than {ENTRIES_MAX} entries or 64 KiB of names and values; what is larger belongs into \
                     the plugin or its state"
                );
                return Err(self.at(name, reason));
            }
            config.push((name_text.to_owned(), text.to_owned()));
        }
        // A plugin that lists them finds them by name.
        config.sort_unstable();
        Ok(config.into())
    }
}
