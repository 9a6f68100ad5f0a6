//! What the commands that read the ledger print, whether a host runs or not.

use hookbox_tests::{Host, event, keys, payload_file};

#[test]
fn deliveries_are_listed_newest_first_and_by_every_filter() {
    let mut host = Host::with(&["hello", "commit-log", "guest-hostile"]).start();
    let hub = host.hub();
    let comment = hub
        .deliver_bytes(payload_file("assembled/comment-create.json"))
        .wait(20)
        .send()
        .id();
    let push = hub
        .deliver_bytes(payload_file("assembled/content-tag-created.json"))
        .wait(20)
        .send()
        .id();
    let dead = hub
        .deliver(&event("repo", "create", "a/reject"))
        .wait(20)
        .send()
        .id();
    let list = |host: &Host, args: &[&str]| {
        let listed = host
            .cli(&[&["deliveries", "list", "--json"], args].concat())
            .ok()
            .json();
        let ids = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|delivery| delivery["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    let check = |host: &Host| {
        assert_eq!(list(host, &[]), [&*dead, &*push, &*comment]);
        assert_eq!(list(host, &["--all"]), [&*dead, &*push, &*comment]);
        assert_eq!(list(host, &["--limit", "1"]), [&*dead]);
        assert_eq!(list(host, &["--state", "dead"]), [&*dead]);
        assert_eq!(list(host, &["--state", "settled"]), [&*push, &*comment]);
        assert_eq!(list(host, &["--state", "pending"]), [""; 0]);
        assert_eq!(list(host, &["--plugin", "hello"]), [&*comment]);
        assert_eq!(list(host, &["--plugin", "nobody"]), [""; 0]);
        assert_eq!(list(host, &["--scope", "repo.content"]), [&*push]);
        assert_eq!(list(host, &["--scope", "repo"]), [&*dead, &*push]);
        assert_eq!(list(host, &["--repo", "a/reject"]), [&*dead]);
        assert_eq!(list(host, &["--since", "1h"]), [&*dead, &*push, &*comment]);
        assert_eq!(list(host, &["--since", "2100-01-01T00:00:00Z"]), [""; 0]);
    };
    // While the host runs, and after it has stopped.
    check(&host);
    assert_eq!(host.stop(), Some(0));
    check(&host);
    let table = host.cli(&["deliveries", "list"]).ok().stdout;
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(!table.contains('\u{1b}'), "{table}");
}

#[test]
fn a_delivery_is_shown_whole() {
    let host = Host::with(&["guest-hostile"]).start();
    let id = host
        .hub()
        .deliver(&event("repo", "create", "a/panic"))
        .id("hub-1")
        .wait(20)
        .send()
        .id();
    let delivery = host.delivery(&id);
    assert_eq!(
        keys(&delivery),
        "id received_at path hub_id webhook_id scope action repo state unparsable duplicates runs payload headers"
    );
    let run = &delivery["runs"][0];
    assert_eq!(
        keys(run),
        "id plugin state parked reason scope action replay_of stands_for next_attempt_at attempts"
    );
    assert_eq!(
        keys(&run["attempts"][0]),
        "n started_at version digest outcome output fuel fuel_limit memory_peak_bytes wall_ms logs calls trap"
    );
    assert_eq!(
        (&delivery["webhook_id"], &run["parked"]),
        (&"6390e855e30d9209411de93b".into(), &false.into())
    );
    for time in [
        &delivery["received_at"],
        &run["next_attempt_at"],
        &run["attempts"][0]["started_at"],
    ] {
        // RFC 3339, UTC, milliseconds.
        let time = time.as_str().unwrap();
        assert!(
            time.len() == 24 && time.ends_with('Z') && &time[19..20] == ".",
            "{time}"
        );
    }
    let shown = host.cli(&["deliveries", "show", &id]).ok().stdout;
    for part in [
        id.as_str(),
        "hub-1",
        "trapped",
        "the guest panics as asked",
        "panics",
        "Hello there",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}

#[test]
fn what_others_wrote_cannot_play_with_the_terminal() {
    let host = Host::with(&["hello"]).start();
    let mut comment = event("discussion.comment", "create", "a/\u{1b}[2Jb");
    comment["comment"]["content"] = "\u{1b}]0;owned\u{7}".into();
    let id = host.hub().deliver(&comment).wait(20).send().id();
    for args in [&["deliveries", "list"][..], &["deliveries", "show", &id]] {
        let shown = host.cli(args).ok().stdout;
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\u{7}'),
            "{shown:?}"
        );
    }
    assert!(!host.log().contains('\u{1b}'));
}

#[test]
fn plugins_are_listed_while_the_host_runs_and_after_it_stopped() {
    let mut host = Host::with(&["hello", "guest-wants-http"])
        .file("bad.wasm", "x")
        .start();
    let first = host.cli(&["plugins", "--json"]).ok().json();
    let states: Vec<_> = first
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| {
            (
                plugin["name"].as_str().unwrap(),
                plugin["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            ("bad", "refused"),
            ("guest-wants-http", "held"),
            ("hello", "loaded")
        ]
    );
    for key in [
        "name",
        "state",
        "reason",
        "version",
        "digest",
        "subscriptions",
        "candidate",
    ] {
        assert!(first[0].get(key).is_some(), "{key} is not in {first:#}");
    }
    assert_eq!(host.stop(), Some(0));
    assert_eq!(host.cli(&["plugins", "--json"]).ok().json(), first);
    assert!(
        host.cli(&["plugins"])
            .ok()
            .stdout
            .contains("not a WebAssembly file")
    );
}
