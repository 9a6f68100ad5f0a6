//! Which repo a call is about.

use std::fmt;

use super::{Error, path};
use crate::Event;

/// A kind of repo that has discussions and commits.
///
/// ```
/// use hookbox_sdk::{hub::{Repo, RepoKind}, prelude::*};
///
/// fn build(event: &Event) -> Result {
///     match Repo::of(event)?.kind() {
///         RepoKind::Space => done("built"),
///         RepoKind::Model | RepoKind::Dataset => ignored("only Spaces are built"),
///     }
/// }
///
/// assert_eq!(build(&Event::sample("repo-content-pr")?), done("built"));
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepoKind {
    /// A model.
    Model,
    /// A dataset.
    Dataset,
    /// A Space.
    Space,
}

impl RepoKind {
    /// As the API's paths have it: `models`.
    fn plural(self) -> &'static str {
        match self {
            RepoKind::Model => "models",
            RepoKind::Dataset => "datasets",
            RepoKind::Space => "spaces",
        }
    }
}

/// A repo on the Hub, by its name.
///
/// ```
/// use hookbox_sdk::hub::Repo;
///
/// let repo = Repo::dataset("my-org/reviews")?;
/// assert_eq!(repo.to_string(), "datasets/my-org/reviews");
/// assert!(Repo::model("../../settings").is_err());
/// # Ok::<(), hookbox_sdk::Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repo {
    kind: RepoKind,
    name: String,
}

impl Repo {
    /// A model, by its name with the namespace; old ones have none (`gpt2`).
    ///
    /// ```
    /// use hookbox_sdk::hub::Repo;
    ///
    /// assert_eq!(Repo::model("openai-community/gpt2")?.to_string(), "openai-community/gpt2");
    /// assert_eq!(Repo::model("gpt2")?.name(), "gpt2");
    /// # Ok::<(), hookbox_sdk::hub::Error>(())
    /// ```
    ///
    /// # Errors
    /// If that is no repo's name.
    pub fn model(name: &str) -> Result<Repo, Error> {
        Repo::new(RepoKind::Model, name)
    }

    /// A dataset, by its name with the namespace.
    ///
    /// ```
    /// use hookbox_sdk::hub::Repo;
    ///
    /// assert_eq!(Repo::dataset("my-org/reviews")?.to_string(), "datasets/my-org/reviews");
    /// assert!(Repo::dataset("datasets/my-org/reviews").is_err()); // the name alone
    /// # Ok::<(), hookbox_sdk::hub::Error>(())
    /// ```
    ///
    /// # Errors
    /// If that is no repo's name.
    pub fn dataset(name: &str) -> Result<Repo, Error> {
        Repo::new(RepoKind::Dataset, name)
    }

    /// A Space, by its name with the namespace.
    ///
    /// ```
    /// use hookbox_sdk::hub::Repo;
    ///
    /// let preview = Repo::space(&format!("my-org/demo-pr-{}", 5))?;
    /// assert_eq!(preview.to_string(), "spaces/my-org/demo-pr-5");
    /// # Ok::<(), hookbox_sdk::hub::Error>(())
    /// ```
    ///
    /// # Errors
    /// If that is no repo's name.
    pub fn space(name: &str) -> Result<Repo, Error> {
        Repo::new(RepoKind::Space, name)
    }

    /// The repo that an event happened to. The payload is not parsed for it.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure, hub::Repo};
    ///
    /// let repo = Repo::of(&Event::sample("discussion-comment")?)?;
    /// assert_eq!(repo, Repo::model("some-user/some-repo")?);
    /// assert!(Repo::of(&Event::sample("bucket-content")?).is_err());
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// If the event names none, or one of a kind that has neither discussions nor commits (a bucket).
    pub fn of(event: &Event) -> Result<Repo, Error> {
        let name = event.repo_name().unwrap_or_default();
        match event.repo_type() {
            Some("model") => Repo::model(name),
            Some("dataset") => Repo::dataset(name),
            Some("space") => Repo::space(name),
            other => Err(Error::argument(format!(
                "a repo of the type `{}` has no discussions and no commits",
                other.unwrap_or_default()
            ))),
        }
    }

    /// Letters, digits and `-._` in one or two parts: nothing that could leave the repo's place in a path. (hub client,
    /// `validate_repo_id`)
    fn new(kind: RepoKind, name: &str) -> Result<Repo, Error> {
        let is_part = |part: &str| path::is_name(part) && !part.starts_with('-');
        let is_name =
            name.len() <= 200 && name.split('/').count() <= 2 && name.split('/').all(is_part);
        if is_name {
            Ok(Repo {
                kind,
                name: name.to_owned(),
            })
        } else {
            let shown: String = name.chars().take(100).collect();
            Err(Error::argument(format!("{shown:?} is no name of a repo")))
        }
    }

    /// What kind it is of.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Repo, RepoKind};
    ///
    /// assert_eq!(Repo::dataset("my-org/reviews")?.kind(), RepoKind::Dataset);
    /// # Ok::<(), hookbox_sdk::hub::Error>(())
    /// ```
    pub fn kind(&self) -> RepoKind {
        self.kind
    }

    /// Its name with the namespace.
    ///
    /// ```
    /// use hookbox_sdk::hub::Repo;
    ///
    /// let repo = Repo::dataset("my-org/reviews")?;
    /// assert_eq!(repo.name().split_once('/'), Some(("my-org", "reviews")));
    /// # Ok::<(), hookbox_sdk::hub::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its place in the API: `/api/datasets/my-org/reviews`.
    pub(super) fn api(&self) -> String {
        format!("/api/{}/{}", self.kind.plural(), self.name)
    }
}

/// Its place on the Hub's pages, without the slash before it. (hub client, `REPO_TYPES_URL_PREFIXES`)
impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            RepoKind::Model => f.write_str(&self.name),
            RepoKind::Dataset | RepoKind::Space => {
                write!(f, "{}/{}", self.kind.plural(), self.name)
            }
        }
    }
}
