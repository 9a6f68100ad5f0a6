//! A Hub of a native test's own: it answers what it was told, and keeps what it was asked.

use serde_json::Value;

use crate::http::{Error, Request, Response};
use crate::testing::FakeHttp;

/// A Hub for native tests. It stands for every host that this thread calls, until it is dropped; what it does not know
/// goes on to a [`FakeHttp`] that was there before.
///
/// ```
/// use hookbox_sdk::{hub, prelude::json, testing::FakeHub};
///
/// let fake = FakeHub::start();
/// fake.answers("GET", "/api/whoami-v2", &json!({"type": "user", "name": "ada", "id": "1"}));
/// assert_eq!(hub::Client::new()?.whoami()?.name, "ada");
/// assert_eq!(fake.asked(), ["GET /api/whoami-v2"]);
/// # Ok::<(), hookbox_sdk::Failure>(())
/// ```
#[must_use = "it answers only until it is dropped: keep it as `let hub = …`"]
#[derive(Debug)]
pub struct FakeHub(FakeHttp);

impl FakeHub {
    /// A Hub that knows no answer yet.
    ///
    /// ```
    /// use hookbox_sdk::{Failure, hub, testing::FakeHub};
    ///
    /// let _fake = FakeHub::start();
    /// let failure = Failure::from(hub::Client::new()?.whoami().unwrap_err());
    /// assert!(failure.reason().contains("give it one with `FakeHub::answers`"));
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn start() -> FakeHub {
        FakeHub(FakeHttp::with_desk("`FakeHub::answers`"))
    }

    /// Answers a request with that JSON. The path is compared with the query if it has one, else without. Several
    /// answers to the same are given in turn; the last one stays.
    ///
    /// ```
    /// use hookbox_sdk::{hub, prelude::json, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/whoami-v2", &json!({"type": "org", "name": "acme", "id": "2"}));
    /// assert_eq!(hub::Client::new()?.whoami()?.name, "acme");
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    ///
    /// # Panics
    /// If the path begins neither with `/` nor with `http://` or `https://`: no request has such a one.
    #[track_caller]
    pub fn answers(&self, method: &str, path: &str, json: &Value) {
        self.answers_with(method, path, Ok(Response::new(200).with_json(json)));
    }

    /// Answers a request with any response, or with none.
    ///
    /// ```
    /// use hookbox_sdk::{http::Response, hub, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers_with("GET", "/api/whoami-v2", Ok(Response::new(401)));
    /// assert!(hub::Client::new()?.whoami().is_err());
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    ///
    /// # Panics
    /// As [`FakeHub::answers`].
    #[track_caller]
    pub fn answers_with(&self, method: &str, path: &str, answer: Result<Response, Error>) {
        self.0.learn(method, path, answer);
    }

    /// The requests so far, as `POST /api/…`: method and path, with the query.
    ///
    /// ```
    /// use hookbox_sdk::{hub, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// let _ = hub::Client::new()?.whoami();
    /// assert_eq!(fake.asked(), ["GET /api/whoami-v2"]);
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn asked(&self) -> Vec<String> {
        let requests = self.0.requests().into_iter();
        let shown = requests.map(|request| format!("{} {}", request.method(), request.path()));
        shown.collect()
    }

    /// What it has an answer for and was not asked for so far, as `POST /api/…`: the path as it was given.
    ///
    /// ```
    /// use hookbox_sdk::{prelude::json, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/whoami-v2", &json!({"name": "ada"}));
    /// assert_eq!(fake.unasked(), ["GET /api/whoami-v2"]);
    /// ```
    pub fn unasked(&self) -> Vec<String> {
        self.0.unasked()
    }

    /// The requests so far, whole: with their headers and bodies.
    ///
    /// ```
    /// use hookbox_sdk::{hub, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// let _ = hub::Client::new()?.whoami();
    /// assert!(fake.requests()[0].body().is_empty());
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn requests(&self) -> Vec<Request> {
        self.0.requests()
    }

    /// The JSON bodies of the requests so far that had one, in order.
    ///
    /// ```
    /// use hookbox_sdk::{http::Request, prelude::json, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// let _ = Request::post("https://huggingface.co/api/x").json(&json!({"a": 1})).send();
    /// assert_eq!(fake.bodies(), [json!({"a": 1})]);
    /// ```
    pub fn bodies(&self) -> Vec<Value> {
        self.0.bodies()
    }
}
