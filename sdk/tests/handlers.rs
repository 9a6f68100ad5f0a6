//! What `#[on]` and `plugin!` take: every way of writing a handler that compiles.

// A handler may take its event by value and only look at it, however strict its crate is.
#![deny(clippy::needless_pass_by_value)]

use hookbox_sdk::prelude::*;
use hookbox_sdk::{Handler, Subscription};

/// By value, with an action.
#[on("discussion.comment", actions = [create])]
fn commented(event: CommentEvent) -> Result {
    done(format!("comment {}", event.comment.id))
}

/// Borrowed, with several actions and commas at all ends.
#[on("discussion", actions = [create, update,],)]
fn discussed(event: &DiscussionEvent) -> hookbox_sdk::Result {
    done(format!("discussion {}", event.discussion.num))
}

/// By a path, and with another name for the result.
#[on("repo", actions = [move])]
fn moved(event: hookbox_sdk::MoveEvent) -> Result<Outcome> {
    done(format!("to {}", event.to.name))
}

/// With a pattern.
#[on("repo.content")]
fn pushed(ContentEvent { refs, .. }: ContentEvent) -> Result<Outcome, Failure> {
    done(format!("{} refs", refs.len()))
}

mod elsewhere {
    //! Handlers of another module.

    use hookbox_sdk::prelude::*;

    /// What the Hub may send one day, under a name like that of today's.
    #[on("repo.contents", actions = [updates], unknown)]
    pub fn later(_: &Event) -> Result {
        done("later")
    }

    /// In a path that says `crate`, and with an attribute of its own.
    #[on("billing.plan")]
    #[inline]
    pub(crate) fn billed(_event: &'_ Event) -> Result {
        let number: u32 = "x".parse()?;
        done(number.to_string())
    }
}

use elsewhere::billed;

/// A scope and an action in raw words.
#[on(r#"discussion"#, actions = [r#move])]
fn transferred(event: DiscussionEvent) -> Result {
    done(event.discussion.title.as_str())
}

/// A handler that this build has, and one that it has not.
#[cfg(not(target_family = "wasm"))]
#[on("repo.config", actions = [update])]
fn set(event: ConfigEvent) -> Result {
    done(event.repo.name.as_str())
}

#[cfg(target_family = "wasm")]
#[on("repo.config")]
fn set_elsewhere(event: ConfigEvent) -> Result {
    done(event.repo.name.as_str())
}

/// A handler that a macro writes.
macro_rules! counting {
    ($name:ident, $scope:literal, $event:ty) => {
        #[on($scope)]
        fn $name(event: $event) -> Result {
            ignored(event.sent_scope())
        }
    };
}

counting!(counted, "*", Event);

plugin! {
    description: "Has a handler of every form",
    handlers: [
        commented, discussed, moved, pushed, elsewhere::later, billed, transferred,
        #[cfg(target_family = "wasm")] set_elsewhere,
        #[cfg(not(target_family = "wasm"))] set,
        counted,
    ],
    wants: [Want::state("nothing much")],
}

fn deliver(sample: &str) -> Option<Result> {
    let event = Event::sample(sample).ok()?;
    PLUGIN.deliver(&event)
}

#[test]
fn each_form_is_called_with_its_view() {
    let told = |sample: &str| match deliver(sample) {
        Some(Ok(Outcome::Done(Some(text)) | Outcome::Ignored(Some(text)))) => text,
        other => format!("{other:?}"),
    };
    assert!(told("discussion-comment").starts_with("comment "));
    assert!(told("discussion").starts_with("discussion "));
    assert_eq!(told("repo-move"), "to new-org/new-repo");
    assert_eq!(told("repo-content"), "2 refs");
    assert_eq!(told("repo-create"), "repo");
}

#[test]
fn the_manifest_has_them_in_the_order_of_the_list() {
    let manifest = PLUGIN.manifest();
    let said: Vec<_> = manifest
        .subscriptions
        .iter()
        .map(|Subscription { scope, actions }| format!("{scope} {actions:?}"))
        .collect();
    let expected = [
        r#"discussion.comment ["create"]"#,
        r#"discussion ["create", "update"]"#,
        r#"repo ["move"]"#,
        "repo.content []",
        r#"repo.contents ["updates"]"#,
        "billing.plan []",
        r#"discussion ["move"]"#,
        r#"repo.config ["update"]"#,
        "* []",
    ];
    assert_eq!(said, expected);
    assert_eq!(manifest.wants.len(), 1);
    assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_handler_is_still_the_function_that_was_written() -> Result<()> {
    let event = Event::sample("repo-create")?;
    assert_eq!(elsewhere::later(&event), done("later"));
    let failed = Err(Failure::retry("invalid digit found in string"));
    assert_eq!(billed(&event), failed);
    Ok(())
}

#[test]
fn a_plugin_can_be_put_together_by_hand() -> Result<()> {
    let handler = Handler {
        scope: "repo",
        actions: &[],
        handle: |event| done(event.scope()),
    };
    assert_eq!((handler.handle)(Event::sample("repo-move")?), done("repo"));
    Ok(())
}
