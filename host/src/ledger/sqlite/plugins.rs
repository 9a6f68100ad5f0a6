//! What is noted of plugins, and what that does to their pending runs: parked, freed, or given up.

use super::clock::{natural, whole};
use super::fault::Fault;
use super::row::{as_json, word};
use super::standing::paused_text;
use super::writer::Tx;
use super::{meta, park, rate};
use crate::delivery::Outcome;
use crate::ledger::{Candidate, OwnAccount, OwnStanding, PluginRecord, PluginState};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};

/// So many failures of the sandbox in a row pause a plugin (not those that a plugin tells of itself).
const FAILURES_MAX: u32 = 10;

/// Notes a plugin. A pause outlives this, unless another version or grant may have mended what it was paused for.
pub(super) fn put(tx: &mut Tx<'_>, plugin: &PluginRecord) -> Result<(), Fault> {
    // Paused is not a state of its own, so that the end of a pause knows what the plugin is again.
    let (state, reason, paused_by) = match plugin.state {
        PluginState::Paused => {
            let by = plugin.reason.as_deref().unwrap_or("the host");
            let by = by.strip_prefix("paused by ").unwrap_or(by);
            (PluginState::Loaded, None, Some(by))
        }
        state => (state, plugin.reason.as_deref(), None),
    };
    let had_grant: Option<Option<String>> = tx
        .connection
        .prepare_cached("SELECT grant_text FROM plugins WHERE name = ?1")?
        .query_row([&plugin.name], |row| row.get(0))
        .optional()?;
    if had_grant.is_some_and(|had| had != plugin.grant) {
        rate::reset(tx, &plugin.name)?;
    }
    tx.connection
        .prepare_cached(
            "INSERT INTO plugins (name, active, candidate, manifest, grant_text, state, reason,
             missing_since_ms, paused_by, manifest_digest, own_author_id, own_author)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (name) DO UPDATE SET active = excluded.active,
             candidate = excluded.candidate, manifest = excluded.manifest,
             grant_text = excluded.grant_text, state = excluded.state, reason = excluded.reason,
             missing_since_ms = excluded.missing_since_ms,
             manifest_digest = excluded.manifest_digest,
             own_author_id = excluded.own_author_id, own_author = excluded.own_author,
             failures_in_row = CASE
                 WHEN active IS NOT excluded.active OR grant_text IS NOT excluded.grant_text
                 THEN 0 ELSE failures_in_row END,
             paused_by = CASE
                 WHEN active IS NOT excluded.active OR grant_text IS NOT excluded.grant_text
                 THEN excluded.paused_by
                 ELSE coalesce(paused_by, excluded.paused_by) END",
        )?
        .execute((
            &plugin.name,
            &plugin.active,
            plugin
                .candidate
                .as_ref()
                .map(stored_candidate)
                .transpose()?,
            &plugin.manifest,
            &plugin.grant,
            state.as_str(),
            reason,
            plugin.missing_since_ms.map(whole),
            paused_by,
            &plugin.manifest_digest,
            plugin.own.as_ref().and_then(OwnAccount::id),
            plugin.own.as_ref().map(stored_own).transpose()?,
        ))?;
    if plugin.active.is_some() {
        take_pause_up(tx, plugin)?;
    }
    park::regate(tx, &plugin.name)?;
    Ok(())
}

/// The pause of a plugin that was forgotten, as it is noted: JSON.
#[derive(Serialize, Deserialize)]
struct KeptPause {
    by: String,
    active: Option<String>,
    grant: Option<String>,
}

/// The note that holds it.
fn pause_key(plugin: &str) -> String {
    format!("pause of {plugin}")
}

/// Notes who paused a plugin that is to be forgotten: it may come back as it was.
fn keep_pause(tx: &Tx<'_>, plugin: &str) -> Result<(), Fault> {
    let pause = tx
        .connection
        .prepare_cached(
            "SELECT paused_by, active, grant_text FROM plugins WHERE name = ?1 AND paused_by IS NOT NULL",
        )?
        .query_row([plugin], |row| {
            Ok(KeptPause {
                by: row.get(0)?,
                active: row.get(1)?,
                grant: row.get(2)?,
            })
        })
        .optional()?;
    match pause {
        Some(pause) => meta::put(tx.connection, &pause_key(plugin), &as_json(&pause)?),
        None => Ok(()),
    }
}

