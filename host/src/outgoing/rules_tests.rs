//! The matrix of what is sent and what is not: URLs, methods and paths against one grant.

use super::address::Reach;
use super::host::{Host, HostPattern, Scheme};
use super::path::PathGlob;
use super::{Credential, Entry, Form, Rules, Why};
use hyper::header::AUTHORIZATION;
use hyper::{Method, Uri};
use std::time::Duration;

/// An entry for a host, as a grant with nothing but defaults would give it.
pub(super) fn entry(host: &str) -> Entry {
    let (scheme, host) = match host.strip_prefix("http://") {
        Some(host) => (Scheme::Http, host),
        None => (Scheme::Https, host),
    };
    let (host, port) = HostPattern::parse(host).unwrap();
    Entry {
        line: 1,
        host,
        port: port.unwrap_or(scheme.port()),
        scheme,
        methods: vec![Method::GET, Method::HEAD],
        paths: None,
        reach: Reach::Public,
        requests: 32,
        writes_per_hour: 600,
        response_bytes_max: 8 << 20,
        timeout: Duration::from_secs(10),
        credential: None,
    }
}

fn rules() -> Rules {
    let globs = |globs: &[&str]| {
        Some(
            globs
                .iter()
                .map(|glob| PathGlob::parse(glob).unwrap())
                .collect(),
        )
    };
    Rules {
        file: "bot.toml".to_owned(),
        entries: vec![
            Entry {
                methods: vec![Method::GET, Method::POST],
                paths: globs(&[
                    "/api/models/me/**",
                    "/api/*/my-org/*/discussions/**",
                    "/a*z",
                ]),
                credential: Some(
                    Credential::new(AUTHORIZATION, Form::Bearer, "x").map_err(str::to_owned),
                ),
                ..entry("huggingface.co")
            },
            Entry {
                methods: vec![Method::GET, Method::DELETE],
                paths: globs(&["/public/**"]),
                ..entry("HuggingFace.CO.")
            },
            entry("*.example.org:8443"),
            entry("example.com"),
            entry("http://127.0.0.1:9000"),
            entry("[2606:4700::1111]"),
            entry("bücher.example"),
            Entry {
                paths: globs(&["/files/*-public", "/users/*/open/**", "/jobs;v=*"]),
                ..entry("files.example")
            },
        ],
    }
}

/// The URL as the host builds it from the parts that a guest gives.
fn uri(url: &str) -> Option<Uri> {
    let (scheme, rest) = url.split_once("://")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let builder = Uri::builder().scheme(scheme).authority(authority);
    builder.path_and_query(path).build().ok()
}

