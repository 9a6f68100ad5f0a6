//! Outgoing calls of plugins: what a grant allows, what becomes of the rest, and what an operator sees of both.

use hookbox_tests::{Cli, Host, HostBuilder, Receiver, component, event, eventually};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// A host whose plugin `caller` makes the calls that an event asks for, by this grant.
fn host(grant: &str) -> Host {
    with(Host::with(&[]), grant).start()
}

fn with(host: HostBuilder, grant: &str) -> HostBuilder {
    host.plugin_as("caller", "guest-hostile")
        .grant("caller", grant)
}

/// An entry for a server on this machine.
fn entry(server: &Receiver, more: &str) -> String {
    let url = server.url("");
    let host = url.strip_prefix("http://").unwrap();
    format!("[[http]]\nhost = \"{host}\"\nscheme = \"http\"\nprivate = true\n{more}\n")
}

fn asking(calls: &Value) -> Value {
    let mut asked = event("repo", "update", "a/call");
    asked["calls"] = calls.clone();
    asked
}

/// What the plugin says of its calls, and what the attempt keeps of them.
fn calls(host: &Host, calls: &Value) -> (Value, Value) {
    let answer = host.hub().deliver(&asking(calls)).wait(20).send();
    let attempt = host.delivery(&answer.id())["runs"][0]["attempts"][0].clone();
    let said = attempt["output"]
        .as_str()
        .unwrap_or_else(|| panic!("{attempt:#}"));
    (
        serde_json::from_str(said).unwrap(),
        attempt["calls"].clone(),
    )
}

