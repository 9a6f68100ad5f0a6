//! A ledger of a million deliveries, all pending, all due or all done: what everything costs then, against an empty one.
//!
//! The rows are written by SQL into a ledger that a real host made, with its counters. Figures are printed; what is
//! asserted is that everything is right, and bounds that only a cost that grows with the ledger would break.

use hookbox_tests::{Host, LedgerFile, event, eventually};
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Deliveries in the ledger.
const DELIVERIES: i64 = 1_000_000;

/// Over how many days they came, up to now.
const DAYS: i64 = 10;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Posts to each of two hosts, in turns.
const POSTS: usize = 200;

/// Deliveries in a ledger that is small beside it.
const FEW: i64 = 10_000;

/// Runs that are made before their rate is taken, and meanwhile.
const WARM: i64 = 1_000;
const TIMED: i64 = 3_000;

/// The longest that retention may take.
const RETENTION: Duration = Duration::from_secs(400);

/// A small body, as the Hub would send it.
const BODY: &str = r#"{"event":{"action":"create","scope":"discussion.comment"},"repo":{"type":"model","name":"a/b","id":"r"},"discussion":{"id":"d","num":1},"comment":{"id":"c","content":"hi"}}"#;

/// What became of the deliveries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Each has a run that is due in twenty hours.
    Pending,
    /// Each has a run that is due.
    Due,
    /// Each has a run that is done after one attempt.
    Done,
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

/// Writes the rows, and what counts them.
fn fill(ledger: &LedgerFile, kind: Kind, deliveries: i64) {
    let (now, days) = (now_ms(), DAYS * DAY_MS);
    let sha256: [u8; 32] = Sha256::digest(BODY).into();
    let (state, run_state) = match kind {
        Kind::Pending | Kind::Due => ("pending", "pending"),
        Kind::Done => ("settled", "done"),
    };
    ledger.batch(
        "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN;",
    );
    let sql = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {deliveries}),
         times AS (SELECT n, {now} - {days} + n * ({days} / {deliveries}) AS ms FROM numbers)
         INSERT INTO deliveries (seq, id, path, hub_id, scope, action, repo_type, repo_name, repo_id,
           received_ms, body_sha256, body_bytes, state)
         SELECT n, printf('%08x-%04x-7%03x-8000-%012x', ms >> 16, ms & 65535, n & 4095, n), '/webhooks', 'h' || n,
           'discussion.comment', 'create', 'model', 'a/b', 'r', ms, ?1, {}, '{state}' FROM times",
        BODY.len()
    );
    ledger.change(&sql, [&sha256]);
    ledger.change(
        "INSERT INTO payloads SELECT seq, 0, CAST(?1 AS BLOB), '[]' FROM deliveries",
        [BODY],
    );
    ledger.change(
        "INSERT INTO dedup SELECT path, hub_id, body_sha256, id, received_ms + ?1 FROM deliveries",
        [30 * DAY_MS],
    );
    let due = match kind {
        Kind::Pending => format!("{now} + 72000000"),
        Kind::Due | Kind::Done => "received_ms".to_owned(),
    };
    let runs = format!(
        "INSERT INTO runs (seq, id, delivery, plugin, replay, state, gate, lane, due_ms, scope, action, routed_digest,
           first_ms, bytes)
         SELECT seq, id, seq, 'hello', 0, '{run_state}', 'ready', 'live', {due}, scope, action, 'sha256:0',
           received_ms, body_bytes FROM deliveries"
    );
    ledger.change(&runs, []);
    let count = |name: &str, plugin: &str, value: i64| {
        ledger.change(
            "INSERT INTO counters VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET value = value + excluded.value",
            (name, plugin, value),
        );
    };
    count("deliveries", "", deliveries);
    count(&format!("runs-{run_state}"), "", deliveries);
    if kind != Kind::Done {
        count("unsettled", "hello", deliveries);
        let bytes = i64::try_from(BODY.len()).unwrap();
        count("backlog-bytes", "", deliveries * bytes);
    } else {
        ledger.change(
            "INSERT INTO attempts (run, n, version, digest, started_ms, outcome, output, fuel, fuel_limit,
               memory_peak_bytes, wall_ms)
             SELECT seq, 1, '0.1.0', 'sha256:0', first_ms, 'done', 'hello', 50000, 200000000, 1114112, 1 FROM runs",
            [],
        );
    }
    ledger.batch("COMMIT; PRAGMA journal_mode = WAL;");
}

