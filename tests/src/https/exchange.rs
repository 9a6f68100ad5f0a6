//! A request and its reply, as far as these servers look at them.

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, Read as _, Result};

/// The most bytes of a body: commits of small files are far below.
const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What was asked.
#[derive(Debug, Default)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads one; `None` at the end of the connection.
    pub fn read(from: &mut impl BufRead) -> Result<Option<Self>> {
        let mut first = String::new();
        if from.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let mut words = first.split_whitespace().map(str::to_owned);
        let mut request = Self {
            method: words.next().unwrap_or_default(),
            target: words.next().unwrap_or_default(),
            ..Self::default()
        };
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            let header = (name.to_ascii_lowercase(), value.trim().to_owned());
            request.headers.push(header);
        }
        let length = request.header("content-length");
        let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
        from.take(length.min(BODY_BYTES_MAX))
            .read_to_end(&mut request.body)?;
        Ok((request.body.len() as u64 == length).then_some(request))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn bears(&self, token: &str) -> bool {
        self.header("authorization") == Some(&format!("Bearer {token}"))
    }

    /// Whether its length is not said: that is not read here.
    pub fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The parts of its path, decoded one by one.
    pub fn segments(&self) -> Vec<String> {
        let path = self.target.split('?').next().unwrap_or_default();
        let parts = path.trim_start_matches('/').split('/');
        parts.map(decoded).collect()
    }

    /// The value of a parameter in its query.
    pub fn query(&self, key: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(known, _)| *known == key)?;
        Some(decoded(value))
    }
}

/// A text without its percent signs.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, part.get(2..)) {
            (Some(byte), Some(rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            _ => bytes.extend_from_slice(part.as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text as one part of a path: also its slashes.
pub fn quoted(text: &str) -> String {
    text.bytes().fold(String::new(), |mut quoted, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            let _ = write!(quoted, "%{byte:02X}");
        }
        quoted
    })
}

/// What is answered.
#[derive(Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub fn json(value: &Value) -> Self {
        Self::bytes(value.to_string())
    }

    pub fn bytes(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// No, in the Hub's words.
    pub fn no(status: u16, error: &str) -> Self {
        Self {
            status,
            ..Self::json(&json!({ "error": error }))
        }
        .with("X-Request-Id", "Root=1-66d42b98")
    }

    /// Something is not there, with the Hub's word for what.
    pub fn missing(code: &str, error: &str) -> Self {
        Self::no(404, error).with("X-Error-Code", code)
    }

    pub fn moved(status: u16, to: String) -> Self {
        Self {
            status,
            ..Self::bytes("")
        }
        .with("Location", to)
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As it goes out.
    pub fn wire(&self) -> Vec<u8> {
        let mut head = format!(
            "HTTP/1.1 {} X\r\ncontent-length: {}\r\n",
            self.status,
            self.body.len()
        );
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let mut bytes = format!("{head}\r\n").into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
