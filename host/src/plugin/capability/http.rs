//! Outgoing HTTP: linked for every component; what a grant does not allow is refused when it is asked for.
//!
//! A component may import `wasi:http` without using it (those built from JavaScript do), so the import is always
//! there and the refusal comes when a request is sent: the guest sees WASI's own errors, and the attempt keeps the
//! call with what denied it. This is the only place that knows both [`crate::outgoing`] and WASI.

use super::budget::WriteBudget;
use super::calls::{Call, CallLog, is_write, tell_writes};
use crate::outgoing::{
    Admitted, Bounded, CallError, Network, Outgoing, Refused, RequestBody, Rules, Times,
    Unfinished, Why, dashed,
};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, HeaderName};
use hyper::http::uri::Scheme;
use hyper::{Method, Request, Response, Uri};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, Result, WasiBody,
    WasiHttpHooks,
};

/// The most calls of an attempt that are under way at once.
const CALLS_AT_ONCE: usize = 8;

/// The most bytes that a guest writes of a body in one go. The host holds as much of each body that a guest has begun,
/// sent or not, and nothing but the number of its resources bounds how many those are.
const CHUNK_BYTES_MAX: usize = 16 * 1024;

/// The most calls of an attempt that are judged and denied: judging costs the guest next to nothing.
const DENIED_MAX: u32 = 1000;

/// Fields that no guest sets or reads, besides those of a connection itself: some say where a request comes from, which
/// is the host's to say, and some make a request another one than was judged.
const FORBIDDEN: &[&str] = &[
    "te",
    "trailer",
    "expect",
    "proxy",
    "forwarded",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-real-ip",
    "x-host",
    "x-envoy-original-path",
    "x-method-override",
    "x-override-url",
];

/// What the names of further such fields begin with.
const FORBIDDEN_PREFIXES: &[&str] = &["x-forwarded", "x-http-", "x-original-", "x-rewrite-"];

/// The rules of a plugin that has none.
static NO_RULES: LazyLock<Rules> = LazyLock::new(|| Rules {
    file: "its grant".to_owned(),
    entries: Vec::new(),
});

static FILTER: LazyLock<ForbiddenHeaderFilter> = LazyLock::new(|| Arc::new(is_forbidden));

