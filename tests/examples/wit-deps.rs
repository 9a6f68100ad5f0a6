//! Prints `wit/deps` anew from the crates that the host links, and what `inspect` judges imports by from that:
//! `cargo run -p hookbox-tests --example wit-deps`.
//!
//! A story holds both equal to what this prints.

use hookbox_tests::wit_deps;

fn main() -> Result<(), wit_deps::Error> {
    for (name, text) in wit_deps::printed()? {
        std::fs::write(wit_deps::folder().join(name), text)?;
    }
    std::fs::write(wit_deps::linked_file(), wit_deps::linked()?)?;
    Ok(())
}
