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

/// The items between commas. One after the last comma is left out if it is empty.
pub fn list(tokens: &[TokenTree]) -> Vec<Vec<TokenTree>> {
    let mut items = vec![Vec::new()];
    let mut depth = 0_usize;
    let mut before = ' ';
    for token in tokens {
        let sign = sign(token);
        match sign {
            '<' => depth += 1,
            // Not the end of an arrow.
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = sign;
        if sign == ',' && depth == 0 {
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

/// The group of that kind, if the token is one.
pub fn group(token: &TokenTree, delimiter: Delimiter) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// The text of a plain string literal.
pub fn text(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else {
        return None;
    };
    let written = literal.to_string();
    let inner = written.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.to_owned())
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
    /// The parentheses with what it takes.
    pub takes: Group,
    /// What it returns, if it says so.
    pub answer: Option<Vec<TokenTree>>,
}

/// What `#[on]` does not stand on.
const PLAIN: &str =
    "`#[on(…)]` stands on a plain function: `fn greet(event: CommentEvent) -> Result`";

impl Function {
    /// Reads a function's head: nothing but a function without `self` and generics has one.
    pub fn read(item: &TokenStream) -> Parsed<Function> {
        let tokens = flat(item.clone());
        let mut tokens = tokens.into_iter().peekable();
        let mut visibility = TokenStream::new();
        let mut qualifiers = Vec::new();
        let mut at = Span::call_site();
        while let Some(token) = tokens.next() {
            match word(&token).as_str() {
                "fn" => return Function::rest(visibility, qualifiers, &token, &mut tokens),
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
    fn rest(
        visibility: TokenStream,
        qualifiers: Vec<Ident>,
        keyword: &TokenTree,
        tokens: &mut impl Iterator<Item = TokenTree>,
    ) -> Parsed<Function> {
        let Some(TokenTree::Ident(name)) = tokens.next() else {
            return Err(Mistake::new(keyword.span(), PLAIN));
        };
        let takes = match tokens.next() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => group,
            Some(generic) => return Err(Mistake::new(generic.span(), PLAIN)),
            None => return Err(Mistake::new(name.span(), PLAIN)),
        };
        if let Some(own) = flat(takes.stream()).iter().find(|t| word(t) == "self") {
            return Err(Mistake::new(own.span(), PLAIN));
        }
        let is_head = |token: &TokenTree| {
            group(token, Delimiter::Brace).is_none() && word(token) != "where" && sign(token) != ';'
        };
        let after: Vec<_> = tokens.take_while(is_head).collect();
        let answer = match after.as_slice() {
            [dash, arrow, answer @ ..] if sign(dash) == '-' && sign(arrow) == '>' => {
                Some(answer.to_vec())
            }
            _ => None,
        };
        Ok(Function {
            visibility,
            name,
            qualifiers,
            takes,
            answer,
        })
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

/// The type without `&` and a lifetime, and whether it had one.
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
