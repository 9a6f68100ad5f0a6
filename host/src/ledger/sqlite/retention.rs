//! What need not be kept goes: deliveries by age and by bytes, what is known of repeated ones, and budgets whose time is
//! over; and what they took goes back to the file system.
//!
//! All of it is done in short steps, each a part of a transaction: deliveries are taken in between two of them. A step
//! begins at the oldest delivery that may go, by an index of those alone, so what cannot go costs nothing however much
//! there is of it.

use super::changes::REMOVED;
use super::clock::{milliseconds, whole};
use super::fault::Fault;
use super::open::open_operator;
use super::park;
use super::wall_clock::Mark;
use super::writer::{Shared, Tx};
use crate::delivery::RunState;
use crate::failpoint::hit;
use crate::ledger::{LedgerError, Tended};
use rusqlite::{Connection, OptionalExtension as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// About how long a step lets things go, and about how long it gives pages back.
const STEP: Duration = Duration::from_millis(5);

/// Attempts of one run that go at a time: their logs are 2 MiB at most.
const ATTEMPTS: i64 = 32;

/// Free pages that stay in the file for what comes next: 4 MiB of 4 KiB pages.
const FREE_PAGES_KEPT: i64 = 1_024;

/// Free pages over which nothing more goes until some were given back: that takes longer the more there are.
const FREE_PAGES_MAX: i64 = 4 * FREE_PAGES_KEPT;

/// How long budgets are kept, in the minutes that they are counted in: twice the hour that they are asked for.
const BUDGET_MINUTES: i64 = 120;

/// A budget of a time further ahead was counted while the clock was wrong.
const BUDGET_MINUTES_AHEAD: i64 = 25 * 60;

/// The delivery that goes next, if any may.
pub(super) const OLDEST: &str =
    "SELECT seq, received_ms FROM deliveries INDEXED BY deliveries_kept
     WHERE state <> 'pending' AND NOT EXISTS
       (SELECT 1 FROM runs WHERE runs.delivery = deliveries.seq AND runs.state IN ('pending', 'running'))
     ORDER BY received_ms LIMIT 1";

/// The row of a repeated delivery that expired first.
pub(super) const EXPIRED: &str = "SELECT path, hub_id, body_sha256 FROM dedup
     WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT 1";

/// What retention knows from one step to the next.
#[derive(Default)]
pub(super) struct Retention(Mutex<State>);

#[derive(Default, Clone, Copy)]
struct State {
    mark: Mark,
    /// Pages were given back, and the file may not have been cut yet.
    shrunk: bool,
    /// The file was made to keep its pages: none can be given back.
    keeps_pages: bool,
}

impl Retention {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does one step of what is due now.
pub(super) async fn tend(shared: &Arc<Shared>) -> Result<Tended, LedgerError> {
    let before = *shared.retention.state();
    let done = shared.work(move |tx| step(tx, before)).await?;
    *shared.retention.state() = done.state;
    if done.tended == Tended::All && done.state.shrunk {
        cut_file(shared).await?;
    }
    Ok(done.tended)
}

struct Step {
    state: State,
    tended: Tended,
}

fn step(tx: &mut Tx<'_>, mut state: State) -> Result<Step, Fault> {
    tx.room.look(tx.settings.free_space_min);
    let by_age = state.mark.look(tx)?;
    let pace = Pace::new();
    let mut tended = Tended::All;
    if by_age {
        note(&mut tended, forget_repeated(tx, &pace)?);
        note(&mut tended, forget_budgets(tx)?);
        note(&mut tended, park::give_up_all_late(tx)?);
    }
    if state.keeps_pages || free_pages(tx.connection)? <= FREE_PAGES_MAX {
        note(&mut tended, let_go(tx, by_age, &pace)?);
    } else {
        tended = Tended::Part;
    }
    if !state.keeps_pages {
        let given = give_back(tx.connection)?;
        state.shrunk |= given.any;
        state.keeps_pages = given.keeps_pages;
        note(&mut tended, given.tended);
    }
    Ok(Step { state, tended })
}

fn note(all: &mut Tended, part: Tended) {
    if part == Tended::Part {
        *all = Tended::Part;
    }
}

/// How long a step may go on.
struct Pace(Instant);

impl Pace {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn is_over(&self) -> bool {
        self.0.elapsed() >= STEP
    }
}

/// Forgets deliveries that are no longer within their window.
fn forget_repeated(tx: &Tx<'_>, pace: &Pace) -> Result<Tended, Fault> {
    while !pace.is_over() {
        let expired: Option<(String, String, [u8; 32])> = tx
            .connection
            .prepare_cached(EXPIRED)?
            .query_row([tx.now_ms], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some(key) = expired else {
            return Ok(Tended::All);
        };
        tx.connection
            .prepare_cached(
                "DELETE FROM dedup WHERE path = ?1 AND hub_id = ?2 AND body_sha256 = ?3",
            )?
            .execute(key)?;
    }
    Ok(Tended::Part)
}

/// Forgets budgets that nobody asks for any more.
fn forget_budgets(tx: &Tx<'_>) -> Result<Tended, Fault> {
    let now = tx.forward_ms / 60_000;
    let forget = |sql: &str, window: i64| -> Result<usize, Fault> {
        Ok(tx.connection.prepare_cached(sql)?.execute([window])?)
    };
    let past = forget(FORGET_PAST, now.saturating_sub(BUDGET_MINUTES))?;
    let ahead = forget(FORGET_AHEAD, now.saturating_add(BUDGET_MINUTES_AHEAD))?;
    Ok(if past + ahead > 0 {
        Tended::Part
    } else {
        Tended::All
    })
}

pub(super) const FORGET_PAST: &str = "DELETE FROM budgets WHERE (plugin, kind, key, window) IN
       (SELECT plugin, kind, key, window FROM budgets WHERE window < ?1 ORDER BY window LIMIT 256)";
pub(super) const FORGET_AHEAD: &str = "DELETE FROM budgets WHERE (plugin, kind, key, window) IN
       (SELECT plugin, kind, key, window FROM budgets WHERE window > ?1 ORDER BY window LIMIT 256)";

/// Lets deliveries go that are too old, and the oldest while all together take too many bytes.
fn let_go(tx: &mut Tx<'_>, by_age: bool, pace: &Pace) -> Result<Tended, Fault> {
    let kept_ms = milliseconds(tx.settings.retain);
    let oldest_ms = tx.now_ms.saturating_sub(kept_ms);
    while !pace.is_over() {
        let oldest: Option<(i64, i64)> = tx
            .connection
            .prepare_cached(OLDEST)?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((delivery, received_ms)) = oldest else {
            return Ok(Tended::All);
        };
        let is_old = by_age && received_ms < oldest_ms;
        if !is_old && bytes_used(tx.connection)? <= whole(tx.settings.retain_bytes) {
            return Ok(Tended::All);
        }
        remove(tx, delivery, pace)?;
    }
    Ok(Tended::Part)
}

/// Removes a delivery with all that it has, or some attempts of it if they are too many for one step: until the last
/// have gone, it is shown with fewer.
fn remove(tx: &mut Tx<'_>, delivery: i64, pace: &Pace) -> Result<(), Fault> {
    let runs = tx
        .connection
        .prepare_cached("SELECT seq, state FROM runs WHERE delivery = ?1")?
        .query_map([delivery], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, String)>, _>>()?;
    for (run, _) in &runs {
        while remove_attempts(tx.connection, *run)? == Tended::Part {
            if pace.is_over() {
                return Ok(());
            }
        }
    }
    hit!("in-retention");
    for sql in [
        "DELETE FROM runs WHERE delivery = ?1",
        "DELETE FROM payloads WHERE seq = ?1",
        "DELETE FROM deliveries WHERE seq = ?1",
    ] {
        tx.connection.prepare_cached(sql)?.execute([delivery])?;
    }
    for (_, state) in runs {
        if let Some(state) = RunState::from_word(&state) {
            tx.changes.removed(state, 1);
        }
    }
    tx.changes.counted(REMOVED);
    Ok(())
}

/// Removes the first attempts of a run, with their logs.
fn remove_attempts(connection: &Connection, run: i64) -> Result<Tended, Fault> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT n FROM attempts WHERE run = ?1 ORDER BY n LIMIT 1 OFFSET ?2")?
        .query_row((run, ATTEMPTS), |row| row.get(0))
        .optional()?;
    for sql in [
        "DELETE FROM attempt_logs WHERE run = ?1 AND n <= ?2",
        "DELETE FROM attempts WHERE run = ?1 AND n <= ?2",
    ] {
        connection
            .prepare_cached(sql)?
            .execute((run, last.unwrap_or(i64::MAX)))?;
    }
    Ok(if last.is_some() {
        Tended::Part
    } else {
        Tended::All
    })
}

/// What was given back in a step.
struct Given {
    any: bool,
    keeps_pages: bool,
    tended: Tended,
}

/// Gives free pages back to the file system: those at the file's end, into which others are moved first.
fn give_back(connection: &Connection) -> Result<Given, Fault> {
    let (pace, mut any) = (Pace::new(), false);
    loop {
        let free = free_pages(connection)?;
        let tended = if free <= FREE_PAGES_KEPT {
            Tended::All
        } else {
            Tended::Part
        };
        if tended == Tended::All || pace.is_over() {
            return Ok(Given {
                any,
                keeps_pages: false,
                tended,
            });
        }
        let mut vacuum = connection.prepare_cached("PRAGMA incremental_vacuum(16)")?;
        let mut rows = vacuum.query([])?;
        // It gives one page back for each row that is asked for.
        while rows.next()?.is_some() {}
        if free_pages(connection)? >= free {
            return Ok(Given {
                any,
                keeps_pages: true,
                tended: Tended::All,
            });
        }
        any = true;
    }
}

/// Copies the log of writes into the file, which is cut then: on a quiet host nothing else would do it for long. It
/// waits for nobody; what a reader still needs is left for the next time.
async fn cut_file(shared: &Arc<Shared>) -> Result<(), LedgerError> {
    let cut = {
        let shared = Arc::clone(shared);
        tokio::task::spawn_blocking(move || {
            // A connection of its own, so that the writer is not held up.
            let connection = open_operator(shared.health.file())?;
            checkpoint(&connection).map_err(|fault| shared.health.judge(fault).into_error())
        })
    };
    // A host that stops cuts nothing.
    if cut.await.unwrap_or(Ok(false))? {
        shared.retention.state().shrunk = false;
    }
    Ok(())
}

/// Copies what is in the log of writes; whether that was all.
fn checkpoint(connection: &Connection) -> Result<bool, Fault> {
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, pages, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && pages == copied)
    })?;
    Ok(copied)
}

/// Bytes of the file that hold something, logs of attempts and indexes included. Free pages are none: they are used
/// first, or given back.
fn bytes_used(connection: &Connection) -> Result<i64, Fault> {
    let pages = pragma(connection, "PRAGMA page_count")?.saturating_sub(free_pages(connection)?);
    Ok(pages.saturating_mul(pragma(connection, "PRAGMA page_size")?))
}

fn free_pages(connection: &Connection) -> Result<i64, Fault> {
    pragma(connection, "PRAGMA freelist_count")
}

fn pragma(connection: &Connection, sql: &str) -> Result<i64, Fault> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row([], |row| row.get(0))?)
}
