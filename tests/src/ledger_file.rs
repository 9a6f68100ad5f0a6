//! The ledger's file, as SQLite has it: to age what is in it, and to count.

use rusqlite::types::FromSql;
use rusqlite::{Connection, Params};
use std::path::Path;

/// The ledger's file of a host.
pub struct LedgerFile(Connection);

impl LedgerFile {
    /// That in a data folder.
    #[track_caller]
    #[must_use]
    pub fn open(data: &Path) -> Self {
        Self(Connection::open(data.join("ledger.db")).expect("there is a ledger"))
    }

    /// Changes it; returns how many rows.
    #[track_caller]
    pub fn change(&self, sql: &str, parameters: impl Params) -> usize {
        let changed = self.0.execute(sql, parameters);
        changed.unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// Several statements, one after another.
    #[track_caller]
    pub fn batch(&self, sql: &str) {
        let done = self.0.execute_batch(sql);
        done.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// A number that a query finds.
    #[track_caller]
    #[must_use]
    pub fn number(&self, sql: &str) -> i64 {
        self.found(sql)
    }

    /// A text that a query finds.
    #[track_caller]
    #[must_use]
    pub fn text(&self, sql: &str) -> String {
        self.found(sql)
    }

    /// The texts that a query finds.
    #[track_caller]
    #[must_use]
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let read = || {
            let mut select = self.0.prepare(sql)?;
            let texts = select.query_map([], |row| row.get(0))?;
            texts.collect::<rusqlite::Result<_>>()
        };
        read().unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    #[track_caller]
    fn found<T: FromSql>(&self, sql: &str) -> T {
        let found = self.0.query_row(sql, [], |row| row.get(0));
        found.unwrap_or_else(|error| panic!("{error}: {sql}"))
    }
}
