//! What the rules hold while hours pass; and that a host that is started anew goes on where the last one stood.

use super::rules::{PARKED, READY, debounced, ordered, put, record_run, standing, with_rules};
use super::{Place, claim, claim_one, claimable, done, fail_once, only_run, plugin, record};
use crate::delivery::{DeliveryId, Gate, NewRun, Outcome, RunState};
use crate::ledger::{Claim, ClaimRequest, ClaimablePlugin, Ledger, PluginState, Taken};
use crate::rule::{Guarded, RunRules};
use std::sync::Arc;
use std::time::Duration;

/// A place whose ledgers' clocks stand until a test has time pass.
pub trait Timed: Place {
    /// Has so much time pass, whether a ledger is open on it or not.
    fn pass(&self, time: Duration);
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// What a new run of a discussion is that may have two an hour.
async fn another(ledger: &dyn Ledger) -> RunState {
    let discussion = Some(Guarded {
        discussion: "d".to_owned(),
        runs_max: 2,
    });
    let guarded = with_rules(RunRules {
        discussion,
        ..RunRules::default()
    });
    let id = record_run(ledger, guarded).await;
    standing(ledger, id).await.0
}

/// A run for a repo whose runs are counted.
fn of_repo() -> NewRun {
    with_rules(RunRules {
        rate_key: Some("id r1".to_owned()),
        ..RunRules::default()
    })
}

/// The deliveries whose runs are begun where a repo may have one an hour.
async fn begun(ledger: &dyn Ledger) -> Vec<DeliveryId> {
    let request = ClaimRequest {
        plugins: vec![ClaimablePlugin {
            runs_per_repo_max: 1,
            ..claimable("a")
        }],
        slots: 9.into(),
        running: 0,
    };
    let mut begun = Vec::new();
    for claim in ledger.claim(request).await.unwrap() {
        begun.push(claim.facts().delivery);
        done(ledger, claim).await;
    }
    begun
}

/// Ends the host and starts another.
async fn restarted(place: &dyn Timed, ledger: Arc<dyn Ledger>) -> Arc<dyn Ledger> {
    ledger.close().await;
    drop(ledger);
    place.open().await
}

pub async fn a_loop_guard_lets_go_after_an_hour_with_fewer(place: &dyn Timed) {
    use RunState::{Dead, Pending};
    let ledger = place.open().await;
    for expected in [Pending, Pending, Dead] {
        assert_eq!(another(&*ledger).await, expected);
    }
    // Within the hour it holds, and what it holds counts;
    place.pass(59 * MINUTE);
    assert_eq!(another(&*ledger).await, Dead);
    // after it, only what came since.
    place.pass(2 * MINUTE);
    for expected in [Pending, Dead] {
        assert_eq!(another(&*ledger).await, expected);
    }
    place.pass(61 * MINUTE);
    for expected in [Pending, Pending, Dead] {
        assert_eq!(another(&*ledger).await, expected);
    }
}

pub async fn a_share_that_was_waited_for_comes_with_its_hour(place: &dyn Timed) {
    let ledger = place.open().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(record_run(&*ledger, of_repo()).await);
    }
    assert_eq!(begun(&*ledger).await, [ids[0]]);
    place.pass(60 * MINUTE);
    assert!(begun(&*ledger).await.is_empty());
    place.pass(MINUTE);
    assert_eq!(begun(&*ledger).await, [ids[1]]);
    place.pass(60 * MINUTE);
    assert!(begun(&*ledger).await.is_empty());
    place.pass(MINUTE);
    assert_eq!(begun(&*ledger).await, [ids[2]]);
}

pub async fn a_share_that_nobody_took_within_its_hour_lapses(place: &dyn Timed) {
    // Given a run with a share an hour from now, and nobody who claims then
    let ledger = place.open().await;
    record_run(&*ledger, of_repo()).await;
    let waits = record_run(&*ledger, of_repo()).await;
    assert_eq!(begun(&*ledger).await.len(), 1);
    place.pass(3 * 60 * MINUTE);
    // Then it takes one of this hour, and leaves none to the next
    let next = record_run(&*ledger, of_repo()).await;
    assert_eq!(begun(&*ledger).await, [waits]);
    let run = only_run(&*ledger, next).await;
    assert!(run.reason.unwrap().contains("rate.per-repo"));
    place.pass(61 * MINUTE);
    assert_eq!(begun(&*ledger).await, [next]);
}

