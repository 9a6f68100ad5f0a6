//! Why a call of the Hub failed.

use std::fmt;
use std::time::Duration;

use super::rate;
use crate::Failure;
use crate::http::{self, Response};
use crate::json::{self, Slot};
use crate::payload::lenient::object;

/// The most characters of the Hub's own words that are kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// Why a call of the Hub failed.
///
/// ```
/// use hookbox_sdk::{hub, http::Response, Failure, testing::FakeHub};
/// use std::time::Duration;
///
/// let fake = FakeHub::start();
/// let limited = Response::new(429).with_header("RateLimit", r#""api";r=0;t=55"#);
/// fake.answers_with("GET", "/api/whoami-v2", Ok(limited));
/// let error = hub::Client::new()?.whoami().unwrap_err();
/// assert_eq!(error.kind(), &hub::ErrorKind::RateLimited { wait: Duration::from_secs(56) });
/// assert!(matches!(Failure::from(error), Failure::Retry { after_ms: Some(56_000), .. }));
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Fault>);

/// What is known of a failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    kind: ErrorKind,
    /// Method and path.
    call: String,
    /// What the Hub said, or what is wrong.
    message: String,
    status: Option<u16>,
    code: Option<String>,
    request_id: Option<String>,
    source: Option<http::Error>,
}

/// What kind of fault it was, as far as a plugin can do something about it.
///
/// ```
/// use hookbox_sdk::hub::{Client, ErrorKind, Repo};
/// # use hookbox_sdk::{prelude::*, http::Response, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # fake.answers_with("GET", "/my-org/bert/raw/main/README.md", Ok(Response::new(404)));
///
/// // To a repo without a card there is something to say; any other fault is the Hub's or the token's.
/// let card = match Client::new()?.read_file(&Repo::model("my-org/bert")?, "main", "README.md") {
///     Ok(file) => file.text().into_owned(),
///     Err(error) if error.kind() == &ErrorKind::NotFound => String::new(),
///     Err(error) => return Err(error.into()),
/// };
/// assert_eq!(card, "");
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no answer: the grant does not allow the call, or the network failed. The error's source says which.
    Transport,
    /// Too many calls (429).
    RateLimited {
        /// How long to wait, by the Hub's own word.
        wait: Duration,
    },
    /// The Hub failed (5xx, 408).
    Unavailable {
        /// How long to wait, if the Hub says so (`Retry-After`).
        wait: Option<Duration>,
    },
    /// The token is missing or not valid (401). The Hub also says so of a repo that it does not show to nobody.
    Unauthorized,
    /// The token may not do that (403).
    Forbidden,
    /// There is no such repo, revision, file or discussion, or the token may not see it (404, 410).
    NotFound,
    /// Something stands in the way now (409, 412): it is there already, or was changed meanwhile.
    Conflict,
    /// The Hub refuses the call as it is (any other 4xx).
    Refused,
    /// The file is a large one (LFS, Xet): git has only what stands for it, and its content lies on another host.
    LargeFile {
        /// Its size in bytes; zero if that is not said.
        size: u64,
    },
    /// What was asked for is on another host, which the SDK does not follow to.
    Elsewhere {
        /// The host.
        host: String,
    },
    /// What was to be changed has moved.
    Moved {
        /// Its new path.
        path: String,
    },
    /// The answer is not of the shape that it should have.
    Unreadable,
    /// The call cannot be made like that, and was not.
    Argument,
}

object! {
    /// What the Hub says of a failure.
    pub struct Complaint {
        /// The body's own word (hub client, `_format`; the router's has a `message` in it).
        pub error: Words = "error" | "message",
    }
}

/// A text, or the last of several, or the `message` of an object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Words(String);

impl Slot for Words {
    fn text(&mut self, text: &str) -> bool {
        self.0.text(text)
    }

    fn list(&mut self) -> bool {
        true
    }

    fn item(&mut self) -> Option<&mut dyn Slot> {
        Some(&mut self.0)
    }

    fn object(&mut self) -> bool {
        true
    }

    fn field(&mut self, key: &str) -> Option<&mut dyn Slot> {
        if key == "message" {
            Some(&mut self.0)
        } else {
            None
        }
    }
}

impl Error {
    pub(super) fn new(kind: ErrorKind, call: &str, message: impl Into<String>) -> Error {
        Error(Box::new(Fault {
            kind,
            call: call.to_owned(),
            message: message.into(),
            status: None,
            code: None,
            request_id: None,
            source: None,
        }))
    }

