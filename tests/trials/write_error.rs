//! The disk refuses a write: the host says so, stops, and keeps its promises after it is back.

use hookbox_tests::{Host, event};

/// Files may have a few MiB and no more; without the trap the signal would end the host before its own error could.
const LIMITS: &str = "trap '' XFSZ; ulimit -f 4000";

#[test]
fn a_write_error_is_never_answered_with_a_promise() {
    let mut host = Host::with(&["guest-counter"]).limits(LIMITS).start();
    let hub = host.hub();
    let mut bulky = event("repo", "create", "a/b");
    bulky["noise"] = (0..4000u64)
        .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .collect();
    // Given deliveries until one is refused
    let mut promised = Vec::new();
    let refused = loop {
        match hub
            .deliver(&bulky)
            .id(&format!("hub-{}", promised.len()))
            .try_send()
        {
            Some(answer) if answer.status == 202 => promised.push(answer.id()),
            other => break other,
        }
        assert!(promised.len() < 10_000, "the limit was never met");
    };
    // Then the refusal asks to come again, unless the host was gone already
    if let Some(answer) = &refused {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    assert_eq!(host.ended(), Some(1), "{}", host.log());
    assert!(host.log().contains("ledger"), "{}", host.log());
    // And all that was promised is there when there is room again
    host.restart_without_limits();
    let kept: Vec<String> = host
        .deliveries()
        .iter()
        .map(|delivery| delivery["id"].as_str().unwrap().to_owned())
        .collect();
    let missing: Vec<_> = promised.iter().filter(|id| !kept.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    println!(
        "write error after {} deliveries: 0 missing, {} kept",
        promised.len(),
        kept.len()
    );
}
