//! The host's parts and their tasks: started in order, stopped in order.

use super::admin::Door;
use super::hint::Hint;
use super::reload::{Live, Reload};
use super::signals::Signals;
use super::{Companion, Feed, Paused, greet, public_url};
use super::{accounts, pauses, upkeep};
use crate::admin::token::{self, Held};
use crate::admin::{AdminMetrics, Desk, LISTS_MAX, note_address};
use crate::alert::{self, AlertMetrics};
use crate::clock::now_ms;
use crate::config::Config;
use crate::exposition::Exposition;
use crate::intake::{Intake, IntakeMetrics};
use crate::ledger::sqlite::{LastStop, SqliteLedger, WriterMetrics};
use crate::ledger::{Ledger, LedgerError};
use crate::loader::{Loaded, Loader, LoaderConfig, LoaderError, LoaderMetrics, OwnAccounts};
use crate::metrics::Registry;
use crate::outgoing::{Network, OwnListeners, SystemResolver, files_for_calls};
use crate::plugin::Engine;
use crate::plugin::capability::http::Outlet;
use crate::plugin::compiler::Compiler;
use crate::plugin::store::Store;
use crate::refusal::Refusals;
use crate::server::{self, Noted, Public, PublicMetrics};
use crate::worker::{InLedger, Worker, WorkerMetrics};
use anyhow::Context as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinHandle};

/// How long a second signal leaves for giving claims back.
const HALT: Duration = Duration::from_secs(1);

/// What a host is made of before anything runs.
pub struct Host {
    config: Config,
    ledger: SqliteLedger,
    engine: Engine,
    store: Store,
    registry: Registry,
    token: Held,
}

/// What runs.
struct Tasks {
    stop: watch::Sender<bool>,
    halt: watch::Sender<bool>,
    server: JoinHandle<()>,
    admin: Option<JoinHandle<()>>,
    worker: JoinHandle<Result<(), LedgerError>>,
    loader: JoinHandle<Result<(), LoaderError>>,
    hint: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    pauses: JoinHandle<()>,
    accounts: JoinHandle<()>,
    alerts: JoinHandle<()>,
    reload: Option<JoinHandle<()>>,
    companion: Option<JoinHandle<()>>,
}

impl Host {
    /// What takes time and blocks: the ledger's recovery, and the address space of the sandboxes.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub fn start(config: Config) -> anyhow::Result<Self> {
        let mut registry = Registry::default();
        let metrics = WriterMetrics::register(&mut registry);
        let ledger = SqliteLedger::open(&config.data, config.ledger.clone(), metrics)?;
        // What a host that died left there may be another program's address by now.
        note_address(&config.data, None).context("cannot write to the data folder")?;
        let token = token::take(&config.data, config.admin_token.clone())?;
        let engine = Engine::new(config.engine)?;
        let compiles = LoaderMetrics::register(&mut registry).observer();
        let compiler = Compiler::in_children()?.observed_by(compiles);
        let store = Store::open(&config.data, &engine, compiler)?;
        Ok(Self {
            config,
            ledger,
            engine,
            store,
            registry,
            token,
        })
    }

    /// Serves until it is told to stop, or cannot go on.
    ///
    /// # Errors
    /// Why it cannot start, or go on.
    pub async fn run(
        mut self,
        guests: &Runtime,
        companion: Option<Companion>,
    ) -> anyhow::Result<()> {
        let ledger = Arc::new(self.ledger);
        let checked = (ledger.last_stop() == LastStop::Unclean)
            .then(|| tokio::spawn(check_integrity(Arc::clone(&ledger))));
        // Before anything is started that would have to be stopped in order.
        let mut signals = Signals::new()?;
        let live = Live::new(&self.config, Arc::clone(&ledger));
        let ledger: Arc<dyn Ledger> = ledger;
        let reload = Reload::of(&self.config, live.clone())?;
        let own = OwnListeners::default();
        let accounts = watch::Sender::default();
        let config = LoaderConfig {
            plugins: self.config.plugins.clone(),
            settings: live.loader(),
            outlet: outlet(&self.config, Arc::clone(&ledger), own.clone()),
            own: accounts.subscribe(),
        };
        let engine = self.engine.clone();
        let loader = Loader::start(Arc::clone(&ledger), engine, self.store, config);
        let (loader, loaded) = tokio::select! {
            started = loader => started?,
            name = signals.next() => {
                tracing::info!(signal = name, "stopping before anything was served");
                ledger.close().await;
                return Ok(());
            }
        };
        let worker = Worker::new(
            Arc::clone(&ledger),
            self.engine.clone(),
            loaded.catalog.clone(),
            guests.handle().clone(),
            self.config.worker,
            WorkerMetrics::register(&mut self.registry),
        );
        let data = self.config.data.clone();
        let parts = Parts {
            token: self.token,
            config: self.config,
            ledger: Arc::clone(&ledger),
            live,
            reload,
            loader,
            loaded,
            worker,
            engine: self.engine,
            registry: self.registry,
            own,
            accounts,
        };
        let mut tasks = parts.run(companion).await?;
        let ended = tasks.until_told(&*ledger, &mut signals).await;
        let drained = tasks.stop(&mut signals).await;
        if let Some(checked) = checked {
            checked.abort();
        }
        // Before the folder's lock is given up: a host that comes after writes its own.
        if let Err(error) = tokio::task::spawn_blocking(move || note_address(&data, None)).await? {
            tracing::warn!(%error, "the admin listener's address stays in the data folder");
        }
        ledger.close().await;
        // Why the host stopped says more than what its stop met.
        ended.and(drained)
    }
}

