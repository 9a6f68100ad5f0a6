//! What plugins want, held against what their grants give.
//!
//! An operator may narrow what a plugin asks for: a wanted path is given if a granted one has a path in common with it.

use super::grant::addition::{Addition, NewEntry};
use super::{Grant, Manifest, Want};
use crate::outgoing::Entry;
use crate::outgoing::host::HostPattern;
use crate::outgoing::path::PathGlob;
use crate::plugin::grant::HttpGrant;
use hyper::Method;
use serde::Deserialize;
use std::fmt;

/// Something that a plugin wants and its grant does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking<'a> {
    /// What it is.
    pub want: &'a Want,
    /// What of it is missing, where the grant gives a part of it.
    missing: Option<String>,
    /// What would have to be added to the grant, or why no grant can give it.
    pub addition: Result<Addition, String>,
}

impl Lacking<'_> {
    /// What giving it would mean, as a sentence for whoever has to decide.
    #[must_use]
    pub fn plainly(&self) -> String {
        let Want {
            name,
            required,
            reason,
            ..
        } = self.want;
        let may = if *required {
            "It must"
        } else {
            "It would like to"
        };
        let what = match &self.addition {
            Ok(Addition::Entry(entry)) => entry.plainly(),
            Ok(Addition::Setting { .. }) => format!("be told `{name}`"),
            Ok(Addition::State { .. }) => format!("keep something between its runs ({name})"),
            Err(_) => format!("have {self}"),
        };
        let why = if reason.is_empty() {
            String::new()
        } else {
            format!(": {reason}")
        };
        format!("{may} {what}{why}.")
    }
}

impl fmt::Display for Lacking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Want {
            kind, name, reason, ..
        } = self.want;
        write!(f, "{kind} `{name}`")?;
        if let Some(missing) = &self.missing {
            write!(f, " with {missing}")?;
        }
        if !reason.is_empty() {
            write!(f, " ({reason})")?;
        }
        if let Err(why) = &self.addition {
            write!(f, ", which no grant can give: {why}")?;
        }
        Ok(())
    }
}

/// What a plugin would like and its grant does not give, for its operator.
#[must_use]
pub fn unmet_wishes(manifest: &Manifest, grant: &Grant) -> Vec<String> {
    let wishes = manifest.wants.iter().filter(|want| !want.required);
    wishes
        .filter_map(|want| Some(want.lacking(grant)?.to_string()))
        .collect()
}

/// What a plugin requires and its grant does not give, and how it would be given.
#[must_use]
pub fn unmet_needs(plugin: &str, manifest: &Manifest, grant: &Grant) -> Option<String> {
    let needs = manifest.wants.iter().filter(|want| want.required);
    let unmet: Vec<String> = needs
        .filter_map(|want| Some(want.lacking(grant)?.to_string()))
        .collect();
    (!unmet.is_empty()).then(|| {
        format!(
            "it requires what its grant does not give: {}; 'hookbox grant {plugin}' shows the lines to add",
            unmet.join(", ")
        )
    })
}

impl Want {
    /// Holds it against a grant; `None` if that gives it.
    #[must_use]
    pub fn lacking(&self, grant: &Grant) -> Option<Lacking<'_>> {
        let lacking = |missing, addition| {
            Some(Lacking {
                want: self,
                missing,
                addition,
            })
        };
        match self.kind.as_str() {
            "http" => match Calls::of(self) {
                Ok(calls) => {
                    let (missing, entry) = calls.lacking(self, &grant.http)?;
                    lacking(missing, Ok(Addition::Entry(Box::new(entry))))
                }
                Err(why) => lacking(None, Err(why)),
            },
            "config" => {
                let is_set = grant.config.iter().any(|(key, _)| *key == self.name);
                let setting = Addition::Setting {
                    key: self.name.clone(),
                    value: String::new(),
                };
                (!is_set).then(|| lacking(None, Ok(setting)))?
            }
            "state" => {
                let state = Addition::State {
                    label: self.name.clone(),
                };
                (grant.state.is_none()).then(|| lacking(None, Ok(state)))?
            }
            _ => lacking(
                None,
                Err("this version of hookbox has nothing like it".to_owned()),
            ),
        }
    }
}

/// The `detail` of a want of the kind `http`, as the SDK writes it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    methods: Vec<String>,
    paths: Vec<String>,
    credential: Option<String>,
}

