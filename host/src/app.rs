//! The host, wired: ledger, engine, catalog, router, worker and listener, from start to drain.

mod accounts;
mod admin;
mod hint;
mod host;
mod pauses;
pub mod persistence;
mod reload;
mod signals;
mod upkeep;

use crate::config::Config;
use crate::outgoing::files_for_calls;
use crate::plugin::catalog::Catalog;
use crate::secret::Secret;
use crate::worker::Report;
use anyhow::Context as _;
use host::Host;
pub use pauses::Paused;
use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{broadcast, watch};

/// File descriptors kept for the ledger, the runtimes and the standard streams.
const FILES_KEPT: usize = 64;

/// After how many turns of guests their threads look for what came from the network: those that only compute have a tick
/// of the epoch each, and their neighbours' calls wait for as long.
const GUEST_EVENTS: u32 = 8;

/// What a host tells whoever accompanies it.
pub struct Feed {
    /// The address it listens on.
    pub address: SocketAddr,
    /// The address to paste into the Hub's webhook settings.
    pub paste: String,
    /// What every attempt came to.
    pub reports: broadcast::Receiver<Arc<Report>>,
    /// Its plugins, now and after each change.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// Who paused which plugin, now and after each change.
    pub paused: watch::Receiver<Paused>,
    /// Turns true when it stops: the companion is to come to its end.
    pub stopping: watch::Receiver<bool>,
}

/// What runs beside a host from when it listens until it stops.
pub type Companion = Box<dyn FnOnce(Feed) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Serves until it is told to stop or its ledger fails. Blocks.
///
/// # Errors
/// Whatever keeps the host from starting, or made it stop, with what to do about it.
pub fn serve(mut config: Config, companion: Option<Companion>) -> anyhow::Result<()> {
    raise_open_files(&mut config);
    // Guests have threads of their own: whatever they do, connections are accepted and the ledger is written.
    let guests = runtime(threads("hookbox-guest").event_interval(GUEST_EVENTS))?;
    let main = runtime(&mut threads("hookbox"))?;
    let result = Host::start(config).and_then(|host| main.block_on(host.run(&guests, companion)));
    guests.shutdown_background();
    main.shutdown_background();
    result
}

/// Takes as many file descriptors as this process may have, and no more connections than leave some for the ledger.
fn raise_open_files(config: &mut Config) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let Some(files) = current.and_then(|files| usize::try_from(files).ok()) else {
        return;
    };
    let connections = connections_within(files);
    if config.server.connections_max > connections {
        tracing::warn!(
            connections,
            "only {files} files may be open (ulimit -n), so fewer connections than --connections-max are served"
        );
        config.server.connections_max = connections;
    }
}

/// How many files this process may have open now.
fn files_max() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    })
}

/// How many connections leave some of so many file descriptors for the rest of the host, and for plugins' calls.
#[must_use]
pub fn connections_within(files: usize) -> usize {
    let others = FILES_KEPT + files_for_calls(files);
    files.saturating_sub(others).max(1)
}

fn threads(name: &str) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.thread_name(name).enable_all();
    builder
}

fn runtime(threads: &mut Builder) -> anyhow::Result<Runtime> {
    threads.build().context("cannot start threads")
}

/// What to paste, as far as this host knows: an address that stands for all of them is nobody's address.
fn public_url(config: &Config, address: SocketAddr) -> String {
    if !config.public_url.is_empty() {
        config.public_url.trim_end_matches('/').to_owned()
    } else if address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

fn greet(config: &Config, address: SocketAddr, catalog: &Catalog) {
    if config.loader.secrets.is_empty() {
        tracing::warn!(
            "no webhook secret is configured: whoever reaches {address} can post deliveries; set WEBHOOK_SECRET \
             (make one with 'hookbox secret')"
        );
    }
    if config.loader.secrets.iter().any(Secret::is_short) {
        tracing::warn!(
            "a webhook secret is shorter than 16 bytes; make a better one with 'hookbox secret'"
        );
    }
    for hint in &config.hints {
        tracing::warn!("{hint}");
    }
    if let Some(warning) = persistence::warning(&config.data, config.surroundings) {
        tracing::warn!(folder = %config.data.display(), "{warning}");
    }
    if !config.plugins.is_dir() {
        tracing::warn!(folder = %config.plugins.display(), "there is no such plugins folder");
    } else if catalog.plugins.is_empty() {
        tracing::warn!(folder = %config.plugins.display(), "the plugins folder is empty");
    }
    // Whoever started it may not be listening any more; the host goes on.
    drop(writeln!(std::io::stdout(), "listening on http://{address}"));
    let paste = format!("{}/webhooks", public_url(config, address));
    tracing::info!(
        plugins = catalog.plugins.len(),
        "paste {paste} into https://huggingface.co/settings/webhooks"
    );
}
