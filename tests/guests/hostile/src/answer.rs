//! Every kind of answer.

use std::time::Duration;

use hookbox_sdk::prelude::*;

/// Sixteen times what the host keeps.
const BIG_OUTPUT_BYTES: usize = 1 << 20;

pub fn retry_after() -> Result {
    Err(Failure::retry_after(
        "asked to wait",
        Duration::from_millis(1500),
    ))
}

/// Fails twice, then is done.
pub fn fail_then_ok(event: &Event) -> Result {
    match event.attempt() {
        attempt @ 0..=2 => Err(Failure::retry(format!("attempt {attempt} fails"))),
        attempt => done(format!("attempt {attempt} is fine")),
    }
}

pub fn big_output() -> Result {
    done("x".repeat(BIG_OUTPUT_BYTES))
}

/// What the host said of the delivery, and the length and a checksum of the body.
pub fn echo(event: &Event) -> Result {
    let body = event.raw();
    done_json(&json!({
        "bytes": body.len(),
        "fnv1a": format!("{:016x}", fnv1a(body)),
        "id": event.id(),
        "run_id": event.run_id(),
        "attempt": event.attempt(),
        "received_at_ms": event.received_at_ms(),
        "scope": event.scope(),
        "action": event.action(),
        "sent_scope": event.sent_scope(),
        "sent_action": event.sent_action(),
        "repo_type": event.repo_type(),
        "repo_name": event.repo_name(),
        "repo_id": event.repo_id(),
    }))
}

/// The 64-bit FNV-1a hash.
fn fnv1a(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}
