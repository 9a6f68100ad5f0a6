//! The part of a payload that routes and shows: read leniently, once.
//!
//! Only `event.scope` and `event.action` must be there, as strings. Whatever else is missing, or of a type that
//! the Hub did not send before, is absent here and still reaches the plugin in the raw body. Nothing is copied
//! but the few texts below: unknown parts of a body of 16 MiB are skipped, not stored.

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The longest text that is read, in bytes: a scope, an action, a name, an id. The Hub's longest scope is 18.
pub const WORD_BYTES_MAX: usize = 1024;

/// The most refs of an event that count.
pub const REFS_MAX: usize = 10_000;

/// What a delivery says, as far as the host needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// `event.scope`, as sent.
    pub scope: String,
    /// `event.action`, as sent.
    pub action: String,
    /// `repo`, if it is an object.
    pub repo: Option<Repo>,
    /// `discussion.id`.
    pub discussion_id: Option<String>,
    /// `discussion.author.id`.
    pub discussion_author_id: Option<String>,
    /// `comment.author.id`.
    pub comment_author_id: Option<String>,
    /// `movedTo.name`: the new name on a `move`.
    pub moved_to: Option<String>,
    /// `updatedRefs[].ref`, in order.
    pub refs: Vec<String>,
    /// `webhook.id`: the webhook's id on the Hub.
    pub webhook_id: Option<String>,
}

/// The repo that an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repo {
    /// `repo.type`: `model`, `dataset`, `space`, `bucket` or what the Hub adds.
    pub kind: Option<String>,
    /// `repo.name`, with its namespace if it has one.
    pub name: Option<String>,
    /// `repo.id`: stable across renames.
    pub id: Option<String>,
}

/// Why a body is not an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not UTF-8, which JSON must be (RFC 8259, section 8.1).
    #[error("the body is not JSON: byte {at} is not valid UTF-8")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// Not JSON.
    #[error("the body is not JSON: {reason}")]
    NotJson {
        /// The parser's words, with line and column.
        reason: String,
    },
    /// A place that must hold a string does not.
    #[error("{place}: expected a {expected}, found {found}")]
    Unexpected {
        /// The place, such as `event.scope`.
        place: &'static str,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A word is longer than [`WORD_BYTES_MAX`].
    #[error("{place}: longer than the {WORD_BYTES_MAX} bytes that are read")]
    TooLong {
        /// The place.
        place: &'static str,
    },
}

impl Event {
    /// Reads a body.
    ///
    /// # Errors
    /// [`EventError`] names the place: the body is not JSON, or `event.scope` or `event.action` is not a string.
    pub fn parse(body: &[u8]) -> Result<Self, EventError> {
        let text = std::str::from_utf8(body).map_err(|error| EventError::NotUtf8 {
            at: error.valid_up_to(),
        })?;
        let whole: &RawValue = serde_json::from_str(text).map_err(|error| EventError::NotJson {
            reason: error.to_string(),
        })?;
        let [event, repo, discussion, comment, moved_to, refs, webhook] = pick(
            whole.get(),
            [
                "event",
                "repo",
                "discussion",
                "comment",
                "movedTo",
                "updatedRefs",
                "webhook",
            ],
        )
        .ok_or_else(|| unexpected("the body", "JSON object", Some(whole)))?;
        let [scope, action] = event
            .and_then(|raw| pick(raw.get(), ["scope", "action"]))
            .ok_or_else(|| unexpected("event", "JSON object", event))?;
        let [discussion_id, discussion_author] = members(discussion, ["id", "author"]);
        let [comment_author] = members(comment, ["author"]);
        let [moved_name] = members(moved_to, ["name"]);
        let [webhook_id] = members(webhook, ["id"]);
        Ok(Self {
            scope: word("event.scope", scope)?,
            action: word("event.action", action)?,
            repo: repo.and_then(|raw| {
                let [kind, name, id] = pick(raw.get(), ["type", "name", "id"])?;
                Some(Repo {
                    kind: text_of(kind),
                    name: text_of(name),
                    id: text_of(id),
                })
            }),
            discussion_id: text_of(discussion_id),
            discussion_author_id: author_id(discussion_author),
            comment_author_id: author_id(comment_author),
            moved_to: text_of(moved_name),
            refs: ref_names(refs),
            webhook_id: text_of(webhook_id),
        })
    }
}

