//! The loader: keeps the plugins that run true to what lies in the plugins folder.
//!
//! It looks at the folder, has what is new read and compiled on threads for blocking, notes in the ledger where
//! every plugin stands, and only then lets router, endpoints and worker see it. Until a version is ready the one
//! before it serves. It never runs a plugin and never writes to the folder.

mod config;
mod equipment;
mod first;
mod grace;
mod job;
mod metrics;
mod note;
mod queue;
mod register;
mod retries;

pub use config::{LoaderConfig, LoaderError, LoaderSettings};
pub use metrics::LoaderMetrics;
pub use register::{Loaded, OwnAccounts};

use crate::ledger::{Ledger, PluginRecord};
use crate::plugin::catalog::{Plugin, Presence};
use crate::plugin::folder::{Folder, FolderError};
use crate::plugin::grant::WrittenGrant;
use crate::plugin::lookout::{Change, Lookout, Seen};
use crate::plugin::store::Store;
use crate::plugin::want::unmet_wishes;
use crate::plugin::{Engine, PluginName};
use job::{Done, Job, Workshop};
use queue::Queue;
use register::Register;
use retries::Retries;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// The longest time between two looks at the folder: what the system does not tell of is seen then.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// The time to the next look while a file has not come to rest.
const LOOK_SOON: Duration = Duration::from_millis(50);

/// Keeps the plugins true to their folder.
pub struct Loader {
    workshop: Arc<Workshop>,
    queue: Queue,
    settings: watch::Receiver<LoaderSettings>,
    own: watch::Receiver<Arc<OwnAccounts>>,
    /// Those that are taken up.
    taken_up: LoaderSettings,
    memory_bytes_max: usize,
    wake: Arc<Notify>,
    /// Away while it looks, on a thread for blocking.
    lookout: Option<Box<Lookout>>,
    folder_failed: bool,
    plugins: BTreeMap<String, Plugin>,
    /// The plugins whose grant file is there.
    granted: BTreeSet<String>,
    /// The plugins whose component file is there, read or not.
    present: BTreeSet<String>,
    /// File names that no plugin can have.
    unusable: BTreeSet<String>,
    /// When each missing plugin is forgotten.
    forget_at: BTreeMap<String, Instant>,
    /// What is tried again because it may have failed for a passing reason.
    retries: Retries,
    /// What is not told to the others yet.
    changed: BTreeSet<String>,
    register: Register,
    /// Whether the ledger could not note the last changes.
    unnoted: bool,
    /// The components that the store was last told to keep, if it has taken in nothing since.
    kept: Option<HashSet<String>>,
}

impl Loader {
    /// Looks at the folder for the first time. When this returns, every file in it has a manifest or a reason; what
    /// was active before and is so still is compiled later.
    ///
    /// # Errors
    /// [`LoaderError`].
    pub async fn start(
        ledger: Arc<dyn Ledger>,
        engine: Engine,
        store: Store,
        config: LoaderConfig,
    ) -> Result<(Self, Loaded), LoaderError> {
        let memory_bytes_max = engine.config().memory_bytes_max;
        let folder = Folder::new(&config.plugins);
        let wake = Arc::new(Notify::new());
        let lookout = Lookout::new(folder.clone(), Arc::clone(&wake), memory_bytes_max);
        let mut settings = config.settings;
        let taken_up = settings.borrow_and_update().clone();
        let (register, known) =
            Register::open(ledger, taken_up.secrets.clone(), config.outlet).await?;
        let loaded = register.loaded();
        let workshop = Arc::new(Workshop {
            folder,
            engine,
            store,
            settings: settings.clone(),
        });
        let mut loader = Self {
            queue: Queue::new(Arc::clone(&workshop)),
            workshop,
            settings,
            own: config.own,
            taken_up,
            memory_bytes_max,
            wake,
            lookout: Some(Box::new(lookout)),
            folder_failed: false,
            plugins: BTreeMap::new(),
            granted: BTreeSet::new(),
            present: BTreeSet::new(),
            unusable: BTreeSet::new(),
            forget_at: BTreeMap::new(),
            retries: Retries::default(),
            changed: BTreeSet::new(),
            register,
            unnoted: false,
            kept: None,
        };
        loader.remember(known);
        loader.first_look().await?;
        Ok((loader, loaded))
    }

