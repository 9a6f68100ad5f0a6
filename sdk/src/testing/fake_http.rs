//! The servers of a native test: they answer what they were told, and keep what they were asked.

mod desk;

use std::rc::Rc;

use serde_json::Value;

use crate::given::Given;
use crate::http::{Error, ErrorKind, Request, Response, Transport};
use desk::{DESKS, Desk};

/// All servers that a native test calls. They stand for every host that this thread calls, until this is dropped.
///
/// ```
/// use hookbox_sdk::http::{Request, Response};
/// use hookbox_sdk::{prelude::json, testing::FakeHttp};
///
/// let http = FakeHttp::start();
/// http.answers("POST", "https://chat.example.org/posts", Response::new(201));
///
/// let post = Request::post("https://chat.example.org/posts").json(&json!({"text": "hello"}));
/// assert_eq!(post.send()?.status(), 201);
///
/// assert_eq!(http.asked(), ["POST https://chat.example.org/posts"]);
/// assert_eq!(http.requests()[0].header("content-type"), Some("application/json"));
/// assert_eq!(http.bodies(), [json!({"text": "hello"})]);
/// # Ok::<(), hookbox_sdk::Failure>(())
/// ```
///
/// A test of a plugin that calls the Hub alone reads better with a [`FakeHub`](crate::testing::FakeHub); of one that
/// calls others, too, it has both. A request that the newest of them does not know goes on to the one before, and counts
/// as asked of the one that answers it; what nobody knows counts as asked of the newest.
#[must_use = "it answers only until it is dropped: keep it as `let http = …`"]
#[derive(Debug)]
pub struct FakeHttp {
    desk: Rc<Desk>,
    _desk: Given<Rc<Desk>>,
    _network: Given<Rc<dyn Transport>>,
}

impl FakeHttp {
    /// Servers that know no answer yet.
    ///
    /// ```
    /// use hookbox_sdk::{http::Request, testing::FakeHttp};
    ///
    /// let _http = FakeHttp::start();
    /// let error = Request::get("https://example.org/a").send().unwrap_err();
    /// assert!(error.to_string().contains("give it one with `FakeHttp::answers`"));
    /// ```
    pub fn start() -> FakeHttp {
        FakeHttp::with_desk("`FakeHttp::answers`")
    }

    /// As [`FakeHttp::start`], for whoever adds answers by another call.
    pub(super) fn with_desk(adds: &'static str) -> FakeHttp {
        let desk = Rc::new(Desk::default());
        let network = move |request: &Request| desk::answer(request, adds);
        FakeHttp {
            _desk: Given::new(&DESKS, Rc::clone(&desk)),
            desk,
            _network: super::network(network),
        }
    }

    /// Answers a request with that response. An address without a query stands for all queries; one that begins with
    /// `/` stands for all hosts. The address that says most is meant first. Several answers to the same are given in
    /// turn; the last one stays.
    ///
    /// ```
    /// use hookbox_sdk::{http::{Request, Response}, testing::FakeHttp};
    ///
    /// let http = FakeHttp::start();
    /// http.answers("GET", "https://example.org/a", Response::new(503));
    /// http.answers("GET", "https://example.org/a", Response::new(200));
    /// let ask = || Request::get("https://example.org/a?page=2").send().map(|answer| answer.status());
    /// assert_eq!((ask(), ask(), ask()), (Ok(503), Ok(200), Ok(200)));
    /// ```
    ///
    /// # Panics
    /// If the address begins neither with `/` nor with `http://` or `https://`: no request has such a one.
    #[track_caller]
    pub fn answers(&self, method: &str, address: &str, response: Response) {
        self.desk.learn(method, address, Ok(response));
    }

    /// Answers a request with nothing: it fails so. Of the address counts what [`FakeHttp::answers`] says.
    ///
    /// ```
    /// use hookbox_sdk::{http::{ErrorKind, Request}, testing::FakeHttp};
    ///
    /// let http = FakeHttp::start();
    /// http.fails("GET", "https://example.org/a", ErrorKind::Timeout);
    /// let error = Request::get("https://example.org/a").send().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Timeout);
    /// ```
    ///
    /// # Panics
    /// As [`FakeHttp::answers`].
    #[track_caller]
    pub fn fails(&self, method: &str, address: &str, kind: ErrorKind) {
        let error = Error::new(kind, "the test wants it so");
        self.desk.learn(method, address, Err(error));
    }

    /// As [`FakeHttp::answers`] and [`FakeHttp::fails`].
    #[track_caller]
    pub(super) fn learn(&self, method: &str, address: &str, answer: Result<Response, Error>) {
        self.desk.learn(method, address, answer);
    }

    /// The requests so far, as `POST https://…`: method and address, with the query.
    ///
    /// ```
    /// use hookbox_sdk::{http::Request, testing::FakeHttp};
    ///
    /// let http = FakeHttp::start();
    /// let _ = Request::delete("https://example.org/notes/7?now=1").send();
    /// assert_eq!(http.asked(), ["DELETE https://example.org/notes/7?now=1"]);
    /// ```
    pub fn asked(&self) -> Vec<String> {
        let heard = self.desk.heard.borrow();
        let shown = heard
            .iter()
            .map(|request| format!("{} {}", request.method(), request.url()));
        shown.collect()
    }

    /// What it has an answer for and was not asked for so far, as `POST https://…`: the address as it was given. A test
    /// that ends with none of these has no answer too many.
    ///
    /// ```
    /// use hookbox_sdk::{http::{Request, Response}, testing::FakeHttp};
    ///
    /// let http = FakeHttp::start();
    /// http.answers("GET", "/notes", Response::new(200));
    /// http.answers("POST", "https://example.org/notes", Response::new(201));
    /// assert!(Request::get("https://example.org/notes").send().is_ok());
    /// assert_eq!(http.unasked(), ["POST https://example.org/notes"]);
    /// ```
    pub fn unasked(&self) -> Vec<String> {
        self.desk.unasked()
    }

    /// The requests so far, whole: with their headers and bodies.
    ///
    /// ```
    /// use hookbox_sdk::{http::Request, testing::FakeHttp};
    ///
    /// let http = FakeHttp::start();
    /// let _ = Request::post("https://example.org/notes").with_body("text/plain", "hello").send();
    /// let asked = &http.requests()[0];
    /// assert_eq!((asked.method(), asked.path(), asked.body()), ("POST", "/notes", &b"hello"[..]));
    /// ```
    pub fn requests(&self) -> Vec<Request> {
        self.desk.heard.borrow().clone()
    }

    /// The JSON bodies of the requests so far that had one, in order.
    ///
    /// ```
    /// use hookbox_sdk::{http::Request, prelude::json, testing::FakeHttp};
    ///
    /// let http = FakeHttp::start();
    /// let _ = Request::get("https://example.org/notes").send();
    /// let _ = Request::post("https://example.org/notes").json(&json!([1])).send();
    /// assert_eq!(http.bodies(), [json!([1])]);
    /// ```
    pub fn bodies(&self) -> Vec<Value> {
        let heard = self.desk.heard.borrow();
        let bodies = heard.iter().map(Request::body);
        bodies
            .filter_map(|body| serde_json::from_slice(body).ok())
            .collect()
    }
}
