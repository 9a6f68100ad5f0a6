//! What an operator gives a plugin: the file `NAME.toml` beside `NAME.wasm`.
//!
//! Every key is either enforced or refused by name, never ignored. A mistake is told with its line, and with the
//! nearest key where one was misspelt.

pub mod addition;
mod config;
mod file;
mod http;
mod matcher;
mod reader;
mod state;

pub use http::{HttpGrant, rules};
pub use matcher::{Matcher, OwnEvents};
pub use state::StateGrant;

use crate::backoff::RetrySchedule;
use crate::plugin::sandbox::Limits;
use crate::rule::Rules;
use crate::secret::SecretRef;
use file::GrantFile;
use reader::Reader;
use std::sync::Arc;
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
            "order",
            "debounce",
            "rate",
            "secret",
            "digest",
            "match",
            "config",
            "state",
            "http",
        ],
    ),
    ("retry", &["attempts", "first", "factor", "max"]),
    ("debounce", &["by", "quiet", "max"]),
    ("rate", &["per-discussion", "per-repo"]),
    (
        "match",
        &["repo", "types", "refs", "ignore-authors", "ignore-own"],
    ),
    ("state", &["bytes", "keys"]),
    (
        "http",
        &[
            "host",
            "methods",
            "paths",
            "bearer",
            "header",
            "scheme",
            "private",
            "requests",
            "writes-per-hour",
            "response-max",
            "timeout",
        ],
    ),
    ("http.header", &["name", "value"]),
];

/// The table whose keys are the operator's own.
const FREE_KEYS: &str = "config";

/// What a plugin may use, when it runs, and for which events.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Fuel, memory and time of an attempt.
    pub limits: Limits,
    /// Attempts of this plugin at once.
    pub concurrency: usize,
    /// When to try again.
    pub retry: RetrySchedule,
    /// How its runs follow each other.
    pub rules: Rules,
    /// Which secret opens `/webhooks/NAME`, in place of the host's.
    pub secret: Option<SecretRef>,
    /// The digest of the only component that may run: `sha256:` and 64 hex digits.
    pub digest: Option<String>,
    /// Which of the events that it subscribes to it gets.
    pub matcher: Matcher,
    /// What it is configured with: names and values, by name.
    pub config: Arc<[(String, String)]>,
    /// How much state of its own it may have; `None` for none at all.
    pub state: Option<StateGrant>,
    /// Which hosts it may call; none by default.
    pub http: Vec<HttpGrant>,
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
            rules: Rules::default(),
            secret: None,
            digest: None,
            matcher: Matcher::default(),
            config: Arc::default(),
            state: None,
            http: Vec::new(),
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

    /// Why a component of this digest may not run, if another is pinned.
    #[must_use]
    pub fn unpinned(&self, digest: &str) -> Option<String> {
        let pinned = self.digest.as_ref()?;
        (pinned != digest).then(|| {
            format!("digest: the grant pins {pinned}, the file is {digest}; put the pinned file here or change the grant")
        })
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
        if let Some(order) = file.order {
            grant.rules.order = reader.order(&order)?;
        }
        if let Some(debounce) = file.debounce {
            grant.rules.debounce = Some(reader.debounce(&debounce)?);
        }
        if let Some(rate) = file.rate {
            grant.rules.rate = reader.rate(&rate)?;
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
                own: match matcher.ignore_own {
                    Some(false) => OwnEvents::Pass,
                    Some(true) | None => OwnEvents::Ignored,
                },
            };
        }
        if let Some(config) = table.get_ref().get(FREE_KEYS) {
            grant.config = reader.config(config)?;
        }
        if let Some(state) = file.state {
            grant.state = Some(reader.state(&state)?);
        }
        if let Some(http) = file.http {
            grant.http = reader.http(&http)?;
        }
        Ok(grant)
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

#[cfg(test)]
#[path = "grant_tests.rs"]
mod tests;
