//! The embedded ledger beside the one on paper.

use super::*;
use crate::ledger::model::{Form, keeps_to_paper};
use std::sync::LazyLock;
use std::sync::atomic::AtomicI64;

/// An embedded ledger in a folder of its own.
struct Embedded {
    ledger: Option<Arc<SqliteLedger>>,
    folder: TempDir,
    now_ms: Arc<AtomicI64>,
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

impl Embedded {
    fn open(&mut self, settings: LedgerSettings) {
        let options = SqliteOptions {
            settings,
            readers: 1,
            ..SqliteOptions::default()
        };
        let now_ms = Arc::clone(&self.now_ms);
        let opened = clock::with_hands(now_ms, || {
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
            now_ms: Arc::new(AtomicI64::new(clock::whole(now_ms))),
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

    fn move_to(&self, now_ms: u64) {
        self.now_ms.store(clock::whole(now_ms), Ordering::Relaxed);
    }

    fn crash(&mut self, settings: LedgerSettings) {
        let ledger = Arc::into_inner(self.ledger.take().unwrap());
        drop(ledger.unwrap());
        self.open(settings);
    }
}

#[test]
fn it_does_what_a_ledger_on_paper_does() {
    keeps_to_paper::<Embedded>();
}
