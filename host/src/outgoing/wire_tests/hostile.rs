//! Servers that stall, flood, lie or break off.

use super::*;
use tokio::time::{Instant, interval};

/// What comes of a call to a server that writes `answer` after the head, and then what `more` writes.
async fn comes_of<F>(change: Entry, more: impl Fn(TcpStream) -> F + Send + Copy + 'static) -> String
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let server = Server::start(move |mut stream| async move {
        read_head(&mut stream).await?;
        more(stream).await
    })
    .await;
    let entry = Entry {
        timeout: change.timeout,
        response_bytes_max: change.response_bytes_max,
        ..server.entry()
    };
    let between_bytes = Some(SECOND);
    let times = Times {
        between_bytes,
        ..Times::default()
    };
    outcome(&outgoing(vec![entry]), &server.url(), times).await
}

fn within(timeout: Duration) -> Entry {
    Entry {
        timeout,
        ..entry("example.org")
    }
}

const HALF_A_SECOND: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_server_that_says_nothing_or_too_little_is_left_in_time() {
    let silent = comes_of(within(HALF_A_SECOND), |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
        Ok(())
    });
    assert_eq!(silent.await, "HeadTimeout");
    // It lets nobody wait for longer than 10 ms, and never comes to its end.
    let drip = comes_of(within(HALF_A_SECOND), |mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            .await?;
        let mut tick = interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            stream.write_all(b"x").await?;
        }
    });
    assert_eq!(drip.await, "TotalTimeout");
    let still = comes_of(within(5 * SECOND), |mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx")
            .await?;
        std::future::pending().await
    });
    assert_eq!(still.await, "ReadTimeout");
    let informed = comes_of(within(HALF_A_SECOND), |mut stream| async move {
        loop {
            stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                .await?;
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(informed.await, "HeadTimeout");
}

#[tokio::test]
async fn a_server_that_sends_too_much_is_cut_off() {
    let max = 100_000;
    let small = || Entry {
        response_bytes_max: max,
        ..within(5 * SECOND)
    };
    let declared = comes_of(small(), |mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n")
            .await
    });
    assert_eq!(declared.await, format!("BodyTooLarge({max})"));
    let endless = comes_of(small(), |mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await?;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        loop {
            stream.write_all(chunk.as_bytes()).await?;
        }
    });
    assert_eq!(endless.await, format!("BodyTooLarge({max})"));
    let headers = comes_of(small(), |mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
        for at in 0..100_000 {
            stream
                .write_all(format!("x-{at}: y\r\n").as_bytes())
                .await?;
        }
        stream.write_all(b"\r\n").await
    });
    assert_eq!(headers.await, "HeadTooLarge");
    let field = comes_of(small(), |mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await?;
        loop {
            stream.write_all(&[b'y'; 4096]).await?;
        }
    });
    assert_eq!(field.await, "HeadTooLarge");
}

#[tokio::test]
async fn ten_gigabytes_are_never_held() {
    // Nobody reads the body: the server cannot write more than what buffers take.
    let (told, mut written) = tokio::sync::watch::channel(0_usize);
    let server = Server::start(move |mut stream| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await?;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n")
                .await?;
            let part = vec![b'x'; 1 << 20];
            loop {
                let bytes = stream.write(&part).await?;
                told.send_modify(|written| *written += bytes);
            }
        }
    })
    .await;
    let outgoing = outgoing(vec![Entry {
        response_bytes_max: u64::MAX,
        ..server.entry()
    }]);
    let answer = get(&outgoing, &server.url()).await.unwrap();
    let mut last = 0;
    while tokio::time::timeout(HALF_A_SECOND, written.changed())
        .await
        .is_ok()
    {
        last = *written.borrow_and_update();
    }
    assert!(last < 64 << 20, "{last} bytes were taken in");
    drop(answer);
}

#[tokio::test]
async fn what_is_compressed_stays_compressed() {
    let bomb = comes_of(within(5 * SECOND), |mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 20\r\n\r\n")
            .await?;
        stream.write_all(&[0x1f; 20]).await
    });
    assert_eq!(bomb.await, "200, 20 bytes");
}

#[tokio::test]
async fn a_server_that_breaks_off_or_lies_is_told_from_one_that_is_done() {
    for (answer, expected) in [
        ("", "Closed"),
        ("HTTP/1.1 200 OK\r\n", "Closed"),
        ("SSH-2.0-OpenSSH_9.7\r\n", "NotHttp"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
            "Incomplete",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "Incomplete",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "Incomplete",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nabc", "200, 3 bytes"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "204, 0 bytes"),
        // What would be there is no body.
        (
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 10737418240\r\n\r\n",
            "304, 0 bytes",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            "NotHttp",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-trailer: y\r\n\r\n",
            "200, 1 bytes",
        ),
    ] {
        let server = Server::start(move |mut stream| async move {
            read_head(&mut stream).await?;
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await
        })
        .await;
        let outgoing = outgoing(vec![server.entry()]);
        let found = outcome(&outgoing, &server.url(), Times::default()).await;
        assert_eq!(found, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_where_it_leads_is_judged_anew() {
    let server = Server::answering(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/admin\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let outgoing = outgoing(vec![server.entry()]);
    let answer = get(&outgoing, &server.url()).await.unwrap();
    assert_eq!(answer.response.status(), 302);
    let location: Uri = answer.response.headers()["location"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let refused = outgoing.rules().judge(&Method::GET, &location).unwrap_err();
    assert!(refused.by().starts_with("host:"), "{refused}");
}

#[tokio::test]
async fn a_plugin_can_wait_for_less_but_never_for_longer() {
    let server = Server::start(|mut stream| async move {
        read_head(&mut stream).await?;
        std::future::pending().await
    })
    .await;
    let slow = Entry {
        timeout: HALF_A_SECOND,
        ..server.entry()
    };
    let outgoing = outgoing(vec![slow]);
    for wanted in [Duration::ZERO, Duration::from_millis(10), 600 * SECOND] {
        let times = Times {
            first_byte: Some(wanted),
            ..Times::default()
        };
        let began = Instant::now();
        assert_eq!(
            outcome(&outgoing, &server.url(), times).await,
            "HeadTimeout"
        );
        assert!(began.elapsed() < 5 * SECOND, "{wanted:?}");
    }
}
