//! The schema's version and the numbered steps that lead to it.
//!
//! `user_version` counts the steps that a file has seen. Each step commits with its number, so a host that dies
//! between two of them goes on where it was. A file from a newer host is refused, never guessed at.

use super::fault::Fault;
use crate::failpoint::hit;
use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as ours: `Hkbx`.
pub(super) const APPLICATION_ID: i64 = 0x486B_6278;

const STEPS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
    include_str!("migrations/0007.sql"),
];

/// Brings a file to the newest schema, in one transaction per step.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let found = identify(connection)?;
    for (step, number) in STEPS
        .iter()
        .zip(1..)
        .skip_while(|(_, number)| *number <= found)
    {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number)?;
        hit!("during-migration");
        transaction.commit()?;
        hit!("between-migrations");
    }
    Ok(())
}

/// Refuses a file whose schema this host cannot read.
pub(super) fn check_readable(connection: &Connection) -> Result<(), Fault> {
    let found = identify(connection)?;
    let newest = newest();
    if found < newest {
        return Err(Fault::Item(format!(
            "its schema is version {found}, this hookbox reads version {newest}; \
             start `hookbox serve` of this version once to bring it up to date"
        )));
    }
    Ok(())
}

/// The file's schema version; 0 for an empty file.
fn identify(connection: &Connection) -> Result<i64, Fault> {
    let application = pragma(connection, "application_id")?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && tables > 0 {
        return Err(Fault::Item(
            "a database of another program; name another folder with --data".to_owned(),
        ));
    }
    let (found, newest) = (pragma(connection, "user_version")?, newest());
    if found > newest {
        return Err(Fault::Item(format!(
            "its schema is version {found}, this hookbox knows up to version {newest}; \
             use the hookbox that wrote it, or a newer one"
        )));
    }
    Ok(found)
}

/// The schema's version after all steps.
pub(super) fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, Fault> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}
