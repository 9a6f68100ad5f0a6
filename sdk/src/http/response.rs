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
    ///
    /// ```
    /// let answer = hookbox_sdk::http::Response::new(204);
    /// assert_eq!((answer.status(), answer.body()), (204, [].as_slice()));
    /// ```
    pub fn new(status: u16) -> Response {
        Response {
            status,
            headers: Headers::default(),
            body: vec![],
        }
    }

    /// The same answer with a header more. For transports.
    ///
    /// ```
    /// use hookbox_sdk::{Failure, hub::Client, http::Response, prelude::json, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// let limited = Response::new(429).with_header("Retry-After", "30");
    /// fake.answers_with("GET", "/api/whoami-v2", Ok(limited));
    /// let failure = Failure::from(Client::new()?.whoami().unwrap_err());
    /// assert!(matches!(failure, Failure::Retry { after_ms: Some(30_000), .. }));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Response {
        self.headers.push(name.into(), value.into());
        self
    }

    /// The same answer with a body. For transports.
    ///
    /// ```
    /// let answer = hookbox_sdk::http::Response::new(200).with_body("id,text\n7,hello\n");
    /// assert_eq!(answer.text().lines().count(), 2);
    /// ```
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Response {
        self.body = body.into();
        self
    }

    /// The same answer with a JSON body. For transports.
    ///
    /// ```
    /// use hookbox_sdk::{http::Response, prelude::json};
    ///
    /// let answer = Response::new(201).with_json(&json!({"id": 7}));
    /// assert_eq!(answer.header("content-type"), Some("application/json"));
    /// assert_eq!(answer.text(), r#"{"id":7}"#);
    /// ```
    #[must_use]
    pub fn with_json(self, body: &Value) -> Response {
        self.with_header("content-type", "application/json")
            .with_body(body.to_string())
    }

    /// The status.
    ///
    /// ```
    /// use hookbox_sdk::{Failure, Result, done, http::Response};
    ///
    /// fn judged(answer: &Response) -> Result {
    ///     match answer.status() {
    ///         200..300 => done("posted"),
    ///         409 => done("it was there already"),
    ///         status => Err(Failure::retry(format!("the notes answer {status}"))),
    ///     }
    /// }
    ///
    /// assert_eq!(judged(&Response::new(409)), done("it was there already"));
    /// ```
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    ///
    /// ```
    /// use hookbox_sdk::http::Response;
    ///
    /// assert!(Response::new(204).is_success());
    /// assert!(!Response::new(302).is_success()); // redirects are not followed
    /// ```
    pub fn is_success(&self) -> bool {
        matches!(self.status, 200..300)
    }

    /// The first header of that case-insensitive name. Bytes that are no UTF-8 are replaced.
    ///
    /// ```
    /// use hookbox_sdk::http::Response;
    ///
    /// let answer = Response::new(302).with_header("Location", "/notes/8");
    /// assert_eq!(answer.header("location"), Some("/notes/8"));
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// All headers, in order.
    ///
    /// ```
    /// use hookbox_sdk::http::Response;
    ///
    /// let answer = Response::new(200).with_header("Link", "</notes?p=1>").with_header("Link", "</notes?p=3>");
    /// let links: Vec<_> = answer.headers().filter(|(name, _)| name.eq_ignore_ascii_case("link")).collect();
    /// assert_eq!(links.len(), 2); // `header` would tell the first alone
    /// ```
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter()
    }

    /// The body.
    ///
    /// ```
    /// let answer = hookbox_sdk::http::Response::new(200).with_body([0x89, b'P', b'N', b'G']);
    /// assert!(answer.body().starts_with(b"\x89PNG"));
    /// ```
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, for whoever wants to keep it.
    ///
    /// ```
    /// # let _state = hookbox_sdk::testing::state();
    /// use hookbox_sdk::{http::Response, state};
    ///
    /// let answer = Response::new(200).with_body("1.07");
    /// let rate: Vec<u8> = answer.into_body();
    /// state::open()?.set("rate", rate)?;
    /// assert_eq!(state::open()?.text("rate")?.as_deref(), Some("1.07"));
    /// # Ok::<(), state::Error>(())
    /// ```
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// The body as text. Bytes that are no UTF-8 are replaced.
    ///
    /// ```
    /// use hookbox_sdk::http::Response;
    ///
    /// let answer = Response::new(200).with_body("1.07\n");
    /// let rate: f64 = answer.text().trim().parse()?;
    /// assert!(rate > 1.0);
    /// assert_eq!(Response::new(200).with_body([b'a', 0xff]).text(), "a\u{fffd}");
    /// # Ok::<(), std::num::ParseFloatError>(())
    /// ```
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON.
    ///
    /// ```
    /// use hookbox_sdk::{Failure, http::Response, prelude::json};
    ///
    /// // Slack answers 200 to what it refuses, too.
    /// let answer = Response::new(200).with_json(&json!({"ok": false, "error": "ratelimited"}));
    /// assert_eq!(answer.json()?["error"], "ratelimited");
    /// assert!(Response::new(502).with_body("<html>").json().is_err());
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// If it is none.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}
