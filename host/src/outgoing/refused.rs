//! Why a request is not sent, in words for the operator.

use crate::visible::one_line;
use std::fmt;

/// The longest reason, in bytes: what a guest made up in it, a name, and the line to change.
const REASON_BYTES_MAX: usize = 768;

/// The longest part of a reason that a guest made up, in bytes; a name of a host is bounded by itself.
const WORD_BYTES_MAX: usize = 256;

/// A request that is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What kind of a reason there is.
    pub why: Why,
    by: String,
}

/// What kind of a reason there is not to send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its URL is none that is sent, whatever is granted.
    Uri,
    /// It is not granted, or no longer.
    Denied,
    /// Too many calls of its attempt are under way.
    Busy,
    /// Its credential cannot be read.
    Credential,
}

impl Refused {
    /// Its URL is none that is sent.
    #[must_use]
    pub fn uri(reason: &str) -> Self {
        Self::new(Why::Uri, reason)
    }

    /// It is not granted.
    #[must_use]
    pub fn denied(reason: String) -> Self {
        Self::new(Why::Denied, &reason)
    }

    /// Any reason, in words fit to be shown: what a guest made up is in some of them.
    #[must_use]
    pub fn new(why: Why, reason: &str) -> Self {
        let mut by = one_line(reason);
        by.truncate(by.floor_char_boundary(REASON_BYTES_MAX));
        Self { why, by }
    }

    /// The reason in words.
    #[must_use]
    pub fn by(&self) -> &str {
        &self.by
    }
}

/// What a guest made up, cut so that what is said of it is not.
pub(super) fn short(word: &str) -> String {
    let mut short = word.to_owned();
    if word.len() > WORD_BYTES_MAX {
        short.truncate(word.floor_char_boundary(WORD_BYTES_MAX));
        short.push('…');
    }
    short
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.by)
    }
}