    /// Looks and loads until `stopping` turns true.
    ///
    /// # Errors
    /// [`LoaderError::Broken`]: what is in the folder is no longer known.
    pub async fn run(mut self, mut stopping: watch::Receiver<bool>) -> Result<(), LoaderError> {
        let mut last_look = Instant::now();
        loop {
            self.retry();
            self.reload_active();
            self.queue.start();
            self.tell_slow();
            self.forget_missing();
            self.publish().await;
            self.clean().await;
            let waits = self.lookout.as_ref().is_some_and(|lookout| lookout.waits());
            let pause = if waits { LOOK_SOON } else { LOOK_EVERY };
            tokio::select! {
                () = told(&mut stopping) => {
                    self.queue.stop().await;
                    return Ok(());
                }
                Some((plugin, done)) = self.queue.finished() => self.finish(plugin, done),
                Ok(()) = self.settings.changed() => self.take_up_settings(),
                Ok(()) = self.own.changed() => {
                    let own = Arc::clone(&self.own.borrow_and_update());
                    self.changed.extend(self.register.take_own(own));
                }
                () = next_look(&self.wake, last_look, pause) => {
                    last_look = Instant::now();
                    self.look().await?;
                }
            }
        }
    }

    /// Takes up what the ledger knows of plugins.
    fn remember(&mut self, known: Vec<PluginRecord>) {
        for record in known {
            self.changed.insert(record.name.clone());
            // A file that no plugin can have is known only as long as it is there.
            if PluginName::parse(&record.name).is_ok() {
                let plugin = note::remembered(&record, self.memory_bytes_max);
                if plugin.candidate().is_some() {
                    self.retries.note_judged(&record.name, Instant::now());
                }
                self.plugins.insert(record.name, plugin);
            }
        }
    }

    async fn look(&mut self) -> Result<(), LoaderError> {
        match self.with_lookout(Lookout::look).await? {
            Ok(seen) => {
                self.folder_failed = false;
                self.take_in(seen);
            }
            Err(error) if !self.folder_failed => {
                tracing::error!(%error, "plugins stay as they are meanwhile");
                self.folder_failed = true;
            }
            Err(_) => {}
        }
        self.register.refresh_secrets(&self.plugins).await;
        let stale = self.register.stale_credentials(&self.plugins).await;
        self.changed.extend(stale);
        Ok(())
    }

    /// Looks on a thread for blocking.
    async fn with_lookout(
        &mut self,
        look: fn(&mut Lookout) -> Result<Seen, FolderError>,
    ) -> Result<Result<Seen, FolderError>, LoaderError> {
        let mut lookout = self.lookout.take().ok_or(LoaderError::Broken)?;
        let looked = tokio::task::spawn_blocking(move || {
            let seen = look(&mut lookout);
            (lookout, seen)
        });
        let (lookout, seen) = looked.await.map_err(|_| LoaderError::Broken)?;
        self.lookout = Some(lookout);
        Ok(seen)
    }

    fn take_in(&mut self, seen: Seen) {
        self.present = seen.present;
        for change in seen.changes {
            match change {
                Change::Vanished(name) => self.vanish(&name),
                Change::Ungranted(name) => self.ungrant(&name),
                Change::Granted(name, read) => self.regrant(name, read.map(|grant| *grant)),
                Change::Appeared(name) => self.read(&name),
            }
        }
        let gone = self
            .unusable
            .extract_if(.., |file| !seen.unusable.contains_key(file));
        for file in gone {
            self.plugins.remove(&file);
            self.changed.insert(file);
        }
        for (file, reason) in seen.unusable {
            if self.unusable.insert(file.clone()) {
                let plugin = Plugin::unusable(file.clone(), reason);
                self.plugins.insert(file.clone(), plugin);
                self.changed.insert(file);
            }
        }
    }

