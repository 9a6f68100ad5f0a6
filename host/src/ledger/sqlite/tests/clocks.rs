//! What is due when somebody sets the wall clock meanwhile.

use super::*;
use std::sync::atomic::Ordering::Relaxed;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// Has the run of plugin `a` attempted again after an hour.
async fn retry_in_an_hour(ledger: &SqliteLedger) {
    let claim = claim_one(ledger, "a").await;
    let hour = Duration::from_secs(60 * 60);
    settle(ledger, claim, Outcome::Retry, again(hour, Counts::Yes)).await;
}

#[tokio::test]
async fn what_waits_is_due_after_its_wait_however_far_the_clock_is_set_back() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let set = &ledger.shared.clock.set;
    record(&ledger, &["a"]).await;
    retry_in_an_hour(&ledger).await;
    set.wall.store(-5 * HOUR_MS, Relaxed);
    // It is not due before its hour is over,
    assert!(claim(&ledger, &["a"], 1).await.is_empty());
    // and nothing else is later for it.
    record(&ledger, &["b"]).await;
    done(&ledger, claim_one(&ledger, "b").await).await;
    set.steady.store(HOUR_MS + 1_000, Relaxed);
    set.wall.store(-4 * HOUR_MS, Relaxed);
    retry_in_an_hour(&ledger).await;
    assert!(claim(&ledger, &["a"], 1).await.is_empty());
    set.steady.store(2 * HOUR_MS + 2_000, Relaxed);
    claim_one(&ledger, "a").await;
}

#[tokio::test]
async fn a_clock_that_is_set_forward_and_back_again_delays_nothing() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let set = &ledger.shared.clock.set;
    set.wall.store(9 * HOUR_MS, Relaxed);
    record(&ledger, &["a"]).await;
    set.wall.store(0, Relaxed);
    record(&ledger, &["b"]).await;
    assert_eq!(claim(&ledger, &["a", "b"], 2).await.len(), 2);
}

#[tokio::test]
async fn how_long_runs_have_been_due_is_measured_by_the_clock_that_made_them_due() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let set = &ledger.shared.clock.set;
    record(&ledger, &["a"]).await;
    set.wall.store(-5 * HOUR_MS, Relaxed);
    set.steady.store(HOUR_MS, Relaxed);
    let totals = ledger.totals().await.unwrap();
    let overdue_ms = totals.overdue_ms(&totals.plugins["a"]);
    let hour_ms = HOUR_MS.cast_unsigned();
    assert!(
        (hour_ms..hour_ms + 60_000).contains(&overdue_ms),
        "{overdue_ms}"
    );
}

#[tokio::test]
async fn a_clock_that_was_mended_while_no_host_ran_delays_what_waits_by_that_time_only() {
    // Given a host whose clock was two hours ahead, and a run that is to be attempted again in an hour
    let right_ms = 1_800_000_012_345;
    let at_ms = |ms: i64| right_ms + u64::try_from(ms).unwrap();
    let place = ByHand::new();
    place.hands.set(at_ms(2 * HOUR_MS), at_ms(2 * HOUR_MS));
    let ledger = place.open().await;
    record(&*ledger, &["a"]).await;
    let claim = claim_one(&*ledger, "a").await;
    let hour = Duration::from_secs(60 * 60);
    settle(&*ledger, claim, Outcome::Retry, again(hour, Counts::Yes)).await;
    record(&*ledger, &["b"]).await;
    done(&*ledger, claim_one(&*ledger, "b").await).await;
    // When it is mended, then the run is due in an hour, and each start but the first adds the time that no host ran
    let mut ledger = Some(ledger);
    for minutes in 0..3 {
        drop(ledger.take());
        let now_ms = at_ms(minutes * 60_000);
        place.hands.set(now_ms, now_ms);
        let opened = place.open().await;
        let due_ms = opened.next_due_ms(vec!["a".to_owned()]).await.unwrap();
        let expected = at_ms(HOUR_MS + minutes * 60_000);
        assert_eq!(due_ms, Some(expected), "{minutes} min later");
        ledger = Some(opened);
    }
}
