//! Calls to others, as the payload's `calls` asks for them: `{"method", "url", "headers", "body", "end"}`.
//!
//! `end` says what becomes of the body: finished (the default), `"never"` finished, or `"sent"`: never finished, and the
//! attempt ends once the answer's head is there.

use hookbox_sdk::prelude::*;
use hookbox_sdk::serde_json::Value;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};

/// The longest part of a body that is read or written at once.
const PART: u64 = 4096;

/// Makes the calls one after the other, and tells what came of each.
pub fn all(event: &Event) -> Result {
    let payload = event.json()?;
    let calls = payload.get("calls").and_then(Value::as_array);
    let told: Vec<Value> = calls.into_iter().flatten().map(one).collect();
    done_json(&Value::Array(told))
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
        return Ok(json!({ "status": null }));
    }
    answer.subscribe().block();
    let response = answer.get().ok_or("no answer")?.map_err(|()| "taken")?;
    let response = response.map_err(|error: ErrorCode| format!("{error:?}"))?;
    let (status, headers) = (response.status(), headers(&response));
    let body = match end {
        "sent" => String::new(),
        _ => read(&response)?,
    };
    std::mem::forget(unfinished);
    Ok(json!({ "status": status, "headers": headers, "body": body, "refused": refused }))
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

fn headers(response: &IncomingResponse) -> Value {
    let all = response.headers().entries().into_iter();
    let told = all.map(|(name, value)| {
        let value = String::from_utf8_lossy(&value).into_owned();
        (name, Value::from(value))
    });
    told.collect()
}

fn read(response: &IncomingResponse) -> std::result::Result<String, String> {
    let body = response.consume().map_err(|()| "no body".to_owned())?;
    let stream = body.stream().map_err(|()| "no stream".to_owned())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(PART) {
            Ok(part) => bytes.extend(part),
            Err(wasip2::io::streams::StreamError::Closed) => break,
            Err(wasip2::io::streams::StreamError::LastOperationFailed(error)) => {
                return Err(error.to_debug_string());
            }
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
