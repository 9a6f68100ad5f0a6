//! Bounds: what is parked, and for how long; how much may wait.

use super::again::again_of;
use super::rules::{
    PARKED, READY, claim_at_rate, of_repo, ordered, put, record_run, standing, tend_to_all,
};
use super::{Place, claim, claim_one, claimable, delivery, done, found, only_run, run};
use crate::delivery::{DeliveryState, RunState};
use crate::ledger::{ClaimRequest, ClaimablePlugin, LedgerError, LedgerSettings, PluginState};
use std::time::Duration;

pub async fn a_long_backlog_is_parked_and_freed_in_steps(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    for at in 0..2_500 {
        record_run(&*ledger, ordered(&format!("{}", at % 1_200))).await;
    }
    let parked = async || ledger.totals().await.unwrap().plugins["a"].parked;
    ledger
        .pause("a".to_owned(), "ann".to_owned())
        .await
        .unwrap();
    assert_eq!(parked().await, 1_000);
    assert!(tend_to_all(&*ledger).await > 1);
    assert_eq!(parked().await, 2_500);
    assert_eq!(ledger.totals().await.unwrap().backlog_bytes, 0);
    ledger.resume("a".to_owned()).await.unwrap();
    assert_eq!(parked().await, 1_500);
    tend_to_all(&*ledger).await;
    assert_eq!(parked().await, 0);
    assert_ne!(ledger.totals().await.unwrap().backlog_bytes, 0);
    // One of each key can be claimed, as before.
    let request = ClaimRequest {
        plugins: vec![ClaimablePlugin {
            slots: 9_999.into(),
            ..claimable("a")
        }],
        slots: 9_999.into(),
        running: 0,
    };
    assert_eq!(ledger.claim(request).await.unwrap().len(), 1_200);
}

pub async fn a_paused_plugins_runs_are_not_claimed_before_they_are_parked(place: &dyn Place) {
    let ledger = place.open().await;
    put(&*ledger, PluginState::Loaded, None).await;
    for _ in 0..1_001 {
        record_run(&*ledger, run("a")).await;
    }
    ledger
        .pause("a".to_owned(), "ann".to_owned())
        .await
        .unwrap();
    assert!(claim(&*ledger, &["a"], 9).await.is_empty());
}

pub async fn too_many_parked_runs_give_up_the_oldest(place: &dyn Place) {
    let settings = LedgerSettings {
        park_runs: 2,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    put(&*ledger, PluginState::Loaded, None).await;
    let before = record_run(&*ledger, run("a")).await;
    put(&*ledger, PluginState::Held, Some("wants http")).await;
    let mut made = vec![before];
    for _ in 0..3 {
        made.push(record_run(&*ledger, run("a")).await);
    }
    for (at, id) in made.iter().enumerate() {
        let expected = if at < 2 {
            RunState::Dead
        } else {
            RunState::Pending
        };
        let run = only_run(&*ledger, *id).await;
        assert_eq!(run.state, expected, "{at}");
        if at < 2 {
            let reason = run.reason.unwrap();
            assert!(reason.contains("park-runs allows (2)"), "{reason}");
            assert_eq!(found(&*ledger, *id).await.state, DeliveryState::Dead);
        }
    }
}

pub async fn runs_parked_for_too_long_are_given_up(place: &dyn Place) {
    let settings = LedgerSettings {
        park_for: Duration::ZERO,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    put(&*ledger, PluginState::Held, Some("wants http")).await;
    let id = record_run(&*ledger, run("a")).await;
    assert_eq!(standing(&*ledger, id).await, PARKED);
    tend_to_all(&*ledger).await;
    let run = only_run(&*ledger, id).await;
    assert_eq!(run.state, RunState::Dead);
    assert!(
        run.reason
            .unwrap()
            .starts_with("parked for longer than park-for allows")
    );
}

pub async fn a_plugin_with_a_full_backlog_gets_dead_runs(place: &dyn Place) {
    let settings = LedgerSettings {
        backlog_runs_per_plugin: 2,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    put(&*ledger, PluginState::Loaded, None).await;
    for _ in 0..2 {
        record_run(&*ledger, run("a")).await;
    }
    let over = record_run(&*ledger, run("a")).await;
    let refused = only_run(&*ledger, over).await;
    assert_eq!(refused.state, RunState::Dead);
    assert!(
        refused
            .reason
            .unwrap()
            .starts_with("plugin backlog full: 2 runs wait")
    );
    // Others are none the worse for it,
    let other = record_run(&*ledger, run("b")).await;
    assert_eq!(standing(&*ledger, other).await, READY);
    // and what is parked is no backlog.
    put(&*ledger, PluginState::Held, Some("wants http")).await;
    let parked = record_run(&*ledger, run("a")).await;
    assert_eq!(standing(&*ledger, parked).await, PARKED);
}

pub async fn runs_that_wait_for_their_share_fill_their_own_plugins_backlog(place: &dyn Place) {
    let settings = LedgerSettings {
        backlog_runs_per_plugin: 3,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    put(&*ledger, PluginState::Loaded, None).await;
    for _ in 0..3 {
        record_run(&*ledger, of_repo()).await;
    }
    done(&*ledger, claim_at_rate(&*ledger, 1).await.remove(0)).await;
    let waits = record_run(&*ledger, of_repo()).await;
    assert_eq!(standing(&*ledger, waits).await, READY);
    let over = record_run(&*ledger, run("a")).await;
    assert_eq!(only_run(&*ledger, over).await.state, RunState::Dead);
    let other = record_run(&*ledger, run("b")).await;
    assert_eq!(standing(&*ledger, other).await, READY);
}

pub async fn a_full_backlog_refuses_deliveries_and_knows_duplicates(place: &dyn Place) {
    let first = delivery();
    let settings = LedgerSettings {
        backlog_bytes_max: first.body.len() as u64,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    let runs = vec![run("a")];
    ledger.record(first.clone(), runs).await.unwrap();
    let refused = ledger.record(delivery(), vec![run("a")]).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, LedgerError::Full { .. }), "{refused}");
    assert!(refused.to_string().contains("backlog-max"), "{refused}");
    assert!(again_of(&*ledger, &first, &["a"]).await.is_empty());
    // What nobody is to run takes no part of it.
    ledger.record(delivery(), vec![]).await.unwrap();
    done(&*ledger, claim_one(&*ledger, "a").await).await;
    ledger.record(delivery(), vec![run("a")]).await.unwrap();
}
