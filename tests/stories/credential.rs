//! A plugin never gets hold of the credential that its calls carry: a thief tries every way that there is, and everything
//! that the host says or keeps is searched as well.

mod repeater;

use hookbox_tests::{Canary, Cli, Host, HostBuilder, Surfaces, component, event};
use repeater::Repeater;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The environment variable that holds the credential.
const VARIABLE: &str = "STOLEN";

/// Each byte of what the thief looks for is told changed by this.
const MASK: u8 = 0xa5;

/// What the thief's memory does hold: that it is found shows that the search works.
const CONTROL: &str = "this-is-in-the-payload";

/// A way to get at the credential: what it is called, the call, and what comes of it.
type Way = (&'static str, Value, &'static str);

const DENIED: &str = "ErrorCode::HttpRequestDenied";
const NO_URL: &str = "ErrorCode::HttpRequestUriInvalid";

/// Calls that go out with the credential, to a server that repeats it wherever it can but in a body.
fn repeated(url: &dyn Fn(&str) -> String) -> Vec<Way> {
    let get = |path: &str| json!({ "url": url(path) });
    vec![
        ("in fields", get("/api/fields"), "200"),
        ("in the name of a field", get("/api/name"), "200"),
        ("in the reason", get("/api/reason"), "200"),
        ("in trailers", get("/api/trailers"), "200"),
        ("in early hints", get("/api/early"), "200"),
        (
            "in a redirect to itself",
            get("/api/redirect?to=self"),
            "302",
        ),
        (
            "in a redirect elsewhere",
            get("/api/redirect?to=stranger"),
            "302",
        ),
        (
            "in no HTTP",
            get("/api/garbage"),
            "ErrorCode::HttpProtocolError",
        ),
        (
            "in another protocol",
            get("/api/switch"),
            "ErrorCode::HttpProtocolError",
        ),
        (
            "in a broken chunk",
            get("/api/chunk"),
            "incomplete HTTP response None",
        ),
        (
            "in a long head",
            get("/api/long"),
            "ErrorCode::HttpResponseHeaderSectionSize",
        ),
        (
            "behind fields of its own",
            json!({ "method": "POST", "url": url("/api/fields"), "body": "x", "headers": { "content-length": "1",
                "host": "evil.example", "connection": "authorization", "proxy-authorization": "x", "te": "trailers",
                "x-forwarded-host": "evil.example", "x-http-method-override": "TRACE", "x-mine": "1" } }),
            "200",
        ),
    ]
}

/// Calls that are not sent.
fn refused(url: &dyn Fn(&str) -> String, name: &str) -> Vec<Way> {
    let get = |url: String| json!({ "url": url });
    let with = |field: &str| json!({ "url": url("/api/fields"), "headers": { field: "x" } });
    let port = name.rsplit(':').next().unwrap();
    vec![
        (
            "traced",
            json!({ "method": "TRACE", "url": url("/api/fields") }),
            DENIED,
        ),
        (
            "another method",
            json!({ "method": "PUT", "url": url("/api/fields") }),
            DENIED,
        ),
        ("another path", get(url("/elsewhere")), DENIED),
        ("a path around", get(url("/api/../elsewhere")), NO_URL),
        ("an encoded one", get(url("/api/%2e%2e/elsewhere")), NO_URL),
        (
            "another scheme",
            get(format!("https://{name}/api/fields")),
            DENIED,
        ),
        (
            "another port",
            get("http://127.0.0.1:1/api/fields".to_owned()),
            DENIED,
        ),
        (
            "another name",
            get(format!("http://localhost:{port}/api/fields")),
            DENIED,
        ),
        (
            "a user's name",
            get(format!("http://x@{name}/api/fields")),
            NO_URL,
        ),
        ("its own field", with("AuThOrIzAtIoN"), DENIED),
        ("a cookie", with("COOKIE"), DENIED),
    ]
}