    /// A call that is not made.
    pub(super) fn argument(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Argument, "", message)
    }

    /// A call without an answer.
    pub(super) fn transport(call: &str, source: http::Error) -> Error {
        let mut error = Error::new(ErrorKind::Transport, call, "there is no answer");
        error.0.source = Some(source);
        error
    }

    /// An answer that says no.
    pub(super) fn answered(call: &str, response: &Response) -> Error {
        let kind = match response.status() {
            429 => ErrorKind::RateLimited {
                wait: rate::wait(response),
            },
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 | 410 => ErrorKind::NotFound,
            409 | 412 => ErrorKind::Conflict,
            408 | 500.. => ErrorKind::Unavailable {
                wait: rate::retry_after(response),
            },
            _ => ErrorKind::Refused,
        };
        let header = |name| response.header(name).map(str::to_owned);
        Error(Box::new(Fault {
            kind,
            call: call.to_owned(),
            message: words(response),
            status: Some(response.status()),
            code: header("x-error-code"),
            request_id: header("x-request-id"),
            source: None,
        }))
    }

    /// What kind of fault it was.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, ErrorKind, Repo};
    ///
    /// let error = Client::new()?.retitle(&Repo::model("my-org/bert")?, 7, "?").unwrap_err();
    /// assert_eq!(error.kind(), &ErrorKind::Argument); // nothing was sent
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The answer's status, if there was one.
    ///
    /// ```
    /// use hookbox_sdk::{Failure, hub::Client, http::Response, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers_with("GET", "/api/whoami-v2", Ok(Response::new(401)));
    /// let error = Client::new()?.whoami().unwrap_err();
    /// assert_eq!(error.status(), Some(401));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// What the Hub said in its own words, at most 300 characters; or what is wrong with the call.
    ///
    /// ```
    /// use hookbox_sdk::{hub::{Client, Repo}, http::Response, prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// let refusal = Response::new(400).with_json(&json!({"error": "Discussions are disabled"}));
    /// fake.answers_with("POST", "/api/models/my-org/bert/discussions", Ok(refusal));
    /// let error = Client::new()?.open_discussion(&Repo::model("my-org/bert")?, "A licence?", "Which?").unwrap_err();
    /// assert_eq!(error.message(), "Discussions are disabled");
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The Hub's word for the fault, such as `RepoNotFound`, `RevisionNotFound`, `EntryNotFound`, `GatedRepo`. (hub
    /// client, `hf_raise_for_status`: header `X-Error-Code`)
    ///
    /// ```
    /// use hookbox_sdk::{Failure, hub::{Client, Repo}, http::Response, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// let gated = Response::new(403).with_header("X-Error-Code", "GatedRepo");
    /// fake.answers_with("GET", "/my-org/bert/raw/main/README.md", Ok(gated));
    /// let error = Client::new()?.read_file(&Repo::model("my-org/bert")?, "main", "README.md").unwrap_err();
    /// assert_eq!(error.code(), Some("GatedRepo"));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What the Hub's support asks for. (hub client: header `X-Request-Id`)
    ///
    /// ```
    /// use hookbox_sdk::{Failure, hub::Client, http::Response, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// let broken = Response::new(500).with_header("X-Request-Id", "Root=1-67");
    /// fake.answers_with("GET", "/api/whoami-v2", Ok(broken));
    /// let error = Client::new()?.whoami().unwrap_err();
    /// assert_eq!(error.request_id(), Some("Root=1-67"));
    /// assert_eq!(error.to_string(), "GET /api/whoami-v2: the Hub answers 500 (request Root=1-67)");
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Whether what was asked for is not there.
    ///
    /// ```
    /// use hookbox_sdk::{Failure, hub::{Client, Repo}, http::Response, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers_with("GET", "/api/models/my-org/bert/discussions/7", Ok(Response::new(404)));
    /// let gone = Client::new()?.discussion(&Repo::model("my-org/bert")?, 7);
    /// assert!(gone.is_err_and(|error| error.is_not_found()));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// What a handler answers to it.
    pub(crate) fn failure(&self, reason: String) -> Failure {
        match (&self.0.kind, &self.0.source) {
            (ErrorKind::RateLimited { wait } | ErrorKind::Unavailable { wait: Some(wait) }, _) => {
                Failure::retry_after(reason, *wait)
            }
            (_, Some(source)) => source.failure(reason),
            (
                ErrorKind::Transport
                | ErrorKind::Unavailable { wait: None }
                | ErrorKind::Conflict
                | ErrorKind::Unreadable,
                None,
            ) => Failure::retry(reason),
            _ => Failure::reject(reason),
        }
    }
}

/// What the Hub said: a header, or the body's `error`. (hub client, `_format`)
fn words(response: &Response) -> String {
    let mut complaint = Complaint::default();
    let said = match response.header("x-error-message") {
        Some(header) => header,
        None => {
            // A body that is no JSON, as a proxy's, says nothing.
            let _ = json::read(response.body(), &mut complaint);
            complaint.error.0.as_str()
        }
    };
    let plain = said.chars().filter(|c| !c.is_control());
    plain.take(MESSAGE_CHARS_MAX).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.call.is_empty() {
            write!(f, "{}: ", self.0.call)?;
        }
        match &self.0.kind {
            ErrorKind::RateLimited { wait } => {
                write!(f, "rate limited for {} s", wait.as_secs())?;
            }
            ErrorKind::LargeFile { size } => write!(
                f,
                "it is a large file (LFS, {size} bytes): its content lies on another host, and is not read here"
            )?,
            ErrorKind::Elsewhere { host } => {
                write!(f, "it leads to {host}, and other hosts are not followed to")?
            }
            ErrorKind::Moved { path } => write!(f, "it has moved to {path}")?,
            _ => match self.0.status {
                Some(status) => write!(f, "the Hub answers {status}")?,
                None => return f.write_str(&self.0.message),
            },
        }
        if !self.0.message.is_empty() {
            write!(f, ": {}", self.0.message)?;
        }
        match &self.0.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.source.as_ref()?;
        Some(source)
    }
}
