//! A known secret, and every form in which it may turn up where it should not.

use memchr::memmem::Finder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The fewest bytes of a part that is still told apart from anything else.
const PART_BYTES_MIN: usize = 10;

/// How deep one encoding may be wrapped in another, as a JSON text in a JSON text in a URL.
const LAYERS: usize = 3;

/// What is larger, in bytes, is looked at as it is: that is native code, or the file of a ledger.
const DEEP_BYTES_MAX: usize = 128 * 1024;

/// What is searched: the bytes as they are, and what they are with encodings undone that leave most characters alone.
pub struct Searched(Vec<String>);

/// A secret that must turn up nowhere.
#[derive(Debug, Clone)]
pub struct Canary {
    /// Where it was put.
    pub place: &'static str,
    /// The secret.
    pub secret: String,
}

impl Canary {
    /// One for a place, like no other, with characters that every encoding writes in another way.
    #[must_use]
    pub fn new(place: &'static str) -> Self {
        // The place comes twice, so that either half names it.
        Self {
            place,
            secret: format!("{place}-a&b\"/+ =%\\<{place}>'~{{|}}?#"),
        }
    }

    /// One as the Hub makes them: it may stand anywhere, also in the name of a field.
    #[must_use]
    pub fn token(place: &'static str) -> Self {
        Self {
            place,
            secret: format!("hf_{}QzJwXkVbYpLmRtNc", place.to_ascii_uppercase()),
        }
    }

    /// The same without a space, for a place that takes none.
    #[must_use]
    pub fn without_space(place: &'static str) -> Self {
        let canary = Self::new(place);
        Self {
            secret: canary.secret.replace(' ', "^"),
            ..canary
        }
    }

    /// The secret as it stands in a URL.
    #[must_use]
    pub fn in_url(&self) -> String {
        percent(self.secret.as_bytes())
    }

    /// The forms in which the secret, or half of it, is there.
    #[must_use]
    pub fn forms_in(&self, searched: &Searched) -> Vec<String> {
        let mut forms = self.forms();
        forms.retain(|(_, needle)| searched.holds(needle));
        forms.into_iter().map(|(form, _)| form).collect()
    }

    /// The forms in which it, or half of it, may turn up: what each is called, and its text, each byte as the character of
    /// that number.
    #[must_use]
    pub fn forms(&self) -> Vec<(String, String)> {
        let (first, second) = self.secret.split_at(self.secret.len() / 2);
        let parts = [
            ("all", self.secret.as_str()),
            ("first half", first),
            ("second half", second),
        ];
        let forms = parts.into_iter().flat_map(|(part, secret)| {
            assert!(
                secret.len() >= PART_BYTES_MIN,
                "{secret} is too short to be told apart"
            );
            needles(secret)
                .into_iter()
                .map(move |needle| (part, needle))
        });
        let hashes = hashes(&self.secret)
            .into_iter()
            .map(|needle| ("all", needle));
        forms
            .chain(hashes)
            .map(|(part, (form, needle))| (format!("{part}, {form}"), needle))
            .collect()
    }
}

/// A text's forms: those that are not undone in [`Searched`], and the plainest of those that are.
fn needles(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let decimal: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let json = Value::from(secret).to_string();
    let reserved = |byte: &u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => percent(&[*byte]),
    };
    let url: String = bytes.iter().map(reserved).collect();
    let mut needles = vec![
        ("raw", secret.to_owned()),
        ("percent-encoded", url.clone()),
        ("percent-encoded", url.replace("%20", "+")),
        ("as JSON", json.trim_matches('"').to_owned()),
        ("hex", hex(bytes)),
        ("HEX", hex(bytes).to_ascii_uppercase()),
        ("reversed", secret.chars().rev().collect()),
        // As the name of a field, which is written in lower case.
        ("in lower case", secret.to_ascii_lowercase()),
        ("list of bytes", decimal.join(", ")),
        ("list of bytes", decimal.join(",")),
    ];
    // Where it is in the middle of what was encoded, it may begin at any of three places.
    needles.extend((0..3).flat_map(|offset| base64_both(base64_within(bytes, offset))));
    needles
}

