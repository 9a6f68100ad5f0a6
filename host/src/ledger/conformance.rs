//! What every form of the ledger must do, written against the trait.
//!
//! A form runs the whole suite with [`ledger_conforms!`], giving it a [`Place`]: a store that can be opened again; and one
//! that is [`Timed`].

mod again;
mod bounds;
mod claim;
mod hours;
mod meeting;
mod plugins;
mod record;
mod rules;
mod settle;
mod state;
mod wait;

pub use self::again::*;
pub use self::bounds::*;
pub use self::claim::*;
pub use self::hours::*;
pub use self::meeting::*;
pub use self::plugins::*;
pub use self::record::*;
pub use self::rules::*;
pub use self::settle::*;
pub use self::state::*;
pub use self::wait::*;

use super::{
    Claim, ClaimRequest, ClaimablePlugin, DeliveryRecord, Ledger, LedgerSettings, PluginRecord,
    PluginState, Recording, RunRecord, Settled, StateChanges,
};
use crate::clock::now_ms;
use crate::delivery::{
    AttemptRecord, Counts, DeliveryId, NewDelivery, NewRun, Outcome, RunId, Settlement,
};
use crate::event::{Event, Repo};
use crate::rule::RunRules;
use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A store that a ledger can be opened on, again and again; its dedup window is seven days.
#[async_trait]
pub trait Place: Sync {
    /// Opens it; a ledger that was opened on it before must be closed and dropped.
    async fn open(&self) -> Arc<dyn Ledger> {
        self.open_with(LedgerSettings::default()).await
    }

    /// Opens it with these settings.
    async fn open_with(&self, settings: LedgerSettings) -> Arc<dyn Ledger>;
}

