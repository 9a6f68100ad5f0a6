//! What an operator gives a plugin: the file `NAME.toml` beside `NAME.wasm`.
//!
//! Every key is either enforced or refused by name, never ignored. A mistake is told with its line, and with the
//! nearest key where one was misspelt.

use crate::backoff::{DELAY_MAX, RetrySchedule};
use crate::event::Event;
use crate::plugin::sandbox::Limits;
use crate::secret::SecretRef;
use crate::spelling::nearest;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeTable;

/// The largest grant file, in bytes.
pub const GRANT_BYTES_MAX: u64 = 256 * 1024;

/// The most fuel that a grant may give.
pub const FUEL_MAX: u64 = 1_000_000_000_000;

/// The least memory that a grant may give, in bytes: one page of WebAssembly.
const MEMORY_BYTES_MIN: usize = 64 * 1024;

/// The keys that are enforced, by table.
const KEYS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "fuel",
            "memory",
            "timeout",
            "concurrency",
            "retry",
            "secret",
            "digest",
            "match",
        ],
    ),
    ("retry", &["attempts", "first", "factor", "max"]),
    ("match", &["repo", "types", "refs", "ignore-authors"]),
];

/// Keys that a later version enforces, by table.
const LATER_KEYS: &[(&str, &[&str])] = &[
    (
        "",
        &["order", "debounce", "rate", "config", "http", "state"],
    ),
    ("match", &["ignore-own"]),
];

/// What a plugin may use, when it runs, and for which events.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Fuel, memory and time of an attempt.
    pub limits: Limits,
    /// Attempts of this plugin at once.
    pub concurrency: usize,
    /// When to try again.
    pub retry: RetrySchedule,
    /// Which secret opens `/webhooks/NAME`, in place of the host's.
    pub secret: Option<SecretRef>,
    /// The digest of the only component that may run: `sha256:` and 64 hex digits.
    pub digest: Option<String>,
    /// Which of the events that it subscribes to it gets.
    pub matcher: Matcher,
}

/// A grant and the text it was read from.
#[derive(Debug, Clone)]
pub struct WrittenGrant {
    /// The file's text; empty for the default grant.
    pub text: String,
    /// What it says.
    pub grant: Grant,
}

impl WrittenGrant {
    /// Reads the bytes of a grant file. `memory_bytes_max` is the host's bound on what a grant may give.
    ///
    /// # Errors
    /// What is wrong with it, with its line.
    pub fn parse(bytes: Vec<u8>, memory_bytes_max: usize) -> Result<Self, String> {
        let text = String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned())?;
        let grant = Grant::parse(&text, memory_bytes_max).map_err(|error| error.to_string())?;
        Ok(Self { text, grant })
    }

    /// Why this looks like the beginning of a file that was not written to its end (its disk is full, or its host was
    /// started meanwhile), given the grant before it. TOML cannot tell: what is cut between two lines is well formed.
    #[must_use]
    pub fn looks_cut_off(&self, before: &Self) -> Option<&'static str> {
        let narrows = |grant: &Grant| grant.secret.is_some() || grant.matcher.narrows();
        let drops = before.grant.secret.is_some() && self.grant.secret.is_none()
            || before.grant.matcher.narrows() && !self.grant.matcher.narrows();
        if self.text.trim().is_empty() && narrows(&before.grant) {
            return Some("it is empty; remove the file if the plugin is to have the default grant");
        }
        (drops && !self.text.ends_with('\n')).then_some(
            "it lacks `secret` or `match` and has no line break at its end, as if it were cut off; end it with one",
        )
    }

    /// The grant of a plugin without a file.
    #[must_use]
    pub fn default_within(memory_bytes_max: usize) -> Self {
        Self {
            text: String::new(),
            grant: Grant::within(memory_bytes_max),
        }
    }
}

impl Default for Grant {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            concurrency: 8,
            retry: RetrySchedule::default(),
            secret: None,
            digest: None,
            matcher: Matcher::default(),
        }
    }
}

