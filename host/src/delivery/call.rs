//! One outgoing call of an attempt, as it is kept with it.

/// One outgoing call of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OutgoingCall {
    /// HTTP method.
    pub method: String,
    /// URL without its query.
    pub url: String,
    /// The answer's status, if one came.
    pub status: Option<u16>,
    /// How long it took, to the last byte of the answer that the plugin took, in ms.
    pub ms: u64,
    /// What denied it, if something did.
    pub denied_by: Option<String>,
    /// How it failed, if it was sent and did; absent in what earlier versions kept.
    #[serde(default)]
    pub error: Option<String>,
    /// The bytes of the answer's body that the plugin took, if an answer came.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Whether its connection had been used before, if an answer came.
    #[serde(default)]
    pub reused: Option<bool>,
}

/// What is kept of a call that the attempt's end cut short.
pub const CUT_SHORT: &str = "cancelled with the attempt";

/// What is kept of a call that the plugin let go.
pub const LET_GO: &str = "the plugin did not wait for the answer";

impl OutgoingCall {
    /// How it ended, in a word: `ok`, `client-error`, `server-error`, `failed`, `denied` or `cancelled`; `None` for the
    /// row that stands for calls that are not kept.
    #[must_use]
    pub fn result(&self) -> Option<&'static str> {
        match (&self.denied_by, self.error.as_deref(), self.status) {
            (Some(_), _, _) => Some("denied"),
            (None, Some(CUT_SHORT | LET_GO), _) => Some("cancelled"),
            (None, Some(_), _) => Some("failed"),
            (None, None, Some(400..=499)) => Some("client-error"),
            (None, None, Some(500..)) => Some("server-error"),
            (None, None, Some(_)) => Some("ok"),
            (None, None, None) => None,
        }
    }
}
