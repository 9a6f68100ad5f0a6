//! What a plugin wants to call, held against `[[http]]` entries.

use crate::outgoing::Entry;
use crate::outgoing::host::HostPattern;
use crate::outgoing::path::PathGlob;
use crate::plugin::Want;
use crate::plugin::grant::HttpGrant;
use crate::plugin::grant::addition::{Addition, NewEntry};
use hyper::Method;
use serde_json::Value;

/// The most methods of a want.
const METHODS_MAX: usize = 32;

/// The most paths of a want.
const PATHS_MAX: usize = 64;

/// What is missing, and what would have to be added.
type Missing = (Option<String>, Result<Addition, String>);

/// What a plugin wants to call.
pub struct Calls {
    host: HostPattern,
    port: Option<u16>,
    /// GET where it names none.
    methods: Vec<Method>,
    /// All paths where there are none.
    paths: Vec<PathGlob>,
    /// The credential that it wishes for, in its words.
    pub credential: Option<String>,
}

/// What of a want for calls these entries do not give; `None` if they give all of it.
pub fn lacking(want: &Want, entries: &[HttpGrant]) -> Option<Missing> {
    let calls = match Calls::of(want) {
        Ok(calls) => calls,
        Err(Malformed::Host(why)) => {
            return Some((None, Err(format!("no grant can give it: {why}"))));
        }
        // Whoever grants the host by hand has read more than the host can.
        Err(Malformed::Detail { calls, why }) => {
            let given = entries.iter().any(|grant| calls.is_for(grant.entry()));
            let why = format!("its detail is not understood ({why}); write its entry by hand");
            return (!given).then_some((None, Err(why)));
        }
    };
    let own: Vec<&HttpGrant> = (entries.iter())
        .filter(|grant| calls.is_for(grant.entry()))
        .collect();
    let (words, entry) = calls.missing(&own)?;
    let entry = NewEntry {
        reason: want.reason.clone(),
        wanted: want.name.clone(),
        ..entry
    };
    Some((words, Ok(Addition::Entry(Box::new(entry)))))
}

/// Why a want says nothing that can be granted.
pub enum Malformed {
    Host(String),
    Detail { calls: Box<Calls>, why: String },
}

