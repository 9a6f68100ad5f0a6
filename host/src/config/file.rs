//! `hookbox.toml`: read without waiting, taken apart with the line and column of every key.

use super::problem::{FilePlace, Place, Problem, no_such_key};
use super::setting::{Audience, Key, variable_of};
use super::table::{FLAGS_ONLY, KEYS, LATER, NOT_IN_FILE};
use super::written::Written;
use crate::plugin::folder::{ReadError, read_file};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The file that is read if it is there and no other is named.
pub const DEFAULT_FILE: &str = "hookbox.toml";

/// The largest configuration file, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The most syntax errors that are told: one may bring forth many.
const SYNTAX_ERRORS_MAX: usize = 5;

/// Which file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChoice {
    /// None.
    None,
    /// `hookbox.toml` in the working directory, if it is there.
    IfThere,
    /// This one, which must be there.
    Named(PathBuf),
}

impl FileChoice {
    /// The path of the file, if there may be one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::None => None,
            Self::IfThere => Some(Path::new(DEFAULT_FILE)),
            Self::Named(path) => Some(path),
        }
    }

    /// Reads the file; `None` if there is none. Blocks on the file system, but never for a writer.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&self) -> Result<Option<SettingsFile>, Problem> {
        let Some(path) = self.path() else {
            return Ok(None);
        };
        let unusable = |reason: String| Problem {
            subject: path.display().to_string(),
            reason,
        };
        let bytes = match read_file(path, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            // A link to nothing is there.
            Err(ReadError::NotFound)
                if *self == Self::IfThere && path.symlink_metadata().is_err() =>
            {
                return Ok(None);
            }
            Err(ReadError::NotRegular) => return Err(unusable("not a regular file".to_owned())),
            Err(error) => return Err(unusable(error.to_string())),
        };
        let text = String::from_utf8(bytes).map_err(|_| unusable("not UTF-8 text".to_owned()))?;
        Ok(Some(SettingsFile {
            path: path.to_owned(),
            text,
        }))
    }
}

/// The file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFile {
    /// Its path.
    pub path: PathBuf,
    text: String,
}

/// The file taken apart.
pub struct ParsedFile<'a> {
    file: &'a SettingsFile,
    values: BTreeMap<&'static str, Spanned<DeValue<'a>>>,
}

impl SettingsFile {
    /// Takes it apart; what is wrong with its form and its keys comes along.
    #[must_use]
    pub fn parse(&self) -> (ParsedFile<'_>, Vec<Problem>) {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        let mut parsed = ParsedFile {
            file: self,
            values: BTreeMap::new(),
        };
        if !errors.is_empty() {
            let told = errors.iter().take(SYNTAX_ERRORS_MAX);
            let problems = told.map(|error| self.syntax_problem(error)).collect();
            return (parsed, problems);
        }
        let mut problems = Vec::new();
        let mut table: Vec<_> = table.into_inner().into_iter().collect();
        table.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in table {
            let name: &str = key.get_ref();
            match KEYS.iter().find(|known| known.name == name) {
                Some(known) => {
                    parsed.values.insert(known.name, value);
                }
                None => problems.extend(self.refuse(name, &key, &value)),
            }
        }
        (parsed, problems)
    }

    fn syntax_problem(&self, error: &toml::de::Error) -> Problem {
        let span = error.span().unwrap_or_default();
        let mut place = self.place(span.start, None);
        let mut reason = error.message().to_owned();
        if reason == "duplicate key" {
            // The parser's span is the key itself.
            place.key = self.text.get(span).map(str::to_owned);
            "it stands there twice; remove one of them".clone_into(&mut reason);
        } else if reason.starts_with("invalid ") && !reason.contains("string") {
            reason.push_str("; a text must stand in quotes");
        }
        Problem::at(&Place::File(place), reason)
    }

    /// Why a key that is not one of the table's is refused.
    fn refuse(
        &self,
        name: &str,
        key: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Vec<Problem> {
        let alerts = value.get_ref().as_table().filter(|_| name == "alerts");
        if let Some(alerts) = alerts.filter(|alerts| !alerts.is_empty()) {
            let inner = alerts.keys().map(|key| {
                let full = format!("alerts-{}", key.get_ref());
                let shown = format!("alerts.{}", key.get_ref());
                let place = Place::File(self.place(key.span().start, None));
                Problem::at(&place, refusal(&full, &shown))
            });
            return inner.collect();
        }
        let place = Place::File(self.place(key.span().start, None));
        let full = if name == "alerts" { "alerts-url" } else { name };
        vec![Problem::at(&place, refusal(full, name))]
    }

    fn place(&self, at: usize, key: Option<String>) -> FilePlace {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        FilePlace {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            key,
        }
    }
}

fn refusal(name: &str, shown: &str) -> String {
    if let Some(later) = LATER.iter().find(|later| later.name == name) {
        return later
            .refusal()
            .replace(&format!("`{name}`"), &format!("`{shown}`"));
    }
    if FLAGS_ONLY.contains(&name) {
        return format!("`{shown}` can only be said as the flag --{name}");
    }
    if NOT_IN_FILE.contains(&name) {
        let variable = variable_of(name);
        return format!("`{shown}` can only be said outside of a file, as the variable {variable}");
    }
    let known = KEYS
        .iter()
        .filter(|key| key.audience == Audience::Operators)
        .map(|key| key.name);
    format!("`{shown}`: {}", no_such_key(name, known))
}

impl ParsedFile<'_> {
    /// What the file says of a key: where, the value as it stands there, and the value itself.
    #[must_use]
    pub fn value(&self, key: &Key) -> Option<(Place, &str, Written<'_>)> {
        let value = self.values.get(key.name)?;
        let place = self
            .file
            .place(value.span().start, Some(key.name.to_owned()));
        let text = self.file.text.get(value.span()).unwrap_or_default();
        let folder = self.file.path.parent().unwrap_or_else(|| Path::new(""));
        Some((
            Place::File(place),
            text,
            Written::Toml(value.get_ref(), folder),
        ))
    }
}