/// What a plugin may call.
#[derive(Debug, Clone, Default)]
pub enum HttpAccess {
    /// Nothing: its grant names no host.
    #[default]
    NotGranted,
    /// Nothing, whatever its grant says, for this reason.
    Withheld(&'static str),
    /// What its grant says.
    Granted(Http),
}

/// What a grant allows a plugin to call.
#[derive(Clone)]
pub struct Http {
    /// The plugin's name.
    pub plugin: Arc<str>,
    /// What is allowed, with the plugin's connections.
    pub outgoing: Arc<Outgoing>,
    /// What counts its writes.
    pub budget: Arc<dyn WriteBudget>,
}

/// What the calls of all plugins of a host go through; cheap to clone.
#[derive(Clone)]
pub struct Outlet {
    /// The network.
    pub network: Arc<Network>,
    /// What counts writes.
    pub budget: Arc<dyn WriteBudget>,
}

impl Outlet {
    /// What these rules allow a plugin, over connections of its own.
    #[must_use]
    pub fn open(&self, plugin: &str, rules: Rules) -> Http {
        Http {
            plugin: plugin.into(),
            outgoing: Arc::new(Outgoing::new(&self.network, rules)),
            budget: Arc::clone(&self.budget),
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").finish_non_exhaustive()
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("outgoing", &self.outgoing)
            .finish_non_exhaustive()
    }
}

/// The calls of one attempt. Nothing is allocated before the first.
#[derive(Debug)]
pub struct HttpHooks {
    access: HttpAccess,
    begun: Option<Begun>,
}

/// What an attempt has once it has called.
#[derive(Debug)]
struct Begun {
    calls: CallLog,
    /// Requests made, by entry.
    made: Vec<u32>,
    /// Requests denied when they were judged.
    denied: u32,
    places: Arc<Semaphore>,
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl HttpHooks {
    /// The hooks of an attempt that may call this.
    #[must_use]
    pub const fn new(access: HttpAccess) -> Self {
        Self {
            access,
            begun: None,
        }
    }

    /// The attempt has ended: what is under way breaks off, and the calls are taken.
    #[must_use]
    pub fn end(&mut self) -> Vec<crate::delivery::OutgoingCall> {
        self.begun
            .take()
            .map_or_else(Vec::new, |begun| begun.calls.take())
    }

    fn begun(&mut self) -> &mut Begun {
        let entries = match &self.access {
            HttpAccess::Granted(http) => http.outgoing.rules().entries.len(),
            HttpAccess::NotGranted | HttpAccess::Withheld(_) => 0,
        };
        self.begun.get_or_insert_with(|| Begun {
            calls: CallLog::default(),
            made: vec![0; entries],
            denied: 0,
            places: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
        })
    }

    /// Whether a request is sent, and by which entry.
    fn admit(&mut self, request: &Request<WasiBody>) -> Result<Sending, Refused> {
        let access = self.access.clone();
        let http = match access {
            HttpAccess::Granted(http) => http,
            HttpAccess::Withheld(reason) => return Err(Refused::denied(reason.to_owned())),
            HttpAccess::NotGranted => {
                let judged = NO_RULES.judge(request.method(), request.uri());
                return Err(judged
                    .err()
                    .unwrap_or_else(|| Refused::denied("host".to_owned())));
            }
        };
        let rules = http.outgoing.rules();
        let admitted = rules.judge(request.method(), request.uri())?;
        let begun = self.begun();
        let entry = rules
            .entries
            .get(admitted.entry)
            .zip(begun.made.get_mut(admitted.entry));
        let (entry, made) = entry.ok_or_else(|| Refused::denied("host".to_owned()))?;
        let (name, line, file) = (entry.name(), entry.line, &rules.file);
        match &entry.credential {
            Some(Err(reason)) => {
                let reason = format!("credential of {name} (line {line} of {file}): {reason}");
                return Err(Refused::new(Why::Credential, &reason));
            }
            Some(Ok(credential)) => {
                if let Some(header) = credential.is_rivalled_by(request.headers()) {
                    return Err(Refused::denied(format!(
                        "header: the entry for {name} (line {line} of {file}) adds a credential, so the plugin may not \
                         send `{header}` there"
                    )));
                }
            }
            None => {}
        }
        if *made >= entry.requests {
            return Err(Refused::denied(format!(
                "requests: {made} of {} in this attempt are made; raise `requests` of the entry for {name} (line \
                 {line} of {file})",
                entry.requests
            )));
        }
        let place = Arc::clone(&begun.places).try_acquire_owned();
        let place = Arc::new(place.map_err(|_| {
            let reason = format!("{CALLS_AT_ONCE} calls of this attempt are under way");
            Refused::new(Why::Busy, &reason)
        })?);
        // One that has to wait for another is not made.
        *made += 1;
        let writes = Writes {
            key: format!("{}://{}:{}", entry.scheme, entry.host, entry.port),
            per_hour: entry.writes_per_hour,
        };
        Ok(Sending {
            http,
            admitted,
            place,
            writes,
        })
    }
}

impl Drop for HttpHooks {
    /// Before the guest's resources go: a body that it did not finish must not look finished.
    fn drop(&mut self) {
        // Of an attempt that came to its end they were taken.
        tell_writes(&self.end());
    }
}

/// A request that may be sent.
struct Sending {
    http: Http,
    admitted: Admitted,
    /// Held by both bodies: as long as one of them is open, so is the connection.
    place: Arc<OwnedSemaphorePermit>,
    writes: Writes,
}

/// What the writes of an entry are counted by. All hosts below a name are one: there is no end to their names.
struct Writes {
    key: String,
    per_hour: u32,
}

impl Sending {
    async fn send(
        self,
        call: &mut Call,
        request: Request<RequestBody>,
        times: Times,
    ) -> Result<Response<Bounded>, CallError> {
        let answer = self
            .http
            .outgoing
            .send(self.admitted, request, times)
            .await?;
        call.answer(answer.response.status().as_u16(), answer.connection);
        if answer.response.body().is_end_stream() {
            call.is_whole();
        }
        Ok(answer.response)
    }

    /// Counts a write.
    async fn count(&self, method: &Method) -> Result<(), Refused> {
        if !is_write(method.as_str()) {
            return Ok(());
        }
        let Writes { key, per_hour } = &self.writes;
        let taken = self.http.budget.take(&self.http.plugin, key, *per_hour);
        taken
            .await
            .map_err(|denied| Refused::denied(format!("writes-per-hour = {per_hour}: {denied}")))
    }
}

impl WasiHttpHooks for HttpHooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::clone(&FILTER)
    }

    fn is_supported_scheme(&mut self, _: &Scheme) -> bool {
        // It is judged with the rest, and the call is kept.
        true
    }

