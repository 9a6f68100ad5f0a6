//! What a handler answers: done, ignored, try again later, or never try again.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use crate::{http, hub};

/// What a handler returns. `?` on an ordinary error asks for another attempt, with the error's text as the reason.
///
/// ```
/// use hookbox_sdk::{Failure, Result, done};
///
/// fn parse(text: &str) -> Result {
///     let number: u32 = text.parse()?;
///     done(format!("the number is {number}"))
/// }
///
/// assert_eq!(parse("7"), done("the number is 7"));
/// assert_eq!(parse("x"), Err(Failure::retry("invalid digit found in string")));
/// ```
///
/// What is no [`std::error::Error`] does not become a failure by itself: [`Failure`] shows how a text or a boxed error does.
pub type Result<T = Outcome, E = Failure> = std::result::Result<T, E>;

/// How a delivery was handled. The text, at most 64 KiB, is kept with the attempt and shown to the operator.
///
/// ```
/// use hookbox_sdk::{Outcome, done, ignored};
///
/// // `done` and `ignored` make one as a handler returns it.
/// assert_eq!(done("3 files"), Ok(Outcome::Done(Some("3 files".to_owned()))));
/// assert_eq!(ignored("a bot wrote it"), Ok(Outcome::Ignored(Some("a bot wrote it".to_owned()))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Handled.
    Done(Option<String>),
    /// Looked at and left alone.
    Ignored(Option<String>),
}

/// Why a delivery was not handled.
///
/// ```
/// use hookbox_sdk::{Failure, Result, done};
///
/// fn review(card: Option<&str>) -> Result {
///     match card {
///         None => Err(Failure::retry("the card is not there yet")),
///         Some("") => Err(Failure::reject("the card is empty")),
///         Some(card) => done(format!("{} words", card.split_whitespace().count())),
///     }
/// }
///
/// assert_eq!(review(None), Err(Failure::Retry { reason: "the card is not there yet".to_owned(), after_ms: None }));
/// ```
///
/// `?` makes one of every [`std::error::Error`]. A text is none: say with it whether trying again may help.
///
/// ```
/// use hookbox_sdk::{Failure, Result};
///
/// fn limit(text: &str) -> std::result::Result<u8, String> {
///     text.parse().map_err(|_| format!("`{text}` is no limit"))
/// }
///
/// fn read(text: &str) -> Result<u8> {
///     let limit = limit(text).map_err(Failure::reject)?;
///     Ok(limit)
/// }
///
/// assert_eq!(read("x"), Err(Failure::reject("`x` is no limit")));
/// ```
///
/// Neither is a `Box<dyn Error>`, nor what the crates `anyhow` and `eyre` return: give the text of it, `{error:#}` for one
/// of `anyhow`, which is its causes too.
///
/// ```
/// use hookbox_sdk::{Failure, Result};
/// use std::error::Error;
///
/// fn limit(text: &str) -> std::result::Result<u8, Box<dyn Error>> { Ok(text.parse()?) }
///
/// fn read(text: &str) -> Result<u8> {
///     limit(text).map_err(|error| Failure::reject(error.to_string()))
/// }
///
/// assert_eq!(read("x"), Err(Failure::reject("invalid digit found in string")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Try again later.
    Retry {
        /// Why this attempt failed.
        reason: String,
        /// The wait before the next attempt in milliseconds; the operator's retry schedule if absent.
        after_ms: Option<u64>,
    },
    /// Never try again.
    Rejected {
        /// Why no attempt can succeed.
        reason: String,
    },
}

/// Handled, with a text for the operator.
///
/// ```
/// use hookbox_sdk::{Outcome, done};
/// assert_eq!(done("hello"), Ok(Outcome::Done(Some("hello".to_owned()))));
/// ```
///
/// # Errors
/// Never: it returns a [`Result`] so that a handler can end with it.
pub fn done(text: impl Into<String>) -> Result {
    Ok(Outcome::Done(Some(text.into())))
}

/// Handled, with a JSON value for the operator.
///
/// ```
/// use hookbox_sdk::{done, done_json, serde_json::json};
/// assert_eq!(done_json(&json!({"lines": 2})), done(r#"{"lines":2}"#));
/// ```
///
/// # Errors
/// Never: it returns a [`Result`] so that a handler can end with it.
pub fn done_json(value: &serde_json::Value) -> Result {
    done(value.to_string())
}

