//! The commands: what people see, what scripts read, and how each ends.

use hookbox_tests::{Cli, Host, Ran, SECRET, component, event};
use insta::assert_snapshot;
use std::path::Path;
use tempfile::TempDir;

/// Runs a command in an empty folder.
fn hookbox(args: &[&str]) -> Ran {
    let folder = TempDir::new().unwrap();
    Cli::new(args).folder(folder.path()).run()
}

/// What a command says when it fails, and its exit code.
fn fails(args: &[&str]) -> String {
    let ran = hookbox(args);
    assert!(ran.stdout.is_empty(), "{ran:?}");
    format!("{}exit code {}", ran.stderr, ran.code.unwrap())
}

fn path(package: &str) -> &'static str {
    component(package).to_str().unwrap()
}

#[test]
fn the_help_fits_one_screen() {
    let help = hookbox(&["--help"]).ok().stdout;
    assert!(help.lines().count() <= 32 && help.lines().all(|line| line.len() <= 100));
    assert_snapshot!(help, @r"
    Receives Hugging Face Hub webhooks and runs sandboxed WebAssembly plugins on them

    Usage: hookbox <COMMAND>

    Commands:
      serve        Receive webhooks and run the plugins on them
      new          Make a plugin project: a handler, its test and its grant
      dev          Build plugins, serve them, and rebuild them when their source changes
      build        Build a plugin project to a checked component
      inspect      Show what a component file is and needs, or why it is not a plugin
      grant        Show what a plugin wants and its grant does not give, and add it where you agree
      run          Run one event through one plugin, without a host
      send         Post a sample, or a JSON file, as the Hub would
      plugins      Show every plugin of a host, where it stands, and why; pause one
      deliveries   Show, export and replay deliveries, with their runs and attempts
      requests     Show the last requests that a running host refused, and why
      check        Tell everything that would keep a host from serving, without changing anything
      backup       Copy the ledger into a new file, while a host runs or not
      secret       Make a good webhook secret
      completions  Print a script that lets a shell complete commands and flags
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Examples:
      hookbox dev plugins/hello             build a plugin, serve it, rebuild it when its source changes
      hookbox build plugins/hello -o plugins && hookbox serve
      hookbox deliveries list               what came in, and what became of it

    Exit codes: 0 success, 1 failure, 2 wrong usage.
    ");
}

#[test]
fn every_command_has_help_with_examples() {
    for command in [
        "serve",
        "new",
        "dev",
        "build",
        "inspect",
        "run",
        "send",
        "plugins",
        "deliveries",
        "requests",
        "check",
        "backup",
        "secret",
        "completions",
    ] {
        let help = hookbox(&[command, "--help"]).ok().stdout;
        assert!(help.contains("Example"), "{command}: {help}");
    }
    // What a user has in the environment is not printed where it may be secret.
    let help = Cli::new(&["send", "--help"])
        .env("WEBHOOK_SECRET", SECRET)
        .run()
        .ok()
        .stdout;
    assert!(!help.contains(SECRET));
}

#[test]
fn errors_say_what_is_wrong_and_what_to_do() {
    let hello = path("hello");
    assert_snapshot!(fails(&["inspect", "nope.wasm"]), @"
    error: nope.wasm: there is no such file
    exit code 2
    ");
    assert_snapshot!(fails(&["run", "nope.wasm", "discussion-comment"]), @"
    error: nope.wasm: there is no such file
    exit code 2
    ");
    assert_snapshot!(fails(&["run", hello, "no-such"]), @"
    error: there is no sample `no-such` (hookbox send --list shows all), and no file of that name
    exit code 2
    ");
    assert_snapshot!(fails(&["run", hello, "nope.json"]), @"
    error: nope.json: cannot read the event: No such file or directory (os error 2)
    exit code 2
    ");
    assert_snapshot!(fails(&["deliveries", "show", "x"]), @"
    error: `x` is not an id; ids look like 01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e (see `hookbox deliveries list`)
    exit code 2
    ");
    assert_snapshot!(fails(&["plugins"]), @"
    error: data/ledger.db: there is no ledger here; start `hookbox serve`, or name its data folder with --data
    exit code 1
    ");
    assert_snapshot!(fails(&["build"]), @"
    error: .: no Cargo.toml, pyproject.toml or package.json there; give the folder of a plugin project
    exit code 2
    ");
    assert_snapshot!(fails(&["send", "discussion-comment", "--to", "http://127.0.0.1:1/webhooks"]), @"
    error: http://127.0.0.1:1/webhooks: cannot post; is a host running there?: io: Connection refused (os error 111)
    exit code 1
    ");
    assert_snapshot!(fails(&["deliveries", "list", "--since", "x"]), @"
    error: --since x: neither a duration such as 12h or 7d nor a time such as 2026-08-28T09:30:00Z
    exit code 2
    ");
}

#[test]
fn wrong_usage_ends_with_2() {
    let cases: &[&[&str]] = &[
        &[],
        &["serv"],
        &["serve", "--nope"],
        &["serve", "--concurrency", "0"],
        &["serve", "--drain", "soon"],
        &["serve", "--ledger", "postgres://db/hookbox"],
        &["inspect"],
        &["new"],
        &["new", "x", "--lang", "cobol"],
        &["run", "x.wasm"],
        &["send"],
        &["deliveries"],
        &["deliveries", "list", "--state", "x"],
    ];
    for case in cases {
        let ran = hookbox(case).exits(2);
        assert!(!ran.stderr.is_empty(), "{case:?}");
    }
}

#[test]
fn settings_that_mean_nothing_are_refused_by_name() {
    let serve = |name: &str, value: &str| {
        let folder = TempDir::new().unwrap();
        Cli::new(&["serve"])
            .folder(folder.path())
            .env(name, value)
            .run()
            .exits(2)
            .stderr
    };
    assert_snapshot!(serve("HOOKBOX_LISTN", "x"), @"error: HOOKBOX_LISTN: there is no such setting; did you mean HOOKBOX_LISTEN?");
    assert_snapshot!(serve("HOOKBOX_LEDGER", "3d"), @"error: HOOKBOX_LEDGER: this version of hookbox has the embedded ledger only; leave it out");
    assert_snapshot!(serve("PORT", "x"), @"error: PORT=x: not a port number; write PORT=8000");
    let secrets = serve("HOOKBOX_SECRETS", "env:NOT_SET_ANYWHERE");
    assert!(secrets.contains("NOT_SET_ANYWHERE"), "{secrets}");
    // A secret where a reference should be is not repeated.
    assert!(!serve("HOOKBOX_SECRETS", SECRET).contains(SECRET));
}

#[test]
fn run_is_one_attempt_without_a_host() {
    let ran = hookbox(&["run", path("hello"), "discussion-comment", "--json"])
        .ok()
        .json();
    for key in [
        "plugin",
        "scope",
        "action",
        "n",
        "started_at",
        "version",
        "digest",
        "outcome",
        "output",
        "fuel",
        "fuel_limit",
        "memory_peak_bytes",
        "wall_ms",
        "logs",
        "calls",
        "trap",
    ] {
        assert!(ran.get(key).is_some(), "{key} is not in {ran:#}");
    }
    assert_eq!(
        (&ran["plugin"], &ran["outcome"]),
        (&"hello".into(), &"done".into())
    );
    assert_eq!(ran["output"], "hello 61d2000c3c2083e1c08af22d");
    // For people, its log comes first.
    let shown = hookbox(&["run", path("hello"), "discussion-comment"])
        .ok()
        .stdout;
    assert!(
        shown.contains("said on") && shown.contains("done: hello 61d2000c3c2083e1c08af22d"),
        "{shown}"
    );
    // What it does not subscribe to is not executed, and not a failure.
    let ran = hookbox(&["run", path("hello"), "repo-create", "--json"])
        .ok()
        .json();
    assert_eq!(
        (&ran["outcome"], &ran["fuel"]),
        (&"ignored".into(), &0.into())
    );
    assert!(
        ran["output"]
            .as_str()
            .unwrap()
            .contains("no subscription admits"),
        "{ran:#}"
    );
}

#[test]
fn run_takes_the_grant_beside_the_component_and_warns_of_what_is_not_granted() {
    let folder = TempDir::new().unwrap();
    std::fs::copy(component("hello"), folder.path().join("hello.wasm")).unwrap();
    std::fs::write(folder.path().join("hello.toml"), "fuel = 1000\n").unwrap();
    let ran = Cli::new(&["run", "hello.wasm", "discussion-comment", "--json"])
        .folder(folder.path())
        .run();
    let payload = hookbox_tests::workspace().join("sdk/samples/discussion-comment.json");
    let bytes = std::fs::metadata(payload).unwrap().len();
    assert_eq!(ran.clone().ok().json()["fuel_limit"], 1000 + 150 * bytes);
    std::fs::write(folder.path().join("other.toml"), "fule = 1000\n").unwrap();
    let ran = Cli::new(&[
        "run",
        "hello.wasm",
        "discussion-comment",
        "--grant",
        "other.toml",
    ])
    .folder(folder.path())
    .run();
    assert_snapshot!(ran.exits(2).stderr, @"error: other.toml: line 1: `fule` is not a key; did you mean `fuel`?");
    let warned = hookbox(&["run", path("guest-wants-http"), "discussion-comment"]).ok();
    assert!(
        warned
            .stderr
            .starts_with("warning: it requires what is not granted: http `huggingface.co`"),
        "{warned:?}"
    );
}

#[test]
fn send_posts_as_the_hub_does() {
    let host = Host::with(&["hello"]).start();
    let to = format!("{}/webhooks", host.url());
    let send = |args: &[&str]| {
        Cli::new(&["send"])
            .arg("--to")
            .arg(&to)
            .folder(host.folder())
            .env("WEBHOOK_SECRET", SECRET)
            .run_with(args)
    };
    let answer = send(&["discussion-comment", "--wait", "20", "--json"])
        .ok()
        .json();
    assert_eq!(answer["runs"][0]["outcome"], "done");
    let delivery = host.delivery(answer["id"].as_str().unwrap());
    assert!(delivery["hub_id"].as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!(delivery["headers"]["content-type"], "application/json");
    // A file is as good as a sample, and a flag beats the environment.
    std::fs::write(
        host.folder().join("event.json"),
        event("repo", "create", "a/b").to_string(),
    )
    .unwrap();
    assert!(send(&["event.json"]).ok().stdout.starts_with("202 "));
    let wrong = send(&["event.json", "--secret", "wrong"]).exits(1);
    assert!(
        wrong.stdout.contains("Invalid webhook secret."),
        "{wrong:?}"
    );
}

#[test]
fn a_secret_in_an_address_is_not_shown_when_posting_fails() {
    for address in [
        "http://127.0.0.1:1/webhooks?secret=hunter2",
        "http:///webhooks?secret=hunter2",
    ] {
        let said = fails(&["send", "discussion-comment", "--to", address]);
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn every_sample_is_accepted_by_a_host() {
    let host = Host::with(&[]).start();
    let samples = hookbox(&["send", "--list", "--json"]).ok().json();
    let shown = hookbox(&["send", "--list"]).ok().stdout;
    assert!(samples.as_array().unwrap().len() >= 17);
    for sample in samples.as_array().unwrap() {
        let name = sample["name"].as_str().unwrap();
        assert!(shown.contains(name) && sample["description"].is_string());
        let to = format!("{}/webhooks", host.url());
        Cli::new(&["send", name, "--to", &to, "--secret", SECRET])
            .run()
            .ok();
    }
    assert_eq!(host.deliveries().len(), samples.as_array().unwrap().len());
}

#[test]
fn two_hosts_cannot_share_a_data_folder() {
    let host = Host::with(&[]).start();
    let second = Cli::new(&["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(host.data())
        .folder(host.folder())
        .run();
    assert_eq!(
        (second.code, second.stdout.as_str()),
        (Some(1), ""),
        "{second:?}"
    );
    assert!(
        second.stderr.contains("another") && second.stderr.contains("data"),
        "{second:?}"
    );
    // The first is not disturbed.
    assert_eq!(
        host.hub()
            .deliver(&event("repo", "create", "a/b"))
            .send()
            .status,
        202
    );
}

#[test]
fn a_taken_address_is_a_clear_error() {
    let host = Host::with(&[]).start();
    let failed = Host::with(&[])
        .args(&["--listen", host.address()])
        .try_start()
        .err()
        .unwrap();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(
        failed.stderr.contains("--listen") && failed.stderr.contains(host.address()),
        "{failed:?}"
    );
}

#[test]
fn secrets_are_long_and_differ() {
    let secrets = [(), ()].map(|()| hookbox(&["secret"]).ok().stdout);
    assert_ne!(secrets[0], secrets[1]);
    assert!(
        secrets
            .iter()
            .all(|secret| secret.trim_end().len() >= 32 && secret.lines().count() == 1)
    );
}

#[test]
fn build_makes_a_checked_component_and_prints_where_it_is() {
    let folder = TempDir::new().unwrap();
    let project = hookbox_tests::workspace().join("plugins/hello");
    let built = Cli::new(&["build"])
        .arg(&project)
        .arg("-o")
        .arg(folder.path())
        .run()
        .ok();
    let printed = built.stdout.trim_end();
    assert_eq!(Path::new(printed), folder.path().join("hello.wasm"));
    let told = hookbox(&["inspect", printed, "--json"]).ok().json();
    assert_eq!(told["name"], "hello");
    let made_with = told["toolchain"].to_string();
    let hookbox = format!("\"hookbox {}\"", env!("CARGO_PKG_VERSION"));
    assert!(made_with.contains(&hookbox), "{made_with}");
    // Nothing half-made is left beside it.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
