//! Connections: accepted, encrypted, and served one request after the other.

use super::exchange::{Reply, Request};
use super::{Desk, Fault};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufReader, Read as _, Result, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Accepts until it is over, and hands back what still goes on.
pub fn accept(
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
        inner.connections += 1;
        inner.streams.push(other);
        let number = inner.connections;
        let is_silent = inner.silent > 0;
        inner.silent = inner.silent.saturating_sub(1);
        drop(inner);
        let (desk, tls) = (Arc::clone(desk), Arc::clone(tls));
        threads.push(std::thread::spawn(move || {
            // Whoever breaks off is not told anything more.
            let _ = if is_silent {
                listen(&stream)
            } else {
                serve(&desk, tls, &stream, number)
            };
            let _ = stream.shutdown(Shutdown::Both);
        }));
    }
    threads
}

/// Hears everything and says nothing.
fn listen(mut stream: &TcpStream) -> Result<()> {
    let mut heard = [0; 1024];
    while stream.read(&mut heard)? > 0 {}
    Ok(())
}

fn serve(desk: &Desk, tls: Arc<ServerConfig>, stream: &TcpStream, number: usize) -> Result<()> {
    // An answer does not wait for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    while let Some(request) = Request::read(&mut stream)? {
        let Some(reply) = desk.answer(&request, number) else {
            return Ok(());
        };
        let stream = stream.get_mut();
        stream.write_all(&reply.wire())?;
        stream.flush()?;
    }
    Ok(())
}

impl Desk {
    /// The reply to a request; `None` if the connection is to be cut.
    fn answer(&self, request: &Request, connection: usize) -> Option<Reply> {
        let fault = self.keep(request, connection);
        match &fault {
            Some(Fault::CutBefore) => return None,
            Some(Fault::Slow) if !self.holds() => return None,
            _ => {}
        }
        match fault {
            Some(Fault::Limited(seconds)) => Some(limited(seconds)),
            Some(Fault::Status(status)) => Some(Reply::no(
                status,
                "Internal Error - We're working hard to fix this",
            )),
            Some(Fault::Unavailable(seconds)) => {
                Some(Reply::no(503, "Service Unavailable").with("Retry-After", seconds.to_string()))
            }
            Some(Fault::CutAfter) => {
                self.lock().route(request);
                None
            }
            _ => Some(self.lock().route(request)),
        }
    }
}

/// Too many requests, as the Hub says it. (docs: "Hub rate limits")
fn limited(seconds: u32) -> Reply {
    Reply::no(429, "We had to rate limit you")
        .with("RateLimit", format!("\"api\";r=0;t={seconds}"))
        .with("RateLimit-Policy", "\"fixed window\";\"api\";q=500;w=300")
}
