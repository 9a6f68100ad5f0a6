//! Plugins: parking, pausing, forgetting, replaying.

use super::{
    HOUR, Place, again, claim, claim_one, dead, delivery, done, found, ledger_now_ms, names,
    only_run, plugin, record, run, settle,
};
use crate::clock::now_ms;
use crate::delivery::{Counts, DeliveryId, DeliveryState, Gate, Lane, Outcome, RunState};
use crate::ledger::{OwnAccount, OwnStanding, PluginRecord, PluginState};
use std::time::Duration;

pub async fn runs_of_a_plugin_that_is_not_loaded_are_parked_until_it_is(place: &dyn Place) {
    let ledger = place.open().await;
    let before = record(&*ledger, &["a", "b"]).await;
    let held = plugin("a", PluginState::Held, Some("wants http"));
    ledger.put_plugin(held).await.unwrap();
    let after = record(&*ledger, &["a"]).await;
    for id in [before, after] {
        let run = found(&*ledger, id).await.runs.remove(0);
        assert_eq!((run.state, run.gate), (RunState::Pending, Gate::Parked));
        assert_eq!(run.reason.as_deref(), Some("held: wants http"));
        assert_eq!(run.next_attempt_ms, None);
        assert_eq!(found(&*ledger, id).await.state, DeliveryState::Pending);
    }
    assert_eq!(names(&claim(&*ledger, &["a", "b"], 9).await), ["b"]);
    assert_eq!(
        ledger.next_due_ms(vec!["a".to_owned()]).await.unwrap(),
        None
    );

    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded).await.unwrap();
    let claims = claim(&*ledger, &["a", "b"], 9).await;
    assert_eq!(names(&claims), ["a", "a"]);
    assert_eq!(found(&*ledger, after).await.runs[0].reason, None);
}

pub async fn runs_of_an_unknown_plugin_are_parked_if_the_router_says_so(place: &dyn Place) {
    let ledger = place.open().await;
    let mut parked = run("a");
    parked.parked = Some("held: wants http".to_owned());
    let new = delivery();
    let id = new.id;
    ledger.record(new, vec![parked]).await.unwrap();
    assert!(claim(&*ledger, &["a"], 1).await.is_empty());
    let run = only_run(&*ledger, id).await;
    assert_eq!(run.reason.as_deref(), Some("held: wants http"));
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded).await.unwrap();
    claim_one(&*ledger, "a").await;
}

pub async fn a_pause_ends_when_another_version_or_grant_comes(place: &dyn Place) {
    let ledger = place.open().await;
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded.clone()).await.unwrap();
    for (active, grant) in [("d2", ""), ("d2", "fuel = 1")] {
        assert!(ledger.pause("a".into(), "operator".into()).await.unwrap());
        record(&*ledger, &["a"]).await;
        assert!(claim(&*ledger, &["a"], 1).await.is_empty());
        let other = PluginRecord {
            active: Some(active.to_owned()),
            grant: Some(grant.to_owned()),
            ..loaded.clone()
        };
        ledger.put_plugin(other).await.unwrap();
        let claim = claim_one(&*ledger, "a").await;
        done(&*ledger, claim).await;
    }
}

pub async fn a_paused_plugin_stays_paused_when_it_is_loaded_anew(place: &dyn Place) {
    let ledger = place.open().await;
    assert!(!ledger.pause("a".into(), "operator".into()).await.unwrap());
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded.clone()).await.unwrap();
    record(&*ledger, &["a"]).await;
    assert!(ledger.pause("a".into(), "operator".into()).await.unwrap());
    assert!(claim(&*ledger, &["a"], 1).await.is_empty());
    ledger.put_plugin(loaded.clone()).await.unwrap();
    assert!(claim(&*ledger, &["a"], 1).await.is_empty());
    let paused = PluginRecord {
        paused_by: Some("operator".to_owned()),
        ..plugin("a", PluginState::Paused, Some("paused by operator"))
    };
    assert_eq!(ledger.plugins().await.unwrap(), vec![paused.clone()]);
    ledger.put_plugin(paused.clone()).await.unwrap();
    assert_eq!(ledger.plugins().await.unwrap(), [paused]);
    assert!(ledger.resume("a".into()).await.unwrap());
    assert_eq!(ledger.plugins().await.unwrap(), [loaded]);
    claim_one(&*ledger, "a").await;
    assert!(!ledger.resume("b".into()).await.unwrap());
}

