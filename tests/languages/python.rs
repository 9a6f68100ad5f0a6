//! A plugin in Python from nothing to a handled event, and what the host sees of its mistakes.

use hookbox_tests::{
    Cli, DevBuilder, FakeHubApi, Guide, Host, build_python, eventually, hookbox, python_path, told,
};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that a component may take to be compiled.
const PATIENCE: Duration = Duration::from_secs(240);

/// A plugin that does what a comment says.
const PROBE: &str = r#"
import logging

from hookbox import CommentEvent, Reject, Retry, config, done, http, log, on, plugin, state

plugin(description="Does what a comment says")


@on("discussion.comment", actions=["create"])
def obey(event: CommentEvent):
    return globals()[event.comment.content](event)


def speaks(event):
    print("printed")
    logging.getLogger("lib").warning("by %s", "logging")
    log.info("half a pair: \ud83d")
    return done(f"half a pair: \ud83d")


def keeps(event):
    state.put("text", "kept")
    return f"{state.increment('n')} {state.get('text')} {config.require('greeting')} {config.get('none')}"


def keeps_and_fails(event):
    state.increment("n", 100)
    raise ValueError("after all")


def rejects(event):
    raise Reject("never")


def waits(event):
    raise Retry("later", after=0.02)


def calls(event):
    http.post("https://example.org/notes?secret=1", json={"text": "hello"})


def imports(event):
    import csv


def grows(event):
    held = []
    while True:
        held.append("x" * 1_000_000)
"#;

/// What it is granted.
const GRANT: &str =
    "retry = { attempts = 1 }\n[config]\ngreeting = \"hi\"\n[state]\nbytes = \"1MiB\"\n";

/// A new project; its folder goes with the first of the two.
fn new_project() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let new = Cli::new(&["new", "my-plugin", "--lang", "python"]);
    new.folder(folder.path()).run().ok();
    let project = folder.path().join("my-plugin");
    (folder, project)
}

/// `hookbox ARGS`, for as long as it takes.
#[track_caller]
fn told_by(folder: &Path, args: &[&str]) -> String {
    let ran = Command::new(hookbox())
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{args:?}: {stderr}");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// Waits until a host has compiled its plugin.
#[track_caller]
pub fn loaded(host: &Host, name: &str) {
    let plugin = eventually(PATIENCE, || {
        let plugin = host.find_plugin(name)?;
        let is_there = plugin["state"] == "loaded" || plugin["state"] == "refused";
        is_there.then_some(plugin)
    });
    assert_eq!(plugin["state"], "loaded", "{plugin:#}");
}

#[test]
fn a_new_project_in_python_is_built_looked_at_and_run() {
    let (_folder, project) = new_project();
    let began = Instant::now();
    let component = build_python(&project, &project.join("out"));
    let size = std::fs::metadata(&component).unwrap().len();
    println!(
        "Python: built and checked in {:.1} s, {:.1} MB",
        began.elapsed().as_secs_f64(),
        size as f64 / 1e6
    );
    assert!(size < 25_000_000, "{size} bytes");
    let component = component.to_str().unwrap();
    let inspected = told_by(&project, &["inspect", component]);
    for text in [
        "my-plugin",
        "0.1.0",
        "Says hello to whoever comments",
        "discussion.comment",
    ] {
        assert!(inspected.contains(text), "{text}: {inspected}");
    }
    let ran = told_by(&project, &["run", component, "discussion-comment"]);
    assert!(
        ran.contains("done: hello 61d2000c3c2083e1c08af22d"),
        "{ran}"
    );
    assert!(ran.contains("a comment on some-user/some-repo"), "{ran}");
}

#[test]
fn dev_serves_a_project_in_python_and_builds_it_again_when_its_source_changes() {
    let (_folder, project) = new_project();
    let path = python_path();
    let began = Instant::now();
    let mut dev = DevBuilder::of(&project).env("PATH", &path).start();
    dev.says("my-plugin 0.1.0 is loaded (sha256:");
    let send = || {
        let sent = Cli::new(&["send", "discussion-comment", "--to"]);
        sent.arg(format!("{}/webhooks", dev.url())).run().ok();
    };
    send();
    dev.says("my-plugin  done  hello 61d2000c3c2083e1c08af22d");
    println!(
        "Python: first event under `dev` after {:.1} s",
        began.elapsed().as_secs_f64()
    );
    // Another grant is no reason to build
    dev.save("my-plugin.toml", "[config]\ngreeting = \"hi\"\n");
    dev.says("my-plugin: has another grant");
    // A mistake is told as Python tells it, and the version before goes on
    dev.save("src/plugin.py", "from hookbox import nothing\n");
    dev.says("the version before goes on");
    let stderr = eventually(PATIENCE, || {
        let said = dev.stderr();
        said.contains("ImportError").then_some(said)
    });
    assert!(
        stderr.contains("File \"src/plugin.py\", line 1") && !stderr.contains("Stack backtrace"),
        "{stderr}"
    );
}

#[test]
fn what_a_plugin_in_python_does_is_what_the_host_makes_of_it() {
    let (folder, project) = new_project();
    std::fs::write(project.join("src/plugin.py"), PROBE).unwrap();
    let component = build_python(&project, &folder.path().join("out"));
    let host = Host::with(&[]).file("probe.wasm", std::fs::read(component).unwrap());
    let guide = Guide {
        hub: FakeHubApi::start(),
        host: host.grant("probe", GRANT).start(),
    };
    loaded(&guide.host, "probe");
    let handled = |word: &str| {
        let mut event = hookbox_tests::event("discussion.comment", "create", "my-org/demo");
        event["comment"]["content"] = word.into();
        let run = guide.ended(&guide.post(&event));
        let (outcomes, said) = told(&run);
        (outcomes.join(" "), said, run)
    };
    let check = |word: &str, outcome: &str, text: &str| -> Value {
        let (outcomes, said, run) = handled(word);
        assert_eq!(outcomes, outcome, "{word}: {run:#}");
        let all = format!("{said} {run}");
        assert!(all.contains(text), "{word}: {run:#}");
        run
    };
    let run = check("speaks", "done", "half a pair: ?").to_string();
    for line in ["printed", "by logging"] {
        assert!(run.contains(line), "{run}");
    }
    check("keeps", "done", "1 kept hi None");
    check("keeps_and_fails", "retry", "ValueError: after all");
    check("keeps", "done", "2 kept hi None");
    check("rejects", "rejected", "never");
    check("waits", "retry", "later");
    check(
        "calls",
        "retry",
        "POST https://example.org/notes: the grant does not allow it",
    );
    check("imports", "retry", "import at the top of a file");
    check("unknown", "retry", "KeyError: 'unknown'");
    check("grows", "out-of-memory", "");
}
