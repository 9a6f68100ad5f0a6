//! The folder and the file: who may use them, and who is told what.

use super::*;

#[test]
fn the_folder_and_its_files_are_their_owners_alone() {
    let outer = TempDir::new().unwrap();
    let data = outer.path().join("new").join("data");
    let ledger =
        SqliteLedger::open(&data, SqliteOptions::default(), WriterMetrics::default()).unwrap();
    assert_eq!(mode(&data), 0o700);
    for name in [
        "ledger.db",
        "ledger.db-wal",
        "ledger.db-shm",
        "hookbox.lock",
    ] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    drop(ledger);
}

#[test]
fn the_file_is_set_as_its_promises_need() {
    let folder = TempDir::new().unwrap();
    drop(open(&folder));
    let connection = open::open_writer(&open::file_in(folder.path())).unwrap();
    let number = |name: &str| -> i64 {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    for (name, expected) in [
        ("auto_vacuum", 2),
        ("synchronous", 2),
        ("mmap_size", 0),
        ("trusted_schema", 0),
        ("user_version", 7),
        ("application_id", 0x486B_6278),
    ] {
        assert_eq!(number(name), expected, "{name}");
    }
    let mode: String = connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_second_host_is_told_which_folder_and_process() {
    let folder = TempDir::new().unwrap();
    let first = open(&folder);
    let error = refused(&folder);
    assert!(
        error.contains(&folder.path().display().to_string()),
        "{error}"
    );
    assert!(
        error.contains(&format!("(process {})", std::process::id())),
        "{error}"
    );
    drop(first);
    drop(open(&folder));
}

#[test]
fn a_ledger_of_a_newer_host_is_refused_with_both_versions() {
    let folder = TempDir::new().unwrap();
    drop(open(&folder));
    file(&folder)
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = refused(&folder);
    assert!(
        error.contains("version 99") && error.contains("version 7;"),
        "{error}"
    );
}

#[test]
fn what_is_not_a_ledger_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = open::file_in(folder.path());
    file(&folder)
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    let error = refused(&folder);
    assert!(error.contains("another program"), "{error}");
    std::fs::write(
        &path,
        "not a database at all, but long enough to look like one".repeat(100),
    )
    .unwrap();
    let error = refused(&folder);
    assert!(error.contains("not a database"), "{error}");
}

#[test]
fn a_reader_says_what_to_do_where_there_is_no_ledger() {
    let folder = TempDir::new().unwrap();
    let Err(error) = SqliteReader::open(folder.path()) else {
        panic!("it was opened")
    };
    let error = error.to_string();
    assert!(
        error.contains("ledger.db") && error.contains("hookbox serve"),
        "{error}"
    );
    assert!(!open::file_in(folder.path()).exists());
}

#[tokio::test]
async fn a_reader_reads_while_a_host_serves_and_when_none_does() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let id = record(&ledger, &["a"]).await;
    let reader = SqliteReader::open(folder.path()).unwrap();
    assert_eq!(reader.delivery(id).unwrap().unwrap().runs.len(), 1);
    done(&ledger, claim_one(&ledger, "a").await).await;
    assert_eq!(
        reader.delivery(id).unwrap().unwrap().runs[0].state,
        RunState::Done
    );
    drop(reader);
    ledger.close().await;
    drop(ledger);
    let reader = SqliteReader::open(folder.path()).unwrap();
    assert_eq!(
        reader.deliveries(&DeliveryFilter::default()).unwrap().len(),
        1
    );
    assert_eq!(reader.totals().unwrap().deliveries, 1);
    assert!(reader.plugins().unwrap().is_empty());
}

#[tokio::test]
async fn how_it_was_stopped_is_known_at_the_next_start() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    assert_eq!(ledger.last_stop(), LastStop::Clean);
    let copy = TempDir::new().unwrap();
    let saved = format!("VACUUM INTO '{}'", open::file_in(copy.path()).display());
    file(&folder).execute_batch(&saved).unwrap();
    ledger.close().await;
    drop(ledger);
    assert_eq!(open(&folder).last_stop(), LastStop::Clean);
    let killed = open(&copy);
    assert_eq!(killed.last_stop(), LastStop::Unclean);
    killed.check_integrity().await.unwrap();
}

#[test]
fn what_version_1_noted_of_plugins_is_taken_over() {
    // Given a file as version 1 left it
    let folder = TempDir::new().unwrap();
    let old = Connection::open(open::file_in(folder.path())).unwrap();
    old.execute_batch(include_str!("../migrations/0001.sql"))
        .unwrap();
    old.pragma_update(None, "application_id", 0x486B_6278)
        .unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute_batch(
        "INSERT INTO plugins (name, active, manifest, state, reason) VALUES
         ('runs', 'd1', '{}', 'loaded', NULL), ('held', 'd2', '{}', 'held', 'wants http')",
    )
    .unwrap();
    drop(old);
    // When this version opens it
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let ledger = open(&folder);
    let plugins = runtime.block_on(ledger.plugins()).unwrap();
    // Then only what ran counts as active, and each manifest names its version
    let noted: Vec<_> = (plugins.iter())
        .map(|plugin| {
            (
                &*plugin.name,
                plugin.active.as_deref(),
                plugin.manifest_digest.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        noted,
        [("held", None, Some("d2")), ("runs", Some("d1"), Some("d1"))]
    );
}

#[tokio::test]
async fn after_an_orderly_stop_the_database_file_alone_holds_everything() {
    let (folder, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let ledger = open(&folder);
    let id = record(&ledger, &["a"]).await;
    ledger.close().await;
    // Its readers may still be open.
    std::fs::copy(open::file_in(folder.path()), open::file_in(copy.path())).unwrap();
    let copied = open(&copy);
    assert_eq!(copied.last_stop(), LastStop::Clean);
    assert_eq!(copied.delivery(id).await.unwrap().unwrap().runs.len(), 1);
}

#[tokio::test]
async fn a_stop_before_the_file_was_looked_through_has_the_next_start_do_it() {
    let (folder, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let ledger = open(&folder);
    record(&ledger, &["a"]).await;
    // As a host that is killed leaves it
    let saved = format!("VACUUM INTO '{}'", open::file_in(copy.path()).display());
    file(&folder).execute_batch(&saved).unwrap();
    for _ in 0..2 {
        let killed = open(&copy);
        assert_eq!(killed.last_stop(), LastStop::Unclean);
        killed.close().await;
    }
    let checked = open(&copy);
    checked.check_integrity().await.unwrap();
    checked.close().await;
    drop(checked);
    assert_eq!(open(&copy).last_stop(), LastStop::Clean);
}
