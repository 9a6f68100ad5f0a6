//! Whether every row is in a state that it may be in, and all rows agree with one another.

use super::Findings;
use super::rows::{Delivery, Rows, Run};
use std::collections::BTreeMap;

const STATES: &[&str] = &["pending", "running", "done", "ignored", "coalesced", "dead"];
const GATES: &[&str] = &["ready", "queued", "parked"];
const LANES: &[&str] = &["live", "replay"];
/// The outcomes that no later attempt may follow.
const ENDS: &[&str] = &["done", "ignored", "rejected"];
/// The outcomes that use up no attempt.
const UNCOUNTED: &[&str] = &["lost", "conflict"];

/// Each run is in a legal state, its attempts are numbered without gaps, and none follows the one that ended it.
pub fn runs(rows: &Rows, found: &mut Findings) {
    for run in rows.runs.values() {
        for reason in faults_of(run) {
            found.wrong(format!("{}: {reason}", run.shown()));
        }
        let outcomes = run
            .attempts
            .iter()
            .filter_map(|attempt| attempt.outcome.as_deref());
        found.figures.attempts += run.attempts.len();
        found.figures.attempts_lost += outcomes.filter(|outcome| *outcome == "lost").count();
        let last = run
            .attempts
            .last()
            .and_then(|attempt| attempt.outcome.as_deref());
        found.figures.dead_as_lost += usize::from(run.state == "dead" && last == Some("lost"));
        found.figures.coalesced += usize::from(run.state == "coalesced");
        let before_last = run.attempts.iter().rev().skip(1);
        if before_last
            .filter_map(|attempt| attempt.outcome.as_deref())
            .any(|outcome| ENDS.contains(&outcome))
        {
            found.figures.run_again += 1;
            found.wrong(format!("{}: attempted after it was settled", run.shown()));
        }
    }
}

/// What is wrong with one run.
fn faults_of(run: &Run) -> Vec<&'static str> {
    let outcome = |at: usize| {
        run.attempts
            .get(at)
            .and_then(|attempt| attempt.outcome.as_deref())
    };
    let last = run.attempts.len().checked_sub(1).and_then(outcome);
    let open = run
        .attempts
        .iter()
        .filter(|attempt| attempt.outcome.is_none())
        .count();
    let uncounted = |attempt: &&super::rows::Attempt| {
        attempt
            .outcome
            .as_deref()
            .is_some_and(|outcome| !UNCOUNTED.contains(&outcome))
    };
    let counted = run.attempts.iter().filter(uncounted).count();
    let lost = run
        .attempts
        .iter()
        .filter(|attempt| attempt.outcome.as_deref() == Some("lost"));
    let is_running = run.state == "running";
    let known =
        STATES.contains(&&*run.state) && GATES.contains(&&*run.gate) && LANES.contains(&&*run.lane);
    let ended_as = match &*run.state {
        "done" => last == Some("done"),
        "ignored" => last == Some("ignored"),
        "coalesced" => run.attempts.is_empty() && run.claims == 0,
        "dead" => {
            run.reason.is_some() && last.is_none_or(|last| !["done", "ignored"].contains(&last))
        }
        _ => last.is_none_or(|last| !ENDS.contains(&last)),
    };
    let as_many = |count: usize, kept: i64| i64::try_from(count) == Ok(kept);
    let rules = [
        (known, "a state, gate or lane that there is not"),
        (ended_as, "its state is not what its attempts came to"),
        (
            open == usize::from(is_running),
            "an attempt is open that should not be, or the other way round",
        ),
        (
            run.leased == is_running,
            "a lease without an attempt, or the other way round",
        ),
        (
            (1..).zip(&run.attempts).all(|(n, attempt)| attempt.n == n),
            "its attempts are not numbered from 1",
        ),
        (
            run.attempts.is_sorted_by_key(|attempt| attempt.started_ms),
            "its attempts overlap",
        ),
        (
            as_many(counted, run.counted),
            "it counts another number of attempts",
        ),
        (
            as_many(lost.count(), run.losses),
            "it counts another number of losses",
        ),
        (
            i64::try_from(run.attempts.len()).is_ok_and(|attempts| attempts <= run.claims),
            "attempted without a claim",
        ),
    ];
    rules
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, fault)| fault)
        .collect()
}

