//! A Python project: what it is made of.

use crate::cli::UsageError;
use crate::cli::dev;
use crate::cli::new::{ProjectFile, Steps, WIT, in_folder, named};
use crate::cli::project::INSTALL_PYTHON;
use crate::plugin::PluginName;

/// What to do with it.
pub const STEPS: Steps = Steps {
    test: "python3 -m unittest",
    install: Some(INSTALL_PYTHON),
};

/// Its files, and what they are made from.
const TEMPLATE: &[(&str, &str)] = &[
    (
        "pyproject.toml",
        include_str!("../../../templates/python/pyproject.toml.in"),
    ),
    (
        "requirements.txt",
        include_str!("../../../templates/python/requirements.txt"),
    ),
    (
        "NAME.toml",
        include_str!("../../../templates/python/grant.toml"),
    ),
    (
        "README.md",
        include_str!("../../../templates/python/README.md"),
    ),
    (
        ".gitignore",
        include_str!("../../../templates/python/gitignore"),
    ),
    (
        "src/plugin.py",
        include_str!("../../../templates/python/plugin.py"),
    ),
    (
        "tests/__init__.py",
        include_str!("../../../templates/python/tests_init.py"),
    ),
    (
        "tests/test_plugin.py",
        include_str!("../../../templates/python/test_plugin.py"),
    ),
    (".hookbox/.gitignore", dev::NOT_IN_GIT),
];

/// The helper's files, put together by the build script.
const HELPER: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/python.rs"));

/// The files of a project of that name.
///
/// # Errors
/// If a plugin cannot be called so.
pub fn project(name: &str) -> Result<Vec<ProjectFile>, UsageError> {
    PluginName::parse(name).map_err(|_| {
        UsageError(format!(
            "`{}` cannot be the name of a plugin: lower-case letters, digits, `_` and `-`, the first a letter or a digit, \
             at most {} of them",
            name.chars().take(100).collect::<String>(),
            crate::plugin::NAME_BYTES_MAX,
        ))
    })?;
    let helper = in_folder(".hookbox/python/hookbox", HELPER);
    let wit = in_folder(".hookbox/wit", WIT);
    Ok(named(TEMPLATE, name).chain(helper).chain(wit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::grant::WrittenGrant;
    use std::path::Path;

    #[test]
    fn the_grant_gives_nothing_until_its_lines_are_uncommented_and_then_all_of_them_are_good() {
        let files = project("my-plugin").unwrap();
        let grant = files
            .iter()
            .find(|file| file.path == Path::new("my-plugin.toml"));
        let grant = &grant.unwrap().text;
        assert!(grant.parse::<toml::Table>().unwrap().is_empty());
        let uncomment = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        };
        let lines: Vec<String> = grant.lines().map(uncomment).collect();
        let given = WrittenGrant::parse(lines.join("\n").into_bytes(), 4 << 30);
        assert!(given.is_ok(), "{:?}", given.err());
    }

    #[test]
    fn a_project_has_the_helper_its_samples_and_the_interface() {
        let files = project("my-plugin").unwrap();
        for path in [
            ".hookbox/python/hookbox/__init__.py",
            ".hookbox/python/hookbox/samples/discussion-comment.json",
            ".hookbox/wit/plugin.wit",
            ".hookbox/wit/deps/http.wit",
        ] {
            assert!(
                files.iter().any(|file| file.path == Path::new(path)),
                "{path}"
            );
        }
    }
}
