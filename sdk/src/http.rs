//! Requests to hosts that the operator granted.
//!
//! The host of the plugin sends them: it checks each against the `[[http]]` entries of the grant, adds the credential
//! that is granted with the entry, and keeps method, address and status with the attempt. A plugin never sees a
//! credential, so it sets no `authorization` header. Redirects are not followed: the answer is the redirect.
//!
//! ```
//! use hookbox_sdk::http::{self, Request, Response};
//! use hookbox_sdk::{Failure, testing};
//!
//! fn rate(currency: &str) -> hookbox_sdk::Result<String> {
//!     let answer = Request::get(format!("https://rates.example.org/v1/{currency}")).send()?;
//!     if !answer.is_success() {
//!         return Err(Failure::retry(format!("the rates answer {}", answer.status())));
//!     }
//!     Ok(answer.text().into_owned())
//! }
//!
//! // In a test another transport stands where the host would be.
//! let _network = testing::network(|request: &Request| -> Result<Response, http::Error> {
//!     assert_eq!(request.url(), "https://rates.example.org/v1/chf");
//!     Ok(Response::new(200).with_body("1.07"))
//! });
//! assert_eq!(rate("chf"), Ok("1.07".to_owned()));
//! ```

mod error;
mod headers;
mod request;
mod response;
mod url;
#[cfg(target_family = "wasm")]
mod wasi;

#[cfg(not(target_family = "wasm"))]
use std::rc::Rc;

pub use error::{Error, ErrorKind};
pub use request::Request;
pub use response::Response;
pub(crate) use url::{Target, encoded};

#[cfg(not(target_family = "wasm"))]
use crate::given::Stack;

/// What sends requests: in a component the plugin's host, in a native test what the test gave.
///
/// ```
/// use hookbox_sdk::{Failure, http, testing};
///
/// /// A network in which every host is down.
/// struct Down;
///
/// impl http::Transport for Down {
///     fn send(&self, _: &http::Request) -> Result<http::Response, http::Error> {
///         Err(http::Error::new(http::ErrorKind::Unreachable, "the connection was refused"))
///     }
/// }
///
/// let _network = testing::network(Down);
/// let error = http::Request::get("https://example.org/").send().unwrap_err();
/// assert_eq!(error.kind(), http::ErrorKind::Unreachable);
/// ```
pub trait Transport {
    /// Sends a request and waits for the whole answer.
    ///
    /// ```
    /// use hookbox_sdk::http::{Error, Request, Response, Transport};
    ///
    /// // A function is a transport.
    /// let echo = |request: &Request| -> Result<Response, Error> {
    ///     Ok(Response::new(200).with_body(request.body()))
    /// };
    /// let request = Request::post("https://example.org/echo").with_body("text/plain", "hello");
    /// assert_eq!(echo.send(&request)?.text(), "hello");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is no answer, or only a part of one. Any status is an answer.
    fn send(&self, request: &Request) -> Result<Response, Error>;
}

/// A function is a transport: enough for most tests.
impl<F: Fn(&Request) -> Result<Response, Error>> Transport for F {
    fn send(&self, request: &Request) -> Result<Response, Error> {
        self(request)
    }
}

#[cfg(not(target_family = "wasm"))]
thread_local! {
    /// The transport that this thread's test gave.
    pub(crate) static NETWORK: Stack<Rc<dyn Transport>> = const { Stack::new() };
}

#[cfg(target_family = "wasm")]
fn transmit(request: &Request, target: &Target) -> Result<Response, Error> {
    wasi::send(request, target)
}

#[cfg(not(target_family = "wasm"))]
fn transmit(request: &Request, _: &Target) -> Result<Response, Error> {
    let network = NETWORK.with(Stack::last);
    match network {
        Some(network) => network.send(request),
        None => Err(Error::new(
            ErrorKind::Denied,
            "a native build has no network: give the test one with `hookbox_sdk::testing`",
        )),
    }
}

#[cfg(test)]
mod tests;
