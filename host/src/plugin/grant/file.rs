//! A grant file as it is written; what it means is read from this.

use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct GrantFile {
    pub fuel: Option<Spanned<i64>>,
    pub memory: Option<Spanned<String>>,
    pub timeout: Option<Spanned<String>>,
    pub concurrency: Option<Spanned<i64>>,
    pub retry: Option<Spanned<RetryTable>>,
    pub order: Option<Spanned<String>>,
    pub debounce: Option<Spanned<DebounceTable>>,
    pub rate: Option<RateTable>,
    pub secret: Option<Spanned<String>>,
    pub digest: Option<Spanned<String>>,
    pub r#match: Option<MatchTable>,
    pub state: Option<StateTable>,
    pub http: Option<Vec<Spanned<HttpTable>>>,
}

#[derive(Deserialize)]
pub(super) struct RetryTable {
    pub attempts: Option<Spanned<i64>>,
    pub first: Option<Spanned<String>>,
    pub factor: Option<f64>,
    pub max: Option<Spanned<String>>,
}

#[derive(Deserialize)]
pub(super) struct DebounceTable {
    pub by: Option<Spanned<String>>,
    pub quiet: Option<Spanned<String>>,
    pub max: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RateTable {
    pub per_discussion: Option<Spanned<i64>>,
    pub per_repo: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct MatchTable {
    pub repo: Option<Vec<Spanned<String>>>,
    pub types: Option<Vec<String>>,
    pub refs: Option<Vec<Spanned<String>>>,
    pub ignore_authors: Option<BTreeSet<String>>,
    pub ignore_own: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct StateTable {
    pub bytes: Option<Spanned<String>>,
    pub keys: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct HttpTable {
    pub host: Option<Spanned<String>>,
    pub methods: Option<Spanned<Vec<Spanned<String>>>>,
    pub paths: Option<Spanned<Vec<Spanned<String>>>>,
    pub bearer: Option<Spanned<String>>,
    pub header: Option<Spanned<HeaderTable>>,
    pub scheme: Option<Spanned<String>>,
    pub private: Option<bool>,
    pub requests: Option<Spanned<i64>>,
    pub writes_per_hour: Option<Spanned<i64>>,
    pub response_max: Option<Spanned<String>>,
    pub timeout: Option<Spanned<String>>,
}

#[derive(Deserialize)]
pub(super) struct HeaderTable {
    pub name: Option<Spanned<String>>,
    pub value: Option<Spanned<String>>,
}
