//! Slow phases: who takes too long with a head or a body, in one piece or byte by byte.

use super::{BODY_TOO_SLOW, EVENT, HUNG_UP, Row, TRICKLE, framed, headed};

pub fn rows() -> Vec<Row> {
    let half = |text: String| text[..text.len() / 2].to_owned();
    vec![
        ("nothing", String::new(), HUNG_UP),
        ("empty lines", format!("{TRICKLE}\r\n"), HUNG_UP),
        ("half a line", "POST /web".into(), HUNG_UP),
        ("half a head", half(headed(&["x: y"])), HUNG_UP),
        ("a line byte by byte", format!("POST /{TRICKLE}x"), HUNG_UP),
        (
            "a head byte by byte",
            format!("POST /webhooks HTTP/1.1\r\nhost: x\r\nx: {TRICKLE}y"),
            HUNG_UP,
        ),
        (
            "headers without an end",
            format!("POST /webhooks HTTP/1.1\r\n{TRICKLE}x:y\r\n"),
            HUNG_UP,
        ),
        (
            "a body that does not come",
            framed(&["content-length: 500"], ""),
            BODY_TOO_SLOW,
        ),
        (
            "half a body",
            framed(&["content-length: 500"], EVENT),
            BODY_TOO_SLOW,
        ),
        (
            "a body byte by byte",
            framed(&["content-length: 500"], &format!("{{{TRICKLE} ")),
            BODY_TOO_SLOW,
        ),
        (
            "a chunk that does not come",
            framed(&["transfer-encoding: chunked"], "5\r\n"),
            BODY_TOO_SLOW,
        ),
        (
            "chunks byte by byte",
            framed(
                &["transfer-encoding: chunked"],
                &format!("1\r\n{{\r\n{TRICKLE}1\r\n \r\n"),
            ),
            BODY_TOO_SLOW,
        ),
        (
            "a chunk's size byte by byte",
            framed(&["transfer-encoding: chunked"], &format!("1;{TRICKLE}x")),
            BODY_TOO_SLOW,
        ),
        (
            "trailers byte by byte",
            framed(
                &["transfer-encoding: chunked"],
                &format!("0\r\nx: {TRICKLE}y"),
            ),
            BODY_TOO_SLOW,
        ),
    ]
}
