//! What is answered: JSON, a page or a redirection, all with the headers that keep a browser from misusing them.

use crate::ledger::LedgerError;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// What goes with every answer: nothing is loaded from elsewhere, framed, sniffed, kept or told to other sites.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    // Not `no-referrer`: under it browsers send our own forms with `Origin: null` (Fetch, section 3.1).
    ("referrer-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// An answer larger than this, in bytes, holds its turn until it is written.
const LARGE_BYTES: usize = 64 * 1024;

/// How long a client is to wait for a ledger, in seconds.
const RETRY_AFTER_SECONDS: u16 = 5;

/// Why a request is not done: `{"error":"…"}`.
#[derive(Debug)]
pub struct Failure {
    /// The status.
    pub status: StatusCode,
    /// What is wrong, and what to do about it.
    pub message: String,
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    error: &'a str,
}

impl Failure {
    /// A failure with this status.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message }
    }

    /// What was sent cannot be used.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// There is no such thing.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        tracing::warn!(%error, "the admin listener cannot answer");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = ErrorJson {
            error: &self.message,
        };
        let mut response = (self.status, axum::Json(error)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        response
    }
}

/// What can be as large as a payload, made off the runtime.
///
/// # Errors
/// If the host is stopping.
pub async fn large<T: IntoResponse>(
    make: impl FnOnce() -> T + Send + 'static,
) -> Result<Response, Failure> {
    let made = tokio::task::spawn_blocking(|| make().into_response()).await;
    made.map_err(|_| Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the host is stopping"))
}

/// Leads a browser elsewhere, with a plain GET.
#[must_use]
pub fn see_other(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    // What cannot stand in a header leads nowhere.
    let location = HeaderValue::try_from(location);
    response
        .headers_mut()
        .extend(location.map(|location| (LOCATION, location)));
    response
}

/// A text of some type.
#[must_use]
pub fn text(kind: &'static str, text: impl Into<Bytes>) -> Response {
    let mut response = Response::new(axum::body::Body::from(text.into()));
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The answer as a listener sends it. All of them are in memory already.
pub async fn finish(response: Response) -> hyper::Response<Full<Bytes>> {
    let (mut parts, body) = response.into_parts();
    let turn = parts.extensions.remove::<Turn>();
    let body = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "an answer was not completed");
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
            Bytes::new()
        }
    };
    secure(&mut parts.headers);
    let body = match turn {
        Some(turn) if body.len() > LARGE_BYTES => Bytes::from_owner(Large { body, _turn: turn }),
        _ => body,
    };
    hyper::Response::from_parts(parts, Full::new(body))
}

/// The right to be answered, in the extensions of an answer: a large one holds it until it is written, so that slow
/// readers cannot have the host keep more and more of them.
#[derive(Clone)]
pub struct Turn(
    #[expect(dead_code, reason = "it is held, not looked at")] Arc<OwnedSemaphorePermit>,
);

impl From<OwnedSemaphorePermit> for Turn {
    fn from(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(permit))
    }
}

/// A large body, and the turn that it holds.
struct Large {
    body: Bytes,
    _turn: Turn,
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

fn secure(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
}
