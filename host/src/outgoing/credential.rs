//! Credentials: added by the host to the requests of an entry, and shown to nobody.

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::fmt;

/// What a `bearer` stands behind in its field (RFC 6750, section 2.1).
const BEARER: &str = "Bearer ";

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
    secret: Box<[u8]>,
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
        Ok(Self {
            header,
            value,
            secret: secret.as_bytes().into(),
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
        headers.keys().find(|name| rivals.contains(name))
    }

    /// Drops the fields of an answer that repeat it.
    pub(super) fn drop_echoes(&self, headers: &mut HeaderMap) {
        let echoes = |value: &HeaderValue| {
            let mut windows = value.as_bytes().windows(self.secret.len());
            windows.any(|part| part == &*self.secret)
        };
        let named: Vec<HeaderName> = headers
            .iter()
            .filter(|(_, value)| echoes(value))
            .map(|(name, _)| name.clone())
            .collect();
        for name in named {
            headers.remove(name);
        }
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
}
