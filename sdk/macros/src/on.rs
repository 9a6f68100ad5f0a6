//! `#[on]`: the function stays as it is but for an attribute, and a type of the same name carries what it handles.

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

use crate::emit::{Hole, filled, reported, text, word_at};
use crate::names;
use crate::parse::{
    Function, Mistake, Parsed, argument_type, flat, last_word, list, place, plain, referred, sign,
    word,
};
use crate::scopes::{is_subscription, meant_action, mend, misfit, nearest};

/// How to say which events.
const FORM: &str =
    "say which events: `#[on(\"repo.content\")]`, or `#[on(\"repo.content\", actions = [update])]`";

/// How to write a scope.
const LITERAL: &str = "a scope is a string literal, as the macro does not see what a name or another macro stands for: \
                       `#[on(\"repo.content\")]`";

/// How to have one function for several events.
const AGAIN: &str = "a function has one `#[on]`: for other events write a second function that calls this one, or take \
                     a subtree";

/// What every handler looks like.
const SHAPE: &str = "a handler takes one event: `fn greet(event: CommentEvent) -> Result`";

/// What is added to the function. The type has no value: it is a name that `plugin!` can ask.
const DECLARED: &str = r#"
    #[doc(hidden)]
    #[LINT(non_camel_case_types)]
    VISIBILITY enum NAME {}

    impl ::hookbox_sdk::__private::Declared for NAME {
        const HANDLER: ::hookbox_sdk::Handler = ::hookbox_sdk::Handler {
            scope: SCOPE,
            actions: &[ACTIONS],
            handle: HANDLE,
        };
    }
"#;

/// Hands a view to the function. The names of the first two stand where the types do: errors about these are shown there.
const BY_VALUE: &str = "|event| ::hookbox_sdk::__private::ANSWERED::<ANSWER>(\
                        ::hookbox_sdk::__private::CALL::<VIEW, ANSWER>(event, NAME))";

/// The same for a function that borrows the view.
const BY_REFERENCE: &str = "|event| ::hookbox_sdk::__private::ANSWERED::<ANSWER>(\
                            ::hookbox_sdk::__private::CALL::<VIEW, ANSWER>(event, |view| NAME(&view)))";

/// What stands in for a handler that cannot be called, so that one mistake is one error.
const NOTHING: &str = "::hookbox_sdk::__private::nothing";

/// Keeps the function's name on the stack of a trap: a small build would merge it with what calls it. And a handler gets
/// its event by value however little it takes of it.
const ADDED: &str = r#"
    #[cfg_attr(target_family = "wasm", inline(never))]
    #[LINT(clippy::needless_pass_by_value)]
"#;

/// Which events a handler takes.
struct Events {
    scope: String,
    actions: Vec<String>,
}

/// What the handler takes and returns.
struct Signature {
    view: Vec<TokenTree>,
    is_reference: bool,
    answer: Vec<TokenTree>,
}

pub fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let function = match Function::read(&item) {
        Ok(function) => function,
        Err(mistake) => return joined([item, reported(&mistake)]),
    };
    match read(attribute, &function) {
        Ok((events, signature)) => {
            let handle = handle(&function, &signature);
            let declared = declaration(&function, &events, handle);
            joined([filled(ADDED, &[lint()]), item, declared])
        }
        Err(mistake) => {
            let nowhere = Events {
                scope: format!("mistaken.{}", function.name),
                actions: Vec::new(),
            };
            let idle = declaration(&function, &nowhere, filled(NOTHING, &[]));
            let item = match function.again {
                Some(_) => once(item),
                None => item,
            };
            joined([item, idle, reported(&mistake)])
        }
    }
}

fn joined<const N: usize>(parts: [TokenStream; N]) -> TokenStream {
    parts.into_iter().collect()
}

/// The function without further `#[on]`: what they say has been told.
fn once(item: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in flat(item) {
        if crate::parse::attribute(&token) == "on" {
            // The `#` before it.
            kept.pop();
        } else {
            kept.push(token);
        }
    }
    kept.into_iter().collect()
}

