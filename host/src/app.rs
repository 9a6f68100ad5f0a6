//! The host, wired: ledger, engine, catalog, router, worker and listener, from start to drain.

use crate::config::Config;
use crate::intake::Intake;
use crate::ledger::Ledger;
use crate::ledger::sqlite::{LastStop, SqliteLedger};
use crate::loader::{Loader, LoaderConfig, LoaderError};
use crate::plugin::Engine;
use crate::plugin::catalog::Catalog;
use crate::plugin::store::Store;
use crate::secret::Secret;
use crate::server::{self, Public};
use crate::worker::{Report, Worker};
use anyhow::Context as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{broadcast, watch};

/// How long a second signal leaves for giving claims back.
const HALT: Duration = Duration::from_secs(1);

/// File descriptors kept for the ledger, the runtimes and the standard streams.
const FILES_KEPT: usize = 64;

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
    let guests = runtime("hookbox-guest")?;
    let main = runtime("hookbox")?;
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
    let connections = files.saturating_sub(FILES_KEPT).max(1);
    if config.server.connections_max > connections {
        tracing::warn!(
            connections,
            "only {files} files may be open (ulimit -n), so fewer connections than --connections-max are served"
        );
        config.server.connections_max = connections;
    }
}

fn runtime(name: &str) -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .thread_name(name)
        .enable_all()
        .build()
        .context("cannot start threads")
}

struct Host {
    config: Config,
    ledger: SqliteLedger,
    engine: Engine,
    store: Store,
}

impl Host {
    /// What takes time and blocks: the ledger's recovery, and the address space of the sandboxes.
    fn start(config: Config) -> anyhow::Result<Self> {
        let ledger = SqliteLedger::open(&config.data, config.ledger.clone())?;
        let engine = Engine::new(config.engine)?;
        let store = Store::open(&config.data, &engine)?;
        Ok(Self {
            config,
            ledger,
            engine,
            store,
        })
    }

    async fn run(self, guests: &Runtime, companion: Option<Companion>) -> anyhow::Result<()> {
        let Self {
            config,
            ledger,
            engine,
            store,
        } = self;
        let ledger = Arc::new(ledger);
        let checked = (ledger.last_stop() == LastStop::Unclean)
            .then(|| tokio::spawn(check_integrity(Arc::clone(&ledger))));
        let ledger: Arc<dyn Ledger> = ledger;
        // Before anything is started that would have to be stopped in order.
        let mut signals = Signals::new()?;
        let loader = Loader::start(
            Arc::clone(&ledger),
            engine.clone(),
            store,
            LoaderConfig {
                plugins: config.plugins.clone(),
                component_bytes_max: config.component_bytes_max,
                missing_grace: config.missing_grace,
                secrets: config.secrets.clone(),
            },
        );
        let (loader, loaded) = tokio::select! {
            started = loader => started?,
            name = signals.next() => {
                tracing::info!(signal = name, "stopping before anything was served");
                ledger.close().await;
                return Ok(());
            }
        };
        let listener = TcpListener::bind(config.listen).await.with_context(|| {
            format!(
                "cannot listen on {}; choose another address with --listen",
                config.listen
            )
        })?;
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);

        let worker = Worker::new(
            Arc::clone(&ledger),
            engine,
            loaded.catalog.clone(),
            guests.handle().clone(),
            config.worker,
        );
        let halt = worker.halt();
        let feed = Feed {
            address,
            paste: format!("{}/webhooks", public_url(&config, address)),
            reports: worker.reports(),
            catalog: loaded.catalog.clone(),
            stopping: stopping.clone(),
        };
        let mut worker = tokio::spawn(worker.run(stopping.clone()));
        let public = Public {
            intake: Intake::new(
                Arc::clone(&ledger),
                loaded.router,
                loaded.endpoints,
                config.intake,
                stopping.clone(),
            ),
            ledger: Arc::clone(&ledger),
            public_url: public_url(&config, address),
            shutdown: stopping.clone(),
        };
        let server = tokio::spawn(server::run(
            listener,
            Arc::new(public),
            config.server,
            stopping.clone(),
        ));
        let mut loader = tokio::spawn(loader.run(stopping));
        greet(&config, address, &loaded.catalog.borrow());
        let companion = companion.map(|companion| tokio::spawn(companion(feed)));

