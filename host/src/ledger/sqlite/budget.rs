//! Budgets: how often something was done in the last hour, counted in the ledger by the minute.
//!
//! Counting whole minutes, an hour has 61 of them: never more than what is allowed falls into any hour. Minutes are those
//! of the clock that is never set back.

use super::clock::natural;
use super::fault::Fault;
use super::writer::Tx;
use crate::ledger::Taken;
use rusqlite::OptionalExtension as _;

/// A minute, in ms.
pub(super) const MINUTE_MS: i64 = 60_000;

/// The minutes that an hour touches.
pub(super) const HOUR: i64 = 61;

/// How far ahead a share may be set aside: due times further ahead are not believed.
pub(super) const AHEAD_MAX: i64 = 24 * 60;

/// Requests that change something elsewhere.
const WRITES: &str = "writes";

/// A minute, counted from the Unix epoch, and how much was counted in it.
pub(super) type Minute = (i64, i64);

/// Counts one more request of a plugin that changes something elsewhere, if it has sent fewer than it may.
pub(super) fn take_write(tx: &Tx<'_>, plugin: &str, key: &str, max: u32) -> Result<Taken, Fault> {
    let minute = tx.forward_ms / MINUTE_MS;
    let mut counted = minutes(tx, plugin, (WRITES, key), minute)?;
    // What lies ahead was counted by a clock that was wrong.
    counted.retain(|(at, _)| *at <= minute);
    let free = match max {
        0 => minute.saturating_add(HOUR),
        max => first_with_room(&counted, minute, i64::from(max)),
    };
    if free <= minute {
        count(tx, plugin, (WRITES, key), minute)?;
        return Ok(Taken::Yes);
    }
    let ahead_ms = tx.forward_ms.saturating_sub(tx.now_ms);
    let free_ms = free.saturating_mul(MINUTE_MS).saturating_sub(ahead_ms);
    Ok(Taken::Full {
        free_at_ms: natural(free_ms),
    })
}

/// The first minute, from `minute` on and not before one that is counted already, with fewer than `max` in its hour.
pub(super) fn first_with_room(counted: &[Minute], minute: i64, max: i64) -> i64 {
    let mut at = counted.last().map_or(minute, |(last, _)| minute.max(*last));
    loop {
        let in_hour = counted.iter().filter(|(one, _)| *one > at - HOUR);
        let used: i64 = in_hour.clone().map(|(_, used)| used).sum();
        match in_hour.map(|(one, _)| one).min() {
            Some(oldest) if used >= max => at = oldest + HOUR,
            _ => return at,
        }
    }
}

/// The minutes of the last hour, and those ahead, in which something was counted; oldest first.
pub(super) fn minutes(
    tx: &Tx<'_>,
    plugin: &str,
    (kind, key): (&str, &str),
    minute: i64,
) -> Result<Vec<Minute>, Fault> {
    Ok(tx
        .connection
        .prepare_cached(
            "SELECT window, used FROM budgets
             WHERE plugin = ?1 AND kind = ?2 AND key = ?3 AND window BETWEEN ?4 AND ?5 ORDER BY window",
        )?
        .query_map(
            (plugin, kind, key, minute - HOUR + 1, minute + AHEAD_MAX + HOUR),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect::<Result<_, _>>()?)
}

/// Counts one more in a minute.
pub(super) fn count(
    tx: &Tx<'_>,
    plugin: &str,
    (kind, key): (&str, &str),
    at: i64,
) -> Result<(), Fault> {
    let used: Option<i64> = tx
        .connection
        .prepare_cached(
            "INSERT INTO budgets (plugin, kind, key, window, used) VALUES (?1, ?2, ?3, ?4, 1)
             ON CONFLICT (plugin, kind, key, window) DO UPDATE SET used = used + 1 RETURNING used",
        )?
        .query_row((plugin, kind, key, at), |row| row.get(0))
        .optional()?;
    if used == Some(1) {
        // The first of a minute clears what no hour touches any more.
        tx.connection
            .prepare_cached(
                "DELETE FROM budgets WHERE plugin = ?1 AND kind = ?2 AND key = ?3 AND window < ?4",
            )?
            .execute((plugin, kind, key, tx.forward_ms / MINUTE_MS - HOUR))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(counted: &[Minute], max: i64, expected: i64) {
        assert_eq!(
            first_with_room(counted, 1000, max),
            expected,
            "{counted:?} of {max}"
        );
    }

    #[test]
    fn there_is_room_once_what_was_counted_first_leaves_the_hour() {
        check(&[], 1, 1000);
        check(&[(1000, 1)], 2, 1000);
        check(&[(1000, 2)], 2, 1061);
        check(&[(940, 1), (1000, 1)], 2, 1001);
        check(&[(950, 1), (1000, 2)], 2, 1061);
        // One that was told to wait is not overtaken.
        check(&[(1000, 2), (1061, 1)], 2, 1061);
        check(&[(1000, 2), (1061, 2)], 2, 1122);
        // A share that was lowered meanwhile
        check(&[(990, 5), (1000, 5)], 1, 1061);
    }
}