    fn set_host_header(&mut self) -> bool {
        // Ours comes from what was judged, not from what was written.
        false
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK_BYTES_MAX
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Io,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Io)>> + Send> {
        let begun = self.begun();
        let calls = begun.calls.clone();
        let admitted = if begun.denied < DENIED_MAX {
            self.admit(&request)
        } else {
            let reason =
                format!("{DENIED_MAX} calls of this attempt are denied, so all further ones are");
            Err(Refused::denied(reason))
        };
        let url = match &admitted {
            Ok(sending) => without_query(&sending.admitted.uri),
            Err(_) => without_query(request.uri()),
        };
        let mut call = calls.begin(request.method().as_str(), &url);
        let sending = match admitted {
            Ok(sending) => sending,
            Err(refused) => {
                let begun = self.begun();
                begun.denied = begun.denied.saturating_add(1);
                let error = refusal(&refused);
                call.deny(&refused);
                return Box::new(std::future::ready(Err(error)));
            }
        };
        let times = options.map_or_else(Times::default, |options| Times {
            connect: options.connect_timeout,
            first_byte: options.first_byte_timeout,
            between_bytes: options.between_bytes_timeout,
        });
        Box::new(async move {
            if let Err(refused) = sending.count(request.method()).await {
                let error = refusal(&refused);
                call.deny(&refused);
                return Err(error);
            }
            let ended = calls.ended().clone();
            let place = Arc::clone(&sending.place);
            let held = Arc::clone(&place);
            let unfinished = |body| Unfinished::new(body, ended).holding(held).boxed_unsync();
            let request = request.map(unfinished);
            match sending.send(&mut call, request, times).await {
                Ok(response) => {
                    let kept = |body| Kept {
                        body,
                        call,
                        _place: place,
                    };
                    let response = response.map(|body| kept(body).boxed_unsync());
                    Ok((response, Box::new(std::future::ready(Ok(()))) as Io))
                }
                Err(error) => {
                    call.fail(&error);
                    Err(told(&error))
                }
            }
        })
    }
}

/// An answer's body that is noted as it is taken, and holds its call's place until it is gone.
struct Kept {
    body: Bounded,
    call: Call,
    _place: Arc<OwnedSemaphorePermit>,
}

impl Body for Kept {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        Pin::new(&mut this.body).poll_frame(cx).map(|frame| {
            match &frame {
                Some(Ok(_)) => this.call.took(this.body.bytes()),
                Some(Err(error)) => this.call.fail(error),
                None => {}
            }
            if frame.is_none() || this.body.is_end_stream() {
                this.call.is_whole();
            }
            frame.map(|frame| frame.map_err(|error| told(&error)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn is_forbidden(name: &HeaderName) -> bool {
    let dashed = dashed(name.as_str());
    DEFAULT_FORBIDDEN_HEADERS.iter().any(|name| *name == *dashed)
        || FORBIDDEN.contains(&&*dashed)
        || FORBIDDEN_PREFIXES.iter().any(|prefix| dashed.starts_with(prefix))
        // Beside the real one, which a guest may set, this would be another length.
        || dashed == CONTENT_LENGTH.as_str() && *name != CONTENT_LENGTH
}

/// A URL as it is kept: the query may carry what is nobody else's business, and so may a user's name.
fn without_query(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", uri.path())
}

/// What a guest is told of a request that was not sent.
const fn refusal(refused: &Refused) -> Error {
    match refused.why {
        Why::Uri => Error::HttpRequestUriInvalid,
        Why::Denied => Error::HttpRequestDenied,
        Why::Busy => Error::ConnectionLimitReached,
        Why::Credential => Error::ConfigurationError,
    }
}

/// What a guest is told of a call that failed.
const fn told(error: &CallError) -> Error {
    match error {
        CallError::NoAddress => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        CallError::LookupTimeout => Error::DnsTimeout,
        CallError::Prohibited { .. } => Error::DestinationIpProhibited,
        CallError::ConnectionRefused => Error::ConnectionRefused,
        CallError::Unreachable => Error::DestinationUnavailable,
        CallError::Crowded => Error::ConnectionLimitReached,
        CallError::ConnectTimeout => Error::ConnectionTimeout,
        CallError::WriteTimeout => Error::ConnectionWriteTimeout,
        CallError::Certificate => Error::TlsCertificateError,
        CallError::Alert(alert) => Error::TlsAlertReceived {
            alert_id: Some(*alert),
            alert_message: None,
        },
        CallError::Tls => Error::TlsProtocolError,
        CallError::NoRoots => Error::ConfigurationError,
        CallError::HeadTooLarge => Error::HttpResponseHeaderSectionSize(None),
        CallError::NotHttp | CallError::Abandoned => Error::HttpProtocolError,
        CallError::Closed | CallError::Cancelled => Error::ConnectionTerminated,
        CallError::HeadTimeout | CallError::TotalTimeout => Error::HttpResponseTimeout,
        CallError::BodyTooLarge(max) => Error::HttpResponseBodySize(Some(*max)),
        CallError::ReadTimeout => Error::ConnectionReadTimeout,
        CallError::Incomplete => Error::HttpResponseIncomplete,
        CallError::RequestTooLarge(max) => Error::HttpRequestBodySize(Some(*max)),
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
