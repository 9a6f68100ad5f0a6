//! Nearly no file descriptor is left: strangers' idle connections must not cost anybody a delivery or its run.

use hookbox_tests::{Connection, Host, event};

/// Few files in all, so that few connections use them up.
const LIMITS: &str = "ulimit -n 128";

/// More than the host has room for, and fewer than the kernel keeps waiting for it.
const IDLE_CONNECTIONS: usize = 120;

#[test]
fn idle_strangers_do_not_starve_what_is_sent() {
    let host = Host::with(&["guest-counter"]).limits(LIMITS).start();
    // Given more idle strangers than the host has room for
    let strangers: Vec<_> = (0..IDLE_CONNECTIONS)
        .filter_map(|_| Connection::try_open(host.address()))
        .collect();
    // When deliveries come, each over a connection of its own
    let mut run = 0;
    for n in 0..20 {
        let delivery = event("repo", "create", &format!("a/{n}"));
        let answer = host.hub().deliver(&delivery).wait(20).send();
        // Then each is let in and run
        assert_eq!(answer.run("guest-counter")["outcome"], "done", "{answer:?}");
        run += 1;
    }
    println!(
        "{} idle strangers connected: {run} of 20 deliveries run",
        strangers.len()
    );
}
