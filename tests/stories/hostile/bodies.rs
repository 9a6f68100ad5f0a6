//! Bodies: what is an event, however odd, and what is none.

use super::{EVENT, Row, TAKEN, posted};

/// An event with one more member.
fn with(member: &str) -> String {
    let start = EVENT.strip_suffix('}').unwrap_or(EVENT);
    posted(&format!("{start},{member}}}"))
}

/// An event of these two values.
fn of(scope: &str, action: &str) -> String {
    posted(&format!(
        r#"{{"event":{{"scope":{scope},"action":{action}}}}}"#
    ))
}

pub fn rows() -> Vec<Row> {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    vec![
        (
            "an empty body",
            posted(""),
            r#"400 {"error":"the body is not JSON: EOF while parsing a value at line 1 column 0"}, kept; nothing recorded"#,
        ),
        (
            "only spaces",
            posted(" \t\r\n "),
            r#"400 {"error":"the body is not JSON: EOF while parsing a value at line 2 column 1"}, kept; nothing recorded"#,
        ),
        (
            "spaces around it",
            posted(&format!(" \r\n{EVENT}\r\n ")),
            TAKEN,
        ),
        (
            "something behind it",
            posted(&format!("{EVENT}x")),
            r#"400 {"error":"the body is not JSON: trailing characters at line 1 column 45"}, kept; nothing recorded"#,
        ),
        (
            "two of them",
            posted(&format!("{EVENT}{EVENT}")),
            r#"400 {"error":"the body is not JSON: trailing characters at line 1 column 45"}, kept; nothing recorded"#,
        ),
        (
            "half of it",
            posted(&EVENT[..20]),
            r#"400 {"error":"the body is not JSON: EOF while parsing a string at line 1 column 20"}, kept; nothing recorded"#,
        ),
        (
            "a byte order mark",
            posted(&format!("\u{ef}\u{bb}\u{bf}{EVENT}")),
            r#"400 {"error":"the body is not JSON: expected value at line 1 column 1"}, kept; nothing recorded"#,
        ),
        (
            "another encoding",
            posted(&format!("\u{ff}\u{fe}{}", EVENT.replace('"', "\"\0"))),
            r#"400 {"error":"the body is not JSON: byte 0 is not valid UTF-8"}, kept; nothing recorded"#,
        ),
        (
            "a form",
            posted("payload=%7B%7D"),
            r#"400 {"error":"the body is not JSON: expected value at line 1 column 1"}, kept; nothing recorded"#,
        ),
        (
            "depth 10,000 beside the event",
            with(&format!(r#""x":{}"#, deep(10_000))),
            TAKEN,
        ),
        (
            "objects to depth 10,000",
            with(&format!(r#""x":{}"#, objects(10_000))),
            TAKEN,
        ),
        (
            "depth 10,000 and no end",
            posted(&"[".repeat(10_000)),
            r#"400 {"error":"the body is not JSON: EOF while parsing a list at line 1 column 10000"}, kept; nothing recorded"#,
        ),
        (
            "depth 10,000 instead of the event",
            posted(&format!(r#"{{"event":{}}}"#, deep(10_000))),
            r#"400 {"error":"event: expected a JSON object, found an array"}, kept; nothing recorded"#,
        ),
        (
            "depth 10,000 instead of the scope",
            of(&deep(10_000), r#""x""#),
            r#"400 {"error":"event.scope: longer than the 1024 bytes that are read"}, kept; nothing recorded"#,
        ),
        ("a number beyond numbers", with(r#""x":1e400"#), TAKEN),
        (
            "a number of many digits",
            with(&format!(r#""x":{}"#, "9".repeat(5000))),
            TAKEN,
        ),
        (
            "a number that is none",
            with(r#""x":NaN"#),
            r#"400 {"error":"the body is not JSON: expected value at line 1 column 49"}, kept; nothing recorded"#,
        ),
        (
            "a number with a zero first",
            with(r#""x":01"#),
            r#"400 {"error":"the body is not JSON: invalid number at line 1 column 50"}, kept; nothing recorded"#,
        ),
        (
            "a raw NUL",
            with("\"x\":\"a\0b\""),
            r#"400 {"error":"the body is not JSON: control character (\\u0000-\\u001F) found while parsing a string at line 1 column 50"}, kept; nothing recorded"#,
        ),
        (
            "a NUL between members",
            with("\0\"x\":1"),
            r#"400 {"error":"the body is not JSON: key must be a string at line 1 column 45"}, kept; nothing recorded"#,
        ),
        ("an escaped NUL", with(r#""x":"a\u0000b""#), TAKEN),
        (
            "an escaped NUL in the scope",
            of(r#""re\u0000po""#, r#""create""#),
            TAKEN,
        ),
        ("half a surrogate pair", with(r#""x":"\ud800""#), TAKEN),
        (
            "half a surrogate pair in the scope",
            of(r#""\udc00""#, r#""create""#),
            r#"400 {"error":"event.scope: expected a string, found a string that is not valid Unicode"}, kept; nothing recorded"#,
        ),
        (
            "half a surrogate pair in a name",
            with(r#""\ud800":1"#),
            r#"400 {"error":"the body: expected a JSON object, found one with a name that is not valid Unicode"}, kept; nothing recorded"#,
        ),
        (
            "bytes that are no UTF-8",
            with("\"x\":\"\u{ff}\""),
            r#"400 {"error":"the body is not JSON: byte 49 is not valid UTF-8"}, kept; nothing recorded"#,
        ),
        (
            "a path of bytes that are no UTF-8",
            with("\"x\":\"\u{c0}\u{af}\""),
            r#"400 {"error":"the body is not JSON: byte 49 is not valid UTF-8"}, kept; nothing recorded"#,
        ),
        (
            "a scope twice",
            posted(r#"{"event":{"scope":1,"scope":"repo","action":"create"}}"#),
            TAKEN,
        ),
        (
            "the event twice",
            posted(&format!(r#"{{"event":1,{}"#, &EVENT[1..])),
            TAKEN,
        ),
        (
            "the event twice, the good one first",
            with(r#""event":1"#),
            r#"400 {"error":"event: expected a JSON object, found a number"}, kept; nothing recorded"#,
        ),
        (
            "a number as the scope",
            of("7", r#""create""#),
            r#"400 {"error":"event.scope: expected a string, found a number"}, kept; nothing recorded"#,
        ),
        (
            "nothing as the scope",
            of("null", r#""create""#),
            r#"400 {"error":"event.scope: expected a string, found null"}, kept; nothing recorded"#,
        ),
        ("an empty scope", of(r#""""#, r#""create""#), TAKEN),
        (
            "a very long scope",
            of(&format!("\"{}\"", "s".repeat(60_000)), r#""create""#),
            r#"400 {"error":"event.scope: longer than the 1024 bytes that are read"}, kept; nothing recorded"#,
        ),
        ("a scope of dots", of(r#""..""#, r#""create""#), TAKEN),
        (
            "a scope of markup",
            of(r#""<script>""#, r#""create""#),
            TAKEN,
        ),
        (
            "a comment",
            posted(&format!("/* */{EVENT}")),
            r#"400 {"error":"the body is not JSON: expected value at line 1 column 1"}, kept; nothing recorded"#,
        ),
        (
            "a comma too many",
            posted(r#"{"event":{"scope":"repo","action":"create",}}"#),
            r#"400 {"error":"the body is not JSON: key must be a string at line 1 column 44"}, kept; nothing recorded"#,
        ),
        (
            "single quotes",
            posted(&EVENT.replace('"', "'")),
            r#"400 {"error":"the body is not JSON: key must be a string at line 1 column 2"}, kept; nothing recorded"#,
        ),
        (
            "a list of events",
            posted(&format!("[{EVENT}]")),
            r#"400 {"error":"the body: expected a JSON object, found an array"}, kept; nothing recorded"#,
        ),
        (
            "a string",
            posted("\"event\""),
            r#"400 {"error":"the body: expected a JSON object, found a string"}, kept; nothing recorded"#,
        ),
        (
            "nothing at all",
            posted("null"),
            r#"400 {"error":"the body: expected a JSON object, found null"}, kept; nothing recorded"#,
        ),
    ]
}
