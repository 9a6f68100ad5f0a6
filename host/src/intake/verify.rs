//! Is the sender allowed, and where to: the secret first, in constant time, then the path.

use crate::intake::answer::{Answer, error_answer};
use crate::secret::{Secret, matches_any};
use hyper::{HeaderMap, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::HashMap;

/// The header that carries the secret (Hub documentation, webhooks, "Webhook secret").
const SECRET_HEADER: &str = "x-webhook-secret";

/// The query parameter that carries it where there is no header.
const SECRET_PARAMETER: &str = "secret";

/// The path of all plugins' deliveries; one plugin's are below it.
const WEBHOOKS: &str = "/webhooks";

/// Which secrets open which endpoint.
#[derive(Debug, Default)]
pub struct Endpoints {
    secrets: Vec<Secret>,
    by_plugin: HashMap<String, Endpoint>,
}

/// What opens `/webhooks/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// The host's secrets.
    Host,
    /// The plugin's own secret, and no other.
    Own(Secret),
    /// Nothing: the plugin's own secret cannot be read.
    Closed {
        /// Why, for the log.
        reason: String,
    },
}

/// Proof that a sender knew the secret of an endpoint that there is; only [`Endpoints::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    plugin: Option<String>,
    path: String,
}

impl Verified {
    /// The one plugin that was posted to; `None` for all.
    #[must_use]
    pub fn plugin(&self) -> Option<&str> {
        self.plugin.as_deref()
    }

    /// The path, without trailing slash and query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Endpoints {
    /// Endpoints of the host's `secrets` (none: open) and of each plugin ever known.
    #[must_use]
    pub const fn new(secrets: Vec<Secret>, by_plugin: HashMap<String, Endpoint>) -> Self {
        Self { secrets, by_plugin }
    }

    /// Checks a request's secret, then its path.
    ///
    /// # Errors
    /// The answer to give: 400, 401, 403, 404 or 503.
    pub fn verify(&self, uri: &Uri, headers: &HeaderMap) -> Result<Verified, Answer> {
        let target = Target::of(uri.path());
        let endpoint = match &target {
            Target::One(name) => self.by_plugin.get(name),
            Target::All | Target::Nowhere => None,
        };
        match endpoint {
            Some(Endpoint::Closed { reason }) => {
                tracing::debug!(path = uri.path(), reason, "endpoint closed");
                return Err(error_answer(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "this endpoint is closed until its secret can be read",
                ));
            }
            Some(Endpoint::Own(secret)) => check(std::slice::from_ref(secret), uri, headers)?,
            Some(Endpoint::Host) | None => check(&self.secrets, uri, headers)?,
        }
        match target {
            Target::All => Ok(Verified {
                plugin: None,
                path: WEBHOOKS.to_owned(),
            }),
            Target::One(name) if endpoint.is_some() => Ok(Verified {
                path: format!("{WEBHOOKS}/{name}"),
                plugin: Some(name),
            }),
            Target::One(_) | Target::Nowhere => Err(error_answer(
                StatusCode::NOT_FOUND,
                "there is nothing at this path",
            )),
        }
    }
}

