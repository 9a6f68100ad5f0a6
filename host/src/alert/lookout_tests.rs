//! What the lookout tells, and what it does not.

use super::*;
use crate::delivery::{DeliveryId, Gate, Lane};
use crate::ledger::{PluginTotals, RunRecord};

/// Of plugin `a` so many runs ever died.
fn totals(died: u64) -> Totals {
    let plugin = PluginTotals {
        died,
        ..PluginTotals::default()
    };
    Totals {
        plugins: [("a".to_owned(), plugin)].into(),
        ..Totals::default()
    }
}

fn dead_run(plugin: &str, reason: &str) -> RunEntry {
    RunEntry {
        delivery: DeliveryId::new(),
        run: RunRecord {
            id: RunId::new(),
            plugin: plugin.to_owned(),
            state: RunState::Dead,
            gate: Gate::Ready,
            lane: Lane::Live,
            reason: Some(reason.to_owned()),
            scope: String::new(),
            action: String::new(),
            replay_of: None,
            stands_for: 0,
            next_attempt_ms: None,
            attempts: Vec::new(),
        },
    }
}

#[test]
fn what_an_attempt_told_of_is_not_told_again_whichever_comes_first() {
    let mut dead = Dead::begin(&totals(5), None);
    let missed = |dead: &mut Dead, died| dead.look(&totals(died)).remove("a").unwrap_or(0);
    // The report first, then the totals
    dead.tell("a", RunId::new());
    assert_eq!(missed(&mut dead, 6), 0);
    assert_eq!(missed(&mut dead, 6), 0);
    // The totals first, then the report
    assert_eq!(missed(&mut dead, 7), 0);
    dead.tell("a", RunId::new());
    assert_eq!(missed(&mut dead, 7), 0);
    assert_eq!(missed(&mut dead, 7), 0);
    // What another plugin's attempt told of is not this one's
    dead.tell("b", RunId::new());
    // Nobody tells of two, and some are not kept any more
    assert_eq!(missed(&mut dead, 9), 0);
    assert_eq!(missed(&mut dead, 9), 2);
    assert_eq!(missed(&mut dead, 1), 0);
    assert_eq!(missed(&mut dead, 1), 0);
}

#[test]
fn runs_that_no_attempt_tells_of_are_told_by_plugin_with_one_that_is_new() {
    let (before, told) = (dead_run("old", "x"), dead_run("a", "told"));
    let (first, second) = (
        dead_run("a", "loop guard"),
        dead_run("a", "loop guard: again"),
    );
    let mut dead = Dead::begin(&totals(1), Some(before.run.id));
    dead.tell("a", told.run.id);
    let id = second.run.id;
    let untold = [("a".to_owned(), 3), ("old".to_owned(), 2)].into();
    let notices = dead.attribute(vec![second, first, told, before], &untold);
    let found: Vec<_> = notices
        .iter()
        .map(|notice| (notice.plugin.as_deref(), notice.count))
        .collect();
    assert_eq!(found, [(Some("a"), 3), (Some("old"), 2)]);
    assert_eq!(notices[0].reason, "loop guard: again");
    assert_eq!(notices[0].run, Some(id.to_string()));
    // Of those that waited before they died, it is known whose they are, and no more
    assert_eq!(
        (notices[1].run.as_deref(), &*notices[1].reason),
        (None, WAITED)
    );
}

#[test]
fn of_runs_that_others_left_no_place_for_it_is_said_where_they_are() {
    let mut dead = Dead::begin(&totals(0), None);
    let many = (0..DEAD_MAX).map(|_| dead_run("a", "loop guard")).collect();
    let untold = [("a".to_owned(), 50), ("b".to_owned(), 1)].into();
    let notices = dead.attribute(many, &untold);
    assert_eq!(notices[1].plugin.as_deref(), Some("b"));
    assert_eq!(notices[1].reason, TOO_MANY);
}

#[test]
fn twenty_failures_within_a_minute_are_a_burst_and_are_told_once() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut failures = Failures::begin(100, start);
    assert_eq!(failures.look(119, after(0)), None);
    assert_eq!(
        failures.look(120, after(1)).map(|notice| notice.count),
        Some(20)
    );
    assert_eq!(failures.look(125, after(2)), None);
    // Few in each minute are none, however long they go on.
    for minute in 1..20 {
        assert_eq!(
            failures.look(125 + minute * 10, after(60 * minute)),
            None,
            "{minute}"
        );
    }
}

#[test]
fn a_backlog_is_old_after_ten_minutes_and_parked_runs_are_none() {
    let plugin = |first_due_ms| PluginTotals {
        unsettled: 3,
        first_due_ms,
        ..PluginTotals::default()
    };
    let mut totals = Totals::default();
    totals
        .plugins
        .insert("waits".to_owned(), plugin(Some(1_000)));
    totals.plugins.insert("parked".to_owned(), plugin(None));
    totals.now_ms = 1_000 + OLD_MS;
    assert!(old(&totals).is_empty());
    totals.now_ms += 1;
    let found = old(&totals);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["waits"]);
    let mut seen = Seen {
        paused: BTreeMap::new(),
        dead: Dead::default(),
        old: BTreeSet::new(),
        failures: Failures::default(),
        disk: Disk::Roomy,
    };
    let told = seen.backlogs(&totals);
    assert_eq!(told.len(), 1);
    assert!(
        told[0]
            .reason
            .starts_with("the oldest of 3 has been due for 10 min")
    );
    // It is told once, as long as it lasts.
    assert!(seen.backlogs(&totals).is_empty());
}

#[test]
fn a_disk_is_low_below_twice_what_must_be_free_and_is_told_once() {
    let settings = AlertSettings {
        url: None,
        free_space_min: 50,
    };
    let room = |free_bytes| {
        let totals = Totals {
            free_bytes,
            ..Totals::default()
        };
        Room::of(&totals, &settings)
    };
    let roomy = room(Some(100));
    assert!(roomy.state == Disk::Roomy && disk_notice(Disk::Roomy, &roomy).is_none());
    let low = room(Some(99));
    let notice = disk_notice(Disk::Roomy, &low).unwrap();
    assert!(
        notice.reason.contains("twice free-space-min"),
        "{}",
        notice.reason
    );
    assert!(disk_notice(Disk::Low, &low).is_none());
    // One that the system does not tell of is none of these.
    assert!(room(None).state == Disk::Roomy);
}
