//! An answer.

use std::borrow::Cow;

use serde_json::Value;

use super::headers::Headers;

/// An answer to a request, whole.
///
/// ```
/// use hookbox_sdk::{http::Response, prelude::json};
///
/// let answer = Response::new(201).with_header("Location", "/notes/7").with_json(&json!({"id": 7}));
/// assert!(answer.is_success());
/// assert_eq!(answer.header("location"), Some("/notes/7"));
/// assert_eq!(answer.json()?["id"], 7);
/// # Ok::<(), hookbox_sdk::Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

impl Response {
    /// An answer without headers and body. For transports.
    pub fn new(status: u16) -> Response {
        Response {
            status,
            headers: Headers::default(),
            body: vec![],
        }
    }

    /// The same answer with a header more. For transports.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Response {
        self.headers.push(name.into(), value.into());
        self
    }

    /// The same answer with a body. For transports.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Response {
        self.body = body.into();
        self
    }

    /// The same answer with a JSON body. For transports.
    #[must_use]
    pub fn with_json(self, body: &Value) -> Response {
        self.with_header("content-type", "application/json")
            .with_body(body.to_string())
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        matches!(self.status, 200..300)
    }

    /// The first header of that case-insensitive name. Bytes that are no UTF-8 are replaced.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// All headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, for whoever wants to keep it.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// The body as text. Bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}
