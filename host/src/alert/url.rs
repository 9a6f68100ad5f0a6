//! Where alerts are posted. Chat services put a secret into the path, so it is shown nowhere.

use hyper::Uri;
use hyper::http::uri::Authority;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZero;

/// The longest address, in bytes.
const BYTES_MAX: usize = 2_048;

/// An address that alerts are posted to.
#[derive(Clone, PartialEq, Eq)]
pub struct AlertUrl {
    text: String,
    host: String,
}

/// Why a text is no such address. It is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlertUrlError {
    /// It is none, or one that alerts are not posted to.
    #[error(
        "not an address that alerts can be posted to; write `https://…` (`http://` only to a loopback or private IP \
         address), or where it is kept: `env:NAME` or `file:PATH`"
    )]
    Address,
    /// What follows its host's name is no port.
    #[error(
        "the port in the address is none; write a number from 1 to 65535, or leave it out with its colon"
    )]
    Port,
}

impl AlertUrl {
    /// Reads an address: HTTPS, or HTTP to this machine or a private network, where no stranger listens.
    ///
    /// # Errors
    /// [`AlertUrlError`], without the text.
    pub fn parse(text: &str) -> Result<Self, AlertUrlError> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.len() > BYTES_MAX || !visible || text.contains('#') {
            return Err(AlertUrlError::Address);
        }
        let uri: Uri = text.parse().map_err(|_| AlertUrlError::Address)?;
        let authority = uri.authority().ok_or(AlertUrlError::Address)?;
        let host = authority.host();
        let allowed = match uri.scheme_str() {
            Some("https") => !host.is_empty(),
            Some("http") => is_near(host),
            _ => false,
        };
        // A user and a password belong into neither.
        if !allowed || authority.as_str().contains('@') {
            return Err(AlertUrlError::Address);
        }
        if !has_port_or_none(authority) {
            return Err(AlertUrlError::Port);
        }
        Ok(Self {
            text: text.to_owned(),
            host: host.to_owned(),
        })
    }

    /// Its host's name: all of it that may be shown.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The whole of it, for posting.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands for it where two are compared.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::digest(self.text.as_bytes());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for AlertUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlertUrl(…)")
    }
}

/// Whether nothing but a port that can be connected to follows the host's name. The parser lets any number pass.
fn has_port_or_none(authority: &Authority) -> bool {
    let rest = authority.as_str().strip_prefix(authority.host());
    match rest.and_then(|rest| rest.strip_prefix(':')) {
        Some(port) => {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            digits && port.parse::<NonZero<u16>>().is_ok()
        }
        None => rest == Some(""),
    }
}

/// Whether a host is this machine or one of a private network, as far as it says so itself.
fn is_near(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_within_the_house() {
        for good in [
            "https://hooks.example/services/T/B/secret",
            "https://example:8443/?key=secret",
            "http://127.0.0.1:9000/x",
            "http://[::1]:9000/",
            "http://localhost/",
            "http://10.1.2.3/",
            "http://[fd00::1]/",
        ] {
            assert!(AlertUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "x",
            "/path",
            "ftp://example/",
            "http://example/",
            "http://8.8.8.8/",
            "http://169.254.169.254/",
            "https://user:pass@example/",
            "https://example/#x",
            "https://example/ x",
            "https://",
        ] {
            assert_eq!(AlertUrl::parse(bad), Err(AlertUrlError::Address), "{bad}");
        }
        let long = format!("https://example/{}", "x".repeat(BYTES_MAX));
        assert_eq!(AlertUrl::parse(&long), Err(AlertUrlError::Address));
    }

    #[test]
    fn a_port_is_one_that_can_be_connected_to() {
        for good in [
            "https://example:1/",
            "https://example:65535",
            "http://[::1]:443",
        ] {
            assert!(AlertUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "https://example:0/x",
            "https://example:65536/x",
            "https://example:/x",
            "https://example:000000/x",
            "http://[::1]:99999/x",
        ] {
            assert_eq!(AlertUrl::parse(bad), Err(AlertUrlError::Port), "{bad}");
        }
    }

    #[test]
    fn nothing_but_its_host_is_shown() {
        let url = AlertUrl::parse("https://hooks.example/T/secret").unwrap();
        assert_eq!(url.host(), "hooks.example");
        assert!(!format!("{url:?} {}", url.fingerprint()).contains("secret"));
    }
}
