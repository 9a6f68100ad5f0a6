//! `hookbox check`: what it tells before a host starts, and that it leaves no trace.

use hookbox_tests::{Cli, Host, Ran, SECRET, component_bytes, hookbox};
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with these files in it.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

/// `check` in this folder, with a good secret and an address that is free.
fn check(folder: &Path) -> Cli {
    Cli::new(&["check", "--listen", "127.0.0.1:0"])
        .env("WEBHOOK_SECRET", SECRET)
        .folder(folder)
}

/// What it tells, but for where the story's folder happens to lie.
fn told(ran: &Ran) -> String {
    let lines = ran.stdout.lines();
    let lines = lines.filter(|line| !line.contains("the data folder is"));
    lines
        .collect::<Vec<_>>()
        .join("\n")
        .replace(" (1 warning)", "")
}

/// The findings of a level, as `subject: message`.
fn findings(report: &Value, level: &str) -> Vec<String> {
    let all = report["findings"].as_array().unwrap();
    let of = all.iter().filter(|finding| finding["level"] == level);
    of.map(|finding| {
        let (subject, message) = (&finding["subject"], &finding["message"]);
        format!(
            "{}: {}",
            subject.as_str().unwrap(),
            message.as_str().unwrap()
        )
    })
    .collect()
}

/// Every file below a folder with what tells whether it was touched.
fn listing(folder: &Path) -> BTreeMap<PathBuf, (u64, u64, i64, i64, u32)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let about = path.symlink_metadata().unwrap();
            let times = (about.mtime(), about.mtime_nsec());
            found.insert(
                path.clone(),
                (about.ino(), about.len(), times.0, times.1, about.mode()),
            );
            if about.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

