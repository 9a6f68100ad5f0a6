//! The Hub of the stories itself: what it answers, and how it fails when it is told to.

use super::*;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use std::io::{Read as _, Result, Write as _};

const MODEL: &str = "models/my-org/demo";

/// A connection to it, by whoever trusts its authority.
struct Client<'a> {
    hub: &'a FakeHubApi,
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl<'a> Client<'a> {
    fn of(hub: &'a FakeHubApi) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(hub.ca_file()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", hub.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        Self {
            hub,
            stream: StreamOwned::new(connection, stream),
        }
    }

    fn sends(&mut self, method: &str, path: &str, body: &str) -> Result<()> {
        let token = self.hub.token();
        write!(
            self.stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Head and body of the answer.
    fn hears(&mut self) -> Result<(String, String)> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            head.extend_from_slice(&byte);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.stream.read_exact(&mut body)?;
        Ok((head, String::from_utf8(body).unwrap()))
    }

    fn asks(&mut self, method: &str, path: &str, body: &str) -> Result<(String, String)> {
        self.sends(method, path, body)?;
        self.hears()
    }

    /// What is answered, as JSON.
    fn json(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (head, body) = self.asks(method, path, &body).unwrap();
        assert!(
            head.starts_with("HTTP/1.1 200"),
            "{method} {path}: {head}{body}"
        );
        serde_json::from_str(&body).unwrap()
    }

    /// The first line of what is answered.
    fn status(&mut self, method: &str, path: &str, body: &str) -> String {
        let (head, _) = self.asks(method, path, body).unwrap();
        head.lines().next().unwrap().to_owned()
    }
}

#[test]
fn what_is_written_is_kept_and_posted() {
    let hub = FakeHubApi::start();
    hub.has(MODEL, &[]);
    let num = hub.opens(MODEL, "A title", "Hello");
    let event = hub.comments(MODEL, num, "@my-bot?");
    assert_eq!(event["comment"]["author"]["id"], "61d2000c3c2083e1c08af22d");
    let mut client = Client::of(&hub);
    let place = format!("/api/{MODEL}/discussions");
    client.json(
        "POST",
        &format!("{place}/1/comment"),
        &json!({ "comment": "Yes?" }),
    );
    client.json(
        "POST",
        &format!("{place}/1/title"),
        &json!({ "title": "Another" }),
    );
    client.json(
        "POST",
        &format!("{place}/1/status"),
        &json!({ "status": "closed", "comment": "Done" }),
    );
    client.json(
        "POST",
        &place,
        &json!({ "title": "By the bot", "description": "x", "pullRequest": false }),
    );
    let read = client.json("GET", &format!("{place}/1"), &Value::Null);
    let kinds: Vec<&str> = read["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "comment",
            "comment",
            "comment",
            "title-change",
            "comment",
            "status-change"
        ]
    );
    assert_eq!(
        (&read["title"], &read["status"]),
        (&json!("Another"), &json!("closed"))
    );
    assert_eq!(hub.answers(MODEL, 1), ["Yes?", "Done"]);
    assert_eq!(hub.opened(MODEL), [2]);
    let listed = client.json(
        "GET",
        &format!("{place}?p=0&type=all&status=open&author=my-bot"),
        &Value::Null,
    );
    assert_eq!(
        (&listed["count"], &listed["discussions"][0]["num"]),
        (&json!(1), &json!(2))
    );
    let own = hub.last_event("discussion.comment", "create");
    assert_eq!(own["comment"]["author"]["id"], hub.account());
    assert_eq!(own["discussion"]["num"], 1);
    assert_eq!(hub.events().len(), 7);
    assert_eq!(hub.connections(), 1);
}

