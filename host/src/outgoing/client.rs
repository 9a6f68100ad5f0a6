//! The client of an entry, and one call through it.

use super::body::{Bounded, Bounds, RequestBody};
use super::connect::{Connector, Used};
use super::entry::{Admitted, Entry};
use super::failed::CallError;
use super::host::HostPattern;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a connection that nobody uses is kept.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// How many of them are kept for an entry at most. One for all hosts below a name keeps none: there is no end to them.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// The most fields of an answer's head.
const HEADERS_MAX: usize = 100;

/// The largest head of an answer, and what is read ahead of a body, in bytes.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// The longest time in which nothing of a body comes.
const BODY_IDLE_MAX: Duration = Duration::from_secs(30);

/// The shortest time that a guest can set: none at all would be an error of its own kind.
const TIME_MIN: Duration = Duration::from_millis(1);

/// Times that a guest wants in place of the grant's, where they are shorter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// For connecting.
    pub connect: Option<Duration>,
    /// From then to the head of the answer.
    pub first_byte: Option<Duration>,
    /// Between two parts of its body.
    pub between_bytes: Option<Duration>,
}

/// An answer, and how it came.
pub struct Answer {
    /// Its head, and its body as it comes.
    pub response: Response<Bounded>,
    /// Over which connection.
    pub connection: ConnectionKind,
}

/// Whether a connection was made for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionKind {
    /// It was.
    New,
    /// Another call of the plugin had used it before.
    Reused,
}

pub(super) type EntryClient = Client<Connector, RequestBody>;

/// The client of an entry. No two entries have one in common: a connection that one made is of no use to another, so
/// neither `private` nor a credential can be got by reuse. It keeps `idle` connections, or fewer.
pub(super) fn client(connector: Connector, entry: &Entry, idle: usize) -> EntryClient {
    let kept = match entry.host {
        HostPattern::Exact(_) => idle.min(IDLE_CONNECTIONS_MAX),
        HostPattern::Below(_) => 0,
    };
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(kept)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http1_max_headers(HEADERS_MAX)
        .http1_max_buf_size(BUFFER_BYTES_MAX)
        .set_host(false)
        // Only what was never written is sent again, over another connection.
        .retry_canceled_requests(true)
        .build(connector)
}

/// Sends a request that was admitted.
pub(super) async fn send(
    client: &EntryClient,
    entry: &Entry,
    admitted: Admitted,
    mut request: Request<RequestBody>,
    times: Times,
) -> Result<Answer, CallError> {
    let deadline = Instant::now() + entry.timeout;
    let host = HeaderValue::try_from(admitted.target.authority());
    request
        .headers_mut()
        .insert(HOST, host.map_err(|_| CallError::Unreachable)?);
    if let Some(Ok(credential)) = &entry.credential {
        credential.put(request.headers_mut());
    }
    *request.uri_mut() = admitted.uri;
    let answered = head(client, request, times, deadline).await?;
    let bounds = Bounds {
        bytes_max: entry.response_bytes_max,
        idle: no_longer(times.between_bytes, BODY_IDLE_MAX),
        deadline,
    };
    let (mut parts, body) = answered.into_parts();
    // Nobody asked for another protocol.
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(CallError::NotHttp);
    }
    if hyper::body::Body::size_hint(&body).lower() > bounds.bytes_max {
        return Err(CallError::BodyTooLarge(bounds.bytes_max));
    }
    if let Some(Ok(credential)) = &entry.credential {
        credential.drop_echoes(&mut parts.headers);
    }
    let used = parts.extensions.remove::<Used>();
    Ok(Answer {
        response: Response::from_parts(parts, Bounded::new(body, bounds)),
        connection: if used.is_some_and(|used| used.note()) {
            ConnectionKind::Reused
        } else {
            ConnectionKind::New
        },
    })
}

/// Waits for a connection, then for the head of the answer.
async fn head(
    client: &EntryClient,
    mut request: Request<RequestBody>,
    times: Times,
    deadline: Instant,
) -> Result<Response<hyper::body::Incoming>, CallError> {
    let until = |time: Option<Duration>| {
        let own = time.map(|time| Instant::now() + time.max(TIME_MIN));
        own.map_or(deadline, |own| own.min(deadline))
    };
    let mut captured = capture_connection(&mut request);
    let mut answered = client.request(request);
    let connected = async { drop(captured.wait_for_connection_metadata().await) };
    tokio::select! {
        answered = &mut answered => return answered.map_err(|error| CallError::of_client(&error)),
        connected = timeout_at(until(times.connect), connected) => {
            connected.map_err(|_| CallError::ConnectTimeout)?;
        }
    }
    match timeout_at(until(times.first_byte), answered).await {
        Ok(answered) => answered.map_err(|error| CallError::of_client(&error)),
        Err(_) => Err(CallError::HeadTimeout),
    }
}

/// What a guest wants, if that is less than `max` and more than nothing.
fn no_longer(time: Option<Duration>, max: Duration) -> Duration {
    time.map_or(max, |time| time.clamp(TIME_MIN, max))
}