/// Pauses a plugin again that was paused when it was forgotten, unless another version or grant may have mended what it
/// was paused for.
fn take_pause_up(tx: &Tx<'_>, plugin: &PluginRecord) -> Result<(), Fault> {
    let key = pause_key(&plugin.name);
    let Some(kept) = meta::get(tx.connection, &key)? else {
        return Ok(());
    };
    let kept: Option<KeptPause> = serde_json::from_str(&kept).ok();
    if let Some(kept) =
        kept.filter(|kept| (&kept.active, &kept.grant) == (&plugin.active, &plugin.grant))
    {
        tx.connection
            .prepare_cached("UPDATE plugins SET paused_by = ?2 WHERE name = ?1")?
            .execute((&plugin.name, kept.by))?;
    }
    tx.connection
        .prepare_cached("DELETE FROM meta WHERE key = ?1")?
        .execute([key])?;
    Ok(())
}

/// Pauses a plugin, or does nothing if it is paused; `false` if it is not known.
pub(super) fn pause(tx: &mut Tx<'_>, plugin: &str, by: &str) -> Result<bool, Fault> {
    let known = tx
        .connection
        .prepare_cached("UPDATE plugins SET paused_by = coalesce(paused_by, ?2) WHERE name = ?1")?
        .execute((plugin, by))?;
    park::regate(tx, plugin)?;
    Ok(known > 0)
}