/// An event that asks the thief for these calls, and tells what to look for without saying it.
fn asking(calls: &[&Value], token: &Canary) -> Value {
    let hidden = |text: &str| -> Value {
        let bytes = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap());
        bytes.map(|byte| Value::from(byte ^ MASK)).collect()
    };
    let forms = token.forms().into_iter();
    let mut needles: serde_json::Map<String, Value> =
        forms.map(|(name, text)| (name, hidden(&text))).collect();
    needles.insert("control".to_owned(), hidden(CONTROL));
    let mut asked = event("repo", "update", "a/steal");
    asked["calls"] = json!(calls);
    asked["mask"] = MASK.into();
    asked["needles"] = needles.into();
    asked["control"] = CONTROL.into();
    asked
}

/// What the thief may call with the credential, and what it has besides.
fn grant(repeater: &Repeater, more: &str) -> String {
    let credential = format!(
        "methods = [\"GET\", \"POST\"]\npaths = [\"/api/**\"]\nbearer = \"env:{VARIABLE}\"\n"
    );
    format!(
        "fuel = 20_000_000_000\ntimeout = \"20s\"\nretry = {{ attempts = 1 }}\n[state]\n[config]\nmodel = \"m\"\n{}{more}",
        repeater.server.entry(&credential)
    )
}

fn host(token: &Canary, grant: &str) -> HostBuilder {
    Host::with(&[])
        .plugin_as("thief", "guest-hostile")
        .grant("thief", grant)
        .env(VARIABLE, &token.secret)
        .env("RUST_LOG", "trace")
}

/// What the thief says of its theft.
fn said(attempt: &Value) -> Value {
    let output = attempt["output"].as_str();
    let output = output.unwrap_or_else(|| panic!("{attempt:#}"));
    serde_json::from_str(output).unwrap()
}

/// What came of a call, in a word.
fn outcome(called: &Value) -> String {
    let status = called["status"].as_u64().map(|status| status.to_string());
    let error = || called["error"].as_str().map(str::to_owned);
    status.or_else(error).unwrap_or_default()
}

#[test]
fn a_plugin_never_gets_hold_of_the_credential_that_its_calls_carry() {
    // Given a server that repeats what it is sent, and a stranger that the plugin may call as well
    let token = Canary::token("stolen");
    let (repeater, stranger) = (Repeater::start(), Repeater::start());
    let strangers = stranger.server.entry("");
    let mut host = host(&token, &grant(&repeater, &strangers)).start();
    let url = |path: &str| repeater.server.url(path);
    let mut ways = repeated(&url);
    let sent = ways.len();
    ways.extend(refused(&url, &repeater.server.name()));
    let to_stranger = json!({ "url": stranger.server.url("/api/fields") });
    ways.push(("a stranger", to_stranger, "200"));
    // When a plugin tries all ways to get hold of it
    let calls: Vec<&Value> = ways.iter().map(|(_, call, _)| call).collect();
    let asked = asking(&calls, &token);
    let answer = host.hub().deliver(&asked).wait(20).send();
    let attempt = host.delivery(&answer.id())["runs"][0]["attempts"][0].clone();
    let said = said(&attempt);
    // Then none works
    for ((way, _, expected), called) in ways.iter().zip(said["called"].as_array().unwrap()) {
        let outcome = outcome(called);
        assert!(outcome.starts_with(expected), "{way}: {called:#}");
    }
    assert_eq!(said["found"].as_object().unwrap().len(), 1, "{said:#}");
    assert!(said["found"]["control"][0].is_u64(), "{said:#}");
    // Though the server had it each time, and the stranger never
    let heads = repeater.heads();
    assert_eq!(heads.len(), sent, "{heads:#?}");
    assert!(heads.iter().all(|head| head.contains(&token.secret)));
    assert_eq!(stranger.heads().len(), 1);
    assert!(!stranger.heads()[0].contains("hf_"));
    // And it is in nothing that the host says or keeps
    let mut surfaces = Surfaces::default();
    surfaces.look(&host);
    host.kill();
    surfaces.look_at_rest(&host);
    surfaces.hold_none_of(&[&token]);
    assert!(surfaces.holding("/api/trailers") > 5);
}

