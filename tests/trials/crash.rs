//! The crash matrix: hosts that are killed (SIGKILL) at every step of a delivery's life, and at any moment under load. What
//! clients were promised and what was seen of the plugins is held against the ledger after each.

mod flavours;
mod kills;
mod old_ledger;
mod planted;
mod steps;

use hookbox_tests::checker::{Figures, check, check_rows, quiet};
use hookbox_tests::{Host, HostBuilder, Promises, Witness};
use std::time::Duration;

/// The longest that a host may take to do all that is left to do.
const QUIET: Duration = Duration::from_secs(60);

/// Who posts at once.
const SENDERS: usize = 3;

/// The plugins: one that is asked to fail now and then and has its runs in order, one whose bursts become one run, and
/// one without rules. None meets the loop guard.
const PLUGINS: &[(&str, &str, &str)] = &[
    (
        "ordered",
        "guest-hostile",
        "order = \"repo\"\ntimeout = \"300ms\"\nretry = { attempts = 5, first = \"5ms\", factor = 1 }\n",
    ),
    (
        "burst",
        "guest-counter",
        "debounce = { by = \"repo\", quiet = \"50ms\", max = \"500ms\" }\n",
    ),
    ("plain", "hello", ""),
];

/// No bound on the runs of a discussion or repo.
const NO_BOUND: &str = "rate = { per-discussion = 1000000, per-repo = 1000000 }\n";

/// A host that tells of each attempt when it begins, ends, and is settled.
fn host() -> HostBuilder {
    let host = Host::with(&[]).env("RUST_LOG", "hookbox=debug");
    PLUGINS.iter().fold(host, |host, (name, package, grant)| {
        host.plugin_as(name, package)
            .grant(name, &format!("{NO_BOUND}{grant}"))
    })
}

/// A host on one folder through its many lives, with all that is known of it from outside.
struct Case {
    host: Host,
    promises: Promises,
    witness: Witness,
    kills: usize,
}

impl Case {
    fn new(host: Host) -> Self {
        Self {
            host,
            promises: Promises::default(),
            witness: Witness::default(),
            kills: 0,
        }
    }

    /// Reads what the life that has ended told.
    fn hear(&mut self) {
        self.witness.hear(&self.host.log_of_life());
    }

    /// Checks the ledger as the kill left it, before any host has opened it again.
    #[track_caller]
    fn checked_as_left(&self) {
        let _ = check_rows(&self.host.data(), &self.promises, &self.witness).sound();
    }

    /// Lets a host that nobody kills do all that is left to do, stops it, and checks.
    #[track_caller]
    fn checked(&mut self) -> Figures {
        self.host.restart();
        self.promises.post_the_unanswered(&self.host);
        quiet(&self.host.data(), QUIET);
        assert_eq!(self.host.stop(), Some(0), "{}", self.host.log());
        self.hear();
        check(&self.host.data(), &self.promises, &self.witness).sound()
    }
}
