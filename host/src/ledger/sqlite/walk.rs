//! Walking a ledger from its oldest delivery to the one that was its newest when the walk began.
//!
//! Each step is a read transaction of its own and reads one delivery, found by its key in a bounded range: a walk
//! takes the memory of one payload however long the ledger is, and never keeps a host from emptying its log of
//! writes. What a delivery looks like is what it looks like when its turn comes.

use super::clock::whole;
use super::fault::Fault;
use super::page::CLOCK_SLACK_MS;
use super::query::next_delivery;
use crate::ledger::{DeliveryFilter, DeliveryRecord, LedgerError};
use rusqlite::{Connection, OptionalExtension as _};
use std::path::Path;

/// How many rows one step looks at: few that match may lie far apart.
const ROWS_MAX: i64 = 4_096;

/// The deliveries of a ledger, oldest first, each read when it is asked for.
pub struct Walk<'a> {
    connection: &'a Connection,
    file: &'a Path,
    filter: DeliveryFilter,
    /// The last row that was looked at.
    after: i64,
    /// The last row to look at.
    last: i64,
}

/// A delivery with its payload, runs and attempts.
#[derive(Debug)]
pub struct Walked {
    /// The delivery.
    pub delivery: DeliveryRecord,
    /// Why its payload is missing although it is kept, if that is so.
    pub damage: Option<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn begin(
        connection: &'a Connection,
        file: &'a Path,
        filter: DeliveryFilter,
    ) -> Result<Self, Fault> {
        let (first, last): (Option<i64>, Option<i64>) = connection.query_row(
            // Two probes; asked for together they would be a scan.
            "SELECT (SELECT min(seq) FROM deliveries), (SELECT max(seq) FROM deliveries)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (first, last) = (first.unwrap_or(1), last.unwrap_or(0));
        let first = match filter.since_ms {
            Some(since_ms) => first_since(connection, (first, last), whole(since_ms))?,
            None => first,
        };
        Ok(Self {
            connection,
            file,
            filter,
            after: first.saturating_sub(1),
            last,
        })
    }

    /// Looks at the next rows, as far as the first that matches.
    fn step(&mut self) -> Result<Option<Walked>, Fault> {
        let to = self.after.saturating_add(ROWS_MAX).min(self.last);
        let found = next_delivery(self.connection, &self.filter, (self.after, to))?;
        let Some((seq, delivery, damage)) = found else {
            self.after = to;
            return Ok(None);
        };
        self.after = seq;
        Ok(Some(Walked { delivery, damage }))
    }
}

/// A row before which nothing was received at a time or after it, nor as long before as clocks may differ.
pub(super) fn first_since(
    connection: &Connection,
    (first, last): (i64, i64),
    since_ms: i64,
) -> Result<i64, Fault> {
    let (mut from, mut to) = (first, last.saturating_add(1));
    // Halves the rows that come into question, and comes to its end once they are few.
    while to.saturating_sub(from) > ROWS_MAX {
        let middle = from + (to - from) / 2;
        let received_ms: Option<i64> = connection
            .prepare_cached(
                "SELECT received_ms FROM deliveries WHERE seq >= ?1 ORDER BY seq LIMIT 1",
            )?
            .query_row([middle], |row| row.get(0))
            .optional()?;
        match received_ms {
            Some(at) if at.saturating_add(CLOCK_SLACK_MS) < since_ms => from = middle,
            _ => to = middle,
        }
    }
    Ok(from)
}

impl Iterator for Walk<'_> {
    type Item = Result<Walked, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.after < self.last {
            match self.step() {
                Ok(Some(walked)) => return Some(Ok(walked)),
                Ok(None) => {}
                Err(fault) => {
                    // The next step would meet the same.
                    self.last = self.after;
                    return Some(Err(fault.in_file(self.file).into_read_error()));
                }
            }
        }
        None
    }
}
