//! A real browser: Chromium without a window, told what to do through its driver (W3C WebDriver).

use crate::http::{Answer, Connection};
use crate::lines::Lines;
use crate::wait::eventually_or;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The longest that the browser may take for a step.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the driver says once it listens.
const STARTED: &str = "was started successfully on port ";

/// Nothing leaves the machine, and nothing is asked of its user.
const SWITCHES: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
];

/// A browser with one page; dropping it ends it.
pub struct Browser {
    driver: Child,
    address: String,
    session: String,
    profile: TempDir,
}

impl Browser {
    /// Starts one with a new profile.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver: {error}; install it as .ci/run does"));
        let said = driver.stdout.take().map(Lines::of).unwrap_or_default();
        let port = said.wait(PATIENCE, |line| {
            let port = line.split(STARTED).nth(1)?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let profile = TempDir::new().expect("a temporary folder can be made");
        let mut browser = Self {
            driver,
            address: format!("127.0.0.1:{}", port.expect("the driver tells its port")),
            session: String::new(),
            profile,
        };
        let folder = format!("--user-data-dir={}", browser.profile.path().display());
        let args: Vec<&str> = SWITCHES.iter().copied().chain([folder.as_str()]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"args": args},
        }}});
        let session = browser.ask("POST", "/session", &wanted);
        let id = session.get("sessionId").and_then(Value::as_str);
        browser.session = format!("/session/{}", id.expect("there is a session"));
        browser
    }

    /// Goes to an address and waits until the page is there.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.command("/url", &json!({ "url": url }));
    }

    /// Types into a field, once it is there.
    #[track_caller]
    pub fn types(&self, field: &str, text: &str) {
        let element = self.find(field);
        self.command(
            &format!("/element/{element}/value"),
            &json!({ "text": text }),
        );
    }

    /// Clicks on something, once it is there.
    #[track_caller]
    pub fn clicks(&self, what: &str) {
        let element = self.find(what);
        self.command(&format!("/element/{element}/click"), &json!({}));
    }

    /// Waits until the page shows a text; returns all that it shows.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        let mut shown = String::new();
        let found = eventually_or(PATIENCE, || {
            shown = self
                .runs("return document.body.innerText")
                .as_str()?
                .to_owned();
            shown.contains(text).then_some(())
        });
        assert!(found.is_some(), "`{text}` is not shown in\n{shown}");
        shown
    }

    /// Runs a script in the page, as its own could.
    #[track_caller]
    pub fn runs(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The driver's name of the first element that a CSS selector finds.
    #[track_caller]
    fn find(&self, selector: &str) -> String {
        let asked = json!({ "using": "css selector", "value": selector });
        let found = eventually_or(PATIENCE, || {
            let answer = self.try_ask("POST", &format!("{}/element", self.session), &asked)?;
            let found = answer
                .json()
                .get("value")?
                .as_object()?
                .values()
                .next()?
                .clone();
            (answer.status == 200).then(|| found.as_str().map(str::to_owned))?
        });
        found.unwrap_or_else(|| panic!("`{selector}` is not on the page"))
    }

    #[track_caller]
    fn command(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}{path}", self.session), body)
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.try_ask(method, path, body);
        let answer = answer.unwrap_or_else(|| panic!("{path}: the driver does not answer"));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json().get("value").cloned().unwrap_or_default()
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Option<Answer> {
        let body = body.to_string();
        let mut connection = Connection::try_open(&self.address)?;
        connection.send(format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        ));
        connection.answer()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser, which has processes of its own; what is left of both goes with their group.
        if !self.session.is_empty() {
            let _ = self.try_ask("DELETE", &self.session, &json!({}));
        }
        let _ = kill_process_group(Pid::from_child(&self.driver), Signal::KILL);
        let _ = self.driver.wait();
    }
}
