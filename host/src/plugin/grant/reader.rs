//! Reads the values of a grant file; every error names its line.

use super::file::{DebounceTable, RateTable, RetryTable};
use super::{GrantError, KEYS, memory_bytes};
use crate::backoff::{DELAY_MAX, RetrySchedule};
use crate::rule::{Debounce, DebounceBy, Order, Rate};
use crate::spelling::nearest;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::time::Duration;
use toml::Spanned;
use toml::de::DeTable;

/// How long no further event must come where `debounce` does not say.
const DEBOUNCE_QUIET: Duration = Duration::from_secs(30);

/// How long the first event is waited with at most where `debounce` does not say.
const DEBOUNCE_MAX: Duration = Duration::from_secs(5 * 60);

/// The most runs an hour that a grant may allow.
const RATE_MAX: u64 = 1_000_000;

/// Knows the text, so that every error can name its line.
pub(super) struct Reader<'a> {
    pub text: &'a str,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    pub fn at<T>(&self, value: &Spanned<T>, reason: String) -> GrantError {
        GrantError {
            line: self.line_of(value),
            reason,
        }
    }

    /// The line on which a value begins.
    pub fn line_of<T>(&self, value: &Spanned<T>) -> usize {
        self.line(value.span().start)
    }

    pub fn toml_error(&self, error: &toml::de::Error) -> GrantError {
        GrantError {
            line: error.span().map_or(1, |span| self.line(span.start)),
            reason: error.message().to_owned(),
        }
    }

    pub fn check_keys(&self, table_name: &str, table: &DeTable<'_>) -> Result<(), GrantError> {
        for (key, value) in table {
            let name: &str = key.get_ref();
            let shown = if table_name.is_empty() {
                name.to_owned()
            } else {
                format!("{table_name}.{name}")
            };
            let known = keys_of(table_name);
            if !known.contains(&name) {
                return Err(self.at(key, unknown_key(&shown, name, known)));
            }
            let inner = value.get_ref();
            // What is no table is told as that when it is read.
            if keys_of(&shown).is_empty() {
                continue;
            }
            if let Some(table) = inner.as_table() {
                self.check_keys(&shown, table)?;
            }
            for table in inner.as_array().into_iter().flat_map(|array| array.iter()) {
                if let Some(table) = table.get_ref().as_table() {
                    self.check_keys(&shown, table)?;
                }
            }
        }
        Ok(())
    }

    pub fn within(
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

    pub fn duration(&self, key: &str, value: &Spanned<String>) -> Result<Duration, GrantError> {
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

    pub fn digest(&self, value: &Spanned<String>) -> Result<String, GrantError> {
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

    pub fn memory(&self, value: &Spanned<String>, max: usize) -> Result<usize, GrantError> {
        memory_bytes(value.get_ref(), max)
            .map_err(|reason| self.at(value, format!("memory: {reason}")))
    }

    pub fn retry(&self, table: &Spanned<RetryTable>) -> Result<RetrySchedule, GrantError> {
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

    pub fn order(&self, value: &Spanned<String>) -> Result<Order, GrantError> {
        match value.get_ref().as_str() {
            "none" => Ok(Order::None),
            "repo" => Ok(Order::Repo),
            other => Err(self.at(
                value,
                format!("order: `{other}` is not an order; write `none` or `repo`"),
            )),
        }
    }

    pub fn debounce(&self, table: &Spanned<DebounceTable>) -> Result<Debounce, GrantError> {
        let debounce = table.get_ref();
        let by = debounce.by.as_ref().ok_or_else(|| {
            let reason =
                "debounce: `by` is missing; write `by = \"repo\"` or `by = \"discussion\"`";
            self.at(table, reason.to_owned())
        })?;
        let time = |key, value: &Option<Spanned<String>>, default| match value {
            Some(value) => self.duration(key, value),
            None => Ok(default),
        };
        let rule = Debounce {
            by: match by.get_ref().as_str() {
                "repo" => DebounceBy::Repo,
                "discussion" => DebounceBy::Discussion,
                other => {
                    let reason = format!(
                        "debounce.by: events are not told apart by `{other}`; write `repo` or `discussion`"
                    );
                    return Err(self.at(by, reason));
                }
            },
            quiet: time("debounce.quiet", &debounce.quiet, DEBOUNCE_QUIET)?,
            max: time("debounce.max", &debounce.max, DEBOUNCE_MAX)?,
        };
        if rule.quiet > rule.max {
            let reason = format!(
                "debounce.quiet ({}) is longer than debounce.max ({})",
                humantime::format_duration(rule.quiet),
                humantime::format_duration(rule.max)
            );
            return Err(self.at(table, reason));
        }
        Ok(rule)
    }

    pub fn rate(&self, table: &RateTable) -> Result<Rate, GrantError> {
        let mut rate = Rate::default();
        for (key, value, runs) in [
            (
                "rate.per-discussion",
                &table.per_discussion,
                &mut rate.per_discussion,
            ),
            ("rate.per-repo", &table.per_repo, &mut rate.per_repo),
        ] {
            if let Some(value) = value {
                let read = self.within(key, value, 1, RATE_MAX)?;
                *runs = u32::try_from(read).unwrap_or(u32::MAX);
            }
        }
        Ok(rate)
    }

    pub fn globs(&self, key: &str, globs: &[Spanned<String>]) -> Result<GlobSet, GrantError> {
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

fn keys_of(name: &str) -> &'static [&'static str] {
    KEYS.iter()
        .find(|(table, _)| *table == name)
        .map_or(&[], |(_, keys)| keys)
}

fn unknown_key(shown: &str, key: &str, known: &[&str]) -> String {
    match nearest(key, known.iter().copied()) {
        Some(nearest) => format!("`{shown}` is not a key; did you mean `{nearest}`?"),
        None => format!("`{shown}` is not a key; there are {}", known.join(", ")),
    }
}
