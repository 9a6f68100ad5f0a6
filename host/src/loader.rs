//! The loader: keeps the plugins that run true to what lies in the plugins folder.
//!
//! It looks at the folder, has what is new read and compiled on threads for blocking, notes in the ledger where
//! every plugin stands, and only then lets router, endpoints and worker see it. Until a version is ready the one
//! before it serves. It never runs a plugin and never writes to the folder.

mod job;
mod note;
mod register;

pub use register::Loaded;

use crate::clock::now_ms;
use crate::ledger::{Ledger, LedgerError};
use crate::plugin::Engine;
use crate::plugin::catalog::{Plugin, Presence};
use crate::plugin::folder::{Folder, FolderError};
use crate::plugin::grant::WrittenGrant;
use crate::plugin::lookout::{Change, Lookout, Seen};
use crate::plugin::store::Store;
use crate::secret::Secret;
use job::{Done, Job, Workshop};
use register::Register;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

/// The longest time between two looks at the folder: what the system does not tell of is seen then.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// The time to the next look while a file has not come to rest.
const LOOK_SOON: Duration = Duration::from_millis(50);

/// Components that are read or compiled at once.
const JOBS_MAX: usize = 2;

/// What a loader is made for.
#[derive(Debug, Clone)]
pub struct LoaderConfig {
    /// The plugins folder.
    pub plugins: PathBuf,
    /// The largest component, in bytes.
    pub component_bytes_max: u64,
    /// How long a plugin whose file has gone still gets (parked) runs: a redeploy often removes before it copies.
    pub missing_grace: Duration,
    /// The host's secrets, which open every endpoint without one of its own.
    pub secrets: Vec<Secret>,
}

