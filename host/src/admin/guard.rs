//! Who may ask: the names that the listener answers to, and pages that a browser may send requests from.
//!
//! Another site's page can make a browser ask anything of any address. Its own name may even lead here (DNS
//! rebinding): so only addresses, and names that were configured, are answered.

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use hyper::http::uri::Authority;
use std::net::{IpAddr, Ipv6Addr};

/// Where a browser says how the page that sent a request relates to us (W3C Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Names that a listener answers to, beside `localhost` and any address.
#[derive(Debug, Clone, Default)]
pub struct Names(Vec<String>);

/// Where a request comes from, as far as its sender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// A browser says: from a page of ours.
    Here,
    /// Nobody says anything: no browser, or a very old one.
    Unsaid,
}

impl Names {
    /// These names.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| name.to_lowercase()).collect())
    }

    /// Whether a request was meant for us.
    #[must_use]
    pub fn are_asked(&self, headers: &HeaderMap) -> bool {
        let Some(authority) = authority(headers) else {
            return false;
        };
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_address = bare.parse::<IpAddr>().is_ok_and(|address| {
            // An IPv6 address stands in brackets, another one does not.
            address.is_ipv6() == host.starts_with('[')
        });
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        is_address || name == "localhost" || self.0.contains(&name)
    }
}

/// Whether a request that changes something may come from where it comes from; `None` if not. A page's own say goes by
/// `Sec-Fetch-Site` and `Origin`: browsers set both, and no page can.
#[must_use]
pub fn sender(headers: &HeaderMap) -> Option<From> {
    let repeated = |name: &HeaderName| headers.get_all(name).iter().count() > 1;
    if repeated(&SEC_FETCH_SITE) || repeated(&ORIGIN) {
        return None;
    }
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    let origin = headers.get(ORIGIN).map(HeaderValue::to_str);
    match site {
        None | Some(b"same-origin" | b"none") => {}
        Some(_) => return None,
    }
    match (site, origin) {
        (None, None) => Some(From::Unsaid),
        (_, Some(Ok(origin))) if !is_own(origin, headers) => None,
        (_, Some(Err(_))) => None,
        (Some(b"none"), None) => Some(From::Unsaid),
        _ => Some(From::Here),
    }
}

/// Whether an origin is the host that was asked. The scheme is the proxy's affair.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let (scheme, host) = origin.split_once("://").unwrap_or_default();
    matches!(scheme, "http" | "https")
        && authority(headers).is_some_and(|asked| asked.as_str().eq_ignore_ascii_case(host))
}

/// The host that is asked; `None` if that cannot be told.
#[must_use]
pub fn authority(headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none())?;
    let authority: Authority = host.to_str().ok()?.parse().ok()?;
    (!authority.as_str().contains('@')).then_some(authority)
}

/// The address that this machine reaches a listener at.
#[must_use]
pub fn near(address: std::net::SocketAddr) -> std::net::SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, address.port()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn addresses_and_configured_names_are_answered_and_no_others() {
        let names = Names::new(["Me-Hookbox.hf.space".to_owned()]);
        let asked = |host: &str| names.are_asked(&headers(&[("host", host)]));
        for good in [
            "127.0.0.1:8001",
            "127.0.0.1",
            "[::1]:8001",
            "192.168.1.7:80",
            "localhost:8001",
            "LOCALHOST.",
            "me-hookbox.hf.space",
            "me-hookbox.HF.space:443",
        ] {
            assert!(asked(good), "{good}");
        }
        for bad in [
            "evil.example",
            "evil.example:8001",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "me-hookbox.hf.space.evil.example",
            "",
            "::1",
            "[127.0.0.1]",
            "127.0.0.1:8001, evil.example",
        ] {
            assert!(!asked(bad), "{bad}");
        }
        assert!(!names.are_asked(&headers(&[])));
        let twice = headers(&[("host", "127.0.0.1"), ("host", "127.0.0.1")]);
        assert!(!names.are_asked(&twice));
    }

    #[test]
    fn a_page_of_another_origin_is_told_by_what_its_browser_says() {
        let sent = |pairs: &[(&str, &str)]| {
            let mut all = vec![("host", "127.0.0.1:8001")];
            all.extend(pairs);
            sender(&headers(&all))
        };
        let own = ("origin", "http://127.0.0.1:8001");
        assert_eq!(sent(&[]), Some(From::Unsaid));
        assert_eq!(sent(&[own]), Some(From::Here));
        assert_eq!(sent(&[("sec-fetch-site", "same-origin")]), Some(From::Here));
        assert_eq!(
            sent(&[own, ("sec-fetch-site", "same-origin")]),
            Some(From::Here)
        );
        assert_eq!(sent(&[("sec-fetch-site", "none")]), Some(From::Unsaid));
        for bad in [
            ("origin", "http://127.0.0.1:8000"),
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "file://127.0.0.1:8001"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "cross-site"),
        ] {
            assert_eq!(sent(&[bad]), None, "{bad:?}");
        }
        assert_eq!(sent(&[own, ("sec-fetch-site", "cross-site")]), None);
        let lie = [
            ("origin", "http://evil.example"),
            ("sec-fetch-site", "same-origin"),
        ];
        assert_eq!(sent(&lie), None);
    }
}
