//! Whoever alerts are posted to, or plugins call: keeps what comes, and answers as a story says.

use crate::wait::eventually_or;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest that a request may take to come in.
const PATIENCE: Duration = Duration::from_secs(10);

/// A small server on loopback; dropping it ends it.
pub struct Receiver {
    address: String,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    status: AtomicU16,
    over: AtomicBool,
    got: Mutex<Vec<(String, Value)>>,
    /// What is answered to a path, in place of an empty body.
    bodies: Mutex<BTreeMap<String, Value>>,
}

impl Receiver {
    /// Starts one that answers with this status.
    #[track_caller]
    #[must_use]
    pub fn answering(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let state = Arc::new(State {
            status: AtomicU16::new(status),
            over: AtomicBool::new(false),
            got: Mutex::default(),
            bodies: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                // One that breaks off is the next one's affair.
                let _ = stream.map(|stream| shared.answer(&stream));
            }
        });
        Self {
            address: address.to_string(),
            state,
            thread: Some(thread),
        }
    }

    /// From now on answers with another.
    pub fn answers(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    /// From now on answers a path with this body.
    pub fn says(&self, path: &str, body: &Value) {
        let mut bodies = (self.state.bodies.lock()).unwrap_or_else(PoisonError::into_inner);
        bodies.insert(path.to_owned(), body.clone());
    }

    /// Its address, with this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The paths and bodies of what came so far, in order.
    #[must_use]
    pub fn got(&self) -> Vec<(String, Value)> {
        self.state
            .got
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The first body of a kind, once it is there.
    #[track_caller]
    pub fn gets(&self, kind: &str) -> Value {
        let found = eventually_or(PATIENCE, || {
            let mut got = self.got().into_iter().map(|(_, body)| body);
            got.find(|body| body.get("kind").and_then(Value::as_str) == Some(kind))
        });
        found.unwrap_or_else(|| panic!("there is no {kind} in {:#?}", self.got()))
    }
}

impl State {
    fn answer(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        reader.read_line(&mut first)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let said = {
            let bodies = (self.bodies.lock()).unwrap_or_else(PoisonError::into_inner);
            bodies.get(&path).map(Value::to_string).unwrap_or_default()
        };
        let length = said.len();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        self.got
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((path, body));
        let status = self.status.load(Ordering::SeqCst);
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\nlocation: /elsewhere\r\n\r\n{said}"
        )
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        // Wakes it, so that it sees that.
        drop(TcpStream::connect(&self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
