//! What a grant allows: its entries in order, the first of which that fits a request counts.

use super::address::{Reach, is_opened_by_private};
use super::credential::Credential;
use super::host::{Host, HostPattern, Target};
use super::path::{self, PathGlob};
use super::refused::{Refused, short};
use hyper::{Method, Uri};
use std::time::Duration;

pub use super::host::Scheme;

/// One `[[http]]` entry of a grant, ready for use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line of the grant on which it begins.
    pub line: usize,
    /// The hosts that it is for.
    pub host: HostPattern,
    /// Their port.
    pub port: u16,
    /// How they are reached.
    pub scheme: Scheme,
    /// The methods that may be used.
    pub methods: Vec<Method>,
    /// The paths that may be asked for; all where there are none.
    pub paths: Option<Vec<PathGlob>>,
    /// How far it reaches.
    pub reach: Reach,
    /// Requests of one attempt.
    pub requests: u32,
    /// Requests an hour that are neither GET nor HEAD.
    pub writes_per_hour: u32,
    /// The most bytes of an answer's body.
    pub response_bytes_max: u64,
    /// The time for all of a call, from its name's lookup to the last byte of the answer.
    pub timeout: Duration,
    /// What is added to each request; the reason where it cannot be read.
    pub credential: Option<Result<Credential, String>>,
}

impl Entry {
    fn is_for(&self, target: &Target) -> bool {
        self.scheme == target.scheme && self.port == target.port && self.host.matches(&target.host)
    }

    fn has_path(&self, path: &str) -> bool {
        let globs = self.paths.as_ref();
        globs.is_none_or(|globs| globs.iter().any(|glob| glob.matches(path)))
    }

    /// How far its connections reach: a name of one's own network may lead elsewhere tomorrow.
    pub(super) fn connects(&self) -> Reach {
        match (self.scheme, &self.credential) {
            (Scheme::Http, Some(_)) => Reach::Inside,
            (Scheme::Https, _) | (Scheme::Http, None) => self.reach,
        }
    }

    /// What tells it from others: its host, and its port where that is not the scheme's own.
    #[must_use]
    pub fn name(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// What a plugin's grant allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The grant's file name, for telling what to add to it.
    pub file: String,
    /// Its entries, in order.
    pub entries: Vec<Entry>,
}

/// A request that an entry allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The entry's place among the rules.
    pub entry: usize,
    /// Where it goes.
    pub target: Target,
    /// The same with path and query, in one form.
    pub uri: Uri,
}

impl Rules {
    /// Whether any of it needs TLS.
    #[must_use]
    pub fn need_tls(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.scheme == Scheme::Https)
    }

    /// Whether a request may be sent, and by which entry.
    ///
    /// # Errors
    /// [`Refused`] says what denies it, and what would allow it.
    pub fn judge(&self, method: &Method, uri: &Uri) -> Result<Admitted, Refused> {
        if [Method::CONNECT, Method::TRACE].contains(method) {
            return Err(Refused::denied(format!("method: {method} is never sent")));
        }
        let target = target(uri).map_err(Refused::uri)?;
        let path =
            path::check(uri.path()).map_err(|reason| Refused::uri(&format!("path: {reason}")))?;
        if uri
            .query()
            .is_some_and(|query| !query.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(Refused::uri(
                "query: it has a character outside ASCII, not percent-encoded",
            ));
        }
        let fits = |entry: &Entry| {
            entry.is_for(&target) && entry.methods.contains(method) && entry.has_path(path)
        };
        let Some(entry) = self.entries.iter().position(fits) else {
            return Err(self.nearest_miss(method, &target, path));
        };
        Ok(Admitted {
            entry,
            uri: canonical(&target, path, uri.query())
                .map_err(|_| Refused::uri("a URL that cannot be sent"))?,
            target,
        })
    }

    /// What comes nearest to allowing a request, and what is missing there.
    fn nearest_miss(&self, method: &Method, target: &Target, path: &str) -> Refused {
        let file = &self.file;
        let method_is_granted = |entry: &&&Entry| entry.methods.contains(method);
        // A grant's methods are in capitals, and servers tell one case from the other.
        let (method, path_told) = (short(method.as_str()), short(path));
        let capitals = method.to_ascii_uppercase();
        if capitals != method {
            return Refused::denied(format!(
                "method: \"{method}\" is granted to nobody: methods are sent in capitals, as \"{capitals}\""
            ));
        }
        let near: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.is_for(target))
            .collect();
        if let Some(entry) = near.iter().find(|entry| entry.has_path(path)) {
            let (name, line) = (entry.name(), entry.line);
            return Refused::denied(format!(
                "method: add \"{method}\" to `methods` of the entry for {name} (line {line} of {file})"
            ));
        }
        let with_method = near.iter().find(method_is_granted);
        if let Some(entry) = with_method.or(near.first()) {
            let (name, line) = (entry.name(), entry.line);
            // A plugin's own asterisk would become the operator's wildcard.
            if path.contains('*') {
                return Refused::denied(format!(
                    "path: {path_told:?} has a `*` of its own, which no line of a grant allows alone (the entry for {name}, \
                     line {line} of {file})"
                ));
            }
            return Refused::denied(format!(
                "path: add {path_told:?} to `paths` of the entry for {name} (line {line} of {file})"
            ));
        }
        let host = target.authority();
        let scheme = match target.scheme {
            Scheme::Https => "",
            Scheme::Http => ", scheme = \"http\"",
        };
        let private = if is_of_ones_own(&target.host) {
            ", private = true"
        } else {
            ""
        };
        // As lines of an entry, for no more than this call; a text that is no glob is left to its operator.
        let path = PathGlob::parse(path)
            .map_or_else(|_| String::new(), |_| format!(", paths = [{path:?}]"));
        let path = Some(path)
            .filter(|path| !path.contains('*'))
            .unwrap_or_default();
        Refused::denied(format!(
            "host: add to {file} an entry [[http]] with host = \"{host}\"{scheme}, methods = [\"{method}\"]{path}{private}"
        ))
    }
}

/// Whether a host is on this machine or in a private network as far as its name says, so that `private` is needed.
fn is_of_ones_own(host: &Host) -> bool {
    match host {
        Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Address(address) => is_opened_by_private(*address),
    }
}

/// Where a request goes.
pub(super) fn target(uri: &Uri) -> Result<Target, &'static str> {
    let scheme = uri.scheme_str().and_then(Scheme::parse);
    let scheme = scheme.ok_or("a scheme that is neither https nor http")?;
    let authority = uri.authority().ok_or("no host")?;
    Target::parse(scheme, authority.as_str())
}

fn canonical(target: &Target, path: &str, query: Option<&str>) -> Result<Uri, hyper::http::Error> {
    let path_and_query = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    Uri::builder()
        .scheme(target.scheme.as_str())
        .authority(target.authority())
        .path_and_query(path_and_query)
        .build()
}
