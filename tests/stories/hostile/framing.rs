//! Framings of a body: what is read in one way only, and what is refused.

use super::{
    BROKEN_BODY, EVENT, HEAD_TOO_LARGE, HEADERS, MALFORMED, NOT_ONLY_CHUNKED, Row, TAKEN,
    TAKEN_AND_CLOSED, WRONG_SECRET, chunked, framed, headed, length, request,
};

pub fn rows() -> Vec<Row> {
    [lengths(), chunks(), expectations()].concat()
}

fn lengths() -> Vec<Row> {
    let told = |value: &str| framed(&[&format!("content-length: {value}")], EVENT);
    let count = EVENT.len();
    vec![
        (
            "a length with a sign",
            told(&format!("+{count}")),
            MALFORMED,
        ),
        ("a length below zero", told("-1"), MALFORMED),
        ("a length in hex", told("0x2c"), MALFORMED),
        ("an empty length", told(""), MALFORMED),
        (
            "a list of lengths",
            told(&format!("{count}, {count}")),
            MALFORMED,
        ),
        (
            "a length beyond numbers",
            told("99999999999999999999999"),
            MALFORMED,
        ),
        (
            "the largest length",
            told("18446744073709551615"),
            HEAD_TOO_LARGE,
        ),
        (
            "a length over the limit",
            told("65537"),
            r#"413 {"error":"the body is larger than 65536 bytes"}, closed; nothing recorded"#,
        ),
        ("the length twice", headed(&[&length(EVENT)]), TAKEN),
        ("two lengths", headed(&["content-length: 1"]), MALFORMED),
        (
            "a length too short",
            told("10"),
            r#"400 {"error":"the body is not JSON: EOF while parsing an object at line 1 column 10"}, 400, closed; nothing recorded"#,
        ),
        (
            "no length",
            framed(&[], ""),
            r#"400 {"error":"the body is not JSON: EOF while parsing a value at line 1 column 0"}, kept; nothing recorded"#,
        ),
        (
            "no length, and a body",
            framed(&[], EVENT),
            r#"400 {"error":"the body is not JSON: EOF while parsing a value at line 1 column 0"}, 400, closed; nothing recorded"#,
        ),
    ]
}

fn chunks() -> Vec<Row> {
    let coded = |headers: &[&str]| framed(headers, &chunked(EVENT));
    let one = "transfer-encoding: chunked";
    let with = |body: &str| framed(&[one], body);
    let count = EVENT.len();
    vec![
        ("chunks", coded(&[one]), TAKEN),
        (
            "chunks in capitals",
            coded(&["transfer-encoding: CHUNKED"]),
            TAKEN,
        ),
        ("chunks twice", coded(&[one, one]), NOT_ONLY_CHUNKED),
        (
            "chunks twice in one",
            coded(&["transfer-encoding: chunked, chunked"]),
            NOT_ONLY_CHUNKED,
        ),
        (
            "compressed chunks",
            coded(&["transfer-encoding: gzip, chunked"]),
            NOT_ONLY_CHUNKED,
        ),
        (
            "chunks, compressed",
            coded(&["transfer-encoding: chunked, gzip"]),
            MALFORMED,
        ),
        (
            "no coding at all",
            coded(&["transfer-encoding: identity"]),
            MALFORMED,
        ),
        (
            "an empty coding",
            coded(&["transfer-encoding: "]),
            MALFORMED,
        ),
        (
            "a coding in a trick",
            coded(&["transfer-encoding: \u{b}chunked"]),
            MALFORMED,
        ),
        (
            "chunks in version 1.0",
            request(
                "POST /webhooks HTTP/1.0",
                &[&HEADERS[..], &[one]].concat(),
                &chunked(EVENT),
            ),
            MALFORMED,
        ),
        (
            "chunks and a length",
            coded(&[one, "content-length: 3"]),
            TAKEN_AND_CLOSED,
        ),
        (
            "a length and chunks",
            coded(&["content-length: 3", one]),
            TAKEN_AND_CLOSED,
        ),
        (
            "a chunk of no number",
            with(&format!("zz\r\n{EVENT}\r\n0\r\n\r\n")),
            BROKEN_BODY,
        ),
        (
            "a chunk below zero",
            with(&format!("-1\r\n{EVENT}\r\n0\r\n\r\n")),
            BROKEN_BODY,
        ),
        (
            "a chunk in another hex",
            with(&format!("0x{count:x}\r\n{EVENT}\r\n0\r\n\r\n")),
            BROKEN_BODY,
        ),
        (
            "a chunk beyond numbers",
            with(&format!("fffffffffffffffff\r\n{EVENT}")),
            BROKEN_BODY,
        ),
        (
            "a chunk longer than told",
            with(&format!("5\r\n{EVENT}\r\n0\r\n\r\n")),
            BROKEN_BODY,
        ),
        (
            "a chunk with an extension",
            with(&format!("{count:x};a=b\r\n{EVENT}\r\n0\r\n\r\n")),
            TAKEN,
        ),
        (
            "an extension too long",
            with(&format!(
                "{count:x};{}\r\n{EVENT}\r\n0\r\n\r\n",
                "x".repeat(20_000)
            )),
            BROKEN_BODY,
        ),
        (
            "bare line feeds between chunks",
            with(&format!("{count:x}\n{EVENT}\n0\n\n")),
            BROKEN_BODY,
        ),
        (
            "trailers",
            with(&format!(
                "{count:x}\r\n{EVENT}\r\n0\r\nx-webhook-secret: x\r\n\r\n"
            )),
            TAKEN,
        ),
        (
            "too many trailers",
            with(&format!(
                "{count:x}\r\n{EVENT}\r\n0\r\n{}\r\n",
                "x: y\r\n".repeat(2000)
            )),
            BROKEN_BODY,
        ),
        (
            "more chunks than the limit",
            with(&format!(
                "10000\r\n{}\r\n1\r\n \r\n0\r\n\r\n",
                " ".repeat(65536)
            )),
            r#"413 {"error":"the body is larger than 65536 bytes"}, closed; nothing recorded"#,
        ),
    ]
}

fn expectations() -> Vec<Row> {
    let [host, _, id] = HEADERS;
    vec![
        (
            "a body to be asked for",
            headed(&["expect: 100-continue"]),
            r#"100, 202 {"id":"ID","runs":[]}, kept; recorded once"#,
        ),
        (
            "a body to be asked for, and a wrong secret",
            request(
                "POST /webhooks HTTP/1.1",
                &[
                    host,
                    "x-webhook-secret: wrong",
                    id,
                    &length(EVENT),
                    "expect: 100-continue",
                ],
                EVENT,
            ),
            WRONG_SECRET,
        ),
        (
            "something else expected",
            headed(&["expect: 200-ok"]),
            TAKEN,
        ),
        (
            "a compressed body",
            headed(&["content-encoding: gzip"]),
            r#"415 {"error":"content-encoding is not supported; send the body as it is"}, closed; nothing recorded"#,
        ),
        (
            "a body as it is",
            headed(&["content-encoding: identity"]),
            TAKEN,
        ),
    ]
}