/// A loader cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Keeps the plugins true to their folder.
pub struct Loader {
    workshop: Arc<Workshop>,
    config: LoaderConfig,
    memory_bytes_max: usize,
    wake: Arc<Notify>,
    /// Away while it looks, on a thread for blocking.
    lookout: Option<Box<Lookout>>,
    folder_failed: bool,
    plugins: BTreeMap<String, Plugin>,
    unusable: BTreeSet<String>,
    /// When each missing plugin is forgotten.
    forget_at: BTreeMap<String, Instant>,
    jobs: JoinSet<Done>,
    /// The plugin of each job under way.
    working: HashMap<tokio::task::Id, String>,
    waiting: BTreeMap<String, Job>,
    /// What is not told to the others yet.
    changed: BTreeSet<String>,
    register: Register,
    /// The components that the store was last told to keep.
    kept: HashSet<String>,
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
        let (register, known) = Register::open(ledger, config.secrets.clone()).await?;
        let loaded = register.loaded();
        let mut loader = Self {
            workshop: Arc::new(Workshop {
                folder,
                engine,
                store,
                component_bytes_max: config.component_bytes_max,
            }),
            config,
            memory_bytes_max,
            wake,
            lookout: Some(Box::new(lookout)),
            folder_failed: false,
            plugins: BTreeMap::new(),
            unusable: BTreeSet::new(),
            forget_at: BTreeMap::new(),
            jobs: JoinSet::new(),
            working: HashMap::new(),
            waiting: BTreeMap::new(),
            changed: BTreeSet::new(),
            register,
            kept: HashSet::new(),
        };
        for record in known {
            let plugin = note::remembered(&record, memory_bytes_max, now_ms());
            loader.changed.insert(plugin.name.clone());
            loader.plugins.insert(plugin.name.clone(), plugin);
        }
        loader.first_look().await?;
        Ok((loader, loaded))
    }

    /// Looks and loads until `stopping` turns true.
    pub async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut last_look = Instant::now();
        loop {
            self.start_jobs();
            self.publish().await;
            self.forget_missing().await;
            self.clean().await;
            let waits = self.lookout.as_ref().is_some_and(|lookout| lookout.waits());
            let pause = if waits { LOOK_SOON } else { LOOK_EVERY };
            tokio::select! {
                () = told(&mut stopping) => return,
                Some(done) = self.jobs.join_next_with_id() => self.finish(done),
                () = next_look(&self.wake, last_look, pause) => {
                    last_look = Instant::now();
                    self.look().await;
                }
            }
        }
    }

    async fn first_look(&mut self) -> Result<(), LoaderError> {
        let seen = self.with_lookout(Lookout::first_look).await;
        self.take_in(seen?);
        // A file whose version is active already needs no more than a look; any other is compiled now.
        self.start_jobs_but(|job| matches!(job, Job::Reload { .. }));
        while let Some(done) = self.jobs.join_next_with_id().await {
            self.finish(done);
            self.start_jobs_but(|job| matches!(job, Job::Reload { .. }));
        }
        let names: Vec<String> = self.plugins.keys().cloned().collect();
        for name in names {
            self.note_missing(&name);
        }
        self.register
            .publish(&mut self.changed, &self.plugins)
            .await?;
        Ok(())
    }

    async fn look(&mut self) {
        match self.with_lookout(Lookout::look).await {
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
    }

    /// Looks on a thread for blocking.
    async fn with_lookout(
        &mut self,
        look: fn(&mut Lookout) -> Result<Seen, FolderError>,
    ) -> Result<Seen, FolderError> {
        let Some(mut lookout) = self.lookout.take() else {
            return Ok(Seen::default());
        };
        let looked = tokio::task::spawn_blocking(move || {
            let seen = look(&mut lookout);
            (lookout, seen)
        });
        match looked.await {
            Ok((lookout, seen)) => {
                self.lookout = Some(lookout);
                seen
            }
            Err(error) => {
                tracing::error!(%error, "looking at the plugins folder failed; start hookbox again");
                Ok(Seen::default())
            }
        }
    }

    fn take_in(&mut self, seen: Seen) {
        for change in seen.changes {
            match change {
                Change::Granted(name, read) => self.regrant(name, read.map(|grant| *grant)),
                Change::Ungranted(name) => self.ungrant(name),
                Change::Appeared(name) => {
                    self.plugin(&name);
                    self.waiting.insert(name, Job::Read);
                }
                Change::Vanished(name) => {
                    self.waiting.remove(&name);
                    self.plugin(&name).vanish(now_ms());
                    self.note_missing(&name);
                }
            }
        }
        let gone: Vec<String> = (self.unusable.iter())
            .filter(|file| !seen.unusable.contains_key(*file))
            .cloned()
            .collect();
        for file in gone {
            self.unusable.remove(&file);
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

    /// A plugin that is about to change.
    fn plugin(&mut self, name: &str) -> &mut Plugin {
        self.changed.insert(name.to_owned());
        let default = || WrittenGrant::default_within(self.memory_bytes_max);
        let plugin = self
            .plugins
            .entry(name.to_owned())
            .or_insert_with(|| Plugin::new(name.to_owned()));
        plugin.grant_by_default(default);
        plugin
    }

    fn regrant(&mut self, name: String, read: Result<WrittenGrant, String>) {
        self.changed.insert(name.clone());
        if let Err(reason) = &read {
            tracing::warn!(plugin = name, reason, "this grant cannot be used");
        }
        let plugin = self
            .plugins
            .entry(name.clone())
            .or_insert_with(|| Plugin::new(name.clone()));
        plugin.regrant(read);
        self.judge_again(&name);
    }

    fn ungrant(&mut self, name: String) {
        let default = WrittenGrant::default_within(self.memory_bytes_max);
        let Some(plugin) = self.plugins.get_mut(&name) else {
            return;
        };
        self.changed.insert(name.clone());
        match plugin.presence() {
            Presence::Here => plugin.regrant(Ok(default)),
            Presence::Never => drop(self.plugins.remove(&name)),
            // A redeploy: what its operator granted still decides which events wait for it.
            Presence::Gone { .. } => return,
        }
        self.judge_again(&name);
    }

    /// Another grant may let a version run that was held.
    fn judge_again(&mut self, name: &str) {
        let held = self.plugins.get(name).is_some_and(Plugin::is_held);
        if let (true, Some(lookout)) = (held, &mut self.lookout) {
            lookout.again(name);
        }
    }

    /// Notes when a missing plugin is to be forgotten.
    fn note_missing(&mut self, name: &str) {
        let Some(Presence::Gone { since_ms }) = self.plugins.get(name).map(Plugin::presence) else {
            self.forget_at.remove(name);
            return;
        };
        let gone = Duration::from_millis(now_ms().saturating_sub(since_ms));
        let left = self.config.missing_grace.saturating_sub(gone);
        self.forget_at
            .entry(name.to_owned())
            .or_insert_with(|| Instant::now() + left);
    }

    fn start_jobs(&mut self) {
        self.start_jobs_but(|_| false);
    }

    /// Starts what there is room for, save what is to wait.
    fn start_jobs_but(&mut self, waits: impl Fn(&Job) -> bool) {
        let uncompiled = self
            .plugins
            .values()
            .filter(|plugin| plugin.is_uncompiled());
        for plugin in uncompiled {
            if let (Some(digest), false) = (plugin.active_digest(), self.is_busy(&plugin.name)) {
                let digest = digest.to_owned();
                self.waiting
                    .insert(plugin.name.clone(), Job::Reload { digest });
            }
        }
        while self.jobs.len() < JOBS_MAX {
            let next = (self.waiting.iter())
                .find(|(name, job)| !waits(job) && !self.is_working(name))
                .map(|(name, _)| name.clone());
            let Some((name, job)) = next.and_then(|name| self.waiting.remove_entry(&name)) else {
                return;
            };
            self.start_job(name, job);
        }
    }

    fn is_working(&self, plugin: &str) -> bool {
        self.working.values().any(|name| name == plugin)
    }

    fn is_busy(&self, plugin: &str) -> bool {
        self.waiting.contains_key(plugin) || self.is_working(plugin)
    }

    fn start_job(&mut self, name: String, job: Job) {
        let (workshop, plugin) = (Arc::clone(&self.workshop), name.clone());
        let task = self
            .jobs
            .spawn_blocking(move || workshop.work(&plugin, job));
        self.working.insert(task.id(), name);
    }

    fn finish(&mut self, done: Result<(tokio::task::Id, Done), JoinError>) {
        let (id, done) = match done {
            Ok((id, done)) => (id, Some(done)),
            Err(error) => {
                tracing::error!(%error, "a component could not be compiled: please report this");
                (error.id(), None)
            }
        };
        let Some(name) = self.working.remove(&id) else {
            return;
        };
        match done {
            Some(Done::Gone) => {}
            Some(Done::Read { digest, bytes }) => self.finish_reading(&name, digest, bytes),
            Some(Done::Unreadable { reason }) => {
                self.plugin(&name).appear();
                self.plugin(&name).refuse(None, reason);
            }
            Some(Done::Refused { digest, reason }) => {
                self.plugin(&name).refuse(Some(digest), reason);
            }
            Some(Done::Compiled(component)) => self.plugin(&name).load(component),
            Some(Done::Reloaded(component)) => self.plugin(&name).reload(component),
            Some(Done::Lost { digest, reason }) => {
                tracing::error!(plugin = name, reason, "a plugin's active version is lost");
                self.plugin(&name).lose(&digest, reason);
            }
            None => {
                let reason = "compiling it failed; the host's log says more".to_owned();
                self.plugin(&name).refuse(None, reason);
            }
        }
        self.note_missing(&name);
    }

    fn finish_reading(&mut self, name: &str, digest: String, bytes: Vec<u8>) {
        if let Some(lookout) = &mut self.lookout
            && lookout.is_being_written(name)
        {
            lookout.again(name);
            return;
        }
        let plugin = self.plugin(name);
        plugin.appear();
        if plugin.active_digest() == Some(&digest) {
            plugin.confirm();
        } else if let Some(reason) = plugin.unpinned(&digest) {
            plugin.hold(digest, reason);
        } else if !plugin.has_refused(&digest) {
            plugin.compile(digest.clone());
            self.start_job(name.to_owned(), Job::Compile { digest, bytes });
        }
    }

    /// Tells the others; what the ledger cannot note now is tried again with the next look.
    async fn publish(&mut self) {
        if self.changed.is_empty() {
            return;
        }
        let published = self.register.publish(&mut self.changed, &self.plugins);
        if let Err(error) = published.await {
            tracing::warn!(%error, "changes of plugins wait for the ledger");
        }
    }

    /// Forgets plugins whose file has been gone for longer than the grace: they get nothing more, and their parked
    /// runs are dead.
    async fn forget_missing(&mut self) {
        let now = Instant::now();
        let due: Vec<String> = (self.forget_at.iter())
            .filter(|(name, at)| **at <= now && !self.is_busy(name))
            .map(|(name, _)| name.clone())
            .collect();
        for name in &due {
            tracing::warn!(
                plugin = name,
                "its file is still gone: forgotten, its parked runs are dead"
            );
            self.forget_at.remove(name);
            self.plugins.remove(name);
            self.changed.insert(name.clone());
            // A grant that still lies there is one alone now.
            if let Some(lookout) = &mut self.lookout {
                lookout.grant_again(name);
            }
        }
        if !due.is_empty() {
            self.publish().await;
        }
    }

    /// Has the store drop what is no longer in use.
    async fn clean(&mut self) {
        if !self.jobs.is_empty() || !self.waiting.is_empty() || !self.changed.is_empty() {
            return;
        }
        let kept: HashSet<String> = self.plugins.values().flat_map(Plugin::digests).collect();
        if kept == self.kept {
            return;
        }
        self.kept.clone_from(&kept);
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
