//! From text to tokens: what the macros make, and the errors that they report.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

use crate::parse::Mistake;

/// Tokens that stand where a template has a name.
pub struct Hole(pub &'static str, pub TokenStream);

/// A template's tokens, its holes filled.
pub fn filled(template: &str, holes: &[Hole]) -> TokenStream {
    match template.parse::<TokenStream>() {
        Ok(tokens) => fill(tokens, holes),
        Err(error) => reported(&Mistake::new(
            Span::call_site(),
            format!("this version of hookbox-sdk is broken: {error}"),
        )),
    }
}

fn fill(tokens: TokenStream, holes: &[Hole]) -> TokenStream {
    let filled = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(name) => {
            let name_text = name.to_string();
            match holes.iter().find(|Hole(hole, _)| *hole == name_text) {
                Some(Hole(_, tokens)) => tokens.clone(),
                None => TokenTree::Ident(name).into(),
            }
        }
        TokenTree::Group(old) => {
            let mut group = Group::new(old.delimiter(), fill(old.stream(), holes));
            group.set_span(old.span());
            TokenTree::Group(group).into()
        }
        token => token.into(),
    });
    filled.collect()
}

/// A word that errors are reported at, wherever the template has it.
pub fn word_at(word: &str, at: Span) -> TokenStream {
    TokenTree::Ident(Ident::new(word, at.resolved_at(Span::call_site()))).into()
}

/// A text.
pub fn text(text: &str) -> TokenStream {
    TokenTree::Literal(Literal::string(text)).into()
}

/// Tokens that count as standing at a place.
pub fn placed(tokens: TokenStream, at: Span) -> TokenStream {
    let moved = tokens.into_iter().map(|mut token| {
        if let TokenTree::Group(old) = &token {
            token = TokenTree::Group(Group::new(old.delimiter(), placed(old.stream(), at)));
        }
        token.set_span(at.resolved_at(token.span()));
        token
    });
    moved.collect()
}

/// The compile error that tells of a mistake: `::core::compile_error! { "…" }`.
pub fn reported(mistake: &Mistake) -> TokenStream {
    let colon = |spacing| TokenTree::from(Punct::new(':', spacing));
    let word = |word| TokenTree::from(Ident::new(word, Span::call_site()));
    let reason = TokenTree::from(Literal::string(&mistake.reason));
    let path = [
        colon(Spacing::Joint),
        colon(Spacing::Alone),
        word("core"),
        colon(Spacing::Joint),
        colon(Spacing::Alone),
        word("compile_error"),
        Punct::new('!', Spacing::Alone).into(),
        Group::new(Delimiter::Brace, reason.into()).into(),
    ];
    placed(path.into_iter().collect(), mistake.at)
}
