//! Listeners: connections within their bounds, and requests that everybody reads alike.
//!
//! HTTP/1.1 only; TLS belongs to the proxy in front. What is answered is a [`Handler`]'s affair.

mod framing;
mod house;
mod stream;
mod connection;
mod metrics;
mod noted;
mod public;

pub use metrics::PublicMetrics;
pub use noted::Noted;
pub use public::Public;

use crate::refusal::Refusal;
use async_trait::async_trait;
use bytes::Bytes;
use house::House;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The wait after `accept` failed: mostly for want of file descriptors, which others give back in time.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// The time between two lines in the log about that.
const ACCEPT_TOLD: Duration = Duration::from_secs(60);

/// How many connections the kernel keeps waiting; it may keep fewer (`net.core.somaxconn`).
const BACKLOG: u32 = 1024;

/// The most bytes of answers that the kernel keeps for a sender that does not read them; it takes twice as much.
const SEND_BYTES: u32 = 256 * 1024;

/// Bounds of the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerConfig {
    /// Connections at once; further ones wait to be accepted.
    pub connections_max: usize,
    /// The longest that a request's head may take, and that a kept connection may be idle.
    pub head_time_max: Duration,
    /// The longest that a sender may take to read an answer, or each MiB of a long one.
    pub write_time_max: Duration,
    /// The age at which a connection is closed after the request under way, which gets as long again.
    pub connection_age_max: Duration,
    /// How long connections may go on after a shutdown began.
    pub drain: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            head_time_max: Duration::from_secs(10),
            write_time_max: Duration::from_secs(30),
            connection_age_max: Duration::from_secs(5 * 60),
            drain: Duration::from_secs(25),
        }
    }
}

/// What answers the requests of a listener.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Answers one request of a `peer`. A request that a proxy in front could read differently does not get here. Its
    /// id is in its extensions, as a [`DeliveryId`](crate::delivery::DeliveryId); an answer may carry a
    /// [`Reason`](crate::refusal::Reason) or [`Unnoted`](crate::refusal::Unnoted) in its own.
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>>;

    /// Is told what was answered, also to what did not get to [`answer`](Self::answer); `refusal` is there from 400
    /// on. A connection that is closed without an answer is told of with the status that it would have got.
    fn answered(&self, _status: StatusCode, _refusal: Option<Refusal>) {}
}

/// Binds a listener.
///
/// # Errors
/// If the address cannot be had.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart need not wait for the last connections of the host before it.
    socket.set_reuseaddr(true)?;
    // Taken over by each connection.
    socket.set_send_buffer_size(SEND_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until `shutdown` says stop, then lets requests under way finish.
pub async fn run(
    listener: TcpListener,
    handler: Arc<dyn Handler>,
    config: ServerConfig,
    shutdown: watch::Receiver<bool>,
) {
    let mut stopping = shutdown.clone();
    let house = House::new(config.connections_max);
    let mut connections = JoinSet::new();
    let mut told_of = None;
    loop {
        // On a full house one waits at the door, unread, until a place is found for it; others wait in the kernel's
        // queue, unaccepted.
        let admitted = async {
            let accepted = listener.accept().await?;
            Ok((accepted, Arc::clone(&house).take().await))
        };
        let admitted = tokio::select! {
            () = told(&mut stopping) => break,
            admitted = admitted => admitted,
        };
        match admitted {
            Ok(((tcp, peer), guest)) => {
                let handler = Arc::clone(&handler);
                let shutdown = shutdown.clone();
                connections.spawn(connection::serve(
                    tcp, peer, guest, handler, config, shutdown,
                ));
            }
            Err(error) if is_theirs(&error) => {}
            Err(error) => {
                tell(&mut told_of, &error);
                house.send_one_away();
                sleep(ACCEPT_RETRY).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(config.drain, ended).await.is_err() {
        tracing::info!(connections = connections.len(), "connections are cut");
        connections.shutdown().await;
    }
}

/// Whether `accept` failed for one connection only, which went away before it was accepted.
fn is_theirs(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}

/// Says that no connections can be accepted, but not each time.
fn tell(told_of: &mut Option<Instant>, error: &io::Error) {
    if told_of.is_none_or(|last| last.elapsed() >= ACCEPT_TOLD) {
        *told_of = Some(Instant::now());
        tracing::warn!(%error, "cannot accept a connection; idle ones are closed");
    }
}

/// Resolves once the host is told to stop (or whoever would say so is gone).
async fn told(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_for_a_sender_has_its_bound() {
        let config = ServerConfig::default();
        let seconds = [
            config.head_time_max,
            config.write_time_max,
            config.connection_age_max,
            config.drain,
        ]
        .map(|time| time.as_secs());
        assert_eq!(seconds, [10, 30, 300, 25]);
        assert_eq!(config.connections_max, 1024);
    }

    #[test]
    fn only_what_is_wrong_with_one_connection_is_passed_over() {
        let failed = |code| is_theirs(&io::Error::from_raw_os_error(code));
        use rustix::io::Errno;
        for (errno, theirs) in [
            (Errno::CONNABORTED, true),
            (Errno::CONNRESET, true),
            (Errno::INTR, true),
            (Errno::MFILE, false),
            (Errno::NFILE, false),
            (Errno::NOBUFS, false),
            (Errno::NOMEM, false),
        ] {
            assert_eq!(failed(errno.raw_os_error()), theirs, "{errno}");
        }
    }
}
