//! What a guest is told of calls, and what is kept of them, without a guest.

use super::*;
use crate::outgoing::address::Reach;
use crate::outgoing::host::{HostPattern, Scheme};
use crate::outgoing::{Credential, Entry, Form, OwnListeners, SystemResolver};
use crate::plugin::capability::budget::{BudgetDenied, PassingBudget};
use async_trait::async_trait;
use http_body_util::Empty;
use hyper::header::AUTHORIZATION;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A server on loopback that answers, or does not.
async fn server(answer: Option<&'static str>) -> (SocketAddr, AbortHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            drop(stream.read(&mut head).await);
            if let Some(answer) = answer {
                drop(stream.write_all(answer.as_bytes()).await);
            }
            kept.push(stream);
        }
    });
    (address, task.abort_handle())
}

fn entry(address: SocketAddr) -> Entry {
    let (host, port) = HostPattern::parse(&address.to_string()).unwrap();
    Entry {
        line: 3,
        host,
        port: port.unwrap(),
        scheme: Scheme::Http,
        methods: vec![Method::GET, Method::POST],
        paths: None,
        reach: Reach::Private,
        requests: 32,
        writes_per_hour: 600,
        response_bytes_max: 100,
        timeout: Duration::from_secs(5),
        credential: None,
    }
}

fn hooks_with(entry: Entry, budget: Arc<dyn WriteBudget>) -> HttpHooks {
    let network = Network::new(Arc::new(SystemResolver), Vec::new(), OwnListeners::none());
    let outlet = Outlet {
        network: Arc::new(network),
        budget,
    };
    let rules = Rules {
        file: "bot.toml".to_owned(),
        entries: vec![entry],
    };
    HttpHooks::new(HttpAccess::Granted(outlet.open("bot", rules)))
}

fn hooks(entry: Entry) -> HttpHooks {
    hooks_with(entry, Arc::new(PassingBudget::default()))
}

type Sent = Pin<Box<dyn Future<Output = Result<(Response<WasiBody>, Io)>> + Send>>;

fn send(hooks: &mut HttpHooks, method: Method, url: &str) -> Sent {
    send_with(hooks, Request::builder().method(method).uri(url))
}

fn send_with(hooks: &mut HttpHooks, request: hyper::http::request::Builder) -> Sent {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let sent = Box::new(std::future::ready(Ok(())));
    Pin::from(hooks.send_request(request.body(body).unwrap(), None, sent))
}

