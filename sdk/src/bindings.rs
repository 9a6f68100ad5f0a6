//! The bindings to `hookbox:plugin`, generated from `wit/` and kept in the repository, fenced here: nothing else in the
//! crate is generated.
//!
//! A plugin is built without their generator, and thereby with few crates. `tests/src/bindings.rs` says which part of
//! the interface they are, `cargo run --example bindings` makes them anew, and a story holds them to be that.
#![expect(
    unsafe_code,
    clippy::allow_attributes,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the bindings are generated"
)]

mod runtime;

include!("bindings/generated.in");