/// Makes one test of each of the suite's.
macro_rules! ledger_conforms {
    ($place:expr, $timed:expr) => {
        ledger_conforms! { $place =>
            a_recorded_delivery_is_there_after_a_restart,
            a_delivery_without_runs_is_settled_at_once,
            a_duplicate_is_counted_where_it_came_first,
            the_same_id_with_another_body_is_its_own_delivery,
            the_same_id_on_another_path_is_its_own_delivery,
            a_duplicate_outside_the_window_is_a_new_delivery,
            a_delivery_without_an_id_is_never_a_duplicate,
            a_claim_says_what_its_attempt_needs_to_know,
            no_plugin_waits_behind_anothers_backlog,
            no_more_is_claimed_than_there_are_slots,
            slots_that_come_free_while_a_claim_waits_its_turn_are_filled,
            older_runs_are_claimed_before_newer_ones,
            live_runs_are_claimed_before_replayed_ones,
            a_claimed_run_is_not_claimed_again,
            a_settled_attempt_is_kept_with_all_it_left,
            a_run_that_is_to_be_attempted_again_waits_until_it_is_due,
            a_due_time_further_ahead_than_any_delay_counts_as_due,
            attempts_are_numbered_as_kept_and_as_counted,
            a_claim_that_was_taken_over_settles_nothing,
            a_claim_given_back_leaves_no_attempt_behind,
            an_attempt_under_way_is_lost_when_its_host_dies,
            a_run_lost_twice_is_claimed_alone,
            a_run_lost_three_times_is_dead,
            state_is_written_with_its_settlement_only,
            a_settlement_conflicts_when_what_it_read_has_changed,
            a_key_written_again_after_its_deletion_has_a_new_version,
            state_is_kept_of_a_rejection_and_of_no_failure,
            a_settlement_conflicts_when_keys_came_or_went_since_it_listed_them,
            a_listing_does_not_conflict_with_another_value_of_a_key,
            keys_are_listed_in_parts_in_the_order_of_their_bytes,
            how_much_state_there_is_follows_what_is_written,
            a_settlement_conflicts_when_there_is_no_room_for_what_it_writes,
            state_over_a_lowered_quota_may_shrink,
            a_counter_that_many_raise_at_once_misses_none,
            a_run_in_conflict_three_times_is_claimed_with_no_other_of_its_plugin,
            a_claim_keeps_how_another_version_sees_its_event,
            runs_of_a_plugin_that_is_not_loaded_are_parked_until_it_is,
            runs_of_an_unknown_plugin_are_parked_if_the_router_says_so,
            a_paused_plugin_stays_paused_when_it_is_loaded_anew,
            a_pause_ends_when_another_version_or_grant_comes,
            a_run_that_was_under_way_is_parked_when_it_comes_back_to_a_paused_plugin,
            a_plugins_own_account_is_noted_with_it,
            a_forgotten_plugins_runs_are_dead_and_can_be_replayed,
            a_paused_plugin_is_paused_when_it_comes_back_as_it_was,
            a_forgotten_plugins_name_stays_known,
            a_run_recorded_after_its_plugin_was_forgotten_is_dead,
            a_replay_skips_plugins_that_are_not_done,
            a_replay_of_an_unknown_delivery_finds_nothing,
            a_delivery_stands_where_the_newest_run_of_each_plugin_stands,
            first_attempts_are_awaited_until_the_last_has_ended,
            first_attempts_of_parked_runs_are_not_awaited,
            first_attempts_end_when_a_plugin_is_paused_meanwhile,
            whoever_waits_for_work_hears_of_it,
            totals_say_how_much_there_is_and_what_waits_longest,
            deliveries_are_listed_newest_first_and_filtered,
            a_claim_whose_caller_has_gone_is_given_back,
            runs_of_one_order_are_made_one_after_the_other,
            a_run_that_waits_holds_its_order_and_no_other,
            a_dead_run_lets_the_next_of_its_order_go,
            a_replayed_run_joins_the_end_of_its_order,
            an_order_outlives_a_pause,
            a_parked_run_says_why_its_plugin_is_parked_now,
            a_run_that_waits_says_why_also_after_a_pause_or_its_turn,
            an_order_goes_on_when_a_plugin_comes_back_from_being_forgotten,
            like_runs_become_one_that_stands_for_all,
            a_burst_is_waited_with_no_longer_than_allowed,
            a_run_that_was_claimed_is_not_coalesced,
            a_coalesced_run_lets_its_order_go_on,
            a_replayed_run_is_not_debounced,
            a_discussion_with_too_many_runs_gets_dead_ones,
            a_repo_with_too_many_runs_has_them_wait,
            another_grant_gives_waiting_runs_their_share_anew,
            a_duplicate_fills_what_is_dead_or_was_never_run,
            a_duplicate_has_run_again_what_the_operator_wants,
            ten_failures_of_the_sandbox_in_a_row_pause_a_plugin,
            a_plugins_own_refusals_do_not_pause_it,
            a_long_backlog_is_parked_and_freed_in_steps,
            a_paused_plugins_runs_are_not_claimed_before_they_are_parked,
            too_many_parked_runs_give_up_the_oldest,
            runs_parked_for_too_long_are_given_up,
            a_plugin_with_a_full_backlog_gets_dead_runs,
            runs_that_wait_for_their_share_fill_their_own_plugins_backlog,
            a_full_backlog_refuses_deliveries_and_knows_duplicates,
            a_delivery_of_which_one_run_was_given_up_waits_for_the_others,
            another_grant_gives_runs_of_a_paused_plugin_their_share_anew,
            a_run_takes_over_the_share_of_the_one_it_stands_for,
            a_run_that_is_given_up_gives_its_share_back,
            another_grant_gives_all_that_wait_their_share_anew,
            a_replay_holds_back_no_live_run_that_came_during_a_pause,
            a_delivery_is_known_at_rest_while_nothing_of_it_would_be_run_again,
        }
        ledger_conforms! { $timed =>
            a_loop_guard_lets_go_after_an_hour_with_fewer,
            a_share_that_was_waited_for_comes_with_its_hour,
            a_share_that_nobody_took_within_its_hour_lapses,
            a_loop_guard_goes_on_counting_after_a_restart,
            shares_of_an_hour_are_as_they_were_after_a_restart,
            a_burst_is_waited_with_as_before_after_a_restart,
            an_order_is_as_it_was_after_a_restart,
            a_pause_and_what_leads_to_one_are_as_they_were_after_a_restart,
            replayed_runs_of_one_order_let_the_live_runs_of_others_pass,
            a_budget_of_writes_is_spent_until_its_hour_has_passed,
            a_budget_of_writes_is_as_it_was_after_a_restart_and_with_another_grant,
            budgets_of_writes_are_apart_by_plugin_and_place,
        }
    };
    ($place:expr => $($name:ident),+ $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            $crate::ledger::conformance::$name(&$place).await;
        })+
    };
}
pub(crate) use ledger_conforms;

/// What time it is at the latest by a ledger's own clock: what rounding makes of two clocks may put it a little ahead.
pub fn ledger_now_ms() -> u64 {
    now_ms() + 100
}

/// A delivery like no other.
pub fn delivery() -> NewDelivery {
    let id = DeliveryId::new();
    delivery_with(id, format!("{{\"n\":\"{id}\"}}"))
}

/// A delivery with a body.
pub fn delivery_with(id: DeliveryId, body: impl Into<String>) -> NewDelivery {
    let body = Bytes::from(body.into());
    NewDelivery {
        id,
        path: "/webhooks".to_owned(),
        hub_id: Some(format!("hub-{id}")),
        event: Event {
            scope: "repo.content".to_owned(),
            action: "update".to_owned(),
            repo: Some(Repo {
                kind: Some("model".to_owned()),
                name: Some("org/model".to_owned()),
                id: Some("r1".to_owned()),
            }),
            webhook_id: Some("w1".to_owned()),
            ..Event::default()
        },
        unparsable: None,
        received_ms: now_ms(),
        body_sha256: Sha256::digest(&body).into(),
        body,
        headers: vec![("webhook-id".to_owned(), "1".to_owned())],
    }
}

