//! A guest that tries all that a grant can give, through the SDK, and tells what came of it: two requests to the `url` of
//! the payload, a counter in its state, its settings.
#![cfg(target_family = "wasm")]

use hookbox_sdk::prelude::*;
use hookbox_sdk::serde_json::Value;

plugin! {
    description: "Tries the network, its state and its settings",
    handlers: [reach],
}

/// More than the host holds of a body that nobody reads yet.
const BODY_BYTES: usize = 300 * 1024;

#[on("repo")]
fn reach(event: &Event) -> Result {
    let asked = event.json()?;
    let url = asked.get("url").and_then(Value::as_str);
    let url = url.unwrap_or("https://huggingface.co/api/whoami-v2");
    let get = http::Request::get(url);
    let post = http::Request::post(url).with_body("text/plain", vec![b'x'; BODY_BYTES]);
    done_json(&json!({
        "get": answer(&get),
        "post": answer(&post),
        "count": count().unwrap_or_else(|error| error.to_string()),
        "config": config::all().map_or_else(|error| error.to_string(), |all| format!("{all:?}")),
    }))
}

/// The answer's status and text, or what kind of error it was.
fn answer(request: &http::Request) -> String {
    match request.send() {
        Ok(answer) => format!("{} {}", answer.status(), answer.text()),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// How often it has counted, and the keys that it has.
fn count() -> std::result::Result<String, state::Error> {
    let state = state::open()?;
    let count = state.increment("count", 1)?;
    Ok(format!("{count} {:?}", state.keys()?))
}
