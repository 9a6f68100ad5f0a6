//! The host, wired: ledger, engine, catalog, router, worker and listener, from start to drain.

use crate::config::Config;
use crate::intake::{Endpoint, Endpoints, Intake};
use crate::ledger::sqlite::{LastStop, SqliteLedger};
use crate::ledger::{Ledger, PluginRecord, PluginState};
use crate::plugin::catalog::{Catalog, Plugin, Standing};
use crate::plugin::{Engine, Grant, Manifest};
use crate::router::{Route, Router};
use crate::secret::Secret;
use crate::server::{self, Public};
use crate::worker::Worker;
use anyhow::Context as _;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long a plugin whose file has gone still gets (parked) runs: a redeploy often removes before it copies.
const MISSING_GRACE: Duration = Duration::from_secs(10 * 60);

/// Serves until it is told to stop or its ledger fails. Blocks.
///
/// # Errors
/// Whatever keeps the host from starting, or made it stop, with what to do about it.
pub fn serve(config: Config) -> anyhow::Result<()> {
    // Guests have threads of their own: whatever they do, connections are accepted and the ledger is written.
    let guests = runtime("hookbox-guest")?;
    let main = runtime("hookbox")?;
    let result = Host::start(config).and_then(|host| main.block_on(host.run(&guests)));
    guests.shutdown_background();
    main.shutdown_background();
    result
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

    async fn run(self, guests: &Runtime) -> anyhow::Result<()> {
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
        let known = note_plugins(&*ledger, &catalog).await?;
        let (routers, router) = watch::channel(Arc::new(Router::new(routes(&catalog, &known))));
        let endpoints = Endpoints::new(config.secrets.clone(), endpoints(&catalog, &known));
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
            catalogs,
            guests.handle().clone(),
            config.worker,
        );
        let mut worker = tokio::spawn(worker.run(stopping.clone()));
        let public = Public {
            intake: Intake::new(Arc::clone(&ledger), router, endpoints, config.intake),
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

        let mut failure = ledger.failure();
        let ended = tokio::select! {
            signal = told_to_stop() => signal.map(|name| tracing::info!(signal = name, "stopping")),
            Ok(reason) = failure.wait_for(Option::is_some) => {
                let reason = reason.as_deref().unwrap_or("unknown").to_owned();
                Err(anyhow::anyhow!("the ledger failed: {reason}; what was accepted is safe, start hookbox again"))
            }
            worker = &mut worker => Err(worker_end(worker)),
        };
        stop.send_replace(true);
        server.await.context("the listener's task failed")?;
        forget.await.context("a task failed")?;
        if !worker.is_finished() {
            worker.await.context("the worker's task failed")??;
        }
        if let Some(checked) = checked {
            checked.abort();
        }
        ledger.close().await;
        ended
    }
}

/// Looks the ledger's file through after a stop that was not orderly. What it finds is told; a page that is really
/// broken makes the ledger fail by itself when it is used.
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

/// The first of SIGTERM and SIGINT.
async fn told_to_stop() -> anyhow::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot handle SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot handle SIGINT")?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
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
        digest: plugin
            .component()
            .map(|component| component.facts().digest.clone())
            .or_else(|| before?.digest.clone()),
        manifest: plugin
            .manifest()
            .map(Manifest::to_stored)
            .or_else(|| before?.manifest.clone()),
    }
}

/// A route for every plugin with a manifest; those that do not run get parked runs.
fn routes(catalog: &Catalog, known: &BTreeMap<String, PluginRecord>) -> Vec<Route> {
    known
        .values()
        .filter_map(|record| {
            let plugin = catalog.plugins.get(&record.name);
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
                matcher: plugin
                    .map(|plugin| plugin.grant.matcher.clone())
                    .unwrap_or_default(),
                digest: record.digest.clone().unwrap_or_default(),
                parked,
            })
        })
        .collect()
}

/// What opens each plugin's endpoint: those of the folder, of a grant alone, and of the ledger.
fn endpoints(
    catalog: &Catalog,
    known: &BTreeMap<String, PluginRecord>,
) -> HashMap<String, Endpoint> {
    let in_folder = catalog
        .plugins
        .values()
        .map(|plugin| (plugin.name.clone(), &plugin.grant));
    let alone = catalog
        .grants_alone
        .iter()
        .map(|(name, grant)| (name.clone(), grant));
    let mut endpoints: HashMap<String, Endpoint> = known
        .keys()
        .map(|name| (name.clone(), Endpoint::Host))
        .collect();
    endpoints.extend(in_folder.chain(alone).map(|(name, grant)| {
        let endpoint = endpoint(&name, grant);
        (name, endpoint)
    }));
    endpoints
}

/// A secret of its own that cannot be read closes an endpoint: it never opens it to the host's.
fn endpoint(name: &str, grant: &Grant) -> Endpoint {
    let Some(reference) = &grant.secret else {
        return Endpoint::Host;
    };
    match reference.read() {
        Ok(secret) => Endpoint::Own(secret),
        Err(error) => {
            let reason = error.to_string();
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

fn public_url(config: &Config, address: SocketAddr) -> String {
    if config.public_url.is_empty() {
        format!("http://{address}")
    } else {
        config.public_url.clone()
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
    if catalog.plugins.is_empty() {
        tracing::warn!(folder = %config.plugins.display(), "the plugins folder is empty");
    }
    println!("listening on http://{address}");
    let paste = format!("{}/webhooks", public_url(config, address));
    tracing::info!(
        plugins = catalog.plugins.len(),
        "paste {paste} into https://huggingface.co/settings/webhooks"
    );
}
