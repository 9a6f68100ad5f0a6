//! Heads: what is read in one way only, and what is refused.

use super::{
    EVENT, HEAD_TOO_LARGE, HEADERS, MALFORMED, NO_HOST, NOWHERE, OTHER_HOST, Row, TAKEN,
    TAKEN_AND_CLOSED, headed, length, request,
};

const POST: &str = "POST /webhooks HTTP/1.1";

pub fn rows() -> Vec<Row> {
    [heads(), hosts()].concat()
}

/// A good request of another line.
fn line(line: &str) -> String {
    request(line, &[&HEADERS[..], &[&length(EVENT)]].concat(), EVENT)
}

/// A request of other headers than every good one.
fn bare(headers: &[&str]) -> String {
    let length = length(EVENT);
    request(POST, &[headers, &[length.as_str()]].concat(), EVENT)
}

fn heads() -> Vec<Row> {
    let [host, secret, id] = HEADERS;
    let folded = format!("{secret}\r\n {{secret}}");
    vec![
        ("a good one", headed(&[]), TAKEN),
        (
            "two in a row",
            format!("{0}{0}", headed(&[])),
            r#"202 {"id":"ID","runs":[]}, 200 {"id":"ID","duplicate":true,"runs":[]}, kept; recorded once"#,
        ),
        (
            "another version",
            line("POST /webhooks HTTP/1.2"),
            MALFORMED,
        ),
        (
            "a version that is to come",
            line("POST /webhooks HTTP/3.0"),
            MALFORMED,
        ),
        ("no version", line("POST /webhooks"), MALFORMED),
        (
            "a version in small letters",
            line("POST /webhooks http/1.1"),
            MALFORMED,
        ),
        (
            "version 1.0",
            line("POST /webhooks HTTP/1.0"),
            TAKEN_AND_CLOSED,
        ),
        (
            "version 1.0 without a host",
            request(
                "POST /webhooks HTTP/1.0",
                &[secret, id, &length(EVENT)],
                EVENT,
            ),
            TAKEN_AND_CLOSED,
        ),
        (
            "version 1.0, to be kept",
            line("POST /webhooks HTTP/1.0\r\nconnection: keep-alive"),
            TAKEN,
        ),
        (
            "HTTP/2",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0".into(),
            "505, closed; nothing recorded",
        ),
        (
            "TLS",
            "\u{16}\u{3}\u{1}\0\u{a5}\u{1}\0\0\u{a1}\u{3}\u{3}\r\n\r\n".into(),
            MALFORMED,
        ),
        ("no method", line(" /webhooks HTTP/1.1"), MALFORMED),
        (
            "a method that is no word",
            line("P\u{e4}ST /webhooks HTTP/1.1"),
            MALFORMED,
        ),
        (
            "a method of one's own",
            line("BREW /webhooks HTTP/1.1"),
            r#"405 {"error":"this path takes POST"}, closed; nothing recorded"#,
        ),
        (
            "a NUL in the path",
            line("POST /webhooks\0 HTTP/1.1"),
            MALFORMED,
        ),
        (
            "a space in the path",
            line("POST /web hooks HTTP/1.1"),
            MALFORMED,
        ),
        (
            "two spaces before the path",
            line("POST  /webhooks HTTP/1.1"),
            MALFORMED,
        ),
        (
            "a path without a slash",
            line("POST webhooks HTTP/1.1"),
            OTHER_HOST,
        ),
        (
            "a path up and down",
            line("POST /x/../webhooks HTTP/1.1"),
            NOWHERE,
        ),
        ("two slashes", line("POST //webhooks HTTP/1.1"), NOWHERE),
        (
            "an encoded path",
            line("POST /%77ebhooks HTTP/1.1"),
            NOWHERE,
        ),
        ("a fragment", line("POST /webhooks#x HTTP/1.1"), TAKEN),
        (
            "all paths",
            line("OPTIONS * HTTP/1.1"),
            r#"405 {"error":"this path takes GET, HEAD, POST"}, closed; nothing recorded"#,
        ),
        (
            "a tunnel",
            line("CONNECT {host} HTTP/1.1"),
            r#"400 {"error":"this is no proxy"}, closed; nothing recorded"#,
        ),
        (
            "a head asked for",
            line("HEAD /webhooks HTTP/1.1"),
            "405, closed; nothing recorded",
        ),
        ("an empty line first", format!("\r\n{}", headed(&[])), TAKEN),
        ("bare line feeds", headed(&[]).replace('\r', ""), TAKEN),
        (
            "bare carriage returns",
            headed(&[]).replace('\n', ""),
            MALFORMED,
        ),
        ("a folded header", bare(&[host, &folded, id]), MALFORMED),
        (
            "a space before the colon",
            bare(&[host, secret, "webhook-id : {id}"]),
            MALFORMED,
        ),
        ("a header without a colon", headed(&["x-more"]), MALFORMED),
        ("a header without a name", headed(&[": x"]), MALFORMED),
        ("a NUL in a header", headed(&["x-more: a\0b"]), MALFORMED),
        (
            "a control character in a header",
            headed(&["x-more: a\u{1}b"]),
            MALFORMED,
        ),
        (
            "bytes beyond ASCII in a header",
            headed(&["x-more: \u{e4}\u{ff}"]),
            TAKEN,
        ),
        (
            "another protocol asked for",
            headed(&[
                "connection: upgrade, http2-settings",
                "upgrade: h2c",
                "http2-settings: AAMAAABkAAQAAP__",
            ]),
            TAKEN,
        ),
        (
            "an id of the sender's own",
            headed(&["x-request-id: 1", "x-request-id: 2"]),
            TAKEN,
        ),
        ("too many headers", headed(&["x: y"; 61]), HEAD_TOO_LARGE),
        (
            "a header too large",
            headed(&[&format!("x: {}", "y".repeat(64 * 1024))]),
            HEAD_TOO_LARGE,
        ),
        (
            "a path too long",
            line(&format!("POST /{} HTTP/1.1", "y".repeat(64 * 1024))),
            HEAD_TOO_LARGE,
        ),
    ]
}

fn hosts() -> Vec<Row> {
    let [host, secret, id] = HEADERS;
    vec![
        (
            "no host",
            bare(&[secret, id]),
            r#"400 {"error":"the host header is missing"}, closed; nothing recorded"#,
        ),
        (
            "two hosts",
            bare(&[host, "host: elsewhere.example", secret, id]),
            r#"400 {"error":"the host header is sent twice"}, closed; nothing recorded"#,
        ),
        (
            "the same host twice",
            bare(&[host, host, secret, id]),
            r#"400 {"error":"the host header is sent twice"}, closed; nothing recorded"#,
        ),
        ("an empty host", bare(&["host: ", secret, id]), NO_HOST),
        (
            "a host with a path",
            bare(&["host: hooks.example/x", secret, id]),
            NO_HOST,
        ),
        (
            "a host with a user",
            bare(&["host: x@hooks.example", secret, id]),
            NO_HOST,
        ),
        (
            "two hosts in one",
            bare(&["host: hooks.example, elsewhere.example", secret, id]),
            NO_HOST,
        ),
        (
            "any host",
            bare(&["host: anything.example:1", secret, id]),
            TAKEN,
        ),
        (
            "an address of the host",
            line("POST http://{host}/webhooks HTTP/1.1"),
            TAKEN,
        ),
        (
            "an address elsewhere",
            line("POST http://elsewhere.example/webhooks HTTP/1.1"),
            OTHER_HOST,
        ),
        (
            "an address with a user",
            line("POST http://x@{host}/webhooks HTTP/1.1"),
            OTHER_HOST,
        ),
    ]
}
