//! Credentials: added by the host to the requests of an entry, and shown to nobody.

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::borrow::Cow;
use std::fmt;

/// What a `bearer` stands behind in its field (RFC 6750, section 2.1).
const BEARER: &str = "Bearer ";

/// The fewest bytes of a word that tells enough of a credential of several to be one itself.
const WORD_BYTES_MIN: usize = 8;

/// How a credential stands in its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Behind `Bearer`.
    Bearer,
    /// As it is.
    Raw,
}

/// A credential of an entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    header: HeaderName,
    value: HeaderValue,
    /// All of it, and the words of it that are long enough to be told from others.
    parts: Vec<Box<[u8]>>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

impl Credential {
    /// Takes what was read where the grant says.
    ///
    /// # Errors
    /// What is wrong with it, without it.
    pub fn new(header: HeaderName, form: Form, secret: &str) -> Result<Self, &'static str> {
        if secret.is_empty() {
            return Err("it is empty");
        }
        let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if !secret.bytes().all(visible) || secret.trim() != secret {
            return Err("it has a character that no HTTP field carries unchanged");
        }
        let text = match form {
            Form::Bearer => format!("{BEARER}{secret}"),
            Form::Raw => secret.to_owned(),
        };
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| "it has a character that no HTTP field carries unchanged")?;
        value.set_sensitive(true);
        let words = secret
            .split(' ')
            .filter(|word| word.len() >= WORD_BYTES_MIN);
        let parts = std::iter::once(secret).chain(words);
        Ok(Self {
            header,
            value,
            parts: parts.map(|part| part.as_bytes().into()).collect(),
        })
    }

    /// Adds it to a request.
    pub(super) fn put(&self, headers: &mut HeaderMap) {
        headers.insert(self.header.clone(), self.value.clone());
    }

    /// Which of a request's fields stands where a credential's stands, or says who asks in another way.
    #[must_use]
    pub fn is_rivalled_by<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderName> {
        let rivals = [&AUTHORIZATION, &hyper::header::COOKIE, &self.header];
        let rivals = rivals.map(|rival| dashed(rival.as_str()));
        headers
            .keys()
            .find(|name| rivals.contains(&dashed(name.as_str())))
    }

    /// Drops the fields of an answer that repeat it, in whatever case.
    pub(super) fn drop_echoes(&self, headers: &mut HeaderMap) {
        let named: Vec<HeaderName> = headers
            .iter()
            .filter(|(name, value)| self.is_in(name.as_str(), value.as_bytes()))
            .map(|(name, _)| name.clone())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }

    fn is_in(&self, name: &str, value: &[u8]) -> bool {
        let has = |text: &[u8], part: &[u8]| {
            let mut windows = text.windows(part.len());
            windows.any(|window| window.eq_ignore_ascii_case(part))
        };
        self.parts.iter().any(|part| {
            // What is short may be in a name by chance.
            has(value, part) || part.len() >= WORD_BYTES_MIN && has(name.as_bytes(), part)
        })
    }
}

/// A field's name as those see it who read fields as CGI does: to them an underscore is a dash.
#[must_use]
pub fn dashed(name: &str) -> Cow<'_, str> {
    if name.contains('_') {
        name.replace('_', "-").into()
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_never_shown() {
        let credential = Credential::new(AUTHORIZATION, Form::Bearer, "hf_secret").unwrap();
        let mut headers = HeaderMap::new();
        credential.put(&mut headers);
        assert_eq!(headers.get(AUTHORIZATION).unwrap(), "Bearer hf_secret");
        assert!(!format!("{credential:?} {headers:?}").contains("hf_secret"));
        for bad in ["", "a\nb", " a", "ä"] {
            assert!(
                Credential::new(AUTHORIZATION, Form::Raw, bad).is_err(),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn an_answer_that_repeats_it_loses_that_field() {
        let credential = Credential::new(AUTHORIZATION, Form::Bearer, "hf_secret").unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-echo", HeaderValue::from_static("a hf_secret b"));
        headers.append("x-echo", HeaderValue::from_static("else"));
        headers.append("x-other", HeaderValue::from_static("hf_secre"));
        credential.drop_echoes(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-other"]);
    }

    #[test]
    fn a_part_of_it_that_is_enough_to_use_it_is_an_echo_too() {
        let header = HeaderName::from_static("x-api-key");
        let credential = Credential::new(header, Form::Raw, "Token 0a1B2c3D4e").unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-part", "got 0a1B2c3D4e"),
            ("x-case", "0A1B2C3D4E"),
            ("x-0a1b2c3d4e", "1"),
            ("x-scheme", "Token"),
            ("x-half", "0a1B2"),
        ] {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        credential.drop_echoes(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-half", "x-scheme"]);
    }

    #[test]
    fn a_field_that_some_servers_take_for_the_credential_s_is_a_rival() {
        let header = HeaderName::from_static("x-api-key");
        let credential = Credential::new(header, Form::Raw, "secret").unwrap();
        for (name, is_rival) in [
            ("x-api-key", true),
            ("x_api_key", true),
            ("x-api_key", true),
            ("authorization", true),
            ("cookie", true),
            ("x-api-keys", false),
            ("accept", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static("mine"),
            );
            let found = credential.is_rivalled_by(&headers).is_some();
            assert_eq!(found, is_rival, "{name}");
        }
    }
}
