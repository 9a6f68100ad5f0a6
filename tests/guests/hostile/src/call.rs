//! Calls to others, as the payload's `calls` asks for them: `{"method", "url", "headers", "body", "end"}`.
//!
//! `end` says what becomes of the body: finished (the default), `"never"` finished, or `"sent"`: never finished, and the
//! attempt ends once the answer's head is there. What is told is all that a guest can learn of an answer: also its
//! trailers, the request's own fields after it was sent, and errors in every form.

use hookbox_sdk::prelude::*;
use hookbox_sdk::serde_json::Value;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    Scheme, http_error_code,
};
use wasip2::io::streams::{Error as StreamFailed, InputStream, StreamError};

/// The longest part of a body that is read or written at once.
const PART: u64 = 4096;

/// Makes the calls one after the other, and tells what came of each.
pub fn all(event: &Event) -> Result {
    let payload = event.json()?;
    done_json(&Value::Array(told(&payload)))
}

/// What comes of each call that a payload asks for.
pub fn told(payload: &Value) -> Vec<Value> {
    let calls = payload.get("calls").and_then(Value::as_array);
    calls.into_iter().flatten().map(one).collect()
}

fn one(call: &Value) -> Value {
    match answer(call) {
        Ok(answer) => answer,
        Err(reason) => json!({ "error": reason }),
    }
}

fn answer(call: &Value) -> std::result::Result<Value, String> {
    let (request, refused) = request(call)?;
    let body = request.body().map_err(|()| "no body".to_owned())?;
    let own = request.headers();
    let end = call["end"].as_str().unwrap_or("finished");
    let answer = handle(request, None).map_err(|error| format!("{error:?}"))?;
    if let Some(text) = call["body"].as_str() {
        let stream = body.write().map_err(|()| "no stream".to_owned())?;
        let written = stream.blocking_write_and_flush(text.as_bytes());
        written.map_err(|error| format!("{error:?}"))?;
    }
    let unfinished = match end {
        "finished" => {
            OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))?;
            None
        }
        _ => Some(body),
    };
    if end == "never" {
        // Kept until the attempt is over, as its request is.
        std::mem::forget((unfinished, answer));
        return Ok(json!({ "status": null, "own": fields(&own) }));
    }
    answer.subscribe().block();
    let response = answer.get().ok_or("no answer")?.map_err(|()| "taken")?;
    let response = response.map_err(|error: ErrorCode| format!("{error:?}"))?;
    let (status, headers) = (response.status(), fields(&response.headers()));
    let (body, trailers) = match end {
        "sent" => (String::new(), Value::Null),
        _ => read(&response)?,
    };
    std::mem::forget(unfinished);
    Ok(json!({
        "status": status,
        "headers": headers,
        "body": body,
        "trailers": trailers,
        "refused": refused,
        "own": fields(&own.clone()),
    }))
}

/// The request, and which of its fields the host did not take.
fn request(call: &Value) -> std::result::Result<(OutgoingRequest, Vec<String>), String> {
    let fields = Fields::new();
    let mut refused = Vec::new();
    for (name, value) in call["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default().as_bytes().to_vec();
        if fields.append(name, &value).is_err() {
            refused.push(name.clone());
        }
    }
    let request = OutgoingRequest::new(fields);
    let url = call["url"].as_str().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").ok_or("no scheme")?;
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.to_owned()),
    };
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let method = match call["method"].as_str().unwrap_or("GET") {
        "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(other.to_owned()),
    };
    let is_set = request.set_method(&method).is_ok()
        && request.set_scheme(Some(&scheme)).is_ok()
        && request.set_authority(Some(authority)).is_ok()
        && request.set_path_with_query(Some(path)).is_ok();
    if is_set {
        Ok((request, refused))
    } else {
        Err("not a request".to_owned())
    }
}

fn fields(fields: &Fields) -> Value {
    let told = fields.entries().into_iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(&value).into_owned();
        (name, Value::from(value))
    });
    told.collect()
}

/// The body, and what its trailers are.
fn read(response: &IncomingResponse) -> std::result::Result<(String, Value), String> {
    let body = response.consume().map_err(|()| "no body".to_owned())?;
    let stream = body.stream().map_err(|()| "no stream".to_owned())?;
    let bytes = read_to_end(&stream)?;
    drop(stream);
    let trailers = IncomingBody::finish(body);
    trailers.subscribe().block();
    let trailers = match trailers.get() {
        Some(Ok(Ok(found))) => found.as_ref().map_or(Value::Null, fields),
        other => format!("{other:?}").into(),
    };
    Ok((String::from_utf8_lossy(&bytes).into_owned(), trailers))
}

fn read_to_end(stream: &InputStream) -> std::result::Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(PART) {
            Ok(part) => bytes.extend(part),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => return Err(said(&error)),
        }
    }
}

/// All that an error says of itself.
fn said(error: &StreamFailed) -> String {
    let code = http_error_code(error);
    format!("{} {code:?}", error.to_debug_string())
}
