//! The rules of the house, as far as a machine can hold them.

use hookbox_tests::workspace;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most lines of a source file.
const LINES_MAX: usize = 500;

/// All files below a folder of the repository, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![workspace().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_dir() {
                found.push(path);
            } else if path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every Rust file of ours with its path in the repository.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    folders
        .iter()
        .flat_map(|folder| files(folder))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (shown(&path), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(workspace())
        .unwrap()
        .display()
        .to_string()
}

const ALL: &[&str] = &["host", "sdk", "plugins", "tests"];

#[track_caller]
fn none(broken: &[String]) {
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The part of a file that is not its tests.
fn without_tests(text: &str) -> &str {
    let end = text.find("\n#[cfg(test)]").unwrap_or(text.len());
    &text[..end]
}

/// The modules named after each `crate::` in code: `crate::a::b` and `crate::{a, b::{c, d}}`.
fn modules_used(text: &str) -> Vec<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let word = |text: &str| {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut used = Vec::new();
    for after in code.split("crate::").skip(1) {
        let Some(group) = after.strip_prefix('{') else {
            used.push(word(after));
            continue;
        };
        used.push(word(group));
        let mut depth = 1;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 1 => break,
                '}' => depth -= 1,
                ',' if depth == 1 => used.push(word(&group[at + 1..])),
                _ => {}
            }
        }
    }
    used
}

#[test]
fn a_module_of_the_host_uses_only_those_declared_above_it() {
    let declared = std::fs::read_to_string(workspace().join("host/src/lib.rs")).unwrap();
    let modules: Vec<&str> = declared
        .lines()
        .filter_map(|line| {
            line.trim_start_matches("pub ")
                .strip_prefix("mod ")?
                .strip_suffix(';')
        })
        .collect();
    let place = |name: &str| modules.iter().position(|module| *module == name);
    assert!(modules.len() > 10, "{modules:?}");
    let mut broken = Vec::new();
    for (path, text) in sources(&["host/src"]) {
        let module = path
            .trim_start_matches("host/src/")
            .split(['/', '.'])
            .next()
            .unwrap_or_default()
            .to_owned();
        let Some(own) = place(&module) else { continue };
        for used in modules_used(without_tests(&text)) {
            if place(&used).is_some_and(|used| used > own) {
                broken.push(format!(
                    "{path} uses `{used}`, which is declared below `{module}`"
                ));
            }
        }
    }
    none(&broken);
}

#[test]
fn every_module_of_the_host_is_declared() {
    let declared = std::fs::read_to_string(workspace().join("host/src/lib.rs")).unwrap();
    let stray: Vec<String> = sources(&["host/src"])
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| {
            let name = path.trim_start_matches("host/src/").trim_end_matches(".rs");
            let known =
                name.contains('/') || ["lib", "main"].contains(&name) || name.ends_with("_tests");
            !known && !declared.contains(&format!("mod {name};"))
        })
        .collect();
    none(&stray);
}

#[test]
fn every_source_file_says_first_what_it_is() {
    let silent: Vec<String> = sources(ALL)
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    none(&silent);
}

#[test]
fn no_source_file_is_longer_than_it_can_be_read() {
    let long: Vec<String> = sources(ALL)
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    none(&long);
}

#[test]
fn one_file_is_one_noun() {
    let names = [
        "mod.rs",
        "utils.rs",
        "util.rs",
        "common.rs",
        "helpers.rs",
        "manager.rs",
        "misc.rs",
    ];
    let nameless: Vec<String> = sources(ALL)
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| {
            path.rsplit('/')
                .next()
                .is_some_and(|name| names.contains(&name))
        })
        .collect();
    none(&nameless);
}

#[test]
fn nothing_is_left_to_do_and_no_story_dawdles() {
    // The words are put together here, so that this file is none of the places.
    let left = ["todo", "unimplemented"].map(|word| format!("{word}!("));
    let mut broken = Vec::new();
    for (path, text) in sources(ALL) {
        broken.extend(
            left.iter()
                .filter(|word| text.contains(*word))
                .map(|word| format!("{path}: {word}…)")),
        );
        let tells = path.starts_with("tests/") && !path.starts_with("tests/guests/");
        let shortcuts = [
            format!("sle{}(", "ep"),
            format!("#[ign{}", "ore"),
            format!("#[should_{}", "panic"),
        ];
        broken.extend(
            shortcuts
                .iter()
                .filter(|word| tells && text.contains(*word))
                .map(|word| format!("{path}: {word}…")),
        );
    }
    none(&broken);
}

#[test]
fn exceptions_from_lints_are_expected_with_a_reason() {
    let allow = format!("#[{}(", "allow");
    let inner = format!("#![{}(", "allow");
    let broken: Vec<String> = sources(ALL)
        .into_iter()
        .filter(|(_, text)| text.contains(&allow) || text.contains(&inner))
        .map(|(path, _)| path)
        .collect();
    none(&broken);
}

#[test]
fn no_build_output_is_kept_in_git() {
    let listed = Command::new("git")
        .arg("ls-files")
        .current_dir(workspace())
        .output();
    // Without git, as in a source archive, there is nothing to look at.
    let Ok(listed) = listed else { return };
    let kept: Vec<String> = String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter(|path| {
            let ends = [
                ".wasm",
                ".cwasm",
                ".rlib",
                ".o",
                ".db",
                ".db-wal",
                ".db-shm",
                ".snap.new",
                ".pending-snap",
            ];
            path.split('/').any(|part| part == "target")
                || ends.iter().any(|end| path.ends_with(end))
        })
        .map(str::to_owned)
        .collect();
    none(&kept);
}
