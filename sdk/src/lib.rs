//! Hookbox plugins in Rust: plain functions that handle Hugging Face Hub webhooks, built as WebAssembly components.
//!
//! What a function handles is declared on it, and its argument shows what the Hub sends with that:
//!
//! ```
//! use hookbox_sdk::prelude::*;
//!
//! #[on("discussion.comment", actions = [create])]
//! fn greet(event: CommentEvent) -> Result {
//!     log::info!("{} said {:?}", event.comment.author.id, event.comment.content);
//!     done("hello")
//! }
//!
//! plugin! { description: "Says hello to whoever comments", handlers: [greet] }
//!
//! // In a test, which needs no WebAssembly:
//! # fn main() {
//! use hookbox_sdk::testing::sample;
//!
//! let event = sample("discussion-comment").author("ada").content("hi");
//! assert_eq!(greet(event.view()), done("hello"));
//! # }
//! ```
//!
//! What the operator granted is reached through [`http`], [`state`] and [`config`]; [`hub`] is the Hub's API on top of
//! them.
//!
//! On a wasm target [`plugin!`] exports the component's functions; elsewhere it exports nothing, so that handlers are
//! tested by plain `cargo test` ([`testing`] has what they need), and several plugins link into one program.

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings;
pub mod clock;
pub mod config;
mod event;
#[cfg(not(target_family = "wasm"))]
mod given;
#[cfg(target_family = "wasm")]
mod guest;
pub mod http;
pub mod hub;
mod json;
pub mod log;
mod manifest;
mod outcome;
pub mod payload;
mod plugin;
pub mod sample;
mod scope;
pub mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod view;

pub use event::Event;
pub use manifest::{Manifest, Subscription, Want};
pub use outcome::{Failure, OrReject, Outcome, Require, Result, done, done_json, ignored};
pub use plugin::{Handler, Plugin};
pub use serde_json;
pub use view::{CommentEvent, ConfigEvent, ContentEvent, DiscussionEvent, MoveEvent, RepoEvent};

/// Declares which events a function handles: a scope, and perhaps the actions of it.
///
/// ```
/// use hookbox_sdk::prelude::*;
///
/// /// New and edited comments.
/// #[on("discussion.comment", actions = [create, update])]
/// fn comment(event: CommentEvent) -> Result {
///     let words = event.comment.content.as_deref().unwrap_or_default().split_whitespace().count();
///     done(format!("{words} words in {}", event.repo.name))
/// }
///
/// /// All other events, those of scopes that are yet to come included.
/// #[on("*")]
/// fn rest(event: &Event) -> Result { ignored(event.sent_scope()) }
///
/// plugin! { description: "Counts words", handlers: [comment, rest] }
///
/// # fn main() -> Result<()> {
/// assert_eq!(PLUGIN.deliver(&Event::sample("repo-create")?), Some(ignored("repo")));
/// # Ok(()) }
/// ```
///
/// A scope is exact (`repo.content`), a subtree (`repo.*`: `repo` and all under it), or `*`. Without `actions` a handler
/// gets all of them. Where several match, the most specific wins. A scope or an action that is nearly one of the Hub's is
/// an error; if the Hub has it nevertheless, say so: `#[on("repo.contents", unknown)]`.
///
/// The function takes one event, by value or by `&`: [`Event`], or what shows the parts that the Hub sends with the scope,
/// [`RepoEvent`], [`MoveEvent`], [`ContentEvent`], [`ConfigEvent`], [`DiscussionEvent`], [`CommentEvent`]. If such a part
/// is missing the function is not called: the event is rejected, or, where its scope or action came after this version of
/// the interface, ignored.
///
/// ```compile_fail
/// # use hookbox_sdk::prelude::*;
/// #[on("discusion.comment")] // did you mean `discussion.comment`?
/// fn never(event: CommentEvent) -> Result { done("") }
/// # fn main() {}
/// ```
///
/// The function itself stays as it is, and can be called. Its name in a list of handlers stands for what was declared, as
/// a type that has no values: beside it there can be no module or type of the same name, and a handler cannot be called
/// like a module of the [`prelude`].
///
/// A function has one `#[on]`. For events of other scopes another one calls it:
///
/// ```
/// use hookbox_sdk::prelude::*;
///
/// #[on("repo.content")]
/// fn pushed(event: ContentEvent) -> Result { tell(&event.repo.name) }
///
/// #[on("repo.config")]
/// fn set(event: ConfigEvent) -> Result { tell(&event.repo.name) }
///
/// fn tell(repo: &str) -> Result { done(format!("{repo} has changed")) }
///
/// plugin! { description: "Tells what changes", handlers: [pushed, set] }
/// # fn main() -> Result<()> {
/// # let answer = PLUGIN.deliver(&Event::sample("repo-content")?);
/// # assert_eq!(answer, Some(done("some-user/some-repo has changed")));
/// # Ok(()) }
/// ```
///
/// What the macros write says `::hookbox_sdk`. A crate that has the library under another name, say `hb`, gives it this
/// one too, in its `lib.rs`: `extern crate hb as hookbox_sdk;`.
pub use hookbox_sdk_macros::on;

