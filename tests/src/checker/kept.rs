//! Whether the ledger holds what was promised, once, and as it was sent.

use super::Findings;
use super::rows::{Delivery, Rows, Run};
use crate::cli::Cli;
use crate::promise::{Promise, Promised, Promises};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Every promised delivery is there once, as it was sent, with the runs that were named; nothing else is.
pub fn promises(rows: &Rows, promises: &Promises, found: &mut Findings) {
    let mut kept: BTreeMap<&str, Vec<(i64, &Delivery)>> = BTreeMap::new();
    for (seq, delivery) in &rows.deliveries {
        let hub_id = delivery.hub_id.as_deref().unwrap_or_default();
        kept.entry(hub_id).or_default().push((*seq, delivery));
    }
    let posted = promises.all();
    for hub_id in kept.keys().filter(|id| !posted.contains_key(**id)) {
        found.wrong(format!("`{hub_id}` was never posted"));
    }
    for (hub_id, promise) in &posted {
        found.figures.promised += usize::from(promise.id().is_some());
        match kept.get(hub_id.as_str()).map(Vec::as_slice) {
            None if promise.id().is_some_and(|id| promises.may_be_gone(id)) => {
                found.figures.let_go += 1;
            }
            None if promise.id().is_some() => {
                found.figures.lost += 1;
                found.wrong(format!("{hub_id} was promised and is not there"));
            }
            None => {}
            Some([(seq, delivery)]) => one(rows, *seq, delivery, promise, found),
            Some(several) => found.wrong(format!("{hub_id} is there {} times", several.len())),
        }
    }
}

fn one(rows: &Rows, seq: i64, delivery: &Delivery, promise: &Promise, found: &mut Findings) {
    let id = &delivery.id;
    if delivery.body_sha256 != promise.sha256()
        || usize::try_from(delivery.body_bytes) != Ok(promise.body.len())
    {
        found.wrong(format!("delivery {id} has another body than was sent"));
    }
    let (mut again, mut duplicates) = (BTreeMap::<&str, usize>::new(), 0);
    let runs: Vec<&Run> = rows
        .runs
        .values()
        .filter(|run| run.delivery == seq)
        .collect();
    for answer in &promise.answers {
        match answer {
            Promised::Refused(_) => {}
            Promised::Recorded { id: told, .. } | Promised::Duplicate { id: told, .. }
                if told != id =>
            {
                found.wrong(format!("delivery {id} was promised as {told}"));
            }
            Promised::Recorded { runs: named, .. } => {
                let mut first: Vec<&str> = first_runs(&runs).map(|run| &*run.plugin).collect();
                first.sort_unstable();
                if first != *named {
                    found.wrong(format!(
                        "delivery {id} has runs of {first:?}, promised {named:?}"
                    ));
                }
            }
            Promised::Duplicate { again: named, .. } => {
                duplicates += 1;
                named
                    .iter()
                    .for_each(|plugin| *again.entry(plugin).or_default() += 1);
            }
        }
    }
    let repeated = i64::try_from(promise.posts).unwrap_or(i64::MAX) - 1;
    if delivery.duplicates < duplicates || delivery.duplicates > repeated {
        found.wrong(format!(
            "delivery {id} counts {} duplicates of {} posts",
            delivery.duplicates, promise.posts
        ));
    }
    for (plugin, promised) in again {
        let there = runs
            .iter()
            .filter(|run| run.replay > 0 && run.plugin == plugin)
            .count();
        if there < promised || there > promised + promise.unanswered() {
            found.wrong(format!(
                "delivery {id} has {there} more runs of {plugin}, promised {promised}"
            ));
        }
    }
}

fn first_runs<'a>(runs: &'a [&Run]) -> impl Iterator<Item = &'a Run> {
    runs.iter().filter(|run| run.replay == 0).copied()
}

/// What `deliveries export` prints is what the rows say, and holds the very events that were sent.
pub fn export(data: &Path, rows: &Rows, promises: &Promises, found: &mut Findings) {
    let file = data.with_file_name("export.jsonl");
    // It replaces nothing.
    let _ = std::fs::remove_file(&file);
    let exported = Cli::new(&["deliveries", "export", "-o"])
        .arg(&file)
        .arg("--data")
        .arg(data)
        .run();
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    if exported.code != Some(0) {
        found.wrong(format!("the export failed: {}", exported.stderr));
    }
    let lines: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let ids: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| line.get("id")?.as_str())
        .collect();
    if ids.len() != lines.len() || ids.len() != rows.deliveries.len() {
        found.wrong(format!(
            "the export has {} lines and {} ids, the ledger {} deliveries",
            lines.len(),
            ids.len(),
            rows.deliveries.len()
        ));
    }
    let posted = promises.all();
    let runs: BTreeMap<&str, &Run> = rows.runs.values().map(|run| (&*run.id, run)).collect();
    for line in &lines {
        let sent = posted.get(
            line.get("hub_id")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        );
        let sent = sent.and_then(|sent| serde_json::from_slice::<Value>(&sent.body).ok());
        if line.get("payload") != sent.as_ref() {
            found.wrong(format!(
                "the export has another event than was sent: {line}"
            ));
        }
        for run in line
            .get("runs")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let row = run
                .get("id")
                .and_then(Value::as_str)
                .and_then(|id| runs.get(id));
            if !row.is_some_and(|row| is_like(row, run)) {
                found.wrong(format!("the export says otherwise than the rows: {run}"));
            }
        }
    }
}

fn is_like(row: &Run, exported: &Value) -> bool {
    let attempts = exported.get("attempts").and_then(Value::as_array);
    let outcomes = attempts
        .into_iter()
        .flatten()
        .map(|attempt| attempt.get("outcome")?.as_str());
    exported.get("state").and_then(Value::as_str) == Some(&row.state)
        && exported.get("plugin").and_then(Value::as_str) == Some(&row.plugin)
        && outcomes.eq(row
            .attempts
            .iter()
            .map(|attempt| attempt.outcome.as_deref()))
}
