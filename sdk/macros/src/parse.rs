//! The compiler's tokens, as far as the macros need them: lists, types and the head of a function.

use proc_macro::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};

/// What is wrong with what the author wrote, and where.
pub struct Mistake {
    pub at: Span,
    pub reason: String,
}

impl Mistake {
    pub fn new(at: Span, reason: impl Into<String>) -> Mistake {
        Mistake {
            at,
            reason: reason.into(),
        }
    }
}

pub type Parsed<T> = Result<T, Mistake>;

/// The tokens, with those that a macro of the author's put into invisible groups.
pub fn flat(stream: TokenStream) -> Vec<TokenTree> {
    let mut tokens = Vec::new();
    for token in stream {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                tokens.extend(flat(group.stream()));
            }
            token => tokens.push(token),
        }
    }
    tokens
}

/// How deep in angle brackets a run of tokens is.
#[derive(Default)]
struct Angles {
    depth: usize,
    is_dash: bool,
}

impl Angles {
    /// Goes past a token.
    fn pass(&mut self, token: &TokenTree) {
        let mark = sign(token);
        match mark {
            '<' => self.depth += 1,
            // Not the end of an arrow.
            '>' if !self.is_dash => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.is_dash = mark == '-';
    }
}

/// The items between commas. One after the last comma is left out if it is empty.
pub fn list(tokens: &[TokenTree]) -> Vec<Vec<TokenTree>> {
    let mut items = vec![Vec::new()];
    let mut angles = Angles::default();
    for token in tokens {
        angles.pass(token);
        if sign(token) == ',' && angles.depth == 0 {
            items.push(Vec::new());
        } else if let Some(item) = items.last_mut() {
            item.push(token.clone());
        }
    }
    // What follows the last comma.
    if items.last().is_some_and(Vec::is_empty) {
        items.pop();
    }
    items
}

/// The character of a punctuation mark; a space for all else.
pub fn sign(token: &TokenTree) -> char {
    match token {
        TokenTree::Punct(mark) => mark.as_char(),
        _ => ' ',
    }
}

/// The word of an identifier; empty for all else.
pub fn word(token: &TokenTree) -> String {
    match token {
        TokenTree::Ident(word) => word.to_string(),
        _ => String::new(),
    }
}

/// The name that an identifier stands for: `move` of `r#move`.
pub fn plain(word: &Ident) -> String {
    let written = word.to_string();
    match written.strip_prefix("r#") {
        Some(name) => name.to_owned(),
        None => written,
    }
}

/// The group of that kind, if the token is one.
pub fn group(token: &TokenTree, delimiter: Delimiter) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// The text of a string literal: as it is written, for no text that the macros take has anything to escape.
pub fn text(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else {
        return None;
    };
    let written = literal.to_string();
    // With the `#` at both ends, if it is a raw one.
    let quoted = match written.strip_prefix('r') {
        Some(raw) => raw.trim_matches('#'),
        None => written.as_str(),
    };
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.to_owned())
}

/// The path that a run of tokens begins with, and what follows it.
pub fn path(tokens: &[TokenTree]) -> (&[TokenTree], &[TokenTree]) {
    let mut end = 0;
    loop {
        end += match tokens.get(end..).unwrap_or_default() {
            [first, second, TokenTree::Ident(_), ..]
                if sign(first) == ':' && sign(second) == ':' =>
            {
                3
            }
            [TokenTree::Ident(_), ..] if end == 0 => 1,
            _ => return tokens.split_at(end),
        };
    }
}

/// The name of the attribute that brackets hold: `on` of `[hookbox_sdk::on("repo")]`. Empty for all that is none.
pub fn attribute(token: &TokenTree) -> String {
    let Some(brackets) = group(token, Delimiter::Bracket) else {
        return String::new();
    };
    let tokens = flat(brackets.stream());
    let (path, _) = path(&tokens);
    path.last().map(word).unwrap_or_default()
}

/// Where a run of tokens stands: its first one, as stable Rust cannot join places.
pub fn place(tokens: &[TokenTree], otherwise: Span) -> Span {
    tokens.first().map_or(otherwise, TokenTree::span)
}

/// The head of a function.
pub struct Function {
    pub visibility: TokenStream,
    pub name: Ident,
    /// `async`, `unsafe` and their like.
    pub qualifiers: Vec<Ident>,
    /// The second `#[on]`, if it has one.
    pub again: Option<Span>,
    /// The `<` of its generics, if it has any.
    pub generics: Option<Span>,
    /// The parentheses with what it takes.
    pub takes: Group,
    /// What it returns, if it says so.
    pub answer: Option<Vec<TokenTree>>,
}

