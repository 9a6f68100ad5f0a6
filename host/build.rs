//! Puts into the binary what `hookbox new` gives each project a copy of, so that making one needs no network: the SDK's
//! sources for Rust; the interface, and a helper, for other languages.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What of the SDK is for its own tests.
const TESTS: &[&str] = &["answers", "tests", "tests.rs"];

/// The sections of a manifest that are for the SDK's own tests, or for the workspace that it came from.
const SECTIONS: &[&str] = &["[lints]", "[dev-dependencies]", "[[test]]"];

/// The files of folders that are embedded as they are: the folder, the table's name, the kinds of files.
const AS_THEY_ARE: &[(&str, &str, &[&str])] = &[
    ("../wit", "wit.rs", &["wit"]),
    (
        "templates/python/helper/hookbox",
        "python.rs",
        &["py", "json"],
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let crate_folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    write_table("sdk.rs", &sdk(&crate_folder.join(".."))?)?;
    for (folder, table, kinds) in AS_THEY_ARE {
        write_table(table, &as_they_are(&crate_folder.join(folder), kinds)?)?;
    }
    Ok(())
}

/// The files of a table: paths in their folder, and texts.
type Files = Vec<(PathBuf, String)>;

/// The SDK, as it is in a project.
fn sdk(workspace: &Path) -> Result<Files, Box<dyn Error>> {
    let (sdk, root) = (workspace.join("sdk"), workspace.join("Cargo.toml"));
    let licence = workspace.join("LICENSE");
    for read in [&root, &licence] {
        println!("cargo::rerun-if-changed={}", read.display());
    }
    let root = fs::read_to_string(root)?;
    let mut files = vec![(PathBuf::from("LICENSE"), fs::read_to_string(licence)?)];
    println!("cargo::rerun-if-changed={}", sdk.display());
    for (path, text) in read_all(&sdk, |_| true)? {
        let text = if path.ends_with("Cargo.toml") {
            manifest(&text, &root)?
        } else {
            text.replace("#[cfg(test)]\nmod tests;\n", "")
        };
        files.push((path, text));
    }
    Ok(files)
}

/// The files of some kinds in a folder.
fn as_they_are(folder: &Path, kinds: &[&str]) -> Result<Files, Box<dyn Error>> {
    let of_kind = |path: &Path| {
        let extension = path.extension().unwrap_or_default();
        kinds.iter().any(|kind| extension == *kind)
    };
    read_all(folder, of_kind)
}

fn read_all(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Files, Box<dyn Error>> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.retain(|path| wanted(path));
    paths.sort();
    let read = |path: PathBuf| {
        // One by one: in the folder Python keeps what it compiled, which is no reason to build.
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path)?;
        Ok((path.strip_prefix(folder)?.to_owned(), text))
    };
    paths.into_iter().map(read).collect()
}

/// Writes a table of paths and texts, which the crate includes by its name.
fn write_table(name: &str, files: &Files) -> Result<(), Box<dyn Error>> {
    let place = PathBuf::from(env::var("OUT_DIR")?).join(name);
    let lines: Vec<String> = files.iter().map(|file| format!("{file:?}")).collect();
    fs::write(place, format!("&[{}]", lines.join(",\n")))?;
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
