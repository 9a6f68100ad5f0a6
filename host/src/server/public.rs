//! The public listener: which path goes where. No business of deliveries is done here.

use super::Handler;
use crate::intake::{Answer, Intake, error_answer, is_webhook_path};
use crate::ledger::Ledger;
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// What an operator's paths begin with where they are served here.
const ADMIN: &str = "/admin";

/// What the public listener serves.
pub struct Public {
    /// Takes deliveries in.
    pub intake: Intake,
    /// Says whether deliveries can be recorded.
    pub ledger: Arc<dyn Ledger>,
    /// The address to paste into the Hub's settings, for the landing page.
    pub public_url: String,
    /// What is served under `/admin`, if the operator's listener is this one.
    pub admin: Option<Arc<dyn Handler>>,
    /// Turns true when the host is about to stop.
    pub shutdown: watch::Receiver<bool>,
}

#[async_trait]
impl Handler for Public {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if let Some(admin) = &self.admin
            && is_admin_path(path)
        {
            return admin.answer(request, peer).await;
        }
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
}

impl Public {
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

/// Whether a path is `/admin` or below it.
fn is_admin_path(path: &str) -> bool {
    path.strip_prefix(ADMIN)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
