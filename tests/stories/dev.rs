//! `hookbox dev`: projects are built and served while they are written, and nothing outlives it.

use hookbox_tests::{Cli, Dev, DevBuilder, event, eventually, processes_in};
use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long an end may take.
const END: Duration = Duration::from_secs(20);

/// How long the first build may take.
const BUILD: Duration = Duration::from_secs(240);

/// Posts a comment; returns the answer's status.
#[track_caller]
fn comment(dev: &Dev, secret: Option<&str>) -> u16 {
    let comment = event("discussion.comment", "create", "org/repo");
    dev.hub(secret).deliver(&comment).send().status
}

#[track_caller]
fn nothing_is_left(dev: &Dev) {
    let folder = dev.folder();
    eventually(END, || processes_in(folder).is_empty().then_some(()));
}

#[test]
fn a_run_is_shown_as_it_happens_with_its_log() {
    let mut dev = Dev::with(
        "dev-shown",
        "log::warn!(\"a\\u{1b}[31mb\\nc\"); done(event.payload()?.repo.name.clone())",
    )
    .start();
    dev.says("admin page on http://127.0.0.1:");
    dev.says("dev-shown 0.1.0 is loaded (sha256:");
    dev.says("/webhooks into https://huggingface.co/settings/webhooks");
    let command = dev.says("hookbox send discussion-comment --to ");
    assert_eq!(command, format!("{}/webhooks", dev.url()));
    dev.says("hookbox deliveries list --data .hookbox/data");
    let sent = Cli::new(&["send", "discussion-comment", "--to"]).arg(command);
    sent.run().ok();
    dev.says("dev-shown  done  some-user/some-repo  ");
    dev.says(" ms  discussion.comment create on some-user/some-repo\n");
    // What a plugin says cannot colour the terminal.
    dev.says("warn   dev_shown: a\\u{1b}[31mb\n                    c\n");
    // ./plugins and git are left alone.
    assert!(!dev.folder().join("plugins").exists());
    let kept = dev.folder().join(".hookbox");
    let ignored = std::fs::read_to_string(kept.join(".gitignore")).unwrap();
    for entry in std::fs::read_dir(&kept).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let mut lines = ignored.lines().map(|line| line.trim_matches('/'));
        assert!(lines.any(|line| line == name), "{name}");
    }
}

#[test]
fn a_panic_is_shown_with_the_line_of_the_plugins_own_source() {
    let mut dev = Dev::with(
        "dev-panics",
        "let none: Vec<u8> = Vec::new();\n    done(none[event.scope().len()].to_string())",
    )
    .start();
    assert_eq!(comment(&dev, None), 202);
    dev.says("dev-panics  trapped  ");
    dev.says("index out of bounds");
    dev.says("wasm trap: ");
    let first = dev.says("\n    at ");
    assert!(first.ends_with("(dev-panics/src/lib.rs:10)"), "{first}");
    dev.says("\n  again in ");
    // Neither the standard library nor glue stands between.
    assert!(!dev.said().contains("/library/"), "{}", dev.said());
}

#[test]
fn one_project_that_does_not_build_keeps_no_other_from_being_served() {
    let mut dev = DevBuilder::new()
        .plugin("dev-broken", "this is not Rust")
        .plugin("dev-sound", "let _ = event; done(\"sound\")")
        .start();
    assert!(dev.said().contains("dev-broken: the plugin does not build"));
    assert!(dev.stderr().contains("error: "), "{}", dev.stderr());
    assert_eq!(comment(&dev, None), 202);
    dev.says("dev-sound  done  sound  ");
    dev.save_plugin("dev-broken", "let _ = event; done(\"mended\")");
    dev.says("dev-broken: rebuilt in ");
    let component = dev.folder().join(".hookbox/plugins/dev-broken.wasm");
    assert!(component.is_file());
    dev.save_plugin("dev-broken", "broken again");
    dev.says("dev-broken: the plugin does not build; its compiler's messages are above; the version before goes on");
    assert!(component.is_file());
}

#[test]
fn what_a_plugin_is_built_from_is_watched_with_it() {
    let builder = Dev::with("dev-parts", "let _ = event; done(dev_part::WORD)");
    let mut dev = builder
        .package("dev-part", "", "pub const WORD: &str = \"one\";\n")
        .file(
            "dev-parts/Cargo.toml",
            &format!(
                "[package]\nname = \"dev-parts\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[lib]\n\
                 crate-type = [\"cdylib\"]\n\n[dependencies]\ndev-part = {{ path = \"../dev-part\" }}\n\
                 hookbox-sdk = {{ path = {:?} }}\n",
                hookbox_tests::workspace().join("sdk")
            ),
        )
        .start();
    dev.says("try in another terminal");
    dev.save("dev-part/src/lib.rs", "pub const WORD: &str = \"two\";\n");
    assert!(!dev.says("dev-parts: rebuilt in ").contains("unchanged"));
    dev.save(
        "dev-part/src/lib.rs",
        "// Two.\npub const WORD: &str = \"two\";\n",
    );
    assert!(dev.says("dev-parts: rebuilt in ").ends_with(", unchanged"));
    // A grant beside the manifest is the plugin's.
    dev.save("dev-parts/dev-parts.toml", "fuel = 1_000_000\n");
    dev.says("dev-parts: has another grant");
    let grant = std::fs::read_to_string(dev.folder().join(".hookbox/plugins/dev-parts.toml"));
    assert_eq!(grant.unwrap(), "fuel = 1_000_000\n");
}

