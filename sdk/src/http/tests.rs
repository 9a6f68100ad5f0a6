//! Addresses, and what a native test sees of a request.

use super::*;
use crate::testing;

#[test]
fn an_address_is_taken_apart() {
    let parse = |url: &str| {
        let target = Target::parse(url).map_err(|error| error.to_string())?;
        Ok::<_, String>((target.is_https, target.authority, target.path))
    };
    let is = |https: bool, authority: &str, path: &str| {
        Ok((https, authority.to_owned(), path.to_owned()))
    };
    assert_eq!(parse("https://a.example"), is(true, "a.example", "/"));
    assert_eq!(
        parse("HTTP://a:8080/b/c?d=e/f"),
        is(false, "a:8080", "/b/c?d=e/f")
    );
    assert_eq!(parse("https://a?b"), is(true, "a", "/?b"));
    assert_eq!(parse("https://[::1]:8/x"), is(true, "[::1]:8", "/x"));
    for wrong in [
        "",
        "a.example/b",
        "ftp://a",
        "https://",
        "https:///b",
        "https://user:pw@a/",
        "https://a/b#c",
        "https://a/b c",
        "https://a/é",
        "https://a/\r\nx: y",
    ] {
        assert!(Target::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn origins_are_compared_by_scheme_host_and_port() {
    let origin = |url: &str| Target::parse(url).map(|target| target.origin());
    assert_eq!(
        origin("https://A.example:443/x"),
        origin("https://a.example")
    );
    assert_eq!(origin("http://a.example:80"), origin("http://a.example/y"));
    assert_ne!(origin("https://a.example"), origin("http://a.example"));
    assert_ne!(
        origin("https://a.example:8443"),
        origin("https://a.example")
    );
    assert_ne!(origin("https://a.example"), origin("https://a.example.org"));
}

#[test]
fn parts_of_a_path_are_encoded() {
    assert_eq!(encoded("a-Z_0.~"), "a-Z_0.~");
    assert_eq!(encoded("a/b c?d#e%é"), "a%2Fb%20c%3Fd%23e%25%C3%A9");
}

#[test]
fn without_a_network_of_its_own_a_test_reaches_nobody() {
    let error = Request::get("https://a.example/x?token=1")
        .send()
        .map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::Denied);
            error.to_string()
        });
    let said = "GET https://a.example/x: a native build has no network: give the test one with `hookbox_sdk::testing`";
    assert_eq!(error, Err(said.to_owned()));
}

#[test]
fn what_cannot_be_sent_does_not_reach_the_network() {
    let _network = testing::network(|_: &Request| Ok::<_, Error>(Response::new(200)));
    let error = Request::get("https://a@b/").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(Request::get("https://b/").send().is_ok());
}
