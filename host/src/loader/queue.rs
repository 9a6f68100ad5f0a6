//! The jobs under way and those that wait: reads and compiles each have their own bound, so that a slow compile never
//! keeps another plugin's file from being read; first come, first served. What is not in a file any more is dropped.

use super::job::{Done, Job, Workshop};
use crate::plugin::compiler::compiles_max;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout};

/// Files that are read at once.
const READS_MAX: usize = 2;

/// How long a component may be compiled before that is worth telling.
const SLOW: Duration = Duration::from_secs(2);

/// How long what is under way may take to end when the host stops. What is compiled has been killed by then.
const STOP: Duration = Duration::from_secs(1);

/// The jobs of all plugins.
pub struct Queue {
    workshop: Arc<Workshop>,
    compiles_max: usize,
    under_way: JoinSet<Done>,
    started: HashMap<Id, (String, Job)>,
    /// When what is being compiled was begun, and whether that was told.
    compiling: HashMap<Id, (Instant, Told)>,
    waiting: VecDeque<(String, Job)>,
}

/// Whether people know that a component takes long to compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Not,
    Already,
}

impl Queue {
    /// An empty queue.
    pub fn new(workshop: Arc<Workshop>) -> Self {
        Self {
            workshop,
            compiles_max: compiles_max(),
            under_way: JoinSet::new(),
            started: HashMap::new(),
            compiling: HashMap::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Queues a job; one like it that waits already keeps its place.
    pub fn push(&mut self, plugin: &str, job: Job) {
        let is_same = |(name, waits): &&mut (String, Job)| name == plugin && waits.is_like(&job);
        match self.waiting.iter_mut().find(is_same) {
            // Its place stays, what it knows is of now.
            Some((_, waits)) => *waits = job,
            None => self.waiting.push_back((plugin.to_owned(), job)),
        }
    }

    /// Drops a plugin's reads: its file went.
    pub fn void_reads(&mut self, plugin: &str) {
        let is_read = |name: &str, job: &Job| name == plugin && matches!(job, Job::Read { .. });
        self.waiting.retain(|(name, job)| !is_read(name, job));
        self.started.retain(|_, (name, job)| !is_read(name, job));
    }

    /// Drops a plugin's compiles of what is not in its file any more; `digest` is what is. What is under way ends with
    /// the next start.
    pub fn void_compiles(&mut self, plugin: &str, digest: Option<&str>) {
        let is_void = |name: &str, job: &Job| match job {
            Job::Compile { digest: other } => name == plugin && digest != Some(other.as_str()),
            Job::Read { .. } | Job::Reload { .. } => false,
        };
        self.waiting.retain(|(name, job)| !is_void(name, job));
        self.started.retain(|_, (name, job)| !is_void(name, job));
    }

    /// Ends what is being compiled and nobody waits for.
    fn end_unwanted(&self) {
        if self.compiling.is_empty() {
            return;
        }
        let jobs = self.started.values().map(|(_, job)| job);
        let wanted = jobs.filter_map(|job| match job {
            Job::Compile { digest } | Job::Reload { digest } => Some(digest.as_str()),
            Job::Read { .. } => None,
        });
        let compiler = self.workshop.store.compiler();
        compiler.end_all_but(&wanted.collect());
    }

    /// Whether a plugin has a job like this, under way or waiting.
    pub fn has(&self, plugin: &str, job: &Job) -> bool {
        let started = self.started.values().chain(&self.waiting);
        started
            .into_iter()
            .any(|(name, other)| name == plugin && other.is_like(job))
    }

    /// Whether there is nothing to do, and nothing being done.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.waiting.is_empty()
    }

    /// Whether no job of a kind is under way or waits.
    pub fn is_done_with(&self, is_kind: impl Fn(&Job) -> bool) -> bool {
        !self
            .started
            .values()
            .chain(&self.waiting)
            .any(|(_, job)| is_kind(job))
    }

    /// Starts what there is room for. A plugin's jobs of one kind are done one after the other.
    pub fn start(&mut self) {
        self.end_unwanted();
        let mut at = 0;
        while let Some((name, job)) = self.waiting.get(at) {
            if !self.has_room(name, job) {
                at += 1;
                continue;
            }
            let Some((name, job)) = self.waiting.remove(at) else {
                return;
            };
            let (workshop, plugin, work) = (Arc::clone(&self.workshop), name.clone(), job.clone());
            let task = self
                .under_way
                .spawn_blocking(move || workshop.work(&plugin, work));
            if !job.is_read() {
                let begun = (Instant::now(), Told::Not);
                self.compiling.insert(task.id(), begun);
            }
            self.started.insert(task.id(), (name, job));
        }
    }

    fn has_room(&self, plugin: &str, job: &Job) -> bool {
        let alike = self
            .started
            .values()
            .filter(|(_, other)| other.is_read() == job.is_read());
        let mut alike = alike.map(|(name, _)| name);
        // Also those whose result nobody waits for any more.
        let is_room = if job.is_read() {
            alike.clone().count() < READS_MAX
        } else {
            self.compiling.len() < self.compiles_max
        };
        is_room
            && self.under_way.len() < READS_MAX + self.compiles_max
            && !alike.any(|name| name == plugin)
    }

    /// The plugins a version of which has been compiled for long, with its digest and since when; each is told once.
    pub fn newly_slow(&mut self) -> Vec<(String, String, Duration)> {
        let mut slow = Vec::new();
        for (id, (began, told)) in &mut self.compiling {
            let (name, job) = match self.started.get(id) {
                Some(started) if *told == Told::Not && began.elapsed() >= SLOW => started,
                _ => continue,
            };
            *told = Told::Already;
            if let Job::Compile { digest } | Job::Reload { digest } = job {
                slow.push((name.clone(), digest.clone(), began.elapsed()));
            }
        }
        slow
    }

    /// Ends what is being compiled, and waits for that.
    pub async fn stop(&mut self) {
        self.workshop.store.compiler().stop();
        let ended = async { while self.under_way.join_next().await.is_some() {} };
        if timeout(STOP, ended).await.is_err() {
            tracing::debug!("what is being read or described is not waited for");
        }
    }

    /// Waits for a job's end; `None` if none is under way. What nobody waits for any more has no plugin.
    pub async fn finished(&mut self) -> Option<(Option<String>, Done)> {
        let ended = self.under_way.join_next_with_id().await?;
        Some(self.take(ended))
    }

    fn take(&mut self, ended: Result<(Id, Done), JoinError>) -> (Option<String>, Done) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        if let Some((began, Told::Already)) = self.compiling.remove(&id) {
            let plugin = self.started.get(&id).map(|(name, _)| name);
            tracing::info!(
                plugin,
                seconds = began.elapsed().as_secs(),
                "compiling has ended"
            );
        }
        match ended {
            Ok((id, done)) => (self.started.remove(&id).map(|(name, _)| name), done),
            Err(error) => {
                tracing::error!(%error, "loading a component broke off: please report this");
                match self.started.remove(&error.id()) {
                    Some((name, job)) => (Some(name), job.broken()),
                    None => (None, Done::Gone),
                }
            }
        }
    }
}

/// Wherever the loader ends, no child goes on.
impl Drop for Queue {
    fn drop(&mut self) {
        self.workshop.store.compiler().stop();
    }
}

impl Job {
    const fn is_read(&self) -> bool {
        matches!(self, Self::Read { .. })
    }

    /// Whether doing one of them is as good as doing both.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Read { .. }, Self::Read { .. }) => true,
            (Self::Compile { digest }, Self::Compile { digest: other })
            | (Self::Reload { digest }, Self::Reload { digest: other }) => digest == other,
            _ => false,
        }
    }
}
