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
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Event {
        self.delivery.attempt = attempt;
        self
    }

    /// The same event with a header, for tests.
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
    pub fn id(&self) -> &str {
        &self.delivery.id
    }

    /// The idempotency key: the same over all attempts, new when an operator replays the delivery.
    pub fn run_id(&self) -> &str {
        &self.delivery.run_id
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.delivery.attempt
    }

    /// When the host received the delivery, in milliseconds since the Unix epoch.
    pub fn received_at_ms(&self) -> u64 {
        self.delivery.received_at_ms
    }

    /// When the host received the delivery.
    pub fn received_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.delivery.received_at_ms)
    }

    /// The scope as the subscription sees it: an unknown scope is narrowed to a known one above it.
    pub fn scope(&self) -> &str {
        &self.delivery.scope
    }

    /// The action as the subscription sees it: `update` where the scope was narrowed.
    pub fn action(&self) -> &str {
        &self.delivery.action
    }

    /// The scope as the Hub sent it.
    pub fn sent_scope(&self) -> &str {
        &self.delivery.sent_scope
    }

    /// The action as the Hub sent it.
    pub fn sent_action(&self) -> &str {
        &self.delivery.sent_action
    }

    /// The repo's type (`model`), if sent; known without parsing the payload.
    pub fn repo_type(&self) -> Option<&str> {
        self.delivery.repo_type.as_deref()
    }

    /// The repo's name with its namespace, if sent; known without parsing the payload.
    pub fn repo_name(&self) -> Option<&str> {
        self.delivery.repo_name.as_deref()
    }

    /// The repo's id, which survives a rename, if sent; known without parsing the payload.
    pub fn repo_id(&self) -> Option<&str> {
        self.delivery.repo_id.as_deref()
    }

    /// The payload, typed. Parsed on first use.
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
mod tests {
    use super::*;

    #[test]
    fn a_sample_carries_what_the_host_would_say_of_it() -> Result<()> {
        let event = Event::sample("repo-content")?.with_attempt(3);
        assert_eq!((event.scope(), event.action()), ("repo.content", "update"));
        assert_eq!(
            (event.sent_scope(), event.sent_action()),
            ("repo.content", "update")
        );
        assert_eq!(event.repo_type(), Some("model"));
        assert_eq!(event.repo_id(), Some("6366c000a2abcdf2fd69a080"));
        assert_eq!(event.attempt(), 3);
        assert_eq!(event.received_at_ms(), 1_767_225_600_000);
        assert_ne!(event.id(), event.run_id());
        Ok(())
    }

    #[test]
    fn the_payload_is_there_typed_as_a_tree_and_as_bytes() -> Result<()> {
        let text = r#"{"event": {"scope": "repo", "action": "create"}, "new": {"deep": [1]}}"#;
        let event = Event::from_json(text)?;
        assert_eq!(event.raw(), text.as_bytes());
        assert_eq!(event.json()?.pointer("/new/deep/0"), Some(&Value::from(1)));
        assert_eq!(event.payload()?.event.scope, "repo");
        assert_eq!(event.repo_name(), None);
        Ok(())
    }

    #[test]
    fn what_is_no_object_is_rejected_with_the_reason() {
        let no_object = Event::from_json("[1]")
            .map(|_| ())
            .map_err(|failure| failure.reason().to_owned());
        let expected =
            "the payload is JSON, but no object: the Hub sends objects, so check what posted it";
        assert_eq!(no_object, Err(expected.to_owned()));
        let cut = Event::from_json("{\"event\": {")
            .map(|_| ())
            .map_err(|failure| failure.reason().to_owned());
        let expected = "the payload is no JSON that can be read (there is no key at byte 11): check what posted it";
        assert_eq!(cut, Err(expected.to_owned()));
    }

    #[test]
    fn an_unknown_sample_names_those_there_are() {
        let reason = Event::sample("nope")
            .map(|_| ())
            .map_err(|failure| failure.reason().to_owned());
        assert!(reason.is_err_and(
            |text| text.contains("`nope`") && text.contains("discussion-comment-hidden")
        ));
    }
}
