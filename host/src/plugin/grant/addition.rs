//! What is added to a grant file for what a plugin wants: lines, put where they count.
//!
//! Nothing that is written there is changed or removed, comments included.

use super::http::{HttpGrant, REQUESTS, RESPONSE_MAX, TIMEOUT, WRITES_PER_HOUR};
use crate::outgoing::Form;
use crate::outgoing::address::Reach;
use crate::outgoing::host::Scheme;
use crate::outgoing::path::PathGlob;
use crate::secret::SecretRef;
use crate::visible::one_line;
use hyper::Method;
use hyper::header::HeaderName;

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
    /// `host` or `host:port`.
    pub host: String,
    /// Its methods; those of an entry that names none if there are none.
    pub methods: Vec<Method>,
    /// Its paths.
    pub paths: Vec<PathGlob>,
    /// The credential that the plugin wishes for, in its words.
    pub credential: Option<String>,
    /// What it is for, in the plugin's words.
    pub reason: String,
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
        let host = self.host.to_ascii_lowercase();
        let of_hub = host == "huggingface.co" || host.ends_with(".huggingface.co");
        if of_hub {
            return SecretRef::Env("HF_TOKEN".to_owned());
        }
        let name = host.split(':').next().unwrap_or_default();
        let word = |c: char| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        };
        let name: String = name.chars().map(word).collect();
        SecretRef::Env(format!("TOKEN_OF_{name}"))
    }

    /// What a plugin may do with it.
    #[must_use]
    pub fn plainly(&self) -> String {
        let methods: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        let methods = match methods.as_slice() {
            [] => "GET, HEAD".to_owned(),
            methods => methods.join(", "),
        };
        let paths: Vec<String> = self.paths.iter().map(ToString::to_string).collect();
        let paths = match paths.as_slice() {
            [] => "any path".to_owned(),
            paths => paths.join(", "),
        };
        let credential = self
            .credential
            .as_ref()
            .map_or("", |_| ", with a credential of yours that it never sees");
        format!("call {} ({methods} of {paths}){credential}", self.host)
    }

    fn lines(&self, place: Option<&SecretRef>) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.reason.is_empty() {
            lines.push(format!("# {}", one_line(&self.reason)));
        }
        lines.push("[[http]]".to_owned());
        lines.push(format!("host = {}", quoted(&self.host)));
        if !self.methods.is_empty() {
            let methods = self.methods.iter().map(|method| quoted(method.as_str()));
            lines.push(format!("methods = [{}]", joined(methods)));
        }
        let place = self.credential.as_ref().map(|wish| {
            let place = place.cloned().unwrap_or_else(|| self.place());
            (place, one_line(wish))
        });
        let mut paths: Vec<String> = self
            .paths
            .iter()
            .map(|path| quoted(&path.to_string()))
            .collect();
        if paths.is_empty() && place.is_some() {
            // Said, because a credential goes nowhere else.
            paths.push(quoted("/**"));
        }
        if !paths.is_empty() {
            lines.push(format!("paths = [{}]", joined(paths.into_iter())));
        }
        if let Some((place, wish)) = place {
            let place = quoted(&place.to_string());
            let line = match self.given() {
                Some((header, Form::Raw, _)) => {
                    let name = quoted(header.as_str());
                    format!("header = {{ name = {name}, value = {place} }}")
                }
                Some((_, Form::Bearer, _)) | None => format!("bearer = {place}"),
            };
            let comment = if wish.is_empty() {
                String::new()
            } else {
                format!("   # {wish}")
            };
            lines.push(format!("{line}{comment}"));
        }
        lines.extend(self.like.iter().flat_map(bounds));
        lines
    }

    /// The credential that the grant gives for this host.
    fn given(&self) -> Option<(&HeaderName, Form, &SecretRef)> {
        self.like.as_ref().and_then(HttpGrant::credential)
    }
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
    /// The lines, with the credential read at this place, if it has one.
    #[must_use]
    pub fn lines(&self, place: Option<&SecretRef>) -> Vec<String> {
        match self {
            Self::Entry(entry) => entry.lines(place),
            Self::Setting { key, value } => vec![
                "[config]".to_owned(),
                format!("{} = {}", bare(key), quoted(value)),
            ],
            Self::State { label } if label.is_empty() => vec!["[state]".to_owned()],
            Self::State { label } => {
                vec![format!("# {}", one_line(label)), "[state]".to_owned()]
            }
        }
    }

    /// The grant's text with the lines in it. Whether they mean there what they should is seen by reading it.
    #[must_use]
    pub fn added_to(&self, text: &str, place: Option<&SecretRef>) -> String {
        let mut added = self.lines(place);
        let mut lines: Vec<&str> = text.lines().collect();
        let at = match self {
            // The first entry that fits counts, so the new one stands before those of its host.
            Self::Entry(entry) => {
                let like = entry.like.as_ref();
                like.and_then(|like| entry_begins(&lines, like.entry().line))
            }
            Self::Setting { .. } => {
                let header = lines
                    .iter()
                    .position(|line| line.trim_start().starts_with("[config]"));
                header.map(|header| {
                    added.remove(0);
                    header + 1
                })
            }
            Self::State { .. } => None,
        };
        match at {
            Some(at) => {
                let is_table = !matches!(self, Self::Setting { .. });
                let gap = is_table.then_some("");
                let added = added.iter().map(String::as_str).chain(gap);
                lines.splice(at..at, added);
            }
            None => {
                if lines.last().is_some_and(|last| !last.trim().is_empty()) {
                    lines.push("");
                }
                lines.extend(added.iter().map(String::as_str));
            }
        }
        let mut text = lines.join("\n");
        text.push('\n');
        text
    }
}

/// The index of the line on which the entry of this line (from 1) begins, with the comments above it.
fn entry_begins(lines: &[&str], line: usize) -> Option<usize> {
    let above = lines.get(..line)?;
    let header = above
        .iter()
        .rposition(|line| line.trim_start().starts_with("[[http]]"))?;
    let above = lines.get(..header)?;
    let is_comment = |line: &&str| line.trim_start().starts_with('#');
    let comments = above.iter().rev().take_while(|line| is_comment(line));
    Some(header - comments.count())
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
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

/// A text as TOML's basic string, whose escapes are JSON's; it may stand for no more than itself, whoever wrote it.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json.replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
#[path = "addition_tests.rs"]
mod tests;
