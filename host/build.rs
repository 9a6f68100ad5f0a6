//! Puts the SDK's sources into the binary: `hookbox new` gives each project a copy of them, so making one needs no
//! network.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What of the SDK is for its own tests.
const TESTS: &[&str] = &["answers", "tests", "tests.rs"];

/// The sections of a manifest that are for the SDK's own tests, or for the workspace that it came from.
const SECTIONS: &[&str] = &["[lints]", "[dev-dependencies]", "[[test]]"];

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let (sdk, root) = (workspace.join("sdk"), workspace.join("Cargo.toml"));
    println!("cargo::rerun-if-changed={}", sdk.display());
    println!("cargo::rerun-if-changed={}", root.display());
    let root = fs::read_to_string(root)?;
    let mut files = Vec::new();
    collect(&sdk, &mut files)?;
    files.sort();
    let licence = workspace.join("LICENSE");
    println!("cargo::rerun-if-changed={}", licence.display());
    let mut table = vec![format!("(\"LICENSE\", {:?})", fs::read_to_string(licence)?)];
    for path in files {
        let text = fs::read_to_string(&path)?;
        let text = if path.ends_with("Cargo.toml") {
            manifest(&text, &root)?
        } else {
            text.replace("#[cfg(test)]\nmod tests;\n", "")
        };
        table.push(format!("({:?}, {text:?})", path.strip_prefix(&sdk)?));
    }
    let place = PathBuf::from(env::var("OUT_DIR")?).join("sdk.rs");
    fs::write(place, format!("&[{}]", table.join(",\n")))?;
    Ok(())
}

/// The files that a plugin is built from.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .file_name()
            .is_some_and(|name| TESTS.iter().any(|test| name == *test))
        {
            continue;
        }
        if path.is_dir() {
            collect(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// A manifest that stands for itself: with what it takes from the workspace's written out.
fn manifest(text: &str, workspace: &str) -> Result<String, Box<dyn Error>> {
    let mut alone = String::new();
    let mut kept = true;
    for line in text.lines().filter(|line| !line.starts_with("publish")) {
        if line.starts_with('[') {
            kept = !SECTIONS.contains(&line);
        }
        if !kept {
            continue;
        }
        let line = match line.strip_suffix(".workspace = true") {
            None => line.to_owned(),
            Some(key) => inherited(key, workspace)?,
        };
        alone.push_str(&line);
        alone.push('\n');
    }
    Ok(alone)
}

/// The line of the workspace's manifest that a key is inherited from; a path in it as seen from the SDK.
fn inherited(key: &str, workspace: &str) -> Result<String, Box<dyn Error>> {
    let start = format!("{key} = ");
    let line = workspace.lines().find(|line| line.starts_with(&start));
    let line = line.ok_or_else(|| format!("the workspace's manifest has no `{key}`"))?;
    Ok(line.replace("\"sdk/", "\""))
}
