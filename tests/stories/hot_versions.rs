//! Versions of a plugin on a running host: which one runs, whatever happens to the file, the host and what it keeps.

use crate::hot_folder::{BOUND, candidate, comment, files, is_digest_of, loaded, runs_as};
use hookbox_tests::{Host, component_bytes, digest, eventually, version_of};
use std::fs::File;
use std::io::Write as _;

#[test]
fn what_was_active_is_routed_to_and_runs_after_a_restart_however_the_cache_fares() {
    let mut host = Host::with(&["hello"]).start();
    let before = runs_as(&host, "hello");
    host.stop();
    for folder in ["compiled", "components"] {
        std::fs::remove_dir_all(host.data().join(folder)).unwrap();
    }
    host.restart();
    assert_eq!(runs_as(&host, "hello"), before);
    host.stop();
    for entry in std::fs::read_dir(host.data().join("compiled")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::write(path, "damaged").unwrap();
    }
    host.restart();
    assert_eq!(runs_as(&host, "hello"), before);
}

#[test]
fn an_active_version_that_is_lost_waits_for_its_file() {
    let mut host = Host::with(&["hello"]).start();
    host.put("hello.wasm", "garbage");
    host.plugin_when("hello", |plugin| candidate(plugin) == Some("refused"));
    host.stop();
    std::fs::remove_dir_all(host.data().join("components")).unwrap();
    host.restart();
    host.plugin_when("hello", |plugin| plugin["state"] == "refused");
    // Its manifest still says what is for it
    let parked = comment(&host);
    assert_eq!(host.delivery(&parked.id())["runs"][0]["parked"], true);
    host.put("hello.wasm", component_bytes("hello"));
    eventually(BOUND, || {
        (host.delivery(&parked.id())["state"] == "settled").then_some(())
    });
}

#[test]
fn a_version_that_is_withdrawn_while_it_is_compiled_does_not_stay() {
    let host = Host::with(&[])
        .plugin_as("log", "commit-log")
        .env("RUST_LOG", "hookbox=debug")
        .start();
    let before = host.plugin("log")["digest"].clone();
    let at = |name: &str| host.plugins().join(name);
    for next in (2..5).map(|n| version_of("commit-log", n)) {
        // When a version is put in place, and taken back as soon as it is compiled
        host.put(".next", &next);
        std::fs::rename(at("log.wasm"), at("log.wasm.old")).unwrap();
        std::fs::rename(at(".next"), at("log.wasm")).unwrap();
        host.logs(&digest(&next));
        std::fs::rename(at("log.wasm.old"), at("log.wasm")).unwrap();
        // Then the one before it runs, and goes on running once the compiler is done
        host.plugin_when("log", |plugin| loaded(plugin) && plugin["digest"] == before);
    }
    host.put("other.wasm", component_bytes("hello"));
    host.plugin_when("other", loaded);
    assert_eq!(host.plugin("log")["digest"], before);
}

#[test]
fn two_plugins_may_have_the_same_bytes() {
    let host = Host::with(&[]).start();
    for name in ["one", "two", "three"] {
        host.put(&format!("{name}.wasm"), component_bytes("hello"));
    }
    for name in ["one", "two", "three"] {
        host.plugin_when(name, loaded);
    }
    assert_eq!(
        (files(&host, "components"), files(&host, "compiled")),
        (1, 1)
    );
    // One of them may go
    host.remove("two.wasm");
    host.plugin_when("two", |plugin| plugin["state"] == "missing");
    runs_as(&host, "one");
    runs_as(&host, "three");
}

#[test]
fn a_host_that_starts_in_the_middle_of_a_copy_runs_what_ran_before() {
    let mut host = Host::with(&["hello"]).start();
    let before = runs_as(&host, "hello");
    let next = version_of("hello", 2);
    let (one, other) = next.split_at(next.len() / 2);
    let mut file = File::create(host.plugins().join("hello.wasm")).unwrap();
    file.write_all(one).unwrap();
    host.restart();
    assert_eq!(runs_as(&host, "hello"), before);
    file.write_all(other).unwrap();
    drop(file);
    host.plugin_when("hello", is_digest_of(&next));
}

#[test]
fn what_was_removed_is_not_brought_back_by_a_bad_file() {
    let mut host = Host::with(&["hello"]).start();
    host.remove("hello.wasm");
    host.plugin_when("hello", |plugin| plugin["state"] == "missing");
    host.put("hello.wasm", "garbage");
    host.plugin_when("hello", |plugin| plugin["state"] == "refused");
    let parked = comment(&host);
    host.restart();
    assert_eq!(host.plugin("hello")["state"], "refused");
    assert_eq!(host.delivery(&parked.id())["runs"][0]["parked"], true);
    host.put("hello.wasm", component_bytes("hello"));
    eventually(BOUND, || {
        (host.delivery(&parked.id())["state"] == "settled").then_some(())
    });
}

#[test]
fn another_version_that_takes_over_while_the_host_runs_gets_no_event_that_it_did_not_subscribe_to()
{
    // Given runs that wait for a version that is held
    let host = Host::with(&[]).plugin_as("bot", "guest-wants-http").start();
    let parked = comment(&host);
    // When one that subscribes to repos only takes its place
    host.put("bot.wasm", component_bytes("commit-log"));
    let while_it_is_compiled = comment(&host);
    host.plugin_when("bot", loaded);
    // Then none of them is given to it
    for answer in [parked, while_it_is_compiled] {
        let delivery = eventually(BOUND, || {
            let delivery = host.delivery(&answer.id());
            (delivery["state"] == "settled").then_some(delivery)
        });
        for run in delivery["runs"].as_array().unwrap() {
            assert_eq!(run["state"], "ignored", "{delivery:#}");
        }
    }
}

#[test]
fn what_waits_and_has_not_changed_is_still_routed_to_after_a_restart() {
    // Given a plugin that is held, and one whose file went
    let mut host = Host::with(&["hello"])
        .plugin_as("bot", "guest-wants-http")
        .start();
    host.remove("hello.wasm");
    host.plugin_when("hello", |plugin| plugin["state"] == "missing");
    for _ in 0..2 {
        // When the host is started again
        host.restart();
        // Then what comes for them is still kept for them
        assert_eq!(comment(&host).plugins(), ["bot", "hello"]);
    }
}

#[test]
fn nothing_is_kept_of_versions_that_were_refused() {
    let host = Host::with(&["hello"]).start();
    for garbage in ["one", "two", "three"] {
        host.put("hello.wasm", garbage);
        let expected = digest(garbage.as_bytes());
        host.plugin_when("hello", |plugin| {
            plugin["candidate"]["digest"] == expected.as_str()
                && candidate(plugin) == Some("refused")
        });
    }
    eventually(BOUND, || (files(&host, "components") == 1).then_some(()));
    assert_eq!(runs_as(&host, "hello"), digest(&component_bytes("hello")));
}
