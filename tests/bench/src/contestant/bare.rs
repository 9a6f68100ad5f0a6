//! The limit: hyper as the host uses it, the body read, the secret compared, the JSON parsed, an answer of the same
//! form. It keeps nothing.

use crate::payload::SECRET;
use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;

const ANSWER: &[u8] = br#"{"id":"01900000-0000-7000-8000-000000000000","runs":[]}"#;

/// Serves until it is killed.
pub async fn serve(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service_fn(answer)),
        );
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let sent = request.headers().get("x-webhook-secret");
    let known = sent.is_some_and(|sent| bool::from(sent.as_bytes().ct_eq(SECRET.as_bytes())));
    let body = request.into_body().collect().await?.to_bytes();
    let parsed: Result<Value, _> = serde_json::from_slice(&body);
    let (status, answer) = match (known, parsed) {
        (false, _) => (StatusCode::FORBIDDEN, &b"{}"[..]),
        (true, Err(_)) => (StatusCode::BAD_REQUEST, &b"{}"[..]),
        (true, Ok(_)) => (StatusCode::ACCEPTED, ANSWER),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(answer)));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}
