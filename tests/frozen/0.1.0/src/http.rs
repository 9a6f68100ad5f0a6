//! A request, and all that could be said of requests and answers.

use crate::nowhere;
use crate::wasi::http::outgoing_handler::handle;
use crate::wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, OutgoingResponse, RequestOptions, ResponseOutparam, Scheme, http_error_code,
};
use crate::wasi::io::error::Error;

/// Posts to a server of this name; the status of its answer.
pub fn post(authority: &str, body: &[u8]) -> Result<u16, String> {
    of_servers();
    let request = OutgoingRequest::new(headers(body.len()));
    let set = [
        request.set_method(&Method::Post),
        request.set_scheme(Some(&Scheme::Http)),
        request.set_authority(Some(authority)),
        request.set_path_with_query(Some("/frozen")),
    ];
    let _ = (request.method(), request.scheme(), request.authority());
    let _ = (request.path_with_query(), request.headers());
    let outgoing = request.body();
    let (true, Ok(outgoing)) = (set.iter().all(Result::is_ok), outgoing) else {
        return Err("a request cannot be made".into());
    };
    let answer = handle(request, Some(options())).map_err(in_words)?;
    if let Ok(stream) = outgoing.write() {
        for part in body.chunks(4096) {
            let _ = stream.blocking_write_and_flush(part);
        }
    }
    OutgoingBody::finish(outgoing, None).map_err(in_words)?;
    loop {
        answer.subscribe().block();
        match answer.get() {
            None => {}
            Some(Ok(Ok(response))) => return read(&response),
            Some(Ok(Err(error))) => return Err(in_words(error)),
            Some(Err(())) => return Err("an answer was taken twice".into()),
        }
    }
}

fn in_words(error: ErrorCode) -> String {
    format!("{error:?}")
}

fn read(response: &IncomingResponse) -> Result<u16, String> {
    let _ = response.headers().entries();
    if let Ok(body) = response.consume() {
        drain(body);
    }
    Ok(response.status())
}

fn drain(body: IncomingBody) {
    if let Ok(stream) = body.stream() {
        while stream.blocking_read(4096).is_ok() {}
    }
    let trailers = IncomingBody::finish(body);
    trailers.subscribe().block();
    let _ = trailers.get();
}

fn headers(bytes: usize) -> Fields {
    let fields = Fields::new();
    let _ = fields.set("content-length", &[bytes.to_string().into_bytes()]);
    let _ = fields.set("content-type", &[b"application/json".to_vec()]);
    let _ = fields.append("x-frozen", b"0.1.0");
    if fields.has("x-frozen") && !fields.get("x-frozen").is_empty() {
        let _ = fields.delete("x-frozen");
    }
    let _ = Fields::from_list(&fields.entries());
    fields.clone()
}

fn options() -> RequestOptions {
    let options = RequestOptions::new();
    let seconds = Some(10_000_000_000);
    let _ = options.set_connect_timeout(seconds);
    let _ = options.set_first_byte_timeout(seconds);
    let _ = options.set_between_bytes_timeout(seconds);
    let _ = options.connect_timeout();
    let _ = options.first_byte_timeout();
    let _ = options.between_bytes_timeout();
    options
}

/// What only a server has to do with: languages link it, and a plugin is none.
fn of_servers() {
    if let Some(request) = nowhere::<IncomingRequest>() {
        let _ = (request.method(), request.scheme(), request.authority());
        let _ = (request.path_with_query(), request.headers());
        let _ = request.consume().map(drain);
    }
    if let Some(answer) = nowhere::<ResponseOutparam>() {
        let response = OutgoingResponse::new(Fields::new());
        let _ = response.set_status_code(200);
        let _ = (response.status_code(), response.headers(), response.body());
        ResponseOutparam::set(answer, Ok(response));
    }
    if let Some(error) = nowhere::<Error>() {
        let _ = http_error_code(&error);
    }
}
