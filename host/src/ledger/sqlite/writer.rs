//! The one thread that writes: it takes all that waits, commits it as one transaction, and only then answers.
//!
//! Each item runs in its own savepoint: one that fails is undone and answered alone. Nothing is answered, counted
//! or woken before the commit is durable, and what cannot be committed is answered with the reason, all of it.

use super::changes::{Changes, Waits};
use super::checkpoint;
use super::clock::Clock;
use super::fault::Fault;
use super::health::Health;
use super::held::Ending;
use super::lock::FolderLock;
use super::meta::{self, Checked};
use super::metrics::WriterMetrics;
use super::queue::{Queue, Refusal};
use super::retention::Retention;
use super::room::Room;
use crate::ledger::{LedgerError, LedgerSettings};
use rusqlite::{Connection, OptionalExtension as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

/// The log is copied into the database when it has so many pages: 16 MiB of 4 KiB pages.
const CHECKPOINT_PAGES: u32 = 4_096;

/// What an item of work sees of the transaction it is part of.
pub(super) struct Tx<'a> {
    /// The connection, inside a transaction.
    pub connection: &'a Connection,
    /// Who claims: this open ledger.
    pub owner: &'a str,
    /// Now, by the wall clock, in ms.
    pub now_ms: i64,
    /// Now, by a clock that is never set back, in ms: what due times are made of and compared with.
    pub forward_ms: i64,
    /// Now, by a clock that only runs forward, in ms: what leases are measured by.
    pub steady_ms: i64,
    /// The runs whose claims are being ended.
    pub ending: &'a Ending,
    /// What the operator set.
    pub settings: &'a LedgerSettings,
    /// What is free on the ledger's disk.
    pub room: &'a Room,
    /// What the item changed, as counters and waiters need to know it.
    pub changes: Changes,
    /// What items before it in the group changed.
    pub earlier: Changes,
}

impl Tx<'_> {
    /// A total as it stands now, within the group.
    pub fn total(&self, name: &'static str, plugin: &str) -> Result<i64, Fault> {
        let stored: Option<i64> = self
            .connection
            .prepare_cached("SELECT value FROM counters WHERE name = ?1 AND plugin = ?2")?
            .query_row((name, plugin), |row| row.get(0))
            .optional()?;
        let changed = self.earlier.total(name, plugin) + self.changes.total(name, plugin);
        Ok(stored.unwrap_or_default() + changed)
    }
}

/// An item of work.
pub(super) trait Job: Send {
    /// Does it, inside the item's savepoint.
    fn apply(&mut self, tx: &mut Tx<'_>) -> Result<(), Fault>;
    /// Answers it: with what `apply` made, once that is durable, or with why not.
    fn answer(self: Box<Self>, outcome: Result<(), Fault>);
}

/// An item made of a function, and whoever waits for its result.
pub(super) struct Work<T, F> {
    work: Option<F>,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, Fault>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl<T, F> Job for Work<T, F>
where
    T: Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send,
{
    fn apply(&mut self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(tx)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), Fault>) {
        let Self {
            result,
            reply,
            permit,
            ..
        } = *self;
        let outcome = outcome
            .and_then(|()| result.ok_or_else(|| Fault::Item("the work was not done".to_owned())));
        drop(permit);
        // Whoever waited may have gone; what becomes of the result then is the result's own affair.
        drop(reply.send(outcome));
    }
}

/// A group of jobs and the queue it comes from.
pub(super) type JobQueue = Queue<Box<dyn Job>>;

/// What the writer shares with those who ask it.
pub(super) struct Shared {
    pub queue: JobQueue,
    pub health: Health,
    pub waits: Waits,
    pub clock: Clock,
    pub ending: Ending,
    /// Whether the file is still to be looked through after a stop without order.
    pub unchecked: AtomicBool,
    /// Transactions committed since the ledger was opened.
    pub commits: AtomicU64,
    /// Whether the thread has ended.
    pub ended: watch::Sender<bool>,
    /// The id of this open ledger: who its claims belong to.
    pub owner: String,
    /// What the operator set, as it holds now.
    pub settings: watch::Sender<Arc<LedgerSettings>>,
    pub room: Room,
    pub retention: Retention,
}

impl Shared {
    fn checked(&self) -> Checked {
        if self.unchecked.load(Ordering::Relaxed) {
            Checked::NotYet
        } else {
            Checked::Yes
        }
    }

    /// Does something in the line of deliveries: it is refused at once when that is full.
    pub async fn intake<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.health.check()?;
        let (reply, answer) = oneshot::channel();
        let job = Work {
            work: Some(work),
            result: None,
            reply,
            permit: None,
        };
        self.queue.push_intake(Box::new(job)).map_err(refused)?;
        received(answer.await).map_err(Fault::into_error)
    }

