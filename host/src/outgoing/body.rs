//! Bodies within their bounds: what a plugin sends, and what it is sent.

use super::failed::CallError;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

/// The body of a request on its way.
pub type RequestBody = UnsyncBoxBody<Bytes, CallError>;

/// The largest body of a request, in bytes.
pub const REQUEST_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Tells that an attempt has ended; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Ended(Arc<AtomicBool>);

impl Ended {
    /// Says so.
    pub fn now(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A request's body that never looks whole when it is not. What a guest has not finished ends like a finished body
/// once the guest is gone, and the connection would write that end: half a comment would be posted. So the end of its
/// attempt breaks the body off, and with it the connection.
pub struct Unfinished<B> {
    body: B,
    ended: Ended,
    left: u64,
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

impl<B> Unfinished<B> {
    /// A body of an attempt that says by `ended` that it has.
    pub const fn new(body: B, ended: Ended) -> Self {
        Self {
            body,
            ended,
            left: REQUEST_BYTES_MAX,
            _place: None,
        }
    }

    /// The same, holding its call's place until it is sent or given up.
    #[must_use]
    pub fn holding(self, place: Arc<OwnedSemaphorePermit>) -> Self {
        Self {
            _place: Some(place),
            ..self
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Unfinished<B> {
    type Data = Bytes;
    type Error = CallError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CallError>>> {
        loop {
            if self.ended.is() {
                return Poll::Ready(Some(Err(CallError::Cancelled)));
            }
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            // Asked again: that it ended may be why this is the end.
            let Some(frame) = frame.filter(|_| !self.ended.is()) else {
                let cancelled = self.ended.is().then_some(Err(CallError::Cancelled));
                return Poll::Ready(cancelled);
            };
            // Trailers go nowhere: a field that is forbidden in the head could stand there.
            let Ok(data) = frame.map_err(|_| CallError::Abandoned)?.into_data() else {
                continue;
            };
            let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
            let Some(left) = self.left.checked_sub(bytes) else {
                let error = CallError::RequestTooLarge(REQUEST_BYTES_MAX);
                return Poll::Ready(Some(Err(error)));
            };
            self.left = left;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Within what an answer's body must stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub bytes_max: u64,
    /// The longest time in which nothing comes.
    pub idle: Duration,
    pub deadline: Instant,
}

/// An answer's body, which ends with an error where it leaves its bounds. Trailers are dropped.
pub struct Bounded {
    body: Incoming,
    bounds: Bounds,
    bytes: u64,
    idle: Pin<Box<Sleep>>,
    deadline: Pin<Box<Sleep>>,
}

impl Bounded {
    pub(super) fn new(body: Incoming, bounds: Bounds) -> Self {
        Self {
            body,
            bytes: 0,
            idle: Box::pin(sleep_until(Instant::now() + bounds.idle)),
            deadline: Box::pin(sleep_until(bounds.deadline)),
            bounds,
        }
    }

    /// The bytes that were taken from it so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What came, if it may still come.
    fn take(&mut self, data: Bytes) -> Result<Frame<Bytes>, CallError> {
        let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.bounds.bytes_max {
            return Err(CallError::BodyTooLarge(self.bounds.bytes_max));
        }
        let next = Instant::now() + self.bounds.idle;
        self.idle.as_mut().reset(next);
        Ok(Frame::data(data))
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = CallError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CallError>>> {
        let this = &mut *self;
        // First of all: a server that always has another byte would never let it be asked.
        if this.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(CallError::TotalTimeout)));
        }
        loop {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(this.take(data)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(CallError::of_body(&error))));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    ready!(this.idle.as_mut().poll(cx));
                    return Poll::Ready(Some(Err(CallError::ReadTimeout)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
