//! The parts of an address that a request is sent by.

use super::{Error, ErrorKind};

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub is_https: bool,
    /// The host, and the port if one is named.
    pub authority: String,
    /// The path with the query.
    pub path: String,
}

impl Target {
    /// Reads an address. What is strange in it is left to the host to judge; what could not be sent is refused here.
    pub fn parse(url: &str) -> Result<Target, Error> {
        let invalid = |why: &str| Error::new(ErrorKind::Invalid, why);
        if url.bytes().any(|byte| byte <= b' ' || byte >= 0x7f) {
            return Err(invalid(
                "the address has a blank, a control character or one that is not ASCII: percent-encode it",
            ));
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(invalid("the address does not begin with `https://`"));
        };
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(invalid("the address is neither `https` nor `http`"));
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() {
            return Err(invalid("the address names no host"));
        }
        if authority.contains('@') {
            return Err(invalid(
                "the address carries a user name: credentials are the grant's business",
            ));
        }
        if path.contains('#') {
            return Err(invalid("the address has a fragment (`#…`)"));
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Target {
            is_https,
            authority: authority.to_owned(),
            path: format!("{slash}{path}"),
        })
    }

    /// The scheme, the host and the port: what two addresses must have in common to be of one origin.
    pub fn origin(&self) -> String {
        let (scheme, port) = if self.is_https {
            ("https", ":443")
        } else {
            ("http", ":80")
        };
        let authority = self.authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(port).unwrap_or(&authority);
        format!("{scheme}://{authority}")
    }
}

/// A text as one part of a path or a query: letters, digits and `-._~` stay, all else is percent-encoded (RFC 3986,
/// section 2.3).
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
