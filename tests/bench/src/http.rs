//! As much of HTTP/1.1 as measuring needs: one keep-alive connection, one request after another, little work for each.

use anyhow::{Context as _, Result, bail};
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::ops::Range;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The bytes of room that a message begins with.
const ROOM: usize = 4096;

/// A connection to one server; it is opened, and opened again where the server closed it, when something is sent.
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    body: Range<usize>,
}

impl Connection {
    /// One that is not open yet.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            buffer: Vec::with_capacity(ROOM),
            body: 0..0,
        }
    }

    /// Sends a whole request and reads the whole answer; returns its status.
    ///
    /// # Errors
    /// What the network says, or that the answer is none that is understood here.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        if self.stream.is_some() {
            match self.attempt(request).await {
                // The server may close what lies idle, or grew old, at any time.
                Err(error) if self.buffer.is_empty() && is_closed(&error) => {}
                ended => return ended,
            }
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        self.stream = Some(stream);
        self.attempt(request).await
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        self.buffer.get(self.body.clone()).unwrap_or_default()
    }

    async fn attempt(&mut self, request: &[u8]) -> Result<u16> {
        let Some(mut stream) = self.stream.take() else {
            bail!("there is no connection");
        };
        self.buffer.clear();
        stream.write_all(request).await?;
        let head = loop {
            if let Some(head) = Head::of(&self.buffer)? {
                break head;
            }
            fill(&mut stream, &mut self.buffer).await?;
        };
        while self.buffer.len() < head.body.end {
            fill(&mut stream, &mut self.buffer).await?;
        }
        self.body = head.body;
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(head.status)
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    let closed = [
        ErrorKind::UnexpectedEof,
        ErrorKind::ConnectionReset,
        ErrorKind::BrokenPipe,
    ];
    let kind = error.downcast_ref::<Error>().map(Error::kind);
    kind.is_some_and(|kind| closed.contains(&kind))
}

/// Reads what there is.
///
/// # Errors
/// The end counts as one.
pub async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), Error> {
    match stream.read_buf(buffer).await? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// What the head of a message says that matters here.
pub struct Head {
    /// An answer's status; 0 of a request.
    pub status: u16,
    /// Where the body lies.
    pub body: Range<usize>,
    /// Whether the connection ends with it.
    closes: bool,
}

impl Head {
    /// Reads it; nothing if it is not there to its end.
    ///
    /// # Errors
    /// A body without a length is not understood here.
    pub fn of(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = bytes.get(..end).unwrap_or_default();
        let text = std::str::from_utf8(text).context("a head that is no text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let (mut length, mut closes) = (None, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.parse::<usize>().context("a content-length")?);
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.eq_ignore_ascii_case("close");
            }
        }
        let Some(length) = length else {
            bail!("an answer without content-length: {text}");
        };
        let begin = end + 4;
        Ok(Some(Self {
            status: status.and_then(|text| text.parse().ok()).unwrap_or(0),
            body: begin..begin.saturating_add(length),
            closes,
        }))
    }
}
