//! A plugin as a value: what it says of itself, and which function handles what. [`plugin!`](crate::plugin!) makes it.

use crate::scope::{Seen, winner};
use crate::{Event, Failure, Manifest, Result, Subscription, Want};

/// A scope with its actions, and the function that handles them.
#[derive(Debug, Clone, Copy)]
pub struct Handler {
    /// An exact scope (`repo.content`), a subtree (`repo.*`), or `*` for all.
    pub scope: &'static str,
    /// The actions it handles; empty for all.
    pub actions: &'static [&'static str],
    /// The function that handles them.
    pub handle: fn(&Event) -> Result,
}

/// A plugin: made by [`plugin!`](crate::plugin!) as the constant `PLUGIN`.
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
    /// plugin! { description: "Watches settings", on: { "repo.config" => watch } }
    /// fn watch(event: &Event) -> Result { done(format!("{} {}", event.scope(), event.action())) }
    ///
    /// # fn main() -> Result<()> {
    /// // A scope that did not exist when the plugin was written:
    /// let event = Event::from_json(r#"{"event": {"scope": "repo.config.dois", "action": "create"}}"#)?;
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
        Some((handler.handle)(&event.seen_as(seen)))
    }

    /// Calls the handler of an event whose scope and action the host has already narrowed. The subscription that won
    /// there wins here too: among those that see the same scope and action, the order is the same.
    #[cfg_attr(
        not(target_family = "wasm"),
        expect(dead_code, reason = "only the host hands over narrowed events")
    )]
    pub(crate) fn handle(&self, event: &Event) -> Result {
        let seen = Seen {
            scope: event.scope(),
            action: event.action(),
        };
        match winner(self.handlers, seen, |handler| {
            (handler.scope, handler.actions)
        }) {
            Some((handler, _)) => (handler.handle)(event),
            None => Err(Failure::reject(format!(
                "no handler of this plugin takes `{}` of `{}`: the plugin and its manifest disagree, so rebuild it",
                seen.action, seen.scope
            ))),
        }
    }
}

/// Declares the crate's plugin: one line of description, the scopes with the functions that handle them, and, if it
/// needs any, what it asks its operator for.
///
/// ```
/// use hookbox_sdk::prelude::*;
///
/// plugin! {
///     description: "Answers comments and watches settings",
///     on: {
///         "discussion.comment" [create, update] => comment,
///         "repo.config" => settings,
///     },
///     wants: [
///         Want::http("huggingface.co").methods(["POST"]).required().because("it answers comments"),
///     ],
/// }
///
/// fn comment(_event: &Event) -> Result { done("answered") }
/// fn settings(_event: &Event) -> Result { ignored("nothing to do") }
///
/// # fn main() {
/// assert_eq!(PLUGIN.manifest().subscriptions.len(), 2);
/// # }
/// ```
///
/// A scope is exact (`repo.content`), a subtree (`repo.*`: `repo` and all under it), or `*`. Without actions in
/// brackets a handler gets all of them. Where several match, the most specific wins. A misspelt scope is a compile
/// error:
///
/// ```compile_fail
/// use hookbox_sdk::prelude::*;
/// plugin! { description: "Never compiles", on: { "Repo Content!!" => watch } }
/// fn watch(_event: &Event) -> Result { done("") }
/// # fn main() {}
/// ```
///
/// It defines the constant `PLUGIN`, which tests use ([`Plugin::deliver`], [`Plugin::manifest`]), and on a wasm
/// target the component's exports. The version is the crate's.
#[macro_export]
macro_rules! plugin {
    (
        description: $description:literal,
        on: { $($scope:literal $([$($action:ident),+ $(,)?])? => $handle:path),+ $(,)? }
        $(, wants: [$($want:expr),* $(,)?])? $(,)?
    ) => {
        $(const _: () = ::core::assert!(
            $crate::__private::is_subscription($scope),
            "a scope is dotted words (`repo.content`), perhaps with `.*` at the end, or `*`",
        );)+

        /// What this plugin is, and which events it handles.
        pub const PLUGIN: $crate::Plugin = $crate::Plugin {
            version: ::core::env!("CARGO_PKG_VERSION"),
            description: $description,
            handlers: &[$($crate::Handler {
                scope: $scope,
                actions: &[$($(::core::stringify!($action)),+)?],
                handle: $handle,
            }),+],
            wants: || ::std::vec![$($($want),*)?],
        };

        $crate::__component!(PLUGIN);
    };
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