/// Why a grant file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct GrantError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub reason: String,
}

impl Grant {
    /// The grant of a plugin without a file, on a host that gives at most so many bytes of memory.
    #[must_use]
    pub fn within(memory_bytes_max: usize) -> Self {
        let mut grant = Self::default();
        grant.limits.memory_bytes = grant.limits.memory_bytes.min(memory_bytes_max);
        grant
    }

    /// Reads a grant file. `memory_bytes_max` is the host's bound on what a grant may give.
    ///
    /// # Errors
    /// [`GrantError`] names the line, the key and what is wrong with it.
    pub fn parse(text: &str, memory_bytes_max: usize) -> Result<Self, GrantError> {
        let reader = Reader { text };
        let table = DeTable::parse(text).map_err(|error| reader.toml_error(&error))?;
        reader.check_keys("", table.get_ref())?;
        let file: GrantFile = toml::from_str(text).map_err(|error| reader.toml_error(&error))?;
        let mut grant = Self::within(memory_bytes_max);
        if let Some(fuel) = file.fuel {
            grant.limits.fuel = reader.within("fuel", &fuel, 1, FUEL_MAX)?;
        }
        if let Some(memory) = file.memory {
            grant.limits.memory_bytes = reader.memory(&memory, memory_bytes_max)?;
        }
        if let Some(timeout) = file.timeout {
            grant.limits.timeout = reader.duration("timeout", &timeout)?;
        }
        if let Some(concurrency) = file.concurrency {
            let attempts = reader.within("concurrency", &concurrency, 1, 1024)?;
            grant.concurrency = usize::try_from(attempts).unwrap_or(usize::MAX);
        }
        if let Some(retry) = file.retry {
            grant.retry = reader.retry(&retry)?;
        }
        if let Some(secret) = file.secret {
            let parsed = secret.get_ref().parse();
            grant.secret =
                Some(parsed.map_err(|error| reader.at(&secret, format!("secret: {error}")))?);
        }
        if let Some(digest) = file.digest {
            grant.digest = Some(reader.digest(&digest)?);
        }
        if let Some(matcher) = file.r#match {
            let globs = matcher.repo.iter().flatten();
            grant.matcher = Matcher {
                repo_globs: globs.map(|glob| glob.get_ref().clone()).collect(),
                repo: matcher
                    .repo
                    .map(|globs| reader.globs("match.repo", &globs))
                    .transpose()?,
                refs: matcher
                    .refs
                    .map(|globs| reader.globs("match.refs", &globs))
                    .transpose()?,
                types: matcher
                    .types
                    .map(|types| types.into_iter().map(|word| word.to_lowercase()).collect()),
                ignore_authors: matcher.ignore_authors.unwrap_or_default(),
            };
        }
        Ok(grant)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct GrantFile {
    fuel: Option<Spanned<i64>>,
    memory: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    concurrency: Option<Spanned<i64>>,
    retry: Option<Spanned<RetryTable>>,
    secret: Option<Spanned<String>>,
    digest: Option<Spanned<String>>,
    r#match: Option<MatchTable>,
}

#[derive(Deserialize)]
struct RetryTable {
    attempts: Option<Spanned<i64>>,
    first: Option<Spanned<String>>,
    factor: Option<f64>,
    max: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct MatchTable {
    repo: Option<Vec<Spanned<String>>>,
    types: Option<Vec<String>>,
    refs: Option<Vec<Spanned<String>>>,
    ignore_authors: Option<BTreeSet<String>>,
}

/// Knows the text, so that every error can name its line.
struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    fn at<T>(&self, value: &Spanned<T>, reason: String) -> GrantError {
        GrantError {
            line: self.line(value.span().start),
            reason,
        }
    }

    fn toml_error(&self, error: &toml::de::Error) -> GrantError {
        GrantError {
            line: error.span().map_or(1, |span| self.line(span.start)),
            reason: error.message().to_owned(),
        }
    }