#[test]
fn what_is_no_project_is_refused_before_anything_is_made() {
    let empty = DevBuilder::new().file("x/readme", "").arg("x");
    assert_eq!(
        empty.run().exits(2).stderr,
        "error: x: no Cargo.toml, pyproject.toml or package.json there; give the folder of a plugin project\n"
    );
    let two = DevBuilder::new()
        .package("dev-twice", "", "")
        .file(
            "other/Cargo.toml",
            "[package]\nname = \"dev-twice\"\n[workspace]\n",
        )
        .file("other/src/lib.rs", "");
    let ran = two.arg("dev-twice").arg("other").run().exits(2);
    assert_eq!(
        ran.stderr,
        "error: dev-twice and other are both the plugin `dev-twice`; give one of them, or another name to one\n"
    );
}

#[test]
fn a_folder_is_one_hosts_and_serves_what_it_was_given() {
    let first = Dev::with("dev-first", "let _ = event; done(\"first\")")
        .file(".hookbox/plugins/dev-stale.wasm", "of another time")
        .start();
    assert!(
        !first
            .folder()
            .join(".hookbox/plugins/dev-stale.wasm")
            .exists()
    );
    let second = DevBuilder::of(first.folder()).arg("dev-first").run();
    let stderr = second.exits(1).stderr;
    assert!(
        stderr.contains("another `hookbox dev` runs in this folder"),
        "{stderr}"
    );
}

/// A client that shows its environment, and starts another that would outlive it.
const CLIENT: &str = "env; echo at {url} {port}; sleep 1000 & sleep 1000";

#[test]
fn a_tunnel_client_sees_no_secret_and_is_ended_with_all_it_started() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut dev = Dev::with("dev-tunnel", "let _ = event; done(\"\")")
            .arg("--tunnel")
            .arg(CLIENT)
            .env("HOOKBOX_SECRETS", "env:WEBHOOK_SECRET,env:MY_SECRET")
            .env("WEBHOOK_SECRET", "hunter2-of-the-story")
            .env("MY_SECRET", "hunter2-of-my-own")
            .env("HF_TOKEN", "hunter2-of-the-hub")
            .env("HOOKBOX_DRAIN", "1s")
            .start();
        let shown = dev.says("tunnel | at ");
        let port = dev.url().rsplit(':').next().unwrap_or_default().to_owned();
        assert_eq!(shown, format!("{} {port}", dev.url()));
        let said = dev.said();
        assert!(
            said.contains("tunnel | PATH=") && !said.contains("hunter2"),
            "{said}"
        );
        assert!(!said.contains("HOOKBOX_"), "{said}");
        let sleeping = || {
            processes_in(dev.folder())
                .iter()
                .filter(|name| *name == "sleep")
                .count()
        };
        eventually(END, || (sleeping() == 2).then_some(()));
        // Told to it alone: a terminal would tell its children, too.
        dev.signal(signal);
        assert_eq!(dev.ended(), Some(0));
        nothing_is_left(&dev);
    }
}

#[test]
fn where_nobody_reads_its_output_any_more_it_ends_in_order() {
    let dev = Dev::with("dev-unread", "let _ = event; done(\"\")");
    let chatty = "while :; do echo on and on; sleep 0.1; done";
    let mut dev = dev.arg("--tunnel").arg(chatty).read_by("head -n 4").begin();
    assert_eq!(dev.ended(), Some(0));
    nothing_is_left(&dev);
    assert!(!dev.stderr().contains("panicked"), "{}", dev.stderr());
}

#[test]
fn a_terminal_that_is_paused_does_not_keep_it_from_ending() {
    // Given output that nobody takes, and a client that never stops
    let dev = Dev::with("dev-paused", "let _ = event; done(\"\")");
    let mut dev = dev.arg("--tunnel").arg("yes").read_by("sleep 1000").begin();
    let runs = |name: &str| {
        processes_in(dev.folder())
            .iter()
            .any(|process| process == name)
    };
    eventually(BUILD, || runs("yes").then_some(()));
    // When it is told to stop, once
    dev.signal_by_name("hookbox", Signal::INT);
    // Then neither it nor its client stays
    eventually(END, || (!runs("hookbox") && !runs("yes")).then_some(()));
    dev.signal_by_name("sleep", Signal::TERM);
    dev.ended();
}

