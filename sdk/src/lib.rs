//! Hookbox plugins in Rust: plain functions that handle Hugging Face Hub webhooks, built as WebAssembly components.
//!
//! A plugin crate declares its scopes next to the functions that handle them:
//!
//! ```
//! use hookbox_sdk::prelude::*;
//!
//! plugin! {
//!     description: "Says hello to whoever comments",
//!     on: { "discussion.comment" [create] => greet },
//! }
//!
//! fn greet(event: &Event) -> Result {
//!     let payload = event.payload()?;
//!     log::info!("a comment on {}", payload.repo.name);
//!     done("hello")
//! }
//!
//! # fn main() -> Result<()> {
//! let event = Event::sample("discussion-comment")?;
//! assert_eq!(PLUGIN.deliver(&event), Some(done("hello")));
//! # Ok(()) }
//! ```
//!
//! What the operator granted is reached through [`http`], [`state`] and [`config`]; [`hub`] is the Hub's API on top of
//! them.
//!
//! On a wasm target [`plugin!`] exports the component's functions; elsewhere it exports nothing, so that handlers are
//! tested by plain `cargo test`, and several plugins link into one program.

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings;
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

pub use event::Event;
pub use manifest::{Manifest, Subscription, Want};
pub use outcome::{Failure, Outcome, Result, done, done_json, ignored};
pub use plugin::{Handler, Plugin};
pub use serde_json;

/// Everything that a plugin needs, for `use hookbox_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::serde_json::json;
    pub use crate::{
        Event, Failure, Outcome, Result, Want, config, done, done_json, http, hub, ignored, log,
        payload, plugin, state,
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
    pub use crate::scope::is_subscription;
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{fs, io};

    /// File names with their text, sorted.
    fn folder(path: &Path) -> io::Result<Vec<(String, String)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            if path.is_file() {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                files.push((name, fs::read_to_string(&path)?));
            }
        }
        files.sort();
        Ok(files)
    }

    /// The published crate carries a copy of the interface.
    #[test]
    fn the_copy_of_the_interface_is_equal() -> io::Result<()> {
        let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let original = crate_root.join("../wit");
        if original.is_dir() {
            for part in ["", "deps"] {
                let same =
                    folder(&original.join(part))? == folder(&crate_root.join("wit").join(part))?;
                assert!(
                    same,
                    "`wit/{part}` and `sdk/wit/{part}` differ: copy `wit` over `sdk/wit`"
                );
            }
        }
        Ok(())
    }
}
