//! What intake answers: a status, a JSON body, and the few headers that go with it.

use crate::delivery::{DeliveryId, RunState};
use crate::refusal::Reason;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use std::time::Duration;

/// What a 503 asks the sender to wait, in seconds.
const RETRY_AFTER_SECONDS: u16 = 5;

/// An answer to a request.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    body: Vec<u8>,
    headers: Vec<(HeaderName, HeaderValue)>,
    reason: Option<Reason>,
}

#[derive(Serialize)]
struct Accepted<'a> {
    id: String,
    runs: &'a [String],
}

#[derive(Serialize)]
struct Duplicate<'a> {
    id: String,
    duplicate: bool,
    runs: &'a [String],
}

#[derive(Serialize)]
struct Waited<'a> {
    id: String,
    runs: &'a [RunAnswer],
}

/// A run in the answer to `Prefer: wait`.
#[derive(Debug, Serialize)]
pub(in crate::intake) struct RunAnswer {
    pub plugin: String,
    pub state: &'static str,
    pub outcome: Option<&'static str>,
    pub output: Option<String>,
}

impl RunAnswer {
    /// A run of which nothing more is known than that it was recorded.
    pub fn pending(plugin: &str) -> Self {
        Self {
            plugin: plugin.to_owned(),
            state: RunState::Pending.as_str(),
            outcome: None,
            output: None,
        }
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
}

/// An answer that says what was wrong: `{"error":"…"}`.
#[must_use]
pub fn error_answer(status: StatusCode, message: &str) -> Answer {
    let mut answer = Answer::json(status, &ErrorBody { error: message });
    answer.reason = Some(Reason(message.to_owned()));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer
            .headers
            .push((RETRY_AFTER, RETRY_AFTER_SECONDS.into()));
    }
    answer
}

impl Answer {
    fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self {
            status,
            // These structs are plain strings, numbers and lists, which always serialise.
            body: serde_json::to_vec(body).unwrap_or_default(),
            headers: vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            reason: None,
        }
    }

    pub(in crate::intake) fn accepted(id: DeliveryId, plugins: &[String]) -> Self {
        let body = Accepted {
            id: id.to_string(),
            runs: plugins,
        };
        Self::json(StatusCode::ACCEPTED, &body)
    }

    pub(in crate::intake) fn duplicate(first: DeliveryId, again: &[String]) -> Self {
        let body = Duplicate {
            id: first.to_string(),
            duplicate: true,
            runs: again,
        };
        Self::json(StatusCode::OK, &body)
    }

    pub(in crate::intake) fn with_runs(
        id: DeliveryId,
        runs: &[RunAnswer],
        wait: WaitPreference,
        status: StatusCode,
    ) -> Self {
        let body = Waited {
            id: id.to_string(),
            runs,
        };
        let mut answer = Self::json(status, &body);
        let applied = format!("wait={}", wait.seconds);
        if let Ok(value) = HeaderValue::try_from(applied) {
            let name = HeaderName::from_static("preference-applied");
            answer.headers.push((name, value));
        }
        answer
    }

    /// The same, and the connection is closed after it: the rest of its request is not read.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.headers
            .push((CONNECTION, HeaderValue::from_static("close")));
        self
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// As hyper sends it.
    #[must_use]
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.into()));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        if let Some(reason) = self.reason {
            response.extensions_mut().insert(reason);
        }
        response
    }
}

/// `Prefer: wait=N` (RFC 7240, section 4.3), clamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::intake) struct WaitPreference {
    seconds: u64,
}

impl WaitPreference {
    /// The first usable wait among all `Prefer` headers; of several, the first counts (RFC 7240, section 2).
    pub fn read(headers: &HeaderMap, max: Duration) -> Option<Self> {
        headers
            .get_all("prefer")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split([',', ';']))
            .filter_map(|preference| preference.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
            .and_then(|(_, value)| value.trim().trim_matches('"').parse::<u64>().ok())
            .map(|seconds| Self {
                seconds: seconds.min(max.as_secs()),
            })
    }

    pub const fn time(self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_as_rfc_7240_writes_it() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("prefer", HeaderValue::from_str(value).unwrap());
            }
            WaitPreference::read(&headers, Duration::from_secs(25)).map(|wait| wait.seconds)
        };
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["wait=10"]), Some(10));
        assert_eq!(read(&["respond-async, Wait = 7"]), Some(7));
        assert_eq!(read(&["respond-async", "wait=3"]), Some(3));
        assert_eq!(read(&["wait=600"]), Some(25));
        assert_eq!(read(&["wait=0"]), Some(0));
        assert_eq!(read(&["wait=-1"]), None);
        assert_eq!(read(&["wait=soon"]), None);
        assert_eq!(read(&["await=5"]), None);
    }
}
