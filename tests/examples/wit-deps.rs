//! Prints `wit/deps` anew from the crates that the host links: `cargo run -p hookbox-tests --example wit-deps`.
//!
//! A story holds the folder equal to what this prints.

use hookbox_tests::wit_deps;

fn main() -> Result<(), wit_deps::Error> {
    for (name, text) in wit_deps::printed()? {
        std::fs::write(wit_deps::folder().join(name), text)?;
    }
    Ok(())
}
