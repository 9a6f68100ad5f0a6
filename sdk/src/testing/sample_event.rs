//! An event for a test: a sample, with what the test is about changed in it.

mod parts;

use serde_json::Value;

use crate::sample;
use crate::scope::{Seen, is_at_or_under};
use crate::testing::wrong;
use crate::view::View;
use crate::{Event, Plugin, Result};

/// The headers that the host keeps with a delivery.
const KEPT_HEADERS: [&str; 4] = ["webhook-id", "content-type", "user-agent", "traceparent"];

/// Begins an event for a test with one of the [samples](crate::sample::SAMPLES).
///
/// ```
/// use hookbox_sdk::prelude::*;
/// use hookbox_sdk::testing::sample;
///
/// #[on("discussion.comment", actions = [create])]
/// fn greet(event: CommentEvent) -> Result {
///     done(format!("{} said {}", event.comment.author.id, event.comment.content.unwrap_or_default()))
/// }
///
/// plugin! { description: "Repeats comments", handlers: [greet] }
///
/// # fn main() {
/// // The function itself, …
/// let event = sample("discussion-comment").author("ada").content("hi");
/// assert_eq!(greet(event.view()), done("ada said hi"));
/// // … or the whole plugin, which is not called for what it has no handler for.
/// assert!(sample("discussion-comment").to(PLUGIN).is_some());
/// assert_eq!(sample("discussion-comment-edit").to(PLUGIN), None);
/// # }
/// ```
///
/// # Panics
/// If there is no sample of that name.
#[track_caller]
pub fn sample(name: &str) -> SampleEvent {
    let Some(sample) = sample::find(name) else {
        wrong(&sample::unknown(name));
    };
    SampleEvent {
        name: sample.name,
        payload: sample.json.parse().unwrap_or_default(),
        seen: None,
        attempt: 1,
        id: None,
        run_id: None,
        received_at_ms: None,
        headers: vec![],
    }
}

/// An event for a test in the making: [`sample()`] begins it; [`view`](SampleEvent::view), [`to`](SampleEvent::to) or
/// [`event`](SampleEvent::event) ends it.
///
/// ```
/// use hookbox_sdk::{ContentEvent, testing::sample};
///
/// let push = sample("repo-content").repo("ada/reviews").repo_type("dataset");
/// let push = push.refs([("refs/heads/main", Some("575db8b"), Some("c379e82"))]);
/// let pushed: ContentEvent = push.view();
/// assert!(pushed.repo.is_dataset() && pushed.refs[0].updated());
/// ```
///
/// Each method changes what it names, and nothing else: the addresses in a payload, say, stay those of the sample. A
/// part that the sample does not have is not made up: the method panics and names samples that have it. For all else
/// there are [`set`](SampleEvent::set) and [`without`](SampleEvent::without).
#[must_use = "end it with `.view()`, `.to(PLUGIN)` or `.event()`"]
#[derive(Debug, Clone)]
pub struct SampleEvent {
    name: &'static str,
    payload: Value,
    /// The scope and the action that a handler sees, where they were narrowed.
    seen: Option<(String, String)>,
    attempt: u32,
    id: Option<String>,
    run_id: Option<String>,
    received_at_ms: Option<u64>,
    headers: Vec<(String, String)>,
}

/// What it ends in.
impl SampleEvent {
    /// What a handler takes: its argument's type says which view. That a plugin subscribes to the event, and to its
    /// action, is not looked at: [`to`](SampleEvent::to) does that.
    ///
    /// ```
    /// use hookbox_sdk::{CommentEvent, testing::sample};
    ///
    /// fn length(event: &CommentEvent) -> usize {
    ///     event.comment.content.as_deref().map_or(0, str::len)
    /// }
    /// assert_eq!(length(&sample("discussion-comment").content("four").view()), 4);
    /// ```
    ///
    /// # Panics
    /// If the event is of another scope than the view, or has not what the view shows: the handler would not be called.
    #[track_caller]
    pub fn view<V: View>(self) -> V {
        let event = self.event();
        if V::SCOPE != "*" && !is_at_or_under(event.scope(), V::SCOPE) {
            wrong(&format!(
                "no handler is called with this event: it is of `{}`, and the view shows `{}`",
                event.scope(),
                V::SCOPE
            ));
        }
        V::of(event).unwrap_or_else(|instead| {
            wrong(&format!(
                "no handler is called with this event: {instead:?}"
            ))
        })
    }

    /// What a plugin answers: the host's rules choose the handler, and `None` says that the plugin is not called.
    ///
    /// ```
    /// use hookbox_sdk::{prelude::*, testing::sample};
    ///
    /// #[on("repo.config")]
    /// fn changed(event: ConfigEvent) -> Result { done(event.sent_scope()) }
    ///
    /// plugin! { description: "Watches settings", handlers: [changed] }
    ///
    /// # fn main() {
    /// assert_eq!(sample("unknown-scope").to(PLUGIN), Some(done("repo.config.dois")));
    /// assert_eq!(sample("repo-create").to(PLUGIN), None);
    /// # }
    /// ```
    ///
    /// [`Plugin::deliver`] does the same with an event that is needed more than once.
    #[track_caller]
    pub fn to(self, plugin: Plugin) -> Option<Result> {
        plugin.deliver(&self.event())
    }

