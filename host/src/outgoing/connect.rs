//! Connecting: resolved, judged, and then connected to the very address that was judged.

use super::Network;
use super::address::{Reach, is_opened_by_private, judge};
use super::entry::target;
use super::failed::CallError;
use super::host::{Host, Scheme, Target};
use super::share::{Place, Share};
use super::tls;
use hyper::Uri;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::{Instant, Sleep, sleep, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The longest time for connecting: lookup, TCP and TLS.
pub(super) const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// The longest time for a part of a request, once it is written, to go out. Until then nobody else notices that the
/// server takes nothing: neither the end of the call nor that of its attempt reaches a connection that waits to write.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);

/// The most addresses of a host that are tried.
const ADDRESSES_MAX: usize = 16;

/// Connects for one entry of one plugin.
#[derive(Clone)]
pub(super) struct Connector {
    pub network: Arc<Network>,
    /// Shared by the entries of the plugin, and made when it is first needed.
    pub tls: Arc<OnceCell<Arc<ClientConfig>>>,
    /// The plugin's.
    pub connections: Share,
    /// The plugin's.
    pub lookups: Share,
    pub reach: Reach,
    pub timeout: Duration,
}

impl tower_service::Service<Uri> for Connector {
    type Response = Wire;
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, CallError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(&uri).await })
    }
}

impl Connector {
    async fn connect(&self, uri: &Uri) -> Result<Wire, CallError> {
        let time = self.timeout.min(CONNECT_TIME_MAX);
        let began = Instant::now();
        let target = target(uri).map_err(|_| CallError::Unreachable)?;
        // A name that is never resolved is told as that, not as a host that is never reached.
        let addresses = self.addresses(&target, began + time / 2).await?;
        let deadline = began + time;
        let place = timeout_at(deadline, self.connections.place()).await;
        let place = place.map_err(|_| CallError::Crowded)?;
        let stream = dial(&addresses, deadline).await?;
        // Small requests do not wait for each other's acknowledgement.
        drop(stream.set_nodelay(true));
        let patience = self.timeout.min(WRITE_TIME_MAX);
        let stream: Box<dyn Stream> = match target.scheme {
            Scheme::Http => Box::new(stream),
            Scheme::Https => {
                let encrypted = timeout_at(deadline, self.encrypt(&target.host, stream));
                Box::new(encrypted.await.map_err(|_| CallError::ConnectTimeout)??)
            }
        };
        Ok(Wire::new(stream, patience, place))
    }

    /// The addresses of a host, all of which may be connected to.
    async fn addresses(
        &self,
        target: &Target,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, CallError> {
        let mut found = match &target.host {
            Host::Address(address) => vec![SocketAddr::new(*address, target.port)],
            Host::Name(name) => {
                let resolved = async {
                    let place = self.lookups.place().await;
                    let resolver = &self.network.resolver;
                    resolver.resolve(name, target.port, place).await
                };
                let resolved = timeout_at(deadline, resolved).await;
                let resolved = resolved.map_err(|_| CallError::LookupTimeout)?;
                resolved.map_err(|_| CallError::NoAddress)?
            }
        };
        // One bad address among good ones is somebody's attempt to be let through sometimes.
        found.iter().try_for_each(|address| self.judge(*address))?;
        found.truncate(ADDRESSES_MAX);
        if found.is_empty() {
            return Err(CallError::NoAddress);
        }
        Ok(found)
    }

    fn judge(&self, address: SocketAddr) -> Result<(), CallError> {
        let ip = address.ip();
        let prohibited = |what, mend| CallError::Prohibited {
            address: ip,
            what,
            mend,
        };
        judge(ip, self.reach).map_err(|what| {
            let mend = if is_opened_by_private(ip) {
                "; `private = true` in the entry opens it"
            } else {
                ""
            };
            prohibited(what, mend)
        })?;
        if matches!(address, SocketAddr::V6(address) if address.scope_id() != 0) {
            return Err(prohibited("bound to one of this machine's interfaces", ""));
        }
        let own = self.network.own.judge(address);
        own.map_err(|what| prohibited(what, ""))
    }

    async fn encrypt(
        &self,
        host: &Host,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, CallError> {
        let config = self.tls.get_or_try_init(|| async {
            let roots = self.network.roots.store().await?;
            tls::client(roots)
        });
        let connector = TlsConnector::from(Arc::clone(config.await?));
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| CallError::Tls)?,
            Host::Address(address) => ServerName::from(*address),
        };
        let stream = connector.connect(name, stream).await;
        stream.map_err(|error| CallError::of_tls(&error))
    }
}

/// Connects to the first address that answers. Each has an equal share of the time that is left.
async fn dial(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, CallError> {
    let mut failed = CallError::Unreachable;
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = left / others.max(1);
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) if stream.peer_addr().is_ok_and(|peer| peer == *address) => {
                return Ok(stream);
            }
            Ok(Ok(_)) => failed = CallError::Unreachable,
            Ok(Err(error)) => failed = CallError::of_connect(&error),
            Err(_) => failed = CallError::ConnectTimeout,
        }
    }
    Err(failed)
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection. It ends where what is written to it does not go out in time.
pub(super) struct Wire {
    stream: TokioIo<Box<dyn Stream>>,
    used: Used,
    patience: Duration,
    /// Since something first had to wait that has not gone out yet.
    stuck: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

/// Whether a connection was used before: what a client puts into the answers that come over it.
#[derive(Clone, Default)]
pub(super) struct Used(Arc<AtomicBool>);

impl Used {
    /// Notes that it is used; whether it was before.
    pub fn note(&self) -> bool {
        self.0.swap(true, Ordering::Relaxed)
    }
}

impl Wire {
    fn new(stream: Box<dyn Stream>, patience: Duration, place: Place) -> Self {
        Self {
            stream: TokioIo::new(stream),
            used: Used::default(),
            patience,
            stuck: None,
            _place: place,
        }
    }

    /// What came of writing, or that it waits for too long. That a part went out changes nothing: a server that takes a
    /// byte now and then would keep its connection for ever.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::other(CallError::WriteTimeout)))
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.used.clone())
    }
}

impl hyper::rt::Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.stuck = None;
        }
        self.in_time(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.in_time(cx, shut)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.in_time(cx, written)
    }
}
