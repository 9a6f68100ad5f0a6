//! What stands where the host would be when a plugin is tested natively: its network, its state, its settings.
//!
//! ```
//! use hookbox_sdk::{prelude::*, testing};
//!
//! #[on("discussion.comment")]
//! fn count(_: CommentEvent) -> Result {
//!     let sum = state::open()?.increment("comments", 1)?;
//!     done(format!("{} {sum}", config::require("label")?))
//! }
//!
//! plugin! { description: "Counts comments", handlers: [count] }
//!
//! # fn main() -> Result<()> {
//! let _state = testing::state();
//! let _config = testing::config([("label", "comments:")]);
//! let event = Event::sample("discussion-comment")?;
//! assert_eq!(PLUGIN.deliver(&event), Some(done("comments: 1")));
//! assert_eq!(PLUGIN.deliver(&event), Some(done("comments: 2")));
//! # Ok(()) }
//! ```
//!
//! Each counts on the thread that asked for it, until the returned value is dropped. Without it a test has what a
//! plugin without a grant has: nothing.

mod fake_hub;

use std::rc::Rc;

pub use crate::given::Given;
pub use fake_hub::FakeHub;

use crate::http::{NETWORK, Transport};
use crate::{config, state};

/// A network: every request of this thread goes to the transport.
pub fn network(transport: impl Transport + 'static) -> Given<Rc<dyn Transport>> {
    Given::new(&NETWORK, Rc::new(transport))
}

/// An empty state.
pub fn state() -> Given<state::Kept> {
    Given::new(&state::KEPT, state::Kept::default())
}

/// A `[config]` of these keys and values.
pub fn config<K: Into<String>, V: Into<String>>(
    settings: impl IntoIterator<Item = (K, V)>,
) -> Given<Vec<(String, String)>> {
    let settings = settings.into_iter();
    let settings = settings.map(|(key, value)| (key.into(), value.into()));
    Given::new(&config::SETTINGS, settings.collect())
}
