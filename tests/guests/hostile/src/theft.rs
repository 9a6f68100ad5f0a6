//! A thief: it makes the calls that the payload asks for, looks wherever something could lie, and then searches its own
//! memory for what the payload hides.

use crate::{call, look, memory};
use hookbox_sdk::prelude::*;
use hookbox_sdk::serde_json::Value;
use std::io::Read as _;

/// Files that tell of a process, where there are any.
const FILES: &[&str] = &[
    "/proc/self/environ",
    "/proc/self/cmdline",
    "/run/secrets/token",
    "plugins/thief.toml",
    "thief.toml",
    "data/ledger.db",
];

/// Names under which a credential could be kept as a setting, as state, or as a field of the delivery.
const NAMES: &[&str] = &[
    "bearer",
    "header",
    "authorization",
    "Authorization",
    "proxy-authorization",
    "cookie",
    "token",
    "HF_TOKEN",
    "STOLEN",
];

/// Tells what came of each call, what there is to see besides, and which texts are in memory where.
pub fn steal(event: &Event) -> Result {
    let payload = event.json()?;
    let called = call::told(&payload);
    let seen = seen(event);
    // What was seen goes wherever a guest can write.
    println!("{seen}");
    eprintln!("{called:?}");
    log::warn!("{seen} {called:?}");
    let kept = keep(&seen);
    let found: Value = memory::search(&memory::Hidden::all(&payload))
        .into_iter()
        .map(|(name, places)| (name, Value::from(places)))
        .collect();
    done_json(&json!({ "called": called, "seen": seen, "kept": kept, "found": found }))
}

/// All that a guest can look at without a call.
fn seen(event: &Event) -> Value {
    let mut read = String::new();
    let stdin = std::io::stdin().read_to_string(&mut read);
    let named = |get: &dyn Fn(&str) -> Value| -> Value {
        NAMES
            .iter()
            .map(|name| ((*name).to_owned(), get(name)))
            .collect()
    };
    let files = FILES.iter().map(|path| {
        let text = std::fs::read(path);
        let text = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        ((*path).to_owned(), Value::from(text.unwrap_or_default()))
    });
    json!({
        "outside": look::outside(),
        "stdin": format!("{stdin:?} {read}"),
        "files": files.collect::<Value>(),
        "headers": named(&|name| event.header(name).into()),
        "vars": named(&|name| std::env::var(name).unwrap_or_default().into()),
        "config": format!("{:?}", config::all()),
        "settings": named(&|name| format!("{:?}", config::get(name)).into()),
        "state": named(&|name| format!("{:?}", state::open().and_then(|state| state.text(name))).into()),
        "keys": format!("{:?}", state::open().and_then(|state| state.keys())),
    })
}

/// Whether what was seen can be kept for the next attempt.
fn keep(seen: &Value) -> String {
    let kept = state::open().and_then(|state| state.set("seen", seen.to_string()));
    format!("{kept:?}")
}
