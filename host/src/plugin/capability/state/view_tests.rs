//! What an attempt sees of its plugin's state, and what it leaves to its settlement.

use super::*;
use crate::delivery::state::StateKeys;
use crate::plugin::capability::StateStore;
use crate::plugin::capability::state::page::KEY_FUEL;
use async_trait::async_trait;
use std::sync::{Arc, Mutex};

/// What is kept, as a test changes it while an attempt goes on.
#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, StateValue>>);

impl Kept {
    fn put(&self, key: &str, value: &str, version: u64) {
        let value = StateValue {
            value: value.as_bytes().to_vec(),
            version,
        };
        self.0.lock().unwrap().insert(key.to_owned(), value);
    }
}

#[async_trait]
impl StateStore for Kept {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<StateValue>, Unavailable> {
        assert_eq!(plugin, "mine");
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn keys(&self, _: &str, after: &str, limit: usize) -> Result<StateKeys, Unavailable> {
        let kept = self.0.lock().unwrap();
        let keys = kept.keys().filter(|key| key.as_str() > after);
        Ok(StateKeys {
            keys: keys.take(limit).cloned().collect(),
            version: 7,
        })
    }

    async fn usage(&self, _: &str) -> Result<StateUsage, Unavailable> {
        let kept = self.0.lock().unwrap();
        let bytes = kept
            .iter()
            .map(|(key, value)| key.len() + value.value.len());
        Ok(StateUsage {
            bytes: bytes.sum::<usize>() as u64,
            keys: kept.len() as u64,
        })
    }
}

/// An attempt that may have so much, and what is kept.
fn attempt(bytes: u64, keys: u64) -> (StateView, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let backing = Backing {
        plugin: "mine".into(),
        state: Arc::clone(&kept) as Arc<dyn StateStore>,
    };
    let grant = StateGrant { bytes, keys };
    (StateView::new(Some((grant, backing))), kept)
}

fn runs<T>(story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(story)
}

fn text(value: &str) -> Option<Vec<u8>> {
    Some(value.as_bytes().to_vec())
}

#[test]
fn an_attempt_sees_what_it_wrote_and_leaves_all_to_its_settlement() {
    runs(async {
        let (mut view, kept) = attempt(1000, 10);
        kept.put("a", "1", 3);
        kept.put("b", "2", 4);
        assert_eq!(view.get("a").await, Ok(text("1")));
        assert_eq!(view.get("absent").await, Ok(None));
        view.write("a".to_owned(), text("9")).await.unwrap();
        view.write("b".to_owned(), None).await.unwrap();
        view.write("c".to_owned(), text("new")).await.unwrap();
        assert_eq!(view.get("a").await, Ok(text("9")));
        assert_eq!(view.get("b").await, Ok(None));
        assert_eq!(
            view.list(None).await,
            Ok((vec!["a".into(), "c".into()], None))
        );
        let changes = view.take_changes();
        // What was written without being read is no read.
        assert_eq!(
            changes.reads,
            [("a".to_owned(), 3), ("absent".to_owned(), 0)]
        );
        let writes = [
            ("a".to_owned(), text("9")),
            ("b".to_owned(), None),
            ("c".to_owned(), text("new")),
        ];
        assert_eq!(changes.writes, writes);
        assert_eq!(changes.listed, Some(7));
        assert_eq!((changes.quota.bytes, changes.quota.keys), (1000, 10));
        // And nothing of it is kept.
        assert_eq!(kept.0.lock().unwrap()["a"].value, b"1");
    });
}

#[test]
fn a_key_that_changes_between_two_reads_keeps_the_version_of_the_first() {
    runs(async {
        let (mut view, kept) = attempt(1000, 10);
        kept.put("a", "1", 3);
        view.get("a").await.unwrap();
        kept.put("a", "2", 4);
        assert_eq!(view.get("a").await, Ok(text("2")));
        assert_eq!(view.take_changes().reads, [("a".to_owned(), 3)]);
    });
}

#[test]
fn numbers_are_raised_from_nothing_and_never_past_their_end() {
    runs(async {
        let (mut view, kept) = attempt(1000, 10);
        kept.put("n", "41", 1);
        kept.put("word", "many", 1);
        kept.put("full", &u64::MAX.to_string(), 1);
        let up = async |view: &mut StateView, key: &str| view.increment(key.to_owned(), 1).await;
        assert_eq!(up(&mut view, "n").await, Ok(42));
        assert_eq!(up(&mut view, "n").await, Ok(43));
        assert_eq!(up(&mut view, "new").await, Ok(1));
        let refused = up(&mut view, "word").await.unwrap_err();
        assert!(refused.contains("not a number"), "{refused}");
        let refused = up(&mut view, "full").await.unwrap_err();
        assert!(refused.contains("64 bits"), "{refused}");
        assert_eq!(view.take_changes().writes.len(), 2);
    });
}

#[test]
fn a_quota_is_said_when_a_value_is_set_and_never_keeps_one_from_deleting() {
    runs(async {
        let (mut view, kept) = attempt(20, 2);
        kept.put("old", "0123456789", 1);
        let mut put = async |key: &str, bytes: usize| {
            let value = Some(vec![b'x'; bytes]);
            view.write(key.to_owned(), value).await.err()
        };
        let refused = put("new", 5).await.unwrap();
        assert_eq!(
            refused,
            "state quota: with this there would be 2 keys and 21 bytes, [state] in the grant allows 2 and 20; delete \
             some, or have it raised"
        );
        assert_eq!(put("new", 4).await, None);
        assert!(put("k", 0).await.unwrap().contains("3 keys"));
        // What replaces something, or was written before, counts once.
        assert_eq!(put("old", 9).await, None);
        assert_eq!(put("new", 5).await, None);
        assert!(put("new", 6).await.is_some());
        view.write("old".to_owned(), None).await.unwrap();
        assert_eq!(view.write("k".to_owned(), text("x")).await, Ok(()));
    });
}

#[test]
fn keys_values_and_what_an_attempt_writes_have_bounds() {
    runs(async {
        let (mut view, _) = attempt(u64::MAX, u64::MAX);
        for key in ["", &"k".repeat(1025)] {
            let refused = view.get(key).await.unwrap_err();
            assert!(
                refused.starts_with("a key has 1 to 1024 bytes"),
                "{refused}"
            );
        }
        let mib = || Some(vec![0; 1 << 20]);
        let large = view
            .write("k".to_owned(), Some(vec![0; (1 << 20) + 1]))
            .await;
        assert!(large.unwrap_err().starts_with("a value has at most 1 MiB"));
        for key in ["a", "b", "c"] {
            view.write(key.to_owned(), mib()).await.unwrap();
        }
        let refused = view.write("d".to_owned(), mib()).await.unwrap_err();
        assert_eq!(refused, "an attempt writes at most 4 MiB of state");
        // What is written again takes the place of what was written before.
        view.write("a".to_owned(), mib()).await.unwrap();
        for at in 0..TOUCHED_MAX - 4 {
            view.get(&format!("k{at}")).await.unwrap();
        }
        let touched = "an attempt reads and writes at most 10000 keys, of 1 MiB together";
        assert_eq!(view.get("another").await.unwrap_err(), touched);
        assert_eq!(view.get("k0").await, Ok(None));
        let (mut view, _) = attempt(u64::MAX, u64::MAX);
        for at in 0..1024 {
            view.get(&format!("{at:01024}")).await.unwrap();
        }
        assert_eq!(view.get("another").await.unwrap_err(), touched);
    });
}

#[test]
fn a_long_list_comes_in_pages_whose_cursors_are_followed_in_turn() {
    runs(async {
        let (mut view, kept) = attempt(u64::MAX, u64::MAX);
        for at in 0..1200 {
            kept.put(&format!("k{at:04}"), "", 1);
        }
        let (first, cursor) = view.list(None).await.unwrap();
        assert_eq!((first.len(), first[499].as_str()), (500, "k0499"));
        assert!(
            view.list(Some(99))
                .await
                .unwrap_err()
                .contains("begin again")
        );
        let (second, cursor) = view.list(cursor).await.unwrap();
        assert_eq!(second[0], "k0500");
        let (third, end) = view.list(cursor).await.unwrap();
        assert_eq!((third.len(), end), (200, None));
        // Of two listings only the last one can be gone on with.
        let (_, earlier) = view.list(None).await.unwrap();
        let (_, later) = view.list(None).await.unwrap();
        assert!(view.list(earlier).await.is_err());
        assert!(view.list(later).await.is_ok());
    });
}

/// What cannot be read.
struct Broken;

#[async_trait]
impl StateStore for Broken {
    async fn get(&self, _: &str, _: &str) -> Result<Option<StateValue>, Unavailable> {
        Err(broken())
    }

