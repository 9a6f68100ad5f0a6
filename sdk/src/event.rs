//! What a handler gets: the delivery's facts, and the payload when it asks for it.

use std::cell::OnceCell;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::payload::{Payload, not_json};
use crate::scope::Seen;
use crate::{Failure, Result, sample};

/// One delivery of a webhook. Facts that route it are at hand; the payload is fetched and parsed on first use, once.
///
/// ```
/// use hookbox_sdk::{Event, Failure};
///
/// let event = Event::sample("discussion-comment")?;
/// assert_eq!(event.scope(), "discussion.comment");
/// assert_eq!(event.action(), "create");
/// assert_eq!(event.repo_name(), Some("some-user/some-repo"));
/// assert_eq!(event.payload()?.repo.name, "some-user/some-repo");
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone)]
pub struct Event {
    delivery: Delivery,
    body: OnceCell<Vec<u8>>,
    payload: OnceCell<Result<Payload>>,
    /// The headers that a test gave; in the host the host is asked.
    headers: Vec<(String, String)>,
    #[cfg(target_family = "wasm")]
    is_hosted: bool,
}

/// The facts of a delivery, as the host passes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub id: String,
    pub run_id: String,
    pub attempt: u32,
    pub received_at_ms: u64,
    pub scope: String,
    pub action: String,
    pub sent_scope: String,
    pub sent_action: String,
    pub repo_type: Option<String>,
    pub repo_name: Option<String>,
    pub repo_id: Option<String>,
}

impl Event {
    /// An event with one of the built-in payloads, for tests. [`sample::SAMPLES`] lists them.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    ///
    /// let event = Event::sample("repo-move")?;
    /// assert_eq!((event.scope(), event.action()), ("repo", "move"));
    /// assert!(Event::sample("repo-moved").unwrap_err().reason().contains("repo-move"));
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// If there is no sample of that name: the reason lists those that there are.
    pub fn sample(name: &str) -> Result<Event> {
        match sample::find(name) {
            Some(sample) => Event::from_json(sample.json),
            None => Err(Failure::reject(sample::unknown(name))),
        }
    }

    /// An event with a payload of one's own, for tests: first attempt, scope and action as in the payload.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    ///
    /// let event = Event::from_json(r#"{
    ///     "event": {"scope": "repo.content", "action": "update"}, "repo": {"type": "dataset", "name": "my-org/reviews"}
    /// }"#)?;
    /// assert_eq!((event.scope(), event.repo_name()), ("repo.content", Some("my-org/reviews")));
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// If the text is no JSON object.
    pub fn from_json(json: &str) -> Result<Event> {
        let payload = Payload::from_json(json.as_bytes())?;
        let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let delivery = Delivery {
            id: "00000000-0000-7000-8000-000000000001".to_owned(),
            run_id: "00000000-0000-7000-8000-000000000002".to_owned(),
            attempt: 1,
            received_at_ms: 1_767_225_600_000,
            scope: payload.event.scope.clone(),
            action: payload.event.action.clone(),
            sent_scope: payload.event.scope.clone(),
            sent_action: payload.event.action.clone(),
            repo_type: told(payload.repo.repo_type.as_str()),
            repo_name: told(&payload.repo.name),
            repo_id: told(&payload.repo.id),
        };
        Ok(Event {
            delivery,
            body: OnceCell::from(json.as_bytes().to_vec()),
            payload: OnceCell::from(Ok(payload)),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            #[cfg(target_family = "wasm")]
            is_hosted: false,
        })
    }

    /// The event that the host hands over: the body stays with it until asked for.
    #[cfg(target_family = "wasm")]
    pub(crate) fn hosted(delivery: Delivery) -> Event {
        Event {
            delivery,
            body: OnceCell::new(),
            payload: OnceCell::new(),
            headers: vec![],
            is_hosted: true,
        }
    }