/// Forms of a text's hash, with which a guess could be checked.
fn hashes(secret: &str) -> Vec<(&'static str, String)> {
    let hash = Sha256::digest(secret.as_bytes());
    let mut needles = vec![
        ("SHA-256 as hex", hex(&hash)),
        ("SHA-256 as HEX", hex(&hash).to_ascii_uppercase()),
        ("SHA-256 as bytes", latin1(&hash)),
    ];
    let both = base64_both(base64(&hash));
    needles.extend(both.map(|(_, text)| ("SHA-256 as base64", text)));
    needles
}

/// As it stands in texts and in URLs.
fn base64_both(text: String) -> [(&'static str, String); 2] {
    let in_url = text.replace('+', "-").replace('/', "_");
    [("base64", text), ("base64 for URLs", in_url)]
}

impl Searched {
    /// Makes bytes ready to be searched.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let depth = if bytes.len() > DEEP_BYTES_MAX {
            0
        } else {
            LAYERS
        };
        let mut layers = vec![latin1(bytes)];
        let mut last = layers.clone();
        for _ in 0..depth {
            let undone = last.iter().flat_map(|text| {
                let plus = text.replace('+', " ");
                [
                    unpercent(text),
                    unpercent(&plus),
                    unescape(text),
                    unentity(text),
                ]
            });
            let mut undone: Vec<String> = undone.filter(|text| !layers.contains(text)).collect();
            undone.sort();
            undone.dedup();
            layers.extend(undone.iter().cloned());
            last = undone;
        }
        Self(layers)
    }

    /// Megabytes are searched for hundreds of texts.
    fn holds(&self, text: &str) -> bool {
        let finder = Finder::new(text);
        let mut layers = self.0.iter();
        layers.any(|layer| finder.find(layer.as_bytes()).is_some())
    }
}

/// Each byte as the character of that number: nothing is lost, and texts can be searched quickly.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn percent(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
}

/// Replaces what `decode` finds after each `mark`: a character, and how long what stands for it is.
fn replaced(text: &str, mark: char, decode: impl Fn(&str) -> Option<(char, usize)>) -> String {
    let mut parts = text.split(mark);
    let mut undone = parts.next().unwrap_or_default().to_owned();
    let mut rest = text.get(undone.len()..).unwrap_or_default();
    while let Some(after) = rest.strip_prefix(mark) {
        let (character, length) = decode(after).unwrap_or((mark, 0));
        undone.push(character);
        let after = after.get(length..).unwrap_or_default();
        let plain = after.find(mark).unwrap_or(after.len());
        undone.push_str(after.get(..plain).unwrap_or_default());
        rest = after.get(plain..).unwrap_or_default();
    }
    undone
}

/// URLs: `%2F`, `%2f`.
fn unpercent(text: &str) -> String {
    replaced(text, '%', |after| Some((code(after.get(..2)?)?, 2)))
}

/// JSON and Rust: `\"`, `\\`, `\u0022`, `\u{22}`, `\x22`.
fn unescape(text: &str) -> String {
    replaced(text, '\\', |after| {
        let first = after.chars().next()?;
        if let Some(braced) = after.strip_prefix("u{") {
            let digits = braced
                .split('}')
                .next()
                .filter(|digits| digits.len() <= 6)?;
            return Some((code(digits)?, digits.len() + 3));
        }
        match first {
            'u' => Some((code(after.get(1..5)?)?, 5)),
            'x' => Some((code(after.get(1..3)?)?, 3)),
            '"' | '\\' | '/' | '\'' => Some((first, 1)),
            _ => None,
        }
    })
}

/// HTML: `&amp;`, `&#34;`, `&#x22;`.
fn unentity(text: &str) -> String {
    replaced(text, '&', |after| {
        let name = after
            .get(..after.len().min(9))
            .unwrap_or(after)
            .split_once(';')?
            .0;
        let character = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => match name.strip_prefix("#x") {
                Some(digits) => code(digits)?,
                None => char::from_u32(name.strip_prefix('#')?.parse().ok()?)?,
            },
        };
        Some((character, name.len() + 1))
    })
}

