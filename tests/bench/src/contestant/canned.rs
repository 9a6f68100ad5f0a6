//! A server that reads a request to its end and answers the same bytes: what is measured of it is the load generator.

use crate::http::{Head, fill};
use anyhow::Result;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] =
    b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/// Serves until it is killed.
pub async fn serve(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        // One that breaks off is none of the others' business.
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(8192);
    loop {
        fill(&mut stream, &mut buffer).await?;
        let Some(head) = Head::of(&buffer)? else {
            continue;
        };
        if buffer.len() >= head.body.end {
            buffer.clear();
            stream.write_all(ANSWER).await?;
        }
    }
}
