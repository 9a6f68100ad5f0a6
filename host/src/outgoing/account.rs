//! Whose account a credential for the Hub is: asked by the host itself, once, with the credential of an entry.
//!
//! The request goes the way of every other: the same addresses are refused, the same authorities trusted. But it is
//! the host's own: no method, path or number of requests of the entry is asked, and it is no call of the plugin.

use super::credential::Credential;
use super::entry::{Admitted, Entry, Rules};
use super::host::{HostPattern, Scheme, Target};
use super::{CallError, Outgoing, RequestBody, Times, client};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::header::{ACCEPT, CONNECTION, HeaderValue};
use hyper::{HeaderMap, Request, StatusCode, Uri};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// Who the Hub takes the sender for.
const PATH: &str = "/api/whoami-v2";

/// The Hub, where a grant names no other.
const HUB: &str = "huggingface.co";

/// The setting of a plugin that names another Hub, as the SDK reads it.
const HUB_SETTING: &str = "hub-endpoint";

/// How long asking may take, whatever the entry allows.
const TIME_MAX: Duration = Duration::from_secs(10);

/// The largest answer, in bytes. It lists the account's organisations.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// The longest id or name, in bytes.
const TEXT_BYTES_MAX: usize = 128;

/// An account of the Hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id: the `author.id` of what it writes.
    pub id: String,
    /// Its name, if the Hub told it.
    pub name: Option<String>,
}

/// Why nobody knows whose account a credential is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The credential cannot be read.
    #[error("its credential cannot be read: {0}")]
    Credential(String),
    /// The Hub does not know the credential.
    #[error("{0} does not accept its credential (401); put another in its place")]
    Refused(Target),
    /// The Hub answered otherwise.
    #[error("{0} answered {1} to GET {PATH}")]
    Status(Target, StatusCode),
    /// The answer names nobody.
    #[error("{0} named no account in its answer to GET {PATH}")]
    NotAnAccount(Target),
    /// There was no answer.
    #[error("{0} could not be asked: {1}")]
    Call(Target, CallError),
}

/// An entry whose credential is for the Hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubEntry {
    /// Its place among the rules.
    pub entry: usize,
    /// Where the Hub is.
    pub hub: Target,
    /// The SHA-256 of what is sent, in hex, or why that cannot be read.
    pub credential: Result<String, String>,
}

/// The first entry with a credential for the Hub: that which a plugin's settings name, else the public one. No other
/// host is ever asked whose a credential is.
#[must_use]
pub fn hub_entry(rules: &Rules, settings: &[(String, String)]) -> Option<HubEntry> {
    let named = settings.iter().find(|(name, _)| name == HUB_SETTING);
    let hub = match named {
        Some((_, url)) => origin(url)?,
        None => Target::parse(Scheme::Https, HUB).ok()?,
    };
    let is_for = |entry: &Entry| {
        matches!(&entry.host, HostPattern::Exact(host) if *host == hub.host)
            && (entry.port, entry.scheme) == (hub.port, hub.scheme)
    };
    let found = rules.entries.iter().enumerate().find_map(|(at, entry)| {
        let credential = entry.credential.as_ref().filter(|_| is_for(entry))?;
        Some((at, credential.as_ref().map(digest).map_err(Clone::clone)))
    });
    let (entry, credential) = found?;
    Some(HubEntry {
        entry,
        hub,
        credential,
    })
}

/// A scheme and a host with nothing after them, as the SDK takes it.
fn origin(url: &str) -> Option<Target> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    Target::parse(Scheme::parse(&scheme.to_ascii_lowercase())?, authority).ok()
}

/// What tells a credential from another, with the field that it goes in.
fn digest(credential: &Credential) -> String {
    let mut headers = HeaderMap::new();
    credential.put(&mut headers);
    let mut sha256 = Sha256::new();
    for (name, value) in &headers {
        sha256.update(name.as_str());
        sha256.update([0]);
        sha256.update(value.as_bytes());
    }
    let hash = sha256.finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Outgoing {
    /// Asks the Hub whose account the credential of an entry is.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn account(&self, of: &HubEntry) -> Result<Account, AccountError> {
        let unreachable = || AccountError::Call(of.hub.clone(), CallError::Unreachable);
        let entry = self.rules.entries.get(of.entry);
        let (entry, client) = entry
            .zip(self.clients.get(of.entry))
            .ok_or_else(unreachable)?;
        if let Err(reason) = &of.credential {
            return Err(AccountError::Credential(reason.clone()));
        }
        let bounded = Entry {
            timeout: TIME_MAX,
            response_bytes_max: ANSWER_BYTES_MAX,
            ..entry.clone()
        };
        let uri = Uri::try_from(format!("{}{PATH}", of.hub)).map_err(|_| unreachable())?;
        let admitted = Admitted {
            entry: of.entry,
            target: of.hub.clone(),
            uri,
        };
        let told = async {
            let sent = client::send(client, &bounded, admitted, request(), Times::default());
            let (head, body) = sent.await?.response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok((head.status, body))
        };
        // The body has its own bounds; one more for all of it, so that nothing depends on them.
        let told = tokio::time::timeout(TIME_MAX, told).await;
        match told.unwrap_or(Err(CallError::TotalTimeout)) {
            Ok((StatusCode::OK, body)) => {
                read(&body).ok_or_else(|| AccountError::NotAnAccount(of.hub.clone()))
            }
            Ok((StatusCode::UNAUTHORIZED, _)) => Err(AccountError::Refused(of.hub.clone())),
            Ok((status, _)) => Err(AccountError::Status(of.hub.clone(), status)),
            Err(error) => Err(AccountError::Call(of.hub.clone(), error)),
        }
    }
}