    fn check_keys(&self, table_name: &str, table: &DeTable<'_>) -> Result<(), GrantError> {
        for (key, value) in table {
            let name: &str = key.get_ref();
            let shown = if table_name.is_empty() {
                name.to_owned()
            } else {
                format!("{table_name}.{name}")
            };
            if keys_of(LATER_KEYS, table_name).contains(&name) {
                return Err(self.at(
                    key,
                    format!("`{shown}` is not enforced by this version of hookbox; remove it"),
                ));
            }
            let known = keys_of(KEYS, table_name);
            if !known.contains(&name) {
                return Err(self.at(key, unknown_key(&shown, name, known)));
            }
            if table_name.is_empty()
                && let Some(inner) = value.get_ref().as_table()
            {
                self.check_keys(name, inner)?;
            }
        }
        Ok(())
    }

    fn within(
        &self,
        key: &str,
        value: &Spanned<i64>,
        min: u64,
        max: u64,
    ) -> Result<u64, GrantError> {
        u64::try_from(*value.get_ref())
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| {
                self.at(
                    value,
                    format!("{key}: {} is not in {min}..={max}", value.get_ref()),
                )
            })
    }

    fn duration(&self, key: &str, value: &Spanned<String>) -> Result<Duration, GrantError> {
        let text = value.get_ref();
        let duration = humantime::parse_duration(text).map_err(|_| {
            self.at(
                value,
                format!("{key}: `{text}` is not a duration; write `10s`, `5m` or `1h`"),
            )
        })?;
        if duration.is_zero() || duration > DELAY_MAX {
            return Err(self.at(value, format!("{key}: `{text}` is not between 1ms and 24h")));
        }
        Ok(duration)
    }

    fn digest(&self, value: &Spanned<String>) -> Result<String, GrantError> {
        let text = value.get_ref().to_ascii_lowercase();
        let hash = text.strip_prefix("sha256:").unwrap_or_default();
        if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(text);
        }
        Err(self.at(
            value,
            "digest: not `sha256:` and 64 hex digits; 'hookbox inspect' shows a component's"
                .to_owned(),
        ))
    }

    fn memory(&self, value: &Spanned<String>, max: usize) -> Result<usize, GrantError> {
        memory_bytes(value.get_ref(), max)
            .map_err(|reason| self.at(value, format!("memory: {reason}")))
    }

    fn retry(&self, table: &Spanned<RetryTable>) -> Result<RetrySchedule, GrantError> {
        let mut schedule = RetrySchedule::default();
        let retry = table.get_ref();
        if let Some(attempts) = &retry.attempts {
            let attempts = self.within("retry.attempts", attempts, 1, 1000)?;
            schedule.attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        }
        if let Some(first) = &retry.first {
            schedule.first = self.duration("retry.first", first)?;
        }
        if let Some(max) = &retry.max {
            schedule.max = self.duration("retry.max", max)?;
        }
        if let Some(factor) = retry.factor {
            if !(1.0..=100.0).contains(&factor) {
                return Err(self.at(
                    table,
                    format!("retry.factor: {factor} is not between 1 and 100"),
                ));
            }
            schedule.factor = factor;
        }
        if schedule.first > schedule.max {
            return Err(self.at(
                table,
                format!(
                    "retry.first ({}) is longer than retry.max ({})",
                    humantime::format_duration(schedule.first),
                    humantime::format_duration(schedule.max)
                ),
            ));
        }
        Ok(schedule)
    }

    fn globs(&self, key: &str, globs: &[Spanned<String>]) -> Result<GlobSet, GrantError> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let built = GlobBuilder::new(glob.get_ref())
                .case_insensitive(true)
                .literal_separator(true)
                .build();
            set.add(built.map_err(|error| {
                self.at(
                    glob,
                    format!(
                        "{key}: `{}` is not a glob: {}",
                        glob.get_ref(),
                        error.kind()
                    ),
                )
            })?);
        }
        set.build().map_err(|error| GrantError {
            line: globs.first().map_or(1, |glob| self.line(glob.span().start)),
            reason: format!("{key}: {error}"),
        })
    }
}