#[test]
fn a_granted_host_is_called_and_the_call_is_kept() {
    let server = Receiver::answering(200);
    let host = host(&entry(&server, "methods = [\"GET\", \"POST\"]"));
    let url = server.url("/api?token=in-the-query");
    let (said, kept) = calls(
        &host,
        &json!([{ "method": "POST", "url": url, "body": "{\"a\":1}", "headers": { "content-length": "7" } }]),
    );
    assert_eq!(said[0]["status"], 200, "{said:#}");
    assert_eq!(
        server.got(),
        [("/api?token=in-the-query".to_owned(), json!({ "a": 1 }))]
    );
    assert_eq!(
        (&kept[0]["method"], &kept[0]["status"]),
        (&json!("POST"), &json!(200))
    );
    assert_eq!(kept[0]["url"], server.url("/api"));
    assert_eq!(
        (&kept[0]["denied_by"], &kept[0]["error"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&kept[0]["bytes"], &kept[0]["reused"]),
        (&json!(0), &json!(false))
    );
}

#[test]
fn the_sdk_calls_whom_the_grant_names() {
    let server = Receiver::answering(200);
    let grant = entry(&server, "methods = [\"GET\", \"POST\"]");
    let host = Host::with(&[])
        .plugin_as("caller", "guest-reaching")
        .grant("caller", &grant)
        .start();
    let mut asked = event("repo", "update", "a/b");
    asked["url"] = server.url("/api").into();
    let answer = host.hub().deliver(&asked).wait(20).send();
    let attempt = host.delivery(&answer.id())["runs"][0]["attempts"][0].clone();
    let said: Value = serde_json::from_str(attempt["output"].as_str().unwrap()).unwrap();
    // Both were answered, also the one whose body is larger than what the host holds of it
    assert_eq!(
        (&said["get"], &said["post"]),
        (&json!("200 "), &json!("200 "))
    );
    let methods: Vec<&Value> = (0..2).map(|at| &attempt["calls"][at]["method"]).collect();
    assert_eq!(methods, ["GET", "POST"]);
    assert_eq!(server.got().len(), 2);
}

#[test]
fn what_is_not_granted_is_denied_and_the_line_is_named_that_would_allow_it() {
    let server = Receiver::answering(200);
    let host = host(&entry(&server, "paths = [\"/api/**\"]\nrequests = 1"));
    let (said, kept) = calls(
        &host,
        &json!([
            { "url": server.url("/api/x") },
            { "url": server.url("/api/x") },
            { "url": server.url("/other") },
            { "method": "POST", "url": server.url("/api/x") },
            { "url": "https://example.org/" },
            { "url": server.url("/api/../other") },
            { "method": "TRACE", "url": server.url("/api/x") },
            { "url": "ftp://example.org/" },
        ]),
    );
    assert_eq!(said[0]["status"], 200, "{said:#}");
    let errors: Vec<&str> = (1..8)
        .map(|at| said[at]["error"].as_str().unwrap())
        .collect();
    let denied = "ErrorCode::HttpRequestDenied";
    assert_eq!(
        errors,
        [
            denied,
            denied,
            denied,
            denied,
            "ErrorCode::HttpRequestUriInvalid",
            denied,
            "ErrorCode::HttpRequestUriInvalid",
        ]
    );
    let name = server.url("").replace("http://", "");
    let by: Vec<&str> = (1..8)
        .map(|at| kept[at]["denied_by"].as_str().unwrap())
        .collect();
    assert_eq!(
        by,
        [
            format!(
                "requests: 1 of 1 in this attempt are made; raise `requests` of the entry for {name} (line 1 of caller.toml)"
            ),
            format!(
                "path: add \"/other\" to `paths` of the entry for {name} (line 1 of caller.toml)"
            ),
            format!(
                "method: add \"POST\" to `methods` of the entry for {name} (line 1 of caller.toml)"
            ),
            "host: add to caller.toml an entry [[http]] with host = \"example.org\", methods = [\"GET\"], paths = [\"/\"]"
                .to_owned(),
            "path: it has a segment `.` or `..`".to_owned(),
            "method: TRACE is never sent".to_owned(),
            "a scheme that is neither https nor http".to_owned(),
        ]
    );
    assert_eq!(server.got().len(), 1);
}

#[test]
fn neither_this_machine_nor_the_host_itself_is_reached_unless_it_is_granted() {
    let server = Receiver::answering(200);
    let entry = entry(&server, "");
    let host = host(&entry.replace("private = true", ""));
    let own = host.url();
    let (said, kept) = calls(&host, &json!([{ "url": server.url("/") }]));
    assert_eq!(said[0]["error"], "ErrorCode::DestinationIpProhibited");
    assert_eq!(
        kept[0]["denied_by"],
        "address: 127.0.0.1 is loopback (RFC 1122); `private = true` in the entry opens it"
    );
    assert_eq!(server.got(), []);
    // Not with `private` either, whoever it calls itself
    let port = own.rsplit(':').next().unwrap();
    let entry = |name: &str| {
        format!("[[http]]\nhost = \"{name}:{port}\"\nscheme = \"http\"\nprivate = true\n")
    };
    host.replace(
        "plugins/caller.toml",
        &format!("{}{}", entry("localhost"), entry("127.0.0.1")),
    );
    let denied = eventually(SOON, || {
        let (_, kept) = calls(
            &host,
            &json!([{ "url": own }, { "url": format!("http://localhost:{port}/healthz") }]),
        );
        let by = |at: usize| kept[at]["denied_by"].as_str().map(str::to_owned);
        by(0)
            .filter(|by| by.ends_with("is hookbox itself"))
            .zip(by(1))
    });
    assert!(denied.1.ends_with("is hookbox itself"), "{denied:?}");
}

#[test]
fn a_credential_is_added_by_the_host_and_the_plugin_cannot_send_its_own() {
    // Given a server that echoes, and a credential in a file
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, heads) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let sent = head
                .lines()
                .find(|line| line.starts_with("authorization"))
                .unwrap_or("x");
            let echo = sent.replace("authorization: ", "");
            drop(write!(
                stream,
                "HTTP/1.1 200 OK\r\nx-echo: {echo}\r\nx-kept: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ));
            if told.send(head).is_err() {
                return;
            }
        }
    });
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "hf_first_canary\n").unwrap();
    let grant = format!(
        "[[http]]\nhost = \"{address}\"\nscheme = \"http\"\nprivate = true\npaths = [\"/api/**\"]\nbearer = \"file:{}\"\n",
        file.display()
    );
    let host = host(&grant);
    let url = format!("http://{address}/api/x");
    // When the plugin calls, it goes out with the credential, which comes back in no field
    let own = json!({ "authorization": "Bearer mine" });
    let (said, kept) = calls(
        &host,
        &json!([{ "url": url }, { "url": url, "headers": own }]),
    );
    assert!(
        heads
            .recv()
            .unwrap()
            .contains("authorization: Bearer hf_first_canary\r\n")
    );
    assert_eq!(said[0]["headers"]["x-kept"], "1", "{said:#}");
    assert_eq!(said[1]["error"], "ErrorCode::HttpRequestDenied");
    assert!(
        kept[1]["denied_by"]
            .as_str()
            .unwrap()
            .starts_with("header: the entry")
    );
    // And another content of the file counts without a restart
    std::fs::write(&file, "hf_other_canary\n").unwrap();
    eventually(SOON, || {
        calls(&host, &json!([{ "url": url }]));
        heads
            .recv()
            .unwrap()
            .contains("hf_other_canary")
            .then_some(())
    });
    // And neither is anywhere to be seen
    let seen = format!("{said} {} {}", host.log(), Value::from(host.deliveries()));
    assert!(!seen.contains("_canary"), "{seen}");
    // And one that cannot be read denies the call, and nothing else
    std::fs::remove_file(&file).unwrap();
    let by = eventually(SOON, || {
        let (_, kept) = calls(&host, &json!([{ "url": url }]));
        kept[0]["denied_by"].as_str().map(str::to_owned)
    });
    assert!(
        by.starts_with("credential of") && by.contains("No such file"),
        "{by}"
    );
}

