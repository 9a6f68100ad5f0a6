//! The Hub's API: discussions, files, cards, commits, Spaces, Jobs, and chat completions through the router.
//!
//! ```
//! use hookbox_sdk::hub::{Client, Repo};
//! use hookbox_sdk::{prelude::*, testing::FakeHub};
//!
//! #[on("discussion", actions = [create])]
//! fn answer(event: DiscussionEvent) -> Result {
//!     let num = event.discussion.num;
//!     Client::new()?.comment_once(&Repo::of(&event)?, num, event.run_id(), "Thank you!")?;
//!     done("thanked")
//! }
//!
//! plugin! {
//!     description: "Answers whoever opens a discussion",
//!     handlers: [answer],
//!     wants: [
//!         Want::http("huggingface.co").methods(["GET", "POST"]).paths(["/api/*/my-org/*/discussions/**"])
//!             .credential("a token that may write discussions").required().because("it answers discussions"),
//!     ],
//! }
//!
//! # fn main() -> Result<()> {
//! // In a test a Hub of its own answers, and keeps what it was asked.
//! let hub = FakeHub::start();
//! let path = "/api/models/openai-community/gpt2/discussions/19";
//! hub.answers("GET", path, &json!({"num": 19, "events": []}));
//! hub.answers("POST", &format!("{path}/comment"), &json!({"newMessage": {"id": "1", "type": "comment"}}));
//! let event = Event::from_json(
//!     r#"{"event": {"scope": "discussion", "action": "create"}, "discussion": {"num": 19},
//!         "repo": {"type": "model", "name": "openai-community/gpt2"}}"#,
//! )?;
//! assert_eq!(PLUGIN.deliver(&event), Some(done("thanked")));
//! assert_eq!(hub.asked(), [format!("GET {path}"), format!("POST {path}/comment")]);
//! # Ok(()) }
//! ```
//!
//! The plugin's host adds the token that the grant names: there is none to set here. Each call is one request, or as
//! many as its description says; an attempt has 32 unless its grant says otherwise. Redirects are followed for
//! reading only, at most three, and never to another host.
//!
//! An [`Error`] says what it was by its [`kind`](Error::kind). A `?` on it in a handler asks for another attempt when
//! the Hub's rate limit is over, or when the Hub or the network failed; what no later attempt could do better is
//! rejected.
//!
//! An attempt may be repeated after its calls were made: the host may be killed between a call and the end of the
//! attempt. So comment with [`Client::comment_once`], open with [`Client::open_once`], close with
//! [`Client::set_status_once`], merge with [`Client::merge_once`], and look for what else an earlier attempt made before
//! making it anew.
//!
//! Sources, named at each call: *hub client* is `huggingface_hub` 2.4.0 with the name of its function, *OpenAPI* is the
//! Hub's own description of its API, *docs* is the documentation of the Hub. Reading is lenient: what is missing, or
//! has an unexpected type, is absent. `{T}` is `models`, `datasets` or `spaces`.

mod account;
mod call;
mod card;
mod chat;
mod comment;
mod commit;
mod compare;
mod content;
mod discussion;
mod error;
mod filter;
mod job;
mod mark;
mod once;
mod path;
mod rate;
mod repo;
mod space;
mod status;
mod thread;

pub use account::{Account, AccountKind, Organisation};
pub use card::Card;
pub use chat::{Chat, Completion};
pub use commit::{Commit, Committed};
pub use compare::{Change, ChangeKind};
pub use content::{EntryKind, File, Lfs, Ref, Refs, Tree, TreeEntry};
pub use discussion::Opened;
pub use error::{Error, ErrorKind};
pub use filter::Filter;
pub use job::{Job, JobInfo, JobStage, JobStatus, Labels};
pub use mark::{is_marked, marked, marker};
pub use once::Once;
pub use repo::{Repo, RepoKind};
pub use space::{Space, SpaceSdk};
pub use status::NewStatus;
pub use thread::{Author, Conflicts, Discussion, Entry, EntryData, EventKind, Text, Thread};

use crate::config;
use crate::http::Target;

/// Where the Hub is, unless the setting `hub-endpoint` says otherwise.
///
/// ```
/// use hookbox_sdk::hub;
///
/// assert_eq!(hub::Client::new()?.endpoint(), hub::ENDPOINT);
/// # Ok::<(), hookbox_sdk::Failure>(())
/// ```
pub const ENDPOINT: &str = "https://huggingface.co";

/// Where the router of inference providers is, unless the setting `router-endpoint` says otherwise.
///
/// ```
/// use hookbox_sdk::hub;
///
/// assert_eq!(hub::Client::new()?.router(), hub::ROUTER);
/// # Ok::<(), hookbox_sdk::Failure>(())
/// ```
pub const ROUTER: &str = "https://router.huggingface.co";

/// The Hub, as the grant lets the plugin reach it.
///
/// ```
/// use hookbox_sdk::{hub, prelude::*, testing::FakeHub};
///
/// fn title(event: &Event, num: u64) -> Result<String> {
///     Ok(hub::Client::new()?.discussion(&hub::Repo::of(event)?, num)?.title)
/// }
///
/// # fn main() -> Result<()> {
/// # let fake = FakeHub::start();
/// # let thread = json!({"num": 3, "title": "Hello!"});
/// # fake.answers("GET", "/api/models/some-user/some-repo/discussions/3", &thread);
/// assert_eq!(title(&Event::sample("discussion-comment")?, 3)?, "Hello!");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    endpoint: String,
    router: String,
}

impl Client {
    /// The Hub at [`ENDPOINT`] and the router at [`ROUTER`], or where the grant's `[config]` has them: `hub-endpoint`
    /// and `router-endpoint`, as `HF_ENDPOINT` for the hub client.
    ///
    /// ```
    /// use hookbox_sdk::{hub::Client, testing};
    ///
    /// let _config = testing::config([("hub-endpoint", "https://hub.example.org/")]);
    /// assert_eq!(Client::new()?.endpoint(), "https://hub.example.org");
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    ///
    /// # Errors
    /// If a setting is no `https://host` (`http://host` where the grant allows it).
    pub fn new() -> Result<Client, config::Error> {
        Ok(Client {
            endpoint: origin("hub-endpoint", ENDPOINT)?,
            router: origin("router-endpoint", ROUTER)?,
        })
    }

    /// Where the Hub is, without a slash at the end.
    ///
    /// ```
    /// use hookbox_sdk::{hub::{Client, Repo}, testing};
    ///
    /// let hub = Client::new()?;
    /// let page = format!("{}/{}/discussions/19", hub.endpoint(), Repo::dataset("my-org/reviews")?);
    /// assert_eq!(page, "https://huggingface.co/datasets/my-org/reviews/discussions/19");
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where the router is, without a slash at the end.
    ///
    /// ```
    /// use hookbox_sdk::{hub::Client, testing};
    ///
    /// let _config = testing::config([("router-endpoint", "https://models.example.org")]);
    /// assert_eq!(Client::new()?.router(), "https://models.example.org");
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    pub fn router(&self) -> &str {
        &self.router
    }
}

/// A setting that names a scheme and a host.
fn origin(key: &str, default: &str) -> Result<String, config::Error> {
    let Some(url) = config::get(key)? else {
        return Ok(default.to_owned());
    };
    match Target::parse(&url) {
        Ok(target) if target.path == "/" => Ok(target.origin()),
        _ => Err(config::Error::Malformed {
            key: key.to_owned(),
            expected: "`https://` and a host, with nothing after it".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