#[test]
fn files_are_told_at_their_commits() {
    let hub = FakeHubApi::start();
    let data = "datasets/my-org/reviews";
    hub.has(data, &[("README.md", "# one"), ("a b/old.csv", "1")]);
    let push = hub.pushes(data, &[("README.md", "# two"), ("c/new.csv", "2")]);
    let large = hub.pushes_large(data, "model.bin", b"large");
    let (moved, last) = (
        &push["updatedRefs"][0],
        large["updatedRefs"][0]["newSha"].as_str().unwrap(),
    );
    let (old, new) = (
        moved["oldSha"].as_str().unwrap(),
        moved["newSha"].as_str().unwrap(),
    );
    let mut client = Client::of(&hub);
    let api = format!("/api/{data}");
    let (_, raw) = client
        .asks("GET", &format!("{api}/compare/{old}..{new}?raw=true"), "")
        .unwrap();
    let told: Vec<&str> = raw
        .lines()
        .map(|line| line.rsplit(' ').next().unwrap())
        .collect();
    assert_eq!(told, ["M\tREADME.md", "A\tc/new.csv"]);
    let (_, text) = client
        .asks("GET", &format!("/{data}/raw/{old}/a%20b/old.csv"), "")
        .unwrap();
    assert_eq!(text, "1");
    let (head, _) = client
        .asks("GET", &format!("/{data}/resolve/main/a%20b/old.csv"), "")
        .unwrap();
    let to = format!("/api/resolve-cache/{data}/{last}/a%20b%2Fold.csv");
    assert!(
        head.starts_with("HTTP/1.1 307") && head.contains(&to),
        "{head}"
    );
    assert_eq!(client.asks("GET", &to, "").unwrap().1, "1");
    let (_, pointer) = client
        .asks("GET", &format!("/{data}/raw/main/model.bin"), "")
        .unwrap();
    assert!(
        pointer.starts_with("version https://git-lfs.github.com/spec/v1\noid sha256:"),
        "{pointer}"
    );
    let (head, _) = client
        .asks("GET", &format!("/{data}/resolve/main/model.bin"), "")
        .unwrap();
    assert!(
        head.starts_with("HTTP/1.1 302") && head.contains("https://cdn-lfs.hf.co/"),
        "{head}"
    );
    let tree = client.json(
        "GET",
        &format!("{api}/tree/main?recursive=true"),
        &Value::Null,
    );
    let paths: Vec<&Value> = tree
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["path"])
        .collect();
    assert_eq!(
        paths,
        ["README.md", "a b/old.csv", "c/new.csv", "model.bin"]
    );
    let refs = client.json("GET", &format!("{api}/refs?include_prs=1"), &Value::Null);
    assert_eq!(
        (
            &refs["branches"][0]["name"],
            &refs["branches"][0]["targetCommit"]
        ),
        (&json!("main"), &json!(last))
    );
}

#[test]
fn commits_pull_requests_spaces_jobs_and_the_model_are_played() {
    let hub = FakeHubApi::start();
    hub.has(MODEL, &[("README.md", "# one")]);
    let mut client = Client::of(&hub);
    let lines = "{\"key\":\"header\",\"value\":{\"summary\":\"Add tags\"}}\n\
                 {\"key\":\"file\",\"value\":{\"path\":\"README.md\",\"content\":\"IyB0d28=\",\"encoding\":\"base64\"}}\n";
    let path = format!("/api/{MODEL}/commit/main?create_pr=1");
    let (_, made) = client.asks("POST", &path, lines).unwrap();
    assert!(made.contains("/my-org/demo/discussions/1"), "{made}");
    assert_eq!(
        hub.file(MODEL, "refs/pr/1", "README.md").as_deref(),
        Some("# two")
    );
    assert_eq!(
        hub.last_event("discussion", "create")["discussion"]["isPullRequest"],
        true
    );
    client.json(
        "POST",
        &format!("/api/{MODEL}/discussions/1/merge"),
        &json!({}),
    );
    assert_eq!(
        hub.file(MODEL, "main", "README.md").as_deref(),
        Some("# two")
    );
    assert_eq!(
        hub.last_event("discussion", "update")["discussion"]["status"],
        "merged"
    );
    let space =
        json!({ "type": "space", "organization": "my-org", "name": "app-pr-1", "sdk": "gradio" });
    client.json("POST", "/api/repos/create", &space);
    assert!(hub.knows("spaces/my-org/app-pr-1"));
    assert!(
        client
            .status("POST", "/api/repos/create", &space.to_string())
            .contains("409")
    );
    client.json("DELETE", "/api/repos/delete", &space);
    assert!(
        client
            .status("DELETE", "/api/repos/delete", &space.to_string())
            .contains("404")
    );
    let job = json!({ "command": ["python"], "labels": { "hookbox-run": "run-1" } });
    let started = client.json("POST", "/api/jobs/my-org", &job);
    let found = client.json(
        "GET",
        "/api/jobs/my-org?label=hookbox-run%3Drun-1",
        &Value::Null,
    );
    assert_eq!(found, json!([started]));
    assert_eq!(
        client.json(
            "GET",
            "/api/jobs/my-org?label=hookbox-run%3Drun-2",
            &Value::Null
        ),
        json!([])
    );
    hub.model_says("Apache-2.0");
    let said = client.json(
        "POST",
        "/v1/chat/completions",
        &json!({ "model": "a/b", "messages": [] }),
    );
    assert_eq!(said["choices"][0]["message"]["content"], "Apache-2.0");
    assert_eq!(
        client.json("GET", "/api/whoami-v2", &Value::Null)["id"],
        hub.account()
    );
}

