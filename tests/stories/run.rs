//! `hookbox run`: one event through one plugin without a host, for whoever writes plugins.

use hookbox_tests::{
    Cli, Going, Host, Ran, component, component_bytes, digest, event, met, workspace,
};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// `hookbox run FILE ARGS`, in a folder.
fn run_in(folder: &Path, package: &str, args: &[&str]) -> Cli {
    let cli = Cli::new(&["run"]).arg(component(package)).folder(folder);
    args.iter().fold(cli, Cli::arg)
}

fn run(package: &str, args: &[&str]) -> Ran {
    let folder = TempDir::new().unwrap();
    run_in(folder.path(), package, args).run()
}

/// An event that the hostile guest answers with what it is asked for.
fn asking_for(what: &str) -> String {
    event("repo", "create", &format!("a/{what}")).to_string()
}

#[test]
fn an_event_can_come_from_standard_input() {
    let folder = TempDir::new().unwrap();
    let ran = run_in(folder.path(), "guest-hostile", &["-", "--json"])
        .stdin(asking_for("ok"))
        .run();
    assert_eq!(ran.ok().json()["output"], "ok");
    let nothing = run("guest-hostile", &["-"]).exits(2);
    assert!(
        nothing
            .stderr
            .contains("standard input: the body is not JSON")
    );
    // It is bounded as a file is.
    let large = run_in(folder.path(), "guest-hostile", &["-"])
        .stdin(vec![b' '; 16 * 1024 * 1024 + 1])
        .run();
    let said = large.exits(2).stderr;
    assert!(said.contains("larger than 16777216 bytes"), "{said}");
}

#[test]
fn send_posts_what_comes_from_standard_input() {
    let host = Host::with(&["guest-hostile"]).start();
    let to = format!("{}/webhooks", host.url());
    let sent = Cli::new(&["send", "-", "--wait", "20", "--json", "--to", &to])
        .env("WEBHOOK_SECRET", hookbox_tests::SECRET)
        .stdin(asking_for("ok"))
        .run();
    assert_eq!(sent.ok().json()["runs"][0]["output"], "ok");
}

#[test]
fn a_delivery_in_the_ledger_is_run_as_it_came() {
    // Given a delivery that a host recorded, host running or not
    let mut host = Host::with(&["guest-hostile"]).start();
    let id = host
        .hub()
        .deliver_bytes(asking_for("echo"))
        .id("hub-1")
        .wait(20)
        .send()
        .id();
    let recorded = host.delivery(&id);
    let again = |host: &Host| {
        let ran = run_in(
            host.folder(),
            "guest-hostile",
            &["--delivery", &id, "--json"],
        );
        ran.run().ok().json()
    };
    // When it is run again outside the host
    for ran in [again(&host), {
        assert_eq!(host.stop(), Some(0));
        again(&host)
    }] {
        // Then the plugin sees the same delivery, in a run of its own
        let told = |attempt: &Value| -> Value {
            serde_json::from_str(attempt["output"].as_str().unwrap()).unwrap()
        };
        let (mut now, mut then) = (told(&ran), told(&recorded["runs"][0]["attempts"][0]));
        assert_ne!(now["run_id"].take(), then["run_id"].take());
        assert_eq!(now, then);
    }
    // And the ledger knows nothing of it
    assert_eq!(host.delivery(&id), recorded);
}

#[test]
fn a_delivery_that_is_not_there_is_wrong_usage() {
    let host = Host::with(&[]).start();
    let gone = "01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e";
    let ran = |args: &[&str]| run_in(host.folder(), "hello", args).run().exits(2).stderr;
    assert!(ran(&["--delivery", gone]).contains("there is no such delivery in data"));
    assert!(ran(&["--delivery", "x"]).contains("is not an id"));
    assert!(ran(&["--delivery", gone, "--data", "elsewhere"]).contains("there is no ledger here"));
    assert!(ran(&["--delivery", gone, "discussion-comment"]).contains("cannot be used with"));
}

