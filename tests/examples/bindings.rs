//! Generates the SDK's bindings anew from `wit/`: `cargo run --example bindings`.
//!
//! A story holds the file equal to what this writes.

use hookbox_tests::bindings;

fn main() -> Result<(), bindings::Error> {
    std::fs::write(bindings::file(), bindings::generated()?)?;
    Ok(())
}
