//! The time of day.
//!
//! ```
//! use hookbox_sdk::{clock, testing};
//!
//! /// Whether a repo that was looked at then is to be looked at again.
//! fn is_due(looked_at_ms: u64) -> bool {
//!     clock::now_ms() >= looked_at_ms + 24 * 3600 * 1000
//! }
//!
//! let clock = testing::clock(1_767_225_600_000);
//! let looked_at = clock::now_ms();
//! assert!(!is_due(looked_at));
//! clock.advance(std::time::Duration::from_secs(24 * 3600));
//! assert!(is_due(looked_at));
//! ```
//!
//! A later attempt has another time. What must be the same in all of them is the time at which the delivery came:
//! [`Event::received_at`](crate::Event::received_at).

use std::time::{Duration, SystemTime};

/// What time it is: the host's clock, or in a native test what [`testing::clock`](crate::testing::clock) says.
///
/// ```
/// use hookbox_sdk::{clock, testing};
/// use std::time::{Duration, SystemTime};
///
/// let _clock = testing::clock(1_000);
/// assert_eq!(clock::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(1));
/// ```
pub fn now() -> SystemTime {
    given().map_or_else(SystemTime::now, |ms| {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    })
}

/// What time it is, in milliseconds since the Unix epoch; 0 before it.
///
/// ```
/// use hookbox_sdk::{clock, testing};
///
/// assert!(clock::now_ms() > 1_700_000_000_000);
/// let _clock = testing::clock(5);
/// assert_eq!(clock::now_ms(), 5);
/// ```
pub fn now_ms() -> u64 {
    let since = now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// A component has the host's clock.
#[cfg(target_family = "wasm")]
fn given() -> Option<u64> {
    None
}

#[cfg(not(target_family = "wasm"))]
pub(crate) use tested::{GIVEN, Hands};

#[cfg(not(target_family = "wasm"))]
use tested::given;

#[cfg(not(target_family = "wasm"))]
mod tested {
    //! The clock of a native test.

    use std::cell::Cell;
    use std::rc::Rc;

    use crate::given::Stack;

    /// What a test's clock shows, and how often it was looked at.
    #[derive(Debug, Default)]
    pub struct Hands {
        pub ms: Cell<u64>,
        pub looks: Cell<u32>,
    }

    thread_local! {
        /// The clock that this thread's test gave.
        pub(crate) static GIVEN: Stack<Rc<Hands>> = const { Stack::new() };
    }

    pub fn given() -> Option<u64> {
        let hands = GIVEN.with(Stack::last)?;
        hands.looks.set(hands.looks.get().saturating_add(1));
        Some(hands.ms.get())
    }
}