#[test]
fn what_would_serve_is_told_with_the_command_that_makes_its_webhook() {
    let grant = b"[match]\nrepo = [\"my-org/*\", \"me/data\"]\ntypes = [\"dataset\"]\n";
    let folder = folder(&[
        ("plugins/hello.wasm", &component_bytes("hello")),
        ("plugins/hello.toml", grant),
        ("hookbox.toml", b"public-url = \"https://hooks.example\"\n"),
    ]);
    let ran = check(folder.path()).run().ok();
    assert_snapshot!(told(&ran), @r#"
    note: hookbox.toml: the file of settings
    note: plugins/hello.wasm: hello 0.1.0 would run
    a host would start, and its plugin would run

    webhook of hello:
      hf webhooks create --watch dataset:me/data --watch org:my-org --domain discussion --url https://hooks.example/webhooks/hello --secret "$WEBHOOK_SECRET"
      (write user:NAME where NAME is a user's and not an organisation's)
    "#);
    assert!(!ran.stdout.contains(SECRET));
    let report = check(folder.path()).run_with(&["--json"]).ok().json();
    assert_eq!(report["ok"], true);
    assert_eq!(report["webhooks"][0]["plugin"], "hello");
    let command = report["webhooks"][0]["command"].as_str().unwrap();
    assert!(
        command.starts_with("hf webhooks create --watch "),
        "{command}"
    );
}

#[test]
fn where_nothing_tells_what_to_watch_the_command_has_places_to_fill_in() {
    let folder = folder(&[("plugins/commit-log.wasm", &component_bytes("commit-log"))]);
    let ran = check(folder.path()).run().ok();
    let webhook = ran.stdout.split_once("webhook of ").unwrap().1;
    assert_snapshot!(webhook, @r#"
    commit-log:
      hf webhooks create --watch TYPE:NAME --domain repo --url https://YOUR-HOST/webhooks/commit-log --secret "$WEBHOOK_SECRET"
      (YOUR-HOST is this host's address on the internet; public-url says it)
      (what to watch cannot be told from the grant's [match]: write TYPE:NAME with model, dataset, space, bucket, org or user)
    "#);
}

#[test]
fn a_check_changes_nothing() {
    let folder = folder(&[("plugins/hello.wasm", &component_bytes("hello"))]);
    let before = listing(folder.path());
    check(folder.path()).run().ok();
    assert_eq!(listing(folder.path()), before);
    // Nor is a ledger touched, whether a host serves it or has stopped.
    let mut host = Host::with(&["hello"]).start();
    let look = |host: &Host| {
        let before = listing(&host.data());
        let report = check(host.folder()).run_with(&["--json"]).ok().json();
        (before == listing(&host.data()), report)
    };
    let (_, report) = look(&host);
    let notes = findings(&report, "note").join("\n");
    assert!(
        notes.contains("data: a host serves it now (process "),
        "{notes}"
    );
    host.stop();
    let (untouched, report) = look(&host);
    assert!(untouched, "{report:#}");
    assert!(
        !findings(&report, "note")
            .join("\n")
            .contains("serves it now")
    );
}

#[test]
fn calls_that_a_plugin_could_not_make_are_told() {
    let grant = b"[[http]]\nhost = \"huggingface.co\"\npaths = [\"/api/**\"]\nbearer = \"env:NOT_SET_ANYWHERE\"\n";
    let folder = folder(&[
        ("plugins/hello.wasm", &component_bytes("hello")),
        ("plugins/hello.toml", grant),
        ("empty.pem", b""),
    ]);
    // Given a system without certificate authorities, and a file without one
    let command = check(folder.path())
        .env("SSL_CERT_FILE", "empty.pem")
        .env("SSL_CERT_DIR", "");
    let args = ["--json", "--ca-file", "empty.pem"];
    let report = command.run_with(&args).exits(1).json();
    assert_snapshot!(findings(&report, "error").join("\n"), @"
    --ca-file: empty.pem: it has no certificate in the PEM format
    plugins/hello.toml: line 1: credential of huggingface.co: env:NOT_SET_ANYWHERE: the environment variable is not set; set it, or name another place; until then calls to it are denied
    plugins/hello.toml: no certificate authority is known, so it can call no https; install the system's or name ca-file
    ");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let folder = folder(&[
        ("hookbox.toml", b"body-mex = \"1MiB\"\ndrain = 25\n"),
        ("plugins/hello.wasm", &component_bytes("hello")),
        ("plugins/hello.toml", b"secret = \"env:NOT_SET_ANYWHERE\"\n"),
        ("plugins/wants.wasm", &component_bytes("guest-wants-http")),
        ("plugins/broken.wasm", b"no component"),
        ("plugins/Loud.wasm", b""),
        ("plugins/alone.toml", b""),
        ("plugins/bad.wasm", &component_bytes("hello")),
        ("plugins/bad.toml", b"fule = 1\n"),
        ("data/ledger.db", b"no ledger"),
    ]);

    let command = check(folder.path()).env("HOOKBOX_LEDGER", "1d");
    let report = command.run_with(&["--json"]).exits(1).json();
    assert_eq!(report["ok"], false);
    assert_snapshot!(findings(&report, "error").join("\n"), @r#"
    hookbox.toml:1:1: `body-mex`: there is no such key; did you mean `body-max`?
    HOOKBOX_LEDGER: this version of hookbox has the embedded ledger only; leave it out
    hookbox.toml:2:9: drain = 25: a whole number, where there must be a duration in quotes, such as "30s"
    data/ledger.db: not a ledger, or damaged; restore it from a copy, or name another folder with --data
    plugins/Loud.wasm: `Loud` is not a plugin name: lower-case letters, digits, `_` and `-`, the first a letter or digit, at most 64 of them; rename the file
    plugins/bad.toml: line 1: `fule` is not a key; did you mean `fuel`?
    plugins/broken.wasm: not a WebAssembly file; build the plugin with 'hookbox build'
    plugins/hello.toml: secret: env:NOT_SET_ANYWHERE: the environment variable is not set; set it, or name another place; until then /webhooks/hello is closed
    plugins/wants.wasm: held: it requires what its grant does not give: http `huggingface.co` (it answers comments on the Hub); 'hookbox grant wants' shows the lines to add
    "#);
    let warnings = findings(&report, "warning").join("\n");
    assert!(
        warnings.contains("plugins/alone.toml: a grant without its plugin"),
        "{warnings}"
    );
}

#[test]
fn an_open_address_without_a_secret_is_an_error_and_a_short_one_a_warning() {
    let folder = folder(&[("the-secret", b"another good secret")]);
    let check = |secret: &str, flags: &[&str]| {
        let command = Cli::new(&["check", "--json"]).folder(folder.path());
        command.env("WEBHOOK_SECRET", secret).run_with(flags).json()
    };
    let open = check("", &["--listen", "0.0.0.0:0"]);
    let errors = findings(&open, "error");
    assert_snapshot!(errors.join("\n"), @"0.0.0.0:0: open to other machines, and no webhook secret is configured; set WEBHOOK_SECRET (make one with 'hookbox secret'), or say --insecure-no-secret");
    let warned = |report: &Value, text: &str| {
        let warnings = findings(report, "warning").join("\n");
        assert!(
            report["ok"] == true && warnings.contains(text),
            "{report:#}"
        );
    };
    warned(
        &check("", &["--listen", "127.0.0.1:0"]),
        "no webhook secret is configured",
    );
    warned(
        &check("short", &["--listen", "127.0.0.1:0"]),
        "shorter than 16 bytes",
    );
    warned(
        &check("", &["--listen", "0.0.0.0:0", "--insecure-no-secret"]),
        "anybody can post",
    );
    // Whoever sets one that is not used is told.
    let other = ["--listen", "127.0.0.1:0", "--secrets", "file:the-secret"];
    warned(
        &check(SECRET, &other),
        "it is set, and not used: --secrets names other secrets",
    );
}

#[test]
fn an_address_in_use_is_an_error_unless_it_is_the_host_that_runs() {
    let host = Host::with(&["hello"]).start();
    let check = |data: &str| {
        let command = Cli::new(&[
            "check",
            "--json",
            "--listen",
            host.address(),
            "--data",
            data,
        ]);
        let command = command.env("WEBHOOK_SECRET", SECRET);
        command.folder(host.folder()).run().json()
    };
    let report = check("data");
    assert_eq!(report["ok"], true, "{report:#}");
    let notes = findings(&report, "note").join("\n");
    assert!(
        notes.contains("in use, as is to be expected while a host runs"),
        "{notes}"
    );
    let report = check("other");
    let errors = findings(&report, "error");
    let expected = "in use by another program; choose another address with --listen";
    assert_eq!(errors, [format!("{}: {expected}", host.address())]);
}

#[test]
fn a_data_folder_that_cannot_be_used_is_told() {
    let folder = folder(&[
        ("plugins/hello.wasm", &component_bytes("hello")),
        ("file", b""),
    ]);
    let check = |data: &str| {
        let report = check(folder.path()).run_with(&["--json", "--data", data]);
        findings(&report.json(), "error").join("\n")
    };
    assert_snapshot!(check("file"), @"file: not a folder; name another with --data");
    assert_snapshot!(check("file/below"), @"file/below: it is not there and cannot be made; let hookbox write to the folder above, or name another with --data");
    std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
    assert_snapshot!(check("link"), @"link: a link to nothing, or one cannot look into it; name another folder with --data");
    // One that is still to be made is none of them.
    assert_eq!(check("a/b/c"), "");
}

#[test]
fn a_ledger_of_a_newer_host_is_told_without_opening_it() {
    let mut host = Host::with(&[]).start();
    host.stop();
    let ledger = host.data().join("ledger.db");
    let mut bytes = std::fs::read(&ledger).unwrap();
    // The schema's version (SQLite documentation, "Database File Format", section 1.3.13).
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&ledger, bytes).unwrap();
    let report = check(host.folder()).run_with(&["--json"]).exits(1).json();
    let errors = findings(&report, "error").join("\n");
    assert!(
        errors.starts_with("data/ledger.db: its schema is version 99, "),
        "{errors}"
    );
}

/// `check --json` in this folder, under what a shell does before.
fn check_under(script: &str, folder: &Path) -> Value {
    let mut shell = Command::new("sh");
    let shell = shell.args(["-c", &format!("{script}; exec \"$@\""), "sh"]);
    let shell = shell
        .arg(hookbox())
        .args(["check", "--json", "--listen", "127.0.0.1:0"]);
    let shell = shell.env_clear().env("WEBHOOK_SECRET", SECRET);
    let path = std::env::var_os("PATH").unwrap();
    let ran = shell
        .env("PATH", path)
        .current_dir(folder)
        .output()
        .unwrap();
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn limits_of_the_process_that_are_too_low_are_told() {
    let folder = folder(&[("plugins/hello.wasm", &component_bytes("hello"))]);
    let report = check_under("ulimit -n 200", folder.path());
    let warnings = findings(&report, "warning").join("\n");
    let expected = "connections-max: only 200 files may be open (ulimit -n), so 111 connections are served at once";
    assert!(
        report["ok"] == true && warnings.contains(expected),
        "{report:#}"
    );
    let report = check_under("ulimit -v 4000000", folder.path());
    let errors = findings(&report, "error").join("\n");
    assert!(
        errors.starts_with("concurrency: cannot reserve address space for 32 sandboxes"),
        "{report:#}"
    );
    assert!(errors.contains("(`ulimit -v`)"), "{report:#}");
}

#[test]
fn a_data_folder_that_may_not_be_written_to_is_told() {
    let folder = folder(&[("data/ledger.db", b"")]);
    let data = folder.path().join("data");
    let allow = |mode| std::fs::set_permissions(&data, Permissions::from_mode(mode)).unwrap();
    allow(0o500);
    // Root may write to everything, unless it gives that up.
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let without_power = "set -- setpriv --bounding-set=-all --inh-caps=-all \"$@\"";
    let report = check_under(if is_root { without_power } else { ":" }, folder.path());
    allow(0o700);
    let errors = findings(&report, "error").join("\n");
    assert!(
        errors.contains("data: it cannot be written to; let hookbox do that"),
        "{report:#}"
    );
}

#[test]
fn what_the_admin_listener_would_trip_over_is_told_too() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let check = |args: &[&str]| {
        let ran = Cli::new(&["check", "--listen", "127.0.0.1:0"]).folder(folder.path());
        ran.env("WEBHOOK_SECRET", SECRET).run_with(args)
    };
    std::fs::create_dir_all(folder.path().join("plugins")).unwrap();
    std::fs::create_dir(&data).unwrap();
    // A token that others may have read
    let token = data.join("admin.token");
    std::fs::write(&token, "a-token-of-the-stories\n").unwrap();
    std::fs::set_permissions(&token, Permissions::from_mode(0o644)).unwrap();
    let told = check(&["--admin", "127.0.0.1:0"]).exits(1);
    assert!(
        told.stdout.contains("others can read it (mode 644)"),
        "{told:?}"
    );
    assert!(!told.stdout.contains("a-token-of"), "{told:?}");
    std::fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
    check(&["--admin", "127.0.0.1:0"]).ok();
    // An address that is not this machine's, one that is taken, and one that is plain to others
    let told = check(&["--admin", "192.0.2.1:8001"]).exits(1);
    assert!(
        told.stdout.contains("choose another address with --admin"),
        "{told:?}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let told = check(&["--admin", &address]).exits(1);
    assert!(
        told.stdout.contains("in use by another program"),
        "{told:?}"
    );
    let told = check(&["--admin", "0.0.0.0:0"]).ok();
    assert!(told.stdout.contains("plain HTTP"), "{told:?}");
}
