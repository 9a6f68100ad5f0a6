//! Totals and cost: what is kept instead of counted, and what is never read from end to end.

use super::*;

#[test]
fn the_statements_agree_with_the_constants_they_stand_for() {
    assert_eq!((LOSSES_BEFORE_ALONE, CONFLICTS_BEFORE_ALONE), (2, 3));
}

#[tokio::test]
async fn what_runs_often_reads_no_table_from_end_to_end() {
    let folder = TempDir::new().unwrap();
    drop(open(&folder));
    let connection = file(&folder);
    let plan = |sql: &str| -> String {
        let mut explain = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let parameters = vec![rusqlite::types::Null; explain.parameter_count()];
        let lines = explain
            .query_map(rusqlite::params_from_iter(parameters), |row| {
                row.get::<_, String>(3)
            })
            .unwrap();
        lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    for (sql, expected) in [
        (
            due::NEXT_DUE,
            "SEARCH runs USING INDEX runs_pending (plugin=? AND gate=? AND lane=? AND due_ms>? AND due_ms<?)",
        ),
        (
            due::FIRST_DUE,
            "SEARCH runs USING COVERING INDEX runs_pending (plugin=? AND gate=? AND lane=?)",
        ),
        (
            due::NEXT_BUSY,
            "SEARCH runs USING COVERING INDEX runs_pending (plugin>?)",
        ),
        (
            order::TO_LIVE_LANE,
            "SEARCH runs USING INDEX runs_order (plugin=? AND order_key=? AND seq>?)",
        ),
        // This index holds only the few runs in question.
        (claim::ALONE, "SCAN runs USING INDEX runs_alone"),
        (
            lease::EXPIRED,
            "SEARCH runs USING INDEX runs_running (lease_until<?)",
        ),
        (
            retention::OLDEST,
            "SCAN deliveries USING INDEX deliveries_kept; CORRELATED SCALAR SUBQUERY 1; \
             SEARCH runs USING INDEX sqlite_autoindex_runs_1 (delivery=?)",
        ),
        (
            retention::EXPIRED,
            "SEARCH dedup USING COVERING INDEX dedup_expiry (expires_ms<?)",
        ),
        (
            retention::FORGET_PAST,
            "SEARCH budgets USING PRIMARY KEY (plugin=? AND kind=? AND key=? AND window=?); LIST SUBQUERY 2; \
             SEARCH budgets USING COVERING INDEX budgets_window (window<?)",
        ),
    ] {
        let found = plan(sql);
        assert!(found.starts_with(expected), "{found}");
    }
    let list = |state| {
        plan(&query::list_statement(&DeliveryFilter {
            state,
            ..DeliveryFilter::default()
        }))
    };
    let dead = list(Some(crate::delivery::DeliveryState::Dead));
    assert!(
        dead.starts_with("SEARCH deliveries USING INDEX deliveries_unsettled (state=?)"),
        "{dead}"
    );
    assert!(!dead.contains("TEMP B-TREE"), "{dead}");
    assert!(!list(None).contains("TEMP B-TREE"));
}

#[tokio::test]
async fn totals_are_what_counting_finds_whatever_happened() {
    let folder = TempDir::new().unwrap();
    let mut ledger = open(&folder);
    let mut seed: u64 = 42;
    let mut draw = move |below: u64| {
        // Knuth's MMIX generator: the same workload every time.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let plugins = ["a", "b", "c"];
    let (mut held, mut known) = (Vec::new(), Vec::new());
    for step in 0..600 {
        let name = plugins[usize::try_from(draw(3)).unwrap()];
        match draw(14) {
            0..=3 => {
                let new = delivery();
                known.push(new.clone());
                let runs = plugins
                    .iter()
                    .filter(|_| draw(2) == 0)
                    .map(|plugin| run(plugin));
                ledger.record(new, runs.collect()).await.unwrap();
            }
            4 => {
                if let Some(first) = known.last().cloned() {
                    let again = crate::delivery::NewDelivery {
                        id: DeliveryId::new(),
                        ..first
                    };
                    ledger.record(again, vec![]).await.unwrap();
                }
            }
            5 | 6 => held.extend(claim(&ledger, &plugins, 3).await),
            7..=9 => {
                if let Some(claim) = held.pop() {
                    let (outcome, settlement) = match draw(4) {
                        0 => (Outcome::Done, Settlement::Done),
                        1 => (Outcome::Ignored, Settlement::Ignored),
                        2 => (
                            Outcome::Rejected,
                            Settlement::Dead {
                                reason: "no".to_owned(),
                            },
                        ),
                        _ => (Outcome::Retry, again(Duration::ZERO, Counts::Yes)),
                    };
                    settle(&ledger, claim, outcome, settlement).await;
                }
            }
            10 => {
                if let Some(claim) = held.pop() {
                    ledger.give_back(claim).await.unwrap();
                }
            }
            11 => {
                let state = if draw(2) == 0 {
                    PluginState::Loaded
                } else {
                    PluginState::Held
                };
                ledger.put_plugin(plugin(name, state, None)).await.unwrap();
            }
            12 => match draw(4) {
                0 => ledger.forget_plugin(name.to_owned()).await.unwrap(),
                1 => drop(
                    ledger
                        .pause(name.to_owned(), "test".to_owned())
                        .await
                        .unwrap(),
                ),
                _ => drop(ledger.resume(name.to_owned()).await.unwrap()),
            },
            _ => {
                if let Some(old) = known.first() {
                    ledger.replay(old.id, vec![run(name)]).await.unwrap();
                }
            }
        }
        if step % 150 == 149 {
            drop(ledger);
            ledger = open(&folder);
            check_totals(&folder, &ledger.totals().await.unwrap());
        }
    }
}