/// What comes of a call, to the end of its body.
async fn outcome(sent: Sent) -> String {
    let whole = async {
        let (response, _) = sent.await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok::<_, Error>(format!("{status}, {} bytes", body.len()))
    };
    whole.await.unwrap_or_else(|error| format!("{error:?}"))
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_call_is_kept_with_what_came_of_it() {
    let (address, _task) = server(Some(OK)).await;
    let mut hooks = hooks(entry(address));
    let url = format!("http://user@{address}/a?token=x");
    assert_eq!(
        outcome(send(&mut hooks, Method::GET, &url)).await,
        "HttpRequestUriInvalid"
    );
    let url = format!("http://{address}/a?token=x");
    assert_eq!(
        outcome(send(&mut hooks, Method::GET, &url)).await,
        "200, 2 bytes"
    );
    let calls = hooks.end();
    assert_eq!(
        calls[0].denied_by.as_deref(),
        Some("a user or password in the URL")
    );
    assert_eq!(calls[0].url, format!("http://{address}/a"));
    assert_eq!(
        (calls[1].status, calls[1].bytes, calls[1].reused),
        (Some(200), Some(2), Some(false))
    );
    assert_eq!(calls[1].url, format!("http://{address}/a"));
}

#[tokio::test]
async fn an_answer_that_grows_too_large_is_kept_as_a_failure() {
    let endless = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n\
                   xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n40\r\n\
                   xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";
    let (address, _task) = server(Some(endless)).await;
    let mut hooks = hooks(entry(address));
    let found = outcome(send(&mut hooks, Method::GET, &format!("http://{address}/"))).await;
    assert_eq!(found, "HttpResponseBodySize(Some(100))");
    let calls = hooks.end();
    assert_eq!(calls[0].status, Some(200));
    assert!(
        calls[0].error.as_deref().unwrap().contains("response-max"),
        "{calls:?}"
    );
    assert_eq!(calls[0].result(), Some("failed"));
}

#[tokio::test]
async fn calls_at_once_and_requests_are_bounded() {
    let (address, _task) = server(None).await;
    let mut hooks = hooks(Entry {
        requests: 9,
        ..entry(address)
    });
    let url = format!("http://{address}/");
    let under_way: Vec<Sent> = (0..8)
        .map(|_| send(&mut hooks, Method::GET, &url))
        .collect();
    let ninth = outcome(send(&mut hooks, Method::GET, &url)).await;
    assert_eq!(ninth, "ConnectionLimitReached");
    drop(under_way);
    // One that was refused because of the others is not made, and may be made now
    drop(send(&mut hooks, Method::GET, &url));
    assert_eq!(
        outcome(send(&mut hooks, Method::GET, &url)).await,
        "HttpRequestDenied"
    );
    let calls = hooks.end();
    let by = |at: usize| calls[at].denied_by.clone().unwrap();
    assert_eq!(by(8), "8 calls of this attempt are under way");
    assert_eq!(calls[9].result(), Some("cancelled"));
    assert!(
        by(10).starts_with("requests: 9 of 9 in this attempt are made"),
        "{}",
        by(10)
    );
    assert_eq!(calls[0].result(), Some("cancelled"));
}

/// A budget that cannot be asked.
struct Unreachable;

#[async_trait]
impl WriteBudget for Unreachable {
    async fn take(&self, _: &str, _: &str, _: u32) -> Result<(), BudgetDenied> {
        Err(BudgetDenied::Unavailable("the disk is full".to_owned()))
    }
}

#[tokio::test]
async fn what_cannot_be_counted_is_not_sent() {
    let (address, _task) = server(Some(OK)).await;
    let mut hooks = hooks_with(entry(address), Arc::new(Unreachable));
    let url = format!("http://{address}/");
    assert_eq!(
        outcome(send(&mut hooks, Method::POST, &url)).await,
        "HttpRequestDenied"
    );
    assert_eq!(
        outcome(send(&mut hooks, Method::GET, &url)).await,
        "200, 2 bytes"
    );
    let calls = hooks.end();
    let by = calls[0].denied_by.as_deref().unwrap();
    assert_eq!(
        by,
        "writes-per-hour = 600: it cannot be counted now: the disk is full"
    );
}

/// A budget that tells what it was asked for, and gives nothing.
struct Asked(tokio::sync::mpsc::UnboundedSender<String>);

#[async_trait]
impl WriteBudget for Asked {
    async fn take(&self, _: &str, key: &str, _: u32) -> Result<(), BudgetDenied> {
        drop(self.0.send(key.to_owned()));
        Err(BudgetDenied::Full { free_at_ms: 0 })
    }
}

#[tokio::test]
async fn all_hosts_below_a_name_have_one_budget() {
    let (asked, mut keys) = tokio::sync::mpsc::unbounded_channel();
    let (host, _) = HostPattern::parse("*.example.org").unwrap();
    let below = Entry {
        host,
        port: 80,
        ..entry("127.0.0.1:80".parse().unwrap())
    };
    let mut hooks = hooks_with(below, Arc::new(Asked(asked)));
    for url in ["http://a.example.org/", "http://b.c.example.org/"] {
        let denied = outcome(send(&mut hooks, Method::POST, url)).await;
        assert_eq!(denied, "HttpRequestDenied");
        assert_eq!(keys.recv().await.unwrap(), "http://*.example.org:80");
    }
}

#[tokio::test]
async fn a_body_that_is_still_open_holds_the_place_of_its_call() {
    // Given a server that answers before the request is whole, and a plugin that lets the answers go
    let (address, _task) = server(Some(OK)).await;
    let mut hooks = hooks(entry(address));
    let url = format!("http://{address}/");
    let mut open = Vec::new();
    let mut post = |hooks: &mut HttpHooks| {
        let (writer, body) = tokio::sync::mpsc::channel::<Bytes>(1);
        open.push(writer);
        let request = Request::post(&url).body(Open(body).boxed_unsync()).unwrap();
        Pin::from(hooks.send_request(request, None, Box::new(std::future::ready(Ok(())))))
    };
    for _ in 0..8 {
        assert_eq!(outcome(post(&mut hooks)).await, "200, 2 bytes");
    }
    // Then it has no more of them than if it had kept the answers
    assert_eq!(outcome(post(&mut hooks)).await, "ConnectionLimitReached");
}

/// A body without an end as long as its sender lives.
struct Open(tokio::sync::mpsc::Receiver<Bytes>);

impl Body for Open {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let bytes = std::task::ready!(self.0.poll_recv(cx));
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[tokio::test]
async fn a_credential_that_cannot_be_read_denies_the_call_and_one_that_can_stands_alone() {
    let (address, _task) = server(Some(OK)).await;
    let url = format!("http://{address}/");
    let mut unread = hooks(Entry {
        credential: Some(Err("env:X: the environment variable is not set".to_owned())),
        ..entry(address)
    });
    assert_eq!(
        outcome(send(&mut unread, Method::GET, &url)).await,
        "ConfigurationError"
    );
    let by = unread.end()[0].denied_by.clone().unwrap();
    assert!(
        by.ends_with("(line 3 of bot.toml): env:X: the environment variable is not set"),
        "{by}"
    );
    let credential = Credential::new(AUTHORIZATION, Form::Bearer, "hf_secret").unwrap();
    let mut read = hooks(Entry {
        credential: Some(Ok(credential)),
        ..entry(address)
    });
    for name in ["authorization", "Authorization", "cookie"] {
        let request = Request::get(&url).header(name, "mine");
        assert_eq!(
            outcome(send_with(&mut read, request)).await,
            "HttpRequestDenied",
            "{name}"
        );
    }
    assert_eq!(
        outcome(send(&mut read, Method::GET, &url)).await,
        "200, 2 bytes"
    );
    assert!(!format!("{read:?} {:?}", read.end()).contains("hf_secret"));
}

#[tokio::test]
async fn a_call_that_the_attempt_leaves_behind_is_cut_off_and_kept() {
    let (address, _task) = server(None).await;
    let mut hooks = hooks(entry(address));
    let mut waiting = send(&mut hooks, Method::GET, &format!("http://{address}/"));
    let waited = tokio::time::timeout(Duration::from_millis(20), &mut waiting).await;
    assert!(waited.is_err());
    let calls = hooks.end();
    assert_eq!(
        calls[0].error.as_deref(),
        Some("cancelled with the attempt")
    );
}

#[tokio::test]
async fn an_answer_that_the_attempt_leaves_behind_is_kept_as_cut_off() {
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok";
    let empty = "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
    let mut kept = Vec::new();
    for answer in [begun, empty] {
        let (address, _task) = server(Some(answer)).await;
        let mut hooks = hooks(entry(address));
        let answered = send(&mut hooks, Method::GET, &format!("http://{address}/")).await;
        // The plugin has it still when its attempt ends
        kept.extend(hooks.end());
        drop(answered);
    }
    assert_eq!((kept[0].status, kept[1].status), (Some(200), Some(201)));
    assert_eq!(kept[0].result(), Some("cancelled"));
    assert_eq!(kept[1].result(), Some("ok"), "nothing of it was left");
}

#[tokio::test]
async fn a_plugin_that_is_always_denied_is_judged_no_longer() {
    let (address, _task) = server(Some(OK)).await;
    let mut hooks = hooks(entry(address));
    let granted = format!("http://{address}/");
    for _ in 0..999 {
        drop(send(&mut hooks, Method::DELETE, &granted));
    }
    let answered = outcome(send(&mut hooks, Method::GET, &granted)).await;
    assert_eq!(answered, "200, 2 bytes");
    drop(send(&mut hooks, Method::DELETE, &granted));
    // After a thousand of them even what is granted is denied
    let denied = outcome(send(&mut hooks, Method::GET, &granted)).await;
    assert_eq!(denied, "HttpRequestDenied");
}

#[test]
fn without_a_grant_a_refusal_says_what_to_add() {
    let mut hooks = HttpHooks::new(HttpAccess::NotGranted);
    drop(send(&mut hooks, Method::GET, "https://huggingface.co/api"));
    let by = hooks.end()[0].denied_by.clone().unwrap();
    assert_eq!(
        by,
        "host: add to its grant an entry [[http]] with host = \"huggingface.co\", methods = [\"GET\"], paths = [\"/api\"]"
    );
    let mut hooks = HttpHooks::new(HttpAccess::Withheld("network: not here"));
    drop(send(&mut hooks, Method::GET, "https://huggingface.co/api"));
    assert_eq!(
        hooks.end()[0].denied_by.as_deref(),
        Some("network: not here")
    );
}

#[test]
fn fields_that_would_make_a_request_another_one_are_nobody_s_to_set() {
    for name in [
        "host",
        "Connection",
        "transfer-encoding",
        "TE",
        "Trailer",
        "expect",
        "upgrade",
        "proxy-authorization",
        "X-Forwarded-For",
        "x-forwarded-anything",
        "x-http-method-override",
        "X-Original-URL",
        "forwarded",
        "x-forwarded",
        "X-Original-Method",
        "x-rewrite-path",
        "x-http-path-override",
        "x-override-url",
        // To what reads fields as CGI does, a line below is a dash.
        "X_HTTP_Method_Override",
        "x_forwarded_for",
        "Transfer_Encoding",
        "content_length",
        "proxy_authorization",
    ] {
        assert!(is_forbidden(&HeaderName::try_from(name).unwrap()), "{name}");
    }
    for name in [
        "authorization",
        "accept",
        "content-type",
        "content-length",
        "x-api-key",
        "x_api_key",
        "cookie",
    ] {
        assert!(
            !is_forbidden(&HeaderName::try_from(name).unwrap()),
            "{name}"
        );
    }
}

#[test]
fn every_failure_has_a_word_of_wasi() {
    let address = "127.0.0.1".parse().unwrap();
    let prohibited = CallError::Prohibited {
        address,
        what: "loopback",
        mend: "",
    };
    for (error, expected) in [
        (
            CallError::NoAddress,
            "DnsError { rcode: None, info_code: None }",
        ),
        (CallError::LookupTimeout, "DnsTimeout"),
        (prohibited, "DestinationIpProhibited"),
        (CallError::ConnectionRefused, "ConnectionRefused"),
        (CallError::Unreachable, "DestinationUnavailable"),
        (CallError::Crowded, "ConnectionLimitReached"),
        (CallError::ConnectTimeout, "ConnectionTimeout"),
        (CallError::WriteTimeout, "ConnectionWriteTimeout"),
        (CallError::Certificate, "TlsCertificateError"),
        (
            CallError::Alert(40),
            "TlsAlertReceived { alert_id: Some(40), alert_message: None }",
        ),
        (CallError::Tls, "TlsProtocolError"),
        (CallError::NoRoots, "ConfigurationError"),
        (
            CallError::HeadTooLarge,
            "HttpResponseHeaderSectionSize(None)",
        ),
        (CallError::NotHttp, "HttpProtocolError"),
        (CallError::Closed, "ConnectionTerminated"),
        (CallError::HeadTimeout, "HttpResponseTimeout"),
        (CallError::BodyTooLarge(7), "HttpResponseBodySize(Some(7))"),
        (CallError::ReadTimeout, "ConnectionReadTimeout"),
        (CallError::TotalTimeout, "HttpResponseTimeout"),
        (CallError::Incomplete, "HttpResponseIncomplete"),
        (
            CallError::RequestTooLarge(7),
            "HttpRequestBodySize(Some(7))",
        ),
        (CallError::Abandoned, "HttpProtocolError"),
        (CallError::Cancelled, "ConnectionTerminated"),
    ] {
        assert_eq!(format!("{:?}", told(&error)), expected, "{error}");
    }
}
