//! A plugin as a value: what it says of itself, and which function handles what. [`plugin!`](crate::plugin!) makes it.

use crate::scope::{Seen, taker, winner};
use crate::{Event, Failure, Manifest, Result, Subscription, Want};

/// A scope with its actions, and the function that handles them.
///
/// ```
/// use hookbox_sdk::prelude::*;
///
/// #[on("repo.content", actions = [update])]
/// fn pushed(event: ContentEvent) -> Result { done(format!("{} refs", event.refs.len())) }
///
/// plugin! { description: "Counts refs", handlers: [pushed] }
///
/// # fn main() -> Result<()> {
/// let handler = PLUGIN.handlers[0];
/// assert_eq!((handler.scope, handler.actions), ("repo.content", &["update"][..]));
/// assert_eq!((handler.handle)(Event::sample("repo-content")?), done("2 refs"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Handler {
    /// An exact scope (`repo.content`), a subtree (`repo.*`), or `*` for all.
    pub scope: &'static str,
    /// The actions it handles; empty for all.
    pub actions: &'static [&'static str],
    /// The function that handles them.
    pub handle: fn(Event) -> Result,
}

/// A plugin: made by [`plugin!`](crate::plugin!) as the constant `PLUGIN`.
///
/// ```
/// use hookbox_sdk::prelude::*;
///
/// #[on("repo", actions = [create])]
/// fn greet(event: RepoEvent) -> Result { done(format!("hello {}", event.repo.name)) }
///
/// plugin! { description: "Greets new repos", handlers: [greet] }
///
/// # fn main() -> Result<()> {
/// assert_eq!(PLUGIN.description, "Greets new repos");
/// let event = Event::sample("repo-create")?;
/// assert_eq!(PLUGIN.deliver(&event), Some(done("hello some-user/some-repo")));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Plugin {
    /// The plugin's version: that of its crate.
    pub version: &'static str,
    /// One line that says what it does.
    pub description: &'static str,
    /// Its handlers.
    pub handlers: &'static [Handler],
    /// Builds what it asks its operator for.
    pub wants: fn() -> Vec<Want>,
}

impl Plugin {
    /// What the plugin says of itself to the host.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("repo", actions = [create])]
    /// fn greet(event: RepoEvent) -> Result { done(format!("hello {}", event.repo.name)) }
    ///
    /// plugin! { description: "Greets new repos", handlers: [greet], wants: [Want::config("greeting")] }
    ///
    /// # fn main() {
    /// let manifest = PLUGIN.manifest();
    /// assert_eq!(manifest.subscriptions[0].actions, ["create"]);
    /// assert_eq!(manifest.wants, [Want::config("greeting")]);
    /// # }
    /// ```
    #[inline]
    pub fn manifest(&self) -> Manifest {
        let subscription = |handler: &Handler| Subscription {
            scope: handler.scope.to_owned(),
            actions: handler
                .actions
                .iter()
                .map(|action| (*action).to_owned())
                .collect(),
        };
        Manifest {
            version: self.version.to_owned(),
            description: self.description.to_owned(),
            subscriptions: self.handlers.iter().map(subscription).collect(),
            wants: (self.wants)(),
        }
    }

    /// Does what the host does with a delivery: picks the subscription that wins it, narrows scope and action to how
    /// that one sees them, and calls its handler. `None` if no subscription matches: the host would not call the
    /// plugin at all. For tests.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("repo.config")]
    /// fn watch(event: ConfigEvent) -> Result { done(format!("{} {}", event.scope(), event.action())) }
    ///
    /// plugin! { description: "Watches settings", handlers: [watch] }
    ///
    /// # fn main() -> Result<()> {
    /// // A scope that did not exist when the plugin was written:
    /// let event = Event::from_json(r#"{
    ///     "event": {"scope": "repo.config.dois", "action": "create"}, "repo": {"name": "some-user/some-repo"}
    /// }"#)?;
    /// assert_eq!(PLUGIN.deliver(&event), Some(done("repo.config update")));
    /// assert_eq!(PLUGIN.deliver(&Event::sample("repo-create")?), None);
    /// # Ok(()) }
    /// ```
    pub fn deliver(&self, event: &Event) -> Option<Result> {
        let sent = Seen {
            scope: event.sent_scope(),
            action: event.sent_action(),
        };
        let (handler, seen) = winner(self.handlers, sent, |handler| {
            (handler.scope, handler.actions)
        })?;
        Some((handler.handle)(event.seen_as(seen)))
    }

    /// Calls the handler of an event whose scope and action the host has already narrowed. The subscription that won
    /// there wins here too: among those that see the same scope and action, the order is the same.
    #[cfg_attr(
        not(target_family = "wasm"),
        expect(dead_code, reason = "only the host hands over narrowed events")
    )]
    pub(crate) fn handle(&self, event: Event) -> Result {
        let seen = Seen {
            scope: event.scope(),
            action: event.action(),
        };
        let taken = taker(self.handlers, seen, |handler| {
            (handler.scope, handler.actions)
        });
        match taken.map(|handler| handler.handle) {
            Some(handle) => handle(event),
            None => Err(Failure::reject(format!(
                "no handler of this plugin takes `{}` of `{}`: the plugin and its manifest disagree, so rebuild it",
                seen.action, seen.scope
            ))),
        }
    }
}

