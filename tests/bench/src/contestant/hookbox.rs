//! `hookbox serve` as an operator starts it: every setting at its default, a data folder on the measured disk.

use super::{Place, Running, clean};
use crate::http::Connection;
use anyhow::{Context as _, Result, ensure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

/// The operator's token.
const TOKEN: &str = "a-token-of-the-benchmarks-of-some-length";

/// What its plugins folder holds.
pub enum Plugins {
    /// Nothing.
    None,
    /// `hello`, with the default grant.
    Hello,
    /// So many versions of `hello`, each of other bytes.
    Versions(u8),
    /// These files.
    Files(Vec<(String, Vec<u8>)>),
}

/// A host that is about to be started; its folder goes with it.
pub struct Hookbox {
    program: PathBuf,
    folder: TempDir,
}

impl Hookbox {
    /// One with these plugins and a new ledger.
    ///
    /// # Errors
    /// If its folder cannot be made.
    pub fn new(place: &Place, plugins: &Plugins) -> Result<Self> {
        let folder = TempDir::with_prefix_in("hookbox-", &place.work)?;
        let dir = folder.path().join("plugins");
        std::fs::create_dir(&dir)?;
        let hello = std::fs::read(&place.built.hello)?;
        match plugins {
            Plugins::None => {}
            Plugins::Hello => std::fs::write(dir.join("hello.wasm"), hello)?,
            Plugins::Files(files) => {
                for (name, bytes) in files {
                    std::fs::write(dir.join(name), bytes)?;
                }
            }
            Plugins::Versions(versions) => {
                for version in 0..*versions {
                    // A custom section (WebAssembly core specification, 5.5.3): id, length, name, content.
                    let bytes = [&hello[..], &[0, 3, 1, b'v', version]].concat();
                    std::fs::write(dir.join(format!("hello-{version}.wasm")), bytes)?;
                }
            }
        }
        Ok(Self {
            program: place.built.hookbox.clone(),
            folder,
        })
    }

    /// What it is started in: `plugins` and `data` lie there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it; its folder goes with the process.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start(self) -> Result<Running> {
        let mut running = self.start_once().await?;
        running._folder = Some(self.folder);
        Ok(running)
    }

    /// Starts it, perhaps not for the last time.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_once(&self) -> Result<Running> {
        let mut server = clean(&self.program);
        server
            .args(["serve", "--plugins", "plugins", "--data", "data"])
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .env("HOOKBOX_ADMIN_TOKEN", TOKEN)
            .current_dir(self.folder.path())
            .stdout(Stdio::piped());
        let mut running = Running::spawn(server, ([127, 0, 0, 1], 0).into(), "/webhooks")?;
        running.address = running.told("listening on http://").await?.parse()?;
        running.admin = Some(running.told("admin page on http://").await?.parse()?);
        Ok(running)
    }
}

/// What a running host has counted.
pub struct Counted {
    /// Runs that ended as they should.
    pub done: u64,
    /// Runs that came to another end, such as one that never began.
    pub failed: u64,
    /// Runs that did not yet.
    pub backlog: u64,
}

/// Asks a running host how far it is, again and again.
pub struct Scraper {
    connection: Connection,
    request: Vec<u8>,
}

impl Scraper {
    /// One who asks there.
    pub fn of(admin: SocketAddr) -> Self {
        let request = format!(
            "GET /metrics HTTP/1.1\r\nhost: {admin}\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
        );
        Self {
            connection: Connection::new(admin),
            request: request.into_bytes(),
        }
    }

    /// Asks once.
    ///
    /// # Errors
    /// If it does not answer as it should.
    pub async fn ask(&mut self) -> Result<Counted> {
        let status = self.connection.exchange(&self.request).await?;
        ensure!(status == 200, "/metrics answers {status}");
        let text = std::str::from_utf8(self.connection.body()).context("/metrics")?;
        let value = |line: &str| line.rsplit(' ').next()?.parse::<u64>().ok();
        let sum = |name: &str| {
            let samples = text.lines().filter(|line| line.starts_with(name));
            samples.filter_map(value).sum::<u64>()
        };
        let done = sum("hookbox_runs_settled_total{plugin=\"hello\",state=\"done\"}");
        Ok(Counted {
            done,
            failed: sum("hookbox_runs_settled_total{").saturating_sub(done),
            backlog: sum("hookbox_backlog_runs{"),
        })
    }
}
