//! The ledger's file is damaged: nothing of it is served, and a copy in its place is.

use hookbox_tests::{Host, event};
use insta::assert_snapshot;
use std::path::Path;

/// Overwrites all pages but the first, as a bad disk would.
fn damage(ledger: &Path) {
    let mut bytes = std::fs::read(ledger).unwrap();
    bytes[4_096..].fill(0xa5);
    std::fs::write(ledger, bytes).unwrap();
}

/// A text without what differs from run to run: the folder, and the time.
fn settled(text: &str, host: &Host) -> String {
    let text = text.replace(&host.folder().display().to_string(), "…");
    let words = text.split(' ').map(|word| {
        let time = word.trim_matches(['(', ')']);
        let is_time = time.starts_with("20") && time.ends_with('Z');
        word.replace(if is_time { time } else { "\0" }, "TIME")
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The lines of a text that have a word in them.
fn lines(text: &str, word: &str) -> String {
    let lines = text.lines().filter(|line| line.contains(word));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_damaged_ledger_is_not_served_until_a_copy_is_in_its_place() {
    // Given a host with a backup, whose file turns bad under it
    let mut host = Host::with(&[]).start();
    let kept = host
        .hub()
        .deliver(&event("repo", "create", "a/b"))
        .send()
        .id();
    let copy = host.folder().join("copy.db");
    host.cli(&["backup", copy.to_str().unwrap()]).ok();
    host.restart();
    let ledger = host.data().join("ledger.db");
    damage(&ledger);
    // When somebody wants to see what is in it, or the host has looked by itself before that, then it says so and stops
    if let Some(answer) = host.admin().get("/api/v1/deliveries").try_send() {
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    assert_eq!(host.ended(), Some(1));
    assert_snapshot!(lines(&host.log(), "error:"), @"error: the ledger failed: data/ledger.db: database disk image is malformed; put a copy made with `hookbox backup` in its place, and remove the -wal and -shm files beside it; then start hookbox again");
    // And the next start refuses it, of which `check` warns before
    let told = host
        .cli(&["check", "--plugins", "plugins", "--insecure-no-secret"])
        .stdout;
    assert_snapshot!(settled(&lines(&told, "ledger.db"), &host), @"warning: …/data/ledger.db: it failed (TIME database disk image is malformed; put a copy made with `hookbox backup` in its place, and remove the -wal and -shm files beside it); the next start reads all of it before anything is served, and refuses to serve it if it is damaged");
    let failed = host.restart_under("true").unwrap_err();
    assert_eq!(failed.code, Some(1));
    assert_snapshot!(settled(&lines(&failed.stderr, "error:"), &host), @"error: data/ledger.db: database disk image is malformed; put a copy made with `hookbox backup` in its place, and remove the -wal and -shm files beside it (it failed before, TIME)");
    // When the copy is in its place, then it is checked and served
    std::fs::rename(&copy, &ledger).unwrap();
    for beside in ["ledger.db-wal", "ledger.db-shm"] {
        drop(std::fs::remove_file(host.data().join(beside)));
    }
    host.restart();
    host.logs("the ledger's file is sound");
    assert_eq!(host.delivery(&kept)["id"], kept);
    assert!(!host.data().join("ledger.db.failed").exists());
}
