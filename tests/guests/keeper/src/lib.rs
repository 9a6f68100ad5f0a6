//! A guest that does with its state what the last part of the repo's name says, step by step, and answers with what
//! each step came to.
//!
//! `some-user/inc:n:2,get:n,retry` adds 2 to `n`, reads it, and asks for another attempt. The steps are in the table in
//! [`step`]; the last one may say how to end.
#![cfg(target_family = "wasm")]
#![expect(missing_docs, reason = "the bindings are generated")]

use hookbox_sdk::prelude::*;
use std::thread;
use std::time::Duration;
use wasi::keyvalue::store::{Bucket, Error};
use wasi::keyvalue::{atomics, store};
use wasi::logging::logging::{Level, log as log_line};

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package hookbox:keeper;

        world keeper {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import wasi:config/store@0.2.0-rc.1;
            import wasi:logging/logging@0.1.0-draft;
        }
    ",
    world: "hookbox:keeper/keeper",
    generate_all,
});

plugin! {
    description: "Does with its state what the repo's name says",
    handlers: [handle],
}

#[on("*")]
fn handle(event: &Event) -> Result {
    let name = event.repo_name().unwrap_or_default();
    let mut said = Vec::new();
    for order in name.rsplit('/').next().unwrap_or_default().split(',') {
        let mut words = order.split(':');
        let mut word = || words.next().unwrap_or_default();
        let (order, key, value) = (word(), word(), word());
        match order {
            "retry" => return Err(Failure::retry(said.join("; "))),
            "reject" => return Err(Failure::reject(said.join("; "))),
            "ignore" => return ignored(said.join("; ")),
            "exit" => std::process::exit(1),
            _ => said.push(step(event, order, key, value)),
        }
    }
    done(said.join("; "))
}

/// Does one step, and tells what came of it.
fn step(event: &Event, order: &str, key: &str, value: &str) -> String {
    let number = || value.parse().unwrap_or(1);
    match order {
        "open" => said(store::open(key), |_| "open".to_owned()),
        "wait" => wait(event, key),
        "config" => config(key),
        "levels" => levels(),
        _ => said(store::open(""), |bucket| match order {
            "get" => said(bucket.get(key), shown),
            "has" => said(bucket.exists(key), |is_there| is_there.to_string()),
            "set" => said(bucket.set(key, value.as_bytes()), |()| "set".to_owned()),
            "fill" => said(bucket.set(key, &vec![b'x'; number()]), |()| {
                "set".to_owned()
            }),
            "key" => said(bucket.set(&"k".repeat(number()), b""), |()| {
                "set".to_owned()
            }),
            "del" => said(bucket.delete(key), |()| "deleted".to_owned()),
            "inc" => increment(&bucket, key, number() as u64),
            "each" => each(&bucket, key, number()),
            "many" => many(&bucket, key, number()),
            "list" => list(&bucket),
            "looks" => looks(&bucket, key, number()),
            _ => format!("no such step: {order}"),
        }),
    }
}

fn said<T>(result: std::result::Result<T, Error>, tell: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(value) => tell(value),
        Err(Error::NoSuchStore) => "no such store".to_owned(),
        Err(Error::AccessDenied) => "access denied".to_owned(),
        Err(Error::Other(reason)) => format!("refused: {reason}"),
    }
}

fn shown(value: Option<Vec<u8>>) -> String {
    match value {
        Some(value) if value.len() > 100 => format!("{} bytes", value.len()),
        Some(value) => String::from_utf8_lossy(&value).into_owned(),
        None => "none".to_owned(),
    }
}

fn increment(bucket: &Bucket, key: &str, by: u64) -> String {
    said(atomics::increment(bucket, key, by), |sum| sum.to_string())
}

/// Adds one, so many times.
fn each(bucket: &Bucket, key: &str, times: usize) -> String {
    let mut last = String::new();
    for _ in 0..times {
        last = increment(bucket, key, 1);
    }
    last
}

/// Sets so many keys.
fn many(bucket: &Bucket, key: &str, count: usize) -> String {
    for at in 0..count {
        if let Err(error) = bucket.set(&format!("{key}{at:05}"), b"") {
            return said::<()>(Err(error), |()| String::new());
        }
    }
    format!("{count} keys")
}

/// Lists all keys: how many pages they make, how many there are, the first and the last.
fn list(bucket: &Bucket) -> String {
    let (mut keys, mut pages, mut cursor) = (Vec::new(), 0, None);
    loop {
        let page = match bucket.list_keys(cursor) {
            Ok(page) => page,
            Err(error) => return said::<()>(Err(error), |()| String::new()),
        };
        keys.extend(page.keys);
        pages += 1;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    match keys.len() {
        0..=5 => format!("[{}]", keys.join(" ")),
        count => {
            let (first, last) = (keys.first(), keys.last());
            let end = |key: Option<&String>| key.cloned().unwrap_or_default();
            format!(
                "{pages} pages, {count} keys, {} to {}",
                end(first),
                end(last)
            )
        }
    }
}

/// Looks at a key so many times.
fn looks(bucket: &Bucket, key: &str, times: usize) -> String {
    let seen = (0..times).filter(|_| bucket.exists(key).is_ok()).count();
    format!("{seen} looks")
}

/// Waits for so many ms, in the first attempt.
fn wait(event: &Event, ms: &str) -> String {
    if event.attempt() == 1 {
        thread::sleep(Duration::from_millis(ms.parse().unwrap_or(0)));
    }
    "waited".to_owned()
}

fn config(key: &str) -> String {
    if key.is_empty() {
        let all = wasi::config::store::get_all().unwrap_or_default();
        let pairs = all.iter().map(|(key, value)| format!("{key}={value}"));
        return format!("[{}]", pairs.collect::<Vec<_>>().join(" "));
    }
    match wasi::config::store::get(key) {
        Ok(value) => value.unwrap_or_else(|| "none".to_owned()),
        Err(error) => format!("refused: {error:?}"),
    }
}

/// Logs a line of each level, the last one in a context.
fn levels() -> String {
    for (level, name) in [
        (Level::Trace, "trace"),
        (Level::Debug, "debug"),
        (Level::Info, "info"),
        (Level::Warn, "warn"),
        (Level::Error, "error"),
    ] {
        log_line(level, "", name);
    }
    log_line(Level::Critical, "keeper", "critical");
    println!("to standard output");
    eprintln!("to standard error");
    "logged".to_owned()
}
