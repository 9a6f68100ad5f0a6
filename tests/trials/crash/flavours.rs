//! What people run has no place to die at.

use hookbox_tests::{Host, hookbox, hookbox_failing, workspace};
use memchr::memmem;
use std::path::Path;

/// The names of the places in the host's sources.
fn names() -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![workspace().join("host/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let named = text
                .split("hit!(\"")
                .skip(1)
                .filter_map(|rest| rest.split_once("\")"));
            names.extend(named.map(|(name, _)| name.to_owned()));
        }
    }
    names
}

fn holds(program: &Path, text: &str) -> bool {
    memmem::find(&std::fs::read(program).unwrap(), text.as_bytes()).is_some()
}

#[test]
fn the_program_that_people_run_has_no_place_to_die_at() {
    let names = names();
    assert!(names.len() >= 8, "{names:?}");
    for name in names.iter().map(String::as_str).chain(["FAILPOINT"]) {
        assert!(holds(hookbox_failing(), name), "{name} is nowhere");
        assert!(!holds(hookbox(), name), "{name} is in the program");
    }
    // And it does not look for one
    let host = Host::with(&["hello"]).env("FAILPOINT", "after-record");
    let host = host.start();
    let comment = hookbox_tests::event("discussion.comment", "create", "a/b");
    let answer = host.hub().deliver(&comment).wait(20).send();
    assert_eq!(answer.status, 200, "{answer:?}");
}
