//! `docs/plugin-guide.md` is true: its files make the plugins that it says, its commands do what it shows.

use hookbox_tests::markdown::{fences, under};
use hookbox_tests::{Reader, Tools, story_target, workspace};
use std::path::PathBuf;
use tempfile::TempDir;

const GUIDE: &str = "docs/plugin-guide.md";

/// A clean folder, always at the same place: cargo knows what it built by that.
fn clean_folder() -> PathBuf {
    let folder = story_target().join("guide");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}

/// What a section shows, as somebody follows it who has installed nothing for its language.
#[track_caller]
fn followed_with_nothing_installed(heading: &str) {
    let folder = TempDir::new().unwrap();
    Reader::new(folder.path(), Tools::OfStories).follows(&under(GUIDE, heading));
}

#[test]
fn the_guide_begins_with_a_test() {
    let page = std::fs::read_to_string(workspace().join(GUIDE)).unwrap();
    let fences = fences(&page);
    let mut files = fences.iter().filter_map(|fence| fence.note("file"));
    assert_eq!(files.next(), Some("src/tests.rs"));
}

#[test]
fn the_guide_leads_to_a_plugin_in_rust_that_passes_its_tests_and_would_run() {
    let mut reader = Reader::new(&clean_folder(), Tools::Given(|_| {}));
    reader.follows(&under(GUIDE, "## Rust"));
    assert!(reader.folder().join("plugins/welcome.wasm").is_file());
    reader.follows(&under(GUIDE, "## Deploying"));
}

#[test]
fn the_guide_leads_to_a_plugin_in_python_that_passes_its_tests_as_they_are() {
    followed_with_nothing_installed("## Python");
}

#[test]
fn the_guide_leads_to_a_plugin_in_javascript_that_passes_its_tests_as_they_are() {
    followed_with_nothing_installed("## JavaScript");
}
