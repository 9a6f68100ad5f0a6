//! What comes out of flags, environment and file, and what is said of mistakes.

use super::*;
use std::ffi::OsStr;
use std::path::Path;

fn sources(flags: &[&str], environment: &[(&str, &str)]) -> Sources {
    let flags: Vec<&OsStr> = flags.iter().map(OsStr::new).collect();
    let variables = environment.iter();
    let variables = variables.map(|(name, value)| ((*name).into(), (*value).into()));
    Sources::new(Flags::of(&flags).unwrap(), variables)
}

fn config(flags: &[&str], environment: &[(&str, &str)]) -> Result<Config, String> {
    let checked = sources(flags, environment).read().checked();
    checked.map_err(|problems| problems.to_string())
}

/// What is said of a file, which is called `hookbox.toml`.
fn file(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hookbox.toml");
    std::fs::write(&path, text).unwrap();
    let config = config(&["--config", path.to_str().unwrap()], &[]);
    let folder = format!("{}/", folder.path().display());
    config.map_err(|problems| problems.replace(&folder, ""))
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(file(text).unwrap_err(), expected, "{text}");
}

#[test]
fn an_address_comes_from_the_flag_then_from_its_variable_then_from_port() {
    let listen = |flags: &[&str], environment: &[(&str, &str)]| {
        config(flags, environment).unwrap().listen.to_string()
    };
    let open = "--insecure-no-secret";
    assert_eq!(listen(&[], &[]), "127.0.0.1:8000");
    assert_eq!(listen(&[open], &[("PORT", "7860")]), "0.0.0.0:7860");
    let both = [("PORT", "7860"), ("HOOKBOX_LISTEN", "127.0.0.1:7")];
    assert_eq!(listen(&[], &both), "127.0.0.1:7");
    assert_eq!(listen(&["--listen", "127.0.0.1:9"], &both), "127.0.0.1:9");
    assert_eq!(
        listen(&[], &[("PORT", ""), ("HOOKBOX_LISTEN", "")]),
        "127.0.0.1:8000"
    );
    assert_eq!(
        config(&[], &[("PORT", "x")]).unwrap_err(),
        "PORT=x: not a port number; write PORT=8000"
    );
}

#[test]
fn other_machines_need_a_secret_or_a_word() {
    let error = config(&["--listen", "0.0.0.0:1"], &[]).unwrap_err();
    assert!(error.contains("no webhook secret is configured"), "{error}");
    assert!(config(&["--listen", "0.0.0.0:1", "--insecure-no-secret"], &[]).is_ok());
}

#[test]
fn what_is_not_enforced_or_not_known_is_refused_by_name_wherever_it_is_said() {
    let variable = |name: &str| config(&[], &[(name, "x")]).unwrap_err();
    assert_eq!(
        variable("HOOKBOX_LEDGER"),
        "HOOKBOX_LEDGER: this version of hookbox has the embedded ledger only; leave it out"
    );
    assert_eq!(
        variable("HOOKBOX_LISTN"),
        "HOOKBOX_LISTN: there is no such setting; did you mean HOOKBOX_LISTEN?"
    );
    assert_eq!(
        variable("HOOKBOX_INSECURE_NO_SECRET"),
        "HOOKBOX_INSECURE_NO_SECRET: this can only be said as the flag --insecure-no-secret"
    );
    assert_eq!(
        config(&["--ledger", "x"], &[]).unwrap_err(),
        "--ledger: this version of hookbox has the embedded ledger only; leave it out"
    );
    let error = config(&["--ledger", "postgres://u:hunter2@h/d"], &[]).unwrap_err();
    assert_eq!(
        error,
        "--ledger: this version of hookbox has the embedded ledger only; leave it out"
    );
}

