//! `plugin!`: the constant `PLUGIN`, from the handlers that the author lists, and the component's exports.

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

use crate::emit::{Hole, filled, placed, reported};
use crate::parse::{Mistake, Parsed, flat, group, list, place, sign};
use crate::scopes::nearest;

/// The keys of a declaration.
const KEYS: [&str; 3] = ["description", "handlers", "wants"];

const PLUGIN: &str = r#"
    /// What this plugin is, and which events it handles.
    pub const PLUGIN: ::hookbox_sdk::Plugin = ::hookbox_sdk::Plugin {
        version: ::core::env!("CARGO_PKG_VERSION"),
        description: DESCRIPTION,
        handlers: &[HANDLERS],
        wants: || ::std::vec![WANTS],
    };

    ::hookbox_sdk::__component!(PLUGIN);
"#;

const HANDLER: &str = "<ITEM as ::hookbox_sdk::__private::Declared>::HANDLER,";

/// Evaluated while the plugin compiles: only then are the scopes of functions in other modules known.
const ALONE: &str = r#"
    const _: () = ::core::assert!(
        ::hookbox_sdk::__private::is_alone(PLUGIN.handlers, PLACE),
        "another handler takes the same scope and action: which of the two is meant?",
    );
"#;

/// What the author wrote, as far as it can be read.
#[derive(Default)]
struct Declaration {
    description: Option<TokenStream>,
    handlers: Option<Vec<Vec<TokenTree>>>,
    wants: Option<TokenStream>,
}

pub fn expand(declaration: TokenStream) -> TokenStream {
    let mut declared = Declaration::default();
    let mut mistakes = Vec::new();
    for entry in list(&flat(declaration)) {
        mistakes.extend(declared.read(&entry).err());
    }
    mistakes.extend(declared.lacks());
    mistakes.extend(declared.twice());
    let mut expanded = declared.constant();
    // A mistake leaves the rest as it is, so that it is one error.
    if mistakes.is_empty() {
        expanded.extend(declared.alone());
    }
    expanded.extend(mistakes.iter().map(reported));
    expanded
}

impl Declaration {
    /// Takes one `key: value`.
    fn read(&mut self, entry: &[TokenTree]) -> Parsed<()> {
        let (name, value) = match entry {
            [TokenTree::Ident(name), colon, value @ ..] if sign(colon) == ':' => (name, value),
            other => {
                let reason = "a plugin is told in lines of `key: value`: `description`, `handlers` and perhaps `wants`";
                return Err(Mistake::new(place(other, Span::call_site()), reason));
            }
        };
        let key = name.to_string();
        let is_there = match key.as_str() {
            "description" => {
                let text = value.iter().cloned().collect();
                self.description.replace(text).is_some()
            }
            "handlers" => {
                let items = list(&flat(brackets(&key, name.span(), value)?.stream()));
                self.handlers.replace(items).is_some()
            }
            "wants" => {
                let wants = brackets(&key, name.span(), value)?.stream();
                self.wants.replace(wants).is_some()
            }
            other => return Err(unknown_key(other, name.span())),
        };
        match is_there {
            true => Err(Mistake::new(
                name.span(),
                format!("`{key}` is there already"),
            )),
            false => Ok(()),
        }
    }

    /// What every plugin says.
    fn lacks(&self) -> Vec<Mistake> {
        let at = Span::call_site();
        let mut mistakes = Vec::new();
        if self.description.as_ref().is_none_or(TokenStream::is_empty) {
            let reason = "say in one line what the plugin does: `description: \"…\"`";
            mistakes.push(Mistake::new(at, reason));
        }
        if self.handlers.as_ref().is_none_or(Vec::is_empty) {
            let reason = "a plugin handles something: list its functions with `#[on(…)]`, `handlers: [greet]`";
            mistakes.push(Mistake::new(at, reason));
        }
        mistakes
    }

    /// Handlers that are listed again.
    fn twice(&self) -> Vec<Mistake> {
        let mut seen: Vec<String> = Vec::new();
        let mut mistakes = Vec::new();
        for handler in self.handlers.iter().flatten() {
            let path: String = handler.iter().map(TokenTree::to_string).collect();
            if seen.contains(&path) {
                let at = place(handler, Span::call_site());
                mistakes.push(Mistake::new(at, format!("`{path}` is listed twice")));
            } else {
                seen.push(path);
            }
        }
        mistakes
    }

    fn constant(&self) -> TokenStream {
        let handlers = self.handlers.iter().flatten().map(|handler| {
            let item = Hole("ITEM", handler.iter().cloned().collect());
            filled(HANDLER, &[item])
        });
        let no_text = || filled("\"\"", &[]);
        let description = self.description.clone().filter(|text| !text.is_empty());
        let holes = [
            Hole("DESCRIPTION", description.unwrap_or_else(no_text)),
            Hole("HANDLERS", handlers.collect()),
            Hole("WANTS", self.wants.clone().unwrap_or_default()),
        ];
        filled(PLUGIN, &holes)
    }

    /// A check for each handler that none of those before it takes the same events, reported at its name.
    fn alone(&self) -> TokenStream {
        let handlers = self.handlers.iter().flatten().enumerate();
        let checks = handlers.map(|(index, handler)| {
            let number = Hole("PLACE", filled(&index.to_string(), &[]));
            let at = place(handler, Span::call_site());
            placed(filled(ALONE, &[number]), at)
        });
        checks.collect()
    }
}

/// The list in brackets that is the value of a key.
fn brackets<'a>(key: &str, at: Span, value: &'a [TokenTree]) -> Parsed<&'a Group> {
    let listed = match value {
        [token] => group(token, Delimiter::Bracket),
        _ => None,
    };
    listed.ok_or_else(|| Mistake::new(place(value, at), format!("`{key}` is a list: `{key}: […]`")))
}

fn unknown_key(key: &str, at: Span) -> Mistake {
    let reason = match nearest(key, &KEYS) {
        Some(meant) => format!("there is no `{key}`: did you mean `{meant}`?"),
        None => format!(
            "there is no `{key}`: a plugin has `description`, `handlers` and perhaps `wants`"
        ),
    };
    Mistake::new(at, reason)
}
