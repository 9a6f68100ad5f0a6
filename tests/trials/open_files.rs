//! Nearly no file descriptor is left: strangers' idle connections must not cost an accepted delivery its run.

use hookbox_tests::{Connection, Host, event};

/// Few files in all, so that few connections use them up.
const LIMITS: &str = "ulimit -n 128";

/// More than the host has room for, and fewer than the kernel keeps waiting for it.
const IDLE_CONNECTIONS: usize = 120;

#[test]
fn idle_strangers_do_not_starve_what_was_accepted() {
    let host = Host::with(&["guest-counter"]).limits(LIMITS).start();
    // Given senders that are connected, and then as many idle strangers as the host takes
    let mut sender = host.hub().connect();
    let strangers: Vec<_> = (0..IDLE_CONNECTIONS)
        .filter_map(|_| Connection::try_open(host.address()))
        .collect();
    // When deliveries come over the old connection
    let mut kept = 0;
    for n in 0..20 {
        let body = event("repo", "create", &format!("a/{n}")).to_string();
        let length = format!("content-length: {}", body.len());
        let head = host.hub().head(&[&length, "prefer: wait=20"]);
        sender.send(format!("{head}\r\n{body}"));
        let answer = sender.answer().expect("the old connection is served");
        // Then each is run, whatever the strangers hold
        assert_eq!(answer.run("guest-counter")["outcome"], "done", "{answer:?}");
        kept += 1;
    }
    println!(
        "{} idle strangers connected: {kept} of 20 deliveries run",
        strangers.len()
    );
}