/// A delivery's state is what the newest run of each plugin says.
pub fn deliveries(rows: &Rows, found: &mut Findings) {
    let mut newest: BTreeMap<i64, BTreeMap<&str, &Run>> = BTreeMap::new();
    for run in rows.runs.values() {
        let of = newest.entry(run.delivery).or_default();
        let known = of.entry(&run.plugin).or_insert(run);
        if known.replay < run.replay {
            *known = run;
        }
    }
    let none = BTreeMap::new();
    for (seq, delivery) in &rows.deliveries {
        let expected = state_of(delivery, newest.get(seq).unwrap_or(&none));
        if delivery.state != expected {
            found.wrong(format!(
                "delivery {} is {}, not {expected}",
                delivery.id, delivery.state
            ));
        }
    }
}

fn state_of(delivery: &Delivery, newest: &BTreeMap<&str, &Run>) -> &'static str {
    if newest.values().any(|run| !run.is_settled()) {
        return "pending";
    }
    let dead = newest.values().any(|run| run.state == "dead");
    if dead || delivery.unparsable.is_some() {
        "dead"
    } else {
        "settled"
    }
}

/// The totals are those of the rows.
pub fn counters(rows: &Rows, found: &mut Findings) -> rusqlite::Result<()> {
    let mut counted = rows.state_sizes()?;
    let mut add = |name: &str, plugin: &str, value: i64| {
        *counted
            .entry((name.to_owned(), plugin.to_owned()))
            .or_default() += value;
    };
    for run in rows.runs.values() {
        add(&format!("runs-{}", run.state), "", 1);
        if run.state == "dead" {
            add("runs-died", &run.plugin, 1);
        }
        if !run.is_settled() {
            add("unsettled", &run.plugin, 1);
        }
        if run.is_parked() {
            add("parked", &run.plugin, 1);
        } else if !run.is_settled() {
            add("backlog-bytes", "", run.bytes);
        }
    }
    let whole = |count| i64::try_from(count).unwrap_or(i64::MAX);
    let kept = rows.counters()?;
    let removed = found.figures.let_go;
    add("deliveries-removed", "", whole(removed));
    add("deliveries", "", whole(rows.deliveries.len() + removed));
    // Deliveries that are gone take their count of duplicates with them, and their dead runs, which stay counted.
    if removed > 0 {
        counted.retain(|(name, _), _| name != "runs-died");
    } else {
        let duplicates = rows.deliveries.values().map(|delivery| delivery.duplicates);
        add("duplicates", "", duplicates.sum());
    }
    let ours = |name: &str| {
        name.starts_with("runs-") && (name != "runs-died" || removed == 0)
            || [
                "unsettled",
                "parked",
                "backlog-bytes",
                "state-bytes",
                "state-keys",
                "deliveries",
                "deliveries-removed",
            ]
            .contains(&name)
            || (name == "duplicates" && removed == 0)
    };
    let names = counted
        .keys()
        .chain(kept.keys().filter(|(name, _)| ours(name)));
    for name in names.collect::<std::collections::BTreeSet<_>>() {
        let (kept, counted) = (
            kept.get(name).unwrap_or(&0),
            counted.get(name).unwrap_or(&0),
        );
        if kept != counted {
            found.wrong(format!(
                "counter {name:?} is {kept}, the rows say {counted}"
            ));
        }
    }
    Ok(())
}

/// The file is whole, and no row points to one that is not there.
pub fn integrity(rows: &Rows, found: &mut Findings) -> rusqlite::Result<()> {
    let checked: String = rows
        .connection
        .query_row("PRAGMA quick_check", [], |row| row.get(0))?;
    if checked != "ok" {
        found.wrong(format!("quick_check: {checked}"));
    }
    for (what, sql) in [
        (
            "runs without a delivery",
            "FROM runs WHERE delivery NOT IN (SELECT seq FROM deliveries)",
        ),
        (
            "attempts without a run",
            "FROM attempts WHERE run NOT IN (SELECT seq FROM runs)",
        ),
        (
            "logs without an attempt",
            "FROM attempt_logs WHERE (run, n) NOT IN (SELECT run, n FROM attempts)",
        ),
        (
            "bodies without a delivery",
            "FROM payloads WHERE seq NOT IN (SELECT seq FROM deliveries)",
        ),
        (
            "deliveries without a body",
            "FROM deliveries WHERE seq NOT IN (SELECT seq FROM payloads)",
        ),
        (
            "deliveries that would be taken in twice",
            "FROM deliveries WHERE hub_id IS NOT NULL AND (path, hub_id, body_sha256, id) NOT IN
             (SELECT path, hub_id, body_sha256, delivery FROM dedup)",
        ),
    ] {
        let count = rows.number(&format!("SELECT count(*) {sql}"))?;
        if count > 0 {
            found.wrong(format!("{count} {what}"));
        }
    }
    Ok(())
}