pub async fn a_loop_guard_goes_on_counting_after_a_restart(place: &dyn Timed) {
    use RunState::{Dead, Pending};
    let mut ledger = place.open().await;
    for expected in [Pending, Pending, Dead] {
        assert_eq!(another(&*ledger).await, expected);
        ledger = restarted(place, ledger).await;
        place.pass(10 * MINUTE);
    }
    assert_eq!(another(&*ledger).await, Dead);
    // The first and the second are more than an hour ago then.
    place.pass(45 * MINUTE);
    ledger = restarted(place, ledger).await;
    for expected in [Dead, Dead] {
        assert_eq!(another(&*ledger).await, expected);
    }
}

pub async fn shares_of_an_hour_are_as_they_were_after_a_restart(place: &dyn Timed) {
    let mut ledger = place.open().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(record_run(&*ledger, of_repo()).await);
    }
    assert_eq!(begun(&*ledger).await, [ids[0]]);
    let due = async |ledger: &dyn Ledger| {
        let second = only_run(ledger, ids[1]).await.next_attempt_ms.unwrap();
        (
            second,
            only_run(ledger, ids[2]).await.next_attempt_ms.unwrap(),
        )
    };
    let before = due(&*ledger).await;
    ledger = restarted(place, ledger).await;
    assert_eq!(due(&*ledger).await, before);
    // What was begun before counts, also for a run that comes later.
    let later = record_run(&*ledger, of_repo()).await;
    assert!(begun(&*ledger).await.is_empty());
    for expected in [ids[1], ids[2], later] {
        place.pass(61 * MINUTE);
        ledger = restarted(place, ledger).await;
        assert_eq!(begun(&*ledger).await, [expected]);
    }
}

pub async fn a_burst_is_waited_with_as_before_after_a_restart(place: &dyn Timed) {
    let like = || debounced("k", 10 * SECOND, 25 * SECOND);
    let mut ledger = place.open().await;
    let mut last = record_run(&*ledger, like()).await;
    let first_due = only_run(&*ledger, last).await.next_attempt_ms.unwrap();
    // 9 s after each another: the third is due 25 s after the first, not 10 s after itself.
    for stands_for in [1, 2] {
        ledger = restarted(place, ledger).await;
        place.pass(9 * SECOND);
        let before = std::mem::replace(&mut last, record_run(&*ledger, like()).await);
        assert_eq!(standing(&*ledger, before).await.0, RunState::Coalesced);
        assert_eq!(only_run(&*ledger, last).await.stands_for, stands_for);
    }
    ledger = restarted(place, ledger).await;
    let due = only_run(&*ledger, last).await.next_attempt_ms.unwrap();
    assert_eq!(due, first_due + 15_000);
    place.pass(6 * SECOND);
    assert!(begun(&*ledger).await.is_empty());
    place.pass(SECOND);
    assert_eq!(begun(&*ledger).await, [last]);
}

pub async fn an_order_is_as_it_was_after_a_restart(place: &dyn Timed) {
    const QUEUED: (RunState, Gate) = (RunState::Pending, Gate::Queued);
    let ledger = place.open().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(record_run(&*ledger, ordered("x")).await);
    }
    let under_way: Claim = claim_one(&*ledger, "a").await;
    let mut ledger = restarted(place, ledger).await;
    // Whoever made the first attempt of the first is gone, and it is the first still.
    drop(under_way);
    assert_eq!(standing(&*ledger, ids[0]).await, READY);
    for id in &ids[1..] {
        assert_eq!(standing(&*ledger, *id).await, QUEUED);
    }
    ids.push(record_run(&*ledger, ordered("x")).await);
    for expected in ids {
        let claim = claim_one(&*ledger, "a").await;
        assert_eq!(claim.facts().delivery, expected);
        done(&*ledger, claim).await;
        ledger = restarted(place, ledger).await;
    }
}

pub async fn a_pause_and_what_leads_to_one_are_as_they_were_after_a_restart(place: &dyn Timed) {
    let mut ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    for _ in 0..9 {
        fail_once(&*ledger, Outcome::Trapped).await;
    }
    ledger = restarted(place, ledger).await;
    // It is loaded as it was.
    put(&*ledger, PluginState::Loaded, None).await;
    let state = async |ledger: &dyn Ledger| ledger.plugins().await.unwrap().remove(0);
    assert_eq!(state(&*ledger).await.state, PluginState::Loaded);
    fail_once(&*ledger, Outcome::Trapped).await;
    let paused = state(&*ledger).await;
    assert_eq!(paused.state, PluginState::Paused);
    let waits = record_run(&*ledger, ordered("x")).await;
    ledger = restarted(place, ledger).await;
    put(&*ledger, PluginState::Loaded, None).await;
    assert_eq!(state(&*ledger).await, paused);
    assert_eq!(standing(&*ledger, waits).await, PARKED);
    assert!(begun(&*ledger).await.is_empty());
    ledger.resume("a".to_owned()).await.unwrap();
    ledger = restarted(place, ledger).await;
    assert_eq!(begun(&*ledger).await, [waits]);
}

