//! What stands where the host would be when a plugin is tested natively: events, and what the grant gives.
//!
//! ```
//! use hookbox_sdk::prelude::*;
//! use hookbox_sdk::testing::{self, sample};
//!
//! #[on("discussion.comment", actions = [create])]
//! fn count(event: CommentEvent) -> Result {
//!     let sum = state::open()?.increment("comments", 1)?;
//!     log::info!("{} wrote", event.comment.author.id);
//!     done(format!("{} {sum}", config::require("label")?))
//! }
//!
//! plugin! { description: "Counts comments", handlers: [count] }
//!
//! # fn main() {
//! let state = testing::state().with("comments", "41");
//! let _config = testing::config([("label", "comments:")]);
//! let logs = testing::logs();
//!
//! // The function itself …
//! let comment = sample("discussion-comment").author("ada").content("hi");
//! assert_eq!(count(comment.view()), done("comments: 42"));
//! // … or the whole plugin: the host's rules say which handler is called, if any.
//! assert_eq!(sample("discussion-comment-edit").to(PLUGIN), None);
//!
//! assert_eq!(state.writes(), ["increment comments by 1"]);
//! assert_eq!(logs.lines(), ["INFO ada wrote"]);
//! # }
//! ```
//!
//! | what | given by | tells |
//! |---|---|---|
//! | events | [`sample`] | |
//! | the Hub | [`FakeHub`] | what it was asked |
//! | other servers | [`FakeHttp`] | what they were asked |
//! | state | [`state()`] | what was read and written |
//! | settings | [`config()`] | which were asked for |
//! | the time | [`clock()`] | how often it was looked at |
//! | logs | [`logs()`] | each line |
//!
//! Each counts on the thread that asked for it, until the returned value is dropped; then what was there before counts
//! again. They may be dropped in any order: each takes away itself alone. So tests run beside each other, and none leaves anything to the next. Keep the value under a name
//! (`let _state = …`): `let _ = …` drops it at once. Without one a test has what a plugin without a grant has: no network,
//! no state, no settings; the time is the machine's.
//!
//! What a plugin wants plays no part here: a test that calls a host without a `Want::http` of it, or opens the state
//! without a `Want::state`, passes, and in the host the plugin is refused. Try it once under the host before you ship it.

mod fake_clock;
mod fake_config;
mod fake_http;
mod fake_hub;
mod fake_state;
mod logs;
mod sample_event;

use std::rc::Rc;

pub use crate::given::Given;
pub use fake_clock::{FakeClock, clock};
pub use fake_config::{FakeConfig, config};
pub use fake_http::FakeHttp;
pub use fake_hub::FakeHub;
pub use fake_state::{FakeState, state};
pub use logs::{Logs, logs};
pub use sample_event::{SampleEvent, sample};

use crate::http::{NETWORK, Transport};

/// A network: every request of this thread goes to the transport. For answers that depend on the request; where each
/// has its own, [`FakeHttp`] is less to write.
///
/// ```
/// use hookbox_sdk::http::{Error, Request, Response};
/// use hookbox_sdk::testing;
///
/// let _network = testing::network(|request: &Request| -> Result<Response, Error> {
///     Ok(Response::new(200).with_body(request.body()))
/// });
/// let echo = Request::post("https://example.org").with_body("text/plain", "hello").send()?;
/// assert_eq!(echo.text(), "hello");
/// # Ok::<(), hookbox_sdk::Failure>(())
/// ```
pub fn network(transport: impl Transport + 'static) -> Given<Rc<dyn Transport>> {
    Given::new(&NETWORK, Rc::new(transport))
}

/// Ends a test that asks for what there is not.
#[track_caller]
#[expect(
    clippy::panic,
    reason = "only tests call it, and a mistake in a test is told at its line"
)]
fn wrong(why: &str) -> ! {
    panic!("{why}")
}

#[cfg(test)]
mod tests;
