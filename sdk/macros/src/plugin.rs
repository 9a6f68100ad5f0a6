//! `plugin!`: the constant `PLUGIN`, from the handlers that the author lists, and the component's exports.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::emit::{Hole, filled, placed, reported, text};
use crate::names;
use crate::parse::{Mistake, Parsed, attribute, flat, group, list, path, place, sign, word};
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

const HANDLER: &str = "CONDITIONS <ITEM as ::hookbox_sdk::__private::Declared>::HANDLER,";

/// Evaluated while the plugin compiles: only then are the scopes of functions in other modules known.
const APART: &str = r#"
    const _: () = {
        const TOLD: &[&str] = &[TEXTS];
        CHECKS
    };
"#;

const TEXT: &str = "CONDITIONS TEXT,";

const CHECK: &str = r#"
    CONDITIONS
    const _: () = if let ::core::option::Option::Some(taken) =
        ::hookbox_sdk::__private::taken_before(PLUGIN.handlers, TOLD, TEXT)
    {
        ::core::panic!("{}", taken)
    };
"#;

/// How `handlers` is written.
const NAMES: &str = "list the functions' names, with commas between: `handlers: [greet, count]`";

/// What the author wrote, as far as it can be read.
#[derive(Default)]
struct Declaration {
    description: Option<TokenStream>,
    handlers: Option<Vec<Listed>>,
    wants: Option<TokenStream>,
}

/// One of the handlers.
struct Listed {
    /// Its `#[cfg(…)]`.
    conditions: TokenStream,
    path: Vec<TokenTree>,
    at: Span,
}

pub fn expand(declaration: TokenStream) -> TokenStream {
    let mut declared = Declaration::default();
    let mut mistakes = Vec::new();
    for entry in list(&flat(declaration)) {
        // What has no key may be the rest of what was wrong before.
        if mistakes.is_empty() || is_keyed(&entry) {
            declared.read(&entry, &mut mistakes);
        }
    }
    mistakes.extend(declared.twice());
    if mistakes.is_empty() {
        mistakes.extend(declared.lacks());
    }
    let mut expanded = declared.constant();
    // A mistake leaves the rest as it is, so that it is one error.
    if mistakes.is_empty() {
        expanded.extend(declared.apart());
    }
    expanded.extend(mistakes.iter().map(reported));
    expanded
}

/// Whether an entry has the form `key: value`, or means to.
fn is_keyed(entry: &[TokenTree]) -> bool {
    matches!(entry, [TokenTree::Ident(_), mark, ..] if matches!(sign(mark), ':' | '='))
}

impl Declaration {
    /// Takes one `key: value`.
    fn read(&mut self, entry: &[TokenTree], mistakes: &mut Vec<Mistake>) {
        let read = keyed(entry).and_then(|(name, value)| {
            let is_there = self.take(name, value, mistakes)?;
            match is_there {
                true => Err(Mistake::new(
                    name.span(),
                    format!("`{name}` is there already"),
                )),
                false => Ok(()),
            }
        });
        mistakes.extend(read.err());
    }

    /// Takes a key's value, and tells whether it had one.
    fn take(
        &mut self,
        name: &Ident,
        value: &[TokenTree],
        mistakes: &mut Vec<Mistake>,
    ) -> Parsed<bool> {
        match name.to_string().as_str() {
            "description" => {
                without_comma(value)?;
                let text = value.iter().cloned().collect();
                Ok(self.description.replace(text).is_some())
            }
            "handlers" => {
                let listed = brackets("handlers", "greet", name.span(), value)?;
                let mut handlers = Vec::new();
                for item in list(&flat(listed.stream())) {
                    match Listed::read(&item, listed.span()) {
                        Ok(handler) => handlers.push(handler),
                        Err(mistake) => mistakes.push(mistake),
                    }
                }
                Ok(self.handlers.replace(handlers).is_some())
            }
            "wants" => {
                let wants = brackets("wants", "Want::config(\"channel\")", name.span(), value)?;
                Ok(self.wants.replace(wants.stream()).is_some())
            }
            other => Err(unknown_key(other, name.span())),
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
            let path = handler.told();
            if seen.contains(&path) {
                mistakes.push(Mistake::new(
                    handler.at,
                    format!("`{path}` is listed twice"),
                ));
            } else {
                seen.push(path);
            }
        }
        mistakes
    }