/// Looked at and left alone, with the reason for the operator.
///
/// ```
/// use hookbox_sdk::{Outcome, ignored};
/// assert_eq!(ignored("not ours"), Ok(Outcome::Ignored(Some("not ours".to_owned()))));
/// ```
///
/// # Errors
/// Never: it returns a [`Result`] so that a handler can end with it.
pub fn ignored(text: impl Into<String>) -> Result {
    Ok(Outcome::Ignored(Some(text.into())))
}

impl Failure {
    /// Try again later, when the operator's retry schedule says so.
    ///
    /// ```
    /// use hookbox_sdk::Failure;
    /// assert_eq!(Failure::retry("the Hub is down").reason(), "the Hub is down");
    /// ```
    pub fn retry(reason: impl Into<String>) -> Failure {
        Failure::Retry {
            reason: reason.into(),
            after_ms: None,
        }
    }

    /// Try again after the given wait, for example the one that a rate limit named.
    ///
    /// ```
    /// use hookbox_sdk::Failure;
    /// use std::time::Duration;
    /// let failure = Failure::retry_after("rate limited", Duration::from_secs(30));
    /// assert_eq!(failure, Failure::Retry { reason: "rate limited".to_owned(), after_ms: Some(30_000) });
    /// ```
    pub fn retry_after(reason: impl Into<String>, wait: Duration) -> Failure {
        let after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Failure::Retry {
            reason: reason.into(),
            after_ms: Some(after_ms),
        }
    }

    /// Never try again: no later attempt could succeed.
    ///
    /// ```
    /// use hookbox_sdk::Failure;
    /// let failure = Failure::reject("the repo has no card");
    /// assert_eq!(failure, Failure::Rejected { reason: "the repo has no card".to_owned() });
    /// ```
    pub fn reject(reason: impl Into<String>) -> Failure {
        Failure::Rejected {
            reason: reason.into(),
        }
    }

    /// The reason alone.
    fn into_reason(self) -> String {
        match self {
            Failure::Retry { reason, .. } | Failure::Rejected { reason } => reason,
        }
    }

    /// The reason, whichever way it failed.
    ///
    /// ```
    /// assert_eq!(hookbox_sdk::Failure::reject("too old").reason(), "too old");
    /// ```
    pub fn reason(&self) -> &str {
        match self {
            Failure::Retry { reason, .. } | Failure::Rejected { reason } => reason,
        }
    }
}

/// An ordinary error asks for another attempt. The reason is its text and that of every error beneath it. Where it
/// is, or stands on, an error of [`hub`](crate::hub) or [`http`](crate::http), that one says what to do: a rate limit
/// names the wait, and what can never succeed is rejected. (For this to cover all errors, `Failure` is not itself a
/// [`std::error::Error`].)
impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        let mut reason = error.to_string();
        let mut beneath = error.source();
        while let Some(cause) = beneath {
            // Writing into a string cannot fail.
            let _ = write!(reason, ": {cause}");
            beneath = cause.source();
        }
        advised(&error, reason)
    }
}

/// What to do about an error, where that is not another attempt when the operator's schedule says so.
///
/// ```
/// use hookbox_sdk::prelude::*;
/// use std::time::Duration;
///
/// fn limit(text: &str) -> Result<u8> {
///     text.parse::<u8>().reject()
/// }
///
/// fn turn(text: &str) -> Result<u8> {
///     text.parse::<u8>().retry_after(Duration::from_secs(60))
/// }
///
/// assert_eq!(limit("7"), Ok(7));
/// assert_eq!(limit("x"), Err(Failure::reject("invalid digit found in string")));
/// let later = Failure::retry_after("invalid digit found in string", Duration::from_secs(60));
/// assert_eq!(turn("x"), Err(later));
/// ```
///
/// It is there for errors that `?` takes. For a text or a boxed error it is a call of [`Failure::reject`], or of
/// [`Failure::retry_after`]:
///
/// ```
/// use hookbox_sdk::prelude::*;
/// use std::time::Duration;
///
/// fn turn(queue: std::result::Result<u8, &str>) -> Result<u8> {
///     queue.map_err(|reason| Failure::retry_after(reason, Duration::from_secs(60)))
/// }
///
/// assert_eq!(turn(Err("full")), Err(Failure::retry_after("full", Duration::from_secs(60))));
/// ```
pub trait OrReject<T> {
    /// Never try again: no later attempt could succeed.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    /// let broken = hookbox_sdk::serde_json::from_str::<u8>("{").reject();
    /// assert!(matches!(broken, Err(Failure::Rejected { .. })));
    /// ```
    ///
    /// # Errors
    /// Where there was an error: its text, and that of every error beneath it, is the reason.
    fn reject(self) -> Result<T>;

