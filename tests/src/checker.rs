//! The checker: holds what a ledger's file says against what clients were promised and what was seen of the plugins.
//!
//! It shares no code with Hookbox: it reads the file by SQL of its own, and the export by the command. What it finds
//! wrong is a list, so that one fault does not hide the next.

mod deeds;
mod kept;
mod rows;
mod rules;
mod standing;

use crate::promise::Promises;
use crate::wait::eventually;
use crate::witness::Witness;
use std::fmt;
use std::ops::AddAssign;
use std::path::Path;
use std::time::Duration;

/// How many faults are shown.
const SHOWN: usize = 20;

/// What was counted on the way.
#[derive(Debug, Default, Clone, Copy)]
pub struct Figures {
    /// Deliveries that somebody was answered 2xx for.
    pub promised: usize,
    /// Of these, those that the ledger does not hold.
    pub lost: usize,
    /// Deliveries that were kept for as long as they had to be, and are gone.
    pub let_go: usize,
    /// Deliveries in the ledger, promised or not.
    pub recorded: usize,
    /// Runs.
    pub runs: usize,
    /// Attempts in the ledger.
    pub attempts: usize,
    /// Of these, those that a kill ended.
    pub attempts_lost: usize,
    /// Times that a guest was about to be called, as told while it happened.
    pub begun: usize,
    /// Times that somebody outside saw a run settled.
    pub seen_settled: usize,
    /// Runs that were attempted, or became something else, after they were settled.
    pub run_again: usize,
    /// Runs that were given up after their third loss.
    pub dead_as_lost: usize,
    /// Runs that had to wait for their turn in a key.
    pub ordered: usize,
    /// Runs that others like them could stand for.
    pub debounced: usize,
    /// Of these, those that another stands for.
    pub coalesced: usize,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in [
            (&mut self.promised, other.promised),
            (&mut self.lost, other.lost),
            (&mut self.let_go, other.let_go),
            (&mut self.recorded, other.recorded),
            (&mut self.runs, other.runs),
            (&mut self.attempts, other.attempts),
            (&mut self.attempts_lost, other.attempts_lost),
            (&mut self.begun, other.begun),
            (&mut self.seen_settled, other.seen_settled),
            (&mut self.run_again, other.run_again),
            (&mut self.dead_as_lost, other.dead_as_lost),
            (&mut self.ordered, other.ordered),
            (&mut self.debounced, other.debounced),
            (&mut self.coalesced, other.coalesced),
        ] {
            *sum += more;
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} deliveries promised, {} lost, {} let go in time, {} held, {} runs ({} in order, {} debounced, {} of them coalesced), {} \
             attempts ({} lost and made again; {} seen to begin), {} times seen settled, {} settled runs run again, {} \
             runs dead as lost",
            self.promised,
            self.lost,
            self.let_go,
            self.recorded,
            self.runs,
            self.ordered,
            self.debounced,
            self.coalesced,
            self.attempts,
            self.attempts_lost,
            self.begun,
            self.seen_settled,
            self.run_again,
            self.dead_as_lost
        )
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// What was counted.
    pub figures: Figures,
    /// What is wrong.
    pub faults: Vec<String>,
}

impl Findings {
    fn wrong(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// The figures, if nothing is wrong.
    #[track_caller]
    #[must_use]
    pub fn sound(self) -> Figures {
        let shown: Vec<&String> = self.faults.iter().take(SHOWN).collect();
        assert!(
            shown.is_empty(),
            "{} faults: {shown:#?}\n{}",
            self.faults.len(),
            self.figures
        );
        self.figures
    }
}

/// Checks the ledger of a data folder whose host is gone, and what the command exports from it.
#[must_use]
pub fn check(data: &Path, promises: &Promises, witness: &Witness) -> Findings {
    let mut found = check_rows(data, promises, witness);
    match rows::Rows::read(data) {
        Ok(rows) => kept::export(data, &rows, promises, &mut found),
        Err(error) => found.wrong(format!("the ledger cannot be read: {error}")),
    }
    found
}

/// Checks the ledger alone: also as a kill left it.
#[must_use]
pub fn check_rows(data: &Path, promises: &Promises, witness: &Witness) -> Findings {
    let mut found = Findings::default();
    if let Err(error) = check_file(data, promises, witness, &mut found) {
        found.wrong(format!("the ledger cannot be read: {error}"));
    }
    found
}

fn check_file(
    data: &Path,
    promises: &Promises,
    witness: &Witness,
    found: &mut Findings,
) -> rusqlite::Result<()> {
    let rows = rows::Rows::read(data)?;
    found.figures.recorded = rows.deliveries.len();
    found.figures.runs = rows.runs.len();
    standing::integrity(&rows, found)?;
    kept::promises(&rows, promises, found);
    standing::runs(&rows, found);
    standing::deliveries(&rows, found);
    standing::counters(&rows, found)?;
    rules::order(&rows, found);
    rules::debounce(&rows, promises, found);
    deeds::told(&rows, promises, witness, found);
    deeds::order(&rows, witness, found);
    deeds::seen(&rows, promises, found);
    Ok(())
}

/// How many runs of a plugin are under way, in a ledger that is served.
#[track_caller]
#[must_use]
pub fn running(data: &Path, plugin: &str) -> i64 {
    let connection = rows::open(data).expect("the ledger can be read beside its host");
    let sql = "SELECT count(*) FROM runs WHERE state = 'running' AND plugin = ?1";
    connection
        .query_row(sql, [plugin], |row| row.get(0))
        .unwrap_or(0)
}

/// Waits until nothing is left to do: every run is settled, or parked.
#[track_caller]
pub fn quiet(data: &Path, bound: Duration) {
    let left = "SELECT count(*) FROM runs WHERE state = 'running' OR (state = 'pending' AND gate <> 'parked')";
    let connection = rows::open(data).expect("the ledger can be read beside its host");
    eventually(bound, || {
        let left: rusqlite::Result<i64> = connection.query_row(left, [], |row| row.get(0));
        (left == Ok(0)).then_some(())
    });
}
