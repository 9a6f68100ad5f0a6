//! `[[http]]` entries as operators write them: what is taken, and what is refused with its line.

use super::*;
use crate::plugin::Grant;

fn grant(text: &str) -> Result<Grant, String> {
    Grant::parse(text, 1 << 28).map_err(|error| error.to_string())
}

/// The reason why an entry for `example.org` with these further lines cannot be used, or `ok`.
fn check(lines: &str, expected: &str) {
    let text = format!("[[http]]\nhost = \"example.org\"\n{lines}");
    let found = grant(&text).err().unwrap_or_else(|| "ok".to_owned());
    assert_eq!(found, expected, "{lines}");
}

#[test]
fn an_entry_says_what_it_gives_and_the_rest_has_its_default() {
    let text = "\n[[http]]\nhost = \"HuggingFace.co\"\n\n[[http]]\nhost = \"localhost:9000\"\nmethods = [\"post\"]\n\
                paths = [\"/api/**\"]\nbearer = \"env:HF_TOKEN\"\nscheme = \"http\"\nprivate = true\nrequests = 3\n\
                writes-per-hour = 0\nresponse-max = \"1KiB\"\ntimeout = \"1m\"\n";
    let read = grant(text).unwrap().http;
    let [plain, full] = read.as_slice() else {
        panic!("{read:?}")
    };
    let entry = plain.entry();
    assert_eq!((entry.line, entry.name().as_str()), (2, "huggingface.co"));
    assert_eq!(
        (entry.scheme, entry.port, entry.reach),
        (Scheme::Https, 443, Reach::Public)
    );
    assert_eq!(entry.methods, [Method::GET, Method::HEAD]);
    assert_eq!((entry.requests, entry.writes_per_hour), (32, 600));
    assert_eq!(
        (entry.response_bytes_max, entry.timeout),
        (8 << 20, TIMEOUT)
    );
    assert!(entry.paths.is_none() && plain.credential.is_none());
    let entry = full.entry();
    assert_eq!((entry.line, entry.name().as_str()), (5, "localhost:9000"));
    assert_eq!(
        (entry.scheme, entry.port, entry.reach),
        (Scheme::Http, 9000, Reach::Private)
    );
    assert_eq!(entry.methods, [Method::POST]);
    assert_eq!((entry.requests, entry.writes_per_hour), (3, 0));
    assert_eq!(
        (entry.response_bytes_max, entry.timeout),
        (1024, Duration::from_secs(60))
    );
    let credential = full.credential.as_ref().unwrap();
    assert_eq!(credential.place.to_string(), "env:HF_TOKEN");
    assert_eq!(
        (&credential.header, credential.form),
        (&header::AUTHORIZATION, Form::Bearer)
    );
}

#[test]
fn a_mistake_in_an_entry_is_told_with_its_line_and_its_mend() {
    check("", "ok");
    check(
        "hosts = 1",
        "line 3: `http.hosts` is not a key; did you mean `host`?",
    );
    check(
        "header = { nam = \"x\" }",
        "line 3: `http.header.nam` is not a key; did you mean `name`?",
    );
    check(
        "scheme = \"ftp\"",
        "line 3: http.scheme: write `https`, or `http` for what nobody else can listen to",
    );
    check(
        "methods = []",
        "line 3: http.methods: none; leave it out for GET and HEAD",
    );
    check(
        "methods = [\"GET\",\n\"TRACE\"]",
        "line 4: http.methods: TRACE is never sent; remove it",
    );
    check(
        "methods = [\"A B\"]",
        "line 3: http.methods: `A B` is not a method; write `POST`",
    );
    check(
        "paths = []",
        "line 3: http.paths: none, so nothing could be asked for; write `paths = [\"/api/**\"]`",
    );
    check(
        &format!("paths = [{}]", "\"/api\",\n".repeat(65)),
        "line 67: http.paths: more than 64; use `*` and `**`, or another entry",
    );
    check(
        "paths = [\"api\"]",
        "line 3: http.paths: `api`: it begins with a slash, as in `/api/models/**`",
    );
    check(
        "requests = 0",
        "line 3: http.requests: 0 is not in 1..=10000",
    );
    check(
        "writes-per-hour = -1",
        "line 3: http.writes-per-hour: -1 is not in 0..=1000000",
    );
    check(
        "response-max = \"much\"",
        "line 3: http.response-max: `much` is not a size; write `8MiB`",
    );
    check(
        "response-max = \"2GiB\"",
        "line 3: http.response-max: `2GiB` is not between 1B and 1GiB",
    );
    check(
        "timeout = \"0s\"",
        "line 3: http.timeout: `0s` is not between 1ms and 24h",
    );
    let missing = "line 2: http: `host` is missing; write `host = \"huggingface.co\"`";
    assert_eq!(grant("\n[[http]]\n").unwrap_err(), missing);
    let many = "[[http]]\nhost = \"example.org\"\n".repeat(65);
    assert_eq!(
        grant(&many).unwrap_err(),
        "line 129: http: more than 64 entries"
    );
}