    /// Try again after the given wait.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    /// use std::time::Duration;
    /// let busy: Result<u8> = Err(Failure::retry("busy"));
    /// let wait = Duration::from_secs(2);
    /// assert_eq!(busy.retry_after(wait), Err(Failure::retry_after("busy", wait)));
    /// ```
    ///
    /// # Errors
    /// Where there was an error: its text, and that of every error beneath it, is the reason.
    fn retry_after(self, wait: Duration) -> Result<T>;
}

impl<T, E: Into<Failure>> OrReject<T> for Result<T, E> {
    fn reject(self) -> Result<T> {
        self.map_err(|error| Failure::reject(error.into().into_reason()))
    }

    fn retry_after(self, wait: Duration) -> Result<T> {
        self.map_err(|error| Failure::retry_after(error.into().into_reason(), wait))
    }
}

/// What to do where something is not there.
///
/// ```
/// use hookbox_sdk::prelude::*;
///
/// let none: Option<u8> = None;
/// assert_eq!(none.or_reject("it has no card"), Err(Failure::reject("it has no card")));
/// assert_eq!(none.or_retry("it has no head yet"), Err(Failure::retry("it has no head yet")));
/// assert_eq!(Some(7).or_reject("it has no card"), Ok(7));
/// ```
pub trait Require<T> {
    /// Never try again: it will not be there later either.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    /// assert_eq!("7".parse::<u8>().ok().or_reject("no number"), Ok(7));
    /// ```
    ///
    /// # Errors
    /// Rejects, with this reason, where there is nothing.
    fn or_reject(self, reason: impl Into<String>) -> Result<T>;

    /// Try again: it may be there later.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    /// let job: Option<&str> = None;
    /// assert_eq!(job.or_retry("no Job yet"), Err(Failure::retry("no Job yet")));
    /// ```
    ///
    /// # Errors
    /// Asks for another attempt, with this reason, where there is nothing.
    fn or_retry(self, reason: impl Into<String>) -> Result<T>;
}

impl<T> Require<T> for Option<T> {
    fn or_reject(self, reason: impl Into<String>) -> Result<T> {
        self.ok_or_else(|| Failure::reject(reason))
    }

    fn or_retry(self, reason: impl Into<String>) -> Result<T> {
        self.ok_or_else(|| Failure::retry(reason))
    }
}

/// What the outermost error that knows better says, else another attempt.
fn advised(error: &(dyn Error + 'static), reason: String) -> Failure {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(error) = error.downcast_ref::<hub::Error>() {
            return error.failure(reason);
        }
        if let Some(error) = error.downcast_ref::<http::Error>() {
            return error.failure(reason);
        }
        link = error.source();
    }
    Failure::retry(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the setting `LIMIT` is no number")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn limit(text: &str) -> Result {
        let limit: u8 = text.parse().map_err(Outer)?;
        done(limit.to_string())
    }

    #[test]
    fn an_ordinary_error_asks_for_another_attempt_with_its_causes() {
        assert_eq!(limit("9"), done("9"));
        let expected = "the setting `LIMIT` is no number: number too large to fit in target type";
        assert_eq!(limit("900"), Err(Failure::retry(expected)));
    }

    #[test]
    fn an_endless_wait_is_the_longest_that_can_be_said() {
        let failure = Failure::retry_after("later", Duration::MAX);
        assert_eq!(
            failure,
            Failure::Retry {
                reason: "later".to_owned(),
                after_ms: Some(u64::MAX)
            }
        );
    }
}
