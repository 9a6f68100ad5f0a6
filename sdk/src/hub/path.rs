//! What may stand in a path of the API: nothing that could leave its place.

use super::Error;
use crate::http;

/// Whether a text is one part of a path as it is: letters, digits and `-._`, and no dot first.
pub fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(is_plain)
}

/// A branch, a tag or a commit that is one part of a path as it is.
pub fn revision(revision: &str) -> Result<&str, Error> {
    if is_name(revision) && !revision.contains("..") {
        Ok(revision)
    } else {
        Err(Error::argument(format!(
            "{revision:?} cannot stand in a path: name the commit by its id"
        )))
    }
}

/// The path of a file or a folder in a repo.
pub fn in_repo(path: &str) -> Result<&str, Error> {
    let is_path = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if is_path && !path.contains('\\') {
        Ok(path)
    } else {
        Err(Error::argument(format!("{path:?} is no path in a repo")))
    }
}

/// The same, percent-encoded part by part.
pub fn encoded(path: &str) -> Result<String, Error> {
    let parts = in_repo(path)?.split('/').map(http::encoded);
    Ok(parts.collect::<Vec<_>>().join("/"))
}
