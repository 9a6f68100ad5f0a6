//! The reader against `serde_json`: they must agree on what is JSON, and on what it says.

use serde_json::{Map, Value, json};

use super::*;

/// A place that takes any JSON, so that all of it can be compared.
#[derive(Default)]
struct Node {
    part: Option<Value>,
    items: Vec<Node>,
    fields: Vec<(String, Node)>,
}

impl Node {
    fn into_value(self) -> Value {
        match self.part {
            Some(Value::Array(_)) => self.items.into_iter().map(Node::into_value).collect(),
            Some(Value::Object(_)) => self
                .fields
                .into_iter()
                .map(|(key, node)| (key, node.into_value()))
                .collect::<Map<_, _>>()
                .into(),
            Some(leaf) => leaf,
            None => Value::Null,
        }
    }

    fn take(&mut self, value: Value) -> bool {
        self.part = Some(value);
        true
    }
}

impl Slot for Node {
    fn text(&mut self, text: &str) -> bool {
        self.take(text.into())
    }

    fn boolean(&mut self, value: bool) -> bool {
        self.take(value.into())
    }

    fn number(&mut self, value: u64) -> bool {
        self.take(value.into())
    }

    fn list(&mut self) -> bool {
        self.take(json!([]))
    }

    fn item(&mut self) -> Option<&mut dyn Slot> {
        self.items.push(Node::default());
        self.items.last_mut().map(|node| node as &mut dyn Slot)
    }

    fn object(&mut self) -> bool {
        self.take(json!({}))
    }

    fn field(&mut self, key: &str) -> Option<&mut dyn Slot> {
        self.fields.push((key.to_owned(), Node::default()));
        self.fields
            .last_mut()
            .map(|(_, node)| node as &mut dyn Slot)
    }
}

/// What `serde_json` reads, with the numbers that a place does not take as null.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_u64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, whole(value)))
            .collect::<Map<_, _>>()
            .into(),
        leaf => leaf,
    }
}

/// Whether they agree, and on what.
fn check(json: &[u8]) {
    let mut node = Node::default();
    let ours = read(json, &mut node).map(|_| node.into_value()).ok();
    let theirs: Option<Value> = serde_json::from_slice(json).map(whole).ok();
    assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(json));
}

#[test]
fn valid_and_invalid_texts_are_judged_alike() {
    let texts = [
        "",
        " ",
        "null",
        " true ",
        "false",
        "nul",
        "truex",
        "tru",
        "\"",
        "\"a",
        "\"a\"",
        "\"\\",
        "\"\\u",
        "\"\\u12",
        "\"\\u12g4\"",
        "\"\\x\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u00e9\\u20AC\\ud83d\\ude00\"",
        "\"\u{7f}é€😀\"",
        "\"a\nb\"",
        "\"\t\"",
        "0",
        "-0",
        "00",
        "01",
        "-",
        "-1",
        "1.",
        "1.5",
        ".5",
        "1e",
        "1e5",
        "1E+5",
        "1e-5",
        "1e+",
        "1.5e3x",
        "+1",
        "0x1",
        "1 2",
        "18446744073709551615",
        "18446744073709551616",
        "[",
        "[]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,2]",
        "]",
        "[[],{}]",
        "{",
        "{}",
        "{,}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" : [ 1 , null ] }",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}}",
        "}",
        "{\"\":{\"\":{}}}",
        "{\"a\":1,\"a\":2}",
        "\u{feff}{}",
        "{\"\\u0061\":1}",
        "NaN",
        "Infinity",
        "'a'",
        "[1]//",
    ];
    for text in texts {
        check(text.as_bytes());
    }
    for bytes in [
        &b"\xff"[..],
        b"\"\xc3\"",
        b"\"\xed\xa0\x80\"",
        b"[\"\xe2\x82\"]",
        b"\x00",
    ] {
        check(bytes);
    }
}

#[test]
fn every_cut_and_every_changed_byte_of_a_payload_is_judged_alike() {
    for name in [
        "repo-content",
        "discussion-comment-hidden",
        "bucket-content",
    ] {
        let Some(sample) = crate::sample::find(name) else {
            continue;
        };
        let compact: Value = serde_json::from_str(sample.json).unwrap_or_default();
        let text = compact.to_string().into_bytes();
        check(&text);
        for end in 0..text.len() {
            check(text.get(..end).unwrap_or_default());
        }
        for at in 0..text.len() {
            for byte in *b"\"\\{}[],:0-e \n\x01\xffu" {
                let mut changed = text.clone();
                if let Some(place) = changed.get_mut(at) {
                    *place = byte;
                }
                check(&changed);
            }
        }
    }
}

#[test]
fn half_a_surrogate_pair_becomes_the_replacement_character() {
    for (json, expected) in [
        (r#""a\ud83d""#, "a\u{fffd}"),
        (r#""\ude00b""#, "\u{fffd}b"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
    ] {
        let mut text = String::new();
        assert_eq!(read(json.as_bytes(), &mut text), Ok(true), "{json}");
        assert_eq!(text, expected, "{json}");
    }
}

#[test]
fn a_fault_says_what_is_wrong_and_where() {
    let said = |json: &[u8]| read(json, &mut Node::default()).map_err(|fault| fault.to_string());
    assert_eq!(
        said(b"{\"a\": tru}"),
        Err("there is no value at byte 6".to_owned())
    );
    assert_eq!(
        said(b"{\"a\": 1"),
        Err("a comma or a closing brace is missing at byte 7".to_owned())
    );
    assert_eq!(
        said(b"\"abc"),
        Err("the text ends early at byte 4".to_owned())
    );
    assert_eq!(
        said(b"\"\xff\""),
        Err("there is no UTF-8 at byte 1".to_owned())
    );
    assert_eq!(
        said(b"{} x"),
        Err("something follows the end at byte 3".to_owned())
    );
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(read(nested(128).as_bytes(), &mut String::new()), Ok(false));
    let fault = read(nested(129).as_bytes(), &mut String::new());
    assert_eq!(
        fault,
        Err(Fault {
            what: "it is nested deeper than 128 levels",
            at: 128
        })
    );
    assert!(read("[{\"a\":".repeat(1_000_000).as_bytes(), &mut String::new()).is_err());
}

#[test]
fn quoted_texts_are_read_back() {
    for text in [
        "",
        "plain",
        "\"quoted\" \\ back",
        "line\nbreak\ttab\0\u{1f}",
        "é😀\u{7f}",
    ] {
        assert_eq!(
            serde_json::from_str::<String>(&quoted(text))
                .ok()
                .as_deref(),
            Some(text)
        );
    }
}
