//! Components that are small to send and large to compile: each is refused with its reason, the host stays small and
//! the neighbour answers all the while.

use hookbox_tests::bombs::{
    data_segments, doublings, exports, globals, huge_function, long_names, small_functions, tables,
    tangled_functions,
};
use hookbox_tests::{Host, event};
use std::time::{Duration, Instant};

/// The most that a refused component may cost its host, in bytes.
const COST_MAX: u64 = 8 * 1024 * 1024;

/// The longest that the neighbour's sender may have to wait, on two cores that other trials keep busy as well: far less than
/// what it must not wait for takes.
const QUICK: Duration = Duration::from_secs(8);

/// The longest that any of them may take.
const PATIENCE: Duration = Duration::from_secs(240);

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// What the neighbour's sender waits for an answer that says that it ran.
fn neighbour(host: &Host) -> Duration {
    let began = Instant::now();
    let hub = host.hub();
    let answer = hub.deliver(&event("repo", "create", "a/b")).wait(25).send();
    assert_eq!(answer.run("guest-counter")["outcome"], "done");
    began.elapsed()
}

/// Puts a component into a host's folder, and returns why it does not run. Prints what that cost.
#[track_caller]
fn refused(host: &Host, name: &str, bytes: &[u8]) -> String {
    let process = host.process();
    let before = process.bytes("VmRSS").unwrap();
    process.forget_peak();
    let part = host.plugins().join(format!(".{name}"));
    std::fs::write(&part, bytes).unwrap();
    std::fs::rename(part, host.plugins().join(format!("{name}.wasm"))).unwrap();
    let (began, mut worst, mut child) = (Instant::now(), Duration::ZERO, 0);
    let reason = loop {
        worst = worst.max(neighbour(host));
        let children = process.children().into_iter();
        let peaks = children.filter_map(|child| child.bytes("VmHWM"));
        child = peaks.fold(child, u64::max);
        let plugin = host.find_plugin(name).unwrap_or_default();
        if plugin["state"] == "refused" {
            break plugin["reason"].to_string();
        }
        assert!(began.elapsed() < PATIENCE, "{plugin:#}");
    };
    let cost = process.bytes("VmHWM").unwrap().saturating_sub(before);
    println!(
        "{name} ({}): refused in {:.1} s; host +{}, its compiler {}; the neighbour waited {worst:?} at worst",
        megabytes(bytes.len() as u64),
        began.elapsed().as_secs_f64(),
        megabytes(cost),
        megabytes(child),
    );
    assert!(worst < QUICK, "the neighbour waited {worst:?}");
    assert!(cost < COST_MAX, "the host grew by {}", megabytes(cost));
    reason
}

/// A host whose neighbour has run often enough to have all that it needs.
fn warm(builder: hookbox_tests::HostBuilder) -> Host {
    let host = builder.start();
    for _ in 0..40 {
        neighbour(&host);
    }
    host
}

#[track_caller]
fn says(reason: &str, words: &str) {
    assert!(reason.contains(words), "`{words}` is not in {reason}");
}

#[test]
fn bombs_are_refused_and_cost_the_host_nothing() {
    let host = warm(Host::with(&["guest-counter"]));
    // What is seen without compiling
    for levels in 20..=30 {
        let reason = refused(&host, &format!("doublings-{levels}"), &doublings(levels));
        let instances = 1_u64 << levels;
        let digits: String = reason.chars().filter(char::is_ascii_digit).collect();
        assert!(digits.contains(&instances.to_string()), "{reason}");
        says(
            &reason,
            "core instances when it starts (at most 64 are possible)",
        );
    }
    let reason = refused(&host, "small-functions", &small_functions(300_000));
    says(
        &reason,
        "it has 300,000 functions (at most 100,000 are possible)",
    );
    let reason = refused(&host, "huge-function", &huge_function(50_000_000));
    says(&reason, "it has a function of 50,000,");
    // As much code as passes compiles within the limits, and then is no plugin
    let reason = refused(&host, "most-functions", &small_functions(100_000));
    says(&reason, "a component, but not a plugin");
    // What only shows while it is compiled
    let reason = refused(&host, "tangle", &tangled_functions(1, 2_000, 5_000));
    says(&reason, "compiling it takes more than 2048 MiB of memory");
}

#[test]
fn what_is_small_to_send_and_large_to_load_costs_the_host_nothing() {
    let host = warm(Host::with(&["guest-counter"]));
    // What is seen without compiling
    let table = [
        (
            "wide-tables",
            tables(1, 48, 1 << 20),
            "a table of 1,048,576",
        ),
        (
            "many-tables",
            tables(980, 1, 20_000),
            "220,000 table elements",
        ),
        ("globals", globals(45, 250_000), "250,000 globals"),
        (
            "exports",
            exports(2, 450_000),
            "450,000 core imports and exports",
        ),
        ("segments", data_segments(50, 100_000), "100,000 segments"),
        ("names", long_names(700, 90_000), "bytes of names and types"),
    ];
    for (name, bytes, words) in table {
        says(&refused(&host, name, &bytes), words);
    }
    // As much of each as passes is compiled and loaded, and then is no plugin.
    let table = [
        ("most-tables", tables(10, 1, 20_000)),
        ("most-globals", globals(1, 30_000)),
        ("most-exports", exports(1, 30_000)),
        ("most-segments", data_segments(1, 50_000)),
        ("most-names", long_names(11, 90_000)),
    ];
    for (name, bytes) in table {
        let reason = refused(&host, name, &bytes);
        assert!(!reason.contains("at most"), "{reason}");
        assert!(!reason.contains("does not compile"), "{reason}");
    }
}

#[test]
fn a_component_that_takes_too_long_to_compile_is_refused() {
    // Given a lower limit on processor time than the compiler sets itself: it leaves that
    let host = warm(Host::with(&["guest-counter"]).limits("ulimit -S -t 20"));
    // Then its end says which limit it was.
    let reason = refused(&host, "tangles", &tangled_functions(200, 500, 2_000));
    says(&reason, "of processor time");
}
