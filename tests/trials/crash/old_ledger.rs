//! A ledger as the first version of Hookbox left it, with deliveries that are still to be run.

use super::PLUGINS;
use hookbox_tests::{Promises, workspace};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Deliveries in it.
const DELIVERIES: usize = 8;

/// Marks a file as Hookbox's: `Hkbx`.
const APPLICATION_ID: i64 = 0x486B_6278;

/// Puts it in place of what a data folder holds, and notes what was promised by it.
pub fn old_ledger(data: &Path, promises: &Promises) {
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        // Not all of them are there.
        let _ = std::fs::remove_file(data.join(name));
    }
    let file = Connection::open(data.join("ledger.db")).unwrap();
    file.pragma_update(None, "auto_vacuum", "INCREMENTAL")
        .unwrap();
    let first = workspace().join("host/src/ledger/sqlite/migrations/0001.sql");
    file.execute_batch(&std::fs::read_to_string(first).unwrap())
        .unwrap();
    file.pragma_update(None, "application_id", APPLICATION_ID)
        .unwrap();
    file.pragma_update(None, "user_version", 1).unwrap();
    for number in 1..=DELIVERIES {
        fill(&file, number, promises).unwrap();
    }
    let runs = DELIVERIES * PLUGINS.len();
    for (name, plugin, value) in [("deliveries", "", DELIVERIES), ("runs-pending", "", runs)]
        .into_iter()
        .chain(
            PLUGINS
                .iter()
                .map(|(plugin, ..)| ("unsettled", *plugin, DELIVERIES)),
        )
    {
        let counter = "INSERT INTO counters (name, plugin, value) VALUES (?1, ?2, ?3)";
        file.execute(counter, (name, plugin, i64::try_from(value).unwrap()))
            .unwrap();
    }
}

fn fill(file: &Connection, number: usize, promises: &Promises) -> rusqlite::Result<()> {
    let mut plugins: Vec<&str> = PLUGINS.iter().map(|(name, ..)| *name).collect();
    plugins.sort_unstable();
    let (hub_id, id) = (
        format!("old-{number}"),
        format!("00000000-0000-7000-8000-{number:012}"),
    );
    let body = promises.made_before(&hub_id, &id, &plugins);
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let now_ms = i64::try_from(now_ms).unwrap();
    let (seq, sha256) = (
        i64::try_from(number).unwrap(),
        Sha256::digest(&body).to_vec(),
    );
    file.execute(
        "INSERT INTO deliveries (seq, id, path, hub_id, scope, action, received_ms, body_sha256, body_bytes, state)
         VALUES (?1, ?2, '/webhooks', ?3, 'discussion.comment', 'create', ?4, ?5, ?6, 'pending')",
        (seq, &id, &hub_id, now_ms, &sha256, i64::try_from(body.len()).unwrap()),
    )?;
    file.execute(
        "INSERT INTO payloads (seq, packing, body, headers) VALUES (?1, 0, ?2, '[]')",
        (seq, &body),
    )?;
    file.execute(
        "INSERT INTO dedup (path, hub_id, body_sha256, delivery, expires_ms) VALUES ('/webhooks', ?1, ?2, ?3, ?4)",
        (&hub_id, &sha256, &id, now_ms + 86_400_000),
    )?;
    for (at, plugin) in (1..).zip(plugins) {
        file.execute(
            "INSERT INTO runs (id, delivery, plugin, replay, state, gate, lane, due_ms, scope, action, routed_digest, first_ms)
             VALUES (?1, ?2, ?3, 0, 'pending', 'ready', 'live', ?4, 'discussion.comment', 'create', '', ?4)",
            (format!("00000000-0000-7000-900{at}-{number:012}"), seq, plugin, now_ms),
        )?;
    }
    Ok(())
}
