//! The embedded ledger beside the one on paper.

use super::*;
use crate::ledger::model::{Form, keeps_to_paper};
use std::sync::LazyLock;

/// An embedded ledger in a folder of its own.
struct Embedded {
    ledger: Option<Arc<SqliteLedger>>,
    folder: TempDir,
    hands: clock::Hands,
}

/// The file of a ledger that nothing was recorded in yet: to copy it is quicker than to make one.
static EMPTY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    drop(open(&folder));
    std::fs::read(open::file_in(folder.path())).unwrap()
});

/// In memory where the system has such a place: a case has dozens of commits, and whether those are durable is not
/// what is asked here.
fn folder() -> TempDir {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap()
}

/// Copies what a host that is killed now leaves. The log goes first: what the writer copies from it into the database
/// meanwhile is there twice, not missing.
fn copy_as_it_is(from: &Path, to: &Path) {
    let (database, log) = (
        open::file_in(from),
        open::file_in(from).with_extension("db-wal"),
    );
    for file in [log, database] {
        std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

impl Embedded {
    fn open(&mut self, settings: LedgerSettings) {
        let options = SqliteOptions {
            settings,
            readers: 1,
            ..SqliteOptions::default()
        };
        let opened = clock::with_hands(self.hands.clone(), || {
            SqliteLedger::open(self.folder.path(), options, WriterMetrics::default())
        });
        self.ledger = Some(Arc::new(opened.unwrap()));
    }
}

impl Form for Embedded {
    fn empty(settings: LedgerSettings, now_ms: u64) -> Self {
        let folder = folder();
        std::fs::write(open::file_in(folder.path()), &*EMPTY).unwrap();
        let mut form = Self {
            ledger: None,
            folder,
            hands: clock::Hands::at(now_ms),
        };
        form.open(settings);
        form
    }

    fn ledger(&self) -> Arc<dyn Ledger> {
        let ledger = self.ledger.as_ref().unwrap();
        Arc::clone(ledger) as Arc<dyn Ledger>
    }

    fn set(&self, settings: LedgerSettings) {
        self.ledger.as_ref().unwrap().set(settings);
    }

    fn move_to(&self, wall_ms: u64, steady_ms: u64) {
        self.hands.set(wall_ms, steady_ms);
    }

    fn crash(&mut self, settings: LedgerSettings) {
        let killed = std::mem::replace(&mut self.folder, folder());
        copy_as_it_is(killed.path(), self.folder.path());
        // To close it takes a while, but changes nothing any more.
        let ledger = Arc::into_inner(self.ledger.take().unwrap());
        drop(ledger.unwrap());
        self.open(settings);
        let opened = self.ledger.as_ref().unwrap();
        assert_eq!(opened.last_stop(), LastStop::Unclean);
    }
}

#[test]
fn it_does_what_a_ledger_on_paper_does() {
    keeps_to_paper::<Embedded>();
}
