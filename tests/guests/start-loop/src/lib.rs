//! A guest whose instantiation never ends: it loops before anything is called.
//!
//! Rust's static constructors would not do: on wasm they run within the first call of an export. A function with
//! the name `_initialize` is what the component's start calls.
#![cfg(target_family = "wasm")]

use std::hint::black_box;

use hookbox_sdk::prelude::*;

plugin! {
    description: "Never comes to life",
    handlers: [never],
}

#[on("*")]
fn never(_event: &Event) -> Result {
    done("unreachable")
}

#[expect(unsafe_code, reason = "the name is the point")]
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    loop {
        black_box(());
    }
}