/// A run of a plugin.
pub fn run(plugin: &str) -> NewRun {
    NewRun {
        id: RunId::new(),
        plugin: plugin.to_owned(),
        scope: "repo.content".to_owned(),
        action: "update".to_owned(),
        routed_digest: "d1".to_owned(),
        parked: None,
        rules: RunRules::default(),
    }
}

/// Records a delivery with one run of each plugin.
pub async fn record(ledger: &dyn Ledger, plugins: &[&str]) -> DeliveryId {
    let delivery = delivery();
    let id = delivery.id;
    let runs = plugins.iter().map(|plugin| run(plugin)).collect();
    let recording = ledger.record(delivery, runs).await.unwrap();
    assert!(matches!(recording, Recording::Recorded(_)), "{recording:?}");
    id
}

/// A plugin to claim for, with room for many attempts and an hour for each.
pub fn claimable(name: &str) -> ClaimablePlugin {
    ClaimablePlugin {
        name: name.to_owned(),
        slots: 100.into(),
        running: 0,
        lease: HOUR,
        runs_per_repo_max: u32::MAX,
    }
}

/// Claims for plugins, in turns, with nothing else under way.
pub async fn claim(ledger: &dyn Ledger, plugins: &[&str], slots: usize) -> Vec<Claim> {
    let request = ClaimRequest {
        plugins: plugins.iter().map(|name| claimable(name)).collect(),
        slots: slots.into(),
        running: 0,
    };
    ledger.claim(request).await.unwrap()
}

/// Claims the one run that is due.
pub async fn claim_one(ledger: &dyn Ledger, plugin: &str) -> Claim {
    let mut claims = claim(ledger, &[plugin], 10).await;
    assert_eq!(claims.len(), 1, "{claims:?}");
    claims.remove(0)
}

/// Claims with a lease that has run out by the time it is looked at.
pub async fn claim_briefly(ledger: &dyn Ledger, plugin: &str) -> Vec<Claim> {
    let request = ClaimRequest {
        plugins: vec![ClaimablePlugin {
            lease: Duration::ZERO,
            ..claimable(plugin)
        }],
        slots: 1.into(),
        running: 0,
    };
    ledger.claim(request).await.unwrap()
}

/// What an attempt leaves that ended so.
pub fn attempt(outcome: Outcome) -> AttemptRecord {
    AttemptRecord {
        version: "1.0.0".to_owned(),
        digest: "d1".to_owned(),
        outcome,
        output: None,
        fuel: 1,
        fuel_limit: 2,
        memory_peak_bytes: 3,
        wall: Duration::from_micros(4_700),
        logs: Vec::new(),
        calls: Vec::new(),
        trap: None,
    }
}

/// Settles a claim without state changes.
pub async fn settle(
    ledger: &dyn Ledger,
    claim: Claim,
    outcome: Outcome,
    settlement: Settlement,
) -> Settled {
    let nothing = StateChanges::default();
    ledger
        .settle(claim, settlement, attempt(outcome), nothing)
        .await
        .unwrap()
}

/// Settles a claim as done.
pub async fn done(ledger: &dyn Ledger, claim: Claim) {
    let settled = settle(ledger, claim, Outcome::Done, Settlement::Done).await;
    assert!(matches!(settled, Settled::Yes), "{settled:?}");
}

/// Settles a claim as rejected by its plugin.
pub async fn dead(ledger: &dyn Ledger, claim: Claim) {
    let reason = "rejected by the plugin".to_owned();
    let settled = settle(
        ledger,
        claim,
        Outcome::Rejected,
        Settlement::Dead { reason },
    );
    assert!(matches!(settled.await, Settled::Yes));
}

/// Another attempt after a delay.
pub fn again(delay: Duration, counts: Counts) -> Settlement {
    Settlement::Again { delay, counts }
}

/// A delivery that is there.
pub async fn found(ledger: &dyn Ledger, id: DeliveryId) -> DeliveryRecord {
    ledger.delivery(id).await.unwrap().unwrap()
}

async fn only_run(ledger: &dyn Ledger, id: DeliveryId) -> RunRecord {
    let mut runs = found(ledger, id).await.runs;
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

/// A plugin as it is noted.
pub fn plugin(name: &str, state: PluginState, reason: Option<&str>) -> PluginRecord {
    PluginRecord {
        name: name.to_owned(),
        state,
        reason: reason.map(str::to_owned),
        active: Some("d1".to_owned()),
        candidate: None,
        manifest: Some("{}".to_owned()),
        manifest_digest: Some("d1".to_owned()),
        grant: Some(String::new()),
        missing_since_ms: None,
        paused_by: None,
        own: None,
    }
}

fn names(claims: &[Claim]) -> Vec<&str> {
    claims
        .iter()
        .map(|claim| claim.facts().plugin.as_str())
        .collect()
}
