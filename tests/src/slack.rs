//! Slack's API as a plugin calls it: HTTPS on loopback, with the one method that is needed. (docs.slack.dev,
//! `chat.postMessage` and "Rate limits")

use crate::host::HostBuilder;
use crate::https::authority::Authority;
use crate::https::exchange::{Reply, Request};
use crate::wait::eventually_or;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufReader, Result, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// The longest that a post is waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// A Slack; dropping it ends it.
pub struct FakeSlack {
    port: u16,
    desk: Arc<Desk>,
    folder: TempDir,
    thread: Option<JoinHandle<Vec<JoinHandle<()>>>>,
}

struct Desk {
    token: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    posted: Vec<Posted>,
    faults: VecDeque<SlackFault>,
    over: bool,
    streams: Vec<TcpStream>,
}

/// A post that came.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Whether it bore the token.
    pub is_authorised: bool,
    /// What was posted: `channel`, `text`, `thread_ts`.
    pub message: Value,
    /// Its name, if it was taken.
    pub ts: Option<String>,
}

/// What goes wrong with a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlackFault {
    /// 429, to be asked again in so many seconds.
    Limited(u32),
    /// 200, with `ok: false` and this word.
    Error(&'static str),
    /// An answer of this status.
    Status(u16),
    /// The connection is cut before anything is said.
    Cut,
}

impl FakeSlack {
    /// Starts one that takes this token.
    #[track_caller]
    #[must_use]
    pub fn with_token(token: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let authority = Authority::new();
        std::fs::write(folder.path().join("ca.pem"), authority.pem())
            .expect("a file can be written");
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let desk = Arc::new(Desk {
            token: token.to_owned(),
            inner: Mutex::default(),
        });
        let (shared, tls) = (Arc::clone(&desk), authority.server("localhost"));
        Self {
            port: address.port(),
            desk,
            folder,
            thread: Some(std::thread::spawn(move || accept(&listener, &shared, &tls))),
        }
    }

    /// `localhost:PORT`, as entries of grants name it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// A host that trusts it and has its token in `SLACK_TOKEN`.
    pub fn known_to(&self, host: HostBuilder) -> HostBuilder {
        let file = self.folder.path().join("ca.pem").display().to_string();
        host.args(&["--ca-file", &file])
            .env("SLACK_TOKEN", &self.desk.token)
    }

    /// A plugin's own grant, with this one beside the real one: the entry stands there once more, and the settings
    /// lead to it.
    #[must_use]
    pub fn granted(&self, grant: &str) -> String {
        let endpoint = format!("[config]\nslack-endpoint = \"https://{}\"\n", self.host());
        let granted = grant.replacen("[config]\n", &endpoint, 1);
        let (_, entry) = grant.rsplit_once("[[http]]").unwrap_or_default();
        let host = format!("\"{}\"\nprivate = true", self.host());
        let entry = entry.replacen("\"slack.com\"", &host, 1);
        format!("{granted}\n[[http]]{entry}")
    }

    /// Has the next posts go wrong, one after the other.
    pub fn fails(&self, faults: &[SlackFault]) {
        self.desk.lock().faults.extend(faults.iter().cloned());
    }

    /// What came so far, in order.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        self.desk.lock().posted.clone()
    }

    /// The same, once there are so many.
    #[track_caller]
    pub fn is_posted(&self, times: usize) -> Vec<Posted> {
        let found = eventually_or(PATIENCE, || {
            let posted = self.posted();
            (posted.len() >= times).then_some(posted)
        });
        found.unwrap_or_else(|| panic!("not {times} times in {:#?}", self.posted()))
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reply to a request; `None` if the connection is to be cut.
    fn answer(&self, request: &Request) -> Option<Reply> {
        let line = (request.method.as_str(), request.target.as_str());
        if line != ("POST", "/api/chat.postMessage") {
            return Some(Reply::json(&refused("unknown_method")));
        }
        let mut inner = self.lock();
        let fault = inner.faults.pop_front();
        let is_authorised = request.bears(&self.token);
        let is_taken = fault.is_none() && is_authorised;
        // As Slack writes the time of a message, which is its name.
        let ts = is_taken.then(|| format!("1767225600.{:06}", inner.posted.len() + 1));
        let message = request.json();
        inner.posted.push(Posted {
            is_authorised,
            message: message.clone(),
            ts: ts.clone(),
        });
        match fault {
            Some(SlackFault::Cut) => None,
            Some(SlackFault::Limited(seconds)) => {
                Some(Reply::no(429, "ratelimited").with("Retry-After", seconds.to_string()))
            }
            Some(SlackFault::Status(status)) => Some(Reply::no(status, "")),
            Some(SlackFault::Error(word)) => Some(Reply::json(&refused(word))),
            None if !is_authorised => Some(Reply::json(&refused("invalid_auth"))),
            None => Some(Reply::json(
                &json!({"ok": true, "channel": message.get("channel"), "ts": ts}),
            )),
        }
    }
}

fn refused(word: &str) -> Value {
    json!({"ok": false, "error": word})
}

/// Accepts until it is over, and hands back what still goes on.
fn accept(
    listener: &TcpListener,
    desk: &Arc<Desk>,
    tls: &Arc<ServerConfig>,
) -> Vec<JoinHandle<()>> {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        let mut inner = desk.lock();
        if inner.over {
            break;
        }
        // One that breaks off is the next one's affair.
        let Ok((stream, other)) = stream.and_then(|stream| Ok((stream.try_clone()?, stream)))
        else {
            continue;
        };
        inner.streams.push(other);
        drop(inner);
        let (desk, tls) = (Arc::clone(desk), Arc::clone(tls));
        threads.push(std::thread::spawn(move || {
            // Whoever breaks off is not told anything more.
            let _ = serve(&desk, tls, &stream);
            let _ = stream.shutdown(Shutdown::Both);
        }));
    }
    threads
}

fn serve(desk: &Desk, tls: Arc<ServerConfig>, stream: &TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    while let Some(request) = Request::read(&mut stream)? {
        let Some(reply) = desk.answer(&request) else {
            return Ok(());
        };
        let stream = stream.get_mut();
        stream.write_all(&reply.wire())?;
        stream.flush()?;
    }
    Ok(())
}

impl Drop for FakeSlack {
    fn drop(&mut self) {
        self.desk.lock().over = true;
        // Wakes it, so that it sees that.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        let threads = self.thread.take().and_then(|thread| thread.join().ok());
        for stream in std::mem::take(&mut self.desk.lock().streams) {
            // It may be closed already, which comes to the same.
            let _ = stream.shutdown(Shutdown::Both);
        }
        for thread in threads.into_iter().flatten() {
            let _ = thread.join();
        }
    }
}