    fn constant(&self) -> TokenStream {
        let handlers = self.handlers.iter().flatten().map(|handler| {
            let path = names::declared_path(&handler.path);
            let item = Hole("ITEM", path.into_iter().collect());
            filled(HANDLER, &[handler.conditions(), item])
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
    fn apart(&self) -> TokenStream {
        let handlers = || self.handlers.iter().flatten();
        let texts = handlers().map(|handler| filled(TEXT, &handler.taken()));
        let checks = handlers().map(|handler| placed(filled(CHECK, &handler.taken()), handler.at));
        let holes = [
            Hole("TEXTS", texts.collect()),
            Hole("CHECKS", checks.collect()),
        ];
        filled(APART, &holes)
    }
}

impl Listed {
    /// Reads an entry of a list that stands there.
    fn read(item: &[TokenTree], there: Span) -> Parsed<Listed> {
        let mut rest = item;
        let mut conditions = TokenStream::new();
        while let [mark, brackets, after @ ..] = rest
            && sign(mark) == '#'
        {
            if attribute(brackets) != "cfg" {
                let reason = "of attributes a listed handler has only `#[cfg(…)]`: all others stand on the function";
                return Err(Mistake::new(brackets.span(), reason));
            }
            conditions.extend([mark.clone(), brackets.clone()]);
            rest = after;
        }
        let (path, beyond) = path(rest);
        match path {
            [first, ..] if beyond.is_empty() => Ok(Listed {
                conditions,
                path: path.to_vec(),
                at: first.span(),
            }),
            _ => Err(Mistake::new(place(beyond, place(item, there)), NAMES)),
        }
    }

    /// As the author wrote it.
    fn told(&self) -> String {
        self.path.iter().map(TokenTree::to_string).collect()
    }

    fn conditions(&self) -> Hole {
        Hole("CONDITIONS", self.conditions.clone())
    }

    /// What is told of the handlers after it that take the same events.
    fn taken(&self) -> [Hole; 2] {
        let told = format!(
            "`{}`, listed before this one, takes the same scope and action: which of the two is meant?",
            self.told()
        );
        [self.conditions(), Hole("TEXT", text(&told))]
    }
}

/// The key and the value of an entry.
fn keyed(entry: &[TokenTree]) -> Parsed<(&Ident, &[TokenTree])> {
    match entry {
        [TokenTree::Ident(name), mark, value @ ..] if sign(mark) == ':' => Ok((name, value)),
        [TokenTree::Ident(name), mark, ..] if sign(mark) == '=' => {
            let reason = format!("a key has a colon after it: write `{name}: …`");
            Err(Mistake::new(mark.span(), reason))
        }
        other => {
            let reason = "a plugin is told in lines of `key: value`: `description`, `handlers` and perhaps `wants`";
            Err(Mistake::new(place(other, Span::call_site()), reason))
        }
    }
}

/// Refuses a value in which the next key stands.
fn without_comma(value: &[TokenTree]) -> Parsed<()> {
    for (at, token) in value.iter().enumerate().skip(1) {
        let mut after = value.iter().skip(at + 1).map(sign);
        let is_key = KEYS.contains(&word(token).as_str());
        if is_key && matches!(after.next(), Some(':' | '=')) && after.next() != Some(':') {
            let reason = format!("a comma is missing before `{token}`");
            return Err(Mistake::new(token.span(), reason));
        }
    }
    Ok(())
}

/// The list in brackets that is the value of a key.
fn brackets<'a>(key: &str, example: &str, at: Span, value: &'a [TokenTree]) -> Parsed<&'a Group> {
    without_comma(value)?;
    let listed = match value {
        [token] => group(token, Delimiter::Bracket),
        _ => None,
    };
    listed.ok_or_else(|| {
        let reason = format!("`{key}` is a list, in brackets: `{key}: [{example}]`");
        Mistake::new(place(value, at), reason)
    })
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