/// Whether a path is `/webhooks` or below it.
#[must_use]
pub fn is_webhook_path(path: &str) -> bool {
    path.strip_prefix(WEBHOOKS)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

enum Target {
    All,
    One(String),
    Nowhere,
}

impl Target {
    fn of(path: &str) -> Self {
        if !is_webhook_path(path) {
            return Self::Nowhere;
        }
        let rest = path.strip_prefix(WEBHOOKS).unwrap_or_default();
        let name = rest.strip_prefix('/').unwrap_or(rest);
        let name = name.strip_suffix('/').unwrap_or(name);
        if name.is_empty() {
            Self::All
        } else {
            Self::One(name.to_owned())
        }
    }
}

fn check(secrets: &[Secret], uri: &Uri, headers: &HeaderMap) -> Result<(), Answer> {
    if secrets.is_empty() {
        return Ok(());
    }
    let Some(sent) = sent_secret(uri, headers)? else {
        return Err(error_answer(
            StatusCode::UNAUTHORIZED,
            "x-webhook-secret header not set.",
        ));
    };
    if matches_any(secrets, &sent) {
        Ok(())
    } else {
        Err(error_answer(
            StatusCode::FORBIDDEN,
            "Invalid webhook secret.",
        ))
    }
}

/// The secret that was sent: the header's if there is one (then the query is not looked at), else the query's. Two
/// in the place that counts are refused, because which one counts would be a guess.
fn sent_secret<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<Option<Cow<'a, [u8]>>, Answer> {
    let repeated = |place: &str| {
        error_answer(
            StatusCode::BAD_REQUEST,
            &format!("the webhook secret is sent twice in {place}; send it once"),
        )
    };
    let mut in_header = headers.get_all(SECRET_HEADER).iter();
    if let Some(value) = in_header.next() {
        if in_header.next().is_some() {
            return Err(repeated("the x-webhook-secret header"));
        }
        return Ok(Some(Cow::Borrowed(value.as_bytes())));
    }
    let mut in_query = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| percent_decode_str(name).eq(SECRET_PARAMETER.bytes()))
        .map(|(_, value)| value);
    let Some(value) = in_query.next() else {
        return Ok(None);
    };
    if in_query.next().is_some() {
        return Err(repeated("the query"));
    }
    Ok(Some(percent_decode_str(value).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn endpoints() -> Endpoints {
        let host = ["one secret", "two+secret"].map(|text| Secret::new(text).unwrap());
        let by_plugin = [
            ("hello", Endpoint::Host),
            ("bot", Endpoint::Own(Secret::new("bot secret").unwrap())),
            (
                "shut",
                Endpoint::Closed {
                    reason: "env:X is not set".into(),
                },
            ),
        ];
        let by_plugin = by_plugin.map(|(name, endpoint)| (name.to_owned(), endpoint));
        Endpoints::new(host.to_vec(), by_plugin.into())
    }

    fn check(path: &str, headers: &[&str], expected: &str) {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(SECRET_HEADER, HeaderValue::from_str(value).unwrap());
        }
        let found = match endpoints().verify(&path.parse().unwrap(), &map) {
            Ok(verified) => format!("{} {}", verified.path(), verified.plugin().unwrap_or("all")),
            Err(answer) => answer.status().as_u16().to_string(),
        };
        assert_eq!(found, expected, "{path} {headers:?}");
    }

    #[test]
    fn the_secret_comes_before_the_path() {
        check("/webhooks", &["one secret"], "/webhooks all");
        check("/webhooks/", &["two+secret"], "/webhooks all");
        check("/webhooks/hello", &["one secret"], "/webhooks/hello hello");
        check("/webhooks/hello/", &["one secret"], "/webhooks/hello hello");
        check("/webhooks/nobody", &["one secret"], "404");
        check("/webhooks/nobody", &["wrong"], "403");
        check("/webhooks/nobody", &[], "401");
        check("/elsewhere", &[], "401");
        check("/elsewhere", &["one secret"], "404");
        check("/webhooksx", &["one secret"], "404");
        check("/webhooks/hello/x", &["one secret"], "404");
        check("/webhooks", &[""], "403");
    }

    #[test]
    fn the_query_counts_only_without_the_header() {
        check("/webhooks?secret=one%20secret", &[], "/webhooks all");
        check("/webhooks?secret=two+secret", &[], "/webhooks all");
        check("/webhooks?a=b&secret=two%2Bsecret&c", &[], "/webhooks all");
        check("/webhooks?secret=one%20secret", &["wrong"], "403");
        check(
            "/webhooks?secret=wrong&secret=wrong",
            &["one secret"],
            "/webhooks all",
        );
        check("/webhooks?secret=one%2520secret", &[], "403");
        check("/webhooks?secrets=one%20secret", &[], "401");
    }

    #[test]
    fn two_in_the_place_that_counts_are_refused() {
        check("/webhooks", &["one secret", "one secret"], "400");
        check("/webhooks?secret=a&secret=one%20secret", &[], "400");
    }

    #[test]
    fn an_endpoint_of_its_own_secret_takes_no_other() {
        check("/webhooks/bot", &["bot secret"], "/webhooks/bot bot");
        check("/webhooks/bot", &["one secret"], "403");
        check("/webhooks", &["bot secret"], "403");
        check("/webhooks/hello", &["bot secret"], "403");
        check("/webhooks/shut", &["one secret"], "503");
    }

    #[test]
    fn without_secrets_every_sender_is_let_in() {
        let open = Endpoints::default();
        assert!(
            open.verify(&"/webhooks".parse().unwrap(), &HeaderMap::new())
                .is_ok()
        );
    }
}