fn word(place: &'static str, raw: Option<&RawValue>) -> Result<String, EventError> {
    text_of(raw).ok_or_else(|| match raw.map(|raw| raw.get().len()) {
        Some(bytes) if bytes > WORD_BYTES_MAX => EventError::TooLong { place },
        _ => unexpected(place, "string", raw),
    })
}

fn unexpected(place: &'static str, expected: &'static str, raw: Option<&RawValue>) -> EventError {
    let found = match raw.map(|raw| raw.get().as_bytes().first().copied()) {
        None => "nothing",
        Some(Some(b'"')) => "a string that is not valid Unicode",
        Some(Some(b'{')) => "an object",
        Some(Some(b'[')) => "an array",
        Some(Some(b't' | b'f')) => "a boolean",
        Some(Some(b'n')) => "null",
        Some(_) => "a number",
    };
    // An ordinary string where an object should be is the one case in which a string itself is the surprise, and an
    // object is one only if its members cannot be told apart.
    let found = match (expected, found) {
        ("JSON object", "a string that is not valid Unicode") => "a string",
        ("JSON object", "an object") => "one with a name that is not valid Unicode",
        (_, found) => found,
    };
    EventError::Unexpected {
        place,
        expected,
        found,
    }
}

/// A text of a length that somebody could mean; a longer one counts as absent.
fn text_of(raw: Option<&RawValue>) -> Option<String> {
    let json = raw?.get();
    // Escapes make JSON at most six times as long as its text, and the two quotes are no part of that.
    if json.len() > 6 * WORD_BYTES_MAX + 2 {
        return None;
    }
    let text: String = serde_json::from_str(json).ok()?;
    (text.len() <= WORD_BYTES_MAX).then_some(text)
}

fn author_id(raw: Option<&RawValue>) -> Option<String> {
    let [id] = members(raw, ["id"]);
    text_of(id)
}

/// The names of the refs: what is no object with a `ref` is passed over, and of very many only the first count.
fn ref_names(raw: Option<&RawValue>) -> Vec<String> {
    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON array")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut names = Vec::new();
            while names.len() < REFS_MAX {
                let Some(entry) = list.next_element::<&RawValue>()? else {
                    return Ok(names);
                };
                let [name] = members(Some(entry), ["ref"]);
                names.extend(text_of(name));
            }
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(names)
        }
    }

    raw.and_then(|raw| {
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        deserializer.deserialize_seq(Names).ok()
    })
    .unwrap_or_default()
}

/// The named members of an object; all `None` if it is absent or something else.
fn members<'a, const N: usize>(
    raw: Option<&'a RawValue>,
    names: [&'static str; N],
) -> [Option<&'a RawValue>; N] {
    raw.and_then(|raw| pick(raw.get(), names))
        .unwrap_or([None; N])
}

