//! Listeners: connections within their bounds, and requests that everybody reads alike.
//!
//! HTTP/1.1 only; TLS belongs to the proxy in front. What is answered is a [`Handler`]'s affair.

mod public;

pub use public::Public;

use crate::intake::error_answer;
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HOST, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// The wait after `accept` failed: mostly for want of file descriptors, which others give back in time.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// The most headers of a request.
const HEADERS_MAX: usize = 64;

/// The largest request head, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Bounds of the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerConfig {
    /// Connections at once; further ones wait to be accepted.
    pub connections_max: usize,
    /// The longest that a request's head may take, and that a kept connection may be idle.
    pub head_time_max: Duration,
    /// How long connections may go on after a shutdown began.
    pub drain: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            head_time_max: Duration::from_secs(10),
            drain: Duration::from_secs(25),
        }
    }
}

/// What answers the requests of a listener.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Answers one request of a `peer`. A request that a proxy in front could read differently does not get here.
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>>;
}

/// Serves connections until `shutdown` says stop, then lets requests under way finish.
pub async fn run(
    listener: TcpListener,
    handler: Arc<dyn Handler>,
    config: ServerConfig,
    shutdown: watch::Receiver<bool>,
) {
    let mut stopping = shutdown.clone();
    let slots = Arc::new(Semaphore::new(
        config.connections_max.min(Semaphore::MAX_PERMITS),
    ));
    let mut connections = JoinSet::new();
    loop {
        // The slot comes before the connection: what cannot be served waits in the kernel's queue, unaccepted.
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (listener.accept().await, slot)
        };
        let (accepted, slot) = tokio::select! {
            () = told(&mut stopping) => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let handler = Arc::clone(&handler);
                let shutdown = shutdown.clone();
                connections.spawn(async move {
                    serve(stream, peer, handler, config, shutdown).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(config.drain, ended).await.is_err() {
        connections.shutdown().await;
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    handler: Arc<dyn Handler>,
    config: ServerConfig,
    mut shutdown: watch::Receiver<bool>,
) {
    // Without it the kernel may hold an answer back for the next one.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(answer(&*handler, request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.head_time_max)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // A broken connection is the sender's affair: it will send again.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = told(&mut shutdown) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Resolves once the host is told to stop (or whoever would say so is gone).
async fn told(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn answer(
    handler: &dyn Handler,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<Full<Bytes>> {
    match check_framing(&request) {
        Ok(()) => handler.answer(request, peer).await,
        Err(reason) => error_answer(StatusCode::BAD_REQUEST, reason)
            .closing()
            .into_response(),
    }
}

/// Refuses what a proxy in front may read differently from us (RFC 9112, sections 3.2, 6.1 and 11.2); hyper lets these
/// through.
fn check_framing(request: &Request<Incoming>) -> Result<(), &'static str> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err("the host header is sent twice");
    }
    if host.is_none() && request.version() >= Version::HTTP_11 {
        return Err("the host header is missing");
    }
    if request.method() == Method::CONNECT {
        return Err("this is no proxy");
    }
    if let Some(authority) = request.uri().authority()
        && host.is_none_or(|host| {
            !authority
                .as_str()
                .as_bytes()
                .eq_ignore_ascii_case(host.as_bytes())
        })
    {
        return Err("the request's address and its host header differ");
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let coding = codings.next();
    let only_chunked =
        coding.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if !only_chunked || codings.next().is_some() {
        return Err("transfer-encoding may be `chunked`, once, and nothing else");
    }
    Ok(())
}
