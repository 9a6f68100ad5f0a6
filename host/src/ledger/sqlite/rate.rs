//! The loop guard: how many runs there were in the last hour, counted in the ledger by the minute.
//!
//! A discussion with too many gets dead runs; a repo with too many has them wait.

use super::budget::{AHEAD_MAX, HOUR, MINUTE_MS, count, first_with_room, minutes};
use super::claim::Begin;
use super::fault::Fault;
use super::writer::Tx;
use crate::ledger::ClaimablePlugin;
use crate::rule::Guarded;
use rusqlite::OptionalExtension as _;

/// When the share begins of a run that waits for one and could set none aside: so long ago that it is none.
const NO_SHARE: i64 = 0;

const DISCUSSION: &str = "discussion";
const REPO: &str = "repo";

/// Counts a new run for its discussion; why it is dead from the start, if there were too many. Those that are dead
/// count, too: the guard lets go once an hour has passed with fewer.
pub(super) fn guard(tx: &Tx<'_>, plugin: &str, guarded: &Guarded) -> Result<Option<String>, Fault> {
    let minute = tx.forward_ms / MINUTE_MS;
    let counted = minutes(tx, plugin, (DISCUSSION, &guarded.discussion), minute)?;
    // What lies ahead was counted by a clock that was wrong.
    let before: i64 = counted
        .iter()
        .filter(|(at, _)| *at <= minute)
        .map(|(_, runs)| runs)
        .sum();
    count(tx, plugin, (DISCUSSION, &guarded.discussion), minute)?;
    let max = guarded.runs_max;
    Ok((before >= i64::from(max)).then(|| {
        format!(
            "loop guard: more than {max} runs within an hour for discussion {}; raise rate.per-discussion in the grant if \
             that is no loop, and replay it",
            guarded.discussion
        )
    }))
}

/// Whether that is when a share begins, not the sign that there is none.
pub(super) const fn is_share(share_ms: i64) -> bool {
    share_ms != NO_SHARE
}

/// Whether a run that is due may be begun, or waits for its repo's share of an hour. Its share is taken once: further
/// attempts of it are free.
pub(super) fn admit(tx: &Tx<'_>, run: i64, plugin: &ClaimablePlugin) -> Result<Begin, Fault> {
    let (key, taken_ms, claims): (Option<String>, Option<i64>, u32) = tx
        .connection
        .prepare_cached("SELECT rate_key, rate_ms, claims FROM runs WHERE seq = ?1")?
        .query_row([run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let Some(key) = key else {
        return Ok(Begin::Now);
    };
    // A share of an hour that has passed meanwhile is none.
    let is_good = |taken_ms| claims > 0 || tx.forward_ms < taken_ms + HOUR * MINUTE_MS;
    if taken_ms.is_some_and(is_good) {
        return Ok(Begin::Now);
    }
    let minute = tx.forward_ms / MINUTE_MS;
    let counted = minutes(tx, &plugin.name, (REPO, &key), minute)?;
    let at = first_with_room(&counted, minute, i64::from(plugin.runs_per_repo_max));
    let due_ms = at.saturating_mul(MINUTE_MS);
    if at > minute + AHEAD_MAX {
        // It is asked again before anybody would stop believing its due time.
        wait(tx, run, plugin, (minute + AHEAD_MAX) * MINUTE_MS, NO_SHARE)?;
        return Ok(Begin::Later);
    }
    count(tx, &plugin.name, (REPO, &key), at)?;
    if at > minute {
        wait(tx, run, plugin, due_ms, due_ms)?;
        return Ok(Begin::Later);
    }
    tx.connection
        .prepare_cached("UPDATE runs SET rate_ms = ?2 WHERE seq = ?1")?
        .execute((run, tx.forward_ms))?;
    Ok(Begin::Now)
}

/// Has a plugin's runs that wait for their share ask for it anew: another grant may allow more. There are no more than may
/// wait of one plugin.
pub(super) fn reset(tx: &Tx<'_>, plugin: &str) -> Result<(), Fault> {
    tx.connection
        .prepare_cached(
            "UPDATE runs SET due_ms = ?2, rate_ms = NULL, reason = NULL WHERE seq IN
             (SELECT seq FROM runs INDEXED BY runs_pending
              WHERE plugin = ?1 AND gate IN ('ready', 'queued', 'parked') AND lane IN ('live', 'replay')
                AND state = 'pending' AND due_ms > ?2 AND claims = 0 AND (rate_ms > ?2 OR rate_ms = ?3))",
        )?
        .execute((plugin, tx.forward_ms, NO_SHARE))?;
    // Nobody else has a share ahead.
    tx.connection
        .prepare_cached("DELETE FROM budgets WHERE plugin = ?1 AND kind = ?2 AND window > ?3")?
        .execute((plugin, REPO, tx.forward_ms / MINUTE_MS))?;
    Ok(())
}

/// Gives back the share that a run set aside for later, if it did: it will not take it.
pub(super) fn give_back(tx: &Tx<'_>, plugin: &str, run: i64) -> Result<(), Fault> {
    let set_aside: Option<(String, i64)> = tx
        .connection
        .prepare_cached(
            "SELECT rate_key, rate_ms FROM runs
             WHERE seq = ?1 AND claims = 0 AND rate_ms > ?2 AND rate_key IS NOT NULL",
        )?
        .query_row((run, tx.forward_ms), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((key, at_ms)) = set_aside else {
        return Ok(());
    };
    let counted = (plugin, REPO, &key, at_ms / MINUTE_MS);
    tx.connection
        .prepare_cached(
            "UPDATE budgets SET used = used - 1 WHERE plugin = ?1 AND kind = ?2 AND key = ?3 AND window = ?4",
        )?
        .execute(counted)?;
    // Who comes next asks for the first minute after the last that is counted.
    tx.connection
        .prepare_cached(
            "DELETE FROM budgets WHERE plugin = ?1 AND kind = ?2 AND key = ?3 AND window = ?4 AND used <= 0",
        )?
        .execute(counted)?;
    Ok(())
}

fn wait(
    tx: &Tx<'_>,
    run: i64,
    plugin: &ClaimablePlugin,
    due_ms: i64,
    taken_ms: i64,
) -> Result<(), Fault> {
    let max = plugin.runs_per_repo_max;
    let reason = format!("rate.per-repo in the grant allows {max} runs an hour for its repo");
    tx.connection
        .prepare_cached("UPDATE runs SET due_ms = ?2, rate_ms = ?3, reason = ?4 WHERE seq = ?1")?
        .execute((run, due_ms, taken_ms, reason))?;
    Ok(())
}
