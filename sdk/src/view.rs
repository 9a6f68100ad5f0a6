//! What a handler takes: the events of a scope, with the parts that the Hub always sends with it.
//!
//! A view takes its parts out of the payload, which costs nothing; `payload()` of a view reads the payload again.

use std::mem::take;
use std::ops::Deref;

use crate::payload::{Comment, Config, Discussion, FileUpdate, MovedTo, RefUpdate, Repo};
use crate::scope::{Seen, is_known};
use crate::{Event, Failure, Result, ignored};

/// What a handler can take. The error is the answer to an event that cannot be shown so.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    label = "take `Event`, `RepoEvent`, `MoveEvent`, `ContentEvent`, `ConfigEvent`, `DiscussionEvent` or `CommentEvent`"
)]
pub trait View: Sized + sealed::Sealed {
    /// The scope that it shows, with all under it, as the macros know it; `*` for any.
    const SCOPE: &'static str;

    /// The event with its parts.
    fn of(event: Event) -> std::result::Result<Self, Result>;
}

/// What a handler can return.
#[diagnostic::on_unimplemented(
    message = "a handler returns a `Result`, not `{Self}`",
    label = "write `Result`"
)]
pub trait Answer: sealed::Sealed {
    /// As the host gets it.
    fn answer(self) -> Result;
}

impl Answer for Result {
    fn answer(self) -> Result {
        self
    }
}

/// Shows an event to a handler.
pub fn call<V: View, A>(
    event: Event,
    handler: impl FnOnce(V) -> A,
) -> std::result::Result<A, Result> {
    V::of(event).map(handler)
}

/// The handler's answer, or that for an event which could not be shown to it.
pub fn answered<A: Answer>(answer: std::result::Result<A, Result>) -> Result {
    match answer {
        Ok(answer) => answer.answer(),
        Err(instead) => instead,
    }
}

/// What stands in for a handler that does not compile.
pub fn nothing(_event: Event) -> Result {
    ignored("its handler does not compile")
}

impl View for Event {
    const SCOPE: &'static str = "*";

    fn of(event: Event) -> std::result::Result<Event, Result> {
        Ok(event)
    }
}

/// The answer to an event without a part that its view shows. Where the Hub promises it, somebody has to look; nobody
/// promised anything of scopes and actions that came later, narrowed or not.
fn lacks(event: &Event, part: &str) -> Result {
    let sent = Seen {
        scope: event.sent_scope(),
        action: event.sent_action(),
    };
    let is_narrowed = event.scope() != sent.scope;
    if is_narrowed || !is_known(sent) {
        return ignored(format!("the payload of `{}` has no {part}", sent.scope));
    }
    Err(Failure::reject(format!(
        "the Hub sends a {part} with `{}`, and this payload has none: look at what posted it",
        sent.scope
    )))
}

/// Defines a view: a struct with the event, and its parts as a function takes them out of the payload. A part that is
/// not there is told by its name.
macro_rules! view {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $($(#[$part_about:meta])* pub $part:ident: $type:ty = $taken:expr,)+
        }
        from $payload:ident of $scope:literal
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub struct $name {
            event: Event,
            $($(#[$part_about])* pub $part: $type,)+
        }

        impl View for $name {
            const SCOPE: &'static str = $scope;

            fn of(mut event: Event) -> std::result::Result<$name, Result> {
                // Parts are taken and the rest is dropped as one: that is less code than dropping what is left.
                let mut $payload = event.take_payload().map_err(Err)?;
                $(let $part = match $taken {
                    Ok(part) => part,
                    Err(missing) => return Err(lacks(&event, missing)),
                };)+
                Ok($name { event, $($part,)+ })
            }
        }

        impl sealed::Sealed for $name {}

        impl Deref for $name {
            type Target = Event;

            fn deref(&self) -> &Event {
                &self.event
            }
        }
    };
}

/// A part that is always there, or counts as empty.
fn have<T>(part: T) -> std::result::Result<T, &'static str> {
    Ok(part)
}

/// The repo of a payload: without its name nothing can be done to it.
fn repo(repo: Repo) -> std::result::Result<Repo, &'static str> {
    match repo.name.is_empty() {
        true => Err("repo"),
        false => Ok(repo),
    }
}

view! {
    /// Something about a repo: the scope `repo`, and all under it.
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
    /// let event = Event::sample("repo-create")?;
    /// assert_eq!(PLUGIN.deliver(&event), Some(done("hello some-user/some-repo")));
    /// # Ok(()) }
    /// ```
    pub struct RepoEvent {
        /// The repo. (docs: always there)
        pub repo: Repo = repo(take(&mut payload.repo)),
    }
    from payload of "repo"
}

