//! P5b: what a plugin in each language takes: to write and to build, to compile and to load, to run, and what its
//! neighbour notices while it is compiled.

use crate::contestant::{Hookbox, Place, Plugins, Running, clean};
use crate::http::Connection;
use crate::numbers::{median, ms, quantile};
use crate::payload::Requests;
use crate::start;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The plugin that `hookbox new` makes, in every language.
const NAME: &str = "first";

/// The sample that its handler takes.
const SAMPLE: &str = "discussion-comment";

/// The longest that its compilation may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// How often it is asked meanwhile where it stands; every question is a process.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// A language, as `--lang` has it, and how its tools are installed in a project: the line of its README.
struct Language {
    name: &'static str,
    install: Option<&'static str>,
}

const LANGUAGES: &[Language] = &[
    Language {
        name: "rust",
        install: None,
    },
    Language {
        name: "python",
        install: Some(
            "python3 -m venv .venv && .venv/bin/pip install --quiet --require-hashes -r requirements.txt",
        ),
    },
    Language {
        name: "javascript",
        install: Some("npm ci --silent --ignore-scripts"),
    },
];

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Deliveries that are waited for, of each plugin.
    pub deliveries: u64,
    /// Starts with everything compiled before.
    pub starts: usize,
}

/// What a plugin in a language takes.
pub struct Written {
    /// The language.
    pub language: &'static str,
    /// Lines of its handler, as `hookbox new` makes it; empty ones, comments and tests left out.
    pub lines: usize,
    /// Seconds to install its tools in the project; none are needed besides cargo for Rust.
    pub install_s: Option<f64>,
    /// Seconds of `hookbox new`, `build` and `run` on a sample: from nothing to the first event.
    pub first_s: f64,
    /// Of these, `build`.
    pub build_s: f64,
    /// Megabytes of the component.
    pub mb: f64,
    /// Seconds from its file's coming until a host runs it.
    pub compile_s: f64,
    /// Milliseconds that it adds to a start, compiled before.
    pub load_ms: f64,
    /// Milliseconds that a sender waits for its run beyond what it waits for `hello`'s, in the median.
    pub beyond_ms: f64,
    /// Milliseconds for `hello`'s run.
    pub hello: Waits,
    /// The same while this plugin is compiled.
    pub hello_meanwhile: Waits,
}

/// How long senders waited.
pub struct Waits {
    /// Milliseconds, in the median.
    pub p50_ms: f64,
    /// The same of the slowest hundredth.
    pub p99_ms: f64,
}

impl Waits {
    fn of(waits: &[f64]) -> Self {
        Self {
            p50_ms: median(waits),
            p99_ms: quantile(waits, 0.99),
        }
    }
}

/// Makes, builds and runs a plugin in each language.
///
/// # Errors
/// If one does not come about; for Python and JavaScript their package indexes have to be within reach.
pub async fn measure(place: &Place, amount: Amount) -> Result<Vec<Written>> {
    let mut written = Vec::new();
    for language in LANGUAGES {
        eprintln!("  {}", language.name);
        let measured = one(place, language, amount).await;
        written.push(measured.with_context(|| language.name)?);
    }
    Ok(written)
}

async fn one(place: &Place, language: &Language, amount: Amount) -> Result<Written> {
    let project = Project::new(place, language).await?;
    let component = std::fs::read(&project.component)?;
    let mb = component.len() as f64 / 1e6;
    let host = Hookbox::new(place, &Plugins::Hello)?;
    let without = starts(&host, amount.starts).await?;
    let running = host.start_once().await?;
    let mut hello = Sender::to("hello", &running)?;
    let alone = hello.send_all(amount.deliveries).await?;
    // It comes while the neighbour works.
    let (compile_s, meanwhile) = compile(place, &host, &component, &mut hello).await?;
    let mut own = Sender::to(NAME, &running)?;
    let runs = own.send_all(amount.deliveries).await?;
    let beside = hello.send_all(amount.deliveries).await?;
    running.stop().await?;
    let with = starts(&host, amount.starts).await?;
    Ok(Written {
        language: language.name,
        lines: project.lines,
        install_s: project.install_s,
        first_s: project.new_s + project.build_s + project.run_s,
        build_s: project.build_s,
        mb,
        compile_s,
        load_ms: with - without,
        beyond_ms: median(&runs) - median(&beside),
        hello: Waits::of(&alone),
        hello_meanwhile: Waits::of(&meanwhile),
    })
}

