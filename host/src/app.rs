//! The host, wired: ledger, engine, catalog, router, worker and listener, from start to drain.

use crate::config::Config;
use crate::intake::{Endpoint, Endpoints, Intake};
use crate::ledger::sqlite::{LastStop, SqliteLedger};
use crate::ledger::{Ledger, PluginRecord, PluginState};
use crate::plugin::catalog::{Catalog, Plugin, Standing};
use crate::plugin::{Engine, Grant, Manifest, PluginName};
use crate::router::{Route, Router};
use crate::secret::Secret;
use crate::server::{self, Public};
use crate::worker::{Report, Worker};
use anyhow::Context as _;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{broadcast, watch};

/// How long a plugin whose file has gone still gets (parked) runs: a redeploy often removes before it copies.
const MISSING_GRACE: Duration = Duration::from_secs(10 * 60);

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
    catalog: Catalog,
}

impl Host {
    /// Everything that takes time and blocks: the ledger's recovery, and compiling.
    fn start(config: Config) -> anyhow::Result<Self> {
        let ledger = SqliteLedger::open(&config.data, config.ledger.clone())?;
        let engine = Engine::new(config.engine)?;
        let catalog = Catalog::read(&engine, &config.plugins, config.component_bytes_max)?;
        Ok(Self {
            config,
            ledger,
            engine,
            catalog,
        })
    }