#[test]
fn a_credential_goes_only_where_its_operator_says() {
    let paths = "paths = [\"/api/**\"]\n";
    check(&format!("{paths}bearer = \"env:TOKEN\""), "ok");
    check(
        &format!("{paths}header = {{ name = \"X-Api-Key\", value = \"file:/run/key\" }}"),
        "ok",
    );
    check(
        "bearer = \"env:TOKEN\"",
        "line 3: http.bearer: a credential needs `paths`, which say where it may be sent",
    );
    check(
        &format!("{paths}bearer = \"env:TOKEN\"\nscheme = \"http\""),
        "line 4: http.bearer: a credential is not sent in plain text; use https, or `private = true` for a host of your own network",
    );
    check(
        &format!("{paths}bearer = \"env:TOKEN\"\nscheme = \"http\"\nprivate = true"),
        "ok",
    );
    check(
        &format!("{paths}bearer = \"env:TOKEN\"\nheader = {{ name = \"X\", value = \"env:Y\" }}"),
        "line 5: http: `bearer` and `header` are two credentials; keep one of them",
    );
    check(
        &format!("{paths}header = {{ name = \"Host\", value = \"env:Y\" }}"),
        "line 4: http.header.name: not a field that carries a credential; write `X-Api-Key`",
    );
    check(
        &format!("{paths}header = {{ name = \"X\" }}"),
        "line 4: http.header: `value` is missing; write `header = { name = \"X-Api-Key\", value = \"env:API_KEY\" }`",
    );
    check(
        &format!("{paths}bearer = \"hf_secret\""),
        "line 4: http.bearer: write `env:NAME` or `file:PATH`: a secret itself never stands in a setting",
    );
    let below = grant("[[http]]\nhost = \"*.example.org\"\npaths = [\"/**\"]\nbearer = \"env:T\"");
    assert_eq!(
        below.unwrap_err(),
        "line 4: http.bearer: a credential is for one host, not for all below a name; name the host"
    );
}

#[test]
fn no_order_of_entries_decides_which_credential_goes_out() {
    let two = |first: &str, second: &str| {
        let entry = |more: &str| format!("[[http]]\nhost = \"example.org\"\n{more}\n");
        grant(&format!("{}{}", entry(first), entry(second))).err()
    };
    let a = "paths = [\"/api/**\"]\nbearer = \"env:A\"";
    assert_eq!(
        two(a, "paths = [\"/*/x\"]\nbearer = \"env:B\"").as_deref(),
        Some(
            "line 5: http: the entry of line 1 gives another credential to some of the same requests; keep their \
             `methods` or `paths` apart"
        )
    );
    assert_eq!(two(a, "paths = [\"/*/x\"]\nbearer = \"env:A\""), None);
    assert_eq!(two(a, "paths = [\"/other/**\"]\nbearer = \"env:B\""), None);
    assert_eq!(
        two(
            a,
            "methods = [\"POST\"]\npaths = [\"/api/**\"]\nbearer = \"env:B\""
        ),
        None
    );
    assert_eq!(two(a, ""), None);
}

#[test]
fn a_credential_is_read_when_it_is_needed_and_told_if_it_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let text = format!(
        "[[http]]\nhost = \"example.org\"\npaths = [\"/**\"]\nbearer = \"file:{}\"",
        path.display()
    );
    let entries = grant(&text).unwrap().http;
    assert!(entries[0].may_change());
    let read = || rules("bot", &entries).entries.remove(0).credential.unwrap();
    assert!(read().unwrap_err().contains("No such file"));
    std::fs::write(&path, "hf_one\n").unwrap();
    let one = read().unwrap();
    std::fs::write(&path, "hf_two\n").unwrap();
    let two = read().unwrap();
    assert_ne!(one, two);
    assert!(!format!("{one:?} {two:?}").contains("hf_"));
    std::fs::write(&path, "").unwrap();
    assert!(read().unwrap_err().ends_with("it is empty"));
}
