//! The public listener: connections within their bounds, and which path goes where.
//!
//! HTTP/1.1 only; TLS belongs to the proxy in front. No business of deliveries is done here.

use crate::intake::{Answer, Intake, error_answer, is_webhook_path};
use crate::ledger::Ledger;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
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

/// What the public listener serves.
pub struct Public {
    /// Takes deliveries in.
    pub intake: Intake,
    /// Says whether deliveries can be recorded.
    pub ledger: Arc<dyn Ledger>,
    /// The address to paste into the Hub's settings, for the landing page.
    pub public_url: String,
    /// Turns true when the host is about to stop.
    pub shutdown: watch::Receiver<bool>,
}

/// Serves connections until `shutdown` says stop, then lets requests under way finish.
pub async fn run(
    listener: TcpListener,
    public: Arc<Public>,
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
            Ok((stream, _)) => {
                let public = Arc::clone(&public);
                let shutdown = shutdown.clone();
                connections.spawn(async move {
                    serve(stream, public, config, shutdown).await;
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
    public: Arc<Public>,
    config: ServerConfig,
    mut shutdown: watch::Receiver<bool>,
) {
    // Without it the kernel may hold an answer back for the next one.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let public = Arc::clone(&public);
        async move { Ok::<_, Infallible>(public.answer(request).await) }
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

impl Public {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if let Err(reason) = check_framing(&request) {
            return error_answer(StatusCode::BAD_REQUEST, reason)
                .closing()
                .into_response();
        }
        let path = request.uri().path();
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        match (request.method(), path) {
            (&Method::POST, _) => self.intake.handle(request).await.into_response(),
            (_, path) if is_webhook_path(path) => method_not_allowed("POST"),
            (_, "/") if reading => landing(&self.public_url),
            (_, "/healthz") if reading => text(StatusCode::OK, "text/plain", "ok\n".to_owned()),
            (_, "/readyz") if reading => self.ready().await,
            _ if reading => not_found().into_response(),
            _ => method_not_allowed("GET, HEAD, POST"),
        }
    }

    /// Ready or not, and nothing more: the reasons are the operator's.
    async fn ready(&self) -> Response<Full<Bytes>> {
        let stopping = *self.shutdown.borrow();
        if stopping || self.ledger.check_writable().await.is_err() {
            return text(
                StatusCode::SERVICE_UNAVAILABLE,
                "text/plain",
                "not ready\n".to_owned(),
            );
        }
        text(StatusCode::OK, "text/plain", "ready\n".to_owned())
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

fn not_found() -> Answer {
    error_answer(StatusCode::NOT_FOUND, "there is nothing at this path")
}

fn method_not_allowed(allow: &'static str) -> Response<Full<Bytes>> {
    let message = format!("this path takes {allow}");
    let mut response = error_answer(StatusCode::METHOD_NOT_ALLOWED, &message)
        .closing()
        .into_response();
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allow));
    response
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn landing(public_url: &str) -> Response<Full<Bytes>> {
    let base = escape(public_url.trim_end_matches('/'));
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Hookbox</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <h1>Hookbox</h1>\n<p>This host receives webhooks of the Hugging Face Hub and runs plugins on them.</p>\n\
         <p>Paste one of these into the <a href=\"https://huggingface.co/settings/webhooks\">webhook settings</a> \
         of the Hub, with the webhook secret that this host was given:</p>\n\
         <ul>\n<li><code>{base}/webhooks</code>: every plugin that subscribes to the event\
         <li><code>{base}/webhooks/NAME</code>: the plugin NAME only\n</ul>\n"
    );
    text(StatusCode::OK, "text/html; charset=utf-8", page)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