/// The question. Its connection is of no use to the plugin's calls, which say whether theirs was used before.
fn request() -> Request<RequestBody> {
    let body = Empty::<Bytes>::new().map_err(|never| match never {});
    let mut request = Request::new(RequestBody::new(body));
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    request
}

/// The account that an answer names. What is no plain text, or too long, is nobody's id.
fn read(body: &Bytes) -> Option<Account> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let plain = |text: &&str| {
        !text.is_empty() && text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
    };
    let field = |name: &str| {
        let text = answer.get(name).and_then(Value::as_str);
        text.filter(plain).map(str::to_owned)
    };
    Some(Account {
        id: field("id")?,
        name: field("name"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outgoing::Form;
    use crate::outgoing::address::Reach;
    use hyper::Method;
    use hyper::header::AUTHORIZATION;

    fn entry(host: &str, scheme: Scheme, secret: Option<&str>) -> Entry {
        let (host, port) = HostPattern::parse(host).unwrap();
        let credential = |secret| Credential::new(AUTHORIZATION, Form::Bearer, secret).unwrap();
        Entry {
            line: 1,
            port: port.unwrap_or_else(|| scheme.port()),
            host,
            scheme,
            methods: vec![Method::GET],
            paths: None,
            reach: Reach::Public,
            requests: 1,
            writes_per_hour: 0,
            response_bytes_max: 1,
            timeout: Duration::from_millis(1),
            credential: secret.map(|secret| Ok(credential(secret))),
        }
    }

    fn found(entries: Vec<Entry>, endpoint: Option<&str>) -> Option<(usize, String)> {
        let rules = Rules {
            file: "a.toml".to_owned(),
            entries,
        };
        let setting = endpoint.map(|url| (HUB_SETTING.to_owned(), url.to_owned()));
        let found = hub_entry(&rules, setting.as_slice())?;
        Some((found.entry, found.hub.to_string()))
    }

    #[test]
    fn only_the_hub_is_asked_and_only_with_what_is_for_it() {
        use Scheme::{Http, Https};
        let entries = || {
            vec![
                entry("slack.com", Https, Some("slack")),
                entry("huggingface.co", Https, None),
                entry("huggingface.co:8443", Https, Some("other port")),
                entry("huggingface.co", Http, Some("plain")),
                entry("huggingface.co", Https, Some("one")),
                entry("huggingface.co", Https, Some("two")),
                entry("hub.example.org:8443", Https, Some("own")),
            ]
        };
        let public = "https://huggingface.co".to_owned();
        assert_eq!(found(entries(), None), Some((4, public.clone())));
        let own = "https://hub.example.org:8443".to_owned();
        for named in [
            "https://hub.example.org:8443",
            "HTTPS://Hub.Example.ORG.:8443/",
        ] {
            assert_eq!(found(entries(), Some(named)), Some((6, own.clone())));
        }
        assert_eq!(
            found(entries(), Some("https://huggingface.co/")),
            Some((4, public))
        );
        // What the settings name is asked or nobody is.
        for named in [
            "https://elsewhere.example.org",
            "http://hub.example.org:8443",
            "https://hub.example.org:8443/hub",
            "https://me@huggingface.co",
            "huggingface.co",
            "",
        ] {
            assert_eq!(found(entries(), Some(named)), None, "{named}");
        }
        assert_eq!(found(entries()[..3].to_vec(), None), None);
    }

    #[test]
    fn a_credential_is_told_from_another_and_not_told() {
        let of = |secret: &str| {
            let rules = Rules {
                file: String::new(),
                entries: vec![entry("huggingface.co", Scheme::Https, Some(secret))],
            };
            hub_entry(&rules, &[]).unwrap().credential.unwrap()
        };
        assert_eq!(of("hf_secret"), of("hf_secret"));
        assert_ne!(of("hf_secret"), of("hf_secret2"));
        assert!(of("hf_secret").len() == 64 && !of("hf_secret").contains("secret"));
    }

    #[test]
    fn an_answer_names_an_account_or_nobody() {
        let id = |body: &'static str| read(&Bytes::from(body)).map(|account| account.id);
        let whole = r#"{"type":"user","id":"6397","name":"me","orgs":[]}"#;
        assert_eq!(
            read(&Bytes::from(whole)),
            Some(Account {
                id: "6397".into(),
                name: Some("me".into())
            })
        );
        assert_eq!(id(r#"{"id":"1","name":7}"#).as_deref(), Some("1"));
        for body in [
            "",
            "[]",
            "{}",
            r#"{"id":7}"#,
            r#"{"id":""}"#,
            r#"{"id":"a\nb"}"#,
        ] {
            assert_eq!(id(body), None, "{body}");
        }
    }
}