pub async fn replayed_runs_of_one_order_let_the_live_runs_of_others_pass(place: &dyn Timed) {
    let ledger = place.open().await;
    let mut first = Vec::new();
    for _ in 0..3 {
        first.push(record(&*ledger, &["before"]).await);
    }
    for id in &first {
        ledger.replay(*id, vec![ordered("x")]).await.unwrap();
    }
    // They are of a plugin that came later. They hold back a live run, and so are claimed like it;
    record_run(&*ledger, ordered("x")).await;
    place.pass(SECOND);
    let other = record_run(&*ledger, ordered("y")).await;
    // yet what came meanwhile to another order is older than the turn of the second of them.
    let mut made = Vec::new();
    for _ in 0..3 {
        place.pass(SECOND);
        let claim = claim(&*ledger, &["a"], 1).await.remove(0);
        made.push(claim.facts().delivery);
        done(&*ledger, claim).await;
    }
    assert_eq!(made, [first[0], other, first[1]]);
}

const PLACE: &str = "https://huggingface.co:443";

/// Whether one more request may be sent where two an hour may be.
async fn may_write(ledger: &dyn Ledger) -> bool {
    ledger.take_write("a", PLACE, 2).await.unwrap() == Taken::Yes
}

pub async fn a_budget_of_writes_is_spent_until_its_hour_has_passed(place: &dyn Timed) {
    let ledger = place.open().await;
    assert!(may_write(&*ledger).await);
    place.pass(10 * MINUTE);
    assert!(may_write(&*ledger).await);
    // Within the hour there is no third one, and asking for it does not count;
    assert!(!may_write(&*ledger).await);
    place.pass(49 * MINUTE);
    assert!(!may_write(&*ledger).await);
    // after it, as many as were sent in the hour before.
    place.pass(2 * MINUTE);
    assert!(may_write(&*ledger).await);
    let Taken::Full { free_at_ms } = ledger.take_write("a", PLACE, 2).await.unwrap() else {
        panic!("it is spent")
    };
    // It says when there is room again.
    let spent = ledger.totals().await.unwrap().now_ms;
    let wait = Duration::from_millis(free_at_ms - spent);
    assert!(wait > 8 * MINUTE && wait < 11 * MINUTE, "{wait:?}");
    place.pass(wait);
    assert!(may_write(&*ledger).await);
    // Who may send none sends none.
    let none = ledger.take_write("b", PLACE, 0).await.unwrap();
    assert!(matches!(none, Taken::Full { .. }));
}

pub async fn a_budget_of_writes_is_as_it_was_after_a_restart_and_with_another_grant(
    place: &dyn Timed,
) {
    let mut ledger = place.open().await;
    assert!(may_write(&*ledger).await && may_write(&*ledger).await);
    for _ in 0..2 {
        ledger = restarted(place, ledger).await;
        assert!(!may_write(&*ledger).await);
    }
    let mut note = plugin("a", PluginState::Loaded, None);
    note.grant = Some("another".to_owned());
    ledger.put_plugin(note).await.unwrap();
    assert!(!may_write(&*ledger).await);
    // Only a larger budget has room, and what was sent counts for it.
    let larger = async |ledger: &dyn Ledger| ledger.take_write("a", PLACE, 3).await.unwrap();
    assert_eq!(larger(&*ledger).await, Taken::Yes);
    assert!(matches!(larger(&*ledger).await, Taken::Full { .. }));
}

pub async fn budgets_of_writes_are_apart_by_plugin_and_place(place: &dyn Timed) {
    let ledger = place.open().await;
    assert!(may_write(&*ledger).await && may_write(&*ledger).await);
    for (plugin, key) in [("b", PLACE), ("a", "http://127.0.0.1:80")] {
        let taken = ledger.take_write(plugin, key, 1).await.unwrap();
        assert_eq!(taken, Taken::Yes, "{plugin} {key}");
    }
    assert!(!may_write(&*ledger).await);
    // Nor does the loop guard count them.
    assert_eq!(another(&*ledger).await, RunState::Pending);
}