/// What comes of a request: the entry that admits it, or what it is refused by, in a word.
fn judged(request: &str) -> String {
    let (method, url) = request.split_once(' ').unwrap();
    let Some(uri) = uri(url) else {
        return "no uri".to_owned();
    };
    match rules().judge(&method.parse().unwrap(), &uri) {
        Ok(admitted) => admitted.entry.to_string(),
        Err(refused) if refused.why == Why::Uri => "uri".to_owned(),
        Err(refused) => refused
            .by()
            .split(':')
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn check(rows: &[(&str, &str)]) {
    for (request, expected) in rows {
        assert_eq!(judged(request), *expected, "{request}");
    }
}

#[test]
fn hosts_are_compared_in_one_form() {
    check(&[
        ("GET https://example.com/", "3"),
        ("GET https://EXAMPLE.com/", "3"),
        ("GET https://example.com./", "3"),
        ("GET https://example.com:443/", "3"),
        ("GET https://example.com", "3"),
        ("GET https://example.com?x=1", "3"),
        ("GET https://example.com../", "uri"),
        ("GET https://example.com:444/", "host"),
        ("GET https://example.com:0/", "uri"),
        ("GET https://example.com:0443/", "uri"),
        ("GET https://example.com:/", "uri"),
        ("GET https://example.com:99999/", "uri"),
        ("GET http://example.com/", "host"),
        ("GET ftp://example.com/", "uri"),
        ("GET https://example.com@evil.org/", "uri"),
        ("GET https://user:pass@example.com/", "uri"),
        ("GET https://@example.com/", "uri"),
        ("GET https://evil.org/", "host"),
        ("GET https://notexample.com/", "host"),
        ("GET https://www.example.com/", "host"),
        ("GET https://example.com.evil.org/", "host"),
        ("GET https://a.example.org:8443/", "2"),
        ("GET https://a.b.EXAMPLE.org:8443/", "2"),
        ("GET https://example.org:8443/", "host"),
        ("GET https://.example.org:8443/", "uri"),
        ("GET https://*.example.org:8443/", "uri"),
        ("GET https://evilexample.org:8443/", "host"),
        ("GET https://a.example.org/", "host"),
        ("GET https://xn--bcher-kva.example/", "6"),
        ("GET https://XN--BCHER-KVA.example./", "6"),
        ("GET https://exam_ple.com/", "host"),
        ("GET https://a..example.org:8443/", "uri"),
        ("GET https://a.example.org..:8443/", "uri"),
        ("GET https://example.com:65536/", "uri"),
    ]);
    let label = "a".repeat(64);
    let name = format!("{}example.org", "a.".repeat(125));
    // Bytes of which IDNA would leave nothing but the name
    let soft_hyphens = format!("{}a.example.org", "\u{ad}".repeat(200));
    assert_eq!(
        Host::parse(&soft_hyphens),
        Err("a host of more than 255 bytes")
    );
    for host in [label, name] {
        let request = format!("GET https://{host}:8443/");
        assert_eq!(judged(&request), "uri", "{request}");
    }
}

#[test]
fn addresses_are_compared_by_what_they_mean() {
    check(&[
        ("GET http://127.0.0.1:9000/", "4"),
        ("GET http://127.1:9000/", "4"),
        ("GET http://0x7f.0.0.1:9000/", "4"),
        ("GET http://2130706433:9000/", "4"),
        ("GET http://0177.0.0.1:9000/", "4"),
        ("GET http://127.0.0.1.:9000/", "4"),
        ("GET http://0x7f000001:9000/", "4"),
        ("GET http://017700000001:9000/", "4"),
        ("GET http://127.0.1:9000/", "4"),
        ("GET http://127.0.0.1..:9000/", "uri"),
        ("GET http://[::1]:9000/", "host"),
        ("GET http://127.0.0.2:9000/", "host"),
        ("GET http://localhost:9000/", "host"),
        ("GET http://[::ffff:127.0.0.1]:9000/", "4"),
        ("GET http://[::ffff:7f00:1]:9000/", "4"),
        ("GET http://[::127.0.0.1]:9000/", "host"),
        ("GET http://127.0.0.256:9000/", "uri"),
        ("GET http://1.2.3.4.5:9000/", "uri"),
        ("GET https://[2606:4700::1111]/", "5"),
        ("GET https://[2606:4700:0:0::1111]:443/", "5"),
        ("GET https://[2606:4700::1112]/", "host"),
        ("GET https://169.254.169.254/latest/meta-data/", "host"),
    ]);
    // What the parser of URIs lets through or not may change; neither is ever sent.
    for request in [
        "GET https://example%2ecom/",
        "GET https://[::1%25eth0]/",
        "GET https://[::1/",
        "GET https://[::1]x/",
        "GET https://exa mple.com/",
        "GET https:///x",
        "GET https://example.com:443:443/",
        "GET https://ex\tample.com/",
    ] {
        assert!(
            ["uri", "no uri"].contains(&judged(request).as_str()),
            "{request}"
        );
    }
}

#[test]
fn methods_are_those_of_the_entry() {
    check(&[
        ("HEAD https://example.com/", "3"),
        ("POST https://example.com/", "method"),
        ("get https://example.com/", "method"),
        ("Head https://example.com/", "method"),
        ("PoSt https://huggingface.co/api/models/me/x", "method"),
        ("connect https://example.com/", "method"),
        ("trace https://example.com/", "method"),
        ("OPTIONS https://example.com/", "method"),
        ("TRACE https://example.com/", "method"),
        ("CONNECT https://example.com/", "method"),
        ("POST https://huggingface.co/api/models/me/x", "0"),
        ("DELETE https://huggingface.co/api/models/me/x", "method"),
        ("DELETE https://huggingface.co/public/x", "1"),
        ("GET https://huggingface.co/public/x", "1"),
        ("DELETE https://huggingface.co/other", "path"),
    ]);
}

#[test]
fn paths_are_those_of_the_entry_however_they_are_written() {
    check(&[
        ("GET https://huggingface.co/api/models/me/x", "0"),
        ("GET https://huggingface.co/api/models/me/x/", "0"),
        ("GET https://huggingface.co/api/models/me/x?../../y", "0"),
        ("GET https://huggingface.co/api/models/me", "path"),
        ("GET https://huggingface.co/api/models/me2/x", "path"),
        ("GET https://huggingface.co/API/models/me/x", "path"),
        ("GET https://huggingface.co/%61pi/models/me/x", "path"),
        ("GET https://huggingface.co/", "path"),
        ("GET https://huggingface.co", "path"),
        ("GET https://huggingface.co/api/models/me/../you/x", "uri"),
        ("GET https://huggingface.co/api/models/me/./x", "uri"),
        ("GET https://huggingface.co/api/models/me/..", "uri"),
        ("GET https://huggingface.co/api/models/me/%2e%2e/you", "uri"),
        ("GET https://huggingface.co/api/models/me/%2E./you", "uri"),
        (
            "GET https://huggingface.co/api/models/me/%252e%252e/you",
            "uri",
        ),
        ("GET https://huggingface.co/api/models/me/..;a/you", "uri"),
        (
            "GET https://huggingface.co/api/models/me/%2e%2e%3ba/you",
            "uri",
        ),
        ("GET https://huggingface.co/api/models/me/x%2fy", "uri"),
        ("GET https://huggingface.co/api/models/me/x%252Fy", "uri"),
        ("GET https://huggingface.co/api/models/me/x%5cy", "uri"),
        ("GET https://huggingface.co/api/models/me/x\\y", "uri"),
        ("GET https://huggingface.co/api/models/me//x", "uri"),
        ("GET https://huggingface.co//api/models/me/x", "uri"),
        ("GET https://huggingface.co/api/models/me/x%00", "uri"),
        (
            "GET https://huggingface.co/api/models/me/x%0d%0aHost:y",
            "uri",
        ),
        ("GET https://huggingface.co/api/models/me/x%7f", "uri"),
        ("GET https://huggingface.co/api/models/me/x%", "uri"),
        ("GET https://huggingface.co/api/models/me/x%g0", "uri"),
        (
            "GET https://huggingface.co/api/models/me/%c0%ae%c0%ae/you",
            "uri",
        ),
        (
            "GET https://huggingface.co/api/models/me/%25c0%25ae%25c0%25ae/you",
            "uri",
        ),
        ("GET https://huggingface.co/api/models/me/%25ff", "uri"),
        ("GET https://huggingface.co/api/models/me/%25C3%25A4", "0"),
        ("GET https://huggingface.co/api/models/me/a..b", "0"),
        ("GET https://huggingface.co/api/models/me/...", "0"),
        ("GET https://huggingface.co/api/models/me/%C3%A4", "0"),
        ("GET https://huggingface.co/api/models/me/100%25", "0"),
        (
            "GET https://huggingface.co/api/datasets/my-org/d/discussions/7/comment",
            "0",
        ),
        (
            "GET https://huggingface.co/api/datasets/my-org/d/discussions",
            "path",
        ),
        (
            "GET https://huggingface.co/api/datasets/my-org/d/e/discussions/7",
            "path",
        ),
        (
            "GET https://huggingface.co/api/x/datasets/my-org/d/discussions/7",
            "path",
        ),
        (
            "GET https://huggingface.co/api/datasets/my-org//discussions/7",
            "uri",
        ),
        ("GET https://huggingface.co/abcz", "0"),
        ("GET https://huggingface.co/az", "0"),
        ("GET https://huggingface.co/a/z", "path"),
    ]);
}

#[test]
fn a_path_that_a_server_may_cut_short_is_one_of_the_entry_s_both_ways() {
    check(&[
        ("GET https://files.example/files/x-public", "7"),
        ("GET https://files.example/files/secret;-public", "path"),
        ("GET https://files.example/files/secret%3b-public", "path"),
        ("GET https://files.example/files/secret%3B-public", "path"),
        ("GET https://files.example/files/secret%253b-public", "path"),
        ("GET https://files.example/files/secret%3f-public", "path"),
        ("GET https://files.example/files/secret%253F-public", "path"),
        ("GET https://files.example/files/secret%23-public", "path"),
        ("GET https://files.example/files/secret%2523-public", "path"),
        ("GET https://files.example/users/a;b/open/x", "7"),
        ("GET https://files.example/users/a%3Fb/open/x", "path"),
        ("GET https://files.example/users/;a/open/x", "uri"),
        ("GET https://files.example/users/%3Ba/open/x", "uri"),
        ("GET https://files.example/users/%253ba/open/x", "uri"),
        ("GET https://files.example/jobs;v=1", "7"),
        ("GET https://files.example/jobs", "path"),
        ("GET https://huggingface.co/api/models/me/a%3Bb.txt", "0"),
        ("GET https://huggingface.co/api/models/me/what%3F.txt", "0"),
        ("GET https://huggingface.co/api/models/me%3Fx/y", "path"),
    ]);
}

#[test]
fn what_is_sent_is_what_was_judged() {
    let sent = |url: &str| {
        let admitted = rules().judge(&Method::GET, &uri(url).unwrap()).unwrap();
        (admitted.uri.to_string(), admitted.target.authority())
    };
    for (url, uri, host) in [
        (
            "https://EXAMPLE.com.:443?q=%2f",
            "https://example.com/?q=%2f",
            "example.com",
        ),
        (
            "http://2130706433:9000/a?b=../c",
            "http://127.0.0.1:9000/a?b=../c",
            "127.0.0.1:9000",
        ),
        (
            "https://[2606:4700:0::1111]/x",
            "https://[2606:4700::1111]/x",
            "[2606:4700::1111]",
        ),
        // The parser cuts it off; it never goes over the wire.
        (
            "https://example.com/a#b",
            "https://example.com/a",
            "example.com",
        ),
    ] {
        assert_eq!(sent(url), (uri.to_owned(), host.to_owned()), "{url}");
    }
}

#[test]
fn a_refusal_names_the_line_that_would_allow_it() {
    let by = |method: Method, url: &str| {
        let refused = rules().judge(&method, &uri(url).unwrap()).unwrap_err();
        refused.by().to_owned()
    };
    for (method, url, expected) in [
        (
            Method::POST,
            "https://evil.org/x?token=1",
            "host: add to bot.toml an entry [[http]] with host = \"evil.org\", methods = [\"POST\"], paths = [\"/x\"]",
        ),
        (
            Method::GET,
            "http://example.com/",
            "host: add to bot.toml an entry [[http]] with host = \"example.com\", scheme = \"http\", methods = [\"GET\"], paths = [\"/\"]",
        ),
        (
            Method::PUT,
            "https://huggingface.co/api/models/me/x",
            "method: add \"PUT\" to `methods` of the entry for huggingface.co (line 1 of bot.toml)",
        ),
        (
            Method::POST,
            "https://huggingface.co/api/models/you",
            "path: add \"/api/models/you\" to `paths` of the entry for huggingface.co (line 1 of bot.toml)",
        ),
        (
            Method::GET,
            "https://example.com/a/../b",
            "path: it has a segment `.` or `..`",
        ),
        // What a plugin makes up must not become a glob when its operator takes it over.
        (
            Method::POST,
            "https://huggingface.co/api/**",
            "path: \"/api/**\" has a `*` of its own, which no line of a grant allows alone (the entry for \
             huggingface.co, line 1 of bot.toml)",
        ),
        (
            Method::from_bytes(b"get").unwrap(),
            "https://example.com/",
            "method: \"get\" is granted to nobody: methods are sent in capitals, as \"GET\"",
        ),
    ] {
        assert_eq!(by(method, url), expected);
    }
    // However long what a plugin makes up is, what is to be done about it is told
    let long = format!("https://huggingface.co/{}", "x".repeat(4000));
    let told = by(Method::GET, &long);
    let end = "xx…\" to `paths` of the entry for huggingface.co (line 1 of bot.toml)";
    assert!(told.ends_with(end) && told.len() <= 768, "{told}");
    let long = Method::from_bytes(&[b'M'; 4000]).unwrap();
    let told = by(long, "https://example.com/");
    let end = "MM…\" to `methods` of the entry for example.com (line 1 of bot.toml)";
    assert!(told.ends_with(end) && told.len() <= 768, "{told}");
}

#[test]
fn a_host_in_a_grant_is_read_or_told_with_its_mend() {
    let read = |text: &str| match HostPattern::parse(text) {
        Ok((host, port)) => format!("{host} {port:?}"),
        Err(reason) => reason,
    };
    for (text, expected) in [
        ("HuggingFace.co.", "huggingface.co None"),
        ("example.org:8443", "example.org Some(8443)"),
        ("*.Example.org", "*.example.org None"),
        ("[::1]:80", "[::1] Some(80)"),
        ("127.1", "127.0.0.1 None"),
    ] {
        assert_eq!(read(text), expected);
    }
    for (text, expected) in [
        ("https://example.org", "write the host alone"),
        ("example.org/x", "write the host alone"),
        ("a@example.org", "no user or password"),
        ("*.org", "two labels or more"),
        ("*.127.0.0.1", "stands a name"),
        ("*", "not a name that a host can have"),
        ("a.*.org", "not a name that a host can have"),
        ("", "no host"),
        ("example.org:", "not a port"),
        ("::1", "not a port"),
        ("example.org:0", "not a port"),
        ("exa%6dple.org", "a percent sign"),
    ] {
        let told = read(text);
        assert!(told.contains(expected), "{text}: {told}");
    }
}
