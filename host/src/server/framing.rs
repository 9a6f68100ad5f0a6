//! Requests that everybody reads alike: what a proxy in front could read differently is refused.

use hyper::header::{HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Version};

/// Refuses what a proxy in front may read differently from us (RFC 9112, sections 3.2, 6.1 and 11.2); hyper lets these
/// through.
///
/// # Errors
/// What is wrong, for the sender.
pub fn check<B>(request: &Request<B>) -> Result<(), &'static str> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err("the host header is sent twice");
    }
    if host.is_none() && request.version() >= Version::HTTP_11 {
        return Err("the host header is missing");
    }
    if !host.is_none_or(is_host) {
        return Err("the host header is no host and port");
    }
    if request.method() == Method::CONNECT {
        return Err("this is no proxy");
    }
    if let Some(authority) = request.uri().authority()
        && host.is_none_or(|host| {
            !authority
                .as_str()
                .as_bytes()
                .eq_ignore_ascii_case(host.as_bytes())
        })
    {
        return Err("the request's address and its host header differ");
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let coding = codings.next();
    let only_chunked =
        coding.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if !only_chunked || codings.next().is_some() {
        return Err("transfer-encoding may be `chunked`, once, and nothing else");
    }
    Ok(())
}

/// Whether a value is `host` or `host:port`, and no more (RFC 9110, section 7.2).
fn is_host(value: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(value.as_bytes()) else {
        return false;
    };
    let text = authority.as_str();
    let port = text.strip_prefix(authority.host());
    let port_is_a_number = port.is_some_and(|port| {
        port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok())
    });
    !authority.host().is_empty() && !text.contains('@') && port_is_a_number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(request: &str, headers: &[(&str, &str)]) -> Result<(), &'static str> {
        let (method, target) = request.split_once(' ').unwrap();
        let mut builder = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        check(&builder.body(()).unwrap())
    }

    #[test]
    fn a_host_is_a_host_and_a_port_and_no_more() {
        for good in [
            "localhost",
            "hooks.example:8000",
            "hooks.example:",
            "127.0.0.1:1",
            "[::1]:8000",
            "[::1]",
            "a_b-c.example",
        ] {
            assert_eq!(framing("POST /x", &[("host", good)]), Ok(()), "{good}");
        }
        for bad in [
            "", "a b", "a/b", "a@b", "a:b", "a:1:2", "a:65536", "a:-1", ":80", "[::1", "a?b",
            "a#b", "http://a", "a\tb", "\u{e4}",
        ] {
            let refused = framing("POST /x", &[("host", bad)]);
            assert_eq!(
                refused,
                Err("the host header is no host and port"),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn an_address_in_the_request_is_the_host() {
        let host = [("host", "hooks.example:80")];
        assert_eq!(framing("GET http://HOOKS.example:80/", &host), Ok(()));
        for other in [
            "GET http://hooks.example/",
            "GET http://u@hooks.example:80/",
            "GET http://other.example:80/",
        ] {
            assert!(framing(other, &host).is_err(), "{other}");
        }
        assert_eq!(
            framing("CONNECT hooks.example:80", &host),
            Err("this is no proxy")
        );
    }
}
