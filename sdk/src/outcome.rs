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
pub type Result<T = Outcome, E = Failure> = std::result::Result<T, E>;

/// How a delivery was handled. The text, at most 64 KiB, is kept with the attempt and shown to the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Handled.
    Done(Option<String>),
    /// Looked at and left alone.
    Ignored(Option<String>),
}

/// Why a delivery was not handled.
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