#[test]
fn a_body_that_the_plugin_did_not_finish_is_never_taken_for_a_whole_one() {
    // Given a server that answers early and reads on
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, bodies) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut all, mut part) = (Vec::new(), [0; 1024]);
        while !all.ends_with(b"half a comment\r\n") {
            let read = stream.read(&mut part).unwrap();
            all.extend_from_slice(&part[..read]);
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        drop(stream.read_to_end(&mut all));
        told.send(String::from_utf8(all).unwrap()).unwrap();
    });
    let host = host(&format!(
        "[[http]]\nhost = \"{address}\"\nscheme = \"http\"\nprivate = true\nmethods = [\"POST\"]\n"
    ));
    // When the attempt ends after the answer without an end of the body
    let url = format!("http://{address}/");
    let half = json!([{ "method": "POST", "url": url, "body": "half a comment", "end": "sent" }]);
    let (said, _) = calls(&host, &half);
    assert_eq!(said[0]["status"], 200, "{said:#}");
    // Then the server is not told that it was all
    let body = bodies.recv_timeout(SOON).unwrap();
    assert!(body.ends_with("half a comment\r\n"), "{body:?}");
}

#[test]
fn writes_are_counted_over_attempts_and_restarts_and_stop_at_the_budget() {
    let server = Receiver::answering(200);
    let mut host = host(&entry(
        &server,
        "methods = [\"GET\", \"POST\"]\nwrites-per-hour = 2",
    ));
    let post = json!([{ "method": "POST", "url": server.url("/") }, { "url": server.url("/") }]);
    for _ in 0..2 {
        let (said, _) = calls(&host, &post);
        assert_eq!(
            (&said[0]["status"], &said[1]["status"]),
            (&json!(200), &json!(200))
        );
    }
    // A host that is killed forgets none of them
    host.kill();
    host.restart();
    let (said, kept) = calls(&host, &post);
    assert_eq!(said[0]["error"], "ErrorCode::HttpRequestDenied");
    let by = kept[0]["denied_by"].as_str().unwrap();
    assert!(
        by.starts_with("writes-per-hour = 2: all of the hour's are sent"),
        "{by}"
    );
    assert_eq!(said[1]["status"], 200, "reading goes on");
}

#[test]
fn what_became_of_calls_is_told_to_people_too() {
    let server = Receiver::answering(404);
    let host = host(&entry(&server, ""));
    let asked = json!([
        { "url": server.url("/api?x=1") },
        { "url": "https://example.org/\u{202e}" },
        { "url": "https://example.org/a" },
    ]);
    let answer = host.hub().deliver(&asking(&asked)).wait(20).send();
    // When the delivery is shown, then so are its calls, with what would allow those that were denied
    let shown = host.cli(&["deliveries", "show", &answer.id()]).ok().stdout;
    let calls: Vec<&str> = shown.lines().filter(|line| line.contains(" → ")).collect();
    let url = server.url("/api");
    assert!(
        calls[0].starts_with(&format!("    GET {url} → 404, ")),
        "{shown}"
    );
    assert_eq!(
        calls.last().unwrap(),
        &"    GET https://example.org/a → denied by host: add to caller.toml an entry [[http]] with host = \"example.org\", methods = [\"GET\"], paths = [\"/a\"]"
    );
    // And a run without a host shows them as well
    let ran = Cli::new(&["run"])
        .arg(component("guest-hostile"))
        .arg("-")
        .stdin(asking(&json!([{ "url": server.url("/") }])).to_string())
        .run();
    let stdout = ran.ok().stdout;
    assert!(
        stdout.contains(" → denied by network: 'hookbox run' calls nobody"),
        "{stdout}"
    );
}

