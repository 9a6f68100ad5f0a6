//! What is wrong with settings: each problem names its place, and all are told at once.

use super::setting::{Shown, variable_of};
use crate::spelling::nearest;
use std::fmt;
use std::path::PathBuf;

/// The longest part of a value that is shown, in characters.
const VALUE_CHARS_MAX: usize = 60;

/// Where a setting was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a flag.
    Flag(&'static str),
    /// In an environment variable.
    Variable(String),
    /// In the file.
    File(FilePlace),
    /// Nowhere: it is the default.
    Default(&'static str),
}

/// A place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePlace {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key there; none where the file itself is what is wrong.
    pub key: Option<String>,
}

impl Place {
    /// With a value as it was written, if it may be shown.
    fn with(&self, value: Option<&str>) -> String {
        let value = value.map(cut);
        match (self, value) {
            (Self::Flag(key), None) => format!("--{key}"),
            (Self::Flag(key), Some(value)) => format!("--{key} {value}"),
            (Self::Variable(name), None) => name.clone(),
            (Self::Variable(name), Some(value)) => format!("{name}={value}"),
            (Self::Default(key), _) => (*key).to_owned(),
            (Self::File(place), value) => {
                let mut text = place.to_string();
                if let (Some(key), Some(value)) = (&place.key, value) {
                    text.push_str(&format!(": {key} = {value}"));
                } else if let Some(key) = &place.key {
                    text.push_str(&format!(": {key}"));
                }
                text
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with(None))
    }
}

impl fmt::Display for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

fn cut(value: &str) -> String {
    let line = value.lines().next().unwrap_or_default();
    let mut cut: String = line.chars().take(VALUE_CHARS_MAX).collect();
    if cut.len() < value.len() {
        cut.push('…');
    }
    cut
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it is wrong with: a place, with the value where that may be shown.
    pub subject: String,
    /// The reason, and what to do.
    pub reason: String,
}

impl Problem {
    /// A value cannot be used.
    #[must_use]
    pub fn of_value(place: &Place, value: &str, shown: Shown, reason: String) -> Self {
        let value = (shown == Shown::Value).then_some(value);
        Self {
            subject: place.with(value),
            reason,
        }
    }

    /// Something else is wrong there.
    #[must_use]
    pub fn at(place: &Place, reason: impl Into<String>) -> Self {
        Self {
            subject: place.to_string(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)
    }
}

/// Everything that is wrong; at least one thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.0.as_slice() {
            return problem.fmt(f);
        }
        write!(f, "{} settings cannot be used", self.0.len())?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

/// A key that a later version enforces.
#[derive(Debug)]
pub struct LaterKey {
    /// Its name.
    pub name: &'static str,
    /// Why it is refused.
    pub reason: &'static str,
}

/// Why a variable is refused that is no setting.
#[must_use]
pub fn no_such_variable<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(key, known) {
        Some(key) => format!(
            "there is no such setting; did you mean {}?",
            variable_of(key)
        ),
        None => "there is no such setting".to_owned(),
    }
}

/// Why a key of the file is refused that is no setting.
#[must_use]
pub fn no_such_key<'a>(key: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(key, known.clone()) {
        Some(key) => format!("there is no such key; did you mean `{key}`?"),
        None => {
            let known: Vec<&str> = known.collect();
            format!("there is no such key; there are {}", known.join(", "))
        }
    }
}