/// What `#[on]` says of a function: `plugin!` asks its name for it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "`#[on(\"…\")]` makes a function one"
)]
pub trait Declared {
    /// What it handles, and how it is called.
    const HANDLER: Handler;
}

/// What is told of the first handler that takes an event of the same scope and action as one listed after it, if there
/// is such a one: each has its text, at the same place. Evaluated while the plugin compiles.
pub const fn taken_before<'t>(
    mut handlers: &[Handler],
    mut texts: &[&'t str],
    own: &str,
) -> Option<&'t str> {
    let (all, all_texts) = (handlers, texts);
    while let ([handler, rest @ ..], [text, more @ ..]) = (handlers, texts) {
        if is_same(text, own) {
            return first_like(handler, all, all_texts, own);
        }
        (handlers, texts) = (rest, more);
    }
    None
}

/// The text of the first handler that takes what another one does, among those that come before that one.
const fn first_like<'t>(
    handler: &Handler,
    mut handlers: &[Handler],
    mut texts: &[&'t str],
    own: &str,
) -> Option<&'t str> {
    while let ([other, rest @ ..], [text, more @ ..]) = (handlers, texts) {
        if is_same(text, own) {
            return None;
        }
        if is_same(other.scope, handler.scope) && share(other.actions, handler.actions) {
            return Some(text);
        }
        (handlers, texts) = (rest, more);
    }
    None
}

/// Whether two lists have an action in common; an empty one has all.
const fn share(mut ours: &[&str], theirs: &[&str]) -> bool {
    if ours.is_empty() || theirs.is_empty() {
        return true;
    }
    while let [first, rest @ ..] = ours {
        let mut others = theirs;
        while let [other, more @ ..] = others {
            if is_same(first, other) {
                return true;
            }
            others = more;
        }
        ours = rest;
    }
    false
}

const fn is_same(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while let ([first, rest @ ..], [second, more @ ..]) = (one, other) {
        if *first != *second {
            return false;
        }
        (one, other) = (rest, more);
    }
    one.is_empty() && other.is_empty()
}

/// The component's exports, on wasm targets.
#[doc(hidden)]
#[cfg(target_family = "wasm")]
#[macro_export]
macro_rules! __component {
    ($plugin:expr) => {
        const _: () = {
            struct Component;

            impl $crate::__private::Guest for Component {
                fn describe() -> $crate::__private::WitManifest {
                    $crate::__private::describe(&$plugin)
                }

                fn handle(
                    delivery: $crate::__private::WitDelivery,
                ) -> ::core::result::Result<$crate::__private::WitOutcome, $crate::__private::WitFailure> {
                    $crate::__private::handle(&$plugin, delivery)
                }
            }

            $crate::__private::export_component!(Component with_types_in $crate::__private::bindings);
        };
    };
}

/// Nothing: plugins export only on wasm targets.
#[doc(hidden)]
#[cfg(not(target_family = "wasm"))]
#[macro_export]
macro_rules! __component {
    ($plugin:expr) => {};
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn takes(scope: &'static str, actions: &'static [&'static str]) -> Handler {
        Handler {
            scope,
            actions,
            handle: |_| crate::done("handled"),
        }
    }

    #[test]
    fn two_handlers_of_the_same_events_are_seen() {
        let check = |first: Handler, second: Handler, is_free: bool| {
            let both = [first, second];
            let before = |own| taken_before(&both, &["first", "second"], own);
            assert_eq!(before("first"), None);
            let taken = (!is_free).then_some("first");
            assert_eq!(before("second"), taken, "{both:?}");
        };
        check(takes("repo", &[]), takes("repo", &[]), false);
        check(takes("repo", &["create"]), takes("repo", &[]), false);
        check(takes("repo", &[]), takes("repo", &["move"]), false);
        let some: &[&str] = &["create", "update"];
        check(
            takes("repo", some),
            takes("repo", &["move", "update"]),
            false,
        );
        check(
            takes("repo", some),
            takes("repo", &["move", "delete"]),
            true,
        );
        check(takes("repo", &[]), takes("repo.content", &[]), true);
        check(takes("repo.content", &[]), takes("repo", &[]), true);
        check(takes("repo", &[]), takes("repo.*", &[]), true);
    }

    #[test]
    fn of_several_before_it_the_first_is_told() {
        let listed = [
            takes("repo", &["move"]),
            takes("repo", &["create"]),
            takes("repo", &["delete"]),
            takes("repo", &["create", "delete"]),
        ];
        let texts = ["move", "create", "delete", "both"];
        let before = |own| taken_before(&listed, &texts, own);
        assert_eq!(before("delete"), None);
        assert_eq!(before("both"), Some("create"));
        assert_eq!(before("nobody"), None);
    }
}