        let mut failure = ledger.failure();
        let ended = tokio::select! {
            name = signals.next() => {
                tracing::info!(signal = name, "stopping; a second signal stops at once");
                Ok(())
            }
            Ok(reason) = failure.wait_for(Option::is_some) => {
                let reason = reason.as_deref().unwrap_or("unknown").to_owned();
                Err(anyhow::anyhow!("the ledger failed: {reason}; mend that and start hookbox again, what it accepted is kept"))
            }
            worker = &mut worker => Err(worker_end(worker)),
            loader = &mut loader => Err(loader_end(loader)),
        };
        stop.send_replace(true);
        let drained = async {
            server.await.context("the listener's task failed")?;
            if !loader.is_finished() {
                loader.await.context("the loader's task failed")??;
            }
            if let Some(companion) = companion {
                companion.await.context("the companion's task failed")?;
            }
            if !worker.is_finished() {
                worker.await.context("the worker's task failed")??;
            }
            anyhow::Ok(())
        };
        tokio::pin!(drained);
        let drained = tokio::select! {
            drained = &mut drained => drained,
            name = signals.next() => {
                tracing::warn!(signal = name, "stopping at once; attempts under way are made again after the restart");
                halt.send_replace(true);
                // Long enough for the claims to be given back, and no longer: this was asked for twice.
                if tokio::time::timeout(HALT, drained).await.is_err() {
                    tracing::warn!("connections are cut");
                }
                Ok(())
            }
        };
        if let Some(checked) = checked {
            checked.abort();
        }
        ledger.close().await;
        // Why the host stopped says more than what its stop met.
        ended.and(drained)
    }
}

/// Looks the ledger's file through after a stop that was not orderly. Damage makes the ledger fail, and the host stop.
async fn check_integrity(ledger: Arc<SqliteLedger>) {
    match ledger.check_integrity().await {
        Ok(()) => tracing::info!("the last stop was not orderly; the ledger's file is sound"),
        Err(error) => {
            tracing::error!(%error, "the ledger's file is damaged; restore a copy of the data folder")
        }
    }
}

fn worker_end(
    ended: Result<Result<(), crate::ledger::LedgerError>, tokio::task::JoinError>,
) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow::anyhow!("the worker ended by itself; start hookbox again"),
        Ok(Err(error)) => anyhow::Error::new(error).context("the worker stopped"),
        Err(error) => anyhow::Error::new(error).context("the worker's task failed"),
    }
}

fn loader_end(ended: Result<Result<(), LoaderError>, tokio::task::JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow::anyhow!("the loader ended by itself; start hookbox again"),
        Ok(Err(error)) => anyhow::Error::new(error).context("the loader stopped"),
        Err(error) => anyhow::Error::new(error).context("the loader's task failed"),
    }
}

/// SIGTERM and SIGINT, both of which ask the host to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot handle SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot handle SIGINT")?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
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
    if config.secrets.is_empty() {
        tracing::warn!(
            "no webhook secret is configured: whoever reaches {address} can post deliveries; set WEBHOOK_SECRET \
             (make one with 'hookbox secret')"
        );
    }
    if config.secrets.iter().any(Secret::is_short) {
        tracing::warn!(
            "a webhook secret is shorter than 16 bytes; make a better one with 'hookbox secret'"
        );
    }
    if !config.plugins.is_dir() {
        tracing::warn!(folder = %config.plugins.display(), "there is no such plugins folder");
    } else if catalog.plugins.is_empty() {
        tracing::warn!(folder = %config.plugins.display(), "the plugins folder is empty");
    }
    println!("listening on http://{address}");
    let paste = format!("{}/webhooks", public_url(config, address));
    tracing::info!(
        plugins = catalog.plugins.len(),
        "paste {paste} into https://huggingface.co/settings/webhooks"
    );
}