pub async fn a_plugins_own_account_is_noted_with_it(place: &dyn Place) {
    let known = |name: Option<&str>| OwnStanding::Known {
        id: "6397".to_owned(),
        name: name.map(str::to_owned),
    };
    let unknown = OwnStanding::Unknown {
        reason: "nobody answers".to_owned(),
    };
    let standings = [
        Some(unknown),
        Some(known(None)),
        None,
        Some(known(Some("me"))),
    ];
    let with = |standing: Option<OwnStanding>| PluginRecord {
        own: standing.map(|standing| OwnAccount {
            of: "https://hub 01ab".to_owned(),
            standing,
        }),
        ..plugin("a", PluginState::Loaded, None)
    };
    let ledger = place.open().await;
    for standing in standings.clone() {
        ledger.put_plugin(with(standing.clone())).await.unwrap();
        assert_eq!(ledger.plugins().await.unwrap(), [with(standing)]);
    }
    ledger.close().await;
    drop(ledger);
    let ledger = place.open().await;
    let [.., last] = standings;
    assert_eq!(ledger.plugins().await.unwrap(), [with(last)]);
}

pub async fn a_run_that_was_under_way_is_parked_when_it_comes_back_to_a_paused_plugin(
    place: &dyn Place,
) {
    let ledger = place.open().await;
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded).await.unwrap();
    let ids = [
        record(&*ledger, &["a"]).await,
        record(&*ledger, &["a"]).await,
    ];
    let mut claims = claim(&*ledger, &["a"], 2).await;
    ledger.pause("a".into(), "operator".into()).await.unwrap();
    let at_once = again(Duration::ZERO, Counts::Yes);
    settle(&*ledger, claims.remove(0), Outcome::Retry, at_once).await;
    ledger.give_back(claims.remove(0)).await.unwrap();
    for id in ids {
        let run = only_run(&*ledger, id).await;
        assert_eq!(run.gate, Gate::Parked);
        assert_eq!(run.reason.as_deref(), Some("paused by operator"));
    }
    ledger.resume("a".into()).await.unwrap();
    assert_eq!(claim(&*ledger, &["a"], 9).await.len(), 2);
}

pub async fn a_forgotten_plugins_runs_are_dead_and_can_be_replayed(place: &dyn Place) {
    let ledger = place.open().await;
    let missing = plugin("a", PluginState::Missing, None);
    ledger.put_plugin(missing).await.unwrap();
    let id = record(&*ledger, &["a"]).await;
    ledger.forget_plugin("a".to_owned()).await.unwrap();
    assert!(ledger.plugins().await.unwrap().is_empty());
    let kept = found(&*ledger, id).await;
    assert_eq!(kept.state, DeliveryState::Dead);
    assert_eq!(kept.runs[0].state, RunState::Dead);
    assert!(kept.runs[0].reason.is_some());
    let back = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(back).await.unwrap();
    let replayed = ledger.replay(id, vec![run("a")]).await.unwrap();
    assert_eq!(replayed, Some(vec!["a".to_owned()]));
    claim_one(&*ledger, "a").await;
}

pub async fn a_paused_plugin_is_paused_when_it_comes_back_as_it_was(place: &dyn Place) {
    let ledger = place.open().await;
    let loaded = plugin("a", PluginState::Loaded, None);
    for (grant, expected) in [
        (String::new(), PluginState::Paused),
        ("timeout = \"1s\"".to_owned(), PluginState::Loaded),
    ] {
        ledger.put_plugin(loaded.clone()).await.unwrap();
        ledger.pause("a".into(), "ann".into()).await.unwrap();
        ledger.forget_plugin("a".to_owned()).await.unwrap();
        // It is compiled again first.
        let compiling = PluginRecord {
            active: None,
            ..plugin("a", PluginState::Compiling, None)
        };
        ledger.put_plugin(compiling).await.unwrap();
        let back = PluginRecord {
            grant: Some(grant),
            ..loaded.clone()
        };
        ledger.put_plugin(back).await.unwrap();
        assert_eq!(ledger.plugins().await.unwrap()[0].state, expected);
        ledger.resume("a".into()).await.unwrap();
    }
}

pub async fn a_forgotten_plugins_name_stays_known(place: &dyn Place) {
    let ledger = place.open().await;
    let idle = plugin("never-ran", PluginState::Loaded, None);
    ledger.put_plugin(idle).await.unwrap();
    record(&*ledger, &["ran"]).await;
    ledger.forget_plugin("never-ran".to_owned()).await.unwrap();
    assert!(ledger.plugins().await.unwrap().is_empty());
    let known = ledger.known_plugins().await.unwrap();
    assert_eq!(known, ["never-ran", "ran"]);
}

pub async fn a_run_recorded_after_its_plugin_was_forgotten_is_dead(place: &dyn Place) {
    let ledger = place.open().await;
    let missing = plugin("a", PluginState::Missing, None);
    ledger.put_plugin(missing).await.unwrap();
    ledger.forget_plugin("a".to_owned()).await.unwrap();
    // It was routed before that, and the router knew it as missing.
    let mut routed = run("a");
    routed.parked = Some("missing: its file is gone".to_owned());
    let late = delivery();
    ledger.record(late.clone(), vec![routed]).await.unwrap();
    let kept = found(&*ledger, late.id).await;
    assert_eq!(kept.state, DeliveryState::Dead);
    assert_eq!(kept.runs[0].state, RunState::Dead);
}

