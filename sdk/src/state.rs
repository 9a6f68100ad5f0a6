//! What a plugin keeps: keys and values of its own that outlive a delivery.
//!
//! ```
//! use hookbox_sdk::{Failure, state, testing};
//!
//! fn count(author: &str) -> hookbox_sdk::Result<u64> {
//!     let state = state::open()?;
//!     state.set("last-author", author)?;
//!     Ok(state.increment("comments", 1)?)
//! }
//!
//! let _state = testing::state();
//! assert_eq!(count("ada"), Ok(1));
//! assert_eq!(count("bob"), Ok(2));
//! assert_eq!(state::open()?.text("last-author")?.as_deref(), Some("bob"));
//! # Ok::<(), Failure>(())
//! ```
//!
//! The operator grants it with `[state]`, which also bounds it in keys and bytes. Declare it with
//! [`Want::state`](crate::Want::state).
//!
//! The host keeps what an attempt wrote together with the attempt's end, or not at all: after `done`, `ignored` or a
//! rejection it is there, after a `retry` or a trap it never was. If something that the attempt read was changed by
//! another one meanwhile, the attempt counts as a conflict and runs again. So a counter is right, however many attempts
//! count at once.
//!
//! A key has 1 to 1,024 bytes, a value at most 1 MiB.

use std::fmt;

#[cfg(not(target_family = "wasm"))]
mod memory;
#[cfg(target_family = "wasm")]
mod wasi;

#[cfg(not(target_family = "wasm"))]
pub(crate) use memory::{Asked, KEPT, Kept};

#[cfg(not(target_family = "wasm"))]
use memory::Bucket;
#[cfg(target_family = "wasm")]
use wasi::Bucket;

/// The most pages of keys that are asked for: the host's own bound is far below.
const PAGES_MAX: u32 = 10_000;

