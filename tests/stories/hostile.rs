//! Hostile requests over a raw socket: each with the exact answer, and with what it left in the ledger.

mod bodies;
mod framing;
mod heads;
mod phases;
mod secrets;

use hookbox_tests::{Answer, Connection, Host, SECRET};
use serde_json::Value;
use std::time::Duration;

/// One request: what it is, its bytes, and what comes of them.
///
/// In the bytes, each character stands for one byte, and words in braces for what only the story knows. What comes is
/// each answer's status and body (`closed` for none, `ID` for an id), whether the connection is kept, which another
/// request on it proves, and what is in the ledger.
type Row = (&'static str, String, &'static str);

/// After this the sender goes on byte by byte until the host has enough of it.
const TRICKLE: char = '\u{2026}';

/// The time between two bytes of a trickle: the sender listens meanwhile.
const DRIP: Duration = Duration::from_millis(50);

/// The most bytes of a trickle.
const DRIPS_MAX: usize = 200;

/// What is said of a good request.
const TAKEN: &str = r#"202 {"id":"ID","runs":[]}, kept; recorded once"#;

/// The same, where the sender or the framing asks for the end.
const TAKEN_AND_CLOSED: &str = r#"202 {"id":"ID","runs":[]}, closed; recorded once"#;

/// What is said of bytes that are no request.
const MALFORMED: &str = r#"400, closed; nothing recorded"#;

/// What is said of a head over its bounds.
const HEAD_TOO_LARGE: &str = r#"431, closed; nothing recorded"#;

/// What is said of a head that does not come.
const HUNG_UP: &str = r#"closed; nothing recorded"#;

/// What is said of a body without an end.
const BROKEN_BODY: &str =
    r#"400 {"error":"the body could not be read to its end"}, closed; nothing recorded"#;

/// What is said of a body that does not come.
const BODY_TOO_SLOW: &str =
    r#"408 {"error":"the body took longer than 1 s"}, closed; nothing recorded"#;

/// What is said of codings that two readers could read differently.
const NOT_ONLY_CHUNKED: &str = r#"400 {"error":"transfer-encoding may be `chunked`, once, and nothing else"}, closed; nothing recorded"#;

/// What is said of a host that is none.
const NO_HOST: &str =
    r#"400 {"error":"the host header is no host and port"}, closed; nothing recorded"#;

/// What is said of two hosts in different places.
const OTHER_HOST: &str =
    r#"400 {"error":"the request's address and its host header differ"}, closed; nothing recorded"#;

/// What is said where no secret was sent.
const NO_SECRET: &str =
    r#"401 {"error":"x-webhook-secret header not set."}, kept; nothing recorded"#;

/// What is said of a wrong secret.
const WRONG_SECRET: &str = r#"403 {"error":"Invalid webhook secret."}, kept; nothing recorded"#;

/// What is said of a path that leads nowhere.
const NOWHERE: &str = r#"404 {"error":"there is nothing at this path"}, kept; nothing recorded"#;

/// An event that no plugin waits for.
const EVENT: &str = r#"{"event":{"scope":"repo","action":"create"}}"#;

/// What every good request says.
const HEADERS: [&str; 3] = [
    "host: {host}",
    "x-webhook-secret: {secret}",
    "webhook-id: {id}",
];

/// A request of a line, headers and a body, without a word more.
fn request(line: &str, headers: &[&str], body: &str) -> String {
    format!("{line}\r\n{}\r\n\r\n{body}", headers.join("\r\n"))
}

/// A good request, with further headers that say how long the body is.
fn framed(headers: &[&str], body: &str) -> String {
    let headers = [&HEADERS[..], headers].concat();
    request("POST /webhooks HTTP/1.1", &headers, body)
}

/// A good request with further headers.
fn headed(headers: &[&str]) -> String {
    let length = length(EVENT);
    framed(&[&[length.as_str()], headers].concat(), EVENT)
}

/// A good request of another body.
fn posted(body: &str) -> String {
    framed(&[&length(body)], body)
}

/// The header that tells a body's length.
fn length(body: &str) -> String {
    format!("content-length: {}", body.chars().count())
}

/// A body in chunks, of which it is the only one.
fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.chars().count())
}

