//! How bodies and logs are packed: zstd, where that saves something, always outside the writer's thread.

use super::fault::Fault;
use crate::delivery::LogLine;
use bytes::Bytes;
use std::cell::RefCell;
use zstd::bulk::{Compressor, Decompressor};

/// Bodies of more bytes are packed.
const PACKED_BYTES_MIN: usize = 1024;

/// Beyond so many bytes, packing takes long enough to keep an async thread from its other work.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// Fast, and JSON shrinks well at any level.
const LEVEL: i32 = 1;

/// Bytes as they are stored.
#[derive(Debug, Clone)]
pub(super) enum Packed {
    Plain(Bytes),
    Zstd(Vec<u8>),
}

impl Packed {
    /// The `packing` column.
    pub const fn code(&self) -> i64 {
        match self {
            Self::Plain(_) => 0,
            Self::Zstd(_) => 1,
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Zstd(bytes) => bytes,
        }
    }
}

/// Packs a body, a large one on a thread of its own.
pub(super) async fn pack_body(body: &Bytes) -> Packed {
    if body.len() <= PACKED_BYTES_MIN {
        return Packed::Plain(body.clone());
    }
    let owned = body.clone();
    let packed = off_thread(body.len(), move || compress(&owned)).await;
    match packed {
        Some(packed) if packed.len() < body.len() => Packed::Zstd(packed),
        _ => Packed::Plain(body.clone()),
    }
}

/// The body that was stored; `bytes` is its length.
pub(super) fn unpack_body(code: i64, stored: Vec<u8>, bytes: usize) -> Result<Bytes, Fault> {
    match code {
        0 => Ok(stored.into()),
        1 => Ok(decompress(&stored, bytes)?.into()),
        other => Err(Fault::Item(format!(
            "a body packed in an unknown way ({other})"
        ))),
    }
}

/// Log lines as they are stored.
#[derive(Debug)]
pub(super) struct PackedLogs {
    /// Their length unpacked.
    pub bytes: usize,
    pub lines: Vec<u8>,
}

/// Packs log lines; `None` if there are none.
pub(super) async fn pack_logs(logs: Vec<LogLine>) -> Result<Option<PackedLogs>, Fault> {
    if logs.is_empty() {
        return Ok(None);
    }
    let bytes = logs.iter().map(|line| line.text.len()).sum();
    off_thread(bytes, move || lines_of(&logs)).await.transpose()
}

fn lines_of(logs: &[LogLine]) -> Option<Result<PackedLogs, Fault>> {
    let mut text = Vec::new();
    for line in logs {
        if let Err(error) = serde_json::to_writer(&mut text, line) {
            return Some(Err(Fault::Item(format!("a log line: {error}"))));
        }
        text.push(b'\n');
    }
    Some(
        compress(&text)
            .map(|lines| PackedLogs {
                bytes: text.len(),
                lines,
            })
            .ok_or_else(|| Fault::Item("log lines could not be compressed".to_owned())),
    )
}

/// The log lines that were stored.
pub(super) fn unpack_logs(stored: &[u8], bytes: usize) -> Result<Vec<LogLine>, Fault> {
    let text = decompress(stored, bytes)?;
    serde_json::Deserializer::from_slice(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| Fault::Item(format!("stored log lines: {error}")))
}

/// Runs short work here and long work on a thread for blocking; `None` if that thread died.
async fn off_thread<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Option<T> + Send + 'static,
) -> Option<T> {
    if bytes <= INLINE_BYTES_MAX {
        return work();
    }
    tokio::task::spawn_blocking(work).await.ok().flatten()
}

thread_local! {
    // Making one costs more than what it does for a small body.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// `None` if it cannot be compressed, which leaves storing it plain.
fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        if compressor.is_none() {
            *compressor = Compressor::new(LEVEL).ok();
        }
        compressor.as_mut()?.compress(bytes).ok()
    })
}

fn decompress(stored: &[u8], bytes: usize) -> Result<Vec<u8>, Fault> {
    let decompressed = DECOMPRESSOR.with_borrow_mut(|decompressor| {
        let mut ready = match decompressor.take() {
            Some(ready) => ready,
            None => Decompressor::new()?,
        };
        // One that met damage is not used again.
        let decompressed = ready.decompress(stored, bytes)?;
        *decompressor = Some(ready);
        Ok(decompressed)
    });
    decompressed.map_err(|error: std::io::Error| {
        Fault::Item(format!("stored bytes could not be decompressed: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_come_back_as_they_were_and_larger_ones_are_stored_smaller() {
        for (bytes, packed) in [(0, false), (1024, false), (1025, true), (200_000, true)] {
            let body = Bytes::from(vec![b'x'; bytes]);
            let stored = pack_body(&body).await;
            assert_eq!(matches!(stored, Packed::Zstd(_)), packed, "{bytes} bytes");
            let back = unpack_body(stored.code(), stored.bytes().to_vec(), bytes).unwrap();
            assert_eq!(back, body);
        }
    }
}