    /// The event.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// let event = sample("discussion").title("A question").event();
    /// assert_eq!(event.json()?["discussion"]["title"], "A question");
    /// # Ok::<(), hookbox_sdk::Failure>(())
    /// ```
    #[track_caller]
    pub fn event(self) -> Event {
        let event = match Event::from_json(&self.payload.to_string()) {
            Ok(event) => event.with_attempt(self.attempt),
            Err(failure) => wrong(failure.reason()),
        };
        let event = event.with_facts(|facts| {
            facts.id = self.id.unwrap_or(std::mem::take(&mut facts.id));
            facts.run_id = self.run_id.unwrap_or(std::mem::take(&mut facts.run_id));
            facts.received_at_ms = self.received_at_ms.unwrap_or(facts.received_at_ms);
        });
        let headers = self.headers.iter();
        let event = headers.fold(event, |event, (name, value)| event.with_header(name, value));
        match &self.seen {
            Some((scope, action)) => event.seen_as(Seen { scope, action }),
            None => event,
        }
    }
}

/// What happened, and how it is delivered.
impl SampleEvent {
    /// Another action, as the Hub sends it: `create`, `update`, `delete`, `move`, or one that is yet to come.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// assert_eq!(sample("discussion").action("pin").event().action(), "pin");
    /// ```
    #[track_caller]
    pub fn action(self, action: &str) -> SampleEvent {
        self.set("/event/action", action)
    }

    /// Another scope, as the Hub sends it.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// assert_eq!(sample("repo-config").scope("repo.pins").event().scope(), "repo.pins");
    /// ```
    #[track_caller]
    pub fn scope(self, scope: &str) -> SampleEvent {
        self.set("/event/scope", scope)
    }

    /// As the host hands over an event of a scope that is yet to come: narrowed to an `update` of the sample's scope.
    /// Only for calling a handler itself; [`to`](SampleEvent::to) narrows by the host's rules.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// let event = sample("repo-config").narrowed_from("repo.config.dois", "create").event();
    /// assert_eq!((event.scope(), event.action()), ("repo.config", "update"));
    /// assert_eq!((event.sent_scope(), event.sent_action()), ("repo.config.dois", "create"));
    /// ```
    #[track_caller]
    pub fn narrowed_from(mut self, scope: &str, action: &str) -> SampleEvent {
        let own = self.payload.pointer("/event/scope").and_then(Value::as_str);
        self.seen = Some((own.unwrap_or_default().to_owned(), "update".to_owned()));
        self.scope(scope).action(action)
    }

    /// Another attempt than the first.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// assert_eq!(sample("repo-create").attempt(3).event().attempt(), 3);
    /// ```
    ///
    /// # Panics
    /// If it is 0: the first attempt is 1.
    #[track_caller]
    pub fn attempt(mut self, attempt: u32) -> SampleEvent {
        if attempt == 0 {
            wrong("there is no attempt 0: the first is 1");
        }
        self.attempt = attempt;
        self
    }

    /// Another delivery than all other samples. Its run has an id of its own: [`run_id`](SampleEvent::run_id).
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// let event = sample("repo-create").id("delivery-2").run_id("run-2").event();
    /// assert_eq!((event.id(), event.run_id()), ("delivery-2", "run-2"));
    /// ```
    pub fn id(mut self, id: impl Into<String>) -> SampleEvent {
        self.id = Some(id.into());
        self
    }

    /// Another run than all other samples: what a plugin writes twice under one run's id it may take for its own.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// assert_eq!(sample("repo-create").run_id("run-2").event().run_id(), "run-2");
    /// ```
    pub fn run_id(mut self, id: impl Into<String>) -> SampleEvent {
        self.run_id = Some(id.into());
        self
    }

    /// When the host received it, in milliseconds since the Unix epoch.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// assert_eq!(sample("repo-create").received_at_ms(1_000).event().received_at_ms(), 1_000);
    /// ```
    pub fn received_at_ms(mut self, ms: u64) -> SampleEvent {
        self.received_at_ms = Some(ms);
        self
    }

    /// A header of the request: one of those that the host keeps.
    ///
    /// ```
    /// use hookbox_sdk::testing::sample;
    /// let event = sample("repo-create").header("Webhook-Id", "42").event();
    /// assert_eq!(event.header("webhook-id").as_deref(), Some("42"));
    /// ```
    ///
    /// # Panics
    /// If the host does not keep it, so that no plugin sees it.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> SampleEvent {
        if !KEPT_HEADERS
            .iter()
            .any(|kept| name.eq_ignore_ascii_case(kept))
        {
            wrong(&format!(
                "no plugin sees the header `{name}`: the host keeps {}",
                KEPT_HEADERS.join(", ")
            ));
        }
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

#[cfg(test)]
mod tests;
