//! Everything that a host says and keeps, searched for secrets.

use crate::canary::{Canary, Searched};
use crate::cli::{Cli, Ran};
use crate::host::Host;
use crate::http::Answer;
use serde_json::Value;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What anybody can ask of the public listener.
const PAGES: &[&str] = &["/", "/healthz", "/readyz", "/nowhere", "/webhooks"];

/// What the operator can ask of the admin listener, besides one page and one answer for each delivery and run.
const OPERATORS: &[&str] = &[
    "/",
    "/login",
    "/metrics",
    "/api/v1/deliveries",
    "/api/v1/runs",
    "/api/v1/plugins",
    "/api/v1/requests",
    "/api/v1/health",
    "/api/v1/openapi.json",
    "/nowhere",
];

/// The commands that print what is kept.
const COMMANDS: &[&[&str]] = &[
    &["plugins"],
    &["plugins", "--json"],
    &["deliveries", "list", "--all"],
    &["deliveries", "list", "--all", "--json"],
    &["deliveries", "export"],
];

/// Everything that was said or kept, and where.
#[derive(Default)]
pub struct Surfaces(Vec<(String, Vec<u8>)>);

impl Surfaces {
    /// Adds what was found in a place.
    pub fn add(&mut self, place: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.0.push((place.into(), content.into()));
    }

    /// Adds an answer, head and body.
    pub fn answer(&mut self, place: &str, answer: &Answer) {
        self.add(place, format!("{:?}\n{}", answer.headers, answer.body));
    }

    /// What a running host says and keeps by now.
    #[track_caller]
    pub fn look(&mut self, host: &Host) {
        for page in PAGES {
            self.answer(page, &host.hub().request("GET", page).send());
        }
        let admin = host.admin();
        for path in OPERATORS {
            self.answer(path, &admin.get(path).send());
        }
        for delivery in host.deliveries() {
            let id = id(&delivery);
            for path in ["/deliveries", "/api/v1/deliveries"] {
                self.answer(path, &admin.get(&format!("{path}/{id}")).send());
            }
        }
        for run in admin.json("/api/v1/runs").as_array().into_iter().flatten() {
            let id = id(run);
            let path = format!("/api/v1/runs/{id}/attempts");
            self.answer("attempts", &admin.get(&path).send());
        }
        self.command("requests", &host.cli(&["requests"]));
        self.command("requests --json", &host.cli(&["requests", "--json"]));
        self.look_at_rest(host);
    }

    /// The same of one that may have stopped.
    #[track_caller]
    pub fn look_at_rest(&mut self, host: &Host) {
        self.add("log", host.log());
        self.add("standard output", host.printed());
        for command in COMMANDS {
            self.command(&format!("{command:?}"), &host.cli(command));
        }
        for delivery in host.deliveries() {
            let id = id(&delivery);
            self.command("show", &host.cli(&["deliveries", "show", id]));
            self.command(
                "show --json",
                &host.cli(&["deliveries", "show", id, "--json"]),
            );
        }
        for path in files(&host.data()) {
            // A file may go while it is looked for, as the ledger's log does at a stop.
            if let Ok(bytes) = std::fs::read(&path) {
                self.add(path.display().to_string(), bytes);
            }
        }
    }

    /// Adds what a command printed.
    pub fn command(&mut self, place: &str, ran: &Ran) {
        self.add(place, format!("{}\n{}", ran.stdout, ran.stderr));
    }

    /// A command fails, and says why.
    #[track_caller]
    pub fn fails(&mut self, case: &str, command: Cli) {
        let ran = command.env("RUST_LOG", "trace").run();
        assert!(
            ran.code != Some(0) && ran.stderr.contains(": "),
            "{case}: {ran:?}"
        );
        self.command(case, &ran);
    }

    /// None of the secrets is in any of it.
    #[track_caller]
    pub fn hold_none_of(&self, canaries: &[&Canary]) {
        let mut seen = HashSet::new();
        // Much is said and kept several times.
        for (place, content) in self.0.iter().filter(|(_, content)| seen.insert(content)) {
            let searched = Searched::new(content);
            for canary in canaries {
                let found = canary.forms_in(&searched);
                assert!(
                    found.is_empty(),
                    "the secret of {} is in {place}, as {found:?}:\n{}",
                    canary.place,
                    String::from_utf8_lossy(content.get(..8_000).unwrap_or(content))
                );
            }
        }
    }

    /// How many of them hold a text: what is looked through is what was meant to be.
    #[must_use]
    pub fn holding(&self, text: &str) -> usize {
        let holds = |content: &[u8]| String::from_utf8_lossy(content).contains(text);
        self.0.iter().filter(|(_, content)| holds(content)).count()
    }
}

#[track_caller]
fn id(told: &Value) -> &str {
    let id = told.get("id").and_then(Value::as_str);
    id.unwrap_or_else(|| panic!("it has no id: {told}"))
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
