//! `hookbox.toml`: read without waiting, taken apart with the line and column of every key.

use super::problem::{FilePlace, Place, Problem, no_such_key};
use super::setting::{Audience, Key, variable_of};
use super::table::{ALERTS, ALERTS_URL, FLAGS_ONLY, KEYS, LATER, NOT_IN_FILE};
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
            if name == ALERTS {
                problems.extend(self.parse_alerts(&key, value, &mut parsed));
                continue;
            }
            let known = KEYS.iter().find(|known| known.name == name);
            match known.filter(|known| **known != ALERTS_URL.key) {
                Some(known) => {
                    parsed.values.insert(known.name, value);
                }
                None => problems.push(self.refuse(name, &key)),
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

    /// Takes the table of alerts apart, which has one key.
    fn parse_alerts<'a>(
        &'a self,
        key: &Spanned<impl AsRef<str>>,
        value: Spanned<DeValue<'a>>,
        parsed: &mut ParsedFile<'a>,
    ) -> Vec<Problem> {
        let DeValue::Table(table) = value.into_inner() else {
            let place = Place::File(self.place(key.span().start, None));
            let reason = "`alerts` is a table; write `[alerts]` on a line of its own, and `url = \"…\"` below it";
            return vec![Problem::at(&place, reason)];
        };
        let mut problems = Vec::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            if name == "url" {
                parsed.values.insert(ALERTS_URL.key.name, value);
                continue;
            }
            let place = Place::File(self.place(key.span().start, None));
            let reason =
                format!("`{ALERTS}.{name}`: there is no such key; there is `{ALERTS}.url`");
            problems.push(Problem::at(&place, reason));
        }
        problems
    }

    /// Why a key that is not one of the table's is refused.
    fn refuse(&self, name: &str, key: &Spanned<impl AsRef<str>>) -> Problem {
        let place = Place::File(self.place(key.span().start, None));
        Problem::at(&place, refusal(name))
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

fn refusal(name: &str) -> String {
    if let Some(later) = LATER.iter().find(|later| later.name == name) {
        return later.reason.to_owned();
    }
    if name == ALERTS_URL.key.name {
        return format!("`{name}` stands under `[{ALERTS}]`, as `url`");
    }
    if FLAGS_ONLY.contains(&name) {
        return format!("`{name}` can only be said as the flag --{name}");
    }
    if NOT_IN_FILE.contains(&name) {
        let variable = variable_of(name);
        return format!("`{name}` can only be said outside of a file, as the variable {variable}");
    }
    let known = KEYS
        .iter()
        .filter(|key| key.audience == Audience::Operators && **key != ALERTS_URL.key)
        .map(|key| key.name)
        .chain([ALERTS]);
    format!("`{name}`: {}", no_such_key(name, known))
}

impl ParsedFile<'_> {
    /// What the file says of a key: where, the value as it stands there, and the value itself.
    #[must_use]
    pub fn value(&self, key: &Key) -> Option<(Place, &str, Written<'_>)> {
        let value = self.values.get(key.name)?;
        let place = self
            .file
            .place(value.span().start, Some(shown_in_file(key)));
        let text = self.file.text.get(value.span()).unwrap_or_default();
        let folder = self.file.path.parent().unwrap_or_else(|| Path::new(""));
        Some((
            Place::File(place),
            text,
            Written::Toml(value.get_ref(), folder),
        ))
    }
}

/// A key as it stands in the file.
fn shown_in_file(key: &Key) -> String {
    if *key == *ALERTS_URL.key {
        return format!("{ALERTS}.url");
    }
    key.name.to_owned()
}