fn read(attribute: TokenStream, function: &Function) -> Parsed<(Events, Signature)> {
    let name = &function.name;
    if let Some(reason) = names::hides(&plain(name)) {
        return Err(Mistake::new(name.span(), reason));
    }
    if let Some(again) = function.again {
        return Err(Mistake::new(again, AGAIN));
    }
    let signature = Signature::read(function)?;
    let events = Events::read(attribute)?;
    let view = last_word(&signature.view);
    match misfit(&view, &events.scope, &events.actions) {
        Some(reason) => Err(Mistake::new(
            place(&signature.view, function.takes.span()),
            reason,
        )),
        None => Ok((events, signature)),
    }
}

impl Signature {
    fn read(function: &Function) -> Parsed<Signature> {
        is_plain(function)?;
        let parameters = list(&flat(function.takes.stream()));
        let view = match parameters.as_slice() {
            [parameter] => argument_type(parameter),
            _ => None,
        };
        let view = view.ok_or_else(|| Mistake::new(function.takes.span(), SHAPE))?;
        if let Some(mistake) = lives_longer(view) {
            return Err(mistake);
        }
        let (view, is_reference) = referred(view);
        if let Some(mistake) = view.first().and_then(no_view) {
            return Err(mistake);
        }
        let Some(answer) = &function.answer else {
            let reason = format!(
                "a handler returns a `Result`: `fn {}(…) -> Result`",
                function.name
            );
            return Err(Mistake::new(function.name.span(), reason));
        };
        Ok(Signature {
            view: view.to_vec(),
            is_reference,
            answer: answer.clone(),
        })
    }
}

/// Refuses what a function is beside a plain one: `async`, `unsafe`, generic.
fn is_plain(function: &Function) -> Parsed<()> {
    for qualifier in &function.qualifiers {
        let reason = match qualifier.to_string().as_str() {
            "const" => continue,
            "async" => {
                "a handler is a plain function without `async`: its calls wait by themselves"
            }
            _ => "a handler is a plain function: `fn greet(event: CommentEvent) -> Result`",
        };
        return Err(Mistake::new(qualifier.span(), reason));
    }
    match function.generics {
        Some(at) => {
            let reason = "a handler has no generics or lifetimes of its own: write `event: RepoEvent`, or `event: &RepoEvent`";
            Err(Mistake::new(at, reason))
        }
        None => Ok(()),
    }
}

/// What is wrong with a reference to an event that is to live for ever.
fn lives_longer(view: &[TokenTree]) -> Option<Mistake> {
    let [and, quote, lifetime, rest @ ..] = view else {
        return None;
    };
    let is_static = sign(and) == '&' && sign(quote) == '\'' && word(lifetime) == "static";
    is_static.then(|| {
        let event: TokenStream = rest.iter().cloned().collect();
        let reason =
            format!("an event is there until its handler returns, not for ever: write `&{event}`");
        Mistake::new(quote.span(), reason)
    })
}

/// What is wrong with a type that begins so.
fn no_view(first: &TokenTree) -> Option<Mistake> {
    let reason = match word(first).as_str() {
        "mut" => {
            "a handler takes its event by value or by `&`: an event is nobody else's to change"
        }
        "impl" | "dyn" => {
            "a handler names the one type that it takes: `Event`, or what shows its scope, like `CommentEvent`"
        }
        _ => return None,
    };
    Some(Mistake::new(first.span(), reason))
}

impl Events {
    fn read(attribute: TokenStream) -> Parsed<Events> {
        let mut options = list(&flat(attribute)).into_iter();
        let Some(first) = options.next() else {
            return Err(Mistake::new(Span::call_site(), FORM));
        };
        let (scope, at) = scope(&first)?;
        let mut actions: Option<Group> = None;
        let mut is_unknown = false;
        for option in options {
            match option.as_slice() {
                [name] if word(name) == "unknown" && !is_unknown => is_unknown = true,
                [name, equals, TokenTree::Group(listed)]
                    if word(name) == "actions"
                        && sign(equals) == '='
                        && listed.delimiter() == Delimiter::Bracket
                        && actions.is_none() =>
                {
                    actions = Some(listed.clone());
                }
                other => return Err(unknown_option(other, at)),
            }
        }
        if let Some(reason) = mend(&scope).filter(|_| !is_unknown) {
            return Err(Mistake::new(at, reason));
        }
        let actions = match actions {
            Some(listed) => words(&listed, is_unknown)?,
            None => Vec::new(),
        };
        Ok(Events { scope, actions })
    }
}

