//! Outgoing HTTP: linked for every component, refused for every request until an operator can grant hosts.
//!
//! A component may import `wasi:http` without using it (those built from JavaScript do), so the import is always
//! there and the refusal comes when a request is sent: the guest sees WASI's `HTTP-request-denied`, and the
//! attempt keeps the call with what denied it.

use crate::delivery::OutgoingCall;
use crate::plugin::verdict::cut;
use hyper::{Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

/// The most outgoing calls kept with an attempt.
pub const CALLS_MAX: usize = 128;

/// The longest URL kept with a call, in bytes.
const URL_BYTES_MAX: usize = 1024;

/// The longest method kept with a call, in bytes: a guest may make one up.
const METHOD_BYTES_MAX: usize = 32;

/// What denies every request.
const DENIED_BY: &str = "no host is granted";

/// Refuses every request and keeps what was asked.
#[derive(Debug, Default)]
pub struct DenyHttp {
    calls: Vec<OutgoingCall>,
}

impl DenyHttp {
    /// Takes the calls made so far.
    #[must_use]
    pub fn take_calls(&mut self) -> Vec<OutgoingCall> {
        std::mem::take(&mut self.calls)
    }
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for DenyHttp {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Io,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Io)>> + Send> {
        if self.calls.len() < CALLS_MAX {
            let uri = request.uri();
            // The query may carry what is nobody else's business, so only scheme, host and path are kept.
            let url = format!(
                "{}://{}{}",
                uri.scheme_str().unwrap_or("https"),
                uri.authority().map_or("", |authority| authority.host()),
                uri.path()
            );
            self.calls.push(OutgoingCall {
                method: cut(request.method().to_string(), METHOD_BYTES_MAX),
                url: cut(url, URL_BYTES_MAX),
                status: None,
                ms: 0,
                denied_by: Some(DENIED_BY.to_owned()),
            });
        }
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}
