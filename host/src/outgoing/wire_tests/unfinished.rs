//! A body that a guest did not finish is never taken for one that it did.

use super::*;
use crate::outgoing::{Ended, Unfinished};
use hyper::body::{Body, Frame};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::{mpsc, oneshot};

/// A body like a guest's: what it wrote, and a regular end once the guest is gone, finished or not.
struct Written(mpsc::Receiver<Bytes>);

impl Body for Written {
    type Data = Bytes;
    type Error = CallError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CallError>>> {
        self.0
            .poll_recv(cx)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A server that answers as soon as the head is there, and tells all that it reads after it.
async fn answers_early() -> (Server, mpsc::UnboundedReceiver<String>) {
    let (told, read) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await?;
            stream.write_all(OK.as_bytes()).await?;
            let mut rest = Vec::new();
            // A connection that is cut ends with an error or without one; what counts is what came before.
            drop(stream.read_to_end(&mut rest).await);
            told.send(String::from_utf8(rest).unwrap()).unwrap();
            Ok(())
        }
    })
    .await;
    (server, read)
}

/// What a server reads of a body of which `half a` was written when its attempt ended; `finish` says how, and `length`
/// what was said of it before.
async fn read_of_half(
    length: Option<&str>,
    finish: impl FnOnce(Ended, mpsc::Sender<Bytes>),
) -> String {
    let (server, mut read) = answers_early().await;
    let outgoing = outgoing(vec![Entry {
        methods: vec![Method::POST],
        ..server.entry()
    }]);
    let (writer, written) = mpsc::channel(1);
    let ended = Ended::default();
    let mut request = Request::post("/");
    if let Some(length) = length {
        request = request.header("content-length", length);
    }
    let request = request.body(Unfinished::new(Written(written), ended.clone()).boxed_unsync());
    let admitted = outgoing
        .rules()
        .judge(&Method::POST, &server.url().parse().unwrap());
    writer.send(Bytes::from_static(b"half a")).await.unwrap();
    let sent = outgoing.send(admitted.unwrap(), request.unwrap(), Times::default());
    let answer = sent.await.unwrap();
    assert_eq!(body(answer).await.unwrap(), "ok");
    finish(ended, writer);
    drop(outgoing);
    tokio::time::timeout(10 * SECOND, read.recv())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn the_end_of_an_attempt_breaks_off_a_body_that_it_did_not_finish() {
    for (length, expected) in [(None, "6\r\nhalf a\r\n"), (Some("14"), "half a")] {
        let cut = read_of_half(length, |ended, writer| {
            ended.now();
            drop(writer);
        });
        assert_eq!(cut.await, expected);
    }
}

#[tokio::test]
async fn without_being_told_of_the_end_the_connection_would_write_the_last_chunk() {
    // What the guard is there for: should this fail after an update, the guard may go.
    let whole = read_of_half(None, |_, writer| drop(writer)).await;
    assert_eq!(whole, "6\r\nhalf a\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_request_that_grows_too_large_is_broken_off() {
    let server = Server::start(|mut stream| async move {
        read_head(&mut stream).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink())
            .await
            .map(drop)
    })
    .await;
    let outgoing = outgoing(vec![Entry {
        methods: vec![Method::POST],
        timeout: 20 * SECOND,
        ..server.entry()
    }]);
    let (writer, written) = mpsc::channel(1);
    let (stop, stopped) = oneshot::channel::<()>();
    let writing = tokio::spawn(async move {
        while writer.send(Bytes::from(vec![0; 1 << 20])).await.is_ok() {}
        drop(stop);
    });
    let request =
        Request::post("/").body(Unfinished::new(Written(written), Ended::default()).boxed_unsync());
    let admitted = outgoing
        .rules()
        .judge(&Method::POST, &server.url().parse().unwrap());
    let failed = outgoing
        .send(admitted.unwrap(), request.unwrap(), Times::default())
        .await;
    assert_eq!(failed.err(), Some(CallError::RequestTooLarge(32 << 20)));
    assert!(stopped.await.is_err(), "its body is dropped");
    writing.await.unwrap();
}