/// What a plugin wants to call.
struct Calls {
    host: HostPattern,
    port: Option<u16>,
    /// All that the entries give where there are none.
    methods: Vec<Method>,
    paths: Vec<PathGlob>,
    credential: Option<String>,
}

impl Calls {
    fn of(want: &Want) -> Result<Self, String> {
        let (host, port) = HostPattern::parse(&want.name)?;
        // A later SDK may say more than this version understands, and one of another language nothing.
        let detail: Detail = serde_json::from_str(&want.detail).unwrap_or_default();
        let method = |name: &String| {
            let never = [Method::CONNECT, Method::TRACE];
            let read = Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok();
            let read = read.filter(|read| !never.contains(read));
            read.ok_or_else(|| format!("`{name}` is not a method that is ever sent"))
        };
        let path = |text: &String| {
            PathGlob::parse(text).map_err(|reason| format!("the path `{text}`: {reason}"))
        };
        Ok(Self {
            host,
            port,
            methods: detail
                .methods
                .iter()
                .map(method)
                .collect::<Result<_, _>>()?,
            paths: detail.paths.iter().map(path).collect::<Result<_, _>>()?,
            credential: detail.credential,
        })
    }

    /// What of it these entries do not give, and the entry that would.
    fn lacking(&self, want: &Want, entries: &[HttpGrant]) -> Option<(Option<String>, NewEntry)> {
        let own: Vec<&HttpGrant> = (entries.iter())
            .filter(|grant| self.is_for(grant.entry()))
            .collect();
        let whole = NewEntry {
            host: want.name.clone(),
            methods: self.methods.clone(),
            paths: self.paths.clone(),
            credential: self.credential.clone(),
            reason: want.reason.clone(),
            like: (own.iter().find(|grant| grant.has_credential()))
                .or(own.first())
                .map(|like| (*like).clone()),
        };
        if own.is_empty() {
            return Some((None, whole));
        }
        if self.credential.is_some() && !own.iter().any(|grant| grant.has_credential()) {
            return Some((Some("a credential".to_owned()), whole));
        }
        let methods: Vec<Method> = (self.methods.iter())
            .filter(|method| {
                let gives = |grant: &&HttpGrant| {
                    let entry = grant.entry();
                    entry.methods.contains(method)
                        && (self.paths.is_empty()
                            || self.paths.iter().any(|path| has_path(entry, path)))
                };
                !own.iter().any(gives)
            })
            .cloned()
            .collect();
        let paths: Vec<PathGlob> = (self.paths.iter())
            .filter(|path| {
                let gives = |grant: &&HttpGrant| {
                    let entry = grant.entry();
                    has_path(entry, path)
                        && (self.methods.is_empty()
                            || self
                                .methods
                                .iter()
                                .any(|method| entry.methods.contains(method)))
                };
                !own.iter().any(gives)
            })
            .cloned()
            .collect();
        let words = (methods.iter().map(ToString::to_string))
            .chain(paths.iter().map(ToString::to_string))
            .collect::<Vec<_>>()
            .join(", ");
        match (methods.is_empty(), paths.is_empty()) {
            (true, true) => None,
            // No more than what is missing: what an entry gives already stays as its operator bounded it.
            (false, true) => Some((Some(words), NewEntry { methods, ..whole })),
            (true, false) => Some((Some(words), NewEntry { paths, ..whole })),
            (false, false) => Some((Some(words), whole)),
        }
    }

    /// Whether an entry is for a host that is wanted.
    fn is_for(&self, entry: &Entry) -> bool {
        let port = self.port.unwrap_or_else(|| entry.scheme.port());
        let host = match (&self.host, &entry.host) {
            (HostPattern::Exact(wanted), given) => given.matches(wanted),
            (HostPattern::Below(_), HostPattern::Exact(given)) => self.host.matches(given),
            (HostPattern::Below(wanted), HostPattern::Below(given)) => {
                wanted.ends_with(given.as_str()) || given.ends_with(wanted.as_str())
            }
        };
        host && entry.port == port
    }
}

fn has_path(entry: &Entry, wanted: &PathGlob) -> bool {
    let paths = entry.paths.as_ref();
    paths.is_none_or(|paths| paths.iter().any(|path| path.overlaps(wanted)))
}

#[cfg(test)]
#[path = "want_tests.rs"]
mod tests;