/// Why the state did not do what it was asked.
///
/// ```
/// use hookbox_sdk::state;
///
/// // A test without a state has what a plugin without a grant has.
/// assert_eq!(state::open().unwrap_err(), state::Error::NotGranted);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The grant has no `[state]`.
    NotGranted,
    /// The host said no, in its words: a key or a value is too large, a quota is used up, a value is no number.
    Refused {
        /// The host's words.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotGranted => {
                f.write_str("the plugin has no state: add a table `[state]` to its grant")
            }
            Error::Refused { reason } => write!(f, "state: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

/// The plugin's keys and values.
///
/// ```
/// use hookbox_sdk::{state, testing};
///
/// /// Whether that account is met for the first time, in whatever delivery.
/// fn is_new(state: &state::Store, author: &str) -> Result<bool, state::Error> {
///     Ok(state.increment(&format!("met/{author}"), 1)? == 1)
/// }
///
/// let _state = testing::state();
/// assert!(is_new(&state::open()?, "ada")?);
/// assert!(!is_new(&state::open()?, "ada")?);
/// # Ok::<(), state::Error>(())
/// ```
#[derive(Debug)]
pub struct Store(Bucket);

/// Opens the plugin's keys and values.
///
/// ```
/// use hookbox_sdk::{state, testing};
///
/// let _state = testing::state();
/// state::open()?.set("head", "575db8b")?;
/// // What another delivery finds.
/// assert_eq!(state::open()?.text("head")?.as_deref(), Some("575db8b"));
/// # Ok::<(), state::Error>(())
/// ```
///
/// # Errors
/// If the grant has no `[state]`.
pub fn open() -> Result<Store, Error> {
    Bucket::open().map(Store)
}

impl Store {
    /// The value of a key.
    ///
    /// ```
    /// # let _state = hookbox_sdk::testing::state();
    /// let state = hookbox_sdk::state::open()?;
    /// state.set("digest", [0x57, 0xff])?;
    /// assert_eq!(state.get("digest")?, Some(vec![0x57, 0xff]));
    /// assert_eq!(state.get("never set")?, None);
    /// # Ok::<(), hookbox_sdk::state::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the key is too long, or the host cannot read.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.0.get(key)
    }

    /// The value of a key as text. Bytes that are no UTF-8 are replaced.
    ///
    /// ```
    /// # let _state = hookbox_sdk::testing::state();
    /// let state = hookbox_sdk::state::open()?;
    /// state.set("last-author", "ada")?;
    /// assert_eq!(state.text("last-author")?.as_deref(), Some("ada"));
    /// # Ok::<(), hookbox_sdk::state::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the key is too long, or the host cannot read.
    pub fn text(&self, key: &str) -> Result<Option<String>, Error> {
        let value = self.get(key)?;
        Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Sets a key.
    ///
    /// ```
    /// # let _state = hookbox_sdk::testing::state();
    /// let state = hookbox_sdk::state::open()?;
    /// state.set("head", "ce9a467")?;
    /// state.set("head", "575db8b")?; // in place of what was there
    /// assert_eq!(state.text("head")?.as_deref(), Some("575db8b"));
    /// assert!(state.set(&"k".repeat(1025), "").is_err());
    /// # Ok::<(), hookbox_sdk::state::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the key or the value is too large, or the quota is used up.
    pub fn set(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.0.set(key, value.as_ref())
    }

    /// Forgets a key; one that is not there stays so.
    ///
    /// ```
    /// # let _state = hookbox_sdk::testing::state();
    /// let state = hookbox_sdk::state::open()?;
    /// state.set("discussion/19", "open")?;
    /// state.delete("discussion/19")?;
    /// state.delete("discussion/19")?; // no error
    /// assert!(!state.exists("discussion/19")?);
    /// # Ok::<(), hookbox_sdk::state::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the key is too long.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.0.delete(key)
    }

    /// Whether a key is there.
    ///
    /// ```
    /// # let _state = hookbox_sdk::testing::state();
    /// let state = hookbox_sdk::state::open()?;
    /// state.set("welcomed/ada", "")?;
    /// assert!(state.exists("welcomed/ada")?);
    /// assert!(!state.exists("welcomed/bob")?);
    /// # Ok::<(), hookbox_sdk::state::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the key is too long, or the host cannot read.
    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        self.0.exists(key)
    }

    /// Adds to the number that a key holds in decimal digits, and returns the sum. A key that is not there holds 0.
    ///
    /// ```
    /// # let _state = hookbox_sdk::testing::state();
    /// let state = hookbox_sdk::state::open()?;
    /// assert_eq!(state.increment("comments", 1)?, 1);
    /// assert_eq!(state.increment("comments", 2)?, 3);
    /// assert_eq!(state.text("comments")?.as_deref(), Some("3"));
    /// # Ok::<(), hookbox_sdk::state::Error>(())
    /// ```
    ///
    /// # Errors
    /// If what it holds is no number, or the sum has more than 64 bits.
    pub fn increment(&self, key: &str, by: u64) -> Result<u64, Error> {
        self.0.increment(key, by)
    }

    /// All keys.
    ///
    /// ```
    /// # let _state = hookbox_sdk::testing::state();
    /// let state = hookbox_sdk::state::open()?;
    /// state.set("seen/ada", "")?;
    /// state.set("seen/bob", "")?;
    /// for key in state.keys()?.iter().filter(|key| key.starts_with("seen/")) {
    ///     state.delete(key)?;
    /// }
    /// assert!(state.keys()?.is_empty());
    /// # Ok::<(), hookbox_sdk::state::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the host cannot read.
    pub fn keys(&self) -> Result<Vec<String>, Error> {
        let mut keys = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let (page, next) = self.0.list_keys(cursor)?;
            keys.extend(page);
            if next.is_none() {
                return Ok(keys);
            }
            cursor = next;
        }
        Err(Error::Refused {
            reason: "the list of keys does not end".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failure, Result, testing};

    fn refused(reason: &str) -> Error {
        Error::Refused {
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn what_is_set_is_there_until_it_is_deleted() -> Result<()> {
        let _state = testing::state();
        let state = open()?;
        state.set("b", "2")?;
        state.set("a", b"1")?;
        assert_eq!(state.keys()?, ["a", "b"]);
        assert_eq!(open()?.text("b")?.as_deref(), Some("2"));
        state.delete("b")?;
        state.delete("never there")?;
        assert_eq!((state.exists("a")?, state.exists("b")?), (true, false));
        assert_eq!(state.get("b")?, None);
        Ok(())
    }

    #[test]
    fn numbers_are_counted_in_digits() -> Result<()> {
        let _state = testing::state();
        let state = open()?;
        assert_eq!(state.increment("n", 5)?, 5);
        assert_eq!(state.increment("n", 0)?, 5);
        assert_eq!(state.text("n")?.as_deref(), Some("5"));
        state.set("n", u64::MAX.to_string())?;
        let full = state.increment("n", 1);
        assert_eq!(full, Err(refused("the sum has more than 64 bits")));
        state.set("n", "many")?;
        let no_number = state.increment("n", 1);
        assert_eq!(no_number, Err(refused("the value is no decimal number")));
        Ok(())
    }

    #[test]
    fn without_a_grant_there_is_none() {
        let failure = open().map(|_| ()).map_err(Failure::from);
        let said = "the plugin has no state: add a table `[state]` to its grant";
        assert_eq!(failure, Err(Failure::retry(said)));
    }

    #[test]
    fn keys_and_values_have_the_bounds_of_the_host() -> Result<()> {
        let _state = testing::state();
        let state = open()?;
        assert!(state.set(&"k".repeat(1024), vec![0; 1024 * 1024]).is_ok());
        assert!(state.set(&"k".repeat(1025), "").is_err());
        assert!(state.set("k", vec![0; 1024 * 1024 + 1]).is_err());
        assert!(state.get("").is_err());
        Ok(())
    }
}
