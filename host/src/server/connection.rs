//! One connection, from its first byte to its end: request after request, each with an id.

use super::house::{Guest, Phase, Place};
use super::stream::{Stream, StreamTimes};
use super::{Handler, ServerConfig, framing, told};
use crate::clock::now_ms;
use crate::delivery::DeliveryId;
use crate::intake::error_answer;
use crate::refusal::{NO_REQUEST, Reason, Refusal, Unnoted};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

/// The most headers of a request.
const HEADERS_MAX: usize = 64;

/// The largest request head, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The header that carries a request's id in its answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a sender of HTTP/2 is told, in the words of HTTP/1.1, which it will show.
const ONLY_HTTP_1: &[u8] =
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What a TLS client sends first: the type of a handshake record (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Whoever answers on a connection, and to whom.
struct Conversation {
    handler: Arc<dyn Handler>,
    peer: SocketAddr,
    place: Arc<Place>,
}

/// How a connection's orderly part ended.
enum End {
    /// By itself.
    Over(hyper::Result<()>),
    /// It is to come to its end: the host stops, or it is old.
    Leave,
}

/// Serves one connection until either side ends it, it was sent away, or its time is over.
pub async fn serve(
    tcp: TcpStream,
    peer: SocketAddr,
    guest: Guest,
    handler: Arc<dyn Handler>,
    config: ServerConfig,
    mut shutdown: watch::Receiver<bool>,
) {
    // Without it the kernel may hold an answer back for the next one.
    let _ = tcp.set_nodelay(true);
    let place = &guest.place;
    let times = StreamTimes {
        idle: config.head_time_max,
        write: config.write_time_max,
    };
    let stream = TokioIo::new(Stream::new(tcp, Arc::clone(place), times));
    let conversation = Arc::new(Conversation {
        handler,
        peer,
        place: Arc::clone(place),
    });
    let service = {
        let conversation = Arc::clone(&conversation);
        service_fn(move |request| {
            let conversation = Arc::clone(&conversation);
            async move { Ok::<_, Infallible>(conversation.turn(request).await) }
        })
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.head_time_max)
        // Who has nothing more to send may still want its answer.
        .half_close(true)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(stream, service);
    let first = tokio::select! {
        biased;
        () = place.sent_away() => return,
        ended = &mut connection => End::Over(ended),
        () = told(&mut shutdown) => End::Leave,
        () = sleep(config.connection_age_max) => End::Leave,
    };
    let ended = match first {
        End::Over(ended) => ended,
        End::Leave if place.step(Phase::Idle, Phase::Gone) == Phase::Gone => return,
        End::Leave => {
            Pin::new(&mut connection).graceful_shutdown();
            // What is under way gets as long again.
            let ended = timeout(config.connection_age_max, &mut connection);
            let ended = tokio::select! {
                biased;
                () = place.sent_away() => return,
                ended = ended => ended,
            };
            let Ok(ended) = ended else { return };
            ended
        }
    };
    // Most errors are the sender's affair: it went away, and will send again.
    if let Err(error) = ended {
        let stream = connection.into_parts().io.into_inner();
        conversation.unread(&error, stream, config).await;
    }
}

impl Conversation {
    /// Answers one request.
    async fn turn(&self, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
        if self.place.enter(Phase::Request) == Phase::Gone {
            // The connection is being dropped, and this with it.
            return std::future::pending().await;
        }
        let id = DeliveryId::new();
        let span = tracing::info_span!("request", %id);
        request.extensions_mut().insert(id);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let mut response = match framing::check(&request) {
            Ok(()) => {
                let answer = self.handler.answer(request, self.peer);
                answer.instrument(span.clone()).await
            }
            Err(reason) => error_answer(StatusCode::BAD_REQUEST, reason)
                .closing()
                .into_response(),
        };
        let status = response.status();
        let reason = response.extensions_mut().remove::<Reason>();
        let noted = response.extensions_mut().remove::<Unnoted>().is_none();
        let failed = status.is_client_error() || status.is_server_error();
        let refusal = (noted && failed).then(|| Refusal {
            at_ms: now_ms(),
            request_id: id.to_string(),
            method: method.to_string(),
            path: uri.path().to_owned(),
            status: status.as_u16(),
            reason: reason.map_or_else(|| said(status), |reason| reason.0),
            peer: self.peer,
        });
        if let Ok(id) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        span.in_scope(|| self.handler.answered(status, refusal));
        self.place.answered(is_for_known(&method, status));
        response
    }

    /// Tells of bytes that never became a request; hyper has answered most of them itself.
    async fn unread(&self, error: &hyper::Error, mut stream: Stream, config: ServerConfig) {
        let (status, reason) = if error.is_parse_version_h2() {
            // Whoever does not read this has not lost anything.
            let told = async {
                let _ = stream.write_all(ONLY_HTTP_1).await;
                let _ = stream.shutdown().await;
            };
            let _ = timeout(config.write_time_max, told).await;
            let reason = "HTTP/2 came to a port that speaks HTTP/1.1";
            (StatusCode::HTTP_VERSION_NOT_SUPPORTED, reason.to_owned())
        } else if error.is_parse_too_large() {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            (status, error.to_string())
        } else if error.is_parse() && stream.first_byte() == Some(TLS_HANDSHAKE) {
            let reason = "TLS came to a port that speaks plain HTTP";
            (StatusCode::BAD_REQUEST, reason.to_owned())
        } else if error.is_parse() {
            (StatusCode::BAD_REQUEST, error.to_string())
        } else if error.is_timeout() && self.place.phase() == Phase::Head {
            let reason = "the head did not come in time; closed without an answer";
            (StatusCode::REQUEST_TIMEOUT, reason.to_owned())
        } else {
            tracing::debug!(peer = %self.peer, %error, "connection ended");
            return;
        };
        let refusal = Refusal {
            at_ms: now_ms(),
            request_id: DeliveryId::new().to_string(),
            method: NO_REQUEST.to_owned(),
            path: NO_REQUEST.to_owned(),
            status: status.as_u16(),
            reason,
            peer: self.peer,
        };
        self.handler.answered(status, Some(refusal));
    }
}

/// Whether only a known sender gets such an answer: 2xx to a `POST` is for whoever has the secret or the admin token, or
/// where none is asked for. Any other answer may be anybody's; a sender with the secret that gets one is a stranger until
/// the next, which costs it a connection at most.
fn is_for_known(method: &Method, status: StatusCode) -> bool {
    method == Method::POST && status.is_success()
}

/// What a status says by itself.
fn said(status: StatusCode) -> String {
    let words = status.canonical_reason().unwrap_or("refused");
    words.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_post_that_was_taken_shows_that_its_sender_is_known() {
        for (method, status, known) in [
            (Method::POST, 200, true),
            (Method::POST, 202, true),
            (Method::POST, 303, false),
            (Method::POST, 401, false),
            (Method::POST, 503, false),
            (Method::GET, 200, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_for_known(&method, status), known, "{method} {status}");
        }
    }
}