    /// Does something else, waiting for room if there is none.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.try_work(work).await.map_err(Fault::into_error)
    }

    /// As [`Shared::work`], telling passing faults from others.
    pub async fn try_work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        if let Some(reason) = self.health.failure().borrow().clone() {
            return Err(Fault::Final(reason.to_string()));
        }
        let permit = Arc::clone(&self.queue.room)
            .acquire_owned()
            .await
            .map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        let job = Work {
            work: Some(work),
            result: None,
            reply,
            permit: Some(permit),
        };
        self.queue.push_work(Box::new(job)).map_err(|_| closed())?;
        received(answer.await)
    }

    /// Queues something whose result nobody awaits, whether there is room or not.
    pub fn work_unawaited(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), Refusal> {
        let job = Work {
            work: Some(work),
            result: None,
            reply: oneshot::channel().0,
            permit: None,
        };
        self.queue.push_work(Box::new(job))
    }
}

fn refused(refusal: Refusal) -> LedgerError {
    match refusal {
        Refusal::Full => LedgerError::Busy,
        Refusal::Closed => closed().into_error(),
    }
}

/// What a closed ledger answers.
pub(super) fn closed() -> Fault {
    Fault::Item("the ledger is closed; start hookbox again".to_owned())
}

fn received<T>(answer: Result<Result<T, Fault>, oneshot::error::RecvError>) -> Result<T, Fault> {
    answer.unwrap_or_else(|_| Err(closed()))
}

/// The thread's own part: the write connection.
pub(super) struct Writer {
    pub connection: Connection,
    pub group_max: usize,
    pub metrics: WriterMetrics,
    pub shared: Arc<Shared>,
    /// Held as long as the connection is open.
    pub lock: FolderLock,
}

