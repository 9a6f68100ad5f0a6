//! Looking around: what the sandbox lets a guest see.

use std::fs::File;
use std::io::Read;
use std::net::TcpStream;

use hookbox_sdk::prelude::*;
use hookbox_sdk::serde_json::{Map, Value};
use wasip2::filesystem::preopens::get_directories;
use wasip2::random::random::get_random_bytes;

/// Asks for every header, also for those that the host must not tell.
pub fn headers(event: &Event) -> Result {
    let names = [
        "webhook-id",
        "Webhook-Id",
        "content-type",
        "user-agent",
        "traceparent",
        "x-webhook-secret",
        "X-Webhook-Secret",
        "authorization",
        "host",
        "",
    ];
    let told: Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), event.header(name).into()))
        .collect();
    done_json(&Value::Object(told))
}

/// Looks at everything outside.
pub fn env() -> Result {
    done_json(&outside())
}

/// Everything outside.
pub fn outside() -> Value {
    let vars: Map<_, _> = std::env::vars()
        .map(|(name, value)| (name, value.into()))
        .collect();
    let args: Vec<_> = std::env::args().collect();
    let folders: Vec<_> = get_directories()
        .into_iter()
        .map(|(_, path)| path)
        .collect();
    json!({
        "vars": vars,
        "args": args,
        "preopens": folders,
        "tcp": tcp(),
        "passwd": passwd(),
        "write": said(std::fs::write("/hookbox-was-here", "x").map(|()| "written".to_owned())),
    })
}

fn tcp() -> String {
    said(TcpStream::connect("127.0.0.1:1").map(|_| "connected".to_owned()))
}

fn passwd() -> String {
    let read = File::open("/etc/passwd").and_then(|mut file| {
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text)
    });
    said(read)
}

fn said(result: std::io::Result<String>) -> String {
    result.unwrap_or_else(|error| format!("refused: {error}"))
}

pub fn random() -> Result {
    let bytes = get_random_bytes(16);
    done(
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
    )
}

/// Asks for a mebibyte of random bytes at once.
pub fn random_big() -> Result {
    done(format!(
        "the host gave {} bytes",
        get_random_bytes(1 << 20).len()
    ))
}