/// Declares the crate's plugin: one line of description, the functions with [`on`](macro@on) that handle its events, and,
/// if it needs any, what it asks its operator for.
///
/// ```
/// use hookbox_sdk::prelude::*;
///
/// #[on("discussion.comment", actions = [create])]
/// fn comment(_event: CommentEvent) -> Result { done("answered") }
///
/// mod settings {
///     use hookbox_sdk::prelude::*;
///
///     #[on("repo.config")]
///     pub fn changed(_event: ConfigEvent) -> Result { ignored("nothing to do") }
/// }
///
/// plugin! {
///     description: "Answers comments and watches settings",
///     handlers: [comment, settings::changed],
///     wants: [
///         Want::http("huggingface.co").methods(["POST"]).required().because("it answers comments"),
///     ],
/// }
///
/// # fn main() {
/// assert_eq!(PLUGIN.manifest().subscriptions.len(), 2);
/// # }
/// ```
///
/// It defines the constant `PLUGIN`, which tests use ([`Plugin::deliver`], [`Plugin::manifest`]), and on a wasm target the
/// component's exports. The version is the crate's. Two handlers of the same scope and action are an error. A handler that
/// is not in every build is listed with its condition: `handlers: [greet, #[cfg(feature = "audit")] audit]`.
///
/// A listed function without `#[on]` is an error in the compiler's words, ``expected type, found function `greet` ``: what
/// the list takes is the type that `#[on]` puts beside the function.
pub use hookbox_sdk_macros::plugin;

/// Everything that a plugin needs, for `use hookbox_sdk::prelude::*;`.
///
/// ```
/// use hookbox_sdk::prelude::*;
///
/// #[on("discussion.comment")]
/// fn count(event: CommentEvent) -> Result {
///     let greeting = config::get("greeting")?.unwrap_or_default();
///     done_json(&json!({"author": event.comment.author.id, "greeting": greeting}))
/// }
///
/// plugin! { description: "Greets", handlers: [count], wants: [Want::config("greeting")] }
/// # fn main() -> Result<()> {
/// # let answer = PLUGIN.deliver(&Event::sample("discussion-comment")?);
/// # assert_eq!(answer, Some(done(r#"{"author":"61d2000c3c2083e1c08af22d","greeting":""}"#)));
/// # Ok(()) }
/// ```
pub mod prelude {
    pub use crate::serde_json::json;
    pub use crate::{
        CommentEvent, ConfigEvent, ContentEvent, DiscussionEvent, Event, Failure, MoveEvent,
        OrReject, Outcome, RepoEvent, Require, Result, Want, clock, config, done, done_json, http,
        hub, ignored, log, on, payload, plugin, state,
    };
}

/// What the macros expand to; no part of the interface.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_family = "wasm")]
    pub use crate::bindings::{self, __export_component as export_component};
    #[cfg(target_family = "wasm")]
    pub use crate::guest::{
        Guest, WitDelivery, WitFailure, WitManifest, WitOutcome, describe, handle,
    };
    pub use crate::plugin::{Declared, taken_before};
    pub use crate::view::{View, answered, call, nothing};
}