impl Writer {
    /// Commits group after group until the queue is closed and empty.
    pub fn run(self) {
        let _ended = Ended(Arc::clone(&self.shared));
        while let Some(group) = self.shared.queue.take(self.group_max) {
            self.write(group);
            self.checkpoint(CHECKPOINT_PAGES);
        }
        // Closing would make one too, and not say how it went.
        self.checkpoint(1);
        // After a failure nothing is clean, and the next start should check the file.
        if self.shared.health.check().is_ok()
            && let Err(fault) =
                self.write_now(|tx| meta::note_clean_stop(tx, self.shared.checked()))
        {
            tracing::warn!(?fault, "the ledger could not note that it was closed");
        }
        // So that the database file alone holds it all.
        self.checkpoint(1);
        self.shared.health.until_marked();
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "the ledger did not close cleanly; it recovers at the next start");
        }
        drop(self.lock);
    }

    /// Does one thing on the calling thread, as a group of its own.
    pub fn write_now<T: Send>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Fault> + Send,
    ) -> Result<T, Fault> {
        let (reply, mut answer) = oneshot::channel();
        let mut job = Work {
            work: Some(work),
            result: None,
            reply,
            permit: None,
        };
        let mut changes = None;
        let outcome = self.commit(&mut [&mut job]);
        let outcome = outcome.and_then(|(outcomes, changed)| {
            changes = Some(changed);
            outcomes.into_iter().collect()
        });
        if let Some(changes) = changes {
            self.shared.waits.wake(changes);
        }
        Box::new(job).answer(outcome);
        answer.try_recv().unwrap_or_else(|_| Err(closed()))
    }

    fn write(&self, mut group: Vec<Box<dyn Job>>) {
        let health = &self.shared.health;
        if let Some(reason) = health.failure().borrow().clone() {
            answer_all(group, &Fault::Final(reason.to_string()));
            return;
        }
        let mut jobs: Vec<&mut dyn Job> = group.iter_mut().map(|job| &mut **job as _).collect();
        match self.commit(&mut jobs) {
            Ok((outcomes, changes)) => {
                self.shared.waits.wake(changes);
                for (job, outcome) in group.into_iter().zip(outcomes) {
                    job.answer(outcome);
                }
            }
            Err(fault) => {
                let fault = health.judge(fault);
                tracing::debug!(?fault, items = group.len(), "the ledger could not write");
                if !matches!(fault, Fault::Final(_)) {
                    health.wrote(Err(fault.clone().into_error()));
                }
                answer_all(group, &fault);
            }
        }
    }

    /// Copies what the log holds into the database once that is so many pages. What was answered is durable in the
    /// log, so nobody waits for this; but a disk that cannot take the copy must not be trusted with more.
    fn checkpoint(&self, pages: u32) {
        let health = &self.shared.health;
        if health.check().is_err() {
            return;
        }
        if let Err(fault) = checkpoint::checkpoint(&self.connection, pages) {
            match health.judge(fault) {
                // The log goes on growing meanwhile; what it has no room for is refused.
                fault @ (Fault::Item(_) | Fault::Full(_) | Fault::Passing(_)) => {
                    tracing::debug!(
                        ?fault,
                        "the ledger's log could not be copied into its database"
                    );
                }
                Fault::Unwritten(_) | Fault::Final(_) => {}
            }
        }
    }

    /// Commits a group, or nothing of it.
    fn commit(
        &self,
        group: &mut [&mut dyn Job],
    ) -> Result<(Vec<Result<(), Fault>>, Changes), Fault> {
        let began = Instant::now();
        self.execute("BEGIN IMMEDIATE")?;
        let before = self.connection.total_changes();
        let done = self.apply(group).and_then(|done| {
            done.1.count(&self.connection)?;
            let writes = self.connection.total_changes() > before;
            let notes = self.shared.clock.note(&self.connection, writes)?;
            self.execute("COMMIT")?;
            self.shared.clock.keep(notes);
            Ok(done)
        });
        match done {
            Ok(done) => {
                // A claim that found nothing due has not shown that the disk has room.
                if self.connection.total_changes() > before {
                    self.shared.commits.fetch_add(1, Ordering::Relaxed);
                    self.shared.health.wrote(Ok(()));
                    self.metrics.committed(group.len(), began.elapsed());
                    done.1.tell(&self.metrics);
                }
                Ok(done)
            }
            Err(fault) => {
                // After some errors SQLite has rolled back already.
                if !self.connection.is_autocommit()
                    && let Err(failed) = self.execute("ROLLBACK")
                {
                    // A transaction that stays open would take in what comes next.
                    return Err(Fault::Final(format!(
                        "{}; and that could not be undone: {}",
                        fault.reason(),
                        failed.reason()
                    )));
                }
                Err(fault)
            }
        }
    }

    fn apply(
        &self,
        group: &mut [&mut dyn Job],
    ) -> Result<(Vec<Result<(), Fault>>, Changes), Fault> {
        let mut outcomes = Vec::with_capacity(group.len());
        let settings = Arc::clone(&self.shared.settings.borrow());
        let mut tx = Tx {
            settings: &settings,
            room: &self.shared.room,
            connection: &self.connection,
            owner: &self.shared.owner,
            now_ms: self.shared.clock.wall_ms(),
            forward_ms: self.shared.clock.forward_ms(),
            steady_ms: self.shared.clock.steady_ms(),
            ending: &self.shared.ending,
            changes: Changes::default(),
            earlier: Changes::default(),
        };
        for job in group {
            outcomes.push(self.apply_one(*job, &mut tx)?);
            let changes = std::mem::take(&mut tx.changes);
            tx.earlier.merge(changes);
        }
        Ok((outcomes, tx.earlier))
    }

    /// Does one item in its savepoint. An error here is the whole group's; the item's own is in the answer.
    fn apply_one(&self, job: &mut dyn Job, tx: &mut Tx<'_>) -> Result<Result<(), Fault>, Fault> {
        self.execute("SAVEPOINT item")?;
        match job.apply(tx) {
            Ok(()) => {
                self.execute("RELEASE item")?;
                Ok(Ok(()))
            }
            Err(fault @ (Fault::Item(_) | Fault::Full(_))) if !self.connection.is_autocommit() => {
                tx.changes = Changes::default();
                self.execute("ROLLBACK TO item")?;
                self.execute("RELEASE item")?;
                if let Fault::Item(reason) = &fault {
                    tracing::warn!(reason, "something could not be written into the ledger");
                }
                Ok(Err(self.shared.health.judge(fault)))
            }
            Err(fault) => Err(fault),
        }
    }

    fn execute(&self, sql: &str) -> Result<(), Fault> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

/// Whatever ends the thread, nobody may be left to wait for it.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        let shared = &self.0;
        if std::thread::panicking() {
            shared
                .health
                .fail("its writer met a bug; please report it with the log");
        }
        shared.queue.close();
        while let Some(group) = shared.queue.take(usize::MAX) {
            answer_all(group, &closed());
        }
        shared.ended.send_replace(true);
    }
}

fn answer_all(group: Vec<Box<dyn Job>>, fault: &Fault) {
    for job in group {
        job.answer(Err(fault.clone()));
    }
}
