//! The commands of the README's first screen do what it says.

use hookbox_tests::{Cli, Host, SECRET, workspace};
use tempfile::TempDir;

/// The commands of the shell blocks above the first section about what the project is, as words.
fn commands() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let screen = text.split("\n## What it is").next().unwrap_or_default();
    let blocks = screen
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default());
    blocks
        .flat_map(str::lines)
        .map(|line| line.split(" #").next().unwrap_or_default())
        .flat_map(|line| line.split("&&"))
        .filter_map(|command| {
            let words: Vec<&str> = command.split_whitespace().collect();
            let args = match words.as_slice() {
                ["cargo", "run", "--", args @ ..] | ["hookbox", args @ ..] => args,
                _ => return None,
            };
            Some(args.iter().map(|arg| (*arg).to_owned()).collect())
        })
        .collect()
}

#[test]
fn the_first_screen_builds_serves_and_sends() {
    let names: Vec<String> = commands()
        .into_iter()
        .filter_map(|command| command.into_iter().next())
        .collect();
    for name in ["build", "serve", "send"] {
        assert!(
            names.iter().any(|found| found == name),
            "{name} is not among {names:?}"
        );
    }
}

#[test]
fn every_command_on_the_first_screen_is_one_that_there_is() {
    for command in commands() {
        let name = command.first().unwrap();
        let help = Cli::new(&[name, "--help"]).run().ok().stdout;
        let flags = command.iter().filter(|word| word.starts_with('-'));
        for flag in flags {
            let flag = flag.split('=').next().unwrap();
            assert!(
                help.contains(&format!("{flag} ")),
                "hookbox {name} has no {flag}"
            );
        }
    }
}

#[test]
fn what_the_first_screen_builds_is_served_and_handles_what_it_sends() {
    let folder = TempDir::new().unwrap();
    let built = folder.path().to_str().unwrap();
    let mut host = Host::with(&[]).start();
    for mut command in commands() {
        match command.first().map(String::as_str) {
            Some("build") => {
                // As written, but for the folder that it writes to.
                if let Some(at) = command
                    .iter()
                    .position(|word| word == "-o" || word == "--out")
                {
                    command[at + 1] = built.to_owned();
                } else {
                    command.extend(["-o".to_owned(), built.to_owned()]);
                }
                let path = Cli::new(&command).folder(workspace()).run().ok().stdout;
                let name = path.trim_end().rsplit('/').next().unwrap();
                host.put(name, std::fs::read(path.trim_end()).unwrap());
                host.restart();
            }
            Some("send") => {
                let to = format!("{}/webhooks", host.url());
                let send = Cli::new(&command)
                    .arg("--to")
                    .arg(to)
                    .env("WEBHOOK_SECRET", SECRET);
                let answer = send.run_with(&["--json"]).ok().json();
                assert_eq!(answer["runs"][0]["outcome"], "done", "{answer:#}");
            }
            Some("deliveries") => {
                let words: Vec<&str> = command.iter().map(String::as_str).collect();
                assert!(host.cli(&words).ok().stdout.contains("settled"));
            }
            _ => {}
        }
    }
}