#[test]
fn run_calls_nobody_unless_it_is_told_to() {
    let server = Receiver::answering(200);
    let folder = tempfile::TempDir::new().unwrap();
    let grant = folder.path().join("grant.toml");
    std::fs::write(&grant, entry(&server, "")).unwrap();
    let asked = asking(&json!([{ "url": server.url("/") }])).to_string();
    let run = |flags: &[&str], ca_file: &str| {
        let cli = Cli::new(&["run"])
            .arg(component("guest-hostile"))
            .arg("-")
            .arg("--json");
        let cli = cli.arg("--grant").arg(&grant).folder(folder.path());
        let cli = cli.env("HOOKBOX_CA_FILE", ca_file);
        let ran = flags.iter().fold(cli, Cli::arg).stdin(asked.clone()).run();
        ran.ok().json()["calls"][0].clone()
    };
    // Also where the variable for its calls is set for everything on the machine
    let withheld = run(&[], "/nowhere/ca.pem");
    assert!(
        withheld["denied_by"]
            .as_str()
            .unwrap()
            .contains("--allow-http"),
        "{withheld}"
    );
    assert_eq!(server.got(), []);
    assert_eq!(run(&["--allow-http"], "")["status"], 200);
    assert_eq!(server.got().len(), 1);
}

#[test]
fn calls_are_counted_by_how_they_ended() {
    let server = Receiver::answering(200);
    let host = host(&entry(&server, ""));
    for _ in 0..3 {
        calls(&host, &json!([{ "url": server.url("/") }]));
    }
    calls(&host, &json!([{ "url": "https://example.org/" }]));
    let scraped = host.admin().get("/metrics").send().body;
    for sample in [
        "hookbox_calls_total{plugin=\"caller\",result=\"ok\"} 3",
        "hookbox_calls_total{plugin=\"caller\",result=\"denied\"} 1",
        "hookbox_call_seconds_count{plugin=\"caller\"} 3",
    ] {
        assert!(
            scraped.lines().any(|line| line == sample),
            "{sample} is not in\n{scraped}"
        );
    }
}

#[test]
fn what_an_attempt_leaves_behind_is_cut_off_and_kept() {
    // Given a server that never answers
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, ends) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut all = Vec::new();
            let read = stream.unwrap().read_to_end(&mut all);
            told.send((read.is_ok(), all.len())).unwrap();
        }
    });
    let host = host(&format!(
        "timeout = \"1s\"\nretry = {{ attempts = 1 }}\n[[http]]\nhost = \"{address}\"\nscheme = \"http\"\nprivate = true\n"
    ));
    // When its time is over
    let asked = asking(&json!([{ "url": format!("http://{address}/") }]));
    let answer = host.hub().deliver(&asked).wait(20).send();
    let attempt = host.delivery(&answer.id())["runs"][0]["attempts"][0].clone();
    // Then the connection goes with it, and the call is kept
    assert_eq!(attempt["outcome"], "timed-out");
    let call = &attempt["calls"][0];
    assert_eq!(
        (&call["status"], &call["error"]),
        (&Value::Null, &json!("cancelled with the attempt"))
    );
    assert!(call["ms"].as_u64().unwrap() >= 900, "{call}");
    let (_, asked) = ends.recv_timeout(SOON).unwrap();
    assert!(asked > 0);
}

#[test]
fn a_guest_is_told_in_wasi_s_words_what_went_wrong() {
    let server = Receiver::answering(404);
    let dead = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let plain =
        |host: &str| format!("[[http]]\nhost = \"{host}\"\nscheme = \"http\"\nprivate = true\n");
    let tls = server.url("").replace("http://", "");
    let host = host(&format!(
        "{}{}{}[[http]]\nhost = \"{tls}\"\nprivate = true\n",
        entry(&server, ""),
        plain(&dead.to_string()),
        plain("name.invalid"),
    ));
    let (said, kept) = calls(
        &host,
        &json!([
            { "url": server.url("/") },
            { "url": format!("http://{dead}/") },
            { "url": "http://name.invalid/" },
            { "url": format!("https://{tls}/") },
            { "url": server.url("/"), "headers": { "host": "evil.org", "x-forwarded-for": "1.2.3.4", "x-mine": "1" } },
        ]),
    );
    assert_eq!(said[0]["status"], 404);
    assert_eq!(said[1]["error"], "ErrorCode::ConnectionRefused");
    assert!(
        said[2]["error"].as_str().unwrap().contains("Dns"),
        "{said:#}"
    );
    assert_ne!(said[3]["error"], Value::Null);
    assert_eq!(said[4]["refused"], json!(["host", "x-forwarded-for"]));
    assert_eq!(kept[1]["error"], "the connection was refused");
}
