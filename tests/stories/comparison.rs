//! `docs/comparison.md` is true where a test can tell: its lines are counted, and the bots are what it says.

use hookbox_tests::{FakeHubApi, Guide, Host, workspace};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const REPO: &str = "models/my-org/demo";

fn folder() -> PathBuf {
    workspace().join("docs/comparison")
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(folder().join(path)).unwrap()
}

/// The files of the bots, and how many lines each has that are neither blank, nor a comment, nor the file's header.
fn counted() -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let own = path.strip_prefix(folder()).unwrap().display().to_string();
            let comment = match own.ends_with(".rs") {
                true => "//",
                false => "#",
            };
            let text = read(&own);
            let lines = text.lines().map(str::trim);
            let code = lines.filter(|line| {
                !line.is_empty() && !line.starts_with(comment) && !line.starts_with("\"\"\"")
            });
            found.insert(own, code.count());
        }
    }
    found
}

/// The same as the page has it: rows whose first cell is a file and whose last one is a number.
fn claimed() -> BTreeMap<String, usize> {
    let page = std::fs::read_to_string(workspace().join("docs/comparison.md")).unwrap();
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let file = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        Some((file.to_owned(), cells.next_back()?.parse().ok()?))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn the_lines_that_the_comparison_claims_are_those_that_there_are() {
    assert_eq!(claimed(), counted());
}

#[test]
fn the_python_bot_of_the_comparison_is_python() {
    let kept = tempfile::tempdir().unwrap();
    let compiled = Command::new("python3")
        .args(["-m", "py_compile"])
        .arg(folder().join("huggingface_hub.py"))
        .env("PYTHONPYCACHEPREFIX", kept.path())
        .output();
    // A bare `cargo test` needs nothing but rustup.
    let Ok(compiled) = compiled else {
        println!("there is no python3 here: the bot is not compiled");
        return;
    };
    let told = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{told}");
}

#[test]
fn the_spin_bot_of_the_comparison_may_call_the_two_hosts_that_it_names() {
    let manifest: toml::Table = read("spin/spin.toml").parse().unwrap();
    let component = &manifest["component"]["mention-bot"];
    let bot = read("spin/src/lib.rs");
    let hosts = component["allowed_outbound_hosts"].as_array().unwrap();
    assert_eq!(bot.matches("\"https://").count(), hosts.len());
    for host in hosts {
        assert!(bot.contains(&host.to_string()), "{host}");
    }
    let variables = component["variables"].as_table().unwrap();
    assert_eq!(bot.matches("variables::get(\"").count(), variables.len());
    for (name, value) in variables {
        assert!(bot.contains(&format!("variables::get(\"{name}\")")));
        assert_eq!(value.as_str().unwrap(), format!("{{{{ {name} }}}}"));
        assert!(manifest["variables"].get(name).is_some(), "{name}");
    }
    let cargo: toml::Table = read("spin/Cargo.toml").parse().unwrap();
    let page = std::fs::read_to_string(workspace().join("docs/comparison.md")).unwrap();
    let version = cargo["dependencies"]["spin-sdk"].as_str().unwrap();
    assert!(page.contains(&format!("Rust SDK {version}")), "{version}");
}

#[test]
fn the_bot_of_the_comparison_answers_once_and_never_itself() {
    // Given a Hub with a discussion, and a host with the bot by the grant that is shown
    let hub = FakeHubApi::start();
    hub.has(REPO, &[]);
    let num = hub.opens(REPO, "Licence", "What may I do with it?");
    hub.model_says("It is Apache-2.0, says @my-bot.");
    let grant = hub.granted(&read("hookbox/mention-bot.toml"));
    let host = hub.known_to(Host::with(&["mention-bot"]).grant("mention-bot", &grant));
    let host = host.start();
    host.plugin_when("mention-bot", |plugin| plugin["own_account"].is_object());
    let guide = Guide { hub, host };
    // When somebody says something, mentions it, and it has answered
    let said = guide.hub.comments(REPO, num, "Which licence is it?");
    guide.leaves_alone(&said);
    let asked = guide
        .hub
        .comments(REPO, num, "@my-bot, which licence is it?");
    let (outcomes, told) = guide.handles(&asked);
    // Then there is one answer, and that one starts nothing although it mentions the bot
    assert_eq!(
        (outcomes, told.as_str()),
        (vec!["done".to_owned()], "answered in my-org/demo#1")
    );
    let answers = guide.hub.answers(REPO, num);
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].starts_with("It is Apache-2.0, says @my-bot."));
    let own = guide.hub.last_event("discussion.comment", "create");
    guide.leaves_alone(&own);
}