/// Puts a component into the host's folder; how many seconds pass until it is loaded, and what the neighbour's senders
/// wait until then.
async fn compile(
    place: &Place,
    host: &Hookbox,
    component: &[u8],
    neighbour: &mut Sender,
) -> Result<(f64, Vec<f64>)> {
    let part = host.folder().join("plugins/.part");
    std::fs::write(&part, component)?;
    std::fs::rename(part, host.folder().join(format!("plugins/{NAME}.wasm")))?;
    let began = Instant::now();
    let mut waits = Vec::new();
    loop {
        let asked = Instant::now();
        while asked.elapsed() < ASKED_EVERY {
            waits.push(neighbour.send().await?);
        }
        let mut plugins = clean(&place.built.hookbox);
        plugins.args(["plugins", "--json", "--data", "data"]);
        let output = plugins.current_dir(host.folder()).output().await?;
        let plugins: Value = serde_json::from_slice(&output.stdout)?;
        let mut plugins = plugins.as_array().into_iter().flatten();
        let own = plugins.find(|plugin| plugin.get("name").is_some_and(|name| name == NAME));
        let state = own.and_then(|plugin| plugin.get("state")?.as_str());
        match state {
            Some("loaded") => return Ok((began.elapsed().as_secs_f64(), waits)),
            None | Some("compiling") if began.elapsed() < PATIENCE => {}
            _ => bail!("it does not get loaded: {own:?}"),
        }
    }
}

/// Milliseconds of a start, in the median of so many after the first.
async fn starts(host: &Hookbox, times: usize) -> Result<f64> {
    let mut took = Vec::new();
    for number in 0..=times {
        let (start, running) = start::start(host).await?;
        running.stop().await?;
        if number > 0 {
            took.push(ms(start));
        }
    }
    Ok(median(&took))
}

/// Whoever sends a plugin deliveries and waits for its runs.
struct Sender {
    requests: Requests,
    connection: Connection,
    sent: u64,
}

impl Sender {
    fn to(plugin: &str, running: &Running) -> Result<Self> {
        Ok(Self {
            requests: Requests::to(&format!("/webhooks/{plugin}"), "prefer: wait=20\r\n")?,
            connection: Connection::new(running.address),
            sent: 0,
        })
    }

    /// How many milliseconds it waits.
    async fn send(&mut self) -> Result<f64> {
        self.sent += 1;
        let mut request = Vec::new();
        self.requests.write(self.sent, &mut request);
        let began = Instant::now();
        let status = self.connection.exchange(&request).await?;
        let waited = ms(began.elapsed());
        ensure!(status == 200, "a delivery is answered {status}");
        let answer: Value = serde_json::from_slice(self.connection.body())?;
        let outcome = answer.pointer("/runs/0/outcome").and_then(Value::as_str);
        ensure!(outcome == Some("done"), "a run ended otherwise: {answer}");
        Ok(waited)
    }

    async fn send_all(&mut self, deliveries: u64) -> Result<Vec<f64>> {
        let mut waits = Vec::new();
        // The first ones find caches cold.
        let warm_up = deliveries / 10;
        for number in 0..deliveries + warm_up {
            let waited = self.send().await?;
            if number >= warm_up {
                waits.push(waited);
            }
        }
        Ok(waits)
    }
}

/// A project as `hookbox new` makes it, built.
struct Project {
    lines: usize,
    new_s: f64,
    install_s: Option<f64>,
    build_s: f64,
    run_s: f64,
    component: PathBuf,
    _folder: TempDir,
}

impl Project {
    async fn new(place: &Place, language: &Language) -> Result<Self> {
        let folder = TempDir::with_prefix_in("new-", &place.work)?;
        let hookbox = &place.built.hookbox;
        let new = ["new", NAME, "--lang", language.name];
        let new_s = timed(hookbox, &new, folder.path()).await?;
        let project = folder.path().join(NAME);
        let lines = lines(&project.join("src"))?;
        let install_s = match language.install {
            Some(line) => Some(timed(Path::new("sh"), &["-c", line], &project).await?),
            None => None,
        };
        let build_s = timed(hookbox, &["build", "-o", "built"], &project).await?;
        let component = project.join("built").join(format!("{NAME}.wasm"));
        let run_s = timed(
            hookbox,
            &["run", &component.to_string_lossy(), SAMPLE],
            &project,
        )
        .await?;
        Ok(Self {
            lines,
            new_s,
            install_s,
            build_s,
            run_s,
            component,
            _folder: folder,
        })
    }
}

/// Runs a command to its end; how many seconds it took.
async fn timed(program: &Path, args: &[&str], folder: &Path) -> Result<f64> {
    let mut command = clean(program);
    for (name, _) in std::env::vars_os() {
        // A cargo above this one would have others of its own build differently.
        if name.to_string_lossy().starts_with("CARGO_") {
            command.env_remove(name);
        }
    }
    let began = Instant::now();
    let output = command
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .await
        .with_context(|| program.display().to_string())?;
    ensure!(
        output.status.success(),
        "{} {}: {}{}",
        program.display(),
        args.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(began.elapsed().as_secs_f64())
}

/// The lines that a handler takes: comments, empty ones, and what follows `#[cfg(test)]` do not count.
fn lines(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(entry?.path())?;
        let code = text.lines().take_while(|line| *line != "#[cfg(test)]");
        let is_comment = |line: &str| {
            ["//", "#!", "# ", "/*", "*", "\"\"\""]
                .iter()
                .any(|start| line.starts_with(start))
        };
        count += code
            .map(str::trim)
            .filter(|line| !line.is_empty() && !is_comment(line))
            .count();
    }
    Ok(count)
}
