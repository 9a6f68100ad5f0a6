//! What the rest of the host sees of plugins: noted in the ledger first, then shown to router, endpoints and worker.

use super::equipment::Equipment;
use super::note;
use crate::intake::{Endpoint, Endpoints};
use crate::ledger::{Ledger, LedgerError, OwnAccount, PluginRecord, PluginState};
use crate::plugin::PluginName;
use crate::plugin::capability::http::Outlet;
use crate::plugin::catalog::{Catalog, Plugin};
use crate::router::Router;
use crate::secret::{Secret, SecretRef};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::sync::watch;

/// Plugins' own accounts: each one's that has a credential for the Hub and ignores what its account writes.
pub type OwnAccounts = BTreeMap<String, OwnAccount>;

/// What the loader tells the rest of the host, now and whenever it changes.
#[derive(Clone)]
pub struct Loaded {
    /// From events to plugins.
    pub router: watch::Receiver<Arc<Router>>,
    /// From plugins to secrets.
    pub endpoints: watch::Receiver<Arc<Endpoints>>,
    /// The plugins themselves.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// The plugins' own accounts, as they are noted.
    pub own: Arc<OwnAccounts>,
}

/// Notes plugins, and shows them.
pub struct Register {
    ledger: Arc<dyn Ledger>,
    secrets: Vec<Secret>,
    noted: BTreeMap<String, PluginRecord>,
    own: Arc<OwnAccounts>,
    endpoints: HashMap<String, Endpoint>,
    equipment: Equipment,
    router: watch::Sender<Arc<Router>>,
    endpoints_seen: watch::Sender<Arc<Endpoints>>,
    catalog: watch::Sender<Arc<Catalog>>,
}

