//! Secrets: the right one, in the right place, once.

use super::{EVENT, NO_SECRET, NOWHERE, Row, TAKEN, WRONG_SECRET, length, request};

/// A request with these headers and this query, and no secret but theirs.
fn sent(query: &str, headers: &[&str]) -> String {
    let length = length(EVENT);
    let always = ["host: {host}", "webhook-id: {id}", length.as_str()];
    let line = format!("POST /webhooks{query} HTTP/1.1");
    request(&line, &[&always[..], headers].concat(), EVENT)
}

pub fn rows() -> Vec<Row> {
    let right = "x-webhook-secret: {secret}";
    vec![
        ("no secret", sent("", &[]), NO_SECRET),
        (
            "a wrong secret",
            sent("", &["x-webhook-secret: wrong"]),
            WRONG_SECRET,
        ),
        (
            "an empty secret",
            sent("", &["x-webhook-secret: "]),
            WRONG_SECRET,
        ),
        (
            "the secret twice",
            sent("", &[right, right]),
            r#"400 {"error":"the webhook secret is sent twice in the x-webhook-secret header; send it once"}, kept; nothing recorded"#,
        ),
        (
            "the secret twice in one",
            sent("", &["x-webhook-secret: {secret}, {secret}"]),
            WRONG_SECRET,
        ),
        (
            "spaces around the secret",
            sent("", &["x-webhook-secret: \t {secret} \t "]),
            TAKEN,
        ),
        (
            "a secret beyond ASCII",
            sent("", &["x-webhook-secret: {secret}\u{e4}"]),
            WRONG_SECRET,
        ),
        (
            "a secret in quotes",
            sent("", &["x-webhook-secret: \"{secret}\""]),
            WRONG_SECRET,
        ),
        (
            "an encoded secret in the header",
            sent("", &["x-webhook-secret: %61-secret-of-the-stories"]),
            WRONG_SECRET,
        ),
        (
            "a header of another case",
            sent("", &["X-WEBHOOK-SECRET: {secret}"]),
            TAKEN,
        ),
        (
            "a header with an underscore",
            sent("", &["x_webhook_secret: {secret}"]),
            NO_SECRET,
        ),
        (
            "the secret as a token",
            sent("", &["authorization: Bearer {secret}"]),
            NO_SECRET,
        ),
        (
            "the secret in the query",
            sent("?secret={secret}", &[]),
            TAKEN,
        ),
        (
            "an encoded secret in the query",
            sent("?secret=%61-secret-of-the-stories", &[]),
            TAKEN,
        ),
        (
            "an encoded name in the query",
            sent("?%73ecret={secret}", &[]),
            TAKEN,
        ),
        (
            "a secret encoded twice",
            sent("?secret=%2561-secret-of-the-stories", &[]),
            WRONG_SECRET,
        ),
        ("a broken encoding", sent("?secret=%6", &[]), WRONG_SECRET),
        (
            "an empty secret in the query",
            sent("?secret=", &[]),
            WRONG_SECRET,
        ),
        ("no value in the query", sent("?secret", &[]), NO_SECRET),
        (
            "the secret twice in the query",
            sent("?secret={secret}&secret={secret}", &[]),
            r#"400 {"error":"the webhook secret is sent twice in the query; send it once"}, kept; nothing recorded"#,
        ),
        (
            "the secret in both places",
            sent("?secret={secret}", &[right]),
            TAKEN,
        ),
        (
            "right in the query, wrong in the header",
            sent("?secret={secret}", &["x-webhook-secret: wrong"]),
            WRONG_SECRET,
        ),
        (
            "right in the header, wrong in the query",
            sent("?secret=wrong", &[right]),
            TAKEN,
        ),
        (
            "right in the query, empty in the header",
            sent("?secret={secret}", &["x-webhook-secret:"]),
            WRONG_SECRET,
        ),
        (
            "a query spelled wrong",
            sent("&secret={secret}", &[]),
            NO_SECRET,
        ),
        (
            "a plugin that nobody knows",
            sent("/nobody", &[]),
            NO_SECRET,
        ),
        (
            "a plugin that nobody knows, and the secret",
            sent("/nobody", &[right]),
            NOWHERE,
        ),
    ]
}