pub async fn a_replay_skips_plugins_that_are_not_done(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a", "b"]).await;
    dead(&*ledger, claim_one(&*ledger, "a").await).await;
    let replayed = ledger
        .replay(id, vec![run("a"), run("b"), run("c")])
        .await
        .unwrap();
    assert_eq!(replayed, Some(vec!["a".to_owned(), "c".to_owned()]));
    let runs = found(&*ledger, id).await.runs;
    assert_eq!(runs.len(), 4);
    assert_eq!(runs[2].replay_of, Some(runs[0].id));
    assert_eq!((runs[2].lane, runs[0].lane), (Lane::Replay, Lane::Live));
    assert_eq!(runs[3].replay_of, None);
    let replayed = ledger.replay(id, vec![run("a")]).await.unwrap();
    assert_eq!(replayed, Some(vec![]));
    let held = claim_one(&*ledger, "a").await;
    let replayed = ledger.replay(id, vec![run("a")]).await.unwrap();
    assert_eq!(replayed, Some(vec![]));
    done(&*ledger, held).await;
    ledger.replay(id, vec![run("a")]).await.unwrap();
    let runs = found(&*ledger, id).await.runs;
    assert_eq!(runs[4].replay_of, Some(runs[2].id));
}

pub async fn a_replay_of_an_unknown_delivery_finds_nothing(place: &dyn Place) {
    let ledger = place.open().await;
    let unknown = DeliveryId::new();
    assert_eq!(ledger.replay(unknown, vec![run("a")]).await.unwrap(), None);
    assert!(ledger.delivery(unknown).await.unwrap().is_none());
    assert!(ledger.first_attempts(unknown).await.unwrap().is_empty());
}

pub async fn a_delivery_stands_where_the_newest_run_of_each_plugin_stands(place: &dyn Place) {
    let ledger = place.open().await;
    let id = record(&*ledger, &["a", "b"]).await;
    let state = async || found(&*ledger, id).await.state;
    done(&*ledger, claim_one(&*ledger, "a").await).await;
    assert_eq!(state().await, DeliveryState::Pending);
    dead(&*ledger, claim_one(&*ledger, "b").await).await;
    assert_eq!(state().await, DeliveryState::Dead);
    ledger.replay(id, vec![run("b")]).await.unwrap();
    assert_eq!(state().await, DeliveryState::Pending);
    done(&*ledger, claim_one(&*ledger, "b").await).await;
    assert_eq!(state().await, DeliveryState::Settled);
    ledger.replay(id, vec![run("a")]).await.unwrap();
    dead(&*ledger, claim_one(&*ledger, "a").await).await;
    assert_eq!(state().await, DeliveryState::Dead);
}

pub async fn totals_say_how_much_there_is_and_what_waits_longest(place: &dyn Place) {
    let ledger = place.open().await;
    for (name, state) in [("a", PluginState::Loaded), ("b", PluginState::Held)] {
        ledger.put_plugin(plugin(name, state, None)).await.unwrap();
    }
    let began = now_ms();
    record(&*ledger, &["a", "b"]).await;
    let first = ledger.totals().await.unwrap().plugins["a"].first_due_ms;
    record(&*ledger, &["a", "b"]).await;
    done(&*ledger, claim(&*ledger, &["a"], 1).await.remove(0)).await;
    let claim = claim_one(&*ledger, "a").await;
    let later = again(HOUR, Counts::Yes);
    settle(&*ledger, claim, Outcome::Retry, later).await;
    let totals = ledger.totals().await.unwrap();
    // The first of those that can be claimed, whether it is due or will be
    assert!((began..=ledger_now_ms()).contains(&first.unwrap()));
    let (a, b) = (totals.plugins["a"], totals.plugins["b"]);
    assert!(a.first_due_ms.unwrap() > now_ms());
    assert_eq!(
        (a.state, a.unsettled, a.parked),
        (Some(PluginState::Loaded), 1, 0)
    );
    // Parked ones wait for something else than time
    assert_eq!(
        (b.state, b.unsettled, b.parked),
        (Some(PluginState::Held), 2, 2)
    );
    assert_eq!(b.first_due_ms, None);
    assert_eq!((totals.deliveries, totals.duplicates), (2, 0));
    assert!(totals.runs.contains(&(RunState::Done, 1)));
    assert!(totals.bytes > 0);
    // A plugin that is gone is not noted any more
    ledger.forget_plugin("b".to_owned()).await.unwrap();
    let b = ledger.totals().await.unwrap().plugins["b"];
    assert_eq!((b.state, b.unsettled, b.parked), (None, 0, 0));
}
