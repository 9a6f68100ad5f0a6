//! Asking the admin listener, with its token or rudely.

use crate::http::{Answer, Connection};
use serde_json::Value;
use std::fmt::Write as _;

/// Whoever asks the admin listener of one host.
#[derive(Clone)]
pub struct Operator {
    address: String,
    token: String,
}

impl Operator {
    /// One who asks `host:port` with a token.
    #[must_use]
    pub fn new(address: &str, token: &str) -> Self {
        Self {
            address: address.to_owned(),
            token: token.to_owned(),
        }
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A `GET` with the token.
    pub fn get(&self, path: &str) -> Asked<'_> {
        self.ask("GET", path).bearer(&self.token)
    }

    /// A `POST` with the token.
    pub fn post(&self, path: &str, body: &str) -> Asked<'_> {
        self.ask("POST", path).bearer(&self.token).body(body)
    }

    /// Any request, without the token.
    pub fn ask(&self, method: &str, path: &str) -> Asked<'_> {
        Asked {
            operator: self,
            method: method.to_owned(),
            path: path.to_owned(),
            host: self.address.clone(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// What a `GET` with the token answers, as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path).send();
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Logs a browser in; returns what it sends as its cookie from then on.
    #[track_caller]
    #[must_use]
    pub fn cookie(&self, prefix: &str) -> String {
        let answer = self
            .ask("GET", &format!("{prefix}/?token={}", self.token))
            .send();
        let cookie = answer.header("set-cookie").unwrap_or_default();
        assert_eq!(answer.status, 303, "{answer:?}");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }
}

/// A request that is about to be sent.
#[must_use]
pub struct Asked<'a> {
    operator: &'a Operator,
    method: String,
    path: String,
    host: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Asked<'_> {
    /// With one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// To another name than the address.
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// With a body.
    pub fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// With a form, as a browser sends it from a page of this host.
    pub fn form(self, form: &str) -> Self {
        let origin = format!("http://{}", self.host);
        self.header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &origin)
            .header("sec-fetch-site", "same-origin")
            .body(form)
    }

    /// Sends it and reads the answer.
    #[track_caller]
    pub fn send(self) -> Answer {
        let shown = format!("{} {}", self.method, self.path);
        self.try_send()
            .unwrap_or_else(|| panic!("{shown}: the connection broke before an answer came"))
    }

    /// Sends it; `None` if there was no whole answer, as when the host ends meanwhile.
    pub fn try_send(self) -> Option<Answer> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.method, self.path, self.host
        );
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !matches!(&*self.method, "GET" | "HEAD") {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        }
        let mut connection = Connection::try_open(&self.operator.address)?;
        connection.send(format!("{head}\r\n{}", self.body));
        if self.method == "HEAD" {
            return connection.answer_head();
        }
        connection.answer()
    }
}