    fn regrant(&mut self, name: String, read: Result<WrittenGrant, String>) {
        self.changed.insert(name.clone());
        self.granted.insert(name.clone());
        let plugin =
            (self.plugins.entry(name.clone())).or_insert_with(|| Plugin::new(name.clone()));
        plugin.regrant(read);
        if let Some(reason) = plugin.grant_problem() {
            tracing::warn!(plugin = name, reason, "this grant cannot be used");
        }
        self.judge_again(&name);
    }

    fn ungrant(&mut self, name: &str) {
        self.granted.remove(name);
        let default = WrittenGrant::default_within(self.memory_bytes_max);
        let Some(plugin) = self.plugins.get_mut(name) else {
            return;
        };
        match plugin.presence() {
            Presence::Here => plugin.ungrant(default),
            Presence::Never => drop(self.plugins.remove(name)),
            // A redeploy: what its operator granted still decides which events wait for it.
            Presence::Gone { .. } => return,
        }
        self.changed.insert(name.to_owned());
        self.judge_again(name);
    }

    /// Another grant may let a version run that was held.
    fn judge_again(&mut self, name: &str) {
        if self.plugins.get(name).is_some_and(Plugin::is_held) {
            self.retries.end(name);
            self.read(name);
        }
    }

    fn take_up_settings(&mut self) {
        let now = self.settings.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.taken_up, now);
        self.register.take_secrets(&self.taken_up.secrets);
        self.change_grace(before.missing_grace);
        // What was too large may fit now.
        if self.taken_up.component_bytes_max > before.component_bytes_max {
            for name in self.present.clone() {
                self.read(&name);
            }
        }
    }

    /// Has a plugin's file read.
    fn read(&mut self, name: &str) {
        let known = self
            .plugins
            .get(name)
            .map(|plugin| plugin.digests().collect());
        let known = known.unwrap_or_default();
        self.queue.push(name, Job::Read { known });
    }

    /// A plugin whose file was found.
    fn plugin(&mut self, name: &str, digest: Option<&str>) -> &mut Plugin {
        self.changed.insert(name.to_owned());
        self.forget_at.remove(name);
        let before = self.plugins.get(name).map(Plugin::presence);
        if before != Some(Presence::Here) && !self.granted.contains(name) {
            self.miss_grant(name);
        }
        let default = || WrittenGrant::default_within(self.memory_bytes_max);
        let plugin = (self.plugins.entry(name.to_owned())).or_insert_with(|| {
            let mut plugin = Plugin::new(name.to_owned());
            plugin.ungrant(default());
            plugin
        });
        plugin.appear(digest);
        plugin
    }

    /// There is no grant file for a plugin that was not looked at before. The last good one counts until it is certain
    /// that there is none: it may be on its way.
    fn miss_grant(&mut self, name: &str) {
        let has_grant = |plugin: &Plugin| plugin.usable_grant().is_ok();
        if !self.plugins.get(name).is_some_and(has_grant) {
            self.ungrant(name);
        } else if let Some(lookout) = &mut self.lookout {
            lookout.expect_grant(name);
        }
    }

    fn finish(&mut self, name: Option<String>, done: Done) {
        // What nobody waits for any more: its file went.
        let Some(name) = name else {
            return;
        };
        self.changed.insert(name.clone());
        match done {
            Done::Gone => {}
            Done::Unreadable { reason } => {
                self.queue.void_compiles(&name, None);
                self.plugin(&name, None).refuse(None, reason);
                self.retries.put_off(&name, Instant::now());
            }
            Done::Read { digest } => self.finish_reading(&name, digest),
            Done::Compiled(component) => {
                self.retries.note_judged(&name, Instant::now());
                self.with(&name, |plugin| {
                    for want in unmet_wishes(component.manifest(), plugin.grant()) {
                        let plugin = &plugin.name;
                        tracing::warn!(plugin, want, "it would like what is not granted");
                    }
                    plugin.judge(component);
                });
            }
            Done::Refused { digest, reason } => {
                self.retries.note_judged(&name, Instant::now());
                self.with(&name, |plugin| plugin.judge_bad(digest, reason));
            }
            Done::Failed { digest, reason } => {
                tracing::error!(plugin = name, reason, "trying again");
                self.with(&name, |plugin| plugin.judge_bad(digest, reason));
                self.retries.put_off(&name, Instant::now());
            }
            Done::Reloaded(component) => {
                self.retries.end(&name);
                self.with(&name, |plugin| plugin.reload(component));
            }
            Done::Suspended { digest, reason } => {
                tracing::warn!(plugin = name, reason, "trying again");
                self.with(&name, |plugin| plugin.suspend(&digest, reason));
                self.retries.put_off(&name, Instant::now());
            }
        }
    }

    fn with(&mut self, name: &str, change: impl FnOnce(&mut Plugin)) {
        if let Some(plugin) = self.plugins.get_mut(name) {
            change(plugin);
        }
    }

    fn finish_reading(&mut self, name: &str, digest: String) {
        // A copy that nobody asked for yet: what comes of it may be nothing.
        self.kept.take_if(|kept| !kept.contains(&digest));
        let lookout = self.lookout.as_mut();
        if let Some(lookout) = lookout.filter(|lookout| lookout.is_being_written(name)) {
            lookout.again(name);
            return;
        }
        self.queue.void_compiles(name, Some(&digest));
        let is_early = self.retries.is_early(name, Instant::now());
        let plugin = self.plugin(name, Some(&digest));
        if plugin.active_digest() == Some(&digest) {
            plugin.confirm();
        } else if let Some(reason) = plugin.unpinned(&digest) {
            plugin.hold(digest, reason);
        } else if is_early && plugin.has_judged(&digest) {
            // It was judged a moment ago; that it is there again may mean that its owner wants it tried again.
            self.retries.put_off(name, Instant::now());
        } else if !plugin.is_compiling(&digest) {
            plugin.begin(digest.clone());
            self.queue.push(name, Job::Compile { digest });
        }
    }

    /// Tries again what may have failed for a passing reason.
    fn retry(&mut self) {
        for name in self.retries.due(Instant::now()) {
            let Some(plugin) = self.plugins.get(&name) else {
                continue;
            };
            if let (true, Some(digest)) = (plugin.is_suspended(), plugin.active_digest()) {
                let digest = digest.to_owned();
                self.queue.push(&name, Job::Reload { digest });
            }
            if plugin.presence() == Presence::Here {
                self.read(&name);
            }
        }
    }

    /// Has the active versions compiled that are not yet.
    fn reload_active(&mut self) {
        for plugin in self
            .plugins
            .values()
            .filter(|plugin| plugin.is_uncompiled())
        {
            if let Some(digest) = plugin.active_digest() {
                let digest = digest.to_owned();
                let job = Job::Reload { digest };
                if !self.queue.has(&plugin.name, &job) {
                    self.queue.push(&plugin.name, job);
                }
            }
        }
    }

    /// Tells the others; what the ledger cannot note now is tried again with the next look.
    async fn publish(&mut self) {
        let published = self.register.publish(&mut self.changed, &self.plugins);
        match published.await {
            Ok(()) => self.unnoted = false,
            Err(error) if !self.unnoted => {
                tracing::warn!(%error, "changes of plugins wait for the ledger");
                self.unnoted = true;
            }
            Err(_) => {}
        }
    }

    /// Has the store drop what is no longer in use.
    async fn clean(&mut self) {
        if !self.queue.is_idle() || !self.changed.is_empty() {
            return;
        }
        let kept: HashSet<String> = self.plugins.values().flat_map(Plugin::digests).collect();
        if self.kept.as_ref() == Some(&kept) {
            return;
        }
        self.kept = Some(kept.clone());
        let workshop = Arc::clone(&self.workshop);
        let cleaned = tokio::task::spawn_blocking(move || workshop.store.retain(&kept));
        if let Err(error) = cleaned.await {
            tracing::warn!(%error, "the data folder could not be tidied");
        }
    }
}

/// Waits until the host stops.
async fn told(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    drop(stopping.wait_for(|stop| *stop).await);
}

/// Waits until it is worth looking, and not less than a little after the last look.
async fn next_look(wake: &Notify, last_look: Instant, pause: Duration) {
    // Either end of the wait means the same.
    let _ = tokio::time::timeout_at(last_look + pause, wake.notified()).await;
    tokio::time::sleep_until(last_look + LOOK_SOON).await;
}
