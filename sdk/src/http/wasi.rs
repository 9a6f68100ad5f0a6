//! Sending through the plugin's host, by `wasi:http`.
//!
//! The request is handed over before its body is written: the host holds only so much of a body that nobody reads yet.

use super::{Error, ErrorKind, Request, Response, Target};
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use crate::bindings::wasi::io::streams::{OutputStream, StreamError};

/// The most bytes of an answer that are taken from the host at once.
const READ_BYTES: u64 = 64 * 1024;

/// Sends a request and waits for the whole answer.
pub fn send(request: &Request, target: &Target) -> Result<Response, Error> {
    let outgoing = head(request, target)?;
    let body = if request.body().is_empty() {
        None
    } else {
        let body = outgoing.body();
        Some(body.map_err(|()| broken("the request has no place for its body"))?)
    };
    let options = options(request)?;
    let answer = outgoing_handler::handle(outgoing, options).map_err(|code| told(&code))?;
    if let Some(body) = body {
        write(body, request.body());
    }
    receive(&answer)
}

/// The request's head, with the length of what follows it.
fn head(request: &Request, target: &Target) -> Result<OutgoingRequest, Error> {
    let mut headers: Vec<_> = request
        .headers()
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .collect();
    if says_length(request) {
        let length = request.body().len().to_string();
        headers.push(("content-length".to_owned(), length.into_bytes()));
    }
    let headers = Fields::from_list(&headers).map_err(|error| {
        invalid(&format!(
            "a header is not well-formed, or reserved to the host ({error:?})"
        ))
    })?;
    let outgoing = OutgoingRequest::new(headers);
    let scheme = if target.is_https {
        Scheme::Https
    } else {
        Scheme::Http
    };
    outgoing
        .set_method(&method(request.method()))
        .map_err(|()| invalid("the method is no HTTP method"))?;
    outgoing
        .set_scheme(Some(&scheme))
        .and_then(|()| outgoing.set_authority(Some(&target.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&target.path)))
        .map_err(|()| invalid("the address is not well-formed"))?;
    Ok(outgoing)
}

/// Whether the length of the body is to be said: wherever there may be one, unless the plugin says it itself.
fn says_length(request: &Request) -> bool {
    let has_body =
        !request.body().is_empty() || ["POST", "PUT", "PATCH"].contains(&request.method());
    has_body && request.header("content-length").is_none()
}

fn method(method: &str) -> Method {
    match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

/// The waits that the request asks for.
fn options(request: &Request) -> Result<Option<RequestOptions>, Error> {
    let Some(timeout) = request.timeout() else {
        return Ok(None);
    };
    let wait = Some(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
    let options = RequestOptions::new();
    options
        .set_connect_timeout(wait)
        .and_then(|()| options.set_first_byte_timeout(wait))
        .and_then(|()| options.set_between_bytes_timeout(wait))
        .map_err(|()| invalid("the host takes no time limit"))?;
    Ok(Some(options))
}

/// Writes the body and ends it. One that is not ended does not count as sent, and why nobody took it is said by the
/// answer, or by why there is none.
fn write(body: OutgoingBody, bytes: &[u8]) {
    let Ok(stream) = body.write() else { return };
    let is_written = write_all(&stream, bytes).is_ok();
    drop(stream);
    if is_written {
        // What goes wrong here is said by the answer as well.
        let _ = OutgoingBody::finish(body, None);
    }
}

fn write_all(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let room = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        if room == 0 {
            stream.subscribe().block();
            continue;
        }
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now)?;
        bytes = later;
    }
    stream.blocking_flush()
}

/// Waits for the answer and reads all of it.
fn receive(answer: &FutureIncomingResponse) -> Result<Response, Error> {
    answer.subscribe().block();
    let incoming = match answer.get() {
        Some(Ok(Ok(incoming))) => incoming,
        Some(Ok(Err(code))) => return Err(told(&code)),
        Some(Err(())) | None => return Err(broken("the host has no answer")),
    };
    let mut response = Response::new(incoming.status());
    for (name, value) in incoming.headers().entries() {
        response = response.with_header(name, String::from_utf8_lossy(&value).into_owned());
    }
    Ok(response.with_body(read(&incoming)?))
}

fn read(incoming: &IncomingResponse) -> Result<Vec<u8>, Error> {
    let gone = |()| broken("the answer's body cannot be read");
    let body: IncomingBody = incoming.consume().map_err(gone)?;
    let stream = body.stream().map_err(gone)?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES) {
            Ok(part) => bytes.extend_from_slice(&part),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(error) => return Err(interrupted(&error)),
        }
    }
}

fn invalid(why: &str) -> Error {
    Error::new(ErrorKind::Invalid, why)
}

fn broken(why: &str) -> Error {
    Error::new(ErrorKind::Broken, why)
}

/// A body that was interrupted. The host has no code for it, only a text.
fn interrupted(error: &StreamError) -> Error {
    let StreamError::LastOperationFailed(error) = error else {
        return broken("the connection was closed early");
    };
    let text = error.to_debug_string();
    let says = |word: &str| text.to_ascii_lowercase().contains(word);
    let kind = if says("exceeds limit") || says("bodysize") {
        ErrorKind::TooLarge
    } else if says("timeout") || says("timed out") {
        ErrorKind::Timeout
    } else {
        ErrorKind::Broken
    };
    Error::new(kind, format!("the body was interrupted ({text})"))
}

/// The host's code as an error.
fn told(code: &ErrorCode) -> Error {
    let kind = match code {
        ErrorCode::HttpRequestDenied | ErrorCode::ConfigurationError => ErrorKind::Denied,
        ErrorCode::DestinationIpProhibited | ErrorCode::DestinationIpUnroutable => {
            ErrorKind::Prohibited
        }
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => ErrorKind::UnknownHost,
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => ErrorKind::Timeout,
        ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTerminated
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::DestinationUnavailable => ErrorKind::Unreachable,
        ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => ErrorKind::Tls,
        ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_) => ErrorKind::TooLarge,
        ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong => ErrorKind::Invalid,
        _ => ErrorKind::Broken,
    };
    let detail = match kind {
        ErrorKind::Denied => {
            "the grant does not allow it, and the attempt's calls say which line would"
        }
        ErrorKind::Prohibited => "the name leads to an address that plugins may not reach",
        ErrorKind::UnknownHost => "the host's name is not known",
        ErrorKind::Timeout => "there was no answer in time",
        ErrorKind::Unreachable => "there is no connection",
        ErrorKind::Tls => "there is no safe connection",
        ErrorKind::TooLarge => "the request or its answer is larger than is allowed",
        ErrorKind::Invalid => "the host refuses the request as malformed",
        ErrorKind::Broken => "the answer is broken",
    };
    Error::new(kind, format!("{detail} ({code:?})"))
}