/// The named members of the object in `json`, the last one where a name repeats (as JavaScript and Python read
/// it); `None` if it is not an object.
fn pick<'a, const N: usize>(
    json: &'a str,
    names: [&'static str; N],
) -> Option<[Option<&'a RawValue>; N]> {
    struct Members<const N: usize>([&'static str; N]);

    impl<'de, const N: usize> DeserializeSeed<'de> for Members<N> {
        type Value = [Option<&'de RawValue>; N];
        fn deserialize<D: serde::Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_map(self)
        }
    }

    impl<'de, const N: usize> Visitor<'de> for Members<N> {
        type Value = [Option<&'de RawValue>; N];
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = [None; N];
            while let Some(Name(name)) = map.next_key()? {
                let slot = self.0.iter().position(|wanted| *wanted == name);
                match slot.and_then(|slot| found.get_mut(slot)) {
                    Some(slot) => *slot = Some(map.next_value()?),
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
            Ok(found)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(json);
    Members(names).deserialize(&mut deserializer).ok()
}

/// An object's key, borrowed where the JSON has no escapes in it.
struct Name<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_routes_and_shows() {
        let body = br#"{"event":{"action":"update","scope":"repo.content"},
            "repo":{"type":"model","name":"a/b","id":"1","url":{"x":[1e400]}},
            "updatedRefs":[{"ref":"refs/heads/main"},7,{"ref":"refs/tags/v1","oldSha":null}],
            "webhook":{"id":"w"},"movedTo":{"name":"a/c"},
            "discussion":{"id":"d","author":{"id":"da"}},"comment":{"author":{"id":"ca"}}}"#;
        let event = Event::parse(body).unwrap();
        assert_eq!(event.scope, "repo.content");
        assert_eq!(event.action, "update");
        let repo = event.repo.unwrap();
        assert_eq!(repo.kind.as_deref(), Some("model"));
        assert_eq!(repo.name.as_deref(), Some("a/b"));
        assert_eq!(repo.id.as_deref(), Some("1"));
        assert_eq!(event.refs, ["refs/heads/main", "refs/tags/v1"]);
        assert_eq!(event.webhook_id.as_deref(), Some("w"));
        assert_eq!(event.moved_to.as_deref(), Some("a/c"));
        assert_eq!(event.discussion_id.as_deref(), Some("d"));
        assert_eq!(event.discussion_author_id.as_deref(), Some("da"));
        assert_eq!(event.comment_author_id.as_deref(), Some("ca"));
    }

    #[test]
    fn what_has_another_type_is_absent() {
        let body = br#"{"event":{"action":"x","scope":"y"},"repo":[1],"updatedRefs":{"a":1},
            "discussion":"no","comment":{"author":7},"webhook":null}"#;
        let event = Event::parse(body).unwrap();
        assert_eq!(
            event,
            Event {
                scope: "y".into(),
                action: "x".into(),
                ..Event::default()
            }
        );
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        let body = br#"{"event":{"scope":"a","action":"b"},"event":{"scope":"c","scope":"d","action":"e"}}"#;
        let event = Event::parse(body).unwrap();
        assert_eq!((event.scope.as_str(), event.action.as_str()), ("d", "e"));
    }

    #[test]
    fn unknown_parts_may_be_deeper_than_any_stack() {
        let deep = format!(
            r#"{{"event":{{"scope":"a","action":"b"}},"x":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(Event::parse(deep.as_bytes()).unwrap().scope, "a");
    }

    #[test]
    fn very_many_refs_and_very_long_texts_are_not_kept() {
        let refs = r#"{"ref":"r"},0,"#.repeat(20_000);
        let name = "n".repeat(100_000);
        let body = format!(
            r#"{{"event":{{"scope":"a","action":"b"}},"repo":{{"name":"{name}","id":"1"}},"updatedRefs":[{refs}1]}}"#
        );
        let event = Event::parse(body.as_bytes()).unwrap();
        assert_eq!(event.refs.len(), REFS_MAX);
        let repo = event.repo.unwrap();
        assert_eq!((repo.name, repo.id.as_deref()), (None, Some("1")));
    }

    #[test]
    fn an_error_names_the_place() {
        let long = format!(
            r#"{{"event":{{"scope":"{}","action":"b"}}}}"#,
            "s".repeat(2000)
        );
        let cases: &[(&[u8], &str)] = &[
            (
                b"",
                "the body is not JSON: EOF while parsing a value at line 1 column 0",
            ),
            (
                b"{\"a\":\xff}",
                "the body is not JSON: byte 5 is not valid UTF-8",
            ),
            (b"[1]", "the body: expected a JSON object, found an array"),
            (b"\"x\"", "the body: expected a JSON object, found a string"),
            (b"{}", "event: expected a JSON object, found nothing"),
            (
                br#"{"event":"update"}"#,
                "event: expected a JSON object, found a string",
            ),
            (
                br#"{"event":{}}"#,
                "event.scope: expected a string, found nothing",
            ),
            (
                br#"{"event":{"scope":7}}"#,
                "event.scope: expected a string, found a number",
            ),
            (
                br#"{"event":{"scope":"a"}}"#,
                "event.action: expected a string, found nothing",
            ),
            (
                br#"{"event":{"scope":"a","action":null}}"#,
                "event.action: expected a string, found null",
            ),
            (
                br#"{"event":{"scope":"\ud800","action":"b"}}"#,
                "event.scope: expected a string, found a string that is not valid Unicode",
            ),
            (
                long.as_bytes(),
                "event.scope: longer than the 1024 bytes that are read",
            ),
        ];
        for (body, message) in cases {
            assert_eq!(Event::parse(body).unwrap_err().to_string(), *message);
        }
    }
}
