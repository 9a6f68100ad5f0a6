//! The README's first screen is true: its commands, run as they stand there, do what it says.

use hookbox_tests::{
    Cli, DevBuilder, SECRET, component, eventually, is_known, markdown, processes_in, story_target,
    workspace,
};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What of the workspace is no source.
const NOT_COPIED: &[&str] = &[".git", "target", ".hookbox", "plugins-dir", "data"];

/// The commands of the shell blocks above the first section about what the project is, as words.
fn commands() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let screen = text.split("\n## What it is").next().unwrap_or_default();
    let blocks = markdown::fences(screen).into_iter();
    let shell = blocks.filter(|fence| fence.language == "sh");
    shell
        .flat_map(|fence| markdown::commands(&fence.text))
        .filter_map(|command| {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let args = match words.as_slice() {
                ["cargo", "run", "--", args @ ..] | ["hookbox", args @ ..] => args,
                _ => return None,
            };
            Some(args.iter().map(|arg| (*arg).to_owned()).collect())
        })
        .collect()
}

/// The one command of the first screen with this name.
#[track_caller]
fn command(name: &str) -> Vec<String> {
    let found: Vec<_> = commands()
        .into_iter()
        .filter(|command| command.first().is_some_and(|first| first == name))
        .collect();
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found.into_iter().next().unwrap_or_default()
}

/// A copy of the workspace, as somebody has it who has just cloned it. It is always at the same place: cargo knows
/// what it built by that.
fn clone() -> PathBuf {
    let folder = story_target().join("clone");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    copy(workspace(), &folder);
    folder.canonicalize().unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry
            .map(|entry| (entry.path(), entry.file_name()))
            .unwrap();
        if NOT_COPIED.iter().any(|not| name == *not) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else if path.is_file() {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

#[test]
fn every_command_on_the_first_screen_is_one_that_there_is() {
    assert_eq!(commands().first().unwrap().first().unwrap(), "dev");
    for command in commands() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        is_known(&words);
    }
}

#[test]
fn the_first_screen_builds_serves_and_shows_the_run() {
    let clone = clone();
    let builder = command("dev")
        .iter()
        .skip(1)
        .fold(DevBuilder::of(&clone), |builder, arg| builder.arg(arg));
    // As `cargo run` starts it: what it proposes can be copied as it stands.
    let mut dev = builder.env("CARGO", "cargo").start();
    dev.says("hello 0.1.0 is loaded (sha256:");
    dev.says("into https://huggingface.co/settings/webhooks");
    dev.says("cargo run -- send discussion-comment");
    let sample = command("send");
    // As written, but for the port, which is whichever was free.
    let sent = Cli::new(&sample).arg("--to");
    sent.arg(format!("{}/webhooks", dev.url())).run().ok();
    dev.says("hello  done  hello 61d2000c3c2083e1c08af22d  ");
    dev.says(" fuel  ");
    dev.says("info   hello: 61d2000c3c2083e1c08af22d said on some-user/some-repo: ");
    // And then: edit, save, see the other one run.
    let source = std::fs::read_to_string(clone.join("plugins/hello/src/lib.rs")).unwrap();
    dev.save(
        "plugins/hello/src/lib.rs",
        &source.replace("\"hello {who}\"", "\"good day {who}\""),
    );
    dev.says("hello 0.1.0 is loaded (sha256:");
    let sent = Cli::new(&sample).arg("--to");
    sent.arg(format!("{}/webhooks", dev.url())).run().ok();
    dev.says("hello  done  good day 61d2000c3c2083e1c08af22d  ");
    dev.signal(Signal::INT);
    assert_eq!(dev.ended(), Some(0));
    eventually(Duration::from_secs(20), || {
        processes_in(&clone).is_empty().then_some(())
    });
}

#[test]
fn what_is_built_for_production_is_served_from_the_plugins_folder() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut build = command("build");
    // As written, but for where the sources are.
    build[1] = workspace().join(&build[1]).to_str().unwrap().to_owned();
    let built = Cli::new(&build).folder(folder.path()).run().ok().stdout;
    assert_eq!(built, "plugins/hello.wasm\n");
    assert_eq!(command("serve").len(), 1);
    let mut host = hookbox_tests::Host::with(&[])
        .file(
            "hello.wasm",
            std::fs::read(folder.path().join(built.trim_end())).unwrap(),
        )
        .start();
    assert_eq!(host.plugin("hello")["state"], "loaded");
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn what_the_readme_of_each_guide_says_leads_to_a_plugin_that_would_run() {
    for name in [
        "discussion-bot",
        "auto-retrain",
        "metadata-review",
        "space-ci",
    ] {
        let own = workspace().join("plugins").join(name);
        let readme = std::fs::read_to_string(own.join("README.md")).unwrap();
        let named = [
            format!("cp plugins/{name}/{name}.toml plugins/ "),
            format!("hookbox build plugins/{name} -o plugins "),
            "hookbox check && hookbox serve ".to_owned(),
        ];
        assert!(named.iter().all(|line| readme.contains(line)), "{readme}");
        let token = readme.split("export ").nth(1).unwrap().split('=').next();
        // When the grant and the component lie beside each other, and the variable is set
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        let grant = format!("{name}.toml");
        std::fs::copy(own.join(&grant), plugins.join(&grant)).unwrap();
        std::fs::copy(component(name), plugins.join(format!("{name}.wasm"))).unwrap();
        let check = Cli::new(&["check"]).folder(folder.path());
        let check = check
            .env(token.unwrap(), "hf_x")
            .env("WEBHOOK_SECRET", SECRET);
        let told = check.run().ok().stdout;
        // Then it would run, and the webhook is told
        assert!(told.contains("its plugin would run"), "{told}");
        assert!(told.contains(&format!("/webhooks/{name} ")), "{told}");
    }
}
