//! A server that repeats the credential that it is sent, in the way that the path says.

use hookbox_tests::{Request, Server};
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

/// A server, and what came in.
pub struct Repeater {
    /// The server.
    pub server: Server,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Repeater {
    /// Starts one.
    #[track_caller]
    pub fn start() -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        let server = Server::doing(move |stream| {
            loop {
                let request = Request::read(stream)?;
                let head = request.head.clone();
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(head);
                if !answer(stream, &request)? {
                    return Ok(());
                }
            }
        });
        Self { server, heads }
    }

    /// The heads of the requests that came in so far.
    pub fn heads(&self) -> Vec<String> {
        let heads = self.heads.lock();
        heads.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers; whether the connection can be used again.
fn answer(stream: &mut TcpStream, request: &Request) -> io::Result<bool> {
    let sent = request.field("authorization").unwrap_or("none");
    let token = sent.rsplit(' ').next().unwrap_or_default();
    let path = request.path().trim_start_matches("/api/");
    let text = match path {
        "fields" => ok(&format!(
            "x-echo: {sent}\r\nx-echo: second\r\nwww-authenticate: Bearer realm=\"{token}\"\r\n\
             set-cookie: token={token}; Secure\r\nauthorization: {sent}\r\nx-kept: 1\r\n"
        )),
        "name" => ok(&format!("x-{token}: 1\r\n{token}-x: 1\r\n")),
        "reason" => {
            format!("HTTP/1.1 200 {sent}\r\ncontent-length: 0\r\n\r\n")
        }
        "trailers" => format!(
            "HTTP/1.1 200 OK\r\ntrailer: x-echo\r\ntransfer-encoding: chunked\r\n\r\n\
             2;{token}={token}\r\nok\r\n0\r\nx-echo: {sent}\r\n\r\n"
        ),
        "early" => format!(
            "HTTP/1.1 103 {token}\r\nlink: <{token}>; rel=preload\r\n\r\n{}",
            ok("")
        ),
        "redirect?to=self" => redirect(&format!("/api/body?token={token}")),
        "redirect?to=stranger" => redirect(&format!("http://127.0.0.1:1/?token={token}")),
        "garbage" => format!("{sent}\r\n\r\n"),
        "switch" => {
            format!("HTTP/1.1 101 {token}\r\nupgrade: {token}\r\nconnection: upgrade\r\n\r\n{sent}")
        }
        "chunk" => {
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{sent}\r\n{sent}\r\n")
        }
        "long" => ok(&format!("x-echo: {sent}\r\n").repeat(2_000)),
        "body" => {
            let length = sent.len();
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{sent}")
        }
        _ => ok(""),
    };
    stream.write_all(text.as_bytes())?;
    Ok(!["garbage", "switch", "chunk", "long"].contains(&path))
}

/// An answer with these fields and nothing else.
fn ok(fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n")
}

fn redirect(to: &str) -> String {
    format!(
        "HTTP/1.1 302 Found\r\nlocation: {to}\r\nrefresh: 0; url={to}\r\ncontent-length: 0\r\n\r\n"
    )
}