/// What is ready to run once there is a listener.
struct Parts {
    config: Config,
    token: Held,
    ledger: Arc<dyn Ledger>,
    live: Live,
    reload: Option<Reload>,
    loader: Loader,
    loaded: Loaded,
    worker: Worker,
    engine: Engine,
    registry: Registry,
    own: OwnListeners,
    accounts: watch::Sender<Arc<OwnAccounts>>,
}

impl Parts {
    /// Binds the listener and starts everything.
    async fn run(mut self, companion: Option<Companion>) -> anyhow::Result<Tasks> {
        let intake_metrics = IntakeMetrics::register(&mut self.registry);
        let public_metrics = PublicMetrics::register(&mut self.registry);
        let admin_metrics = AdminMetrics::register(&mut self.registry);
        let alert_metrics = AlertMetrics::register(&mut self.registry);
        let (config, loaded, worker) = (self.config, self.loaded, self.worker);
        let (listener, address) = listen(config.listen)?;
        let (stop, stopping) = watch::channel(false);
        let refusals = Arc::new(Refusals::default());
        let desk = Desk {
            ledger: Arc::clone(&self.ledger),
            refusals: Arc::clone(&refusals),
            metrics: Exposition::new(self.registry, Arc::clone(&self.ledger), self.engine),
            lists: Semaphore::new(LISTS_MAX),
            prefix: config.admin.prefix(),
            started_ms: now_ms(),
            started: Instant::now(),
            stopping: stopping.clone(),
        };
        let door = Door::open(&config, address, self.token, desk, admin_metrics).await?;
        // Before the first attempt: no plugin reaches them.
        self.own.are(vec![address, door.address()]);
        let paused = watch::Sender::new(Paused::new());
        let feed = Feed {
            address,
            paste: format!("{}/webhooks", public_url(&config, address)),
            reports: worker.reports(),
            catalog: loaded.catalog.clone(),
            paused: paused.subscribe(),
            stopping: stopping.clone(),
        };
        let alerts = alert::Sources {
            host: public_url(&config, address),
            ledger: Arc::clone(&self.ledger),
            refusals: Arc::clone(&refusals),
            reports: worker.reports(),
            settings: self.live.alerts(),
        };
        let alerts = alert::run(alerts, alert_metrics, stopping.clone());
        let halt = worker.halt();
        let worker = tokio::spawn(worker.run(stopping.clone()));
        let catalog = loaded.catalog;
        let accounts =
            accounts::learn(catalog.clone(), loaded.own, self.accounts, stopping.clone());
        let intake = Intake::new(
            Arc::clone(&self.ledger),
            loaded.router,
            loaded.endpoints,
            self.live.intake(),
            stopping.clone(),
            intake_metrics,
        );
        let hint = Hint {
            after: config.hint_after,
            ledger: Arc::clone(&self.ledger),
            refusals: Arc::clone(&refusals),
            paste: feed.paste.clone(),
            address,
        };
        let upkeep = upkeep::tend(Arc::clone(&self.ledger), stopping.clone());
        let pauses = pauses::look(Arc::clone(&self.ledger), paused, stopping.clone());
        let public = Public {
            intake,
            ledger: self.ledger,
            public_url: public_url(&config, address),
            admin: door.under_public(),
            shutdown: stopping.clone(),
        };
        let public = Noted {
            handler: Arc::new(public),
            refusals,
            metrics: public_metrics,
        };
        let server = server::run(listener, Arc::new(public), config.server, stopping.clone());
        greet(&config, address, &catalog.borrow());
        door.greet();
        Ok(Tasks {
            stop,
            halt,
            server: tokio::spawn(server),
            admin: door.serve(config.server, stopping.clone()),
            worker,
            hint: tokio::spawn(hint.give(stopping.clone())),
            upkeep: tokio::spawn(upkeep),
            pauses: tokio::spawn(pauses),
            accounts: tokio::spawn(accounts),
            alerts: tokio::spawn(alerts),
            loader: tokio::spawn(self.loader.run(stopping.clone())),
            reload: (self.reload).map(|reload| tokio::spawn(reload.run(stopping))),
            companion: companion.map(|companion| tokio::spawn(companion(feed))),
        })
    }
}

