//! Payloads: the collection under `tests/payloads`, and small ones made for a story.

use crate::built::workspace;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// An event with everything that the Hub sends for its scope and that a plugin here looks at. Each is of a repo and a
/// discussion of its own, whatever their names: else the loop guard would count them together.
#[must_use]
pub fn event(scope: &str, action: &str, repo: &str) -> Value {
    static EVENTS: AtomicU32 = AtomicU32::new(0);
    let n = EVENTS.fetch_add(1, Ordering::Relaxed);
    json!({
        "event": { "action": action, "scope": scope },
        "repo": {
            "type": "model", "name": repo, "id": format!("621ffdc036468d70{n:08x}"), "private": false,
            "url": { "web": "https://huggingface.co/x", "api": "https://huggingface.co/api/models/x" },
            "owner": { "id": "61d2000c3c2083e1c08af22d" }, "headSha": "c379e821c9c95d613899e8c4343e4bfee2b0c600",
        },
        "discussion": {
            "id": format!("639885d811ae2bad{n:08x}"), "title": "A title", "isPullRequest": false, "status": "open", "num": 3,
            "author": { "id": "61d2000c3c2083e1c08af22d" },
            "url": { "web": "https://huggingface.co/x/discussions/3", "api": "https://huggingface.co/api/x" },
        },
        "comment": {
            "id": "6398872887bfcfb93a306f18", "author": { "id": "61d2000c3c2083e1c08af22d" }, "content": "Hello there",
            "hidden": false, "url": { "web": "https://huggingface.co/x/discussions/3#6398872887bfcfb93a306f18" },
        },
        "updatedRefs": [{ "ref": "refs/heads/main", "oldSha": "a".repeat(40), "newSha": "b".repeat(40) }],
        "webhook": { "id": "6390e855e30d9209411de93b", "version": 3 },
    })
}

/// One of the collection, by its path under `tests/payloads`.
pub fn payload_file(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The paths of the whole collection, under `tests/payloads`, in order.
#[must_use]
pub fn payload_files() -> Vec<String> {
    let mut found = Vec::new();
    collect(&folder(), &mut found);
    let mut names: Vec<String> = found
        .iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .filter_map(|path| Some(path.strip_prefix(folder()).ok()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

fn folder() -> PathBuf {
    workspace().join("tests/payloads")
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}
