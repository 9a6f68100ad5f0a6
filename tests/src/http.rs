//! Just enough HTTP/1.1 to be polite, and no more than that, so that a story can also be rude.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// The longest that an answer, or a write, may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The delivery's id.
    #[track_caller]
    #[must_use]
    pub fn id(&self) -> String {
        let json = self.json();
        let id = json.get("id").and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("no id in {self:?}")).to_owned()
    }

    /// The names of the plugins in `runs`, sorted, whether they are plain names or objects.
    #[track_caller]
    #[must_use]
    pub fn plugins(&self) -> Vec<String> {
        let json = self.json();
        let runs = json.get("runs").and_then(Value::as_array);
        let runs = runs.unwrap_or_else(|| panic!("no runs in {self:?}"));
        let name = |run: &Value| {
            run.as_str()
                .or_else(|| run.get("plugin")?.as_str())
                .map(str::to_owned)
        };
        let mut names: Vec<String> = runs.iter().filter_map(name).collect();
        names.sort();
        names
    }

    /// The run of a plugin in the answer to a `Prefer: wait`.
    #[track_caller]
    #[must_use]
    pub fn run(&self, plugin: &str) -> Value {
        let json = self.json();
        let runs = json
            .get("runs")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let found = runs
            .into_iter()
            .find(|run| run.get("plugin").and_then(Value::as_str) == Some(plugin));
        found.unwrap_or_else(|| panic!("no run of {plugin} in {self:?}"))
    }
}

/// A connection on which anything can be sent.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to `host:port`.
    #[track_caller]
    #[must_use]
    pub fn open(address: &str) -> Self {
        Self::try_open(address).expect("the host accepts connections")
    }

    /// Connects to `host:port`; `None` if nobody listens there.
    #[must_use]
    pub fn try_open(address: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        Some(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends bytes as they are. Whether they arrive is not asked: the host may have answered and closed already.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Says that nothing more will be sent.
    pub fn finish_sending(&mut self) {
        // The other side may have closed already, which comes to the same.
        let _ = self.stream.get_mut().shutdown(Shutdown::Write);
    }

    /// Reads one answer; `None` if the connection was closed without a whole one.
    pub fn answer(&mut self) -> Option<Answer> {
        let answer = self.answer_head()?;
        let length = answer
            .header("content-length")
            .map_or(Ok(0), str::parse)
            .ok()?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some(Answer {
            body: String::from_utf8_lossy(&body).into_owned(),
            ..answer
        })
    }

    /// Reads the answer to a `HEAD`, which has no body.
    pub fn answer_head(&mut self) -> Option<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some(Answer {
            status,
            headers,
            body: String::new(),
        })
    }

    /// The same connection for another thread, which may read while this one sends.
    #[track_caller]
    #[must_use]
    pub fn another_hand(&self) -> Self {
        let stream = self.stream.get_ref().try_clone();
        Self {
            stream: BufReader::with_capacity(1, stream.expect("a connection can be held twice")),
        }
    }

    /// Reads one byte; `false` at the end.
    pub fn sips(&mut self) -> bool {
        self.stream.read_exact(&mut [0]).is_ok()
    }

    /// Whether something comes within this time: bytes that are not read yet, or the end.
    pub fn hears(&mut self, time: Duration) -> bool {
        if !self.stream.buffer().is_empty() {
            return true;
        }
        let stream = self.stream.get_ref();
        let peeked = stream
            .set_read_timeout(Some(time))
            .and_then(|()| stream.peek(&mut [0]));
        let restored = stream.set_read_timeout(Some(PATIENCE));
        let waited =
            |error: &Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        restored.is_ok() && !peeked.is_err_and(|error| waited(&error))
    }

    /// Whether something has come that was not read yet. Does not wait.
    pub fn has_answer(&self) -> bool {
        let stream = self.stream.get_ref();
        let peeked = stream
            .set_nonblocking(true)
            .and_then(|()| stream.peek(&mut [0]));
        let restored = stream.set_nonblocking(false);
        restored.is_ok() && peeked.is_ok_and(|bytes| bytes > 0)
    }

    /// Whether the host closes the connection, with nothing more said.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is a close too: it is what comes when bytes that we sent were never read.
        self.stream
            .read_to_end(&mut rest)
            .map_or(true, |bytes| bytes == 0)
    }
}
