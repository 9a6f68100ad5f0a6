//! A grant's `[[http]]` entries: which hosts a plugin may call, how, and with whose credential.

use super::GrantError;
use super::file::{HeaderTable, HttpTable};
use super::reader::Reader;
use crate::outgoing::address::Reach;
use crate::outgoing::host::{HostPattern, Scheme};
use crate::outgoing::path::PathGlob;
use crate::outgoing::{Credential, Entry, Form, Rules};
use crate::secret::SecretRef;
use bytesize::ByteSize;
use hyper::Method;
use hyper::header::{self, HeaderName};
use std::time::Duration;
use toml::Spanned;

/// The most entries of a grant.
const ENTRIES_MAX: usize = 64;

/// The most paths of an entry: each call is compared with all of them, at the host's cost.
const PATHS_MAX: usize = 64;

/// The requests of an attempt where `requests` does not say.
pub(super) const REQUESTS: u32 = 32;

/// The most that it may say.
const REQUESTS_MAX: u64 = 10_000;

/// The writes of an hour where `writes-per-hour` does not say.
pub(super) const WRITES_PER_HOUR: u32 = 600;

/// The most that it may say.
const WRITES_PER_HOUR_MAX: u64 = 1_000_000;

/// The largest body of an answer where `response-max` does not say.
pub(super) const RESPONSE_MAX: ByteSize = ByteSize::mib(8);

/// The time of a call where `timeout` does not say.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Fields that make a connection or a request what it is: no credential is one of them.
const NO_CREDENTIALS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A `[[http]]` entry as it is written: its credential is read when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpGrant {
    entry: Entry,
    credential: Option<CredentialRef>,
}

/// Where a credential is read, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CredentialRef {
    header: HeaderName,
    form: Form,
    place: SecretRef,
}

impl HttpGrant {
    /// The entry without its credential.
    #[must_use]
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Whether its credential is kept in a file, whose content may change.
    #[must_use]
    pub fn may_change(&self) -> bool {
        let place = self.credential.as_ref().map(|credential| &credential.place);
        matches!(place, Some(SecretRef::File(_)))
    }

    /// Whether it has a credential.
    #[must_use]
    pub const fn has_credential(&self) -> bool {
        self.credential.is_some()
    }

    /// The field, the form and the place of its credential.
    #[must_use]
    pub fn credential(&self) -> Option<(&HeaderName, Form, &SecretRef)> {
        let credential = self.credential.as_ref()?;
        Some((&credential.header, credential.form, &credential.place))
    }

    /// The entry with its credential, or why that cannot be read. Blocks on the file system.
    fn read(&self) -> Entry {
        let credential = self.credential.as_ref().map(|reference| {
            let place = &reference.place;
            let text = place.read_text().map_err(|error| error.to_string())?;
            Credential::new(reference.header.clone(), reference.form, &text)
                .map_err(|reason| format!("{place}: {reason}"))
        });
        Entry {
            credential,
            ..self.entry.clone()
        }
    }
}

/// What these entries of a plugin's grant allow, with the credentials as they are now. Blocks on the file system.
#[must_use]
pub fn rules(plugin: &str, entries: &[HttpGrant]) -> Rules {
    Rules {
        file: format!("{plugin}.toml"),
        entries: entries.iter().map(HttpGrant::read).collect(),
    }
}

