//! What a request's query asks for. What is not known is an error, so that a misspelt filter does not show everything.

use crate::admin::answer::Failure;
use crate::clock::read_since;
use crate::delivery::{DeliveryId, DeliveryState, RunId, RunState};
use crate::ledger::{DeliveryFilter, RunFilter};
use axum::extract::FromRequestParts;
use hyper::http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// How many of a list are shown unless asked for.
const LIMIT: usize = 50;

/// The most of a list in one answer.
const LIMIT_MAX: usize = 500;

/// The longest value of a filter, in bytes.
const VALUE_BYTES_MAX: usize = 512;

/// The query of a request, or why it cannot be used.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(error) => {
                let text = error.body_text();
                let reason = text.rsplit("query string: ").next().unwrap_or_default();
                Err(Failure::bad(format!("the query cannot be used: {reason}")))
            }
        }
    }
}

/// A query that asks for nothing in particular.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Which deliveries.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryQuery {
    limit: Option<String>,
    before: Option<String>,
    state: Option<String>,
    plugin: Option<String>,
    run_state: Option<String>,
    scope: Option<String>,
    repo: Option<String>,
    since: Option<String>,
}

/// Which runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunQuery {
    limit: Option<String>,
    before: Option<String>,
    state: Option<String>,
    plugin: Option<String>,
}

/// How many.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitQuery {
    limit: Option<String>,
}

impl DeliveryQuery {
    /// What to ask the ledger for: the filter, and what comes before what is asked for.
    pub fn read(&self) -> Result<(DeliveryFilter, Option<DeliveryId>), Failure> {
        let filter = DeliveryFilter {
            limit: Some(limit(self.limit.as_deref())?),
            state: word(
                "state",
                &self.state,
                DeliveryState::from_word,
                DeliveryState::ALL,
            )?,
            plugin: value("plugin", &self.plugin)?,
            run_state: word(
                "run_state",
                &self.run_state,
                RunState::from_word,
                RunState::ALL,
            )?,
            scope: value("scope", &self.scope)?,
            repo: value("repo", &self.repo)?,
            since_ms: since(self.since.as_deref())?,
        };
        Ok((filter, id(self.before.as_deref())?))
    }

    /// The same query for what comes before an id.
    #[must_use]
    pub fn next(&self, before: &str) -> String {
        written(&[
            ("limit", self.limit.as_deref()),
            ("state", self.state.as_deref()),
            ("plugin", self.plugin.as_deref()),
            ("run_state", self.run_state.as_deref()),
            ("scope", self.scope.as_deref()),
            ("repo", self.repo.as_deref()),
            ("since", self.since.as_deref()),
            ("before", Some(before)),
        ])
    }

    /// The state that is asked for, as it was written.
    #[must_use]
    pub fn state(&self) -> &str {
        self.state.as_deref().unwrap_or_default()
    }

    /// The plugin that is asked for.
    #[must_use]
    pub fn plugin(&self) -> &str {
        self.plugin.as_deref().unwrap_or_default()
    }
}

impl RunQuery {
    /// What to ask the ledger for: the filter, how many, and what comes before them.
    pub fn read(&self) -> Result<(RunFilter, usize, Option<RunId>), Failure> {
        let filter = RunFilter {
            plugin: value("plugin", &self.plugin)?,
            state: word("state", &self.state, RunState::from_word, RunState::ALL)?,
        };
        let limit = limit(self.limit.as_deref())?;
        Ok((filter, limit, id(self.before.as_deref())?))
    }

    /// The same query for what comes before an id.
    #[must_use]
    pub fn next(&self, before: &str) -> String {
        written(&[
            ("limit", self.limit.as_deref()),
            ("state", self.state.as_deref()),
            ("plugin", self.plugin.as_deref()),
            ("before", Some(before)),
        ])
    }
}

impl LimitQuery {
    /// How many.
    pub fn read(&self) -> Result<usize, Failure> {
        limit(self.limit.as_deref())
    }
}

/// The token in a query or a form: `Some(None)` if it is there and cannot be one.
#[must_use]
pub fn token(query: Option<&str>) -> Option<Option<String>> {
    let mut sent = query?
        .split('&')
        .filter_map(|pair| match pair.split_once('=') {
            Some(("token", value)) => Some(value),
            None if pair == "token" => Some(""),
            _ => None,
        });
    let first = sent.next()?;
    if sent.next().is_some() {
        return Some(None);
    }
    let decoded = percent_decode_str(first).decode_utf8().ok();
    Some(decoded.map(|token| token.trim().to_owned()))
}

/// Pairs as a query; those without a value are left out.
#[must_use]
pub fn written(pairs: &[(&str, Option<&str>)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    pairs.join("&")
}

fn limit(text: Option<&str>) -> Result<usize, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(LIMIT);
    };
    let limit = text
        .parse()
        .ok()
        .filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| Failure::bad(format!("limit: not a number in 1..={LIMIT_MAX}")))
}

/// A form sends what was left empty: that is nothing.
fn value(name: &str, value: &Option<String>) -> Result<Option<String>, Failure> {
    match value {
        Some(value) if value.len() > VALUE_BYTES_MAX => Err(Failure::bad(format!(
            "{name}: longer than {VALUE_BYTES_MAX} bytes"
        ))),
        value => Ok(value.clone().filter(|value| !value.is_empty())),
    }
}

fn word<T: ToString>(
    name: &str,
    text: &Option<String>,
    from_word: fn(&str) -> Option<T>,
    all: &[T],
) -> Result<Option<T>, Failure> {
    let Some(text) = text.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    from_word(text).map(Some).ok_or_else(|| {
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        Failure::bad(format!("{name}: not one of {}", all.join(", ")))
    })
}

fn since(text: Option<&str>) -> Result<Option<u64>, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    read_since(text).map(Some).ok_or_else(|| {
        Failure::bad(
            "since: neither a duration such as 12h or 7d nor a time such as 2026-08-28T09:30:00Z",
        )
    })
}

fn id<T: FromStr>(text: Option<&str>) -> Result<Option<T>, Failure> {
    text.filter(|text| !text.is_empty())
        .map(str::parse)
        .transpose()
        .map_err(|_| Failure::bad("before: not an id; use the address in the `Link` header"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_a_query_once() {
        let read = |query| token(query).map(Option::unwrap_or_default);
        assert_eq!(token(None), None);
        assert_eq!(token(Some("state=dead")), None);
        assert_eq!(read(Some("token=abc")).as_deref(), Some("abc"));
        assert_eq!(read(Some("a=b&token=a%2Bc")).as_deref(), Some("a+c"));
        assert_eq!(token(Some("token=abc&token=abc")), Some(None));
        assert_eq!(token(Some("token=%ff")), Some(None));
        assert_eq!(read(Some("token")).as_deref(), Some(""));
    }

    #[test]
    fn a_query_is_written_as_it_is_read() {
        let query = written(&[("a", Some("x y&z")), ("b", None), ("c", Some(""))]);
        assert_eq!(query, "a=x%20y%26z");
    }
}
