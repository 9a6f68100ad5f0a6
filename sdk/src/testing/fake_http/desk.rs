//! What the servers of a native test say, and what they heard.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::given::Stack;
use crate::http::{Error, ErrorKind, Request, Response};
use crate::testing::wrong;

/// How many answers are named where none fits.
const NAMED_MAX: usize = 10;

thread_local! {
    /// The servers that this thread's test gave.
    pub static DESKS: Stack<Rc<Desk>> = const { Stack::new() };
}

/// What the servers say and what they heard.
#[derive(Debug, Default)]
pub struct Desk {
    lines: RefCell<Vec<Line>>,
    pub heard: RefCell<Vec<Request>>,
}

/// The answers to one kind of request, in order; the last one stays.
#[derive(Debug)]
struct Line {
    method: String,
    address: String,
    answers: VecDeque<Result<Response, Error>>,
    is_asked: bool,
}

impl Line {
    fn shown(&self) -> String {
        format!("{} {}", self.method, self.address)
    }
}

/// The answer of the newest servers that have one.
pub fn answer(request: &Request, adds: &str) -> Result<Response, Error> {
    let desks = DESKS.with(Stack::all);
    let answer = desks.iter().find_map(|desk| desk.answer(request));
    answer.unwrap_or_else(|| {
        if let Some(newest) = desks.first() {
            newest.heard.borrow_mut().push(request.clone());
        }
        let (method, url) = (request.method(), request.url());
        let has = known(&desks);
        let detail = format!("no answer to {method} {url}; it has {has}: give it one with {adds}");
        Err(Error::new(ErrorKind::Denied, detail))
    })
}

/// What they have answers to, as a text.
fn known(desks: &[Rc<Desk>]) -> String {
    let mut shown: Vec<String> = vec![];
    for desk in desks {
        shown.extend(desk.lines.borrow().iter().map(Line::shown));
    }
    let more = shown.len().saturating_sub(NAMED_MAX);
    shown.truncate(NAMED_MAX);
    match (shown.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, _) => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Desk {
    #[track_caller]
    pub fn learn(&self, method: &str, address: &str, answer: Result<Response, Error>) {
        let begins = ["/", "http://", "https://"];
        if !begins.iter().any(|begin| address.starts_with(begin)) {
            wrong(&format!(
                "no request has the address `{address}`: begin it with `https://`, or with `/` for any host"
            ));
        }
        let method = method.to_ascii_uppercase();
        let mut lines = self.lines.borrow_mut();
        let known = lines
            .iter_mut()
            .find(|line| line.method == method && line.address == address);
        match known {
            Some(line) => line.answers.push_back(answer),
            None => lines.push(Line {
                method,
                address: address.to_owned(),
                answers: VecDeque::from([answer]),
                is_asked: false,
            }),
        }
    }

    pub fn unasked(&self) -> Vec<String> {
        let lines = self.lines.borrow();
        let unasked = lines.iter().filter(|line| !line.is_asked);
        unasked.map(Line::shown).collect()
    }

    /// `None` if it has none, and then it heard nothing.
    fn answer(&self, request: &Request) -> Option<Result<Response, Error>> {
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
        let line = lines.get_mut(place?)?;
        line.is_asked = true;
        self.heard.borrow_mut().push(request.clone());
        let next = if line.answers.len() > 1 {
            line.answers.pop_front()
        } else {
            line.answers.front().cloned()
        };
        Some(next.unwrap_or_else(|| Err(Error::new(ErrorKind::Broken, "no answer is left"))))
    }
}
