//! Payloads to try a plugin with: one for each kind of event that the Hub sends.
//!
//! ```
//! let sample = hookbox_sdk::sample::find("repo-move").ok_or("no such sample")?;
//! assert!(sample.json.contains("movedTo"));
//! # Ok::<(), &str>(())
//! ```
//!
//! They follow the Hub's documentation and captured deliveries; where the Hub documents no example, they are put
//! together from its fragments.

/// A payload with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Its name: `discussion-comment`.
    pub name: &'static str,
    /// One line that says what happened.
    pub description: &'static str,
    /// The request's body.
    pub json: &'static str,
}

macro_rules! samples {
    ($($name:literal: $description:literal,)+) => {
        &[$(Sample {
            name: $name,
            description: $description,
            json: include_str!(concat!("../samples/", $name, ".json")),
        },)+]
    };
}

/// All samples.
pub const SAMPLES: &[Sample] = samples! {
    "repo-create": "a model was created",
    "repo-delete": "a model was deleted",
    "repo-move": "a model was moved to another owner",
    "repo-update": "a model was updated",
    "repo-content": "commits on main, and a branch deleted",
    "repo-content-tag": "a tag was created",
    "repo-content-pr": "a pull request on a Space got its ref",
    "bucket-content": "files of a bucket were added and deleted",
    "repo-config": "a model was made private",
    "discussion": "a discussion was opened",
    "discussion-pr": "a pull request was opened",
    "discussion-update": "a pull request was merged",
    "discussion-delete": "a discussion was deleted",
    "discussion-comment": "a comment was written",
    "discussion-comment-edit": "a comment was edited",
    "discussion-comment-hidden": "a comment was hidden: its text is not sent",
    "unknown-scope": "something new about the settings, under a scope that did not exist before",
};

/// The sample of that name.
pub fn find(name: &str) -> Option<&'static Sample> {
    SAMPLES.iter().find(|sample| sample.name == name)
}
