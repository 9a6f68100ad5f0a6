//! Reading a body: within its size, its time, and the host's memory for bodies.

use crate::intake::IntakeConfig;
use crate::intake::answer::{Answer, error_answer};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Why a body was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is compressed.
    #[error("content-encoding is not supported; send the body as it is")]
    Encoded,
    /// It is larger than the limit.
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// It did not come in time.
    #[error("the body took longer than {seconds} s")]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// The connection broke or its framing is wrong.
    #[error("the body could not be read to its end")]
    Broken,
    /// All memory for bodies is in use.
    #[error("too many large bodies at once; try again")]
    NoRoom,
}

impl BodyError {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<BodyError> for Answer {
    fn from(error: BodyError) -> Self {
        error_answer(error.status(), &error.to_string()).closing()
    }
}

/// A body, and the share of the memory for bodies that it holds until it is dropped.
pub struct HeldBody {
    pub bytes: Bytes,
    pub held: Option<OwnedSemaphorePermit>,
}

/// Reads a body whole.
///
/// # Errors
/// [`BodyError`]: nothing of the body was kept.
pub async fn read(
    headers: &HeaderMap,
    body: Incoming,
    config: &IntakeConfig,
    room: &Arc<Semaphore>,
) -> Result<HeldBody, BodyError> {
    let identity = |value: &[u8]| value.trim_ascii().eq_ignore_ascii_case(b"identity");
    if !headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|value| identity(value.as_bytes()))
    {
        return Err(BodyError::Encoded);
    }
    let bytes_max = config.body_bytes_max;
    // A length that is announced is refused before a byte of it is read.
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |bytes| bytes > bytes_max) {
        return Err(BodyError::TooLarge { bytes_max });
    }
    tokio::time::timeout(config.body_time_max, collect(body, bytes_max, room))
        .await
        .unwrap_or(Err(BodyError::TooSlow {
            seconds: config.body_time_max.as_secs(),
        }))
}

async fn collect(
    mut body: Incoming,
    bytes_max: usize,
    room: &Arc<Semaphore>,
) -> Result<HeldBody, BodyError> {
    let mut collected = BytesMut::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if collected.len() + data.len() > bytes_max {
            return Err(BodyError::TooLarge { bytes_max });
        }
        let bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let permit = Arc::clone(room)
            .try_acquire_many_owned(bytes)
            .map_err(|_| BodyError::NoRoom)?;
        match &mut held {
            Some(held) => held.merge(permit),
            None => held = Some(permit),
        }
        collected.extend_from_slice(&data);
    }
    Ok(HeldBody {
        bytes: collected.freeze(),
        held,
    })
}
