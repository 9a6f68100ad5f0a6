//! The wire against servers that do not behave: each lives in this process, on a port of its own on loopback.

mod hostile;
mod names;
mod shared;
mod tls;
mod unfinished;

use super::address::Reach;
use super::client::{Answer, ConnectionKind, Times};
use super::rules_tests::entry;
use super::{
    CallError, CertificateDer, Credential, Entry, Form, Network, Outgoing, OwnListeners, Place,
    RequestBody, Resolve, Rules, SystemResolver,
};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::header::AUTHORIZATION;
use hyper::{Method, Request, Uri};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const SECOND: Duration = Duration::from_secs(1);

/// A server whose every connection is handled alike.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut handled = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let handling = handle(stream);
                // What a client cuts off is no failure of the server's.
                handled.spawn(async move { drop(handling.await) });
            }
        });
        Self {
            address,
            connections,
            _tasks: tasks,
        }
    }

    /// One that reads a head and writes this, and does so again on the same connection.
    async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut stream| async move {
            loop {
                read_head(&mut stream).await?;
                stream.write_all(answer.as_bytes()).await?;
            }
        })
        .await
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An entry for it.
    fn entry(&self) -> Entry {
        Entry {
            reach: Reach::Private,
            timeout: 5 * SECOND,
            ..entry(&self.url())
        }
    }
}

/// Reads a request's head; an error at the connection's end.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8(head).unwrap())
}

/// A resolver that gives these answers, one after the other, and the last one for ever.
struct Told(Mutex<VecDeque<Vec<SocketAddr>>>);

impl Told {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

#[async_trait]
impl Resolve for Told {
    async fn resolve(&self, _: &str, port: u16, _: Place) -> io::Result<Vec<SocketAddr>> {
        let mut answers = self.0.lock().unwrap();
        let mut answer = match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        };
        for address in &mut answer {
            address.set_port(port);
        }
        Ok(answer)
    }
}

fn network(resolver: Arc<dyn Resolve>, authorities: Vec<CertificateDer<'static>>) -> Arc<Network> {
    Arc::new(Network::new(resolver, authorities, OwnListeners::none()))
}

fn outgoing(entries: Vec<Entry>) -> Outgoing {
    over(&network(Arc::new(SystemResolver), Vec::new()), entries)
}

fn over(network: &Arc<Network>, entries: Vec<Entry>) -> Outgoing {
    let file = "bot.toml".to_owned();
    Outgoing::new(network, Rules { file, entries })
}

fn empty() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

async fn get(outgoing: &Outgoing, url: &str) -> Result<Answer, CallError> {
    get_within(outgoing, url, Times::default()).await
}

async fn get_within(outgoing: &Outgoing, url: &str, times: Times) -> Result<Answer, CallError> {
    let admitted = outgoing
        .rules()
        .judge(&Method::GET, &url.parse::<Uri>().unwrap());
    outgoing
        .send(admitted.unwrap(), Request::new(empty()), times)
        .await
}

/// All of an answer's body.
async fn body(answer: Answer) -> Result<Bytes, CallError> {
    Ok(answer.response.into_body().collect().await?.to_bytes())
}

/// What comes of a call, to the end of its body, in a word.
async fn outcome(outgoing: &Outgoing, url: &str, times: Times) -> String {
    let whole = async {
        let answer = get_within(outgoing, url, times).await?;
        let status = answer.response.status().as_u16();
        let body = body(answer).await?;
        Ok::<_, CallError>(format!("{status}, {} bytes", body.len()))
    };
    // Longer than any deadline here: a test that hangs says so.
    let whole = tokio::time::timeout(20 * SECOND, whole).await.unwrap();
    whole.unwrap_or_else(|error| format!("{error:?}"))
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_connection_is_used_again_by_its_own_entry_only() {
    let server = Server::answering(OK).await;
    let other = Entry {
        methods: vec![Method::POST],
        ..server.entry()
    };
    let outgoing = outgoing(vec![server.entry(), other]);
    let mut kinds = Vec::new();
    for method in [Method::GET, Method::GET, Method::POST, Method::GET] {
        let admitted = outgoing
            .rules()
            .judge(&method, &server.url().parse().unwrap())
            .unwrap();
        let request = Request::builder().method(method).body(empty()).unwrap();
        let answer = outgoing
            .send(admitted, request, Times::default())
            .await
            .unwrap();
        kinds.push(answer.connection);
        assert_eq!(body(answer).await.unwrap(), "ok");
    }
    use ConnectionKind::{New, Reused};
    assert_eq!(kinds, [New, Reused, New, Reused]);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_request_that_was_written_is_never_sent_again() {
    // Given a server that answers once, and then reads another request and goes
    let (told, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |mut stream| {
        let told = told.clone();
        async move {
            told.send(read_head(&mut stream).await?).unwrap();
            stream.write_all(OK.as_bytes()).await?;
            told.send(read_head(&mut stream).await?).unwrap();
            Ok(())
        }
    })
    .await;
    let outgoing = outgoing(vec![server.entry()]);
    let first = outcome(&outgoing, &server.url(), Times::default()).await;
    assert_eq!(first, "200, 2 bytes");
    // When the connection that is kept ends under a request
    let second = outcome(&outgoing, &server.url(), Times::default()).await;
    // Then that is told, for the server may have done what it asks
    assert_eq!(second, "Closed");
    assert_eq!(server.connections(), 1);
    drop((outgoing, server));
    let mut heads = 0;
    while asked.recv().await.is_some() {
        heads += 1;
    }
    assert_eq!(heads, 2);
}

#[tokio::test]
async fn a_call_that_is_let_go_closes_its_connection() {
    let (told, mut closed) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |mut stream| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await?;
            told.send("asked").unwrap();
            // Nothing more comes but the end.
            let end = stream.read_u8().await;
            told.send("closed").unwrap();
            end.map(drop)
        }
    })
    .await;
    let outgoing = Arc::new(outgoing(vec![server.entry()]));
    let (calling, url) = (Arc::clone(&outgoing), server.url());
    let call = tokio::spawn(async move { get(&calling, &url).await.map(drop) });
    assert_eq!(closed.recv().await, Some("asked"));
    call.abort();
    assert_eq!(closed.recv().await, Some("closed"));
}

#[tokio::test]
async fn a_credential_goes_to_the_server_and_does_not_come_back() {
    let server = Server::start(|mut stream| async move {
        let head = read_head(&mut stream).await?;
        let sent = head
            .lines()
            .find(|line| line.starts_with("authorization:"))
            .unwrap_or("none");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nx-echo: {sent}\r\nx-other: 1\r\ncontent-length: {}\r\n\r\n{head}",
            head.len()
        );
        stream.write_all(answer.as_bytes()).await
    })
    .await;
    let credential = Credential::new(AUTHORIZATION, Form::Bearer, "hf_secret").unwrap();
    let outgoing = outgoing(vec![Entry {
        credential: Some(Ok(credential)),
        ..server.entry()
    }]);
    let answer = get(&outgoing, &server.url()).await.unwrap();
    assert!(answer.response.headers().contains_key("x-other"));
    assert!(!format!("{:?}", answer.response.headers()).contains("hf_secret"));
    let head = String::from_utf8(body(answer).await.unwrap().to_vec()).unwrap();
    assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("authorization: Bearer hf_secret\r\n"),
        "{head}"
    );
    assert!(
        head.contains(&format!("host: {}\r\n", server.address)),
        "{head}"
    );
}
