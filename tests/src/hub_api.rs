//! The Hub's API as plugins call it: HTTPS on loopback with a certificate of an authority of its own.
//!
//! What is written is kept, and what changes becomes the events that the Hub would send of it. The answers have the
//! shapes that `sdk/answers` has, and the sources named there. It also plays the router of inference providers.

mod commits;
mod discussions;
mod events;
mod files;
mod grant;
mod pulls;
mod repos;
mod routes;
mod store;
mod wire;

use crate::host::HostBuilder;
use crate::https::authority::Authority;
use crate::https::exchange;
use crate::wait::eventually_or;
use exchange::Request;
use serde_json::Value;
use std::collections::VecDeque;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use store::{BOT, Store};
use tempfile::TempDir;

/// The longest that a request may keep a story waiting, and an order to be slow a request.
const PATIENCE: Duration = Duration::from_secs(40);

/// The token that it takes unless a story says otherwise.
const TOKEN: &str = "hf_of-the-stories";

/// A Hub; dropping it ends it and everything that it has under way.
pub struct FakeHubApi {
    port: u16,
    desk: Arc<Desk>,
    folder: TempDir,
    thread: Option<JoinHandle<Vec<JoinHandle<()>>>>,
}

/// What its threads share.
struct Desk {
    inner: Mutex<Inner>,
    /// Told when requests that are held may go on.
    goes_on: Condvar,
}

struct Inner {
    token: String,
    store: Store,
    asked: Vec<Call>,
    orders: VecDeque<Order>,
    /// How many connections more are accepted without a word of TLS.
    silent: usize,
    connections: usize,
    /// Changes when requests that are held may go on.
    round: u64,
    over: bool,
    streams: Vec<TcpStream>,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its method.
    pub method: String,
    /// Its path with the query, as it was sent.
    pub path: String,
    /// Whether it bore the token.
    pub is_authorised: bool,
    /// Its body.
    pub body: Vec<u8>,
    /// The connection that it came on, counted from 1.
    pub connection: usize,
}

impl Call {
    /// Method and path.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Its body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is held until [`FakeHubApi::goes_on`], and then answered.
    Slow,
    /// 429, with the Hub's header that says in how many seconds the limit begins anew.
    Limited(u32),
    /// An answer of this status, with an error in the Hub's words.
    Status(u16),
    /// 503, with a `Retry-After` of so many seconds.
    Unavailable(u32),
    /// The connection is cut before anything is done.
    CutBefore,
    /// What is asked for is done, and the connection is cut before it is told.
    CutAfter,
}

/// So many requests more that meet a fault.
struct Order {
    /// A part of method and path.
    what: String,
    times: usize,
    fault: Fault,
}

impl FakeHubApi {
    /// Starts one that takes a token of its own.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        Self::with_token(TOKEN)
    }

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
            inner: Mutex::new(Inner {
                token: token.to_owned(),
                store: Store::new(&format!("https://localhost:{}", address.port())),
                asked: Vec::new(),
                orders: VecDeque::new(),
                silent: 0,
                connections: 0,
                round: 0,
                over: false,
                streams: Vec::new(),
            }),
            goes_on: Condvar::new(),
        });
        let (shared, tls) = (Arc::clone(&desk), authority.server("localhost"));
        Self {
            port: address.port(),
            desk,
            folder,
            thread: Some(std::thread::spawn(move || {
                wire::accept(&listener, &shared, &tls)
            })),
        }
    }

    /// `localhost:PORT`, as entries of grants name it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// `https://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.host())
    }

    /// The certificate of its authority, in PEM.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A host that trusts it and has its token in `HF_TOKEN`.
    pub fn known_to(&self, host: HostBuilder) -> HostBuilder {
        let file = self.ca_file().display().to_string();
        host.args(&["--ca-file", &file])
            .env("HF_TOKEN", &self.token())
    }

    /// The token that it takes.
    #[must_use]
    pub fn token(&self) -> String {
        self.desk.lock().token.clone()
    }

    /// From now on takes another token, and no other.
    pub fn takes_token(&self, token: &str) {
        token.clone_into(&mut self.desk.lock().token);
    }

    /// The id of the account that the token belongs to. Its name is `my-bot`.
    #[must_use]
    pub fn account(&self) -> &'static str {
        BOT.id
    }

    /// What came so far, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Call> {
        self.desk.lock().asked.clone()
    }

    /// What came so far with this in its method and path: `POST /v1/chat`, `/comment`.
    #[must_use]
    pub fn asked_for(&self, what: &str) -> Vec<Call> {
        let mut asked = self.asked();
        asked.retain(|asked| asked.line().contains(what));
        asked
    }

    /// The same, once there are so many.
    #[track_caller]
    pub fn is_asked(&self, what: &str, times: usize) -> Vec<Call> {
        let found = eventually_or(PATIENCE, || {
            let asked = self.asked_for(what);
            (asked.len() >= times).then_some(asked)
        });
        found.unwrap_or_else(|| panic!("`{what}` not {times} times in {:#?}", self.lines()))
    }

    /// Method and path of what came so far, in order.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Call::line).collect()
    }

    /// How many connections were made to it.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.desk.lock().connections
    }

    /// Has the next requests with this in their method and path meet a fault. Orders are carried out one after the
    /// other.
    pub fn fails(&self, what: &str, times: usize, fault: Fault) {
        self.desk.lock().orders.push_back(Order {
            what: what.to_owned(),
            times,
            fault,
        });
    }

    /// Lets requests that are held go on.
    pub fn goes_on(&self) {
        self.desk.lock().round += 1;
        self.desk.goes_on.notify_all();
    }

    /// Accepts the next connections and never says a word of TLS on them.
    pub fn never_finishes_tls(&self, connections: usize) {
        self.desk.lock().silent = connections;
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a request, and says what is to go wrong with it.
    fn keep(&self, request: &Request, connection: usize) -> Option<Fault> {
        let mut inner = self.lock();
        let asked = Call {
            method: request.method.clone(),
            path: request.target.clone(),
            is_authorised: request.bears(&inner.token),
            body: request.body.clone(),
            connection,
        };
        let line = asked.line();
        inner.asked.push(asked);
        let place = inner
            .orders
            .iter()
            .position(|order| line.contains(&order.what))?;
        let order = inner.orders.get_mut(place)?;
        let fault = order.fault.clone();
        order.times = order.times.saturating_sub(1);
        if order.times == 0 {
            inner.orders.remove(place);
        }
        Some(fault)
    }

    /// Waits until requests that are held may go on; `false` if that is never.
    fn holds(&self) -> bool {
        let inner = self.lock();
        let round = inner.round;
        let waits = |inner: &mut Inner| inner.round == round && !inner.over;
        let waited = self.goes_on.wait_timeout_while(inner, PATIENCE, waits);
        let (inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        inner.round != round && !inner.over
    }
}

impl Drop for FakeHubApi {
    fn drop(&mut self) {
        self.desk.lock().over = true;
        self.desk.goes_on.notify_all();
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

#[cfg(test)]
mod tests;