    async fn keys(&self, _: &str, _: &str, _: usize) -> Result<StateKeys, Unavailable> {
        Err(broken())
    }

    async fn usage(&self, _: &str) -> Result<StateUsage, Unavailable> {
        Err(broken())
    }
}

fn broken() -> Unavailable {
    Unavailable {
        reason: "/data/ledger.db: disk I/O error".to_owned(),
    }
}

#[test]
fn a_guest_is_told_that_its_state_cannot_be_read_and_not_why() {
    runs(async {
        let backing = Backing {
            plugin: "mine".into(),
            state: Arc::new(Broken),
        };
        let mut view = StateView::new(Some((StateGrant::default(), backing)));
        let told = "the state cannot be read now; try again later";
        assert_eq!(view.get("a").await.unwrap_err(), told);
        assert_eq!(view.list(None).await.unwrap_err(), told);
        assert_eq!(view.write("a".to_owned(), None).await.unwrap_err(), told);
        assert!(view.take_changes().is_empty());
    });
}

#[test]
fn without_a_grant_there_is_nothing() {
    runs(async {
        let mut view = StateView::new(None);
        assert!(!view.is_granted());
        assert!(view.get("a").await.is_err());
        assert!(view.write("a".to_owned(), None).await.is_err());
        assert!(view.take_changes().is_empty());
    });
}

#[test]
fn each_look_and_each_byte_costs_fuel() {
    runs(async {
        let (mut view, kept) = attempt(1000, 10);
        kept.put("a", "0123456789", 1);
        view.get("a").await.unwrap();
        assert_eq!(view.take_cost(), LOOK_FUEL + 10);
        // It is known how large it is, but not how much there is.
        view.write("a".to_owned(), text("x")).await.unwrap();
        assert_eq!(view.take_cost(), LOOK_FUEL);
        view.get("a").await.unwrap();
        assert_eq!(view.take_cost(), 1);
        // Once for what is kept, and once for what was written.
        view.list(None).await.unwrap();
        assert_eq!(view.take_cost(), LOOK_FUEL + 2 * (KEY_FUEL + 1));
    });
}
