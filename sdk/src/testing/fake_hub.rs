//! A Hub of a native test's own: it answers what it was told, and keeps what it was asked.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::Value;

use crate::given::Given;
use crate::http::{Error, ErrorKind, Request, Response, Transport};

/// A Hub for native tests. It stands for every host that this thread calls, until it is dropped.
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
#[derive(Debug)]
pub struct FakeHub {
    desk: Rc<Desk>,
    _network: Given<Rc<dyn Transport>>,
}

/// What it says and what it heard.
#[derive(Debug, Default)]
struct Desk {
    lines: RefCell<Vec<Line>>,
    heard: RefCell<Vec<Request>>,
}

/// The answers to one kind of request, in order; the last one stays.
#[derive(Debug)]
struct Line {
    method: String,
    path: String,
    answers: VecDeque<Result<Response, Error>>,
}

impl FakeHub {
    /// A Hub that knows no answer yet.
    #[must_use]
    pub fn start() -> FakeHub {
        let desk = Rc::new(Desk::default());
        let transport = Rc::clone(&desk);
        FakeHub {
            desk,
            _network: super::network(move |request: &Request| transport.answer(request)),
        }
    }

    /// Answers a request with that JSON. The path is compared with the query if it has one, else without. Several
    /// answers to the same are given in turn; the last one stays.
    pub fn answers(&self, method: &str, path: &str, json: &Value) {
        self.answers_with(method, path, Ok(Response::new(200).with_json(json)));
    }

    /// Answers a request with any response, or with none.
    pub fn answers_with(&self, method: &str, path: &str, answer: Result<Response, Error>) {
        let mut lines = self.desk.lines.borrow_mut();
        let known = lines
            .iter_mut()
            .find(|line| line.method == method && line.path == path);
        match known {
            Some(line) => line.answers.push_back(answer),
            None => lines.push(Line {
                method: method.to_owned(),
                path: path.to_owned(),
                answers: VecDeque::from([answer]),
            }),
        }
    }

    /// The requests so far, as `POST /api/…`: method and path, with the query.
    pub fn asked(&self) -> Vec<String> {
        let heard = self.desk.heard.borrow();
        let shown = heard
            .iter()
            .map(|request| format!("{} {}", request.method(), request.path()));
        shown.collect()
    }

    /// The requests so far, whole.
    pub fn requests(&self) -> Vec<Request> {
        self.desk.heard.borrow().clone()
    }

    /// The JSON bodies of the requests so far that had one, in order.
    pub fn bodies(&self) -> Vec<Value> {
        let heard = self.desk.heard.borrow();
        let bodies = heard.iter().map(Request::body);
        bodies
            .filter_map(|body| serde_json::from_slice(body).ok())
            .collect()
    }
}

impl Desk {
    fn answer(&self, request: &Request) -> Result<Response, Error> {
        self.heard.borrow_mut().push(request.clone());
        let path = request.path();
        let bare = path.split('?').next().unwrap_or_default();
        let mut lines = self.lines.borrow_mut();
        // Who names the query is meant first.
        let place = [path, bare].into_iter().find_map(|wanted| {
            lines
                .iter()
                .position(|line| line.method == request.method() && line.path == wanted)
        });
        let Some(line) = place.and_then(|place| lines.get_mut(place)) else {
            let detail = format!(
                "the test's Hub has no answer to `{} {path}`: give it one with `FakeHub::answers`",
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