fn code(digits: &str) -> Option<char> {
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

/// In letters, without padding. (RFC 4648, section 4)
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = (0..3).fold(0, |number: usize, at| {
            number << 8 | group.get(at).copied().map_or(0, usize::from)
        });
        for at in 0..=group.len() {
            let letter = ALPHABET.get(number >> (18 - 6 * at) & 63);
            text.extend(letter.copied().map(char::from));
        }
    }
    text
}

/// What is always the same of the base64 of something that has these bytes after `offset` others, modulo 3.
fn base64_within(bytes: &[u8], offset: usize) -> String {
    let padded = [vec![0; offset].as_slice(), bytes].concat();
    let whole = padded.len() / 3 * 4;
    let text = base64(&padded);
    // A letter that holds a bit of what comes before or after is not certain.
    let first = (offset * 8).div_ceil(6);
    text.get(first..whole).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: &str, text: impl AsRef<[u8]>) {
        let canary = Canary::new("planted");
        let searched = Searched::new(text.as_ref());
        let found = canary.forms_in(&searched);
        let shown = String::from_utf8_lossy(text.as_ref());
        assert!(
            found.iter().any(|found| found == form),
            "{form} in {shown}: {found:?}"
        );
        assert_eq!(Canary::new("another").forms_in(&searched), [""; 0]);
    }

    #[test]
    fn a_planted_secret_is_found_in_every_form() {
        let canary = Canary::new("planted");
        let secret = &canary.secret;
        check("all, raw", format!("key={secret};"));
        check("first half, raw", &secret[..secret.len() - 5]);
        check("second half, raw", &secret[5..]);
        check("all, raw", canary.in_url());
        check("all, raw", canary.in_url().to_ascii_lowercase());
        let form = secret
            .replace('%', "%25")
            .replace('+', "%2B")
            .replace('&', "%26");
        check("all, raw", form.replace(' ', "+"));
        let json = serde_json::to_string(&secret).unwrap();
        check("all, raw", &json);
        check("all, raw", serde_json::to_string(&json).unwrap());
        check("all, raw", format!("{secret:?}"));
        check(
            "all, raw",
            json.replace('&', "\\u0026")
                .replace('<', "\\u003c")
                .replace('\'', "\\u{27}"),
        );
        let html = secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;");
        check("all, raw", html.replace('>', "&gt;").replace('\'', "&#39;"));
        check("all, hex", hex(secret.as_bytes()));
        check("all, HEX", hex(secret.as_bytes()).to_ascii_uppercase());
        check("all, reversed", secret.chars().rev().collect::<String>());
        check("all, in lower case", secret.to_ascii_lowercase());
        check("all, list of bytes", format!("{:?}", secret.as_bytes()));
        let hash = Sha256::digest(secret.as_bytes());
        check("all, SHA-256 as hex", hex(&hash));
        check("all, SHA-256 as bytes", [&b"\0\xff"[..], &hash].concat());
        check("all, SHA-256 as base64", base64(&hash));
        for before in ["", "a", "ab", "abc"] {
            let text = base64(format!("{before}{secret}and more").as_bytes());
            check("all, base64", &text);
            check(
                "all, base64 for URLs",
                text.replace('+', "-").replace('/', "_"),
            );
        }
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let encoded = ["f", "fo", "foo", "foobar", "\u{fffd}"].map(|text| base64(text.as_bytes()));
        assert_eq!(encoded, ["Zg", "Zm8", "Zm9v", "Zm9vYmFy", "77+9"]);
    }

    #[test]
    fn what_is_like_a_secret_is_none() {
        let canary = Canary::new("planted");
        for text in [
            "planted",
            "%",
            "\\",
            "&#x;",
            "\\u{",
            "%2",
            "50% off & more; 100%zz",
        ] {
            assert_eq!(
                canary.forms_in(&Searched::new(text.as_bytes())),
                [""; 0],
                "{text}"
            );
        }
    }
}