/// The scope, and where it stands.
fn scope(tokens: &[TokenTree]) -> Parsed<(String, Span)> {
    let at = place(tokens, Span::call_site());
    let token = match tokens {
        [token] => token,
        [name, equals, TokenTree::Literal(scope)] if sign(equals) == '=' => {
            let reason = format!(
                "the scope comes first and has no name: write `{scope}` without `{name} =`"
            );
            return Err(Mistake::new(at, reason));
        }
        _ => return Err(Mistake::new(at, LITERAL)),
    };
    let Some(scope) = crate::parse::text(token) else {
        return Err(Mistake::new(at, LITERAL));
    };
    if !is_subscription(&scope) {
        let reason = format!(
            "`{scope}` is no scope: a scope is dotted words (`repo.content`), perhaps with `.*` at the end, or `*`"
        );
        return Err(Mistake::new(token.span(), reason));
    }
    Ok((scope, token.span()))
}

fn unknown_option(option: &[TokenTree], otherwise: Span) -> Mistake {
    let name = option.first().map(word).unwrap_or_default();
    let reason = match nearest(&name, &["actions", "unknown"]) {
        Some(meant) => format!("there is no `{name}`: did you mean `{meant}`?"),
        None => "after the scope come `actions = [create, …]`, and `unknown` where it is one that this version does \
                 not know; each at most once"
            .to_owned(),
    };
    Mistake::new(place(option, otherwise), reason)
}

/// The actions of a list.
fn words(listed: &Group, is_unknown: bool) -> Parsed<Vec<String>> {
    let mut actions = Vec::new();
    for item in list(&flat(listed.stream())) {
        let at = place(&item, listed.span());
        let action = match item.as_slice() {
            [TokenTree::Ident(action)] => plain(action),
            _ => {
                let reason = "an action is a word without quotes: `actions = [create, update]`";
                return Err(Mistake::new(at, reason));
            }
        };
        if actions.contains(&action) {
            return Err(Mistake::new(at, format!("`{action}` is there already")));
        }
        if let Some(meant) = meant_action(&action).filter(|_| !is_unknown) {
            let reason = format!("the Hub has no action `{action}`: did you mean `{meant}`?");
            return Err(Mistake::new(at, reason));
        }
        actions.push(action);
    }
    if actions.is_empty() {
        let reason = "a handler of no action handles nothing: leave `actions` out for all of them";
        return Err(Mistake::new(listed.span(), reason));
    }
    Ok(actions)
}

/// The function pointer of the handler.
fn handle(function: &Function, signature: &Signature) -> TokenStream {
    let here = function.name.span();
    let template = match signature.is_reference {
        true => BY_REFERENCE,
        false => BY_VALUE,
    };
    let holes = [
        Hole("NAME", name(function)),
        Hole("VIEW", signature.view.iter().cloned().collect()),
        Hole("ANSWER", signature.answer.iter().cloned().collect()),
        Hole("CALL", word_at("call", place(&signature.view, here))),
        Hole(
            "ANSWERED",
            word_at("answered", place(&signature.answer, here)),
        ),
    ];
    filled(template, &holes)
}

fn declaration(function: &Function, events: &Events, handle: TokenStream) -> TokenStream {
    let listed: Vec<_> = events.actions.iter().map(|a| format!("{a:?}, ")).collect();
    let holes = [
        Hole("NAME", name(function)),
        Hole("VISIBILITY", function.visibility.clone()),
        Hole("SCOPE", text(&events.scope)),
        Hole("ACTIONS", filled(&listed.concat(), &[])),
        Hole("HANDLE", handle),
        lint(),
    ];
    filled(DECLARED, &holes)
}

/// Not `expect`: whoever writes `fn Greet` has a name that fits, and whoever takes all of an event needs its value.
fn lint() -> Hole {
    Hole("LINT", word_at("allow", Span::call_site()))
}

/// The name of the function, and of the type beside it.
fn name(function: &Function) -> TokenStream {
    TokenTree::Ident(names::declared(&function.name)).into()
}
