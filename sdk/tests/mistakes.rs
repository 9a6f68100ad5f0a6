//! Mistakes in a plugin, and what the compiler says of each.
//!
//! The texts are kept word by word, and are those of one version of the compiler: `TRYBUILD=overwrite` writes them anew.

use std::process::Command;

/// The compiler whose words are kept: the one that the repository is built with.
fn pinned() -> Option<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../rust-toolchain.toml");
    let text = std::fs::read_to_string(file).ok()?;
    let channel = text
        .lines()
        .find_map(|line| line.strip_prefix("channel = "))?;
    Some(channel.trim().trim_matches('"').to_owned())
}

#[test]
fn each_mistake_is_told_where_it_is_with_its_mend() {
    let told = Command::new("rustc").arg("--version").output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let version = told.split(' ').nth(1).unwrap_or_default();
    if pinned().as_deref() != Some(version) {
        println!("not compared: the texts are not those of rustc {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/mistakes/*.rs");
}