#[test]
fn a_tunnel_makes_a_secret_that_stays() {
    let mut dev = Dev::with("dev-secret", "let _ = event; done(\"\")")
        .arg("--tunnel")
        .arg("exit 3")
        .start();
    let file = dev.folder().join(".hookbox/webhook.secret");
    let secret = std::fs::read_to_string(&file)
        .unwrap()
        .trim_end()
        .to_owned();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!((secret.len(), mode & 0o777), (64, 0o600));
    dev.says(&format!(
        "with the secret {secret} (kept in .hookbox/webhook.secret)"
    ));
    dev.says("--secret \"$(cat .hookbox/webhook.secret)\"");
    dev.says("tunnel | ended (exit status: 3)");
    assert_eq!(comment(&dev, None), 401);
    assert_eq!(comment(&dev, Some(&secret)), 202);
    // The next time it is the same one, and no longer shown.
    dev.signal(Signal::INT);
    assert_eq!(dev.ended(), Some(0));
    let again = DevBuilder::of(dev.folder()).arg("dev-secret");
    let mut again = again.arg("--tunnel").arg("exit 0").start();
    again.says("with the secret in .hookbox/webhook.secret");
    assert_eq!(comment(&again, Some(&secret)), 202);
    assert!(!again.said().contains(&secret));
}

#[test]
fn a_signal_during_the_first_build_ends_the_compiler_too() {
    let lint = "[lints.rust]\nlong_running_const_eval = \"allow\"\n";
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut dev = DevBuilder::new()
            .package("dev-endless", lint, "pub const NEVER: () = loop {};\n")
            .arg("dev-endless")
            .begin();
        let folder = dev.folder().to_owned();
        let compiles = || processes_in(&folder).iter().any(|name| name == "rustc");
        eventually(END, || compiles().then_some(()));
        dev.signal(signal);
        assert_eq!(dev.ended(), Some(code));
        nothing_is_left(&dev);
        assert!(dev.stderr().lines().all(|line| !line.starts_with("error")));
    }
}

#[test]
fn what_is_saved_is_swapped_in_without_a_lost_delivery() {
    let mut dev = Dev::with("dev-swapped", "let _ = event; done(\"before\")").start();
    dev.says("dev-swapped 0.1.0 is loaded (sha256:");
    assert_eq!(comment(&dev, None), 202);
    dev.says("dev-swapped  done  before  ");
    let (hub, over) = (dev.hub(None), AtomicBool::new(false));
    let posted = std::thread::scope(|scope| {
        let _over = hookbox_tests::Raise(&over);
        let posting = scope.spawn(|| {
            let comment = event("discussion.comment", "create", "org/repo");
            let mut statuses = vec![hub.deliver(&comment).send().status];
            while !over.load(Ordering::Acquire) {
                statuses.push(hub.deliver(&comment).send().status);
            }
            statuses
        });
        dev.save_plugin("dev-swapped", "let _ = event; done(\"after\")");
        dev.says("dev-swapped: rebuilt in ");
        dev.says("dev-swapped 0.1.0 is loaded (sha256:");
        dev.says("dev-swapped  done  after  ");
        over.store(true, Ordering::Release);
        posting.join().unwrap()
    });
    assert!(posted.iter().all(|status| *status == 202), "{posted:?}");
    let list = [
        "deliveries",
        "list",
        "--all",
        "--json",
        "--data",
        ".hookbox/data",
    ];
    eventually(END, || {
        let listed = Cli::new(&list).folder(dev.folder()).run().ok().json();
        let listed = listed.as_array().cloned().unwrap_or_default();
        assert_eq!(listed.len(), posted.len() + 1);
        let settled = |delivery: &Value| delivery["state"] == "settled";
        listed.iter().all(settled).then_some(())
    });
}

#[test]
fn what_is_no_plugin_leaves_the_version_before_where_it_is() {
    let mut dev = Dev::with("dev-kept", "let _ = event; done(\"kept\")").start();
    dev.says("dev-kept 0.1.0 is loaded (sha256:");
    dev.save("dev-kept/src/lib.rs", "pub fn nothing() {}\n");
    dev.says("dev-kept: rebuilt in ");
    dev.says("; the version before goes on");
    assert_eq!(comment(&dev, None), 202);
    dev.says("dev-kept  done  kept  ");
}

#[test]
fn what_never_built_is_served_as_soon_as_it_does() {
    let mut dev = Dev::with("dev-late", "this is not Rust").start();
    assert_eq!(comment(&dev, None), 202);
    dev.save_plugin("dev-late", "let _ = event; done(\"late\")");
    dev.says("dev-late 0.1.0 is loaded (sha256:");
    assert_eq!(comment(&dev, None), 202);
    dev.says("dev-late  done  late  ");
}
