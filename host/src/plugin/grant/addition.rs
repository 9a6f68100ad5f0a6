//! What is added to a grant file for what a plugin wants: lines, put where they count.
//!
//! Nothing that is written there is changed or removed, comments included.

use super::http::{HttpGrant, REQUESTS, RESPONSE_MAX, TIMEOUT, WRITES_PER_HOUR};
use crate::outgoing::Form;
use crate::outgoing::address::Reach;
use crate::outgoing::host::{HostPattern, Scheme};
use crate::outgoing::path::PathGlob;
use crate::secret::SecretRef;
use crate::visible::{told, visible};
use hyper::Method;
use hyper::header::HeaderName;
use toml::Value;

/// Something that could be added to a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addition {
    /// A `[[http]]` entry.
    Entry(Box<NewEntry>),
    /// A setting of `[config]`.
    Setting {
        /// Its name.
        key: String,
        /// What it is set to.
        value: String,
    },
    /// `[state]`.
    State {
        /// What the plugin keeps there.
        label: String,
    },
}

/// A `[[http]]` entry to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its host, in the one form in which hosts are compared.
    pub host: HostPattern,
    /// Its port, if that is said.
    pub port: Option<u16>,
    /// Its methods.
    pub methods: Vec<Method>,
    /// Its paths; all if there are none.
    pub paths: Vec<PathGlob>,
    /// The credential that the plugin wishes for, in its words.
    pub credential: Option<String>,
    /// What it is for, in the plugin's words.
    pub reason: String,
    /// The host as the plugin wrote it.
    pub wanted: String,
    /// The entry that the grant has for this host: the new one is as near, and bound as closely.
    pub like: Option<HttpGrant>,
}

impl NewEntry {
    /// Where its credential is read, if it wishes for one: where that of the host is read already; else, for the Hub,
    /// where the Hub's own tools have it; else a variable that is named after the host.
    #[must_use]
    pub fn place(&self) -> SecretRef {
        if let Some((.., place)) = self.given() {
            return place.clone();
        }
        let host = self.host.to_string();
        if host == "huggingface.co" || host.ends_with(".huggingface.co") {
            return SecretRef::Env("HF_TOKEN".to_owned());
        }
        let word = |c: char| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        };
        let name: String = host.chars().map(word).collect();
        SecretRef::Env(format!("TOKEN_OF_{name}"))
    }

    /// The host, and the port where it is not the scheme's own.
    #[must_use]
    pub fn name(&self) -> String {
        let scheme = self
            .like
            .as_ref()
            .map_or(Scheme::Https, |like| like.entry().scheme);
        match self.port {
            Some(port) if port != scheme.port() => format!("{}:{port}", self.host),
            Some(_) | None => self.host.to_string(),
        }
    }

    fn plainly(&self) -> String {
        let paths = match joined(self.paths.iter()) {
            none if none.is_empty() => "any path".to_owned(),
            paths => paths,
        };
        let (name, methods) = (self.name(), joined(self.methods.iter()));
        let odd = !self.wanted.eq_ignore_ascii_case(&name);
        let odd = odd.then(|| format!(" (which it writes `{}`)", told(&self.wanted)));
        let like = self.like.as_ref().map(HttpGrant::entry);
        let private = like.is_some_and(|like| like.reach == Reach::Private);
        let plain = like.is_some_and(|like| like.scheme == Scheme::Http);
        let by_body = self.credential.is_some() && bounds_nothing_in_bodies(&self.paths);
        format!(
            "call {name}{}: {methods} of {paths}{}{}{}{}",
            odd.unwrap_or_default(),
            if private {
                ", also in your own network"
            } else {
                ""
            },
            if plain { ", in plain text" } else { "" },
            if self.credential.is_some() {
                ", with a credential of yours that it never sees"
            } else {
                ""
            },
            if by_body {
                "; it may create and delete any repo that the credential may, for such calls name theirs in the body, \
                 which no path bounds"
            } else {
                ""
            },
        )
    }

    fn lines(&self, place: Option<&SecretRef>) -> Vec<String> {
        let mut lines = comment(&self.reason);
        lines.push("[[http]]".to_owned());
        lines.push(format!("host = {}", quoted(&self.name())));
        lines.push(format!("methods = [{}]", all_quoted(&self.methods)));
        if !self.paths.is_empty() {
            lines.push(format!("paths = [{}]", all_quoted(&self.paths)));
        } else if self.credential.is_some() {
            // Said, because a credential goes nowhere else.
            lines.push("paths = [\"/**\"]".to_owned());
        }
        if let Some(wish) = &self.credential {
            let place = place.map_or_else(|| self.place().to_string(), ToString::to_string);
            let place = quoted(&place);
            let line = match self.given() {
                Some((header, Form::Raw, _)) => {
                    let name = quoted(header.as_str());
                    format!("header = {{ name = {name}, value = {place} }}")
                }
                Some((_, Form::Bearer, _)) | None => format!("bearer = {place}"),
            };
            let wish = told(wish);
            let wish = (!wish.is_empty()).then(|| format!("   # wished for: {wish}"));
            lines.push(format!("{line}{}", wish.unwrap_or_default()));
        }
        lines.extend(self.like.iter().flat_map(bounds));
        lines
    }

    /// The credential that the grant gives for this host.
    fn given(&self) -> Option<(&HeaderName, Form, &SecretRef)> {
        self.like.as_ref().and_then(HttpGrant::credential)
    }
}

