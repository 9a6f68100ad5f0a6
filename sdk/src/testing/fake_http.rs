//! The servers of a native test: they answer what they were told, and keep what they were asked.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::Value;

use crate::given::Given;
use crate::http::{Error, ErrorKind, Request, Response, Transport};

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
/// A test of a plugin that calls the Hub alone reads better with a [`FakeHub`](crate::testing::FakeHub).
#[must_use = "it answers only until it is dropped: keep it as `let http = …`"]
#[derive(Debug)]
pub struct FakeHttp {
    desk: Rc<Desk>,
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
        let transport = Rc::clone(&desk);
        let network = move |request: &Request| transport.answer(request, adds);
        FakeHttp {
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
    pub fn fails(&self, method: &str, address: &str, kind: ErrorKind) {
        let error = Error::new(kind, "the test wants it so");
        self.desk.learn(method, address, Err(error));
    }

    /// As [`FakeHttp::answers`] and [`FakeHttp::fails`].
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

/// What the servers say and what they heard.
#[derive(Debug, Default)]
struct Desk {
    lines: RefCell<Vec<Line>>,
    heard: RefCell<Vec<Request>>,
}

/// The answers to one kind of request, in order; the last one stays.
#[derive(Debug)]
struct Line {
    method: String,
    address: String,
    answers: VecDeque<Result<Response, Error>>,
}

impl Desk {
    fn learn(&self, method: &str, address: &str, answer: Result<Response, Error>) {
        let mut lines = self.lines.borrow_mut();
        let known = lines
            .iter_mut()
            .find(|line| line.method == method && line.address == address);
        match known {
            Some(line) => line.answers.push_back(answer),
            None => lines.push(Line {
                method: method.to_owned(),
                address: address.to_owned(),
                answers: VecDeque::from([answer]),
            }),
        }
    }

    fn answer(&self, request: &Request, adds: &str) -> Result<Response, Error> {
        self.heard.borrow_mut().push(request.clone());
        let (url, path) = (request.url(), request.path());
        let bare = |address| str::split(address, '?').next().unwrap_or_default();
        let mut lines = self.lines.borrow_mut();
        // What names most is meant first.
        let place = [url, bare(url), path, bare(path)]
            .into_iter()
            .find_map(|wanted| {
                lines
                    .iter()
                    .position(|line| line.method == request.method() && line.address == wanted)
            });
        let Some(line) = place.and_then(|place| lines.get_mut(place)) else {
            let detail = format!(
                "the test has no answer to `{} {path}`: give it one with {adds}",
                request.method()
            );
            return Err(Error::new(ErrorKind::Denied, detail));
        };
        let next = if line.answers.len() > 1 {
            line.answers.pop_front()
        } else {
            line.answers.front().cloned()
        };
        next.unwrap_or_else(|| Err(Error::new(ErrorKind::Broken, "no answer is left")))
    }
}