impl Calls {
    /// Reads what a want says.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn of(want: &Want) -> Result<Self, Malformed> {
        let (host, port) = HostPattern::parse(&want.name).map_err(Malformed::Host)?;
        let mut calls = Self {
            host,
            port,
            methods: vec![Method::GET],
            paths: Vec::new(),
            credential: None,
        };
        match calls.read(&want.detail) {
            Ok(()) => Ok(calls),
            Err(why) => Err(Malformed::Detail {
                calls: Box::new(calls),
                why,
            }),
        }
    }

    /// Reads the detail as the SDK writes it; keys of a later one are passed over.
    fn read(&mut self, detail: &str) -> Result<(), String> {
        if detail.is_empty() {
            return Ok(());
        }
        let detail: Value = serde_json::from_str(detail).map_err(|_| "it is no JSON")?;
        let detail = detail.as_object().ok_or("it is no JSON object")?;
        let texts = |key: &str, max| match detail.get(key) {
            None => Ok(Vec::new()),
            Some(value) => {
                texts(value, max).ok_or(format!("`{key}` is no list of up to {max} texts"))
            }
        };
        let mut methods = Vec::new();
        for name in texts("methods", METHODS_MAX)? {
            let method = Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok();
            let never = [Method::CONNECT, Method::TRACE];
            let method = method.filter(|method| !never.contains(method));
            let method = method.ok_or("`methods` has one that is never sent")?;
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        if !methods.is_empty() {
            self.methods = methods;
        }
        for path in texts("paths", PATHS_MAX)? {
            let glob = PathGlob::parse(path).map_err(|why| format!("`paths`: {why}"))?;
            if !self.paths.contains(&glob) {
                self.paths.push(glob);
            }
        }
        self.credential = match detail.get("credential") {
            None | Some(Value::Null) => None,
            Some(wish) => Some(wish.as_str().ok_or("`credential` is no text")?.to_owned()),
        };
        if self.credential.is_some() && matches!(self.host, HostPattern::Below(_)) {
            return Err("a credential is for one host, not for all below a name".to_owned());
        }
        Ok(())
    }

    /// What of it the entries for its host do not give, and the next entry that would help.
    fn missing(&self, own: &[&HttpGrant]) -> Option<(Option<String>, NewEntry)> {
        let Some(first) = own.first() else {
            return Some((
                None,
                self.entry(None, self.methods.clone(), self.paths.clone()),
            ));
        };
        let helps: Vec<&Entry> = own.iter().map(|grant| grant.entry()).collect();
        let with_path = |entry: &&&Entry| {
            self.paths.is_empty() || self.paths.iter().any(|path| has_path(entry, path))
        };
        let with_method = |entry: &&&Entry| {
            self.methods
                .iter()
                .any(|method| entry.methods.contains(method))
        };
        let for_paths: Vec<&Entry> = helps.iter().filter(with_path).copied().collect();
        let for_methods: Vec<&Entry> = helps.iter().filter(with_method).copied().collect();
        let gives = |method: &Method| for_paths.iter().any(|entry| entry.methods.contains(method));
        let (given, methods): (Vec<Method>, Vec<Method>) =
            self.methods.iter().cloned().partition(gives);
        let paths: Vec<PathGlob> = (self.paths.iter())
            .filter(|path| !for_methods.iter().any(|entry| has_path(entry, path)))
            .cloned()
            .collect();
        let like = (own.iter().find(|grant| grant.has_credential())).or(Some(first));
        if !methods.is_empty() && !for_paths.is_empty() {
            // Where its operator let it go already, and nowhere else.
            let words = words(&methods);
            return Some((
                Some(words),
                self.entry(like, methods, self.narrowed(&for_paths)),
            ));
        }
        if !methods.is_empty() || !paths.is_empty() {
            let paths = if methods.is_empty() {
                paths
            } else {
                self.paths.clone()
            };
            return Some((
                Some(words(&paths)),
                self.entry(like, self.methods.clone(), paths),
            ));
        }
        let credited = self.credential.is_none() || self.has_credential(own);
        let entry = || self.entry(like, given, self.narrowed(&for_paths));
        (!credited).then(|| (Some("a credential".to_owned()), entry()))
    }

    /// The paths that entries have in common with what is wanted, as these bound them.
    fn narrowed(&self, entries: &[&Entry]) -> Vec<PathGlob> {
        let mut paths: Vec<PathGlob> = Vec::new();
        for entry in entries {
            let Some(globs) = &entry.paths else {
                return self.paths.clone();
            };
            let wanted = |glob: &&PathGlob| {
                self.paths.is_empty() || self.paths.iter().any(|path| path.overlaps(glob))
            };
            for glob in globs.iter().filter(wanted) {
                if !paths.contains(glob) {
                    paths.push(glob.clone());
                }
            }
        }
        paths
    }

    /// Whether an entry with a credential counts for some of it: the first that fits a request does.
    fn has_credential(&self, own: &[&HttpGrant]) -> bool {
        let counts = |at: usize, grant: &HttpGrant| {
            let entry = grant.entry();
            let before = own.get(..at).unwrap_or_default();
            let is_taken = |method: &Method| {
                before.iter().any(|grant| {
                    let entry = grant.entry();
                    !grant.has_credential() && entry.methods.contains(method) && takes_all(entry)
                })
            };
            let mut methods = self.methods.iter();
            let fits = methods.any(|method| entry.methods.contains(method) && !is_taken(method));
            fits && (self.paths.is_empty() || self.paths.iter().any(|path| has_path(entry, path)))
        };
        let mut numbered = own.iter().enumerate();
        numbered.any(|(at, grant)| grant.has_credential() && counts(at, grant))
    }

    /// An entry for some of it, as near and as closely bound as one that is there.
    fn entry(
        &self,
        like: Option<&&HttpGrant>,
        methods: Vec<Method>,
        paths: Vec<PathGlob>,
    ) -> NewEntry {
        let (host, port) = match like {
            Some(like) => (self.narrower(&like.entry().host), Some(like.entry().port)),
            None => (self.host.clone(), self.port),
        };
        NewEntry {
            host,
            port,
            methods,
            paths,
            credential: self.credential.clone(),
            like: like.map(|like| (*like).clone()),
            reason: String::new(),
            wanted: String::new(),
        }
    }

    /// The hosts that are both wanted and given: never more than an operator has named.
    fn narrower(&self, given: &HostPattern) -> HostPattern {
        match (&self.host, given) {
            (HostPattern::Below(wanted), HostPattern::Below(given))
                if wanted.ends_with(given.as_str()) =>
            {
                self.host.clone()
            }
            (HostPattern::Below(_), given) => given.clone(),
            (HostPattern::Exact(_), _) => self.host.clone(),
        }
    }

    /// Whether an entry is for a host that is wanted. Without a port https is wanted.
    fn is_for(&self, entry: &Entry) -> bool {
        let port = self.port.unwrap_or(443);
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

/// Whether nothing is left of a host's paths for entries after this one.
fn takes_all(entry: &Entry) -> bool {
    let paths = entry.paths.as_ref();
    paths.is_none_or(|paths| paths.iter().any(|path| path.to_string() == "/**"))
}

fn words(parts: &[impl ToString]) -> String {
    let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    parts.join(", ")
}

fn texts(value: &Value, max: usize) -> Option<Vec<&str>> {
    let list = value.as_array().filter(|list| list.len() <= max)?;
    list.iter().map(Value::as_str).collect()
}