/// Sends a row's bytes and says what came of them, as far as the sender can see.
fn told(host: &Host, id: &str, bytes: &str) -> String {
    let bytes = bytes
        .replace("{host}", host.address())
        .replace("{secret}", SECRET)
        .replace("{id}", id);
    let as_bytes = |text: &str| -> Vec<u8> {
        let byte = |c: char| u8::try_from(u32::from(c)).expect("a character is a byte");
        text.chars().map(byte).collect()
    };
    let mut connection = host.hub().connect();
    let (whole, drip) = bytes.split_once(TRICKLE).unwrap_or((&bytes, ""));
    connection.send(as_bytes(whole));
    for drip in as_bytes(drip).iter().cycle().take(DRIPS_MAX) {
        if connection.hears(DRIP) {
            break;
        }
        connection.send([*drip]);
    }
    let mut told = Vec::new();
    let mut asked = false;
    while let Some(answer) = next(&mut connection, &bytes) {
        if asked && answer.body == "ok\n" {
            told.push("kept".to_owned());
            return told.join(", ");
        }
        told.push(shown(answer.status, &answer.body));
        // Whether the connection is kept, and still in step, only another request can tell.
        if answer.status != 100 && !asked {
            let host = host.address();
            asked = connection.send(format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        }
    }
    told.push("closed".to_owned());
    told.join(", ")
}

/// The next answer. One to a `HEAD` has no body.
fn next(connection: &mut Connection, request: &str) -> Option<Answer> {
    if request.starts_with("HEAD") {
        return connection.answer_head();
    }
    connection.answer()
}

/// An answer's status and body, with its id, which nobody knows beforehand, as `ID`.
fn shown(status: u16, body: &str) -> String {
    let id = serde_json::from_str::<Value>(body)
        .ok()
        .and_then(|body| Some(body.get("id")?.as_str()?.to_owned()));
    let body = match id {
        Some(id) => body.replace(&id, "ID"),
        None => body.to_owned(),
    };
    format!("{status} {}", body.trim_end())
        .trim_end()
        .to_owned()
}

#[test]
fn hostile_requests_get_their_answer_and_leave_nothing_but_what_was_accepted() {
    // Given a host with short times
    let host = Host::with(&[])
        .args(&["--body-max", "64KiB"])
        .env("HOOKBOX_HEAD_TIME_MAX", "1s")
        .env("HOOKBOX_BODY_TIME_MAX", "1s")
        .env("RUST_LOG", "warn,hookbox=debug")
        .start();
    let rows = [
        heads::rows(),
        framing::rows(),
        secrets::rows(),
        bodies::rows(),
        phases::rows(),
    ]
    .concat();
    assert!(rows.len() >= 70, "{} rows", rows.len());
    // When each request of the table is sent
    // Many at once: some of them are slow.
    let told: Vec<String> = std::thread::scope(|scope| {
        let senders: Vec<_> = (rows.iter().enumerate())
            .map(|(number, (_, bytes, _))| {
                let host = &host;
                scope.spawn(move || told(host, &format!("hostile-{number}"), bytes))
            })
            .collect();
        let told = senders.into_iter().map(|sender| sender.join().unwrap());
        told.collect()
    });
    // Then each gets its answer, and is in the ledger as often as the table says
    let kept = host.deliveries();
    let mut wrong = Vec::new();
    for (number, ((what, _, expected), told)) in rows.iter().zip(told).enumerate() {
        let id = Value::from(format!("hostile-{number}"));
        let times = kept.iter().filter(|kept| kept["hub_id"] == id).count();
        let recorded = match times {
            0 => "nothing recorded".to_owned(),
            1 => "recorded once".to_owned(),
            times => format!("recorded {times} times"),
        };
        let found = format!("{told}; {recorded}");
        if found != *expected {
            wrong.push(format!(
                "{what}:\n  expected {expected}\n  found    {found}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let unknown = kept.iter().filter(|kept| kept["hub_id"].is_null());
    assert_eq!(unknown.count(), 0, "{kept:#?}");
    assert_eq!(host.hub().request("GET", "/readyz").send().status, 200);
    for never in [SECRET, "panicked"] {
        assert!(!host.log().contains(never), "{}", host.log());
    }
}