/// What `#[on]` does not stand on.
const PLAIN: &str =
    "`#[on(…)]` stands on a plain function: `fn greet(event: CommentEvent) -> Result`";

impl Function {
    /// Reads a function's head: nothing but a function without `self` has one.
    pub fn read(item: &TokenStream) -> Parsed<Function> {
        let tokens = flat(item.clone());
        let mut tokens = tokens.into_iter().peekable();
        let mut visibility = TokenStream::new();
        let mut qualifiers = Vec::new();
        let mut again = None;
        let mut at = Span::call_site();
        while let Some(token) = tokens.next() {
            match word(&token).as_str() {
                "fn" => {
                    let mut function = Function::rest(&token, &mut tokens)?;
                    function.visibility = visibility;
                    function.qualifiers = qualifiers;
                    function.again = again;
                    return Ok(function);
                }
                "pub" => {
                    visibility.extend([token]);
                    let within = tokens.next_if(|t| group(t, Delimiter::Parenthesis).is_some());
                    visibility.extend(within);
                }
                "const" | "async" | "unsafe" | "extern" | "safe" => {
                    if let TokenTree::Ident(word) = token {
                        qualifiers.push(word);
                    }
                }
                // Attributes, with their brackets, and the text of `extern "C"`.
                "" if attribute(&token) == "on" => again = again.or(Some(token.span())),
                "" => {}
                _ => {
                    at = token.span();
                    break;
                }
            }
        }
        Err(Mistake::new(at, PLAIN))
    }

    /// What follows the word `fn`.
    fn rest(keyword: &TokenTree, tokens: &mut impl Iterator<Item = TokenTree>) -> Parsed<Function> {
        let Some(TokenTree::Ident(name)) = tokens.next() else {
            return Err(Mistake::new(keyword.span(), PLAIN));
        };
        let mut generics = None;
        let mut angles = Angles::default();
        let takes = loop {
            let Some(token) = tokens.next() else {
                return Err(Mistake::new(name.span(), PLAIN));
            };
            match group(&token, Delimiter::Parenthesis) {
                // Not those of a bound: `<F: Fn(u8) -> u8>`.
                Some(takes) if angles.depth == 0 => break takes.clone(),
                _ => angles.pass(&token),
            }
            generics = generics.or(Some(token.span()));
        };
        if let Some(own) = flat(takes.stream()).iter().find(|t| word(t) == "self") {
            return Err(Mistake::new(own.span(), PLAIN));
        }
        Ok(Function {
            visibility: TokenStream::new(),
            name,
            qualifiers: Vec::new(),
            again: None,
            generics,
            takes,
            answer: answer(tokens),
        })
    }
}

/// What a function returns, from what follows its parentheses.
fn answer(tokens: &mut impl Iterator<Item = TokenTree>) -> Option<Vec<TokenTree>> {
    let is_head = |token: &TokenTree| {
        group(token, Delimiter::Brace).is_none() && word(token) != "where" && sign(token) != ';'
    };
    let after: Vec<_> = tokens.take_while(is_head).collect();
    match after.as_slice() {
        [dash, arrow, answer @ ..] if sign(dash) == '-' && sign(arrow) == '>' => {
            Some(answer.to_vec())
        }
        _ => None,
    }
}

/// The type of an argument: `pattern: Type`.
pub fn argument_type(argument: &[TokenTree]) -> Option<&[TokenTree]> {
    let mut at = 0;
    while let Some(token) = argument.get(at) {
        at += 1;
        if let TokenTree::Punct(mark) = token
            && mark.as_char() == ':'
        {
            // The second half of `::` comes next.
            if mark.spacing() == Spacing::Joint && argument.get(at).map(sign) == Some(':') {
                at += 1;
            } else {
                return argument.get(at..).filter(|rest| !rest.is_empty());
            }
        }
    }
    None
}

/// The type without `&` and a lifetime, and whether it had the `&`.
pub fn referred(of: &[TokenTree]) -> (&[TokenTree], bool) {
    match of {
        [and, quote, _, rest @ ..] if sign(and) == '&' && sign(quote) == '\'' => (rest, true),
        [and, rest @ ..] if sign(and) == '&' => (rest, true),
        plain => (plain, false),
    }
}

/// The last word of a type's path: `CommentEvent` of `hookbox_sdk::CommentEvent`.
pub fn last_word(of: &[TokenTree]) -> String {
    let path = of.iter().take_while(|token| sign(token) != '<');
    path.last().map(word).unwrap_or_default()
}