#[test]
fn a_space_knows_its_address() {
    let url = |flags: &[&str], environment: &[(&str, &str)]| {
        config(flags, environment).unwrap().public_url
    };
    let space = ("SPACE_HOST", "me-x.hf.space");
    assert_eq!(url(&[], &[space]), "https://me-x.hf.space");
    assert_eq!(
        url(&[], &[space, ("HOOKBOX_PUBLIC_URL", "https://y.example/")]),
        "https://y.example"
    );
    assert_eq!(
        url(&["--public-url", "https://x.example"], &[space]),
        "https://x.example"
    );
    let error = config(&["--public-url", "https://x.example/?secret=hunter2"], &[]).unwrap_err();
    assert!(
        error.starts_with("--public-url: ") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn a_secret_that_was_named_must_be_readable() {
    let error = config(&["--secrets", "file:/nonexistent/secret"], &[]).unwrap_err();
    assert!(
        error.starts_with("--secrets: file:/nonexistent/secret: "),
        "{error}"
    );
    for error in [
        config(&["--secrets", "hunter2"], &[]).unwrap_err(),
        config(&[], &[("HOOKBOX_SECRETS", "hunter2")]).unwrap_err(),
        file("secrets = [\"hunter2\"]").unwrap_err(),
        file("secrets = \"hunter2\"").unwrap_err(),
        file("secrets = [hunter2]").unwrap_err(),
        file("secrets = { hunter2 = \"hunter2\" }").unwrap_err(),
        file("WEBHOOK_SECRET = \"hunter2\"").unwrap_err(),
        file("hunter2 = ").unwrap_err(),
        file("public-url = \"https://me:hunter2@example.com\"").unwrap_err(),
    ] {
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn paths_in_a_file_are_relative_to_it_and_others_to_the_working_directory() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "a secret in a file").unwrap();
    let path = folder.path().join("x.toml");
    let text = "plugins = \"p\"\ndata = \"/var/d\"\nsecrets = [\"file:secret\"]\n";
    std::fs::write(&path, text).unwrap();
    let named = ["--config", path.to_str().unwrap()];
    let read = config(&named, &[]).unwrap();
    assert_eq!(read.plugins, folder.path().join("p"));
    assert_eq!(read.data, Path::new("/var/d"));
    assert_eq!(read.loader.secrets.len(), 1);
    let read = config(&named, &[("HOOKBOX_PLUGINS", "q")]).unwrap();
    assert_eq!(read.plugins, Path::new("q"));
}

#[test]
fn mistakes_in_a_file_are_told_with_line_column_key_value_and_what_is_allowed() {
    check(
        "\nlistn = \"x\"",
        "hookbox.toml:2:1: `listn`: there is no such key; did you mean `listen`?",
    );
    check(
        "ledger = \"x\"",
        "hookbox.toml:1:1: this version of hookbox has the embedded ledger only; leave it out",
    );
    check(
        "alerts = 1",
        "hookbox.toml:1:1: `alerts` is a table; write `[alerts]` on a line of its own, and `url = \"…\"` below it",
    );
    check(
        "alerts-url = \"https://x\"",
        "hookbox.toml:1:1: `alerts-url` stands under `[alerts]`, as `url`",
    );
    check(
        "[alerts]\nuri = \"x\"",
        "hookbox.toml:2:1: `alerts.uri`: there is no such key; there is `alerts.url`",
    );
    check(
        "[alerts]\nurl = \"hunter2\"",
        "hookbox.toml:2:7: alerts.url: not an address that alerts can be posted to; write `https://…` (`http://` only to \
         a loopback or private IP address), or where it is kept: `env:NAME` or `file:PATH`",
    );
    check(
        "insecure-no-secret = true",
        "hookbox.toml:1:1: `insecure-no-secret` can only be said as the flag --insecure-no-secret",
    );
    check(
        "config = \"x.toml\"",
        "hookbox.toml:1:1: `config` can only be said outside of a file, as the variable HOOKBOX_CONFIG",
    );
    check(
        "concurrency = 0",
        "hookbox.toml:1:15: concurrency = 0: not a whole number from 1 to 1024",
    );
    check(
        "concurrency = \"8\"",
        "hookbox.toml:1:15: concurrency = \"8\": a text, where there must be a whole number without quotes",
    );
    check(
        "body-max = 16",
        "hookbox.toml:1:12: body-max = 16: a whole number, where there must be a size in quotes, such as \"16MiB\"",
    );
    check(
        "body-max = \"2GiB\"",
        "hookbox.toml:1:12: body-max = \"2GiB\": not between 1B and 1GiB",
    );
    check(
        "drain = \"soon\"",
        "hookbox.toml:1:9: drain = \"soon\": not a duration; write `30s`, `5m` or `7d`",
    );
    check(
        "secrets = \"env:A\"",
        "hookbox.toml:1:11: secrets: a text, where there must be a list of places; write [\"env:WEBHOOK_SECRET\"] or \
         [\"file:PATH\", …]",
    );
    check(
        "secrets = [\"env:WEBHOOK_SECRET\"]",
        "hookbox.toml:1:11: secrets: env:WEBHOOK_SECRET: the environment variable is not set; set it, or name \
         another place",
    );
    check(
        "drain = \"1s\"\ndrain = \"2s\"",
        "hookbox.toml:2:1: drain: it stands there twice; remove one of them",
    );
}

#[test]
fn a_file_that_is_no_toml_is_told_with_its_place() {
    let error = file("drain = \"1s\"\nlisten = 127.0.0.1:1\n").unwrap_err();
    assert_eq!(
        error,
        "hookbox.toml:2:15: invalid float, expected nothing; a text must stand in quotes"
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(&path, "fuel = 1\nconcurrency = -1\n").unwrap();
    let flags = ["--config", path.to_str().unwrap(), "--drain", "0s"];
    let problems = sources(&flags, &[("HOOKBOX_X", "1"), ("HOOKBOX_BODY_MAX", "x")]);
    assert_eq!(problems.read().problems.len(), 5);
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, large) = (folder.path().join("pipe"), folder.path().join("large"));
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
    std::fs::write(&large, "#".repeat(1 << 20)).unwrap();
    let gone = folder.path().join("gone");
    for (path, reason) in [
        (pipe, "not a regular file"),
        (large, "at most 262144 are read"),
        (gone, "there is no such file"),
        (folder.path().to_owned(), "not a regular file"),
    ] {
        let error = config(&["--config", path.to_str().unwrap()], &[]).unwrap_err();
        assert!(error.starts_with(path.to_str().unwrap()), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}