    /// The same event on another attempt, for tests.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// /// Gives up quietly in place of trying for two days.
    /// fn handle(event: &Event) -> Result {
    ///     if event.attempt() > 3 { ignored("no longer news") } else { Err(Failure::retry("the channel is busy")) }
    /// }
    ///
    /// let event = Event::sample("repo-create")?;
    /// assert!(handle(&event).is_err());
    /// assert_eq!(handle(&event.with_attempt(4)), ignored("no longer news"));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Event {
        self.delivery.attempt = attempt;
        self
    }

    /// The same event with a header, for tests.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    ///
    /// let event = Event::sample("repo-create")?.with_header("user-agent", "a test");
    /// assert_eq!(event.header("User-Agent").as_deref(), Some("a test"));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Event {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same event with other facts, for tests.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn with_facts(mut self, change: impl FnOnce(&mut Delivery)) -> Event {
        change(&mut self.delivery);
        self
    }

    /// The same event with scope and action narrowed.
    pub(crate) fn seen_as(&self, seen: Seen<'_>) -> Event {
        let mut event = self.clone();
        event.delivery.scope = seen.scope.to_owned();
        event.delivery.action = seen.action.to_owned();
        event
    }

    /// The delivery's id: the same for every plugin that handles it.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure, log};
    ///
    /// let event = Event::sample("repo-create")?;
    /// // Two plugins that log it can be brought together by it.
    /// log::info!("delivery {}", event.id());
    /// assert_eq!(event.id(), event.clone().with_attempt(2).id());
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn id(&self) -> &str {
        &self.delivery.id
    }

    /// The idempotency key: the same over all attempts, new when an operator replays the delivery.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure, http::Request};
    ///
    /// let event = Event::sample("repo-create")?;
    /// // Who takes the same key twice does the thing once.
    /// let order = Request::post("https://shop.example.org/orders").with_header("idempotency-key", event.run_id());
    /// assert_eq!(order.header("idempotency-key"), Some(event.with_attempt(2).run_id()));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn run_id(&self) -> &str {
        &self.delivery.run_id
    }

    /// Which attempt this is, from 1.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    ///
    /// let event = Event::sample("repo-create")?;
    /// assert_eq!(event.attempt(), 1);
    /// assert_eq!(event.with_attempt(2).attempt(), 2);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn attempt(&self) -> u32 {
        self.delivery.attempt
    }

    /// When the host received the delivery, in milliseconds since the Unix epoch.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    ///
    /// let event = Event::sample("repo-create")?;
    /// let day = event.received_at_ms() / (24 * 60 * 60 * 1000);
    /// assert_eq!(day, 20_454); // 1 January 2026, that of all events of tests
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn received_at_ms(&self) -> u64 {
        self.delivery.received_at_ms
    }

    /// When the host received the delivery.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    /// use std::time::{Duration, SystemTime};
    ///
    /// let event = Event::sample("repo-create")?;
    /// let age = SystemTime::now().duration_since(event.received_at())?;
    /// assert!(age > Duration::from_secs(3600)); // events of tests are of 1 January 2026
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn received_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.delivery.received_at_ms)
    }

    /// The scope as the subscription sees it: an unknown scope is narrowed to a known one above it.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("repo.config")]
    /// fn changed(event: ConfigEvent) -> Result { done(format!("{} as {}", event.sent_scope(), event.scope())) }
    ///
    /// plugin! { description: "Watches settings", handlers: [changed] }
    ///
    /// # fn main() -> Result<()> {
    /// let event = Event::sample("unknown-scope")?;
    /// assert_eq!(PLUGIN.deliver(&event), Some(done("repo.config.dois as repo.config")));
    /// # Ok(()) }
    /// ```
    pub fn scope(&self) -> &str {
        &self.delivery.scope
    }

    /// The action as the subscription sees it: `update` where the scope was narrowed.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("repo", actions = [create, delete])]
    /// fn count(event: RepoEvent) -> Result {
    ///     done(if event.action() == "create" { "one more" } else { "one less" })
    /// }
    ///
    /// plugin! { description: "Counts repos", handlers: [count] }
    ///
    /// # fn main() -> Result<()> {
    /// assert_eq!(PLUGIN.deliver(&Event::sample("repo-delete")?), Some(done("one less")));
    /// # Ok(()) }
    /// ```
    pub fn action(&self) -> &str {
        &self.delivery.action
    }

    /// The scope as the Hub sent it.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("repo.*")]
    /// fn note(event: RepoEvent) -> Result { done(format!("{} of {}", event.sent_scope(), event.repo.name)) }
    ///
    /// plugin! { description: "Logs repos", handlers: [note] }
    ///
    /// # fn main() -> Result<()> {
    /// let answer = PLUGIN.deliver(&Event::sample("repo-content")?);
    /// assert_eq!(answer, Some(done("repo.content of some-user/some-repo")));
    /// # Ok(()) }
    /// ```
    pub fn sent_scope(&self) -> &str {
        &self.delivery.sent_scope
    }

    /// The action as the Hub sent it.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("repo.config")]
    /// fn changed(event: ConfigEvent) -> Result { done(format!("{} as {}", event.sent_action(), event.action())) }
    ///
    /// plugin! { description: "Watches settings", handlers: [changed] }
    ///
    /// # fn main() -> Result<()> {
    /// // What is created under a setting is an update of the settings.
    /// let event = Event::sample("unknown-scope")?;
    /// assert_eq!(PLUGIN.deliver(&event), Some(done("create as update")));
    /// # Ok(()) }
    /// ```
    pub fn sent_action(&self) -> &str {
        &self.delivery.sent_action
    }

    /// The repo's type (`model`), if sent; known without parsing the payload.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// fn models_only(event: &Event) -> Result {
    ///     match event.repo_type() {
    ///         Some("model") => done("looked at"),
    ///         other => ignored(format!("a {}", other.unwrap_or("repo of no type"))),
    ///     }
    /// }
    ///
    /// assert_eq!(models_only(&Event::sample("bucket-content")?), ignored("a bucket"));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn repo_type(&self) -> Option<&str> {
        self.delivery.repo_type.as_deref()
    }

    /// The repo's name with its namespace, if sent; known without parsing the payload.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    ///
    /// let event = Event::sample("repo-create")?;
    /// assert!(event.repo_name().is_some_and(|name| name.starts_with("some-user/")));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn repo_name(&self) -> Option<&str> {
        self.delivery.repo_name.as_deref()
    }

    /// The repo's id, which survives a rename, if sent; known without parsing the payload.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure, OrReject, Require, state, testing};
    ///
    /// # let _state = testing::state();
    /// let event = Event::sample("repo-create")?;
    /// // What is kept by the id is found again when the repo has another name.
    /// let key = format!("repo/{}", event.repo_id().or_reject("which repo?")?);
    /// state::open()?.set(&key, "welcomed")?;
    /// assert!(state::open()?.exists("repo/6366c000a2abcdf2fd69a080")?);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn repo_id(&self) -> Option<&str> {
        self.delivery.repo_id.as_deref()
    }

    /// The payload, typed. Parsed on first use.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure, Require};
    ///
    /// let event = Event::sample("discussion-comment")?;
    /// let discussion = event.payload()?.discussion.as_ref().or_reject("which discussion?")?;
    /// assert_eq!((discussion.num, discussion.title.as_str()), (3, "Hello!"));
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// Rejects a payload that is not one JSON object.
    pub fn payload(&self) -> Result<&Payload> {
        let parsed = self.payload.get_or_init(|| Payload::from_json(self.raw()));
        parsed.as_ref().map_err(Clone::clone)
    }

    /// Takes the payload, for a view that shows its parts; whoever asks for the whole of it has it read again.
    pub(crate) fn take_payload(&mut self) -> Result<Payload> {
        match self.payload.take() {
            Some(read) => read,
            None => Payload::from_json(self.raw()),
        }
    }

    /// The payload as a JSON tree, for what [`Event::payload`] has no field for. Parsed on every call.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    ///
    /// let event = Event::from_json(r#"{"repo": {"gatedBy": "license"}}"#)?;
    /// assert_eq!(event.json()?["repo"]["gatedBy"], "license");
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// Rejects a payload that is no JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(self.raw()).map_err(|error| not_json(&error))
    }

    /// The exact bytes of the request's body.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    ///
    /// let sent = r#"{ "event": {"scope": "repo", "action": "create"} }"#;
    /// assert_eq!(Event::from_json(sent)?.raw(), sent.as_bytes()); // blanks and all
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn raw(&self) -> &[u8] {
        self.body.get_or_init(fetch_body)
    }

    /// A header of the request, by its case-insensitive name: the host keeps `webhook-id`, `content-type`,
    /// `user-agent` and `traceparent`.
    ///
    /// ```
    /// use hookbox_sdk::{Event, Failure};
    ///
    /// let event = Event::sample("repo-create")?.with_header("Webhook-Id", "42");
    /// assert_eq!(event.header("webhook-id").as_deref(), Some("42"));
    /// assert_eq!(event.header("x-webhook-secret"), None);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn header(&self, name: &str) -> Option<String> {
        #[cfg(target_family = "wasm")]
        if self.is_hosted {
            return crate::bindings::hookbox::plugin::raw::header(name);
        }
        let found = self
            .headers
            .iter()
            .rev()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    }
}

#[cfg(target_family = "wasm")]
fn fetch_body() -> Vec<u8> {
    crate::bindings::hookbox::plugin::raw::payload()
}

/// Never reached: a native event is made with its body.
#[cfg(not(target_family = "wasm"))]
fn fetch_body() -> Vec<u8> {
    Vec::new()
}

#[cfg(test)]
mod tests;