/// Reads a limit on memory, of which the host gives at most `memory_bytes_max`.
///
/// # Errors
/// Why no grant may give so much, without the name of the key or flag.
pub fn memory_bytes(text: &str, memory_bytes_max: usize) -> Result<usize, String> {
    let bytes = text
        .parse::<bytesize::ByteSize>()
        .map_err(|_| format!("`{text}` is not a size; write `64MiB`"))?;
    usize::try_from(bytes.as_u64())
        .ok()
        .filter(|bytes| (MEMORY_BYTES_MIN..=memory_bytes_max).contains(bytes))
        .ok_or_else(|| {
            let max = u64::try_from(memory_bytes_max).unwrap_or(u64::MAX);
            let max = bytesize::ByteSize::b(max).display().iec();
            format!("`{text}` is not between 64KiB and {max}, the host's memory-max")
        })
}

fn keys_of(
    table: &'static [(&'static str, &'static [&'static str])],
    name: &str,
) -> &'static [&'static str] {
    table
        .iter()
        .find(|(table, _)| *table == name)
        .map_or(&[], |(_, keys)| keys)
}

fn unknown_key(shown: &str, key: &str, known: &[&str]) -> String {
    match nearest(key, known.iter().copied()) {
        Some(nearest) => format!("`{shown}` is not a key; did you mean `{nearest}`?"),
        None => format!("`{shown}` is not a key; there are {}", known.join(", ")),
    }
}

/// The grant's `[match]`: which of the events that a plugin subscribes to it gets.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    repo: Option<GlobSet>,
    repo_globs: Vec<String>,
    types: Option<BTreeSet<String>>,
    refs: Option<GlobSet>,
    ignore_authors: BTreeSet<String>,
}

impl Matcher {
    /// The globs of the repos that pass, as they were written; none if all do.
    #[must_use]
    pub fn repo_globs(&self) -> &[String] {
        &self.repo_globs
    }

    /// The types of the repos that pass, in lower case; `None` if all do.
    #[must_use]
    pub const fn types(&self) -> Option<&BTreeSet<String>> {
        self.types.as_ref()
    }

    /// Whether it keeps any event away.
    fn narrows(&self) -> bool {
        self.repo.is_some()
            || self.types.is_some()
            || self.refs.is_some()
            || !self.ignore_authors.is_empty()
    }

    /// Whether an event passes. `repo` and `types` need the field they ask of; on a move either name is enough;
    /// `refs` is asked only of events that carry refs, and one is enough.
    #[must_use]
    pub fn admits(&self, event: &Event) -> bool {
        let repo = event.repo.as_ref();
        let by_name = self.repo.as_ref().is_none_or(|globs| {
            let names = [
                repo.and_then(|repo| repo.name.as_deref()),
                event.moved_to.as_deref(),
            ];
            names.into_iter().flatten().any(|name| globs.is_match(name))
        });
        let by_type = self.types.as_ref().is_none_or(|types| {
            repo.and_then(|repo| repo.kind.as_ref())
                .is_some_and(|kind| types.contains(&kind.to_lowercase()))
        });
        let by_ref = self.refs.as_ref().is_none_or(|globs| {
            event.refs.is_empty() || event.refs.iter().any(|name| globs.is_match(name))
        });
        let by_author = author(event).is_none_or(|author| !self.ignore_authors.contains(author));
        by_name && by_type && by_ref && by_author
    }
}

/// Who caused an event, where the payload tells: nobody is named for pushes, merges or moves.
fn author(event: &Event) -> Option<&str> {
    if crate::scope::is_at_or_under(&event.scope, "discussion.comment") {
        event.comment_author_id.as_deref()
    } else if event.scope == "discussion" && event.action == "create" {
        event.discussion_author_id.as_deref()
    } else {
        None
    }
}

#[cfg(test)]
#[path = "grant_tests.rs"]
mod tests;
