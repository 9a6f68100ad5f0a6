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
///
/// ```
/// let sample = hookbox_sdk::sample::SAMPLES[0];
/// assert_eq!((sample.name, sample.description), ("repo-create", "a model was created"));
/// assert!(sample.json.starts_with('{'));
/// ```
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
///
/// ```
/// use hookbox_sdk::sample::SAMPLES;
/// assert!(SAMPLES.iter().any(|sample| sample.name == "discussion-comment-hidden"));
/// ```
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
///
/// ```
/// use hookbox_sdk::sample;
/// assert!(sample::find("repo-delete").is_some());
/// assert!(sample::find("repo-deleted").is_none());
/// ```
pub fn find(name: &str) -> Option<&'static Sample> {
    SAMPLES.iter().find(|sample| sample.name == name)
}

/// The most letters that a name is mistyped by.
const MISTAKES_MAX: usize = 3;

/// What to say of a name that no sample has.
pub(crate) fn unknown(name: &str) -> String {
    let names: Vec<_> = SAMPLES.iter().map(|sample| sample.name).collect();
    let near = names.iter().map(|known| (mistakes(name, known), *known));
    let near = near.min().filter(|(mistakes, _)| *mistakes <= MISTAKES_MAX);
    let meant = match near {
        Some((_, known)) => format!("did you mean `{known}`? There are"),
        None => "take one of".to_owned(),
    };
    format!("there is no sample `{name}`: {meant} {}", names.join(", "))
}

/// How many letters of one text are to be changed, left out or added to get the other (Levenshtein's distance).
fn mistakes(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.bytes().enumerate() {
        let (mut diagonal, mut left) = (at, at + 1);
        for (place, known) in row.iter_mut().skip(1).zip(other.bytes()) {
            let changed = diagonal + usize::from(letter != known);
            diagonal = *place;
            left = changed.min(left + 1).min(diagonal + 1);
            *place = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nearly_is_one_is_told_with_the_list() {
        let check = |name: &str, meant: &str| {
            let said = unknown(name);
            let start = format!("there is no sample `{name}`: {meant} repo-create, repo-delete, ");
            assert!(said.starts_with(&start), "{said}");
            assert!(said.ends_with(", unknown-scope"), "{said}");
        };
        check("discusion", "did you mean `discussion`? There are");
        check("repo_content", "did you mean `repo-content`? There are");
        check(
            "discussion.comment",
            "did you mean `discussion-comment`? There are",
        );
        check("", "take one of");
        check("comment", "take one of");
    }
}
