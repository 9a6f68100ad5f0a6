//! `hookbox backup`: a copy of the ledger that a host can go on from.

use hookbox_tests::{Cli, Host, event};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_copy_made_under_load_is_whole_and_a_host_goes_on_from_it() {
    let mut host = Host::with(&["guest-counter"]).start();
    let (hub, copy) = (host.hub(), host.folder().join("copy.db"));
    let first = event("repo", "create", "a/0");
    let post = |n: usize| {
        let other = || event("repo", "create", &format!("a/{n}"));
        let body = if n == 0 { first.clone() } else { other() };
        hub.deliver(&body).id(&format!("delivery-{n}"))
    };
    // Given deliveries that were promised, while others go on coming
    let promised: Vec<String> = (0..20).map(|n| post(n).send().id()).collect();
    let copied = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 20.. {
                assert_eq!(post(n).send().status, 202);
                if copied.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let ran = host.cli(&["backup", copy.to_str().unwrap()]);
        copied.store(true, Ordering::Relaxed);
        assert_eq!(ran.ok().stdout.trim(), copy.to_str().unwrap());
    });
    // When the ledger is lost and the copy takes its place
    assert_eq!(host.stop(), Some(0));
    std::fs::remove_dir_all(host.data()).unwrap();
    std::fs::create_dir(host.data()).unwrap();
    std::fs::rename(&copy, host.data().join("ledger.db")).unwrap();
    host.restart();
    // Then what was promised before is there, known by its id, and comes to its end
    let hub = host.hub();
    let again = hub.deliver(&first).id("delivery-0").send();
    assert_eq!(again.json()["duplicate"], true, "{again:?}");
    assert_eq!(again.id(), promised[0]);
    for id in &promised {
        hookbox_tests::eventually(std::time::Duration::from_secs(20), || {
            (host.delivery(id)["state"] == "settled").then_some(())
        });
    }
}

#[test]
fn a_backup_is_its_owners_alone_and_replaces_nothing() {
    let host = Host::with(&[]).start();
    let copy = host.folder().join("copy.db");
    let backup = || host.cli(&["backup", copy.to_str().unwrap(), "--json"]);
    let told = backup().ok().json();
    let found = std::fs::metadata(&copy).unwrap();
    assert_eq!(told["bytes"], found.len());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&copy).unwrap();
    let refused = backup().exits(2);
    assert!(
        refused.stderr.contains("there is a file of that name"),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(&copy).unwrap(), before);
}

#[test]
fn a_backup_that_cannot_be_made_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ran = Cli::new(&["backup", "copy.db"]).folder(folder.path());
    let missing = ran.run().exits(1);
    assert!(
        missing.stderr.contains("there is no ledger here"),
        "{missing:?}"
    );
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    let host = Host::with(&[]).start();
    let ran = host.cli(&["backup", "nowhere/copy.db"]).exits(1);
    assert!(ran.stderr.contains("nowhere/copy.db"), "{ran:?}");
    // Nor anything among the host's own files, where SQLite would take it for its own
    for own in ["data/ledger.db-journal", "data/compiled/copy.db"] {
        let ran = host.cli(&["backup", own]).exits(2);
        assert!(ran.stderr.contains("that is in the data folder"), "{ran:?}");
    }
}
