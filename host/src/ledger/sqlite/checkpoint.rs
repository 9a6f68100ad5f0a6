//! Copying the write-ahead log into the database, by the writer itself: SQLite's own way of doing it after a commit
//! drops every error, and a failed flush is told to one caller once (<https://www.sqlite.org/wal.html#ckpt>).

use super::fault::Fault;
use rusqlite::Connection;

/// Copies the log into the database if it has at least so many pages. Readers are not waited for: what they still
/// need is copied later. What was committed stays durable in the log, however this ends.
pub(super) fn checkpoint(connection: &Connection, pages: u32) -> Result<(), Fault> {
    // Looks and takes no lock.
    let logged: i64 = connection
        .prepare_cached("PRAGMA wal_checkpoint(NOOP)")?
        .query_row([], |row| row.get(1))?;
    if logged < i64::from(pages) {
        return Ok(());
    }
    connection
        .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
        .query_row([], |_| Ok(()))?;
    Ok(())
}
