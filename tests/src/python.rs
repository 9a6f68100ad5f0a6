//! Plugins in Python, built by the real tool: installed once, by the lock file of new projects.

use crate::built::{hookbox, story_target, workspace};
use crate::cli::clean;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A `PATH` with what builds plugins in Python before all else.
#[track_caller]
#[must_use]
pub fn python_path() -> String {
    let folder = story_target().with_file_name("python");
    let script = workspace().join("tests/python/install");
    let installed = Command::new(script).arg(&folder).status();
    assert!(
        installed.is_ok_and(|status| status.success()),
        "what builds plugins in Python cannot be installed: see above"
    );
    let tools = folder.join("venv/bin");
    let others = std::env::var("PATH").unwrap_or_default();
    format!("{}:{others}", tools.display())
}

/// Builds a project by `hookbox build`, for as long as that takes; the component's file, in `out`.
#[track_caller]
#[must_use]
pub fn build_python(project: &Path, out: &Path) -> PathBuf {
    let built = clean(Command::new(hookbox()))
        .args(["build", "-o"])
        .arg(out)
        .arg(project)
        .env("PATH", python_path())
        .output()
        .expect("the binary can be started");
    let said = String::from_utf8_lossy(&built.stdout);
    assert!(
        built.status.success(),
        "{}\n{said}",
        String::from_utf8_lossy(&built.stderr)
    );
    PathBuf::from(said.trim())
}
