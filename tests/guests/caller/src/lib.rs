//! A guest for benchmarks: it makes the same request again and again and tells how many nanoseconds each took, or spins
//! for so many milliseconds, as the payload says: `{"url", "times", "body"}` or `{"spin"}`.
#![cfg(target_family = "wasm")]

use hookbox_sdk::prelude::*;
use hookbox_sdk::serde_json::Value;
use std::hint::black_box;
use std::time::{Duration, Instant};

plugin! {
    description: "Makes the same request again and again, or spins",
    handlers: [handle],
}

/// What is done between two looks at the clock: looking is a call of the host's.
const TURNS: u32 = 1_000_000;

#[on("repo")]
fn handle(event: &Event) -> Result {
    let asked = event.json()?;
    let number = |name: &str| asked.get(name).and_then(Value::as_u64);
    if let Some(ms) = number("spin") {
        return spin(Duration::from_millis(ms));
    }
    let url = asked.get("url").and_then(Value::as_str).unwrap_or_default();
    let request = match number("body") {
        Some(bytes) => http::Request::post(url).with_body(
            "application/octet-stream",
            vec![b'x'; usize::try_from(bytes)?],
        ),
        None => http::Request::get(url),
    };
    let mut took = Vec::new();
    for _ in 0..number("times").unwrap_or(1) {
        let began = Instant::now();
        let answer = request.send()?;
        took.push(u64::try_from(began.elapsed().as_nanos())?);
        if !answer.is_success() {
            return Err(Failure::reject(format!("{} answers", answer.status())));
        }
    }
    done_json(&took.into())
}

fn spin(time: Duration) -> Result {
    let began = Instant::now();
    while began.elapsed() < time {
        for turn in 0..TURNS {
            black_box(turn);
        }
    }
    done("spun")
}
