//! Plugins that require what nobody granted, and the command that shows it and adds it to their grants.

use hookbox_tests::{Cli, Host, Ran, component_bytes, event, eventually};
use insta::assert_snapshot;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// What gives `guest-wants-http` all that it requires.
const ENOUGH: &str = "[[http]]\nhost = \"huggingface.co\"\nmethods = [\"GET\", \"POST\"]\npaths = [\"/api/**\"]\nbearer = \"env:HF_TOKEN\"\n";

fn grant(host: &Host, args: &[&str]) -> Ran {
    let plugins = Cli::new(&["grant", "--plugins"]).arg(host.plugins());
    plugins.run_with(args)
}

fn grant_typing(host: &Host, text: &str, args: &[&str]) -> Ran {
    let plugins = Cli::new(&["grant", "--plugins"]).arg(host.plugins());
    plugins.typed(text).run_with(args)
}

/// What the command says, wherever the plugins lie.
fn told(host: &Host, text: &str) -> String {
    text.replace(&host.plugins().display().to_string(), "PLUGINS")
}

fn file(host: &Host) -> String {
    std::fs::read_to_string(host.plugins().join("bot.toml")).unwrap()
}

fn stands(state: &'static str) -> impl Fn(&Value) -> bool {
    move |plugin| plugin["state"] == state
}

