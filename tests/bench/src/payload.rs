//! What every contestant is sent: the same delivery, each time with an id, a repo and a discussion of its own.

use crate::built::workspace;
use anyhow::{Context as _, Result, ensure};

/// The secret that each contestant compares.
pub const SECRET: &str = "a-secret-of-the-benchmarks";

/// The example of the Hub's documentation in which somebody opens a pull request.
const FILE: &str = "tests/payloads/v3-doc-2026-discussion-create-pr.json";

/// The ids of the example's repo and discussion, in order: runs of one repo, or one discussion, are bounded in an hour.
const IDS: [&str; 2] = ["621ffdc036468d709f17434d", "6399f58518721fdd27fc9ca9"];

/// Requests for one server, all of the same length.
#[derive(Clone)]
pub struct Requests {
    /// What stands before, between and after the numbers: of the delivery, its repo, its discussion.
    parts: [String; 4],
}

impl Requests {
    /// Deliveries to this path, with further header lines, each ended.
    ///
    /// # Errors
    /// If the payload cannot be read.
    pub fn to(path: &str, headers: &str) -> Result<Self> {
        let body = body()?;
        let [repo, discussion] = IDS;
        let (before_repo, rest) = body.split_once(repo).context(FILE)?;
        let (before_discussion, rest) = rest.split_once(discussion).context(FILE)?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-webhook-secret: {SECRET}\r\nwebhook-id: bench-"
        );
        let rest_of_head = format!(
            "\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        Ok(Self {
            parts: [
                head,
                rest_of_head + before_repo,
                before_discussion.to_owned(),
                rest.to_owned(),
            ],
        })
    }

    /// Writes the one with this number over what `request` holds.
    pub fn write(&self, number: u64, request: &mut Vec<u8>) {
        // As long as the ids, so that all requests are of one length.
        let number = format!("{number:024x}");
        request.clear();
        let [first, others @ ..] = &self.parts;
        request.extend_from_slice(first.as_bytes());
        for part in others {
            request.extend_from_slice(number.as_bytes());
            request.extend_from_slice(part.as_bytes());
        }
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
