//! What a check found.

use crate::cli::output;
use owo_colors::OwoColorize as _;
use serde::Serialize;
use std::fmt;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A host would not start, or a plugin would not run.
    Error,
    /// They would, but probably not as meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// One thing that was found.
#[derive(Debug, Serialize)]
pub struct Finding {
    level: Level,
    subject: String,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Level::Error => write!(f, "{}", "error:".red().bold()),
            Level::Warning => write!(f, "{}", "warning:".yellow().bold()),
            Level::Note => write!(f, "note:"),
        }?;
        let (subject, message) = (
            output::one_line(&self.subject),
            output::visible(&self.message),
        );
        write!(f, " {subject}: {message}")
    }
}

/// Everything that was found, in the order in which it was looked for.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// A host would not start, or a plugin would not run.
    pub fn error(&mut self, subject: impl fmt::Display, message: impl fmt::Display) {
        self.add(Level::Error, &subject, &message);
    }

    /// They would, but probably not as meant.
    pub fn warning(&mut self, subject: impl fmt::Display, message: impl fmt::Display) {
        self.add(Level::Warning, &subject, &message);
    }

    /// Worth knowing.
    pub fn note(&mut self, subject: impl fmt::Display, message: impl fmt::Display) {
        self.add(Level::Note, &subject, &message);
    }

    fn add(&mut self, level: Level, subject: &dyn fmt::Display, message: &dyn fmt::Display) {
        let subject = subject.to_string();
        // Errors name what they are about first.
        let message = message.to_string();
        let message = message
            .strip_prefix(&format!("{subject}: "))
            .unwrap_or(&message)
            .to_owned();
        self.0.push(Finding {
            level,
            subject,
            message,
        });
    }

    /// All of them.
    pub fn all(&self) -> &[Finding] {
        &self.0
    }

    /// How many there are of a level.
    pub fn count(&self, level: Level) -> usize {
        self.0
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    }

    /// Whether a host would start and every plugin would run.
    pub fn ok(&self) -> bool {
        self.count(Level::Error) == 0
    }
}
