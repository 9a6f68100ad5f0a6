//! The conformance suite on SQLite, and what only the embedded ledger promises.

mod clocks;
mod failed;
mod faults;
mod files;
mod groups;
mod keeping;
mod migrations;
mod model;
mod operator;
mod page;
mod totals;
mod walk;

use super::health::Standing;
use super::writer::Tx;
use super::*;
use crate::delivery::{
    CONFLICTS_BEFORE_ALONE, Counts, DeliveryId, LOSSES_BEFORE_ALONE, NewDelivery, Outcome, RunId,
    RunState, Settlement,
};
use crate::ledger::conformance::{
    Place, Timed, again, claim, claim_briefly, claim_one, delivery, done, found, ledger_conforms,
    plugin, record, run, settle,
};
use crate::ledger::{DeliveryFilter, Ledger, PluginState, Recording, Tended, Totals};
use async_trait::async_trait;
use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use tempfile::TempDir;

#[async_trait]
impl Place for TempDir {
    async fn open_with(&self, settings: LedgerSettings) -> Arc<dyn Ledger> {
        let options = SqliteOptions {
            settings,
            ..SqliteOptions::default()
        };
        let opened = SqliteLedger::open(self.path(), options, WriterMetrics::default());
        Arc::new(opened.unwrap())
    }
}

/// A folder whose ledgers' clocks are moved by hand.
struct ByHand {
    folder: TempDir,
    hands: clock::Hands,
}

impl ByHand {
    /// One whose clocks stand at a time that is no whole minute.
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            hands: clock::Hands::at(1_800_000_012_345),
        }
    }
}

#[async_trait]
impl Place for ByHand {
    async fn open_with(&self, settings: LedgerSettings) -> Arc<dyn Ledger> {
        let options = SqliteOptions {
            settings,
            ..SqliteOptions::default()
        };
        let opened = clock::with_hands(self.hands.clone(), || {
            SqliteLedger::open(self.folder.path(), options, WriterMetrics::default())
        });
        Arc::new(opened.unwrap())
    }
}

impl Timed for ByHand {
    fn pass(&self, time: Duration) {
        for hand in [&self.hands.wall, &self.hands.steady] {
            hand.fetch_add(clock::milliseconds(time), Ordering::Relaxed);
        }
    }
}

ledger_conforms!(TempDir::new().unwrap(), ByHand::new());

fn open(folder: &TempDir) -> SqliteLedger {
    SqliteLedger::open(
        folder.path(),
        SqliteOptions::default(),
        WriterMetrics::default(),
    )
    .unwrap()
}

fn refused(folder: &TempDir) -> String {
    match SqliteLedger::open(
        folder.path(),
        SqliteOptions::default(),
        WriterMetrics::default(),
    ) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}

/// The file, as another program sees it.
fn file(folder: &TempDir) -> Connection {
    Connection::open(open::file_in(folder.path())).unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// Keeps the writer from committing until the other program's transaction ends.
fn stall(folder: &TempDir) -> Connection {
    let other = file(folder);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

async fn until_queued(ledger: &SqliteLedger, deliveries: usize) {
    while ledger.shared.queue.intake_len() != deliveries {
        tokio::task::yield_now().await;
    }
}

/// The totals are what counting finds.
fn check_totals(folder: &TempDir, totals: &Totals) {
    let connection = file(folder);
    let count = |sql: &str| -> u64 {
        let count: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        count.try_into().unwrap()
    };
    assert_eq!(totals.deliveries, count("SELECT count(*) FROM deliveries"));
    assert_eq!(
        totals.duplicates,
        count("SELECT coalesce(sum(dup_count), 0) FROM deliveries")
    );
    check_runs(folder, totals);
}

/// The totals of what is there are what counting finds.
fn check_runs(folder: &TempDir, totals: &Totals) {
    let connection = file(folder);
    let count = |sql: &str| -> u64 {
        let count: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        count.try_into().unwrap()
    };
    assert_eq!(totals.kept, count("SELECT count(*) FROM deliveries"));
    for (state, kept) in &totals.runs {
        let counted = count(&format!(
            "SELECT count(*) FROM runs WHERE state = '{state}'"
        ));
        assert_eq!(*kept, counted, "{state}");
    }
    let all: u64 = totals.runs.iter().map(|(_, kept)| kept).sum();
    assert_eq!(all, count("SELECT count(*) FROM runs"));
    for (plugin, kept) in &totals.plugins {
        let of = format!("SELECT count(*) FROM runs WHERE plugin = '{plugin}'");
        let unsettled = count(&format!("{of} AND state IN ('pending', 'running')"));
        let parked = count(&format!("{of} AND state = 'pending' AND gate = 'parked'"));
        assert_eq!(
            (kept.unsettled, kept.parked),
            (unsettled, parked),
            "{plugin}"
        );
    }
}
