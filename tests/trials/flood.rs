//! Floods of strangers: a good request is answered within a second all the same.

use hookbox_tests::{Connection, Host, Raise, event};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Idle connections at once.
const IDLE: usize = 3000;

/// Places of a small house.
const PLACES: &str = "64";

/// Strangers on each of them, and more.
const STRANGERS: usize = 100;

/// Good requests under each flood.
const GOOD: u32 = 20;

/// The longest that a good request may take.
const WITHIN: Duration = Duration::from_secs(1);

/// A request for nothing, but for the line that ends it.
const NOTHING: &str = "GET /nothing HTTP/1.1\r\nhost: a\r\n";

/// How long a stranger takes to send that line: less than the host's patience with a head.
const DAWDLES: Duration = Duration::from_millis(120);

/// As many open files as this process may have: the strangers are all in it.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("the limit may be raised to its maximum");
}

/// Posts good requests, each over a connection of its own, and says how long the slowest took.
#[track_caller]
fn good_requests(host: &Host, flood: &str) {
    let mut slowest = Duration::ZERO;
    for n in 0..GOOD {
        let began = Instant::now();
        let delivery = event("repo", "create", &format!("a/{n}"));
        let answer = host.hub().deliver(&delivery).send();
        assert_eq!(answer.status, 202, "{answer:?}");
        slowest = slowest.max(began.elapsed());
    }
    println!("{flood}: the slowest of {GOOD} good requests took {slowest:?}");
    assert!(slowest < WITHIN, "{slowest:?}");
}

/// A house of few places, and strangers that come again and again until the good requests are through.
#[track_caller]
fn besieged(flood: &str, args: &[&str], stranger: impl Fn(&str, &AtomicBool) + Sync) {
    let host = Host::with(&[])
        .args(&["--connections-max", PLACES])
        .args(args)
        .start();
    let (over, came) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..STRANGERS {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    came.fetch_add(1, Ordering::Relaxed);
                    stranger(host.address(), &over);
                }
            });
        }
        let _raise = Raise(&over);
        good_requests(&host, flood);
    });
    println!(
        "{flood}: {} connections for {PLACES} places",
        came.into_inner()
    );
}

#[test]
fn thousands_of_idle_connections_delay_nobody() {
    raise_open_files();
    let host = Host::with(&[]).args(&["--connections-max", "8192"]).start();
    let idle: Vec<_> = (0..IDLE)
        .filter_map(|_| Connection::try_open(host.address()))
        .collect();
    assert_eq!(idle.len(), IDLE);
    good_requests(&host, "3,000 idle connections, all with a place");
    drop(idle);
}

#[test]
fn idle_connections_go_for_good_requests() {
    raise_open_files();
    let host = Host::with(&[]).args(&["--connections-max", PLACES]).start();
    let idle: Vec<_> = (0..IDLE)
        .filter_map(|_| Connection::try_open(host.address()))
        .collect();
    assert_eq!(idle.len(), IDLE);
    good_requests(&host, "3,000 idle connections for 64 places");
    drop(idle);
}

#[test]
fn half_heads_go_for_good_requests() {
    besieged("half heads", &[], |address, _| {
        let Some(mut stranger) = Connection::try_open(address) else {
            return;
        };
        stranger.send("POST /webhooks HTTP/1.1\r\nhost: x\r\nx: ");
        stranger.is_closed();
    });
}

#[test]
fn senders_that_never_read_go_for_good_requests() {
    besieged("answers that nobody reads", &[], |address, over| {
        let Some(mut stranger) = Connection::try_open(address) else {
            return;
        };
        let requests = format!("GET / HTTP/1.1\r\nhost: {address}\r\n\r\n").repeat(100);
        while !over.load(Ordering::Relaxed) && stranger.send(&requests) {}
    });
}

#[test]
fn refused_senders_that_stay_go_for_good_requests() {
    besieged("refused senders", &[], |address, _| {
        let Some(mut stranger) = Connection::try_open(address) else {
            return;
        };
        stranger.send(format!(
            "POST /webhooks HTTP/1.1\r\nhost: {address}\r\ncontent-length: 10000000\r\n\r\n"
        ));
        if stranger.answer().is_some() {
            stranger.is_closed();
        }
    });
}

#[test]
fn strangers_that_ask_again_and_again_go_for_good_requests() {
    besieged("cycling strangers", &[], |address, over| {
        let Some(mut stranger) = Connection::try_open(address) else {
            return;
        };
        while !over.load(Ordering::Relaxed) && stranger.send(NOTHING) {
            stranger.hears(DAWDLES);
            if !stranger.send("\r\n") || stranger.answer().is_none() {
                return;
            }
        }
    });
}

#[test]
fn strangers_that_come_anew_for_each_request_go_for_good_requests() {
    besieged("strangers that come anew", &[], |address, _| {
        let Some(mut stranger) = Connection::try_open(address) else {
            return;
        };
        stranger.send(NOTHING);
        stranger.hears(DAWDLES);
        stranger.send("\r\n");
        stranger.answer();
    });
}

#[test]
fn forms_that_never_come_go_for_good_requests() {
    let admin = ["--admin", "same"];
    besieged("half log-in forms", &admin, |address, _| {
        let Some(mut stranger) = Connection::try_open(address) else {
            return;
        };
        stranger.send(format!(
            "POST /admin/login HTTP/1.1\r\nhost: {address}\r\ncontent-length: 100\r\n\r\ntoken="
        ));
        if stranger.answer().is_some() {
            stranger.is_closed();
        }
    });
}
