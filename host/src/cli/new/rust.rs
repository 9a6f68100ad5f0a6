//! A Rust project: what it is made of, and which names it can have.

use crate::cli::UsageError;
use crate::cli::dev;
use crate::cli::new::{ProjectFile, Steps, in_folder, named};
use crate::plugin::PluginName;

/// What to do with it.
pub const STEPS: Steps = Steps {
    test: "cargo test",
    install: None,
};

/// Its files, and what they are made from.
const TEMPLATE: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        include_str!("../../../templates/rust/Cargo.toml.in"),
    ),
    (
        "NAME.toml",
        include_str!("../../../templates/rust/grant.toml"),
    ),
    (
        "README.md",
        include_str!("../../../templates/rust/README.md"),
    ),
    (
        ".gitignore",
        include_str!("../../../templates/rust/gitignore"),
    ),
    ("src/lib.rs", include_str!("../../../templates/rust/lib.rs")),
    (".hookbox/.gitignore", dev::NOT_IN_GIT),
];

/// What the SDK needs, in the very versions that this binary was built with: wherever that was done, cargo has them.
const LOCK: &str = include_str!("../../../templates/rust/Cargo.lock.in");

/// The SDK's files, put together by the build script.
const SDK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// Names that no crate can have, and those of crates that are everywhere.
const RESERVED: &str = "\
    abstract alloc as async await become box break const continue core crate do dyn else enum \
    extern false final fn for gen if impl in let loop macro match mod move mut override priv \
    proc_macro pub ref return self static std struct super test trait true try type typeof unsafe \
    unsized use virtual where while yield";

/// The files of a project of that name.
///
/// # Errors
/// If a plugin or a crate cannot be called so.
pub fn project(name: &str) -> Result<Vec<ProjectFile>, UsageError> {
    judge(name)?;
    let lock = ProjectFile {
        path: "Cargo.lock".into(),
        text: lock(name).into(),
    };
    let sdk = in_folder(".hookbox/sdk", SDK);
    Ok(named(TEMPLATE, name).chain([lock]).chain(sdk).collect())
}

fn judge(name: &str) -> Result<(), UsageError> {
    let letter = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !letter || PluginName::parse(name).is_err() {
        return Err(UsageError(format!(
            "`{}` cannot be the name of a plugin in Rust: lower-case letters, digits, `_` and `-`, the first a letter, \
             at most {} of them",
            name.chars().take(100).collect::<String>(),
            crate::plugin::NAME_BYTES_MAX,
        )));
    }
    let crate_name = name.replace('-', "_");
    let is_needed = packages().any(|package| package_name(package).replace('-', "_") == crate_name);
    if is_needed || RESERVED.split(' ').any(|word| word == crate_name) {
        return Err(UsageError(format!(
            "`{name}` cannot be the name of a plugin in Rust: it is a word of the language, or a crate that plugins are \
             made of; take another one"
        )));
    }
    Ok(())
}

/// The lock file: cargo sorts it by name, and takes one that is in order as it is.
fn lock(name: &str) -> String {
    let own =
        format!("name = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [\n \"hookbox-sdk\",\n]\n");
    let mut all: Vec<&str> = packages()
        .map(|package| -> &str { package })
        .chain([own.as_str()])
        .collect();
    all.sort_by_key(|package| package_name(package));
    let head = LOCK.split(PACKAGE).next().unwrap_or_default();
    let mut text = head.trim_end().to_owned();
    for package in all {
        text.push_str("\n\n[[package]]\n");
        text.push_str(package.trim_end());
    }
    text.push('\n');
    text
}

const PACKAGE: &str = "[[package]]\n";

fn packages() -> impl Iterator<Item = &'static str> {
    LOCK.split(PACKAGE).skip(1)
}

fn package_name(package: &str) -> &str {
    package.split('"').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::grant::WrittenGrant;
    use std::path::Path;

    fn text_of(path: &str) -> String {
        let files = project("my-plugin").unwrap();
        let file = files.into_iter().find(|file| file.path == Path::new(path));
        file.unwrap().text.into_owned()
    }

    #[test]
    fn a_project_needs_the_crates_that_this_binary_was_built_with() {
        let ours = include_str!("../../../../Cargo.lock");
        for package in packages().filter(|package| package.contains("checksum")) {
            let checksum = package.lines().find(|line| line.starts_with("checksum"));
            assert!(ours.contains(checksum.unwrap()), "{package}");
        }
    }

    #[test]
    fn the_lock_file_is_in_order() {
        let lock = text_of("Cargo.lock");
        let names: Vec<&str> = lock.split(PACKAGE).skip(1).map(package_name).collect();
        assert!(
            names.contains(&"my-plugin") && names.is_sorted(),
            "{names:?}"
        );
    }

    #[test]
    fn the_grant_gives_nothing_until_its_lines_are_uncommented_and_then_all_of_them_are_good() {
        let grant = text_of("my-plugin.toml");
        assert!(grant.parse::<toml::Table>().unwrap().is_empty());
        let uncomment = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        };
        let lines: Vec<String> = grant.lines().map(uncomment).collect();
        let given = WrittenGrant::parse(lines.join("\n").into_bytes(), 4 << 30);
        assert!(given.is_ok(), "{:?}", given.err());
        assert_eq!(lines.join("\n").parse::<toml::Table>().unwrap().len(), 8);
    }

    #[test]
    fn the_sdk_of_a_project_stands_for_itself() {
        let manifest = text_of(".hookbox/sdk/Cargo.toml");
        assert!(
            !manifest.contains("workspace") && !manifest.contains("[lints]"),
            "{manifest}"
        );
        assert!(manifest.contains(concat!("version = \"", env!("CARGO_PKG_VERSION"), "\"")));
        assert!(text_of(".hookbox/sdk/src/bindings/generated.in").contains("wit-bindgen"));
    }
}