#[test]
fn run_shows_nobody_the_credential_either() {
    let token = Canary::token("stolen");
    let repeater = Repeater::start();
    let folder = TempDir::new().unwrap();
    let grant_file = folder.path().join("grant.toml");
    std::fs::write(&grant_file, grant(&repeater, "")).unwrap();
    let ways = repeated(&|path| repeater.server.url(path));
    let calls: Vec<&Value> = ways.iter().map(|(_, call, _)| call).collect();
    let asked = asking(&calls, &token).to_string();
    let mut surfaces = Surfaces::default();
    for output in ["--json", "--allow-http"] {
        let cli = Cli::new(&["run", "--allow-http"]).arg(component("guest-hostile"));
        let cli = cli.arg("-").arg("--grant").arg(&grant_file);
        let cli = if output == "--json" {
            cli.arg(output)
        } else {
            cli
        };
        let cli = cli
            .env(VARIABLE, &token.secret)
            .env("RUST_LOG", "trace")
            .folder(folder.path());
        surfaces.command(output, &cli.stdin(asked.clone()).run().ok());
    }
    assert_eq!(repeater.heads().len(), 2 * ways.len());
    assert_eq!(surfaces.holding("x-kept"), 2);
    surfaces.hold_none_of(&[&token]);
}

#[test]
fn a_server_that_repeats_the_credential_in_a_body_gives_it_away() {
    // What `docs/security.md` says that nobody can prevent, and what shows that the thief finds what is there
    let token = Canary::token("stolen");
    let repeater = Repeater::start();
    let host = host(&token, &grant(&repeater, "")).start();
    let call = json!({ "url": repeater.server.url("/api/body") });
    let asked = asking(&[&call], &token);
    let answer = host.hub().deliver(&asked).wait(20).send();
    let said = said(&host.delivery(&answer.id())["runs"][0]["attempts"][0]);
    assert_eq!(
        said["called"][0]["body"],
        format!("Bearer {}", token.secret)
    );
    assert!(said["found"]["all, raw"][0].is_u64(), "{said:#}");
}

#[test]
fn a_plugin_cannot_slip_a_second_request_into_its_connection() {
    // A server would take the head of the next call, credential and all, for the body of what was slipped in.
    let token = Canary::token("stolen");
    let repeater = Repeater::start();
    let host = host(&token, &grant(&repeater, "")).start();
    let slipped = "GET /elsewhere HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n";
    let post = |body: &str, fields: Value| json!({ "method": "POST", "url": repeater.server.url("/api/x"), "body": body, "headers": fields });
    let url = |path: &str| json!({ "url": repeater.server.url(path) });
    let calls = [
        post(slipped, json!({ "content-length": "0" })),
        post(&format!("xxx{slipped}"), json!({ "content-length": "3" })),
        post("xxx", json!({ "content-length": "500" })),
        post(
            "xxx",
            json!({ "content-length": "3", "Content-Length": "90" }),
        ),
        post(
            "xxx",
            json!({ "content-length": "3", "transfer-encoding": "chunked" }),
        ),
        post(
            "xxx",
            json!({ "content-length": "3", "x-a": format!("1\r\n\r\n{slipped}"), "x-b\r\nx-c": "1" }),
        ),
        url("/api/x HTTP/1.1\r\n\r\nGET /elsewhere"),
        json!({ "method": "GET /elsewhere HTTP/1.1\r\n\r\nGET", "url": repeater.server.url("/api/x") }),
        url("/api/last"),
    ];
    let asked = asking(&calls.iter().collect::<Vec<_>>(), &token);
    let answer = host.hub().deliver(&asked).wait(20).send();
    let said = said(&host.delivery(&answer.id())["runs"][0]["attempts"][0]);
    let called = said["called"].as_array().unwrap().iter().map(outcome);
    let (failed, size) = ("StreamError::Last", "ErrorCode::HttpRequestBodySize");
    let expected = [
        failed,
        failed,
        size,
        size,
        "200",
        "200",
        "not a request",
        "not a request",
        "200",
    ];
    for (called, expected) in called.zip(expected) {
        assert!(called.starts_with(expected), "{called}: {said:#}");
    }
    // What arrived are the two that were whole, as they were judged, and the last one
    let heads = repeater.heads();
    assert_eq!(heads.len(), 3, "{heads:#?}");
    assert!(heads[2].starts_with("GET /api/last "), "{heads:#?}");
    for head in &heads[..2] {
        assert!(head.starts_with("POST /api/x HTTP/1.1\r\ncontent-length: 3\r\nhost: "));
        assert!(!head.contains("x-") && !head.contains("chunked"), "{head}");
    }
}
