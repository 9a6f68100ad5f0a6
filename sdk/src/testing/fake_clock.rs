//! The clock of a native test: it stands until it is moved.

use std::rc::Rc;
use std::time::Duration;

use crate::clock::{GIVEN, Hands};
use crate::given::Given;

/// A clock that shows this time, in milliseconds since the Unix epoch, and stands.
///
/// ```
/// use hookbox_sdk::{clock, testing};
///
/// let clock = testing::clock(1_000);
/// assert_eq!((clock::now_ms(), clock::now_ms()), (1_000, 1_000));
/// clock.set(70_000);
/// assert_eq!(clock::now_ms(), 70_000);
/// ```
pub fn clock(ms: u64) -> FakeClock {
    let hands = Rc::new(Hands::default());
    hands.ms.set(ms);
    FakeClock {
        _given: Given::new(&GIVEN, Rc::clone(&hands)),
        hands,
    }
}

/// The clock of a native test, made by [`clock`]. It counts on this thread until it is dropped.
///
/// ```
/// use hookbox_sdk::{clock, testing};
///
/// let fake = testing::clock(1);
/// drop(fake);
/// assert_ne!(clock::now_ms(), 1);
/// ```
#[must_use = "it counts only until it is dropped: keep it as `let clock = …`"]
#[derive(Debug)]
pub struct FakeClock {
    hands: Rc<Hands>,
    _given: Given<Rc<Hands>>,
}

impl FakeClock {
    /// Shows another time, in milliseconds since the Unix epoch.
    ///
    /// ```
    /// use hookbox_sdk::{clock, testing};
    /// let clock = testing::clock(1_000);
    /// clock.set(500); // clocks are set back, too
    /// assert_eq!(clock::now_ms(), 500);
    /// ```
    pub fn set(&self, ms: u64) {
        self.hands.ms.set(ms);
    }

    /// Goes on.
    ///
    /// ```
    /// use hookbox_sdk::{clock, testing};
    /// use std::time::Duration;
    /// let clock = testing::clock(1_000);
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(clock::now_ms(), 61_000);
    /// ```
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.hands.ms.set(self.hands.ms.get().saturating_add(by));
    }

    /// How often it was looked at.
    ///
    /// ```
    /// use hookbox_sdk::{clock, testing};
    /// let clock = testing::clock(0);
    /// clock::now();
    /// assert_eq!(clock.asked(), 1);
    /// ```
    pub fn asked(&self) -> u32 {
        self.hands.looks.get()
    }
}
