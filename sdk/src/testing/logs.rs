//! What is logged during a native test.

use std::rc::Rc;

use crate::given::Given;
use crate::log::{KEPT, Lines};

/// Keeps what is logged from now on; it still goes to standard error, too.
///
/// ```
/// use hookbox_sdk::{log, testing};
///
/// let logs = testing::logs();
/// log::info!("looking at {}", "gpt2");
/// log::warn!("it has no card");
/// assert_eq!(logs.lines(), ["INFO looking at gpt2", "WARN it has no card"]);
/// ```
pub fn logs() -> Logs {
    let lines = Rc::new(Lines::default());
    Logs {
        _given: Given::new(&KEPT, Rc::clone(&lines)),
        lines,
    }
}

/// What is logged during a native test, kept by [`logs`]. It is kept on this thread until this is dropped.
///
/// ```
/// use hookbox_sdk::{log, testing};
///
/// let logs = testing::logs();
/// log::debug!("nothing to see");
/// assert!(!logs.lines().iter().any(|line| line.starts_with("ERROR")));
/// ```
#[must_use = "it keeps lines only until it is dropped: keep it as `let logs = …`"]
#[derive(Debug)]
pub struct Logs {
    lines: Rc<Lines>,
    _given: Given<Rc<Lines>>,
}

impl Logs {
    /// The lines so far: the level, a blank and the text.
    ///
    /// ```
    /// use hookbox_sdk::{log, testing};
    /// let logs = testing::logs();
    /// log::error!("no {}", "card");
    /// assert_eq!(logs.lines(), ["ERROR no card"]);
    /// ```
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }
}
