//! The bytes of a connection: every wait for the sender has its bound.
//!
//! Hyper bounds the time of a head; here are the times of an idle connection, of an answer that is not read, and of the
//! farewell to a sender that is still sending.

use super::house::{Phase, Place};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// How long a sender may go on sending after its answer, so that the answer is not lost to a reset.
const FAREWELL: Duration = Duration::from_secs(1);

/// How much such a sender may send, in bytes.
const FAREWELL_BYTES_MAX: usize = 256 * 1024;

/// How much of a long answer must be read within the time of an answer, in bytes.
const ANSWER_BYTES: usize = 1024 * 1024;

/// The bounds of a [`Stream`].
#[derive(Debug, Clone, Copy)]
pub struct StreamTimes {
    /// How long a kept connection may be idle.
    pub idle: Duration,
    /// How long a sender may take to read an answer, or each MiB of a long one.
    pub write: Duration,
}

/// A connection's bytes.
pub struct Stream {
    tcp: TcpStream,
    place: Arc<Place>,
    times: StreamTimes,
    idle: Clock,
    write: Clock,
    farewell: Clock,
    /// Bytes of the answer since its clock was started.
    written: usize,
    /// Bytes thrown away since the farewell.
    dropped: usize,
    /// The first byte that ever came.
    first: Option<u8>,
    /// Whether the sender has nothing more to send, or is not waited for any more.
    ended: bool,
}

/// A wait that may be started, and is over once.
#[derive(Default)]
struct Clock(Option<Pin<Box<Sleep>>>);

impl Clock {
    /// Starts it if it does not run. Ready when the time is over.
    fn poll(&mut self, cx: &mut Context<'_>, time: Duration) -> Poll<()> {
        self.0
            .get_or_insert_with(|| Box::pin(sleep(time)))
            .as_mut()
            .poll(cx)
    }

    fn stop(&mut self) {
        self.0 = None;
    }

    const fn runs(&self) -> bool {
        self.0.is_some()
    }
}

impl Stream {
    /// The bytes of `tcp`, which tell `place` where the connection stands.
    pub fn new(tcp: TcpStream, place: Arc<Place>, times: StreamTimes) -> Self {
        Self {
            tcp,
            place,
            times,
            idle: Clock::default(),
            write: Clock::default(),
            farewell: Clock::default(),
            written: 0,
            dropped: 0,
            first: None,
            ended: false,
        }
    }

    /// The first byte that came over this connection.
    pub const fn first_byte(&self) -> Option<u8> {
        self.first
    }

    /// Counts what was written, and bounds the wait for the sender to read it. The bound is on an answer in all, not on
    /// each byte: reading byte by byte wins no time.
    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match wrote {
            Poll::Ready(Ok(bytes)) => {
                self.written = self.written.saturating_add(bytes);
                if self.written >= ANSWER_BYTES {
                    self.written = 0;
                    self.write.stop();
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(self.write.poll(cx, self.times.write));
                Poll::Ready(Err(io::Error::new(
                    ErrorKind::TimedOut,
                    "the answer was not read in time",
                )))
            }
        }
    }

    /// Throws away what the sender still sends: a close with unread bytes would reset the connection, and the sender
    /// might lose its answer to that.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 8 * 1024];
        while !self.ended && self.dropped < FAREWELL_BYTES_MAX {
            let mut thrown = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.tcp).poll_read(cx, &mut thrown) {
                Poll::Ready(Ok(())) if !thrown.filled().is_empty() => {
                    self.dropped = self.dropped.saturating_add(thrown.filled().len());
                }
                Poll::Ready(_) => self.ended = true,
                Poll::Pending => {
                    ready!(self.farewell.poll(cx, FAREWELL));
                    self.ended = true;
                }
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.place.phase() == Phase::Gone {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut this.tcp).poll_read(cx, buf) {
            Poll::Pending if this.place.phase() == Phase::Idle => {
                ready!(this.idle.poll(cx, this.times.idle));
                // As if the sender had closed it, which is how an idle connection ends well.
                this.ended = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(())) => {
                match buf.filled().get(before..) {
                    Some([first, ..]) => {
                        this.first = this.first.or(Some(*first));
                        this.idle.stop();
                        this.place.step(Phase::Idle, Phase::Head);
                    }
                    Some([]) | None => this.ended = true,
                }
                Poll::Ready(Ok(()))
            }
            waits_or_fails => waits_or_fails,
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.wrote(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        self.wrote(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    /// Hyper flushes once all of an answer was written: it is with the kernel then, and the connection is idle.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.tcp).poll_flush(cx))?;
        self.write.stop();
        self.written = 0;
        self.place.step(Phase::Answer, Phase::Idle);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.tcp).poll_shutdown(cx))?;
        if self.place.enter(Phase::Farewell) == Phase::Gone {
            return Poll::Ready(Ok(()));
        }
        self.poll_farewell(cx).map(Ok)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // What was not read in time is not kept by the kernel for later either. If that fails, it will give up by itself.
        if self.write.runs() {
            let _ = self.tcp.set_zero_linger();
        }
    }
}
