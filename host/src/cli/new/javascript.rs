//! A JavaScript project: what it is made of, and which names it can have.

use crate::cli::UsageError;
use crate::cli::dev;
use crate::cli::new::{ProjectFile, Steps, WIT, in_folder, named};
use crate::cli::project::INSTALL_JAVASCRIPT;
use crate::plugin::PluginName;
use hookbox_sdk::sample::SAMPLES;

/// What to do with it.
pub const STEPS: Steps = Steps {
    test: "node --test",
    install: Some(INSTALL_JAVASCRIPT),
};

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../templates/javascript/", $path))
    };
}

/// Its files, and what they are made from. `NAME` stands for the plugin's name.
const TEMPLATE: &[(&str, &str)] = &[
    ("package.json", template!("package.json.in")),
    ("package-lock.json", template!("package-lock.json.in")),
    ("NAME.toml", template!("grant.toml")),
    ("README.md", template!("README.md")),
    (".gitignore", template!("gitignore")),
    ("src/plugin.js", template!("plugin.js")),
    ("test/plugin.test.js", template!("plugin.test.js")),
];

/// The files of the helper and of its world: the same in all projects.
const HELPER: &[(&str, &str)] = &[
    (".gitignore", dev::NOT_IN_GIT),
    ("javascript/ability.js", template!("hookbox/ability.js")),
    ("javascript/events.js", template!("hookbox/events.js")),
    ("javascript/hookbox.d.ts", template!("hookbox/hookbox.d.ts")),
    ("javascript/hookbox.js", template!("hookbox/hookbox.js")),
    ("javascript/host.js", template!("hookbox/host.js")),
    ("javascript/http.js", template!("hookbox/http.js")),
    ("javascript/hub.js", template!("hookbox/hub.js")),
    ("javascript/outcomes.js", template!("hookbox/outcomes.js")),
    ("javascript/plugin.js", template!("hookbox/plugin.js")),
    ("javascript/scopes.js", template!("hookbox/scopes.js")),
    ("javascript/testing.d.ts", template!("hookbox/testing.d.ts")),
    ("javascript/testing.js", template!("hookbox/testing.js")),
    ("wit/javascript.wit", template!("javascript.wit")),
];

/// The files of a project of that name.
///
/// # Errors
/// If a plugin or a package cannot be called so.
pub fn project(name: &str) -> Result<Vec<ProjectFile>, UsageError> {
    judge(name)?;
    let samples = SAMPLES.iter().map(|sample| ProjectFile {
        path: format!(".hookbox/samples/{}.json", sample.name).into(),
        text: sample.json.into(),
    });
    Ok(named(TEMPLATE, name)
        .chain(in_folder(".hookbox", HELPER))
        .chain(in_folder(".hookbox/wit", WIT))
        .chain(samples)
        .collect())
}

/// Names are those of packages (the documentation of npm, "package.json": no capitals, not first a dot or a `_`).
fn judge(name: &str) -> Result<(), UsageError> {
    let letter = name.starts_with(|first: char| first.is_ascii_lowercase());
    if letter && PluginName::parse(name).is_ok() && name != "node_modules" {
        return Ok(());
    }
    Err(UsageError(format!(
        "`{}` cannot be the name of a plugin in JavaScript: lower-case letters, digits, `_` and `-`, the first a \
         letter, at most {} of them",
        name.chars().take(100).collect::<String>(),
        crate::plugin::NAME_BYTES_MAX,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::grant::WrittenGrant;
    use std::path::Path;

    #[test]
    fn the_grant_gives_nothing_until_its_lines_are_uncommented_and_then_all_of_them_are_good() {
        let grant = project("my-plugin").unwrap().into_iter();
        let grant = grant.filter(|file| file.path == Path::new("my-plugin.toml"));
        let grant: String = grant.map(|file| file.text.into_owned()).collect();
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
}
