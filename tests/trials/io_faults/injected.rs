//! Single calls to the system that fail: the flush or the write of number N, by strace(1).

use super::Told;
use hookbox_tests::{Host, eventually, eventually_or};
use std::time::{Duration, Instant};

/// Which calls fail, one in each round: those of a start and of the first deliveries, and some farther on.
const FIRST: std::ops::RangeInclusive<usize> = 1..=30;

/// The rounds with a call farther on.
const FARTHER: std::ops::RangeInclusive<usize> = 4..=13;

/// Deliveries of each sender in a round: enough to come to the last of those calls.
const DELIVERIES: usize = 60;

/// How long a host that refuses takes to be gone, if it is going.
const GOING: Duration = Duration::from_secs(5);

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// It did not start, with a message.
    NotStarted,
    /// It stopped with exit code 1 and a message.
    Stopped,
    /// It went on, having answered 503.
    Refused,
    /// It went on, and what failed was not the ledger's.
    Unharmed,
}

/// The script that has calls fail. The host stays the process that was started: strace goes beside it.
fn failing(calls: &str, number: usize, files: &[String]) -> String {
    let files: String = files.iter().map(|file| format!(" -P '{file}'")).collect();
    format!(
        "rm -f strace.log; set -- strace -D -f --seccomp-bpf -qq -y -o strace.log{files} -e trace={calls} \
         -e signal=none -e inject={calls}:error=EIO:when={number} \"$@\""
    )
}

/// The calls that were made to fail, once the first was written down.
#[track_caller]
fn injected(host: &Host) -> Vec<String> {
    let log = host.folder().join("strace.log");
    eventually(Duration::from_secs(5), || {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        let lines = log.lines().filter(|line| line.contains("(INJECTED)"));
        let lines: Vec<_> = lines.map(str::to_owned).collect();
        (!lines.is_empty()).then_some(lines)
    })
}

/// What the host said when it ended names the file and the mend.
#[track_caller]
fn names_file_and_mend(said: &str, when: &str) {
    let line = said.lines().find(|line| line.contains("check the disk"));
    let line = line.unwrap_or_else(|| panic!("{when}: no mend in\n{said}"));
    assert!(line.contains("data/ledger.db"), "{when}: {line}");
}

/// One round: the host under load while a call fails, and then a healthy one on the same folder.
fn round(host: &mut Host, told: &mut Told, script: &str, bytes: usize, when: &str) -> End {
    let refused = told.refused();
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    let end = match host.restart_under(script) {
        Err(failed) => {
            assert_eq!(failed.code, Some(1), "{when}: {failed:#?}");
            names_file_and_mend(&failed.stderr, when);
            End::NotStarted
        }
        Ok(()) => {
            told.post(host, DELIVERIES, bytes);
            let answers = || host.hub().request("GET", "/healthz").try_send().is_some();
            // One that fails answers 503 while it stops.
            let is_gone = !answers()
                || told.refused() > refused
                    && eventually_or(GOING, || (!answers()).then_some(())).is_some();
            if is_gone {
                assert_eq!(host.ended(), Some(1), "{when}: {}", host.log());
                names_file_and_mend(&host.log(), when);
                End::Stopped
            } else if told.refused() > refused {
                End::Refused
            } else {
                End::Unharmed
            }
        }
    };
    let calls = injected(host);
    let of_ledger = calls
        .iter()
        .any(|call| call.contains("ledger.db>") || call.contains("ledger.db-wal>"));
    assert!(
        !(matches!(end, End::Unharmed | End::Refused) && of_ledger),
        "{when}: it went on after {calls:?}\n{}",
        host.log()
    );
    host.restart_without_limits();
    told.check(host, when);
    end
}

/// All rounds of one kind; those farther on are `stride` calls from each other.
fn rounds(calls: &str, stride: usize, of: impl Fn(&Host) -> Vec<String>) {
    let began = Instant::now();
    let mut host = Host::with(&["hello", "guest-counter"]).start();
    let mut told = Told::default();
    told.post(&host, 5, 0);
    let mut ends = Vec::new();
    for number in FIRST.chain(FARTHER.map(|n| n * stride)) {
        let when = format!("{calls} of number {number}");
        let script = failing(calls, number, &of(&host));
        ends.push(round(&mut host, &mut told, &script, 100, &when));
    }
    let count = |end| ends.iter().filter(|one| **one == end).count();
    println!(
        "{calls}: {} calls failed one after the other in {:.1} s: {} not started, {} stopped, {} answered 503, {} unharmed; \
         {} deliveries promised, 0 missing, {} settled runs, 0 run again",
        ends.len(),
        began.elapsed().as_secs_f64(),
        count(End::NotStarted),
        count(End::Stopped),
        count(End::Refused),
        count(End::Unharmed),
        told.promised(),
        told.settled.len(),
    );
    assert!(count(End::Stopped) >= 10, "{ends:?}");
}

#[test]
fn a_flush_that_fails_is_never_answered_with_a_promise() {
    rounds("fsync,fdatasync", 10, |_| Vec::new());
}

#[test]
fn a_write_that_fails_is_never_answered_with_a_promise() {
    rounds("pwrite64", 100, |host| {
        let of = |name| host.data().join(name).display().to_string();
        vec![of("ledger.db"), of("ledger.db-wal")]
    });
}

#[test]
fn an_error_while_the_log_is_copied_into_the_database_stops_the_host() {
    let mut host = Host::with(&["hello"]).start();
    let mut told = Told::default();
    for calls in ["fsync,fdatasync", "pwrite64"] {
        // Only the copying touches the database itself
        let script = failing(
            calls,
            1,
            &[host.data().join("ledger.db").display().to_string()],
        );
        let end = round(&mut host, &mut told, &script, 200_000, calls);
        assert_eq!(end, End::Stopped, "{calls}");
    }
    println!(
        "copying failed twice: {} deliveries promised, 0 missing",
        told.promised()
    );
}