/// What plugins call through.
fn outlet(config: &Config, ledger: Arc<dyn Ledger>, own: OwnListeners) -> Outlet {
    let resolver = Arc::new(SystemResolver);
    let network = Network::new(resolver, config.authorities.clone(), own)
        .within(files_for_calls(super::files_max()));
    Outlet {
        network: Arc::new(network),
        budget: Arc::new(InLedger(ledger)),
    }
}

/// Binds the public listener.
fn listen(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = server::bind(address).with_context(|| {
        format!("cannot listen on {address}; choose another address with --listen")
    })?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

impl Tasks {
    /// Waits for what ends the host: a signal, or a part that cannot go on.
    async fn until_told(
        &mut self,
        ledger: &dyn Ledger,
        signals: &mut Signals,
    ) -> anyhow::Result<()> {
        let mut failure = ledger.failure();
        tokio::select! {
            name = signals.next() => {
                tracing::info!(signal = name, "stopping; a second signal stops at once");
                Ok(())
            }
            Ok(reason) = failure.wait_for(Option::is_some) => {
                let reason = reason.as_deref().unwrap_or("unknown").to_owned();
                Err(anyhow::anyhow!("the ledger failed: {reason}; then start hookbox again"))
            }
            worker = &mut self.worker => Err(end_of("worker", worker)),
            loader = &mut self.loader => Err(end_of("loader", loader)),
        }
    }

    /// Stops everything in order. A second signal leaves no time for that.
    async fn stop(self, signals: &mut Signals) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        let halt = self.halt.clone();
        let drained = self.drain();
        tokio::pin!(drained);
        tokio::select! {
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
        }
    }

    async fn drain(self) -> anyhow::Result<()> {
        self.server.await.context("the listener's task failed")?;
        if let Some(admin) = self.admin {
            admin.await.context("the admin listener's task failed")?;
        }
        if !self.loader.is_finished() {
            self.loader.await.context("the loader's task failed")??;
        }
        self.hint.await.context("the hint's task failed")?;
        self.upkeep.await.context("the upkeep's task failed")?;
        self.pauses.await.context("the pauses' task failed")?;
        self.accounts.await.context("the accounts' task failed")?;
        self.alerts.await.context("the alerts' task failed")?;
        if let Some(reload) = self.reload {
            reload.await.context("the settings' task failed")?;
        }
        if let Some(companion) = self.companion {
            companion.await.context("the companion's task failed")?;
        }
        if !self.worker.is_finished() {
            self.worker.await.context("the worker's task failed")??;
        }
        Ok(())
    }
}

/// Looks the ledger's file through after a stop that was not orderly. Damage makes the ledger fail, and the host stop.
async fn check_integrity(ledger: Arc<SqliteLedger>) {
    match ledger.check_integrity().await {
        Ok(()) => tracing::info!("the last stop was not orderly; the ledger's file is sound"),
        Err(error) => {
            tracing::error!(%error, "the ledger's file could not be checked");
        }
    }
}

/// Why a task ended that was to run as long as the host.
fn end_of<E: std::error::Error + Send + Sync + 'static>(
    task: &str,
    ended: Result<Result<(), E>, JoinError>,
) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow::anyhow!("the {task} ended by itself; start hookbox again"),
        Ok(Err(error)) => anyhow::Error::new(error).context(format!("the {task} stopped")),
        Err(error) => anyhow::Error::new(error).context(format!("the {task}'s task failed")),
    }
}
