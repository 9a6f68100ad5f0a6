//! What an operator tells a plugin, and what the plugin tells them: `[config]` one way, log lines of every level the
//! other.

use hookbox_tests::{Cli, Host, component, event, eventually};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

/// The longest that a changed grant may take to count.
const SOON: Duration = Duration::from_secs(5);

const CONFIG: &str = "[config]\nmodel = \"a/b\"\n\"reply to\" = \"everybody\"\nempty = \"\"\n";

fn asking_for(steps: &str) -> Value {
    event("repo", "update", &format!("a/{steps}"))
}

fn attempt(host: &Host, steps: &str) -> Value {
    let id = host.hub().deliver(&asking_for(steps)).wait(20).send().id();
    host.delivery(&id)["runs"][0]["attempts"][0].clone()
}

#[test]
fn a_plugin_reads_what_its_grant_says_and_a_change_counts_at_once() {
    // Given a plugin that is told three things
    let host = Host::with(&[])
        .plugin_as("keeper", "guest-keeper")
        .grant("keeper", CONFIG)
        .start();
    let said = |steps: &str| attempt(&host, steps)["output"].clone();
    // Then it finds them, and no other
    assert_eq!(
        said("config:,config:model,config:empty,config:absent"),
        "[empty= model=a/b reply to=everybody]; a/b; ; none"
    );
    // When its operator changes one, then the next run has that
    host.put("keeper.toml", "[config]\nmodel = \"c/d\"\n");
    eventually(SOON, || (said("config:") == "[model=c/d]").then_some(()));
    // And without a grant it is told nothing
    host.remove("keeper.toml");
    eventually(SOON, || {
        (said("config:,config:model") == "[]; none").then_some(())
    });
}

#[test]
fn what_a_plugin_reads_of_its_config_is_charged_by_the_byte() {
    let large = "x".repeat(60_000);
    let host = Host::with(&[])
        .plugin_as("keeper", "guest-keeper")
        .grant(
            "keeper",
            &format!("[config]\nlarge = \"{large}\"\nsmall = \"x\"\n"),
        )
        .start();
    let fuel = |steps: &str| attempt(&host, steps)["fuel"].as_u64().unwrap();
    let (small, large, all) = (fuel("config:small"), fuel("config:large"), fuel("config:"));
    for more in [large, all] {
        assert!(more >= small + 59_999, "{small} {more}");
    }
}

#[test]
fn a_run_without_a_host_has_the_config_and_a_copy_of_the_state() {
    // Given a host whose plugin keeps something
    let mut host = Host::with(&[])
        .plugin_as("keeper", "guest-keeper")
        .grant("keeper", &format!("{CONFIG}[state]\nkeys = 2\n"))
        .start();
    assert_eq!(attempt(&host, "inc:n:41,set:a:b")["output"], "41; set");
    let run = |host: &Host, steps: &str, data: &str| {
        let data = host.folder().join(data);
        let ran = Cli::new(&["run", "--json", "--data"])
            .arg(data)
            .arg(host.plugins().join("keeper.wasm"))
            .arg("-")
            .stdin(asking_for(steps).to_string())
            .run();
        ran.ok().json()["output"].clone()
    };
    for _ in 0..2 {
        // Then a run beside it finds that, and what it writes is there for itself
        let steps = "config:model,inc:n:1,get:n,list,set:c:d";
        let said = run(&host, steps, "data").as_str().unwrap().to_owned();
        assert!(
            said.starts_with("a/b; 42; 42; [a n]; refused: state quota"),
            "{said}"
        );
    }
    // And for nobody else, and it needs no host
    assert_eq!(attempt(&host, "get:n")["output"], "41");
    host.stop();
    assert_eq!(run(&host, "get:n", "data"), "41");
    // Without a ledger there is nothing yet.
    assert_eq!(run(&host, "get:n,inc:n:1", "elsewhere"), "none; 1");
}

#[test]
fn a_run_without_a_grant_has_neither() {
    let folder = TempDir::new().unwrap();
    let ran = Cli::new(&["run", "--json"])
        .arg(component("guest-keeper"))
        .arg("-")
        .folder(folder.path())
        .stdin(asking_for("config:,open:").to_string())
        .run();
    assert_eq!(ran.ok().json()["output"], "[]; access denied");
}

#[test]
fn a_mistake_in_config_or_state_is_told_with_its_line() {
    let host = Host::with(&[])
        .plugin_as("number", "hello")
        .grant("number", "[config]\nmodel = \"a\"\nlimit = 5\n")
        .plugin_as("huge", "hello")
        .grant("huge", "[state]\nbytes = \"1TiB\"\n")
        .start();
    let reason = |name: &str| host.plugin(name)["reason"].as_str().unwrap().to_owned();
    let number = reason("number");
    assert!(
        number.contains("line 3: config.limit: not a text; write it in quotes"),
        "{number}"
    );
    let huge = reason("huge");
    assert!(
        huge.contains("line 2: state.bytes: `1TiB` is not between 1KiB and 1GiB"),
        "{huge}"
    );
}

#[test]
fn check_warns_of_what_looks_like_a_secret_that_a_plugin_is_told() {
    let host = Host::with(&["hello"])
        .grant("hello", "[config]\nmodel = \"a\"\nmax_tokens = \"9\"\nAPI_TOKEN = \"hf_x\"\nseen = \"hf_0123456789abcdefghij\"\n")
        .start();
    let checked = host.cli(&["check", "--plugins", "plugins"]);
    let told = format!("{}{}", checked.stdout, checked.stderr);
    assert!(
        told.contains("config.API_TOKEN: if that is a secret, it does not belong there"),
        "{told}"
    );
    assert!(
        told.contains("config.seen: that looks like a token of the Hub; it does not belong there"),
        "{told}"
    );
    for quiet in ["hf_x", "hf_0", "config.model", "config.max_tokens"] {
        assert!(!told.contains(quiet), "{told}");
    }
}

#[test]
fn lines_of_every_level_are_kept_with_the_attempt_in_order() {
    let host = Host::with(&["guest-keeper"]).start();
    let logs = attempt(&host, "levels")["logs"].clone();
    let shown = |line: &Value| {
        assert!(line["at_ms"].is_u64(), "{line}");
        json!([line["level"], line["text"]])
    };
    let lines: Vec<Value> = logs.as_array().unwrap().iter().map(shown).collect();
    assert_eq!(
        json!(lines),
        json!([
            ["trace", "trace"],
            ["debug", "debug"],
            ["info", "info"],
            ["warn", "warn"],
            ["error", "error"],
            ["critical", "keeper: critical"],
            ["info", "to standard output"],
            ["warn", "to standard error"],
        ])
    );
}