impl Reader<'_> {
    pub fn http(&self, tables: &[Spanned<HttpTable>]) -> Result<Vec<HttpGrant>, GrantError> {
        if let Some(table) = tables.get(ENTRIES_MAX) {
            return Err(self.at(table, format!("http: more than {ENTRIES_MAX} entries")));
        }
        let mut entries: Vec<HttpGrant> = Vec::new();
        for table in tables {
            let entry = self.http_entry(table)?;
            if let Some(other) = entries.iter().find(|other| is_ambiguous(&entry, other)) {
                return Err(self.at(
                    table,
                    format!(
                        "http: the entry of line {} gives another credential to some of the same requests; keep their `methods` or `paths` apart",
                        other.entry.line
                    ),
                ));
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn http_entry(&self, table: &Spanned<HttpTable>) -> Result<HttpGrant, GrantError> {
        let written = table.get_ref();
        let name = written.host.as_ref().ok_or_else(|| {
            let reason = "http: `host` is missing; write `host = \"huggingface.co\"`";
            self.at(table, reason.to_owned())
        })?;
        let (host, port) = HostPattern::parse(name.get_ref())
            .map_err(|reason| self.at(name, format!("http.host: {reason}")))?;
        let scheme = written
            .scheme
            .as_ref()
            .map_or(Ok(Scheme::Https), |scheme| {
                Scheme::parse(scheme.get_ref()).ok_or_else(|| {
                    let reason =
                        "http.scheme: write `https`, or `http` for what nobody else can listen to";
                    self.at(scheme, reason.to_owned())
                })
            })?;
        let number = |key, value: &Option<Spanned<i64>>, default: u32, min, max| match value {
            Some(value) => {
                let read = self.within(key, value, min, max)?;
                Ok(u32::try_from(read).unwrap_or(u32::MAX))
            }
            None => Ok(default),
        };
        let entry = Entry {
            line: self.line_of(table),
            port: port.unwrap_or_else(|| scheme.port()),
            host,
            scheme,
            methods: self.methods(written)?,
            paths: self.paths(written)?,
            reach: match written.private {
                Some(true) => Reach::Private,
                Some(false) | None => Reach::Public,
            },
            requests: number(
                "http.requests",
                &written.requests,
                REQUESTS,
                1,
                REQUESTS_MAX,
            )?,
            writes_per_hour: number(
                "http.writes-per-hour",
                &written.writes_per_hour,
                WRITES_PER_HOUR,
                0,
                WRITES_PER_HOUR_MAX,
            )?,
            response_bytes_max: self.response_max(written)?,
            timeout: written.timeout.as_ref().map_or(Ok(TIMEOUT), |timeout| {
                self.duration("http.timeout", timeout)
            })?,
            credential: None,
        };
        let credential = self.credential(table, &entry)?;
        Ok(HttpGrant { entry, credential })
    }

    fn methods(&self, written: &HttpTable) -> Result<Vec<Method>, GrantError> {
        let Some(methods) = &written.methods else {
            return Ok(vec![Method::GET, Method::HEAD]);
        };
        if methods.get_ref().is_empty() {
            let reason = "http.methods: none; leave it out for GET and HEAD";
            return Err(self.at(methods, reason.to_owned()));
        }
        let read = |method: &Spanned<String>| {
            let name = method.get_ref().to_ascii_uppercase();
            let read = Method::from_bytes(name.as_bytes());
            let read = read.map_err(|_| {
                let reason = format!("http.methods: `{name}` is not a method; write `POST`");
                self.at(method, reason)
            })?;
            if [Method::CONNECT, Method::TRACE].contains(&read) {
                return Err(self.at(
                    method,
                    format!("http.methods: {read} is never sent; remove it"),
                ));
            }
            Ok(read)
        };
        methods.get_ref().iter().map(read).collect()
    }

    fn paths(&self, written: &HttpTable) -> Result<Option<Vec<PathGlob>>, GrantError> {
        let Some(paths) = &written.paths else {
            return Ok(None);
        };
        if paths.get_ref().is_empty() {
            let reason =
                "http.paths: none, so nothing could be asked for; write `paths = [\"/api/**\"]`";
            return Err(self.at(paths, reason.to_owned()));
        }
        if let Some(path) = paths.get_ref().get(PATHS_MAX) {
            let reason =
                format!("http.paths: more than {PATHS_MAX}; use `*` and `**`, or another entry");
            return Err(self.at(path, reason));
        }
        let read = |path: &Spanned<String>| {
            let glob = PathGlob::parse(path.get_ref());
            glob.map_err(|reason| {
                self.at(path, format!("http.paths: `{}`: {reason}", path.get_ref()))
            })
        };
        paths
            .get_ref()
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn response_max(&self, written: &HttpTable) -> Result<u64, GrantError> {
        let Some(size) = &written.response_max else {
            return Ok(RESPONSE_MAX.as_u64());
        };
        let text = size.get_ref();
        let read = text.parse::<ByteSize>().map_err(|_| {
            self.at(
                size,
                format!("http.response-max: `{text}` is not a size; write `8MiB`"),
            )
        })?;
        if !(ByteSize::b(1)..=ByteSize::gib(1)).contains(&read) {
            let reason = format!("http.response-max: `{text}` is not between 1B and 1GiB");
            return Err(self.at(size, reason));
        }
        Ok(read.as_u64())
    }

    /// A credential goes where its operator said, and nowhere else.
    fn credential(
        &self,
        table: &Spanned<HttpTable>,
        entry: &Entry,
    ) -> Result<Option<CredentialRef>, GrantError> {
        let written = table.get_ref();
        let (key, at, reference) = match (&written.bearer, &written.header) {
            (None, None) => return Ok(None),
            (Some(_), Some(header)) => {
                let reason = "http: `bearer` and `header` are two credentials; keep one of them";
                return Err(self.at(header, reason.to_owned()));
            }
            (Some(bearer), None) => {
                let place = self.place("http.bearer", bearer)?;
                let reference = CredentialRef {
                    header: header::AUTHORIZATION,
                    form: Form::Bearer,
                    place,
                };
                ("http.bearer", bearer.span(), reference)
            }
            (None, Some(header)) => ("http.header", header.span(), self.header(header)?),
        };
        let reason = if entry.paths.is_none() {
            "a credential needs `paths`, which say where it may be sent"
        } else if matches!(entry.host, HostPattern::Below(_)) {
            "a credential is for one host, not for all below a name; name the host"
        } else if entry.scheme == Scheme::Http && entry.reach == Reach::Public {
            "a credential is not sent in plain text; use https, or `private = true` for a host of your own network"
        } else {
            return Ok(Some(reference));
        };
        Err(self.at(&Spanned::new(at, ()), format!("{key}: {reason}")))
    }

    fn header(&self, table: &Spanned<HeaderTable>) -> Result<CredentialRef, GrantError> {
        let missing = |key: &str| {
            let reason = format!(
                "http.header: `{key}` is missing; write `header = {{ name = \"X-Api-Key\", value = \"env:API_KEY\" }}`"
            );
            self.at(table, reason)
        };
        let name = table
            .get_ref()
            .name
            .as_ref()
            .ok_or_else(|| missing("name"))?;
        let value = table
            .get_ref()
            .value
            .as_ref()
            .ok_or_else(|| missing("value"))?;
        let read = HeaderName::try_from(name.get_ref().as_str()).ok();
        let read = read.filter(|read| !NO_CREDENTIALS.contains(&read.as_str()));
        Ok(CredentialRef {
            header: read.ok_or_else(|| {
                let reason =
                    "http.header.name: not a field that carries a credential; write `X-Api-Key`";
                self.at(name, reason.to_owned())
            })?,
            form: Form::Raw,
            place: self.place("http.header.value", value)?,
        })
    }

    fn place(&self, key: &str, value: &Spanned<String>) -> Result<SecretRef, GrantError> {
        let parsed = value.get_ref().parse();
        parsed.map_err(|error| self.at(value, format!("{key}: {error}")))
    }
}

/// Whether it would depend on the order of two entries which credential a request gets.
fn is_ambiguous(one: &HttpGrant, other: &HttpGrant) -> bool {
    let (Some(credential), Some(another)) = (&one.credential, &other.credential) else {
        return false;
    };
    let (entry, beside) = (&one.entry, &other.entry);
    let same_target =
        (&entry.host, entry.port, entry.scheme) == (&beside.host, beside.port, beside.scheme);
    let same_method = entry
        .methods
        .iter()
        .any(|method| beside.methods.contains(method));
    let globs = |entry: &'_ Entry| entry.paths.clone().unwrap_or_default();
    let beside_globs = globs(beside);
    let same_path = globs(entry)
        .iter()
        .any(|glob| beside_globs.iter().any(|other| glob.overlaps(other)));
    credential != another && same_target && same_method && same_path
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
