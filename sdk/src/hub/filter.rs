//! Lists of discussions, and which to list.

use super::thread::{Discussion, Page};
use super::{Client, Error, Repo};
use crate::http::encoded;

/// Pages that one listing asks for at most. A page has ten discussions.
const PAGES_MAX: u64 = 20;

/// Which discussions to list; without more the hundred newest of all.
///
/// ```
/// use hookbox_sdk::hub::Filter;
/// let filter = Filter::new().pull_requests().open().by("ada").limit(20);
/// # let _ = filter;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    kind: &'static str,
    status: &'static str,
    author: Option<String>,
    limit: usize,
}

impl Filter {
    /// The hundred newest of all.
    pub fn new() -> Filter {
        Filter {
            kind: "all",
            status: "all",
            author: None,
            limit: 100,
        }
    }

    /// Only those that are no pull requests.
    #[must_use]
    pub fn discussions(mut self) -> Filter {
        self.kind = "discussion";
        self
    }

    /// Only pull requests.
    #[must_use]
    pub fn pull_requests(mut self) -> Filter {
        self.kind = "pull_request";
        self
    }

    /// Only open ones.
    #[must_use]
    pub fn open(mut self) -> Filter {
        self.status = "open";
        self
    }

    /// Only closed ones.
    #[must_use]
    pub fn closed(mut self) -> Filter {
        self.status = "closed";
        self
    }

    /// Only those that an account opened, by its name.
    #[must_use]
    pub fn by(mut self, author: impl Into<String>) -> Filter {
        self.author = Some(author.into());
        self
    }

    /// At most so many, and never more than 200: each page of ten is a request of its own, and there are at most twenty.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Filter {
        self.limit = limit;
        self
    }
}

impl Default for Filter {
    fn default() -> Filter {
        Filter::new()
    }
}

impl Client {
    /// Discussions and pull requests of a repo, newest first, up to the filter's [limit](Filter::limit). One request for
    /// each page of ten.
    ///
    /// `GET /api/{T}/{repo}/discussions?p=…&type=…&status=…&author=…` (hub client, `get_repo_discussions`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn discussions(&self, repo: &Repo, filter: &Filter) -> Result<Vec<Discussion>, Error> {
        let author = filter.author.as_deref().map(encoded);
        let author = author.map_or(String::new(), |author| format!("&author={author}"));
        let mut found = Vec::new();
        for number in 0..PAGES_MAX {
            let (kind, status) = (filter.kind, filter.status);
            let path = format!(
                "{}/discussions?p={number}&type={kind}&status={status}{author}",
                repo.api()
            );
            let page: Page = self.get(&path)?.read()?;
            let seen = page.start.saturating_add(page.discussions.len() as u64);
            let is_last = page.discussions.is_empty() || seen >= page.count;
            found.extend(page.discussions);
            if is_last || found.len() >= filter.limit {
                break;
            }
        }
        found.truncate(filter.limit);
        Ok(found)
    }
}
