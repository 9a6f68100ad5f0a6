//! The macros of `hookbox-sdk`, where they are documented and re-exported: `#[on]` and `plugin!`.
//!
//! They walk the compiler's tokens themselves: of Rust's grammar they need a function's head and a list, and so a plugin
//! builds without a parser of all of it.

mod emit;
mod names;
mod on;
mod parse;
mod plugin;
mod scopes;

use proc_macro::TokenStream;

/// Declares which events a function handles: `#[on("discussion.comment", actions = [create])]`.
#[proc_macro_attribute]
pub fn on(attribute: TokenStream, item: TokenStream) -> TokenStream {
    on::expand(attribute, item)
}

/// Declares the crate's plugin: `plugin! { description: "…", handlers: [greet], wants: [] }`.
#[proc_macro]
pub fn plugin(declaration: TokenStream) -> TokenStream {
    plugin::expand(declaration)
}