#[test]
fn faults_come_as_they_were_ordered() {
    let hub = FakeHubApi::start();
    hub.has(MODEL, &[]);
    hub.opens(MODEL, "A title", "Hello");
    let place = format!("/api/{MODEL}/discussions/1");
    let comment = format!("{place}/comment");
    hub.fails("POST /api", 1, Fault::Limited(55));
    hub.fails("POST /api", 2, Fault::Status(500));
    hub.fails("/comment", 1, Fault::CutBefore);
    hub.fails("/comment", 1, Fault::CutAfter);
    let mut client = Client::of(&hub);
    assert!(client.asks("GET", &place, "").is_ok());
    let (head, _) = client.asks("POST", &comment, "{}").unwrap();
    assert!(head.contains("RateLimit: \"api\";r=0;t=55\r\n"), "{head}");
    assert!(client.status("POST", &comment, "{}").contains("500"));
    assert!(client.status("POST", &comment, "{}").contains("500"));
    let body = json!({ "comment": "once" }).to_string();
    assert!(client.asks("POST", &comment, &body).is_err());
    assert_eq!(hub.answers(MODEL, 1), [""; 0]);
    assert!(Client::of(&hub).asks("POST", &comment, &body).is_err());
    assert_eq!(hub.answers(MODEL, 1), ["once"]);
    // A token that is not taken, and one that is held until it is told
    hub.takes_token("hf_another");
    let mut client = Client::of(&hub);
    client.hub = &hub;
    hub.fails("whoami", 1, Fault::Slow);
    client.sends("GET", "/api/whoami-v2", "").unwrap();
    hub.is_asked("whoami", 1);
    hub.goes_on();
    assert!(client.hears().unwrap().0.contains("200"));
    let before = hub.asked().len();
    hub.never_finishes_tls(1);
    let mut silent = Client::of(&hub);
    silent
        .stream
        .sock
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    assert!(silent.asks("GET", &place, "").is_err());
    assert_eq!(hub.asked().len(), before);
    assert!(hub.asked().iter().all(|call| call.is_authorised));
}

#[test]
fn it_ends_with_whatever_it_holds() {
    let hub = FakeHubApi::start();
    hub.fails("GET", 1, Fault::Slow);
    hub.never_finishes_tls(0);
    let mut held = Client::of(&hub);
    held.sends("GET", "/api/whoami-v2", "").unwrap();
    hub.is_asked("whoami", 1);
    let Client { mut stream, .. } = held;
    let idle = TcpStream::connect(("127.0.0.1", hub.port)).unwrap();
    drop(hub);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    drop(idle);
}

#[test]
fn a_plugins_own_grant_leads_to_it_too() {
    let hub = FakeHubApi::start();
    let grant = hub.grant_of("discussion-bot");
    let host = hub.host();
    assert!(
        grant.contains(&format!(
            "[config]\nhub-endpoint = \"https://{host}\"\nrouter-endpoint"
        )),
        "{grant}"
    );
    assert_eq!(
        grant
            .matches(&format!("host = \"{host}\"\nprivate = true\n"))
            .count(),
        3
    );
    assert_eq!(
        grant.matches("paths = [\"/v1/chat/completions\"]").count(),
        2
    );
    assert_eq!(grant.matches("host = \"huggingface.co\"").count(), 2);
}