#[test]
fn fuel_and_memory_replace_those_of_the_grant() {
    let folder = TempDir::new().unwrap();
    std::fs::write(
        folder.path().join("g.toml"),
        "fuel = 1000\nmemory = \"1MiB\"\n",
    )
    .unwrap();
    let ran = |args: &[&str]| {
        let args = [&["discussion-comment", "--grant", "g.toml", "--json"], args].concat();
        run_in(folder.path(), "hello", &args).run()
    };
    let payload = workspace().join("sdk/samples/discussion-comment.json");
    let bytes = std::fs::metadata(payload).unwrap().len();
    assert_eq!(ran(&[]).json()["fuel_limit"], 1000 + 150 * bytes);
    let more = ran(&["--fuel", "5000000", "--memory", "32MiB"]).ok().json();
    assert_eq!(more["fuel_limit"], 5_000_000 + 150 * bytes);
    std::fs::write(folder.path().join("hog.json"), asking_for("hog")).unwrap();
    let peak = |memory: &str| {
        let args = ["hog.json", "--json", "--memory", memory];
        let ran = run_in(folder.path(), "guest-hostile", &args).run();
        ran.json()["memory_peak_bytes"].as_u64().unwrap()
    };
    assert!(peak("2MiB") <= 2 << 20 && peak("8MiB") > 2 << 20);
}

#[test]
fn a_grant_for_another_file_is_told() {
    let folder = TempDir::new().unwrap();
    let said = |package: &str| {
        let grant = format!("digest = \"{}\"\n", digest(&component_bytes(package)));
        std::fs::write(folder.path().join("g.toml"), grant).unwrap();
        let args = ["discussion-comment", "--grant", "g.toml"];
        run_in(folder.path(), "hello", &args).run().ok().stderr
    };
    assert_eq!(said("hello"), "");
    assert!(said("commit-log").contains("'hookbox serve' would hold this one"));
}

#[test]
fn limits_that_no_grant_could_give_are_wrong_usage() {
    let said = |args: &[&str]| {
        let args = [&["discussion-comment"], args].concat();
        run("hello", &args).exits(2).stderr
    };
    assert!(said(&["--fuel", "0"]).contains("0 is not in 1..=1000000000000"));
    assert!(said(&["--memory", "some"]).contains("--memory: `some` is not a size"));
    assert!(said(&["--memory", "1KiB"]).contains("`1KiB` is not between 64KiB and 256"));
    let host_max = ["--memory", "64MiB", "--memory-max", "32MiB"];
    assert!(said(&host_max).contains("the host's memory-max"));
    assert!(said(&["--expect-fuel-below", "0"]).contains("0 is not in 1.."));
}

#[test]
fn more_fuel_than_expected_is_a_failure() {
    let ran = run("hello", &["discussion-comment", "--json"]).ok().json();
    let used = ran["fuel"].as_u64().unwrap();
    let expecting = |below: u64, event: &str| {
        let args = [event, "--json", "--expect-fuel-below", &below.to_string()];
        run("hello", &args)
    };
    expecting(used + 1, "discussion-comment").ok();
    // So much is not below so much, and the run is shown all the same.
    let over = expecting(used, "discussion-comment").exits(1);
    assert_eq!(over.json()["outcome"], "done");
    let message = format!("it used {used} fuel; --expect-fuel-below {used} asks for less");
    assert!(over.stderr.contains(&message), "{over:?}");
    // What was not executed was not measured: a check that checks nothing does not pass.
    let unmeasured = expecting(1, "repo-create").exits(1);
    assert!(
        unmeasured.stderr.contains("no fuel was measured"),
        "{unmeasured:?}"
    );
}

#[test]
fn a_trap_is_a_failure_and_shows_where_it_happened() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("e.json"), asking_for("panic")).unwrap();
    let ran = run_in(folder.path(), "guest-hostile", &["e.json", "--json"]).run();
    let attempt = ran.exits(1).json();
    met(&attempt, "trapped", "unreachable");
    assert!(
        attempt["logs"]
            .to_string()
            .contains("the guest panics as asked")
    );
    let shown = run_in(folder.path(), "guest-hostile", &["e.json"])
        .run()
        .exits(1);
    assert!(
        shown.stdout.contains("trapped") && shown.stdout.contains("  at "),
        "{shown:?}"
    );
    std::fs::write(folder.path().join("e.json"), asking_for("loop")).unwrap();
    let args = [
        "e.json",
        "--json",
        "--fuel",
        "1000000",
        "--expect-fuel-below",
        "1000",
    ];
    let spun = run_in(folder.path(), "guest-hostile", &args).run().exits(1);
    assert_eq!(spun.json()["outcome"], "out-of-fuel");
    assert!(
        spun.stderr
            .contains("--expect-fuel-below 1000 asks for less"),
        "{spun:?}"
    );
}

