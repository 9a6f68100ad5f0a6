//! Settings: where they are said, which of them counts, what is said of mistakes, and what a running host takes up.

use hookbox_tests::{Cli, Host, HostBuilder, Ran, event, eventually, workspace};
use insta::assert_snapshot;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;
use tempfile::TempDir;

/// The longest that a change may take to be taken up.
const SOON: Duration = Duration::from_secs(10);

/// `serve` with this file in the working directory; it is to end by itself.
fn serve_with(file: &str, flags: &[&str], environment: &[(&str, &str)]) -> Ran {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("hookbox.toml"), file).unwrap();
    let command = Cli::new(&["serve"]).folder(folder.path());
    let command = environment
        .iter()
        .fold(command, |command, (name, value)| command.env(name, value));
    let ran = command.run_with(flags).exits(2);
    // Nothing was made before the settings were checked.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    ran
}

/// What is said of a file, without the colour of `error:`.
fn said_of(file: &str) -> String {
    serve_with(file, &[], &[]).stderr
}

/// The status of a delivery of so many bytes.
fn status_of(host: &Host, bytes: usize) -> u16 {
    let mut event = event("repo", "create", "a/b");
    event["padding"] = "x".repeat(bytes).into();
    host.hub().deliver(&event).send().status
}

/// The status of a delivery with this secret.
fn status_with(host: &Host, secret: &str) -> u16 {
    let event = event("repo", "create", "a/b");
    let hub = hookbox_tests::Hub::new(host.address(), Some(secret));
    hub.deliver(&event).send().status
}

/// A host whose secret is in a file.
fn with_secret_file(secret: &str) -> HostBuilder {
    let secret = secret.to_owned();
    Host::with(&[])
        .no_secret()
        .settings("secrets = [\"file:plugins/the-secret\"]\nbody-max = \"1KiB\"\n")
        .file("the-secret", secret)
}

#[test]
fn a_flag_beats_a_variable_that_beats_the_file_that_beats_the_default() {
    let in_file = || Host::with(&[]).settings("body-max = \"20KB\"\n");
    let in_variable = || in_file().env("HOOKBOX_BODY_MAX", "40KB");
    let in_flag = in_variable().args(&["--body-max", "60KB"]);
    for (host, fits, is_too_much) in [
        (Host::with(&[]), 70_000, 17 << 20),
        (in_file(), 10_000, 30_000),
        (in_file().env("HOOKBOX_BODY_MAX", ""), 10_000, 30_000),
        (in_variable(), 30_000, 50_000),
        (in_flag, 50_000, 70_000),
    ] {
        let host = host.start();
        assert_eq!(status_of(&host, fits), 202);
        assert_eq!(status_of(&host, is_too_much), 413);
    }
}

#[test]
fn the_file_is_named_by_a_flag_or_a_variable_and_its_paths_are_relative_to_it() {
    let etc = TempDir::new().unwrap();
    let file = etc.path().join("x.toml");
    let text = "listen = \"127.0.0.1:0\"\nplugins = \"wasm\"\nsecrets = [\"file:secret\"]\n";
    std::fs::write(&file, text).unwrap();
    std::fs::write(etc.path().join("secret"), "the secret of this host\n").unwrap();
    let file = file.to_str().unwrap();
    for command in [
        Cli::new(&["serve", "--config", file]),
        Cli::new(&["serve"]).env("HOOKBOX_CONFIG", file),
    ] {
        let folder = TempDir::new().unwrap();
        let host = command.folder(folder.path()).start();
        host.prints("listening on http://127.0.0.1:");
        host.notes(&format!("folder\":\"{}/wasm", etc.path().display()));
        host.interrupt().ok();
        assert!(folder.path().join("data/ledger.db").is_file());
    }
}