/// Whether paths admit the Hub's calls that name their repo in the body: creating, deleting and moving repos. (hub
/// client, `create_repo`, `delete_repo`, `move_repo`)
#[must_use]
pub fn bounds_nothing_in_bodies(paths: &[PathGlob]) -> bool {
    let repos = PathGlob::parse("/api/repos/**");
    repos.is_ok_and(|repos| paths.is_empty() || paths.iter().any(|path| path.overlaps(&repos)))
}

/// How an entry is reached and bounded, where that is not the default.
fn bounds(grant: &HttpGrant) -> Vec<String> {
    let entry = grant.entry();
    let scheme = (entry.scheme != Scheme::Https).then(|| "scheme = \"http\"".to_owned());
    let private = (entry.reach == Reach::Private).then(|| "private = true".to_owned());
    let requests = entry.requests;
    let requests = (requests != REQUESTS).then(|| format!("requests = {requests}"));
    let writes = entry.writes_per_hour;
    let writes = (writes != WRITES_PER_HOUR).then(|| format!("writes-per-hour = {writes}"));
    let bytes = entry.response_bytes_max;
    let bytes = (bytes != RESPONSE_MAX.as_u64()).then(|| format!("response-max = \"{bytes}B\""));
    let timeout = humantime::format_duration(entry.timeout);
    let timeout = (entry.timeout != TIMEOUT).then(|| format!("timeout = \"{timeout}\""));
    let lines = [scheme, private, requests, writes, bytes, timeout];
    lines.into_iter().flatten().collect()
}

impl Addition {
    /// What a plugin may do with it, after "it may".
    #[must_use]
    pub fn plainly(&self) -> String {
        match self {
            Self::Entry(entry) => entry.plainly(),
            Self::Setting { key, .. } => format!("be told `{}`", told(key)),
            Self::State { label } => format!("keep something between its runs ({})", told(label)),
        }
    }

    /// The lines, with the credential read at this place, if it has one.
    #[must_use]
    pub fn lines(&self, place: Option<&SecretRef>) -> Vec<String> {
        match self {
            Self::Entry(entry) => entry.lines(place),
            Self::Setting { key, value } => vec![
                "[config]".to_owned(),
                format!("{} = {}", bare(key), quoted(value)),
            ],
            Self::State { label } => {
                let mut lines = comment(label);
                lines.push("[state]".to_owned());
                lines
            }
        }
    }