fn host() -> Host {
    Host::with(&["hello"])
        .settings("")
        .args(&["--backlog-runs-per-plugin", "10000000"])
        .start()
}

/// A host with a ledger of a million.
fn full(kind: Kind) -> Host {
    let mut host = host();
    host.stop();
    let began = Instant::now();
    let ledger = host.ledger();
    fill(&ledger, kind, DELIVERIES);
    drop(ledger);
    let bytes = bytes(&host);
    println!(
        "filled in {:.1?}: {} MB",
        began.elapsed(),
        bytes / 1_000_000
    );
    let began = Instant::now();
    host.restart();
    let started = began.elapsed();
    println!("start until it listens: {started:.2?}");
    assert!(started < Duration::from_secs(30), "{started:?}");
    host
}

fn bytes(host: &Host) -> u64 {
    host.data().join("ledger.db").metadata().unwrap().len()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn timed(act: impl FnOnce()) -> Duration {
    let began = Instant::now();
    act();
    began.elapsed()
}

/// How many deliveries it keeps, as its counters say.
fn kept(host: &Host) -> i64 {
    let of = "SELECT sum(CASE name WHEN 'deliveries' THEN value ELSE -value END) FROM counters
              WHERE name IN ('deliveries', 'deliveries-removed')";
    host.ledger().number(of)
}

/// Posts to both in turns, and prints and bounds the ratio of the medians.
fn compare(what: &str, full: &Host, empty: &Host, post: impl Fn(&Host)) {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..POSTS {
        without.push(timed(|| post(empty)));
        with.push(timed(|| post(full)));
    }
    let (with, without) = (median(with), median(without));
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    println!("{what}, p50: {with:.2?} against {without:.2?} on an empty ledger, {ratio:.2} times");
    assert!(ratio < 4.0, "{what}: {ratio}");
}

/// Starts a host that was stopped; how many runs a second it makes of those that are due.
fn rate(host: &mut Host) -> f64 {
    let done = |host: &Host| {
        let sql = "SELECT coalesce(sum(value), 0) FROM counters WHERE name = 'runs-done'";
        host.ledger().number(sql)
    };
    let before = done(host);
    host.restart();
    let until = |more: i64| {
        eventually(Duration::from_secs(60), || {
            let made = done(host) - before;
            (made >= more).then(|| (Instant::now(), i32::try_from(made).unwrap()))
        })
    };
    let (began, first) = until(WARM);
    let (ended, last) = until(WARM + TIMED);
    f64::from(last - first) / ended.duration_since(began).as_secs_f64()
}

/// Has what is pending be due, and prints and bounds how much slower it is worked off than a few.
fn work_off(full: &mut Host) {
    let mut few = host();
    few.stop();
    fill(&few.ledger(), Kind::Due, FEW);
    let small = rate(&mut few);
    drop(few);
    full.stop();
    full.replace("hookbox.toml", "");
    let due = "UPDATE runs SET due_ms = first_ms WHERE state = 'pending'";
    full.ledger().change(due, []);
    let large = rate(full);
    println!(
        "claim, run and settle of what is due: {large:.0}/s of {DELIVERIES}, {small:.0}/s of {FEW}"
    );
    assert!(large > small / 4.0, "{large} {small}");
}

/// Prints what accepting, running and looking cost.
fn measure(full: &Host) {
    let empty = host();
    compare("accept", full, &empty, |host| {
        let answer = host
            .hub()
            .deliver(&event("discussion.comment", "create", "a/b"))
            .send();
        assert_eq!(answer.status, 202, "{answer:?}");
    });
    compare("accept, claim and settle", full, &empty, |host| {
        let post = event("discussion.comment", "create", "a/b");
        let answer = host.hub().deliver(&post).wait(20).send();
        assert_eq!(answer.status, 200, "{answer:?}");
    });
    let admin = full.admin();
    let cookie = admin.cookie("");
    for path in [
        "/api/v1/deliveries",
        "/api/v1/runs",
        "/api/v1/health",
        "/metrics",
        "/",
    ] {
        let looks = (0..10).map(|_| {
            timed(|| {
                let answer = admin.get(path).header("cookie", &cookie).send();
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
            })
        });
        let look = median(looks.collect());
        println!("GET {path}: {look:.2?}");
        assert!(look < Duration::from_secs(1), "{path}: {look:?}");
    }
    for filter in [
        &[][..],
        &["--plugin", "hello"],
        &["--plugin", "nobody"],
        &["--since", "1h"],
        &["--since", "1m", "--plugin", "nobody"],
        &["--state", "pending"],
        &["--state", "dead"],
    ] {
        let args = [&["deliveries", "list", "--json"], filter].concat();
        let look = median(
            (0..3)
                .map(|_| timed(|| drop(full.cli(&args).ok())))
                .collect(),
        );
        println!("deliveries list {}: {look:.2?}", filter.join(" "));
        assert!(look < Duration::from_secs(20), "{filter:?}: {look:?}");
    }
}

#[test]
fn a_million_pending_runs_delay_nothing() {
    let mut host = full(Kind::Pending);
    measure(&host);
    // Old as they are, nothing of them goes.
    host.replace("hookbox.toml", "retain = \"1d\"\nretain-bytes = \"1MiB\"\n");
    host.logs("retain-bytes");
    eventually(Duration::from_secs(60), || {
        let settled =
            "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state <> 'pending' LIMIT 1)";
        (host.ledger().number(settled) == 0).then_some(())
    });
    assert_eq!(
        host.ledger().number("SELECT count(*) FROM deliveries"),
        DELIVERIES
    );
    work_off(&mut host);
}

#[test]
fn a_million_done_deliveries_delay_nothing_and_go_beside_others() {
    let mut host = full(Kind::Done);
    measure(&host);
    let before = bytes(&host);
    // When nine of the ten days go
    let (began, mut longest, mut latencies) = (Instant::now(), Duration::ZERO, Vec::new());
    host.replace("hookbox.toml", "retain = \"1d\"\n");
    let left = DELIVERIES / DAYS;
    eventually(RETENTION, || {
        let took = timed(|| {
            let post = event("discussion.comment", "create", "a/b");
            assert_eq!(host.hub().deliver(&post).send().status, 202);
        });
        longest = longest.max(took);
        latencies.push(took);
        (kept(&host) < left + 10_000).then_some(())
    });
    println!(
        "retention of {} deliveries: {:.1?}; accept meanwhile p50 {:.2?}, longest {longest:.2?} of {}",
        DELIVERIES - left,
        began.elapsed(),
        median(latencies.clone()),
        latencies.len()
    );
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    // Then the file gets smaller, and all that is left is whole
    let began = Instant::now();
    eventually(RETENTION, || (bytes(&host) < before / 3).then_some(()));
    println!(
        "{} MB given back, {:.1?} later",
        (before - bytes(&host)) / 1_000_000,
        began.elapsed()
    );
    host.stop();
    let ledger = host.ledger();
    assert_eq!(
        ledger.number("SELECT count(*) FROM deliveries"),
        kept(&host)
    );
    for table in ["payloads", "runs"] {
        assert_eq!(
            ledger.number(&format!("SELECT count(*) FROM {table}")),
            kept(&host)
        );
    }
    let orphans = "SELECT count(*) FROM attempts WHERE run NOT IN (SELECT seq FROM runs)";
    assert_eq!(ledger.number(orphans), 0);
    assert_eq!(ledger.text("PRAGMA quick_check(1)"), "ok");
}
