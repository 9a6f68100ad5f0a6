//! Why a request has no answer.

use std::fmt;

use crate::Failure;

/// Why a request has no answer. A `?` on it asks for another attempt, unless the request itself is the fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    detail: String,
    /// The request's method and address, without its query.
    request: String,
}

/// What kind of fault it was, as far as a plugin can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request cannot be sent as it is: its address or a header is not well-formed, or is reserved to the host.
    Invalid,
    /// The grant does not allow it, or its budget is used up. The attempt's outgoing call says which line allows it.
    Denied,
    /// The name leads to an address that plugins may not reach.
    Prohibited,
    /// The name is not known, or could not be looked up.
    UnknownHost,
    /// There is no connection: refused, not reachable, closed, or too many at once.
    Unreachable,
    /// TLS failed: the certificate is not valid, or the protocol broke.
    Tls,
    /// It took longer than the grant, or the request itself, allows.
    Timeout,
    /// The answer, or the request, is larger than is allowed.
    TooLarge,
    /// The answer ended before it was complete, or is no HTTP.
    Broken,
}

impl Error {
    /// An error of that kind; the detail is a sentence without a capital and a full stop. For transports.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Error {
        Error {
            kind,
            detail: detail.into(),
            request: String::new(),
        }
    }

    /// The same error, of that request.
    pub(super) fn of(mut self, request: String) -> Error {
        self.request = request;
        self
    }

    /// What kind of fault it was.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What a handler answers to it.
    pub(crate) fn failure(&self, reason: String) -> Failure {
        match self.kind {
            ErrorKind::Invalid | ErrorKind::TooLarge => Failure::reject(reason),
            _ => Failure::retry(reason),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.request.is_empty() {
            f.write_str(&self.detail)
        } else {
            write!(f, "{}: {}", self.request, self.detail)
        }
    }
}

impl std::error::Error for Error {}