/// Counts how an attempt ended: failures of the sandbox in a row pause the plugin.
pub(super) fn note_outcome(tx: &mut Tx<'_>, plugin: &str, outcome: Outcome) -> Result<(), Fault> {
    match outcome {
        // Neither says anything of the plugin.
        Outcome::Lost | Outcome::Conflict => return Ok(()),
        Outcome::Done | Outcome::Ignored | Outcome::Retry | Outcome::Rejected => {
            tx.connection
                .prepare_cached(
                    "UPDATE plugins SET failures_in_row = 0 WHERE name = ?1 AND failures_in_row > 0",
                )?
                .execute([plugin])?;
            return Ok(());
        }
        Outcome::Trapped | Outcome::OutOfFuel | Outcome::OutOfMemory | Outcome::TimedOut => {}
    }
    let counted: Option<(u32, bool)> = tx
        .connection
        .prepare_cached(
            "UPDATE plugins SET failures_in_row = failures_in_row + 1 WHERE name = ?1
             RETURNING failures_in_row, paused_by IS NOT NULL",
        )?
        .query_row([plugin], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((failures, false)) = counted
        && failures >= FAILURES_MAX
    {
        let by = format!("the host: {failures} attempts in a row failed, the last one {outcome}");
        pause(tx, plugin, &by)?;
    }
    Ok(())
}

/// Ends a plugin's pause; `false` if it is not known.
pub(super) fn resume(tx: &mut Tx<'_>, plugin: &str) -> Result<bool, Fault> {
    let known = tx
        .connection
        .prepare_cached("UPDATE plugins SET paused_by = NULL, failures_in_row = 0 WHERE name = ?1")?
        .execute([plugin])?;
    park::regate(tx, plugin)?;
    Ok(known > 0)
}

/// Forgets a plugin. Its state stays: a plugin of the same name may come back.
pub(super) fn forget(tx: &mut Tx<'_>, plugin: &str) -> Result<(), Fault> {
    keep_pause(tx, plugin)?;
    tx.connection
        .prepare_cached("DELETE FROM plugins WHERE name = ?1")?
        .execute([plugin])?;
    // Its name stays known: what is posted to it is still recorded.
    tx.connection
        .prepare_cached(
            "INSERT OR IGNORE INTO counters (name, plugin, value) VALUES ('known', ?1, 0)",
        )?
        .execute([plugin])?;
    park::regate(tx, plugin)?;
    tx.changes.any_attempted();
    Ok(())
}

/// All plugins noted, by name.
pub(super) fn all(connection: &Connection) -> Result<Vec<PluginRecord>, Fault> {
    Ok(connection
        .prepare_cached(
            "SELECT name, state, reason, active, candidate, manifest, grant_text, missing_since_ms,
             paused_by, manifest_digest, own_author_id, own_author FROM plugins ORDER BY name",
        )?
        .query_map([], plugin_of)?
        .collect::<Result<_, _>>()?)
}

/// Where every plugin stands, by name.
pub(super) fn states(connection: &Connection) -> Result<Vec<(String, PluginState)>, Fault> {
    Ok(connection
        .prepare_cached("SELECT name, state, paused_by IS NOT NULL FROM plugins")?
        .query_map([], |row| {
            let state = standing(word(row, 1, PluginState::from_word)?, row.get(2)?);
            Ok((row.get(0)?, state))
        })?
        .collect::<Result<_, _>>()?)
}

/// Only a plugin that would run else is shown as paused.
const fn standing(stored: PluginState, paused: bool) -> PluginState {
    match stored {
        PluginState::Loaded if paused => PluginState::Paused,
        state => state,
    }
}

/// The names of all plugins that were ever noted or had a run: those forgotten, and those that had one, have a
/// counter.
pub(super) fn known(connection: &Connection) -> Result<Vec<String>, Fault> {
    Ok(connection
        .prepare_cached(
            "SELECT name FROM plugins UNION SELECT plugin FROM counters WHERE plugin <> ''",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

fn plugin_of(row: &Row<'_>) -> rusqlite::Result<PluginRecord> {
    let stored = word(row, 1, PluginState::from_word)?;
    let paused_by: Option<String> = row.get(8)?;
    let state = standing(stored, paused_by.is_some());
    let reason = match (state, &paused_by) {
        (PluginState::Paused, Some(by)) => Some(paused_text(by)),
        _ => row.get(2)?,
    };
    Ok(PluginRecord {
        name: row.get(0)?,
        state,
        reason,
        active: row.get(3)?,
        candidate: candidate_of(row, 4)?,
        manifest: row.get(5)?,
        manifest_digest: row.get(9)?,
        grant: row.get(6)?,
        missing_since_ms: row.get::<_, Option<i64>>(7)?.map(natural),
        paused_by,
        own: own_of(row)?,
    })
}

/// A candidate as it is stored: JSON.
#[derive(Serialize, Deserialize)]
struct StoredCandidate {
    digest: Option<String>,
    state: String,
    reason: Option<String>,
}

fn stored_candidate(candidate: &Candidate) -> Result<String, Fault> {
    as_json(&StoredCandidate {
        digest: candidate.digest.clone(),
        state: candidate.state.as_str().to_owned(),
        reason: candidate.reason.clone(),
    })
}

/// One that cannot be read is as good as none: its file is looked at again.
fn candidate_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Candidate>> {
    let text: Option<String> = row.get(column)?;
    let stored: Option<StoredCandidate> = text.and_then(|text| serde_json::from_str(&text).ok());
    let Some(stored) = stored else {
        return Ok(None);
    };
    Ok(
        PluginState::from_word(&stored.state).map(|state| Candidate {
            digest: stored.digest,
            state,
            reason: stored.reason,
        }),
    )
}

/// What is stored of a plugin's own account beside its id: JSON.
#[derive(Serialize, Deserialize)]
struct StoredOwn {
    of: String,
    name: Option<String>,
    reason: Option<String>,
}

fn stored_own(own: &OwnAccount) -> Result<String, Fault> {
    let (name, reason) = match &own.standing {
        OwnStanding::Known { name, .. } => (name.clone(), None),
        OwnStanding::Unknown { reason } => (None, Some(reason.clone())),
    };
    as_json(&StoredOwn {
        of: own.of.clone(),
        name,
        reason,
    })
}

/// One that cannot be read is as good as none: it is asked for again.
fn own_of(row: &Row<'_>) -> rusqlite::Result<Option<OwnAccount>> {
    let (id, text): (Option<String>, Option<String>) = (row.get(10)?, row.get(11)?);
    let stored: Option<StoredOwn> = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(stored.map(|stored| OwnAccount {
        of: stored.of,
        standing: match (id, stored.name) {
            (Some(id), name) => OwnStanding::Known { id, name },
            (None, _) => OwnStanding::Unknown {
                reason: stored.reason.unwrap_or_default(),
            },
        },
    }))
}
