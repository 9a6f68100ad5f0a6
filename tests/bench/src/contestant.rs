//! Who is measured: each a process of its own, on a port of its own, sent the same.

mod bare;
mod called;
mod canned;
mod hookbox;
mod hub;
mod webhook;

pub use hookbox::{Hookbox, Plugins, Scraper};

use crate::built::Built;
use crate::http::Connection;
use crate::payload::{Requests, SECRET};
use crate::process::Process;
use anyhow::{Context as _, Result, bail};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// The longest that one may take until it answers: a slow machine imports Python's modules, or compiles a plugin.
const START: Duration = Duration::from_secs(120);

/// How often it is asked meanwhile.
const ASKED_EVERY: Duration = Duration::from_millis(20);

/// One who is measured, in the order of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Contestant {
    /// Answers the same bytes to everybody: what the load generator can reach.
    Canned,
    /// Reads, compares the secret, parses, answers.
    Bare,
    /// Hookbox without plugins: recorded, durable, answered.
    HookboxAccept,
    /// Hookbox with `hello`, each delivery handled and settled.
    HookboxHello,
    /// The WebhooksServer of `huggingface_hub`.
    HuggingfaceHub,
    /// `webhook` of Debian, with `/bin/true`.
    Webhook,
}

impl Contestant {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Canned,
        Self::Bare,
        Self::HookboxAccept,
        Self::HookboxHello,
        Self::HuggingfaceHub,
        Self::Webhook,
    ];

    /// Its name in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Canned => "canned answer",
            Self::Bare => "bare hyper",
            Self::HookboxAccept => "hookbox, accept",
            Self::HookboxHello => "hookbox, hello",
            Self::HuggingfaceHub => "huggingface_hub",
            Self::Webhook => "webhook (adnanh)",
        }
    }

    /// Why it cannot be measured here, if so.
    ///
    /// # Errors
    /// If what it needs cannot be made.
    pub async fn prepare(self, place: &Place) -> Result<Option<String>> {
        match self {
            Self::HuggingfaceHub => hub::prepare(&place.work).await.map(|()| None),
            Self::Webhook => Ok(webhook::missing().await),
            _ => Ok(None),
        }
    }

    /// Which version of it is measured.
    pub async fn version(self, place: &Place) -> String {
        match self {
            Self::Canned => "this command, tokio".to_owned(),
            Self::Bare => "this command, hyper 1".to_owned(),
            Self::HuggingfaceHub => hub::version(),
            Self::Webhook => said(Command::new("webhook").arg("-version")).await,
            Self::HookboxAccept | Self::HookboxHello => {
                said(Command::new(&place.built.hookbox).arg("--version")).await
            }
        }
    }

    /// Starts it and waits until it takes deliveries.
    ///
    /// # Errors
    /// If it does not.
    pub async fn start(self, place: &Place) -> Result<Running> {
        let mut running = match self {
            Self::Canned => own("serve-canned").await?,
            Self::Bare => own("serve-bare").await?,
            Self::HookboxAccept => Hookbox::new(place, &Plugins::None)?.start().await?,
            Self::HookboxHello => Hookbox::new(place, &Plugins::Hello)?.start().await?,
            Self::HuggingfaceHub => hub::start(&place.work)?,
            Self::Webhook => webhook::start(&place.work)?,
        };
        running.wait_ready().await.with_context(|| self.name())?;
        Ok(running)
    }
}

/// What contestants are made of, and where.
pub struct Place {
    /// The binaries.
    pub built: Built,
    /// A folder on the disk that is measured.
    pub work: PathBuf,
}

/// A contestant that runs; dropping it kills it.
pub struct Running {
    /// Its process.
    pub process: Process,
    /// Where it takes deliveries.
    pub address: SocketAddr,
    /// On which path.
    pub path: &'static str,
    /// Where Hookbox is asked how far it is.
    pub admin: Option<SocketAddr>,
    /// What else it says.
    said: Option<Lines<BufReader<ChildStdout>>>,
    child: Child,
    /// What only it needs.
    _folder: Option<TempDir>,
}

impl Running {
    /// Starts a program that will listen there.
    fn spawn(mut command: Command, address: SocketAddr, path: &'static str) -> Result<Self> {
        let shown = command.as_std().get_program().display().to_string();
        command
            .env("WEBHOOK_SECRET", SECRET)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn().with_context(|| shown.clone())?;
        Ok(Self {
            process: Process(child.id().context(shown)?),
            address,
            path,
            admin: None,
            said: child.stdout.take().map(|out| BufReader::new(out).lines()),
            child,
            _folder: None,
        })
    }

    /// The next line of its standard output that begins so, without that, up to a space or a slash.
    async fn told(&mut self, beginning: &str) -> Result<String> {
        let lines = self.said.as_mut().context("it has no standard output")?;
        while let Some(line) = timeout(START, lines.next_line()).await?? {
            if let Some(rest) = line.strip_prefix(beginning) {
                let word = rest.split([' ', '/']).next();
                return Ok(word.unwrap_or_default().to_owned());
            }
        }
        bail!("it ended before it said `{beginning}…`")
    }

    /// Waits until it takes a delivery.
    async fn wait_ready(&mut self) -> Result<()> {
        let requests = Requests::to(self.path, "")?;
        let mut request = Vec::new();
        // Far from the numbers of a round.
        requests.write(u64::MAX, &mut request);
        let began = Instant::now();
        let mut again = interval(ASKED_EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = String::new();
        while began.elapsed() < START {
            again.tick().await;
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended: {status}");
            }
            match Connection::new(self.address).exchange(&request).await {
                Ok(status) if (200..300).contains(&status) => return Ok(()),
                Ok(status) => last = format!("it answers {status}"),
                Err(error) => last = format!("{error:#}"),
            }
        }
        bail!("it takes no delivery within {START:?}: {last}")
    }

    /// Kills it and waits for its end.
    ///
    /// # Errors
    /// The system's.
    pub async fn stop(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// This very program as a server: it says where it listens.
async fn own(command: &str) -> Result<Running> {
    let mut server = Command::new(std::env::current_exe()?);
    server.arg(command).stdout(Stdio::piped());
    let mut running = Running::spawn(server, ([127, 0, 0, 1], 0).into(), "/webhooks")?;
    running.address = running.told("listening on http://").await?.parse()?;
    Ok(running)
}

/// Starts what is called by others, in place of sending them anything.
///
/// # Errors
/// If it does not start.
pub async fn serve_called() -> Result<Running> {
    own("serve-called").await
}

/// Serves as one of this program's own contestants, until it is killed.
///
/// # Errors
/// If there is no such contestant, or no port.
pub async fn serve(command: &str) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    match command {
        "serve-bare" => bare::serve(listener).await,
        "serve-canned" => canned::serve(listener).await,
        "serve-called" => called::serve(listener).await,
        other => bail!("there is no contestant `{other}`"),
    }
}

/// An address that nobody listens on: for those who cannot choose one themselves and say which.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// The first line that a program says.
async fn said(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().await;
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

/// A program without what the caller's environment would change of it.
pub fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = text.starts_with("HOOKBOX_") || text.starts_with("GRADIO_");
        if ours || ["RUST_LOG", "PORT", "SPACE_HOST", "SPACE_ID", "HF_TOKEN"].contains(&&*text) {
            command.env_remove(&name);
        }
    }
    command
}
