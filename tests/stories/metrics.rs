//! `GET /metrics`: what an operator's monitoring sees of a host.

use hookbox_tests::{Host, event};

/// The value of a series.
#[track_caller]
fn value(metrics: &str, series: &str) -> f64 {
    let found = metrics
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = found.unwrap_or_else(|| panic!("{series} is not in\n{metrics}"));
    value.parse().unwrap()
}

#[test]
fn what_came_in_and_what_became_of_it_is_counted() {
    // Given a host that took a delivery, the same once more, a reject and a wrong secret
    let host = Host::with(&["hello", "guest-hostile"]).start();
    let hub = host.hub();
    let comment = event("discussion.comment", "create", "a/b");
    assert_eq!(hub.deliver(&comment).id("one").wait(20).send().status, 200);
    assert_eq!(hub.deliver(&comment).id("one").send().status, 200);
    let rejected = hub.deliver(&event("repo", "create", "a/reject"));
    assert_eq!(rejected.wait(20).send().status, 200);
    assert_eq!(hub.deliver(&comment).secret("wrong").send().status, 403);
    // When it is scraped, as Prometheus does
    let answer = host.admin().ask("GET", "/metrics").send();
    assert_eq!(answer.status, 200);
    let kind = answer.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    // Then all of that is there
    let metrics = answer.body;
    for (series, expected) in [
        ("hookbox_answers_total{status=\"200\"}", 3.0),
        ("hookbox_answers_total{status=\"403\"}", 1.0),
        ("hookbox_auth_failures_total{reason=\"wrong\"}", 1.0),
        ("hookbox_deliveries_total", 2.0),
        ("hookbox_duplicates_total", 1.0),
        (
            "hookbox_attempts_total{plugin=\"hello\",outcome=\"done\"}",
            1.0,
        ),
        (
            "hookbox_attempts_total{plugin=\"guest-hostile\",outcome=\"rejected\"}",
            1.0,
        ),
        ("hookbox_attempt_fuel_count{plugin=\"hello\"}", 1.0),
        ("hookbox_compile_seconds_count{result=\"made\"}", 2.0),
        ("hookbox_ledger_up", 1.0),
    ] {
        let found = value(&metrics, series);
        assert!(
            (found - expected).abs() < f64::EPSILON,
            "{series} is {found}\n{metrics}"
        );
    }
    assert!(metrics.ends_with("# EOF\n"));
    // And nothing that a sender chose is a label
    assert!(
        !metrics.contains("a/b") && !metrics.contains("reject\"}"),
        "{metrics}"
    );
}

#[test]
fn runs_that_wait_are_seen() {
    // Given a plugin that is held, so that what comes for it is parked
    let host = Host::with(&["guest-wants-http"]).start();
    let answer = host
        .hub()
        .deliver(&event("discussion.comment", "create", "a/b"))
        .send();
    assert_eq!(answer.plugins(), ["guest-wants-http"], "{answer:?}");
    let metrics = host.admin().ask("GET", "/metrics").send().body;
    let of_it = |name: &str| value(&metrics, &format!("{name}{{plugin=\"guest-wants-http\"}}"));
    assert!(
        (of_it("hookbox_parked_runs") - 1.0).abs() < f64::EPSILON,
        "{metrics}"
    );
    assert!(
        of_it("hookbox_backlog_runs").abs() < f64::EPSILON,
        "{metrics}"
    );
}
