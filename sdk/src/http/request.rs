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
    ///
    /// ```
    /// let request = hookbox_sdk::http::Request::new("PATCH", "https://example.org/notes/7");
    /// assert_eq!((request.method(), request.path()), ("PATCH", "/notes/7"));
    /// ```
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
    ///
    /// ```
    /// let request = hookbox_sdk::http::Request::get("https://example.org/notes?limit=5");
    /// assert_eq!((request.method(), request.path()), ("GET", "/notes?limit=5"));
    /// ```
    pub fn get(url: impl Into<String>) -> Request {
        Request::new("GET", url)
    }

    /// A `POST`.
    ///
    /// ```
    /// use hookbox_sdk::{http::Request, prelude::json};
    ///
    /// let request = Request::post("https://example.org/notes").json(&json!({"text": "hello"}));
    /// assert_eq!((request.method(), request.body()), ("POST", br#"{"text":"hello"}"#.as_slice()));
    /// ```
    pub fn post(url: impl Into<String>) -> Request {
        Request::new("POST", url)
    }

    /// A `DELETE`.
    ///
    /// ```
    /// let request = hookbox_sdk::http::Request::delete("https://example.org/notes/7");
    /// assert_eq!((request.method(), request.path()), ("DELETE", "/notes/7"));
    /// ```
    pub fn delete(url: impl Into<String>) -> Request {
        Request::new("DELETE", url)
    }

    /// The same request with a header more.
    ///
    /// ```
    /// use hookbox_sdk::http::Request;
    ///
    /// let request = Request::get("https://example.org/notes/7").with_header("if-none-match", "\"a1\"");
    /// assert_eq!(request.header("If-None-Match"), Some("\"a1\""));
    /// ```
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push(name.into(), value.into());
        self
    }

    /// The same request with a body of that content type.
    ///
    /// ```
    /// use hookbox_sdk::http::Request;
    ///
    /// let request = Request::post("https://example.org/notes").with_body("text/csv", "id,text\n7,hello\n");
    /// assert_eq!(request.header("content-type"), Some("text/csv"));
    /// assert_eq!(request.body(), b"id,text\n7,hello\n");
    /// ```
    #[must_use]
    pub fn with_body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Request {
        let mut request = self.with_header("content-type", content_type);
        request.body = body.into();
        request
    }

    /// The same request with a JSON body.
    ///
    /// ```
    /// use hookbox_sdk::{http::Request, prelude::json};
    ///
    /// let request = Request::post("https://example.org/notes").json(&json!({"tags": ["art", "music"]}));
    /// assert_eq!(request.header("content-type"), Some("application/json"));
    /// assert_eq!(request.body(), br#"{"tags":["art","music"]}"#);
    /// ```
    #[must_use]
    pub fn json(self, body: &Value) -> Request {
        self.with_body("application/json", body.to_string())
    }

    /// The same request with a shorter wait than the grant's `timeout`: for the connection, for the head of the
    /// answer, and between two parts of it.
    ///
    /// ```
    /// use hookbox_sdk::http::Request;
    /// use std::time::Duration;
    ///
    /// // What only adorns an answer is not waited for long.
    /// let request = Request::get("https://quotes.example.org/today").with_timeout(Duration::from_secs(1));
    /// assert_eq!(request.timeout(), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Request {
        self.timeout = Some(timeout);
        self
    }

    /// The method.
    ///
    /// ```
    /// use hookbox_sdk::http::{Error, Request, Response};
    ///
    /// // A test's transport that lets nothing be changed.
    /// let read_only = |request: &Request| -> Result<Response, Error> {
    ///     Ok(Response::new(if request.method() == "GET" { 200 } else { 405 }))
    /// };
    /// assert_eq!(read_only(&Request::delete("https://example.org/notes/7"))?.status(), 405);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The whole address.
    ///
    /// ```
    /// let request = hookbox_sdk::http::Request::get("https://example.org/notes?limit=5");
    /// assert_eq!(request.url(), "https://example.org/notes?limit=5");
    /// ```
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address from its path on: `/api/models?limit=5`.
    ///
    /// ```
    /// use hookbox_sdk::http::Request;
    ///
    /// assert_eq!(Request::get("https://example.org/api/models?limit=5").path(), "/api/models?limit=5");
    /// assert_eq!(Request::get("https://example.org").path(), "/");
    /// ```
    pub fn path(&self) -> &str {
        let after = self.url.split_once("://").map_or("", |(_, rest)| rest);
        after
            .find('/')
            .and_then(|start| after.get(start..))
            .unwrap_or("/")
    }

    /// The first header of that case-insensitive name.
    ///
    /// ```
    /// use hookbox_sdk::http::Request;
    ///
    /// let request = Request::get("https://example.org/notes").with_header("accept", "text/csv");
    /// assert_eq!(request.header("Accept"), Some("text/csv"));
    /// assert_eq!(request.header("authorization"), None); // the host adds it
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// All headers, in order.
    ///
    /// ```
    /// use hookbox_sdk::{http::Request, prelude::json};
    ///
    /// let request = Request::post("https://example.org/notes").with_header("idempotency-key", "7").json(&json!({}));
    /// let names: Vec<_> = request.headers().map(|(name, _)| name).collect();
    /// assert_eq!(names, ["idempotency-key", "content-type"]);
    /// ```
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter()
    }

    /// The body.
    ///
    /// ```
    /// use hookbox_sdk::{hub::{Client, Repo}, prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// # fake.answers("POST", "/api/models/my-org/bert/discussions/7/title", &json!({}));
    /// Client::new()?.retitle(&Repo::model("my-org/bert")?, 7, "Add a licence")?;
    /// assert_eq!(fake.requests()[0].body(), br#"{"title":"Add a licence"}"#);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The wait that it asks for, if shorter than the grant's.
    ///
    /// ```
    /// use hookbox_sdk::http::Request;
    /// use std::time::Duration;
    ///
    /// let request = Request::get("https://example.org/notes");
    /// assert_eq!(request.timeout(), None); // as the grant has it
    /// assert_eq!(request.with_timeout(Duration::from_secs(2)).timeout(), Some(Duration::from_secs(2)));
    /// ```
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Sends it and waits for the whole answer, whatever its status.
    ///
    /// ```
    /// use hookbox_sdk::{Failure, http::{Error, Request, Response}, testing};
    ///
    /// let _network = testing::network(|_: &Request| -> Result<Response, Error> {
    ///     Ok(Response::new(404).with_body("no such note"))
    /// });
    /// // That there is no such note is an answer, and no error.
    /// let answer = Request::get("https://example.org/notes/7").send()?;
    /// assert_eq!((answer.status(), answer.text().as_ref()), (404, "no such note"));
    /// # Ok::<(), Failure>(())
    /// ```
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