    /// The grant's text with the lines in it, if it says what it said and that besides, and nothing else.
    #[must_use]
    pub fn added_to(&self, text: &str, place: Option<&SecretRef>) -> Option<String> {
        let mut lines = self.lines(place);
        let alone = lines.join("\n");
        let at = match self {
            // The first entry that fits counts, so the new one stands before that of its host.
            Self::Entry(entry) => match &entry.like {
                Some(like) => Some(begin_of_entry(text, like.entry().line)?),
                None => None,
            },
            Self::Setting { .. } => {
                let header = lines_of(text).find(|(_, line)| is_header(line, "[", "config", "]"));
                header.map(|(at, line)| {
                    lines.remove(0);
                    at + line.len()
                })
            }
            Self::State { .. } => None,
        };
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let (before, after) = text.split_at_checked(at.unwrap_or(text.len()))?;
        let mut added = before.to_owned();
        if !before.is_empty() && !before.ends_with('\n') {
            added.push_str(end);
        }
        let is_table = !matches!(self, Self::Setting { .. }) || at.is_none();
        if at.is_none()
            && is_table
            && !before.trim_end_matches(['\r', '\n']).is_empty()
            && !is_blank_at_end(before)
        {
            added.push_str(end);
        }
        for line in &lines {
            added.push_str(line);
            added.push_str(end);
        }
        if is_table && at.is_some() {
            added.push_str(end);
        }
        added.push_str(after);
        says_nothing_else(text, &added, &alone).then_some(added)
    }
}

/// Whether a grant says what it said before, and what stands alone there, and nothing else: what a plugin says of
/// itself is in what is added, and an operator's texts may look like anything.
fn says_nothing_else(before: &str, after: &str, alone: &str) -> bool {
    let [Ok(before), Ok(after), Ok(alone)] =
        [before, after, alone].map(|text| text.parse::<toml::Table>())
    else {
        return false;
    };
    let mut added = alone.into_iter();
    let (Some((key, new)), None) = (added.next(), added.next()) else {
        return false;
    };
    let with = |value: Value| {
        let mut table = before.clone();
        table.insert(key.clone(), value);
        table == after
    };
    match (before.get(&key), new) {
        (None, new) => with(new),
        (Some(Value::Array(old)), Value::Array(new)) => (0..=old.len()).any(|at| {
            let mut list = old.clone();
            list.splice(at..at, new.iter().cloned());
            with(Value::Array(list))
        }),
        (Some(Value::Table(old)), Value::Table(new)) => {
            let mut table = old.clone();
            let is_new = new.keys().all(|key| !old.contains_key(key));
            table.extend(new);
            is_new && with(Value::Table(table))
        }
        _ => false,
    }
}

/// Where the entry of this line (from 1) begins, with the comments above it.
fn begin_of_entry(text: &str, line: usize) -> Option<usize> {
    let above: Vec<(usize, &str)> = lines_of(text).take(line).collect();
    let header = above
        .iter()
        .rposition(|(_, line)| is_header(line, "[[", "http", "]]"))?;
    let comments = (above.get(..header)?.iter().rev())
        .take_while(|(_, line)| line.trim_start().starts_with('#'));
    above.get(header - comments.count()).map(|(at, _)| *at)
}

/// The lines of a text with their ends, and where each begins.
fn lines_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let begin = *at;
        *at += line.len();
        Some((begin, line))
    })
}

fn is_blank_at_end(text: &str) -> bool {
    lines_of(text)
        .last()
        .is_some_and(|(_, line)| line.trim().is_empty())
}

/// Whether a line is the header of a table (TOML 1.0, "Table").
fn is_header(line: &str, open: &str, name: &str, close: &str) -> bool {
    let line = line.trim_start_matches('\u{feff}').trim_start();
    let header = line
        .strip_prefix(open)
        .and_then(|rest| rest.split_once(close));
    header.is_some_and(|(found, _)| found.trim().trim_matches(['"', '\'']) == name)
}

/// What a plugin says, as a comment that is marked as its own.
fn comment(words: &str) -> Vec<String> {
    let words = told(words);
    let line = (!words.is_empty()).then(|| format!("# wanted by the plugin: {words}"));
    line.into_iter().collect()
}

fn joined(parts: impl Iterator<Item = impl ToString>) -> String {
    let parts: Vec<String> = parts.map(|part| part.to_string()).collect();
    parts.join(", ")
}

fn all_quoted(parts: &[impl ToString]) -> String {
    joined(parts.iter().map(|part| quoted(&part.to_string())))
}

/// A key as TOML wants it: in quotes unless it is made of letters, digits, `-` and `_`.
fn bare(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.bytes().all(plain) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// A text as a basic string of TOML, of which nothing can be mistaken for something else: not by a parser, and not by
/// whoever sees it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if visible(&String::from(c)) == String::from(c) => quoted.push(c),
            c => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
#[path = "addition_tests.rs"]
mod tests;
