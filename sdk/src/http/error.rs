//! Why a request has no answer.

use std::fmt;

use crate::Failure;

/// Why a request has no answer. A `?` on it asks for another attempt, unless the request itself is the fault.
///
/// ```
/// use hookbox_sdk::{Failure, http::{ErrorKind, Request}};
///
/// let error = Request::get("rates.example.org").send().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Invalid);
/// assert_eq!(error.to_string(), "GET rates.example.org: the address does not begin with `https://`");
/// // No later attempt could send it either.
/// assert!(matches!(Failure::from(error), Failure::Rejected { .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    detail: String,
    /// The request's method and address, without its query.
    request: String,
}

/// What kind of fault it was, as far as a plugin can do something about it.
///
/// ```
/// use hookbox_sdk::{http::{Error, ErrorKind, Request, Response}, prelude::*, testing};
///
/// /// A rate that is a day old will do, where there is no newer one.
/// fn rate() -> Result<String> {
///     match Request::get("https://rates.example.org/v1/chf").send() {
///         Ok(answer) => Ok(answer.text().into_owned()),
///         Err(error) if error.kind() == ErrorKind::Timeout => Ok("1.07".to_owned()),
///         Err(error) => Err(error.into()),
///     }
/// }
///
/// # let _network = testing::network(|_: &Request| -> Result<Response, Error> {
/// #     Err(Error::new(ErrorKind::Timeout, "there was no answer in time"))
/// # });
/// assert_eq!(rate()?, "1.07");
/// # Ok::<(), Failure>(())
/// ```
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
    ///
    /// ```
    /// use hookbox_sdk::{Failure, http::{Error, ErrorKind}};
    ///
    /// let error = Error::new(ErrorKind::Tls, "the certificate has expired");
    /// assert_eq!(error.to_string(), "the certificate has expired");
    /// assert_eq!(Failure::from(error), Failure::retry("the certificate has expired"));
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::http::{ErrorKind, Request};
    ///
    /// // Without a grant, as in a test without a network, nothing is sent.
    /// let error = Request::get("https://example.org/").send().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Denied);
    /// ```
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
