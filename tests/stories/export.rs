//! `hookbox deliveries export`: the ledger as JSON Lines.

use hookbox_tests::{Host, event, hookbox};
use serde_json::Value;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// The lines of an export, each a JSON document.
fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn exported(host: &Host, args: &[&str]) -> Vec<Value> {
    let args = [&["deliveries", "export"], args].concat();
    lines(&host.cli(&args).ok().stdout)
}

fn ids(deliveries: &[Value]) -> Vec<&str> {
    deliveries
        .iter()
        .map(|delivery| delivery["id"].as_str().unwrap())
        .collect()
}

#[test]
fn each_line_is_a_delivery_as_it_is_shown_oldest_first() {
    // Given deliveries, one of them written over several lines
    let mut host = Host::with(&["guest-hostile"]).start();
    let hub = host.hub();
    let broken = serde_json::to_string_pretty(&event("repo", "create", "a/line\nbreak")).unwrap();
    let posts = [
        hub.deliver(&event("repo", "create", "a/panic")).id("hub-1"),
        hub.deliver_bytes(broken.replace('\n', "\r\n")),
        hub.deliver(&event("discussion.comment", "create", "a/reject")),
    ];
    let posted = posts.map(|post| post.wait(20).send().id());
    // When they are exported, host running or not
    let running = exported(&host, &[]);
    assert_eq!(host.stop(), Some(0));
    // Then each is on a line of its own, and is what `show` prints
    assert_eq!(ids(&running), posted.each_ref());
    for delivery in &running {
        assert_eq!(delivery, &host.delivery(delivery["id"].as_str().unwrap()));
    }
    assert_eq!(exported(&host, &[]), running);
    assert_eq!(exported(&host, &["--json"]), running);
}

#[test]
fn what_is_exported_can_be_narrowed_as_a_list_can() {
    let host = Host::with(&["hello", "guest-hostile"]).start();
    let hub = host.hub();
    let post = |scope: &str, repo: &str| {
        hub.deliver(&event(scope, "create", repo))
            .wait(20)
            .send()
            .id()
    };
    let dead = post("repo", "a/reject");
    let comment = post("discussion.comment", "a/ok");
    let export = |args: &[&str]| {
        let deliveries = exported(&host, args);
        ids(&deliveries).join(" ")
    };
    assert_eq!(export(&["--state", "dead"]), dead);
    assert_eq!(export(&["--state", "settled"]), comment);
    assert_eq!(export(&["--state", "pending"]), "");
    assert_eq!(export(&["--plugin", "hello"]), comment);
    assert_eq!(export(&["--scope", "discussion"]), comment);
    assert_eq!(export(&["--repo", "a/reject"]), dead);
    assert_eq!(export(&["--since", "1h"]), format!("{dead} {comment}"));
    assert_eq!(export(&["--since", "2100-01-01T00:00:00Z"]), "");
    host.cli(&["deliveries", "export", "--since", "x"]).exits(2);
}

#[test]
fn a_file_appears_under_its_name_once_it_is_complete() {
    let host = Host::with(&[]).start();
    let id = host
        .hub()
        .deliver(&event("repo", "create", "a/b"))
        .send()
        .id();
    let folder = host.folder().join("out");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("all.jsonl");
    std::fs::write(&file, "what was there before").unwrap();
    let ran = host
        .cli(&["deliveries", "export", "-o", file.to_str().unwrap()])
        .ok();
    assert_eq!(ran.stdout, "");
    assert_eq!(
        ids(&lines(&std::fs::read_to_string(&file).unwrap())),
        [&*id]
    );
    // Nothing else is left in its folder, and nobody else may read it.
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata().unwrap());
    assert_eq!(mode & 0o777, 0o600);
    // What is no file is not replaced by one.
    let refused = host
        .cli(&["deliveries", "export", "-o", "/dev/null"])
        .exits(2);
    assert!(refused.stderr.contains("not a regular file"), "{refused:?}");
    host.cli(&["deliveries", "export", "-o", "no/such/folder"])
        .exits(1);
}

#[test]
fn an_export_beside_a_host_that_records_misses_nothing_that_was_answered() {
    // Given a host to which somebody posts all the time
    let host = Host::with(&["hello"]).start();
    let comment = event("discussion.comment", "create", "a/b");
    let over = AtomicBool::new(false);
    let posted = std::thread::scope(|scope| {
        let _over = hookbox_tests::Raise(&over);
        let posting = scope.spawn(|| {
            let mut posted = Vec::new();
            while !over.load(Ordering::Relaxed) || posted.len() < 50 {
                posted.push(host.hub().deliver(&comment).send().id());
            }
            posted
        });
        // When it is exported meanwhile, again and again
        let exports = [(), (), ()].map(|()| {
            let before = host.deliveries().len();
            (before, exported(&host, &[]))
        });
        over.store(true, Ordering::Relaxed);
        let posted = posting.join().unwrap();
        // Then each holds what there was before, in order
        for (before, export) in exports {
            assert!(export.len() >= before, "{} of {before}", export.len());
            assert_eq!(ids(&export), &posted[..export.len()]);
        }
        posted
    });
    assert_eq!(ids(&exported(&host, &[])), posted);
}

#[test]
fn a_reader_that_has_enough_ends_a_command_quietly() {
    let host = Host::with(&[]).start();
    // More than a pipe holds.
    let mut large = event("repo", "create", "a/b");
    large["filler"] = "x".repeat(100_000).into();
    for _ in 0..5 {
        assert_eq!(host.hub().deliver(&large).send().status, 202);
    }
    for command in ["export", "list --all --json", "list --all"] {
        let script = format!("(\"$0\" deliveries {command} 2>said; echo $? >code) | head -c 1");
        let piped = Command::new("sh")
            .args(["-c", &script])
            .arg(hookbox())
            .current_dir(host.folder())
            .output()
            .unwrap();
        assert_eq!(piped.stdout.len(), 1);
        let left = |name: &str| std::fs::read_to_string(host.folder().join(name)).unwrap();
        assert_eq!(
            (left("said"), left("code")),
            (String::new(), "0\n".into()),
            "{command}"
        );
    }
}
