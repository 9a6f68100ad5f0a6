//! What every contestant is sent: the same delivery, with an id of its own each time, as the Hub sends it.

use crate::built::workspace;
use anyhow::{Context as _, Result, ensure};

/// The secret that each contestant compares.
pub const SECRET: &str = "a-secret-of-the-benchmarks";

/// The example of the Hub's documentation in which somebody opens a pull request.
const FILE: &str = "tests/payloads/v3-doc-2026-discussion-create-pr.json";

/// Requests for one server, all of the same length.
#[derive(Clone)]
pub struct Requests {
    before_id: String,
    after_id: Vec<u8>,
}

impl Requests {
    /// Deliveries to this path, with further header lines, each ended.
    ///
    /// # Errors
    /// If the payload cannot be read.
    pub fn to(path: &str, headers: &str) -> Result<Self> {
        let body = body()?;
        let mut after_id = format!(
            "\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        after_id.extend_from_slice(body.as_bytes());
        Ok(Self {
            before_id: format!(
                "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-webhook-secret: {SECRET}\r\nwebhook-id: "
            ),
            after_id,
        })
    }

    /// Writes the one with this number over what `request` holds.
    pub fn write(&self, number: u64, request: &mut Vec<u8>) {
        request.clear();
        request.extend_from_slice(self.before_id.as_bytes());
        request.extend_from_slice(format!("bench-{number:020}").as_bytes());
        request.extend_from_slice(&self.after_id);
    }
}

/// The payload. The example's scope is `discussion`; `hello` subscribes to comments, and the example holds one.
///
/// # Errors
/// If it cannot be read, or is not the example.
pub fn body() -> Result<String> {
    let text = std::fs::read_to_string(workspace().join(FILE)).context(FILE)?;
    let scope = r#""scope": "discussion""#;
    ensure!(text.contains(scope), "{FILE} has another scope");
    Ok(text.replace(scope, r#""scope": "discussion.comment""#))
}
