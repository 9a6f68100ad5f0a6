//! Lists of discussions, and which to list.

use super::thread::{Discussion, Page};
use super::{Client, Error, Repo};
use crate::http::encoded;

/// Pages that one listing asks for at most. A page has ten discussions.
const PAGES_MAX: u64 = 20;

/// Which discussions to list; without more the hundred newest of all.
///
/// ```
/// use hookbox_sdk::hub::{Client, Filter, Repo};
/// # use hookbox_sdk::{prelude::*, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # let page = json!({"count": 1, "discussions": [{"num": 8, "title": "Add a licence"}]});
/// # fake.answers("GET", "/api/models/my-org/bert/discussions", &page);
///
/// let filter = Filter::new().pull_requests().open().by("ada").limit(20);
/// let found = Client::new()?.discussions(&Repo::model("my-org/bert")?, &filter)?;
/// assert_eq!(found[0].title, "Add a licence");
/// # Ok::<(), Failure>(())
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
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Filter, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/models/my-org/bert/discussions", &json!({"count": 1, "discussions": [{"num": 7}]}));
    ///
    /// let newest = Client::new()?.discussions(&Repo::model("my-org/bert")?, &Filter::new())?;
    /// assert_eq!(newest[0].num, 7);
    /// assert_eq!(fake.asked(), ["GET /api/models/my-org/bert/discussions?p=0&type=all&status=all"]);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn new() -> Filter {
        Filter {
            kind: "all",
            status: "all",
            author: None,
            limit: 100,
        }
    }

    /// Only those that are no pull requests.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Filter, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/models/my-org/bert/discussions", &json!({"discussions": []}));
    ///
    /// Client::new()?.discussions(&Repo::model("my-org/bert")?, &Filter::new().discussions())?;
    /// assert_eq!(fake.asked(), ["GET /api/models/my-org/bert/discussions?p=0&type=discussion&status=all"]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn discussions(mut self) -> Filter {
        self.kind = "discussion";
        self
    }

    /// Only pull requests.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Filter, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/models/my-org/bert/discussions", &json!({"discussions": []}));
    ///
    /// Client::new()?.discussions(&Repo::model("my-org/bert")?, &Filter::new().pull_requests())?;
    /// assert_eq!(fake.asked(), ["GET /api/models/my-org/bert/discussions?p=0&type=pull_request&status=all"]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn pull_requests(mut self) -> Filter {
        self.kind = "pull_request";
        self
    }

    /// Only open ones.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Filter, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/models/my-org/bert/discussions", &json!({"discussions": []}));
    ///
    /// Client::new()?.discussions(&Repo::model("my-org/bert")?, &Filter::new().open())?;
    /// assert_eq!(fake.asked(), ["GET /api/models/my-org/bert/discussions?p=0&type=all&status=open"]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn open(mut self) -> Filter {
        self.status = "open";
        self
    }

    /// Only closed ones.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Filter, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/models/my-org/bert/discussions", &json!({"discussions": []}));
    ///
    /// Client::new()?.discussions(&Repo::model("my-org/bert")?, &Filter::new().closed())?;
    /// assert_eq!(fake.asked(), ["GET /api/models/my-org/bert/discussions?p=0&type=all&status=closed"]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn closed(mut self) -> Filter {
        self.status = "closed";
        self
    }

    /// Only those that an account opened, by its name.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Filter, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/models/my-org/bert/discussions", &json!({"discussions": []}));
    ///
    /// let own = Client::new()?.discussions(&Repo::model("my-org/bert")?, &Filter::new().by("my-bot"))?;
    /// assert!(own.is_empty());
    /// assert_eq!(fake.asked(), ["GET /api/models/my-org/bert/discussions?p=0&type=all&status=all&author=my-bot"]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn by(mut self, author: impl Into<String>) -> Filter {
        self.author = Some(author.into());
        self
    }

    /// At most so many, and never more than 200: each page of ten is a request of its own, and there are at most twenty.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Filter, Repo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// # let page: Vec<_> = (0..10).map(|num| json!({"num": 60 - num})).collect();
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions", &json!({"count": 60, "discussions": page}));
    ///
    /// let newest = Client::new()?.discussions(&Repo::model("my-org/bert")?, &Filter::new().limit(15))?;
    /// assert_eq!((newest.len(), fake.asked().len()), (15, 2));
    /// # Ok::<(), Failure>(())
    /// ```
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
    /// ```
    /// use hookbox_sdk::hub::{Client, Filter, Repo};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let page = json!({"count": 2, "discussions": [{"num": 8, "author": {"name": "ada"}}, {"num": 5}]});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions", &page);
    ///
    /// let waiting = Filter::new().pull_requests().open();
    /// let waiting = Client::new()?.discussions(&Repo::model("my-org/bert")?, &waiting)?;
    /// assert_eq!(waiting.iter().map(|pull| pull.num).collect::<Vec<_>>(), [8, 5]);
    /// # Ok::<(), Failure>(())
    /// ```
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
