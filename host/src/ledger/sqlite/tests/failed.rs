//! A ledger that failed for good, and the next start.

use super::*;
use rusqlite::ffi;

fn marker(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("ledger.db.failed")
}

fn broken(code: std::ffi::c_int) -> Fault {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
}

/// A ledger with one delivery whose disk then reported an error.
async fn failed(folder: &TempDir) -> DeliveryId {
    let ledger = open(folder);
    let id = record(&ledger, &["a"]).await;
    let work = |_: &mut Tx<'_>| Err::<(), _>(broken(ffi::SQLITE_IOERR_FSYNC));
    ledger.shared.work(work).await.unwrap_err();
    ledger.close().await;
    id
}

/// Makes the table of deliveries one that is none, as a bad disk would.
fn damage(folder: &TempDir) {
    let path = open::file_in(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in &mut bytes[4_096..] {
        *byte = 0xa5;
    }
    std::fs::write(&path, bytes).unwrap();
}

#[tokio::test]
async fn a_ledger_that_failed_is_checked_before_it_is_opened_again() {
    let folder = TempDir::new().unwrap();
    let id = failed(&folder).await;
    // What failed is noted beside it, for its owner alone, once the ledger is closed
    assert_eq!(mode(&marker(&folder)), 0o600);
    let why = failed_before(folder.path()).unwrap().unwrap();
    assert!(
        why.starts_with("20") && why.ends_with("; check the disk"),
        "{why}"
    );
    // An operator's command reads it, and writes nothing
    assert!(SqliteReader::open(folder.path()).is_ok());
    let Err(refused) = SqliteOperator::open(folder.path()) else {
        panic!("it was opened")
    };
    assert!(refused.to_string().contains("hookbox serve"), "{refused}");
    // The next host finds it sound, and the one after has nothing to check
    let ledger = open(&folder);
    assert_eq!(ledger.last_stop(), LastStop::Failed);
    assert!(!marker(&folder).exists());
    assert_eq!(found(&ledger, id).await.runs.len(), 1);
    drop(ledger);
    assert_eq!(open(&folder).last_stop(), LastStop::Clean);
}

#[tokio::test]
async fn a_ledger_that_failed_and_is_damaged_is_refused_until_a_copy_is_in_its_place() {
    let (folder, copies) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    drop(open(&folder));
    let copy = copies.path().join("copy.db");
    let reader = SqliteReader::open(folder.path()).unwrap();
    reader.backup(&copy).unwrap();
    drop(reader);
    failed(&folder).await;
    damage(&folder);
    for _ in 0..2 {
        let error = refused(&folder);
        for said in ["ledger.db: ", "`hookbox backup`", "(it failed before, 20"] {
            assert!(error.contains(said), "{error}");
        }
        assert!(marker(&folder).exists());
    }
    std::fs::rename(&copy, open::file_in(folder.path())).unwrap();
    for beside in ["ledger.db-wal", "ledger.db-shm"] {
        drop(std::fs::remove_file(folder.path().join(beside)));
    }
    assert_eq!(open(&folder).last_stop(), LastStop::Failed);
    assert!(!marker(&folder).exists());
}

#[tokio::test]
async fn whoever_takes_a_failed_ledger_away_begins_a_new_one() {
    let folder = TempDir::new().unwrap();
    failed(&folder).await;
    for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        drop(std::fs::remove_file(folder.path().join(file)));
    }
    assert_eq!(open(&folder).totals().await.unwrap().deliveries, 0);
    assert!(!marker(&folder).exists());
}

#[tokio::test]
async fn a_page_that_cannot_be_read_stops_the_ledger_as_one_that_cannot_be_written_does() {
    for code in [
        ffi::SQLITE_IOERR_READ,
        ffi::SQLITE_CORRUPT,
        ffi::SQLITE_NOTADB,
    ] {
        let folder = TempDir::new().unwrap();
        let ledger = open(&folder);
        let read = ledger.readers.read(move |_| Err::<(), _>(broken(code)));
        read.await.unwrap_err();
        assert!(ledger.failure().borrow().is_some(), "{code}");
        assert!(ledger.record(delivery(), vec![]).await.is_err(), "{code}");
        ledger.close().await;
        assert!(marker(&folder).exists(), "{code}");
    }
    // What may pass stops nothing
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let read = |_: &Connection| Err::<(), _>(broken(ffi::SQLITE_BUSY));
    ledger.readers.read(read).await.unwrap_err();
    record(&ledger, &[]).await;
    drop(ledger);
    assert!(!marker(&folder).exists());
}

#[tokio::test]
async fn the_log_is_copied_into_the_database_before_it_grows_without_bound() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let size = |name: &str| folder.path().join(name).metadata().unwrap().len() >> 20;
    // Given three times as much as the log may hold, in bodies that do not compress
    for n in 0..48u64 {
        let noise =
            (0..131_072u64).flat_map(|m| (m + n).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let new = crate::delivery::NewDelivery {
            body: noise.collect::<Vec<u8>>().into(),
            ..delivery()
        };
        ledger.record(new, vec![]).await.unwrap();
    }
    assert!(size("ledger.db-wal") <= 20, "{} MiB", size("ledger.db-wal"));
    ledger.close().await;
    drop(ledger);
    assert!(size("ledger.db") >= 16, "{} MiB", size("ledger.db"));
}
