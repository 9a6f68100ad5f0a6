//! A guest that answers with a mark in its own bytes: a test changes the mark in the file, and the answer tells which
//! bytes were run.
#![cfg(target_family = "wasm")]

use hookbox_sdk::prelude::*;

plugin! {
    description: "Answers with its mark",
    handlers: [mark],
}

static MARK: [u8; 16] = *b"mark-00000000000";

#[on("repo.*")]
fn mark(_event: &Event) -> Result {
    // Read at run time, so that the bytes stay together in the file.
    let mark = std::hint::black_box(&MARK);
    done(String::from_utf8_lossy(mark))
}
