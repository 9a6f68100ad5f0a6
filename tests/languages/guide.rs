//! `docs/plugin-guide.md` with the tools of its languages: what it makes is built, and runs.

use crate::javascript::tools::give_tools;
use hookbox_tests::markdown::under;
use hookbox_tests::{Reader, Tools, python_path};
use std::path::Path;
use tempfile::TempDir;

/// Follows a section of the guide; what it would install comes from `install`.
#[track_caller]
fn followed(heading: &str, install: fn(&Path)) {
    let folder = TempDir::new().unwrap();
    let mut reader = Reader::new(folder.path(), Tools::Given(install));
    reader.follows(&under("docs/plugin-guide.md", heading));
    assert!(reader.folder().join("plugins/welcome.wasm").is_file());
}

/// Gives a project the environment that its lock file makes.
fn give_environment(project: &Path) {
    let path = python_path();
    let tools = Path::new(path.split(':').next().unwrap());
    std::os::unix::fs::symlink(tools.parent().unwrap(), project.join(".venv")).unwrap();
}

#[test]
fn the_guide_leads_to_a_plugin_in_python_that_runs() {
    followed("## Python", give_environment);
}

#[test]
fn the_guide_leads_to_a_plugin_in_javascript_that_runs() {
    followed("## JavaScript", give_tools);
}