view! {
    /// A repo got another name or owner: the action `move` of the scope `repo`.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("repo", actions = [move])]
    /// fn moved(event: MoveEvent) -> Result { done(format!("{} is {}", event.repo.name, event.to.name)) }
    ///
    /// plugin! { description: "Follows repos", handlers: [moved] }
    ///
    /// # fn main() -> Result<()> {
    /// let event = Event::sample("repo-move")?;
    /// assert_eq!(PLUGIN.deliver(&event), Some(done("some-user/some-repo is new-org/new-repo")));
    /// # Ok(()) }
    /// ```
    pub struct MoveEvent {
        /// The repo under its old name. (docs; the old name: hub client)
        pub repo: Repo = repo(take(&mut payload.repo)),
        /// Where it went. (hub client)
        pub to: MovedTo = payload.moved_to.take().ok_or("new name"),
    }
    from payload of "repo"
}

view! {
    /// The content of a repo changed: the scope `repo.content`.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("repo.content")]
    /// fn pushed(event: ContentEvent) -> Result {
    ///     let changed: Vec<_> = event.refs.iter().map(|update| update.short_name()).collect();
    ///     done(changed.join(", "))
    /// }
    ///
    /// plugin! { description: "Names what was pushed", handlers: [pushed] }
    ///
    /// # fn main() -> Result<()> {
    /// let event = Event::sample("repo-content")?;
    /// assert_eq!(PLUGIN.deliver(&event), Some(done("main, old-branch")));
    /// # Ok(()) }
    /// ```
    pub struct ContentEvent {
        /// The repo. (docs: always there)
        pub repo: Repo = repo(take(&mut payload.repo)),
        /// The branches, tags and pull request refs that changed; empty for buckets. (docs)
        pub refs: Vec<RefUpdate> = have(take(&mut payload.updated_refs)),
        /// The files of a bucket that changed, at most 10,000; empty for git repos. (2026 docs)
        pub files: Vec<FileUpdate> = have(take(&mut payload.updated_files)),
        /// Whether more files changed than are listed. (2026 docs)
        pub files_truncated: bool = have(payload.updated_files_truncated),
    }
    from payload of "repo.content"
}

view! {
    /// The settings of a repo changed: the scope `repo.config`.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("repo.config")]
    /// fn changed(event: ConfigEvent) -> Result {
    ///     let names: Vec<_> = event.changes.names().collect();
    ///     done(format!("{} of {}", names.join(", "), event.repo.name))
    /// }
    ///
    /// plugin! { description: "Watches settings", handlers: [changed] }
    ///
    /// # fn main() -> Result<()> {
    /// let event = Event::sample("repo-config")?;
    /// assert_eq!(PLUGIN.deliver(&event), Some(done("private of some-user/some-repo")));
    /// # Ok(()) }
    /// ```
    pub struct ConfigEvent {
        /// The repo. (docs: always there)
        pub repo: Repo = repo(take(&mut payload.repo)),
        /// The settings that changed with their new values; empty where the Hub does not tell which (secrets of a
        /// Space). (docs)
        pub changes: Config = have(take(&mut payload.updated_config)),
    }
    from payload of "repo.config"
}

view! {
    /// Something about a discussion or a pull request: the scope `discussion`, and all under it.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("discussion", actions = [create])]
    /// fn opened(event: DiscussionEvent) -> Result { done(event.discussion.title.as_str()) }
    ///
    /// plugin! { description: "Reads titles", handlers: [opened] }
    ///
    /// # fn main() -> Result<()> {
    /// let event = Event::sample("discussion")?;
    /// assert_eq!(PLUGIN.deliver(&event), Some(done("Hello!")));
    /// # Ok(()) }
    /// ```
    pub struct DiscussionEvent {
        /// The repo. (docs: always there)
        pub repo: Repo = repo(take(&mut payload.repo)),
        /// The discussion or pull request. (docs: always there)
        pub discussion: Discussion = payload.discussion.take().ok_or("discussion"),
        /// The first comment, where a discussion is created, or the one that an event under this scope is about. (docs)
        pub comment: Option<Comment> = have(payload.comment.take()),
    }
    from payload of "discussion"
}

view! {
    /// Something about a comment: the scope `discussion.comment`.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("discussion.comment", actions = [create])]
    /// fn greet(event: CommentEvent) -> Result { done(format!("hello {}", event.comment.author.id)) }
    ///
    /// plugin! { description: "Says hello to whoever comments", handlers: [greet] }
    ///
    /// # fn main() -> Result<()> {
    /// let event = Event::sample("discussion-comment")?;
    /// assert_eq!(PLUGIN.deliver(&event), Some(done("hello 61d2000c3c2083e1c08af22d")));
    /// # Ok(()) }
    /// ```
    pub struct CommentEvent {
        /// The repo. (docs: always there)
        pub repo: Repo = repo(take(&mut payload.repo)),
        /// The discussion or pull request that it is in. (docs: always there)
        pub discussion: Discussion = payload.discussion.take().ok_or("discussion"),
        /// The comment; a hidden one has no content. (docs: always there)
        pub comment: Comment = payload.comment.take().ok_or("comment"),
    }
    from payload of "discussion.comment"
}

mod sealed {
    /// Keeps other crates from adding views and answers: a later version may ask more of them.
    pub trait Sealed {}

    impl Sealed for crate::Event {}

    impl Sealed for crate::Result {}
}

#[cfg(test)]
mod tests;