    async fn run(self, guests: &Runtime, companion: Option<Companion>) -> anyhow::Result<()> {
        let Self {
            config,
            ledger,
            engine,
            catalog,
        } = self;
        let ledger = Arc::new(ledger);
        let checked = (ledger.last_stop() == LastStop::Unclean)
            .then(|| tokio::spawn(check_integrity(Arc::clone(&ledger))));
        let ledger: Arc<dyn Ledger> = ledger;
        // Before anything is started that would have to be stopped in order.
        let mut signals = Signals::new()?;
        let known = note_plugins(&*ledger, &catalog).await?;
        let (routers, router) = watch::channel(Arc::new(Router::new(routes(&catalog, &known))));
        let names = ledger.known_plugins().await?;
        let endpoints = Endpoints::new(config.secrets.clone(), endpoints(&catalog, names));
        let (_keep_endpoints, endpoints) = watch::channel(Arc::new(endpoints));
        let catalog = Arc::new(catalog);
        let (_keep_catalog, catalogs) = watch::channel(Arc::clone(&catalog));
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
            catalogs.clone(),
            guests.handle().clone(),
            config.worker,
        );
        let halt = worker.halt();
        let feed = Feed {
            address,
            paste: format!("{}/webhooks", public_url(&config, address)),
            reports: worker.reports(),
            catalog: catalogs.clone(),
            stopping: stopping.clone(),
        };
        let mut worker = tokio::spawn(worker.run(stopping.clone()));
        let public = Public {
            intake: Intake::new(
                Arc::clone(&ledger),
                router,
                endpoints,
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
        let forget = tokio::spawn(forget_missing(
            Arc::clone(&ledger),
            Arc::clone(&catalog),
            known,
            routers,
            stopping,
        ));
        greet(&config, address, &catalog);
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
        };
        stop.send_replace(true);
        let drained = async {
            server.await.context("the listener's task failed")?;
            forget.await.context("a task failed")?;
            if let Some(companion) = companion {
                companion.await.context("a task failed")?;
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

/// Notes in the ledger where every plugin stands, and returns all that it knows: those in the folder and those
/// whose file has gone.
async fn note_plugins(
    ledger: &dyn Ledger,
    catalog: &Catalog,
) -> anyhow::Result<BTreeMap<String, PluginRecord>> {
    let before: BTreeMap<String, PluginRecord> = ledger
        .plugins()
        .await?
        .into_iter()
        .map(|record| (record.name.clone(), record))
        .collect();
    let mut records: Vec<PluginRecord> = before
        .values()
        .filter(|record| !catalog.plugins.contains_key(&record.name))
        .map(|record| PluginRecord {
            state: PluginState::Missing,
            reason: Some("its file is gone".to_owned()),
            ..record.clone()
        })
        .collect();
    for plugin in catalog.plugins.values() {
        let record = note(plugin, before.get(&plugin.name));
        match (record.state, &record.reason) {
            (PluginState::Loaded, _) => tracing::info!(plugin = record.name, "plugin loaded"),
            (state, reason) => tracing::warn!(
                plugin = record.name,
                state = state.as_str(),
                reason = reason.as_deref(),
                "plugin does not run"
            ),
        }
        records.push(record);
    }
    for record in &records {
        ledger.put_plugin(record.clone()).await?;
    }
    Ok(ledger
        .plugins()
        .await?
        .into_iter()
        .map(|record| (record.name.clone(), record))
        .collect())
}

/// Where a plugin stands, as the ledger keeps it. A refused one keeps the manifest of its last good version, by
/// which its deliveries are still routed (and parked).
fn note(plugin: &Plugin, before: Option<&PluginRecord>) -> PluginRecord {
    let (state, reason) = match &plugin.standing {
        Standing::Loaded(_) => (PluginState::Loaded, None),
        Standing::Held { reason, .. } => (PluginState::Held, Some(reason.clone())),
        Standing::Refused { reason } => (PluginState::Refused, Some(reason.clone())),
    };
    PluginRecord {
        name: plugin.name.clone(),
        state,
        reason,
        active: plugin
            .component()
            .map(|component| component.facts().digest.clone())
            .or_else(|| before?.active.clone()),
        candidate: None,
        grant: None,
        missing_since_ms: None,
        manifest: plugin
            .manifest()
            .map(Manifest::to_stored)
            .or_else(|| before?.manifest.clone()),
    }
}

/// A route for every plugin with a manifest; those that do not run get parked runs. A plugin whose grant cannot be
/// used gets none: nobody can tell which events its operator let through.
fn routes(catalog: &Catalog, known: &BTreeMap<String, PluginRecord>) -> Vec<Route> {
    known
        .values()
        .filter_map(|record| {
            let plugin = catalog.plugins.get(&record.name);
            let grant = match plugin {
                Some(plugin) => Some(plugin.usable_grant().ok()?),
                None => catalog.grants_alone.get(&record.name),
            };
            let manifest = plugin
                .and_then(|plugin| plugin.manifest().cloned())
                .or_else(|| Manifest::from_stored(record.manifest.as_deref()?))?;
            let parked = match record.state {
                PluginState::Loaded => None,
                state => Some(match &record.reason {
                    Some(reason) => format!("{}: {reason}", state.as_str()),
                    None => state.as_str().to_owned(),
                }),
            };
            Some(Route {
                plugin: record.name.clone(),
                manifest,
                matcher: grant.map(|grant| grant.matcher.clone()).unwrap_or_default(),
                digest: record.routed_digest().unwrap_or_default().to_owned(),
                parked,
            })
        })
        .collect()
}

/// What opens each plugin's endpoint: those of the folder, of a grant alone, and of the ledger.
fn endpoints(catalog: &Catalog, known: Vec<String>) -> HashMap<String, Endpoint> {
    let in_folder = catalog
        .plugins
        .values()
        .map(|plugin| (plugin.name.clone(), plugin.usable_grant()));
    let alone = catalog
        .grants_alone
        .iter()
        .map(|(name, grant)| (name.clone(), Ok(grant)));
    let mut endpoints: HashMap<String, Endpoint> = known
        .into_iter()
        .map(|name| (name, Endpoint::Host))
        .collect();
    endpoints.extend(in_folder.chain(alone).map(|(name, grant)| {
        let endpoint = endpoint(&name, grant);
        (name, endpoint)
    }));
    // A refused file may have a name that no plugin can have, and so no endpoint.
    endpoints.retain(|name, _| PluginName::parse(name).is_ok());
    endpoints
}

/// A secret of its own that cannot be read closes an endpoint, and so does a grant that cannot be: neither ever opens
/// it to the host's secrets.
fn endpoint(name: &str, grant: Result<&Grant, &str>) -> Endpoint {
    let read = match grant.map(|grant| &grant.secret) {
        Ok(None) => return Endpoint::Host,
        Ok(Some(reference)) => reference.read().map_err(|error| error.to_string()),
        Err(reason) => Err(reason.to_owned()),
    };
    match read {
        Ok(secret) => Endpoint::Own(secret),
        Err(reason) => {
            tracing::error!(plugin = name, reason, "its endpoint is closed");
            Endpoint::Closed { reason }
        }
    }
}

/// Forgets plugins whose file is still gone after the grace: they get nothing more, and their parked runs are dead.
async fn forget_missing(
    ledger: Arc<dyn Ledger>,
    catalog: Arc<Catalog>,
    mut known: BTreeMap<String, PluginRecord>,
    routers: watch::Sender<Arc<Router>>,
    mut stopping: watch::Receiver<bool>,
) {
    tokio::select! {
        _ = stopping.wait_for(|stop| *stop) => return,
        () = tokio::time::sleep(MISSING_GRACE) => {}
    }
    let missing: Vec<String> = known
        .values()
        .filter(|record| record.state == PluginState::Missing)
        .map(|record| record.name.clone())
        .collect();
    for name in &missing {
        known.remove(name);
    }
    // Routed no more before they are forgotten: else a delivery between the two would park a run for ever.
    routers.send_replace(Arc::new(Router::new(routes(&catalog, &known))));
    for name in missing {
        tracing::warn!(
            plugin = name,
            "its file is still gone: forgotten, its parked runs are dead"
        );
        if let Err(error) = ledger.forget_plugin(name).await {
            tracing::error!(%error, "a missing plugin could not be forgotten");
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
