//! Sessions of the page: a cookie that says until when it counts, and a keyed hash of that.
//!
//! Nothing is kept: whoever has the token's key can tell. So a session outlives a restart, all of them end when the
//! token changes, and the cookie is worth nothing as a token.

use crate::admin::token::AdminToken;
use crate::clock::now_ms;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::HeaderMap;
use hyper::header::COOKIE;
use sha2::Sha256;

/// How long a session lasts, in seconds.
const LIFETIME: u64 = 12 * 60 * 60;

/// Opens sessions, and knows them again.
pub struct Sessions {
    key: Hmac<Sha256>,
    /// Another one for each token: hosts on several ports of a machine get each other's cookies.
    cookie: String,
    path: &'static str,
}

/// Whether a cookie may go over plain HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// It may: there is nothing else on this listener.
    Http,
    /// It may not.
    Https,
}

impl Sessions {
    /// The sessions that a token opens, for what is served under `path`.
    #[must_use]
    pub fn of(token: &AdminToken, path: &'static str) -> Self {
        // A shorter key counts as one that is filled with zeros (RFC 2104, section 2).
        let mut block = [0; 64];
        let filled = block.iter_mut().zip(token.session_key());
        filled.for_each(|(byte, key)| *byte = *key);
        let key = Hmac::new(&block.into());
        let name = seal(&key, "cookie");
        Self {
            key,
            cookie: format!("hookbox-{}", name.get(..8).unwrap_or_default()),
            path,
        }
    }

    /// The header that opens a session.
    #[must_use]
    pub fn open(&self, over: Over) -> String {
        let until = (now_ms() / 1000).saturating_add(LIFETIME);
        let value = format!("{until}.{}", seal(&self.key, &until.to_string()));
        self.header(&value, LIFETIME, over)
    }

    /// The header that ends it in this browser.
    #[must_use]
    pub fn close(&self, over: Over) -> String {
        self.header("", 0, over)
    }

    fn header(&self, value: &str, seconds: u64, over: Over) -> String {
        let secure = match over {
            Over::Http => "",
            Over::Https => "; Secure",
        };
        let (cookie, path) = (&self.cookie, self.path);
        format!(
            "{cookie}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
        )
    }

    /// Whether a request comes with an open session.
    #[must_use]
    pub fn has(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(COOKIE).iter();
        cookies
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .any(|(name, value)| name == self.cookie && self.is_open(value, now_ms() / 1000))
    }

    fn is_open(&self, value: &str, now: u64) -> bool {
        let Some((until, sealed)) = value.split_once('.') else {
            return false;
        };
        let Some(sealed) = unhex(sealed) else {
            return false;
        };
        let mut mac = self.key.clone();
        mac.update(until.as_bytes());
        // The seal first: what is not ours is not looked at.
        mac.verify_slice(&sealed).is_ok() && until.parse::<u64>().is_ok_and(|until| now < until)
    }
}

fn seal(key: &Hmac<Sha256>, text: &str) -> String {
    let mut mac = key.clone();
    mac.update(text.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(token: &str) -> Sessions {
        Sessions::of(&AdminToken::new(token).unwrap(), "/")
    }

    fn value(header: &str) -> &str {
        header.split(['=', ';']).nth(1).unwrap()
    }

    #[test]
    fn a_session_ends_with_its_time_or_its_token() {
        let (own, other) = (
            sessions("one-token-of-sixteen"),
            sessions("another-of-sixteen"),
        );
        let header = own.open(Over::Https);
        let value = value(&header);
        let now = now_ms() / 1000;
        assert!(own.is_open(value, now) && own.is_open(value, now + LIFETIME - 2));
        assert!(!own.is_open(value, now + LIFETIME + 1));
        assert!(!other.is_open(value, now));
        assert!(
            header.ends_with("; HttpOnly; SameSite=Strict; Secure"),
            "{header}"
        );
        // After a restart the same token knows it still.
        assert!(sessions("one-token-of-sixteen").is_open(value, now));
    }

    #[test]
    fn what_was_tampered_with_is_no_session() {
        let own = sessions("one-token-of-sixteen");
        let header = own.open(Over::Http);
        let (until, sealed) = value(&header).split_once('.').unwrap();
        let later = until.parse::<u64>().unwrap() + 1;
        for forged in [
            format!("{later}.{sealed}"),
            format!("{until}.{}", "0".repeat(64)),
            format!("{until}."),
            format!("{until}.{sealed}0"),
            format!("{until}.ä"),
            String::new(),
        ] {
            assert!(!own.is_open(&forged, 0), "{forged}");
        }
    }
}
