//! Posting as the Hub does.

use crate::http::{Answer, Connection};
use serde_json::Value;
use std::fmt::Write as _;

/// Whoever posts webhooks to one host.
pub struct Hub {
    address: String,
    secret: Option<String>,
}

impl Hub {
    /// One that posts to `host:port`, with a secret if the host has one.
    #[must_use]
    pub fn new(address: &str, secret: Option<&str>) -> Self {
        Self {
            address: address.to_owned(),
            secret: secret.map(str::to_owned),
        }
    }

    /// A delivery of an event.
    pub fn deliver(&self, event: &Value) -> Post<'_> {
        self.deliver_bytes(event.to_string())
    }

    /// A delivery of any bytes.
    pub fn deliver_bytes(&self, body: impl Into<Vec<u8>>) -> Post<'_> {
        Post {
            hub: self,
            method: "POST".to_owned(),
            path: "/webhooks".to_owned(),
            secret: self.secret.clone(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.into(),
        }
    }

    /// Any other request, without a secret or a body.
    pub fn request(&self, method: &str, path: &str) -> Post<'_> {
        Post {
            hub: self,
            method: method.to_owned(),
            path: path.to_owned(),
            secret: None,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A bare connection.
    #[track_caller]
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(&self.address)
    }

    /// The head of a `POST` to `/webhooks` with this hub's secret, without the empty line that ends it.
    #[must_use]
    pub fn head(&self, headers: &[&str]) -> String {
        let mut head = format!("POST /webhooks HTTP/1.1\r\nhost: {}\r\n", self.address);
        if let Some(secret) = &self.secret {
            let _ = write!(head, "x-webhook-secret: {secret}\r\n");
        }
        for header in headers {
            let _ = write!(head, "{header}\r\n");
        }
        head
    }
}

/// A request that is about to be sent.
#[must_use]
pub struct Post<'a> {
    hub: &'a Hub,
    method: String,
    path: String,
    secret: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Post<'_> {
    /// With this `Webhook-Id`.
    pub fn id(self, id: &str) -> Self {
        self.header("webhook-id", id)
    }

    /// With another secret than the hub's.
    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }

    /// Without a secret.
    pub fn no_secret(mut self) -> Self {
        self.secret = None;
        self
    }

    /// With `Prefer: wait`.
    pub fn wait(self, seconds: u32) -> Self {
        self.header("prefer", &format!("wait={seconds}"))
    }

    /// To another path than `/webhooks`.
    pub fn to(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another content type, or none.
    pub fn content_type(mut self, value: Option<&str>) -> Self {
        self.headers.retain(|(name, _)| name != "content-type");
        match value {
            Some(value) => self.header("content-type", value),
            None => self,
        }
    }

    /// Sends it and reads the answer.
    #[track_caller]
    pub fn send(self) -> Answer {
        let shown = format!("{} {}", self.method, self.path);
        self.try_send()
            .unwrap_or_else(|| panic!("{shown}: the connection broke before an answer came"))
    }

    /// Sends it; `None` if there was no whole answer, as when the host is killed meanwhile.
    pub fn try_send(self) -> Option<Answer> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.method, self.path, self.hub.address
        );
        if let Some(secret) = &self.secret {
            let _ = write!(head, "x-webhook-secret: {secret}\r\n");
        }
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if self.method != "GET" && self.method != "HEAD" {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        }
        let mut request = format!("{head}\r\n").into_bytes();
        request.extend_from_slice(&self.body);
        let mut connection = Connection::try_open(&self.hub.address)?;
        connection.send(&request);
        if self.method == "HEAD" {
            return connection.answer_head();
        }
        connection.answer()
    }
}
