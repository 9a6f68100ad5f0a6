//! The state of a native test.

use std::rc::Rc;

use crate::given::Given;
use crate::state::{Asked, KEPT, Kept};

/// An empty state.
///
/// ```
/// use hookbox_sdk::{state, testing};
///
/// let kept = testing::state();
/// state::open()?.set("last", "ada")?;
/// assert_eq!(kept.text("last").as_deref(), Some("ada"));
/// # Ok::<(), hookbox_sdk::Failure>(())
/// ```
///
/// What a handler writes counts at once. That a failed attempt leaves nothing behind is the host's doing.
pub fn state() -> FakeState {
    let kept = Rc::new(Kept::default());
    FakeState {
        _given: Given::new(&KEPT, Rc::clone(&kept)),
        kept,
    }
}

/// The state of a native test, made by [`state`]. It counts on this thread until it is dropped.
///
/// ```
/// use hookbox_sdk::{state, testing};
///
/// let kept = testing::state();
/// assert!(state::open().is_ok());
/// drop(kept);
/// assert!(state::open().is_err()); // as without a grant
/// ```
#[must_use = "it counts only until it is dropped: keep it as `let state = …`"]
#[derive(Debug)]
pub struct FakeState {
    kept: Rc<Kept>,
    _given: Given<Rc<Kept>>,
}

impl FakeState {
    /// The same state with a key more, as an earlier run left it.
    ///
    /// ```
    /// use hookbox_sdk::{state, testing};
    ///
    /// let _state = testing::state().with("comments", "41");
    /// assert_eq!(state::open()?.increment("comments", 1)?, 42);
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn with(self, key: impl Into<String>, value: impl AsRef<[u8]>) -> FakeState {
        let value = value.as_ref().to_vec();
        self.kept.values.borrow_mut().insert(key.into(), value);
        self
    }

    /// The value of a key as text, if it is there. Bytes that are no UTF-8 are replaced.
    ///
    /// ```
    /// use hookbox_sdk::testing;
    /// let kept = testing::state().with("last", "ada");
    /// assert_eq!((kept.text("last").as_deref(), kept.text("first")), (Some("ada"), None));
    /// assert!(kept.asked().is_empty()); // a test's own look is none of the handler's
    /// ```
    pub fn text(&self, key: &str) -> Option<String> {
        let values = self.kept.values.borrow();
        let value = values.get(key)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The keys that are there, sorted.
    ///
    /// ```
    /// use hookbox_sdk::testing;
    /// assert_eq!(testing::state().with("b", "").with("a", "").keys(), ["a", "b"]);
    /// ```
    pub fn keys(&self) -> Vec<String> {
        self.kept.values.borrow().keys().cloned().collect()
    }

    /// What it was asked, in order.
    ///
    /// ```
    /// use hookbox_sdk::{state, testing};
    ///
    /// let kept = testing::state();
    /// let state = state::open()?;
    /// state.set("last", "ada")?;
    /// state.increment("comments", 2)?;
    /// let (_, _, _) = (state.get("last")?, state.exists("first")?, state.keys()?);
    /// state.delete("last")?;
    /// let asked =
    ///     ["set last = ada", "increment comments by 2", "get last", "exists first", "keys", "delete last"];
    /// assert_eq!(kept.asked(), asked);
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn asked(&self) -> Vec<String> {
        self.told(|_| true)
    }

    /// Of what it was [asked](FakeState::asked), what writes.
    ///
    /// ```
    /// use hookbox_sdk::{state, testing};
    ///
    /// let kept = testing::state();
    /// let state = state::open()?;
    /// if !state.exists("greeted")? {
    ///     state.set("greeted", "yes")?;
    /// }
    /// assert_eq!(kept.writes(), ["set greeted = yes"]);
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn writes(&self) -> Vec<String> {
        self.told(|asked| asked.is_write)
    }

    /// Refuses every write from now on, as the host does when a quota is used up.
    ///
    /// ```
    /// use hookbox_sdk::{state, testing};
    ///
    /// let kept = testing::state();
    /// kept.refuses("the quota of 10 MiB is used up");
    /// assert!(state::open()?.set("last", "ada").is_err());
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn refuses(&self, reason: &str) {
        self.kept.refusal.replace(Some(reason.to_owned()));
    }

    fn told(&self, is_wanted: impl Fn(&Asked) -> bool) -> Vec<String> {
        let asked = self.kept.asked.borrow();
        let wanted = asked.iter().filter(|asked| is_wanted(asked));
        wanted.map(|asked| asked.text.clone()).collect()
    }
}