#[test]
fn a_held_plugin_runs_what_waited_once_its_operator_has_granted_it_what_it_requires() {
    // Given a plugin that is held, and a run that waits for it
    let host = Host::with(&[]).plugin_as("bot", "guest-wants-http").start();
    let reason = host.plugin_when("bot", stands("held"))["reason"].clone();
    assert_snapshot!(reason.as_str().unwrap(), @"it requires what its grant does not give: http `huggingface.co` (it answers comments on the Hub); 'hookbox grant bot' shows the lines to add");
    let parked = host
        .hub()
        .deliver(&event("discussion.comment", "create", "a/b"))
        .send();
    // When it is asked for without anybody at a terminal, then the lines are shown, and nothing is added
    let shown = grant(&host, &["bot"]).exits(1);
    assert_snapshot!(told(&host, &shown.stdout), @r#"
    requires http `huggingface.co` (it answers comments on the Hub)
      # wanted by the plugin: it answers comments on the Hub
      [[http]]
      host = "huggingface.co"
      methods = ["GET", "POST"]
      paths = ["/api/**"]
      bearer = "env:HF_TOKEN"   # wished for: a token that may write comments
    would like config `greeting` (another greeting than hello)
      [config]
      greeting = ""
    "#);
    assert!(!host.plugins().join("bot.toml").exists());
    // When its operator says yes, then the plugin runs, and what waited is run
    let said = grant(&host, &["bot", "--yes"]).ok();
    assert_snapshot!(told(&host, &said.stdout), @r#"
    would like config `greeting` (another greeting than hello)
      [config]
      greeting = ""
    added to PLUGINS/bot.toml: http `huggingface.co` (it answers comments on the Hub)
    "#);
    host.plugin_when("bot", stands("loaded"));
    eventually(SOON, || {
        (host.delivery(&parked.id())["state"] == "settled").then_some(())
    });
    // And it is told of what it would like, which is still missing
    let again = grant(&host, &["bot", "--yes", "--set", "greeting=hi"]).ok();
    assert_snapshot!(told(&host, &again.stdout), @"added to PLUGINS/bot.toml: config `greeting` (another greeting than hello)");
    assert_snapshot!(file(&host), @r#"
    # wanted by the plugin: it answers comments on the Hub
    [[http]]
    host = "huggingface.co"
    methods = ["GET", "POST"]
    paths = ["/api/**"]
    bearer = "env:HF_TOKEN"   # wished for: a token that may write comments

    [config]
    greeting = "hi"
    "#);
    let nothing = grant(&host, &["bot"]).ok();
    assert_snapshot!(told(&host, &nothing.stdout), @"PLUGINS/bot.toml gives bot all that it wants");
}

#[test]
fn at_a_terminal_each_want_is_a_question() {
    let host = Host::with(&[])
        .plugin_as("bot", "guest-wants-http")
        .grant("bot", "# mine\nfuel = 5_000_000")
        .start();
    // When all is left out, then nothing changes
    let refused = grant_typing(&host, "\nn\n\n", &["bot"]).exits(1);
    assert_snapshot!(told(&host, &refused.stderr), @r#"
    It must call huggingface.co: GET, POST of /api/**, with a credential of yours that it never sees; it may create and delete any repo that the credential may, for such calls name theirs in the body, which no path bounds. Its reason: "it answers comments on the Hub"
    Where is the credential? env:NAME or file:PATH [env:HF_TOKEN]   # wanted by the plugin: it answers comments on the Hub
      [[http]]
      host = "huggingface.co"
      methods = ["GET", "POST"]
      paths = ["/api/**"]
      bearer = "env:HF_TOKEN"   # wished for: a token that may write comments
    Let it call huggingface.co? [y/N] It would like to be told `greeting`. Its reason: "another greeting than hello"
    What is `greeting` set to? (nothing: leave it out) bot still lacks what it requires: http `huggingface.co` (it answers comments on the Hub)
    "#);
    assert_eq!(file(&host), "# mine\nfuel = 5_000_000");
    // When another place is typed for the credential, and a value for the setting, then both are added
    let typed = "file:/run/secrets/hub\ny\ngood \"morning\"\n";
    let granted = grant_typing(&host, typed, &["bot"]).ok();
    assert_snapshot!(told(&host, &granted.stdout), @"
    added to PLUGINS/bot.toml: http `huggingface.co` (it answers comments on the Hub)
    added to PLUGINS/bot.toml: config `greeting` (another greeting than hello)
    ");
    assert_snapshot!(file(&host), @r#"
    # mine
    fuel = 5_000_000

    # wanted by the plugin: it answers comments on the Hub
    [[http]]
    host = "huggingface.co"
    methods = ["GET", "POST"]
    paths = ["/api/**"]
    bearer = "file:/run/secrets/hub"   # wished for: a token that may write comments

    [config]
    greeting = "good \"morning\""
    "#);
    // And what is no place is asked for again, and not repeated: it may be the secret itself
    let host = Host::with(&[]).plugin_as("bot", "guest-wants-http").start();
    let asked = grant_typing(&host, "hf_secret\nenv:BOT_TOKEN\ny\n\n", &["bot"]).ok();
    assert!(!asked.stderr.contains("hf_secret"), "{asked:?}");
    assert!(file(&host).contains("bearer = \"env:BOT_TOKEN\""));
}

#[test]
fn a_new_version_that_requires_more_waits_while_the_old_one_runs_on() {
    // Given a plugin that runs, and whose new version requires more
    let host = Host::with(&[]).plugin_as("bot", "hello").start();
    host.plugin_when("bot", stands("loaded"));
    host.put("bot.wasm", component_bytes("guest-wants-http"));
    let held = host.plugin_when("bot", |plugin| plugin["candidate"]["state"] == "held");
    // Then the old one runs on, and the difference is shown
    assert_eq!(held["state"], "loaded");
    assert_snapshot!(held["candidate"]["reason"].as_str().unwrap(), @"it requires what its grant does not give: http `huggingface.co` (it answers comments on the Hub); 'hookbox grant bot' shows the lines to add");
    let comment = event("discussion.comment", "create", "a/b");
    let answer = host.hub().deliver(&comment).wait(20).send();
    let run = answer.run("bot");
    assert!(run["output"].as_str().unwrap().contains("hello"), "{run:#}");
    let shown = grant(&host, &["bot", "--json"]).exits(1).json();
    assert_eq!(shown["lacking"][0]["name"], "huggingface.co");
    assert_eq!(shown["lacking"][0]["lines"][1], "[[http]]");
    assert_eq!(shown["lacking"][0]["required"], true);
    // When it is granted that, then the new one runs
    grant(&host, &["bot", "--yes"]).ok();
    host.plugin_when("bot", |plugin| plugin["candidate"].is_null());
    let answer = host.hub().deliver(&another_comment()).wait(20).send();
    assert_eq!(answer.run("bot")["output"], "answered");
}

fn another_comment() -> Value {
    event("discussion.comment", "create", "a/b")
}

#[test]
fn a_version_that_runs_runs_on_when_its_grant_gives_less_and_says_so() {
    let host = Host::with(&[])
        .plugin_as("bot", "guest-wants-http")
        .grant("bot", ENOUGH)
        .start();
    let runs = host.plugin_when("bot", stands("loaded"));
    assert_eq!(runs["reason"], Value::Null);
    // When its operator takes the credential away
    host.put("bot.toml", ENOUGH.replace("bearer", "# bearer"));
    // Then it runs on, and it is said what it lacks
    let narrowed = host.plugin_when("bot", |plugin| !plugin["reason"].is_null());
    assert_eq!(narrowed["state"], "loaded");
    let comment = event("discussion.comment", "create", "a/b");
    let answer = host.hub().deliver(&comment).wait(20).send();
    assert_eq!(answer.run("bot")["output"], "answered");
    assert_snapshot!(narrowed["reason"].as_str().unwrap(), @"it runs on without what it requires: http `huggingface.co` with a credential (it answers comments on the Hub); 'hookbox grant bot' shows the lines to add");
}

#[test]
fn an_operator_may_give_less_than_is_wanted_as_long_as_it_is_a_part_of_it() {
    let narrow = ENOUGH.replace("/api/**", "/api/datasets/my-org/**");
    let host = Host::with(&[])
        .plugin_as("bot", "guest-wants-http")
        .grant("bot", &narrow)
        .start();
    host.plugin_when("bot", stands("loaded"));
    let shown = grant(&host, &["bot", "--json"]).ok().json();
    assert_eq!(shown["lacking"].as_array().unwrap().len(), 1);
    assert_eq!(shown["lacking"][0]["kind"], "config");
}

#[test]
fn what_cannot_be_added_is_told_and_the_grant_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("bot.wasm");
    std::fs::write(&component, component_bytes("guest-wants-http")).unwrap();
    let grant = |text: &str, args: &[&str]| {
        std::fs::write(folder.path().join("bot.toml"), text).unwrap();
        let ran = Cli::new(&["grant", "bot.wasm"])
            .folder(folder.path())
            .run_with(args);
        let after = std::fs::read_to_string(folder.path().join("bot.toml")).unwrap();
        assert_eq!(after, text);
        ran
    };
    // Given a grant with a mistake in it, a form without a place for lines, and flags for what is not wanted
    let mistake = grant("fule = 1\n", &["--yes"]).exits(1);
    assert_snapshot!(mistake.stderr, @"error: bot.toml: line 1: `fule` is not a key; did you mean `fuel`?");
    let inline = "http = [{ host = \"huggingface.co\" }]\n";
    let by_hand = grant(inline, &["--yes"]).exits(1);
    assert_snapshot!(by_hand.stderr, @r#"
    error: bot.toml: there is no place for these lines where they would mean what they should; add by hand what they say:
      # wanted by the plugin: it answers comments on the Hub
      [[http]]
      host = "huggingface.co"
      methods = ["POST"]
      paths = ["/api/**"]
      bearer = "env:HF_TOKEN"   # wished for: a token that may write comments
    bot still lacks what it requires: http `huggingface.co` with POST (it answers comments on the Hub)
    "#);
    let unknown = grant("", &["--yes", "--set", "greting=hi"]).exits(2);
    assert_snapshot!(unknown.stderr, @"error: --set greting: the plugin wants no such setting");
    let place = grant("", &["--yes", "--credential", "huggingface.co=hf_secret"]).exits(2);
    assert_snapshot!(place.stderr, @"error: --credential huggingface.co: write `env:NAME` or `file:PATH`: a secret itself never stands in a setting");
    let given = grant(
        "[config]\ngreeting = \"hi\"\n",
        &["--yes", "--set", "greeting=ho"],
    )
    .exits(2);
    assert_snapshot!(given.stderr, @"error: --set greeting: bot.toml gives it already; change it there");
    let none = Cli::new(&["grant", "bott"])
        .folder(folder.path())
        .run_with(&["--plugins", "."]);
    assert_snapshot!(none.exits(1).stderr, @"error: there is no plugin `bott` in .; name the folder with --plugins, or the component file");
}

#[test]
fn a_link_stays_one_and_who_could_read_the_grant_still_can() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("bot.wasm"), component_bytes("guest-wants-http")).unwrap();
    std::fs::create_dir(at("kept")).unwrap();
    std::fs::write(at("kept/bot.toml"), "fuel = 5_000_000\n").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    std::fs::set_permissions(at("kept/bot.toml"), std::fs::Permissions::from_mode(0o640)).unwrap();
    // Only root can give a file away, as one that runs this by sudo finds it
    let owner = || {
        let found = std::fs::metadata(at("kept/bot.toml")).unwrap();
        (found.uid(), found.gid())
    };
    let given = chown(at("kept/bot.toml"), Some(12_345), Some(12_345)).is_ok();
    let before = owner();
    assert!(!given || before == (12_345, 12_345));
    symlink("kept/bot.toml", at("bot.toml")).unwrap();
    Cli::new(&["grant", "bot.wasm", "--yes"])
        .folder(folder.path())
        .run()
        .ok();
    assert!(at("bot.toml").is_symlink());
    assert_eq!((mode(&at("kept/bot.toml")), owner()), (0o640, before));
    let text = std::fs::read_to_string(at("kept/bot.toml")).unwrap();
    assert!(
        text.starts_with("fuel = 5_000_000\n\n# wanted by"),
        "{text}"
    );
    assert_eq!(std::fs::read_dir(at("kept")).unwrap().count(), 1);
    // And what a host would not follow is not written to
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("bot.toml"), "fuel = 5_000_000\n").unwrap();
    std::fs::remove_file(at("bot.toml")).unwrap();
    symlink(outside.path().join("bot.toml"), at("bot.toml")).unwrap();
    let refused = Cli::new(&["grant", "bot.wasm", "--yes"])
        .folder(folder.path())
        .run();
    assert!(
        refused
            .exits(1)
            .stderr
            .contains("a link out of the plugins folder")
    );
    std::fs::remove_file(outside.path().join("bot.toml")).unwrap();
    let dangling = Cli::new(&["grant", "bot.wasm", "--yes"])
        .folder(folder.path())
        .run();
    assert!(
        dangling
            .exits(1)
            .stderr
            .contains("a link to what cannot be read")
    );
    assert!(at("bot.toml").is_symlink());
}