#[test]
fn mistakes_in_the_file_name_its_line_key_and_what_is_allowed() {
    assert_snapshot!(said_of("listen = \"127.0.0.1:0\"\nbody-mex = \"1MiB\"\n"), @"error: hookbox.toml:2:1: `body-mex`: there is no such key; did you mean `body-max`?");
    assert_snapshot!(said_of("ledger = \"x\"\n"), @"error: hookbox.toml:1:1: this version of hookbox has the embedded ledger only; leave it out");
    assert_snapshot!(said_of("[alerts]\nurl = \"hunter2\"\n"), @"error: hookbox.toml:2:7: alerts.url: not an address that alerts can be posted to; write `https://…` (`http://` only to a loopback or private IP address), or where it is kept: `env:NAME` or `file:PATH`");
    assert_snapshot!(said_of("body-max = 16\n"), @r#"error: hookbox.toml:1:12: body-max = 16: a whole number, where there must be a size in quotes, such as "16MiB""#);
    assert_snapshot!(said_of("memory-max = \"1TiB\"\n"), @r#"error: hookbox.toml:1:14: memory-max = "1TiB": not between 1MiB and 4GiB"#);
    assert_snapshot!(said_of("missing-grace = \"a while\"\n"), @r#"error: hookbox.toml:1:17: missing-grace = "a while": not a duration; write `30s`, `5m` or `7d`"#);
    assert_snapshot!(said_of("concurrency = 2000\n"), @"error: hookbox.toml:1:15: concurrency = 2000: not a whole number from 1 to 1024");
    assert_snapshot!(said_of("drain = \"1s\"\ndrain = \"2s\"\n"), @"error: hookbox.toml:2:1: drain: it stands there twice; remove one of them");
    assert_snapshot!(said_of("drain = \"1s\n"), @"error: hookbox.toml:1:12: invalid basic string, expected `\"`");
    assert_snapshot!(said_of("insecure-no-secret = true\n"), @"error: hookbox.toml:1:1: `insecure-no-secret` can only be said as the flag --insecure-no-secret");
}

#[test]
fn a_secret_in_the_file_itself_is_refused_and_not_repeated() {
    assert_snapshot!(said_of("secrets = [\"hunter2\"]\n"), @"error: hookbox.toml:1:11: secrets: write `env:NAME` or `file:PATH`: a secret itself never stands in a setting");
    assert_snapshot!(said_of("secrets = \"env:WEBHOOK_SECRET\"\n"), @r#"error: hookbox.toml:1:11: secrets: a text, where there must be a list of places; write ["env:WEBHOOK_SECRET"] or ["file:PATH", …]"#);
    // What was named must be there, also what nobody needs to name.
    assert_snapshot!(said_of("secrets = [\"env:WEBHOOK_SECRET\"]\n"), @"error: hookbox.toml:1:11: secrets: env:WEBHOOK_SECRET: the environment variable is not set; set it, or name another place");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_with_its_place() {
    let ran = serve_with(
        "fuel = 1\nconcurrency = 0\n",
        &["--drain", "soon"],
        &[("HOOKBOX_BODY_MAX", "2TiB"), ("HOOKBOX_LEDGER", "1d")],
    );
    assert_snapshot!(ran.stderr, @r"
    error: 5 settings cannot be used
      hookbox.toml:1:1: `fuel`: there is no such key; there are plugins, data, listen, admin, secrets, public-url, concurrency, body-max, connections-max, dedup-window, on-duplicate, on-unparsable, backlog-max, backlog-runs-per-plugin, park-runs, park-for, memory-max, component-max, missing-grace, free-space-min, retain, retain-bytes, drain, ca-file, alerts
      HOOKBOX_LEDGER: this version of hookbox has the embedded ledger only; leave it out
      --drain soon: not a duration; write `30s`, `5m` or `7d`
      hookbox.toml:2:15: concurrency = 0: not a whole number from 1 to 1024
      HOOKBOX_BODY_MAX=2TiB: not between 1B and 1GiB
    ");
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("hookbox.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let serve = |args: &[&str]| {
        let ran = Cli::new(&["serve"]).folder(folder.path()).run_with(args);
        ran.exits(2).stderr
    };
    assert_snapshot!(serve(&[]), @"error: hookbox.toml: not a regular file");
    assert_snapshot!(serve(&["--config", "nope.toml"]), @"error: nope.toml: there is no such file");
    std::fs::write(folder.path().join("big.toml"), "#".repeat(1 << 20)).unwrap();
    assert_snapshot!(serve(&["--config", "big.toml"]), @"error: big.toml: 1048576 bytes large, at most 262144 are read");
}

#[test]
fn a_secret_is_changed_without_a_restart() {
    let host = with_secret_file("the first secret of all\n").start();
    assert_eq!(status_with(&host, "the first secret of all"), 202);
    assert_eq!(status_with(&host, "the second secret"), 403);
    // A request under way keeps what it was let in by.
    let hub = hookbox_tests::Hub::new(host.address(), Some("the first secret of all"));
    let body = event("repo", "create", "a/b").to_string();
    let mut under_way = hub.connect();
    let head = hub.head(&[&format!("content-length: {}", body.len())]);
    under_way.send(format!("{head}\r\n{}", &body[..10]));
    host.put("the-secret", "the second secret\n");
    eventually(SOON, || {
        (status_with(&host, "the second secret") == 202).then_some(())
    });
    assert_eq!(status_with(&host, "the first secret of all"), 403);
    under_way.send(&body[10..]);
    assert_eq!(under_way.answer().unwrap().status, 202);
    host.logs("changed webhook secrets are taken up");
    assert!(!host.log().contains("the second secret"), "{}", host.log());
}

#[test]
fn a_secret_file_that_goes_or_is_emptied_leaves_the_last_good_one() {
    let host = with_secret_file("the first secret of all\n").start();
    host.put("the-secret", "");
    host.logs("it is empty");
    host.remove("the-secret");
    host.logs("the-secret: No such file or directory");
    let errors = host.log().matches("\"level\":\"ERROR\"").count();
    assert_eq!(errors, 2, "{}", host.log());
    assert_eq!(status_with(&host, "the first secret of all"), 202);
    assert_eq!(status_with(&host, ""), 403);
    host.put("the-secret", "the second secret\n");
    eventually(SOON, || {
        (status_with(&host, "the second secret") == 202).then_some(())
    });
    host.logs("the settings can be used again");
}

#[test]
fn a_file_that_is_being_written_neither_opens_a_host_nor_gives_it_half_a_secret() {
    // Given a host on loopback, as behind a proxy, with its secret named in the file
    let settings = "secrets = [\"file:the-secret\"]\n";
    let host = Host::with(&[])
        .no_secret()
        .file("the-secret", "the first secret of all\n")
        .settings(&settings.replace("the-secret", "plugins/the-secret"))
        .start();
    // When the file is emptied and its writer takes its time, or says that the host is to look
    host.replace("hookbox.toml", "");
    host.logs("no webhook secret would be left");
    host.hang_up();
    // Then nobody else is let in
    assert_eq!(status_with(&host, "a guess"), 403);
    assert_eq!(status_with(&host, "the first secret of all"), 202);
    // And half a secret is none
    host.replace(
        "hookbox.toml",
        &settings.replace("the-secret", "plugins/the-secret"),
    );
    host.put("the-secret", "half");
    host.logs("a webhook secret would be shorter than 16 bytes");
    assert_eq!(status_with(&host, "half"), 403);
    assert_eq!(status_with(&host, "the first secret of all"), 202);
    host.put("the-secret", "half of the second secret\n");
    eventually(SOON, || {
        (status_with(&host, "half of the second secret") == 202).then_some(())
    });
}

#[test]
fn a_first_secret_is_taken_up_whatever_its_length() {
    let host = Host::with(&[])
        .no_secret()
        .settings("secrets = []\n")
        .start();
    assert_eq!(status_with(&host, "a guess"), 202);
    host.put("the-secret", "short\n");
    host.replace("hookbox.toml", "secrets = [\"file:plugins/the-secret\"]\n");
    eventually(SOON, || {
        (status_with(&host, "a guess") == 403).then_some(())
    });
    assert_eq!(status_with(&host, "short"), 202);
}

#[test]
fn a_changed_file_is_taken_up_and_what_needs_a_restart_is_told() {
    let host = Host::with(&[]).settings("body-max = \"1KiB\"\n").start();
    assert_eq!(status_of(&host, 2000), 413);
    host.replace(
        "hookbox.toml",
        "body-max = \"4KiB\"\nconcurrency = 4\ndrain = \"3s\"\n",
    );
    eventually(SOON, || (status_of(&host, 2000) == 202).then_some(()));
    host.logs("\"key\":\"body-max\",\"old\":\"1KiB\",\"new\":\"4KiB\"");
    host.logs("\"key\":\"drain\",\"old\":\"25s\",\"new\":\"3s\"");
    let log = host.log();
    for key in ["concurrency", "drain"] {
        let mut lines = log.lines();
        let told = lines.find(|line| line.contains(&format!("\"key\":\"{key}\"")));
        assert!(
            told.unwrap()
                .contains("a changed setting takes effect after a restart"),
            "{log}"
        );
    }
    // A flag still beats the file: nothing has changed.
    assert!(!log.contains("\"key\":\"listen\""), "{log}");
}

#[test]
fn a_broken_edit_leaves_the_last_good_settings_and_is_told_once() {
    let host = Host::with(&[]).settings("body-max = \"4KiB\"\n").start();
    host.replace("hookbox.toml", "body-max = \"8KiB\"\nbody-mex = \"8KiB\"\n");
    host.logs("hookbox.toml:2:1: `body-mex`: there is no such key; did you mean `body-max`?");
    assert_eq!(status_of(&host, 5000), 413);
    // Sent into the background or left by its terminal, it looks again and goes on.
    host.hang_up();
    host.replace("hookbox.toml", "body-max = \"8KiB\"\n");
    host.hang_up();
    eventually(SOON, || (status_of(&host, 5000) == 202).then_some(()));
    let told = host
        .log()
        .matches("the changed settings cannot be used")
        .count();
    assert_eq!(told, 1, "{}", host.log());
}

#[test]
fn a_file_that_appears_is_taken_up_and_one_that_goes_leaves_its_settings() {
    let host = Host::with(&[]).start();
    host.replace("hookbox.toml", "body-max = \"1KiB\"\n");
    eventually(SOON, || (status_of(&host, 2000) == 413).then_some(()));
    std::fs::remove_file(host.folder().join("hookbox.toml")).unwrap();
    host.logs("hookbox.toml: there is no such file");
    assert_eq!(status_of(&host, 2000), 413);
}

#[test]
fn a_change_that_would_leave_an_open_host_without_a_secret_is_refused() {
    let file = "listen = \"127.0.0.1:0\"\nsecrets = [\"env:THE_SECRET\"]\n";
    let host = Host::with(&[])
        .no_secret()
        .env("THE_SECRET", "a secret of this host")
        .args(&["--listen", "0.0.0.0:0"])
        .settings(file)
        .start();
    host.replace("hookbox.toml", "listen = \"127.0.0.1:0\"\n");
    host.logs("open to other machines, and no webhook secret is configured");
    let port = host.address().rsplit(':').next().unwrap();
    let hub = hookbox_tests::Hub::new(&format!("127.0.0.1:{port}"), None);
    let posted = hub.deliver(&event("repo", "create", "a/b")).send();
    assert_eq!(posted.status, 401);
}

#[test]
fn a_component_that_was_too_large_is_loaded_once_it_may_be() {
    let host = Host::with(&["hello"])
        .settings("component-max = \"1KiB\"\n")
        .start();
    let refused = host.plugin("hello");
    assert_eq!(refused["state"], "refused", "{refused:#}");
    host.replace("hookbox.toml", "component-max = \"32MiB\"\n");
    host.plugin_when("hello", |plugin| plugin["state"] == "loaded");
}

#[test]
fn a_plugin_that_is_missing_is_waited_for_as_long_as_is_said_now() {
    let host = Host::with(&["hello"])
        .settings("missing-grace = \"1h\"\n")
        .start();
    host.remove("hello.wasm");
    host.plugin_when("hello", |plugin| plugin["state"] == "missing");
    host.replace("hookbox.toml", "missing-grace = \"1ms\"\n");
    eventually(SOON, || host.find_plugin("hello").is_none().then_some(()));
}

#[test]
fn a_data_folder_in_memory_is_told_of() {
    let Ok(memory) = TempDir::new_in("/dev/shm") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let host = Cli::new(&["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(memory.path())
        .folder(folder.path())
        .start();
    host.notes("nothing in it survives a restart of the machine");
    host.interrupt().ok();
}

#[test]
fn a_space_without_persistent_storage_is_told_that_nothing_survives() {
    let folder = TempDir::new().unwrap();
    let device = |path: &std::path::Path| std::fs::metadata(path).unwrap().dev();
    // Only a folder that is not a mount of its own is part of the Space.
    if device(folder.path()) != device("/".as_ref()) {
        return;
    }
    let host = Cli::new(&["serve", "--listen", "127.0.0.1:0"])
        .env("SPACE_HOST", "me-x.hf.space")
        .folder(folder.path())
        .start();
    host.notes("nothing in it survives a restart of the Space");
    host.interrupt().ok();
}

#[test]
fn the_file_in_the_guide_says_every_default() {
    let guide = std::fs::read_to_string(workspace().join("docs/configuration.md")).unwrap();
    let block = guide.split("```toml\n").nth(1).unwrap();
    let text = block.split("```").next().unwrap();
    let help = Cli::new(&["serve", "--help"]).run().ok().stdout;
    let keys = text.lines().filter_map(|line| line.split_once(" = "));
    // The only key of the only table.
    let keys = keys.map(|(key, _)| if key == "url" { "alerts-url" } else { key });
    let keys: Vec<&str> = keys.collect();
    for key in &keys {
        assert!(help.contains(&format!("--{key} ")), "{key}");
        let row = format!("| `{key}` | `--{key}");
        assert!(guide.contains(&row), "the table lacks {row}");
    }
    // And the guide lacks none of the flags that can be keys
    let flags = help
        .split("--")
        .skip(1)
        .map(|rest| rest.split(' ').next().unwrap());
    let keys_of_help: Vec<&str> = flags
        .filter(|flag| help.contains(&format!("--{flag} <")))
        .filter(|flag| *flag != "config")
        .collect();
    assert!(keys_of_help.len() >= 14, "{keys_of_help:?}");
    for key in keys_of_help {
        assert!(keys.contains(&key), "the file in the guide lacks {key}");
    }
    // A host that runs without a file finds nothing changed when this one appears, but for what a story's host is
    // told in flags.
    let host = Host::with(&[]).start();
    host.replace("hookbox.toml", text);
    host.hang_up();
    host.replace("hookbox.toml", &text.replace("\"16MiB\"", "\"1KiB\""));
    eventually(SOON, || (status_of(&host, 2000) == 413).then_some(()));
    assert_eq!(host.log().matches("\"key\":").count(), 1, "{}", host.log());
}