impl Register {
    /// Takes up what the ledger knows of plugins, and returns it.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn open(
        ledger: Arc<dyn Ledger>,
        secrets: Vec<Secret>,
        outlet: Outlet,
    ) -> Result<(Self, Vec<PluginRecord>), LedgerError> {
        let known = ledger.plugins().await?;
        let names = ledger.known_plugins().await?;
        let endpoints: HashMap<_, _> = (names.into_iter())
            .filter(|name| PluginName::parse(name).is_ok())
            .map(|name| (name, Endpoint::Host))
            .collect();
        let noted = known
            .iter()
            .map(|record| (record.name.clone(), record.clone()));
        let own = known
            .iter()
            .filter_map(|record| Some((record.name.clone(), record.own.clone()?)));
        let register = Self {
            ledger,
            own: Arc::new(own.collect()),
            noted: noted.collect(),
            // What was noted before is routed to from the start: it may not change.
            router: watch::Sender::new(Arc::new(Router::of(&known))),
            // Never without the secrets, also before there is a plugin.
            endpoints_seen: watch::Sender::new(Arc::new(Endpoints::new(
                secrets.clone(),
                endpoints.clone(),
            ))),
            catalog: watch::Sender::default(),
            secrets,
            endpoints,
            equipment: Equipment::new(outlet),
        };
        Ok((register, known))
    }

    /// What the others see.
    pub fn loaded(&self) -> Loaded {
        Loaded {
            router: self.router.subscribe(),
            endpoints: self.endpoints_seen.subscribe(),
            catalog: self.catalog.subscribe(),
            own: Arc::clone(&self.own),
        }
    }

    /// Notes what has changed, then lets the others see it.
    ///
    /// # Errors
    /// The ledger's, the first: what it could not note stays in `changed`, and is not seen either.
    pub async fn publish(
        &mut self,
        changed: &mut BTreeSet<String>,
        plugins: &BTreeMap<String, Plugin>,
    ) -> Result<(), LedgerError> {
        if changed.is_empty() {
            return Ok(());
        }
        let mut catalog = Catalog::clone(&self.catalog.borrow());
        let (mut failed, mut routed, mut opened) = (BTreeSet::new(), false, false);
        let mut result = Ok(());
        for name in std::mem::take(changed) {
            let plugin = plugins.get(&name);
            match self.note(&name, plugin).await {
                Ok(reroutes) => routed |= reroutes,
                Err(error) => {
                    result = result.and(Err(error));
                    failed.insert(name);
                    continue;
                }
            }
            opened |= self.open_endpoint(&name, plugin).await;
            match plugin.cloned() {
                Some(mut plugin) => {
                    plugin.http = self.equipment.of(&plugin).await;
                    catalog.plugins.insert(name, Arc::new(plugin))
                }
                None => {
                    self.equipment.forget(&name);
                    catalog.plugins.remove(&name)
                }
            };
        }
        *changed = failed;
        if opened {
            self.show_endpoints();
        }
        if routed {
            let router = Router::of(self.noted.values());
            self.router.send_replace(Arc::new(router));
        }
        // A plugin that is noted as it was may still have been loaded, or granted something else.
        self.catalog.send_replace(Arc::new(catalog));
        result
    }

    /// Reads the endpoints' own secrets again where they may have changed: those in files, and those that could not be
    /// read.
    pub async fn refresh_secrets(&mut self, plugins: &BTreeMap<String, Plugin>) {
        let mut opened = false;
        for (name, plugin) in plugins {
            let secret = plugin.grant().secret.as_ref();
            let is_closed = matches!(self.endpoints.get(name), Some(Endpoint::Closed { .. }));
            if is_closed && secret.is_some() || matches!(secret, Some(SecretRef::File(_))) {
                opened |= self.open_endpoint(name, Some(plugin)).await;
            }
        }
        if opened {
            self.show_endpoints();
        }
    }

    /// The plugins of which a credential is another one than before.
    pub async fn stale_credentials(&self, plugins: &BTreeMap<String, Plugin>) -> Vec<String> {
        self.equipment.stale(plugins).await
    }

    /// Opens the host's endpoints to these secrets, and to no others, from now on.
    pub fn take_secrets(&mut self, secrets: &[Secret]) {
        if self.secrets != secrets {
            secrets.clone_into(&mut self.secrets);
            self.show_endpoints();
        }
    }

    /// Takes up the plugins' own accounts. Returns the plugins of which another one is to be noted.
    pub fn take_own(&mut self, own: Arc<OwnAccounts>) -> Vec<String> {
        self.own = own;
        let noted = self.noted.values();
        let stale = noted.filter(|record| record.own.as_ref() != self.own.get(&record.name));
        stale.map(|record| record.name.clone()).collect()
    }

    fn show_endpoints(&self) {
        let endpoints = Endpoints::new(self.secrets.clone(), self.endpoints.clone());
        self.endpoints_seen.send_replace(Arc::new(endpoints));
    }

    /// Notes a plugin, if it is not noted like that already. Returns whether it is routed to in another way now.
    async fn note(&mut self, name: &str, plugin: Option<&Plugin>) -> Result<bool, LedgerError> {
        let record = plugin.and_then(note::record).map(|record| PluginRecord {
            own: self.own.get(name).cloned(),
            ..record
        });
        let before = self.noted.get(name);
        if before == record.as_ref() {
            return Ok(false);
        }
        // A file that never was a plugin has no manifest, and no route: thousands of them cost no more than their notes.
        let has_manifest =
            |record: Option<&PluginRecord>| record.is_some_and(|one| one.manifest.is_some());
        let reroutes = has_manifest(before) || has_manifest(record.as_ref());
        // What was known of it and is so no more was forgotten, also if a grant of that name still lies there.
        let forgotten = |before: &PluginRecord| {
            before.manifest.is_some() && record.as_ref().is_none_or(|now| now.manifest.is_none())
        };
        if record.is_none() || before.is_some_and(forgotten) {
            self.ledger.forget_plugin(name.to_owned()).await?;
            self.noted.remove(name);
        }
        if let Some(record) = record {
            self.ledger.put_plugin(record.clone()).await?;
            tracing::debug!(plugin = name, "plugin is noted");
            tell(&record, self.noted.get(name));
            self.noted.insert(name.to_owned(), record);
        }
        Ok(reroutes)
    }

    /// Opens a plugin's endpoint to whom its grant says; `false` if it is open to them already.
    async fn open_endpoint(&mut self, name: &str, plugin: Option<&Plugin>) -> bool {
        let endpoint = match plugin.cloned() {
            Some(plugin) => tokio::task::spawn_blocking(move || note::endpoint(&plugin))
                .await
                .unwrap_or_else(|error| {
                    let reason = error.to_string();
                    Some(Endpoint::Closed { reason })
                }),
            // A name that was known once stays known: what is posted to it is still recorded.
            None => self.endpoints.contains_key(name).then_some(Endpoint::Host),
        };
        let Some(endpoint) = endpoint.filter(|now| self.endpoints.get(name) != Some(now)) else {
            return false;
        };
        match (&endpoint, self.endpoints.get(name)) {
            (Endpoint::Closed { reason }, _) => {
                tracing::error!(plugin = name, reason, "its endpoint is closed");
            }
            (Endpoint::Host, Some(Endpoint::Own(_) | Endpoint::Closed { .. })) => {
                tracing::warn!(
                    plugin = name,
                    "its endpoint has no secret of its own any more: the host's open it"
                );
            }
            _ => {}
        }
        self.endpoints.insert(name.to_owned(), endpoint);
        true
    }
}

/// Tells the log what has become of a plugin.
fn tell(record: &PluginRecord, before: Option<&PluginRecord>) {
    let (plugin, reason) = (&record.name, record.reason.as_deref());
    let active = record.active.as_deref();
    match record.state {
        PluginState::Loaded
            if before.is_some_and(|before| {
                before.active == record.active && before.state == record.state
            }) => {}
        PluginState::Loaded => tracing::info!(plugin, digest = active, reason, "plugin loaded"),
        PluginState::Compiling => tracing::debug!(plugin, "plugin is being compiled"),
        state => tracing::warn!(
            plugin,
            state = state.as_str(),
            reason,
            "plugin does not run"
        ),
    }
    let Some(candidate) = record.candidate.as_ref().filter(|_| active.is_some()) else {
        return;
    };
    if candidate.state != PluginState::Compiling {
        tracing::warn!(
            plugin,
            state = candidate.state.as_str(),
            reason = candidate.reason.as_deref(),
            "a new version does not run; the active one stays"
        );
    }
}
