//! Names that a handler cannot have: beside the function stands a type of its name, and hides what was called so.

use proc_macro::{Ident, TokenTree};

use crate::parse::plain;

/// The modules that a plugin has from the library's prelude.
const MODULES: [&str; 7] = ["clock", "config", "http", "hub", "log", "payload", "state"];

/// The crates that every plugin has.
const CRATES: [&str; 4] = ["alloc", "core", "hookbox_sdk", "std"];

/// Rust's own types.
const TYPES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16",
    "u32", "u64", "u128", "usize",
];

/// Why a handler cannot have a name, if it cannot.
pub fn hides(name: &str) -> Option<String> {
    let hidden = if MODULES.contains(&name) {
        format!("the SDK's `{name}`")
    } else if CRATES.contains(&name) {
        format!("the crate `{name}`")
    } else if TYPES.contains(&name) {
        format!("Rust's `{name}`")
    } else {
        return None;
    };
    Some(format!(
        "`{name}` would hide {hidden}: call the function otherwise, `on_{name}`"
    ))
}

/// The name of a handler's type. Where the function's own would hide something it is another one, so that `plugin!` still
/// finds it and the mistake is one error.
pub fn declared(function: &Ident) -> Ident {
    let name = plain(function);
    match hides(&name) {
        Some(_) => Ident::new(&format!("{name}_would_hide"), function.span()),
        None => function.clone(),
    }
}

/// The path to a handler's type, from that to its function.
pub fn declared_path(path: &[TokenTree]) -> Vec<TokenTree> {
    let mut path = path.to_vec();
    if let Some(TokenTree::Ident(last)) = path.last_mut() {
        *last = declared(last);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_handler_hides_what_a_plugin_has_from_the_prelude() {
        let library = include_str!("../../src/lib.rs");
        let prelude = library.split("pub mod prelude {").nth(1).unwrap();
        let list = prelude.split("pub use crate::{").nth(1).unwrap();
        let list = list.split("};").next().unwrap();
        let is_module = |name: &&str| {
            let is_callable = ["done", "done_json", "ignored", "on", "plugin"].contains(name);
            name.starts_with(char::is_lowercase) && !is_callable
        };
        let mut modules: Vec<_> = list.split(',').map(str::trim).filter(is_module).collect();
        modules.sort_unstable();
        assert_eq!(modules, MODULES);
    }

    #[test]
    fn a_name_is_refused_for_what_it_would_hide() {
        for (name, hidden) in [
            ("config", "the SDK's `config`"),
            ("std", "the crate `std`"),
            ("str", "Rust's `str`"),
        ] {
            let reason = hides(name).unwrap();
            assert!(reason.contains(hidden), "{reason}");
        }
        for free in ["greet", "config_changed", "done", "on", "plugin", "json"] {
            assert_eq!(hides(free), None);
        }
    }
}
