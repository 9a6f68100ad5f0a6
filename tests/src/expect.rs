//! What several stories look for in an answer, an attempt or a document.

use crate::http::Answer;
use serde_json::{Value, json};

/// An answer is this error, and nothing else.
#[track_caller]
pub fn says(answer: &Answer, status: u16, error: &str) {
    assert_eq!(
        (answer.status, answer.json()),
        (status, json!({ "error": error })),
        "{answer:?}"
    );
}

/// An attempt ended with this outcome, and what the sandbox met is told with these words.
#[track_caller]
pub fn met(attempt: &Value, outcome: &str, message: &str) {
    let text = |place: &str| attempt.pointer(place).and_then(Value::as_str);
    assert_eq!(text("/outcome"), Some(outcome), "{attempt:#}");
    let trap = text("/trap/message").unwrap_or_default();
    assert!(trap.contains(message), "{message} is not in {trap}");
}

/// The names of an object's members.
#[track_caller]
#[must_use]
pub fn keys(value: &Value) -> String {
    let members = value.as_object().expect("an object");
    members.keys().cloned().collect::<Vec<_>>().join(" ")
}
