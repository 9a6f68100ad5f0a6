//! A server of a story's own: what it does with a connection is the story's to say, so it can be as rude as it likes.

use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest that one waits for whoever is connected to it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest head of a request that is read, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A server on loopback, with a thread for each connection; dropping it lets nobody else in.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    over: AtomicBool,
    connections: AtomicUsize,
}

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its head, with the empty line.
    pub head: String,
    /// Its body, as long as its `content-length` says.
    pub body: Vec<u8>,
}

impl Server {
    /// Starts one that does this with each connection, and then closes it.
    #[track_caller]
    #[must_use]
    pub fn doing(
        handle: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let (state, handle) = (Arc::new(State::default()), Arc::new(handle));
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let handle = Arc::clone(&handle);
                // How one ends is what a story looks at from the other side.
                std::thread::spawn(move || {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    handle(&mut stream)
                });
            }
        });
        Self {
            address,
            state,
            thread: Some(thread),
        }
    }

    /// Its address and port, as a grant names them.
    #[must_use]
    pub fn name(&self) -> String {
        self.address.to_string()
    }

    /// Its address with this path, for requests in plain text.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An entry of a grant that opens it, with these further lines.
    #[must_use]
    pub fn entry(&self, more: &str) -> String {
        let name = self.name();
        format!("[[http]]\nhost = \"{name}\"\nscheme = \"http\"\nprivate = true\n{more}\n")
    }

    /// How many connections were made to it so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        // It waits for a connection: this is one.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}

impl Request {
    /// The next one of a connection. Not a byte more is read than is its own.
    ///
    /// # Errors
    /// The end of the connection is one.
    pub fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
            stream.read_exact(&mut byte)?;
            head.extend_from_slice(&byte);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut request = Self {
            head,
            body: Vec::new(),
        };
        let length = request.field("content-length").unwrap_or_default();
        request.body = vec![0; length.parse().unwrap_or(0)];
        stream.read_exact(&mut request.body)?;
        Ok(request)
    }

    /// The path that it asks for.
    #[must_use]
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a field, named in lower case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find_map(|(field, value)| field.eq_ignore_ascii_case(name).then_some(value))
    }
}