/// A folder with a component, watched while it runs an event; as `p.wasm`, `p.toml` and `e.json`.
fn watched(package: &str, event: &str, args: &[&str]) -> (TempDir, Going) {
    let folder = TempDir::new().unwrap();
    std::fs::copy(component(package), folder.path().join("p.wasm")).unwrap();
    std::fs::write(folder.path().join("e.json"), event).unwrap();
    let watching = Cli::new(&["run", "p.wasm", "e.json", "--watch"]).folder(folder.path());
    let going = args.iter().fold(watching, Cli::arg).start();
    (folder, going)
}

#[test]
fn a_watched_component_that_is_replaced_is_run_again() {
    // Given a plugin that is watched
    let comment = event("discussion.comment", "create", "a/ok").to_string();
    let (folder, going) = watched("hello", &comment, &[]);
    going.prints("done: hello 61d2000c3c2083e1c08af22d");
    // When another takes its place, by a rename
    std::fs::copy(component("guest-hostile"), folder.path().join("next")).unwrap();
    std::fs::rename(folder.path().join("next"), folder.path().join("p.wasm")).unwrap();
    // Then that one is run
    going.notes("p.wasm changed");
    going.prints("done: ok");
    // And what does not load is told, and the watch goes on
    std::fs::write(folder.path().join("p.wasm"), "half a compo").unwrap();
    going.notes("error: p.wasm: not a WebAssembly file");
    std::fs::remove_file(folder.path().join("p.wasm")).unwrap();
    going.notes("error: p.wasm: there is no such file");
    std::fs::copy(component("commit-log"), folder.path().join("p.wasm")).unwrap();
    going.prints("ignored: not executed");
    // And Ctrl-C is its good end
    going.interrupt().ok();
}

#[test]
fn a_watched_event_or_grant_that_changes_is_run_again() {
    let (folder, going) = watched("guest-hostile", &asking_for("ok"), &["--json"]);
    going.prints("\"output\":\"ok\"");
    std::fs::write(folder.path().join("e.json"), asking_for("reject")).unwrap();
    going.prints("\"output\":\"asked to reject\"");
    // A grant that appears beside the component counts from then on.
    std::fs::write(folder.path().join("p.toml"), "fuel = 7\n").unwrap();
    let limit = 7 + 150 * asking_for("reject").len();
    going.prints(&format!("\"fuel_limit\":{limit},"));
    std::fs::write(folder.path().join("p.toml"), "fule = 7\n").unwrap();
    going.notes("did you mean `fuel`?");
    std::fs::write(folder.path().join("e.json"), asking_for("ok")).unwrap();
    going.notes("e.json changed");
    // One document a line, whatever became of the attempt; what could not be run has none.
    let ran = going.interrupt().ok();
    for line in ran.stdout.lines() {
        let attempt: Value = serde_json::from_str(line).unwrap();
        assert_eq!(attempt["plugin"], "p");
    }
}

#[test]
fn a_watch_ends_at_once_with_what_it_can_never_run() {
    let folder = TempDir::new().unwrap();
    let said = |args: &[&str]| {
        let ran = run_in(folder.path(), "hello", args).run().exits(2);
        ran.stderr
    };
    assert!(said(&["-", "--watch"]).contains("standard input can be read only once"));
    assert!(said(&["no-such", "--watch"]).contains("there is no sample `no-such`"));
    let id = "01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e";
    assert!(said(&["--delivery", id, "--watch"]).contains("there is no ledger here"));
}

#[test]
fn ctrl_c_ends_a_watch_while_the_guest_spins() {
    let (_folder, going) = watched(
        "guest-hostile",
        &asking_for("loop"),
        &["--fuel", "900000000000"],
    );
    going.notes("watching p.wasm, p.toml, e.json");
    going.interrupt().ok();
}
