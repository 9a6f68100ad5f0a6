//! Disks that are full or read-only for a while.

use super::Told;
use hookbox_tests::{Host, HostBuilder, Mount, eventually};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long getting better may take.
const BETTER: Duration = Duration::from_secs(20);

/// A host whose data folder lies on this file system.
fn on(mount: &Mount) -> HostBuilder {
    Host::with(&["hello", "guest-counter"])
        .args(&["--free-space-min", "0B"])
        .limits(&format!("ln -sfn '{}' data", mount.path().display()))
}

fn ready(host: &Host) -> u16 {
    host.hub().request("GET", "/readyz").send().status
}

/// Posts until a delivery is refused.
fn post_until_refused(told: &Told, host: &Host) {
    let before = told.refused();
    eventually(BETTER, || {
        told.post(host, 1, 100);
        (told.refused() > before).then_some(())
    });
}

/// While the host refuses: the listener says that it is not ready, and the operator why.
#[track_caller]
fn is_red_because(host: &Host, why: &str) {
    assert_eq!(ready(host), 503, "{}", host.log());
    let health = host.admin().json("/api/v1/health");
    assert_eq!(health["ready"], false, "{health:#}");
    let reasons = health["reasons"].to_string();
    assert!(
        reasons.contains("ledger.db") && reasons.contains(why),
        "{reasons}"
    );
}

/// It gets well by itself, does what waited, and holds all that was promised, also after a restart.
fn recovers(host: &mut Host, told: &mut Told, when: &str) {
    let process = host.process();
    eventually(BETTER, || (ready(host) == 200).then_some(()));
    let health = host.admin().json("/api/v1/health");
    assert_eq!(
        (&health["ready"], &health["reasons"]),
        (&true.into(), &serde_json::json!([]))
    );
    let before = told.promised();
    told.post(host, 5, 100);
    assert_eq!(
        told.promised() - before,
        5 * super::SENDERS,
        "{}",
        host.log()
    );
    eventually(BETTER, || {
        let pending = host.cli(&["deliveries", "list", "--state", "pending", "--json"]);
        pending
            .ok()
            .json()
            .as_array()
            .unwrap()
            .is_empty()
            .then_some(())
    });
    assert_eq!(host.process(), process);
    told.check(host, when);
    host.restart();
    told.check(host, when);
    println!(
        "{when}: {} deliveries promised, 0 missing, {} refused",
        told.promised(),
        told.refused()
    );
}

#[test]
fn a_full_disk_is_waited_out() {
    // Given a host on a small disk, and deliveries until somebody else has filled that
    let mount = Mount::tmpfs(64);
    let mut host = on(&mount).start();
    let mut told = Told::default();
    told.post(&host, 20, 100);
    let filler = mount.fill();
    // Then deliveries are refused, and why is told
    post_until_refused(&told, &host);
    told.post(&host, 20, 100_000);
    is_red_because(&host, "make room on its disk");
    // When there is room again
    std::fs::remove_file(filler).unwrap();
    recovers(&mut host, &mut told, "a full disk");
}

/// strace that is attached to a host; the host goes on as before when this goes.
struct Attached(Child);

impl Drop for Attached {
    fn drop(&mut self) {
        // Asked, not killed: so it lets go of the host.
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        drop(self.0.wait());
    }
}

/// Has the system answer every write to the ledger, and every new file beside it, as a read-only file system does.
fn read_only_for(host: &Host, log: &Path) -> Attached {
    let data = host.data();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(log);
    for file in ["ledger.db", "ledger.db-wal"] {
        strace.arg("-P").arg(data.join(file));
    }
    strace.arg("-P").arg(&data).args(["-P", "data"]);
    strace.args([
        "-e",
        "trace=pwrite64,openat",
        "-e",
        "inject=pwrite64,openat:error=EROFS",
    ]);
    strace.arg("-p").arg(host.process().0.to_string());
    Attached(
        strace
            .stderr(Stdio::null())
            .spawn()
            .expect("strace can be started"),
    )
}

#[test]
fn a_disk_that_is_read_only_for_a_while_is_waited_out() {
    // Given a host whose file system is to be made read-only: Linux refuses that while its files are open
    let mount = Mount::tmpfs(64);
    let mut host = on(&mount).start();
    let mut told = Told::default();
    told.post(&host, 20, 100);
    let busy = mount.remount("ro").unwrap_err();
    assert!(busy.contains("busy"), "{busy}");
    // When it is read-only all the same, as after an error in the file system
    let log = host.folder().join("strace.log");
    let read_only = read_only_for(&host, &log);
    post_until_refused(&told, &host);
    is_red_because(&host, "its file system is read-only");
    told.post(&host, 20, 100);
    drop(read_only);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("(INJECTED)"), "nothing was made to fail");
    // Then it goes on once that is over
    recovers(&mut host, &mut told, "a read-only disk");
    // And a host that is to start on one says what it needs
    assert_eq!(host.stop(), Some(0));
    mount.remount("ro").unwrap();
    let failed = host.restart_under("true").unwrap_err();
    assert_eq!(failed.code, Some(1), "{failed:#?}");
    for said in [
        "data/hookbox.lock: Read-only file system",
        "let hookbox write",
    ] {
        assert!(failed.stderr.contains(said), "{}", failed.stderr);
    }
    mount.remount("rw").unwrap();
    host.restart();
    told.check(&host, "after the remount");
}

/// What a host says that refuses deliveries because of that.
const READ_ONLY: &str = "its file system is read-only";

/// What becomes of a host whose file system has met an error.
#[derive(Debug, PartialEq)]
enum Became {
    /// It refuses deliveries: a write was refused to it.
    Red,
    /// It has stopped: a flush failed that was under way, and nobody knows what of it is on the disk.
    Gone,
}

/// Posts until it is plain which.
fn until_plain(told: &Told, host: &Host) -> Became {
    let before = told.refused();
    eventually(BETTER, || {
        told.post(host, 1, 100);
        let answer = host.hub().request("GET", "/readyz").try_send();
        match answer.map(|answer| answer.status) {
            None => Some(Became::Gone),
            // One that is about to stop answers so for a moment, too, and says something else.
            Some(503) if told.refused() > before && host.log().contains(READ_ONLY) => {
                Some(Became::Red)
            }
            Some(_) => None,
        }
    })
}

#[test]
fn a_file_system_that_meets_an_error_costs_nothing_that_was_promised() {
    // Given a host on a real disk's file system
    let mount = Mount::ext4(64);
    let mut host = on(&mount).start();
    let mut told = Told::default();
    told.post(&host, 20, 100);
    // When that meets an error and turns itself read-only
    mount.meet_an_error();
    // Then the host refuses what comes, or stops, and says why
    let became = until_plain(&told, &host);
    match became {
        Became::Red => {}
        Became::Gone => match host.ended() {
            // Ended by the system, for it touched a page of a mapped file that is on no disk any more
            None => {}
            code => {
                assert_eq!(code, Some(1));
                host.logs("error: the ledger failed: data/ledger.db");
            }
        },
    }
    // It is not well before somebody has mended its disk: Linux writes to it no more, whatever it is told
    mount.remount("rw").unwrap_err();
    host.kill();
    mount.mend();
    host.restart();
    told.check(&host, "after the mending");
    println!(
        "a file system that met an error, host {became:?}: {} deliveries promised, 0 missing",
        told.promised()
    );
}
