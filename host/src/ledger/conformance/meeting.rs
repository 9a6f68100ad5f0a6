//! Where two rules meet: what random steps found that each rule's own tests did not.

use super::rules::{claim_at_rate, of_repo, ordered, put, record_run};
use super::{Place, claim, claim_one, done, found, only_run, plugin, record, run};
use crate::delivery::DeliveryState;
use crate::ledger::{LedgerSettings, PluginRecord, PluginState};
use crate::rule::DebounceKey;
use std::time::Duration;

pub async fn a_delivery_of_which_one_run_was_given_up_waits_for_the_others(place: &dyn Place) {
    let settings = LedgerSettings {
        park_runs: 0,
        ..LedgerSettings::default()
    };
    let ledger = place.open_with(settings).await;
    put(&*ledger, PluginState::Held, Some("wants http")).await;
    let id = record(&*ledger, &["a", "b"]).await;
    assert_eq!(found(&*ledger, id).await.state, DeliveryState::Pending);
    let mut claims = claim(&*ledger, &["a", "b"], 9).await;
    assert_eq!(claims.len(), 1);
    done(&*ledger, claims.remove(0)).await;
    assert_eq!(found(&*ledger, id).await.state, DeliveryState::Dead);
}

pub async fn another_grant_gives_runs_of_a_paused_plugin_their_share_anew(place: &dyn Place) {
    let ledger = place.open().await;
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded.clone()).await.unwrap();
    for _ in 0..3 {
        record_run(&*ledger, of_repo()).await;
    }
    assert_eq!(claim_at_rate(&*ledger, 1).await.len(), 1);
    ledger
        .pause("a".to_owned(), "operator".to_owned())
        .await
        .unwrap();
    let granted = PluginRecord {
        grant: Some("rate = { per-repo = 9 }".to_owned()),
        ..loaded
    };
    ledger.put_plugin(granted).await.unwrap();
    assert_eq!(claim_at_rate(&*ledger, 9).await.len(), 2);
}

pub async fn a_run_takes_over_the_share_of_the_one_it_stands_for(place: &dyn Place) {
    let ledger = place.open().await;
    let like = || {
        let mut like = of_repo();
        like.rules.debounce = Some(DebounceKey {
            key: "k".to_owned(),
            quiet: Duration::ZERO,
            max: Duration::ZERO,
        });
        like
    };
    let next_due = || ledger.next_due_ms(vec!["a".to_owned()]);
    record_run(&*ledger, like()).await;
    assert_eq!(claim_at_rate(&*ledger, 1).await.len(), 1);
    record_run(&*ledger, like()).await;
    assert!(claim_at_rate(&*ledger, 1).await.is_empty());
    let share = next_due().await.unwrap();
    // However many like events come meanwhile, the last one's run is made when the first one's was to be.
    for _ in 0..3 {
        record_run(&*ledger, like()).await;
        assert!(claim_at_rate(&*ledger, 1).await.is_empty());
    }
    assert_eq!(next_due().await.unwrap(), share);
}

pub async fn a_run_that_is_given_up_gives_its_share_back(place: &dyn Place) {
    let ledger = place.open().await;
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded.clone()).await.unwrap();
    for _ in 0..4 {
        record_run(&*ledger, of_repo()).await;
    }
    // One runs, the others have the next three hours.
    assert_eq!(claim_at_rate(&*ledger, 1).await.len(), 1);
    ledger.forget_plugin("a".to_owned()).await.unwrap();
    ledger.put_plugin(loaded).await.unwrap();
    let next = record_run(&*ledger, of_repo()).await;
    assert!(claim_at_rate(&*ledger, 1).await.is_empty());
    let due_ms = only_run(&*ledger, next).await.next_attempt_ms.unwrap();
    let minutes = due_ms.saturating_sub(crate::clock::now_ms()) / 60_000;
    assert!(minutes <= 61, "{minutes}");
}

pub async fn another_grant_gives_all_that_wait_their_share_anew(place: &dyn Place) {
    let ledger = place.open().await;
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded.clone()).await.unwrap();
    // More than there are shares in a day,
    for _ in 0..30 {
        record_run(&*ledger, of_repo()).await;
    }
    // and one that takes a share over, behind another of its order
    let like = |key: &str| {
        let mut like = of_repo();
        like.rules.order_key = Some("x".to_owned());
        like.rules.debounce = Some(DebounceKey {
            key: key.to_owned(),
            quiet: Duration::ZERO,
            max: Duration::ZERO,
        });
        like
    };
    record_run(&*ledger, like("k")).await;
    assert_eq!(claim_at_rate(&*ledger, 1).await.len(), 1);
    record_run(&*ledger, like("l")).await;
    record_run(&*ledger, like("k")).await;
    let granted = PluginRecord {
        grant: Some("rate = { per-repo = 99 }".to_owned()),
        ..loaded
    };
    ledger.put_plugin(granted).await.unwrap();
    let mut begun = 0;
    loop {
        let claims = claim_at_rate(&*ledger, 99).await;
        if claims.is_empty() {
            break;
        }
        begun += claims.len();
        for claim in claims {
            done(&*ledger, claim).await;
        }
    }
    assert_eq!(begun, 31);
}

pub async fn a_replay_holds_back_no_live_run_that_came_during_a_pause(place: &dyn Place) {
    let ledger = place.open().await;
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded).await.unwrap();
    let first = record_run(&*ledger, ordered("x")).await;
    done(&*ledger, claim_one(&*ledger, "a").await).await;
    ledger.pause("a".into(), "ann".into()).await.unwrap();
    ledger.replay(first, vec![ordered("x")]).await.unwrap();
    record_run(&*ledger, ordered("x")).await;
    ledger.resume("a".into()).await.unwrap();
    // However many others are live
    for _ in 0..3 {
        record_run(&*ledger, run("a")).await;
    }
    let claims = claim(&*ledger, &["a"], 1).await;
    assert_eq!(claims[0].facts().delivery, first);
}
