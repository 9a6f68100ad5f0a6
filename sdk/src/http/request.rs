//! A request, put together step by step.

use std::time::Duration;

use serde_json::Value;

use super::headers::Headers;
use super::{Error, Response, Target, transmit};

/// A request.
///
/// ```
/// use hookbox_sdk::{http::Request, prelude::json};
///
/// let request = Request::post("https://example.org/notes?draft=1").json(&json!({"text": "hello"}));
/// assert_eq!((request.method(), request.path()), ("POST", "/notes?draft=1"));
/// assert_eq!(request.header("Content-Type"), Some("application/json"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    method: String,
    url: String,
    headers: Headers,
    body: Vec<u8>,
    timeout: Option<Duration>,
}

impl Request {
    /// A request with any method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Request {
        Request {
            method: method.into(),
            url: url.into(),
            headers: Headers::default(),
            body: vec![],
            timeout: None,
        }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Request {
        Request::new("GET", url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Request {
        Request::new("POST", url)
    }

    /// A `DELETE`.
    pub fn delete(url: impl Into<String>) -> Request {
        Request::new("DELETE", url)
    }

    /// The same request with a header more.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push(name.into(), value.into());
        self
    }

    /// The same request with a body of that content type.
    #[must_use]
    pub fn with_body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Request {
        let mut request = self.with_header("content-type", content_type);
        request.body = body.into();
        request
    }

    /// The same request with a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Request {
        self.with_body("application/json", body.to_string())
    }

    /// The same request with a shorter wait than the grant's `timeout`: for the connection, for the head of the
    /// answer, and between two parts of it.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Request {
        self.timeout = Some(timeout);
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The whole address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address from its path on: `/api/models?limit=5`.
    pub fn path(&self) -> &str {
        let after = self.url.split_once("://").map_or("", |(_, rest)| rest);
        after
            .find('/')
            .and_then(|start| after.get(start..))
            .unwrap_or("/")
    }

    /// The first header of that case-insensitive name.
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

    /// The wait that it asks for, if shorter than the grant's.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Sends it and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    /// If there is no whole answer: see [`ErrorKind`](super::ErrorKind).
    pub fn send(&self) -> Result<Response, Error> {
        Target::parse(&self.url)
            .and_then(|target| transmit(self, &target))
            .map_err(|error| error.of(self.shown()))
    }

    /// Method and address without the query, which may hold what is nobody's business.
    fn shown(&self) -> String {
        let plain = self.url.split(['?', '#']).next().unwrap_or_default();
        format!("{} {plain}", self.method)
    }
}
