//! Log lines of an attempt: from `wasi:logging`, standard output and standard error, capped.
//!
//! What goes over the cap is dropped and said once; a guest that logs much is never stopped for it, and never
//! makes the host hold more than the cap.

use crate::delivery::LogLine;
use crate::failpoint::hit;
use crate::plugin::bindings::v0_1::wasi::logging::logging::Level;
use crate::plugin::sandbox::{GuestState, charge_fuel};
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// The most log bytes kept of an attempt, texts and a little for each line.
pub const LOG_BYTES_MAX: usize = 256 * 1024;

/// What a line costs besides its text, in bytes.
const LINE_BYTES: usize = 32;

/// The most bytes that a guest may write to a standard stream in one call.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// The level of a line written to standard output.
const STDOUT_LEVEL: &str = "info";

/// The level of a line written to standard error: a panic's message goes there.
const STDERR_LEVEL: &str = "warn";

/// The log of one attempt, shared by the ways into it.
#[derive(Clone)]
pub struct AttemptLog(Arc<Mutex<Lines>>);

struct Lines {
    started: Instant,
    kept: Vec<LogLine>,
    bytes: usize,
    truncated: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl AttemptLog {
    /// An empty log whose times count from now.
    #[must_use]
    pub fn start() -> Self {
        Self(Arc::new(Mutex::new(Lines {
            started: Instant::now(),
            kept: Vec::new(),
            bytes: 0,
            truncated: false,
            stdout: Vec::new(),
            stderr: Vec::new(),
        })))
    }

    /// Adds a line.
    pub fn add(&self, level: &str, text: &str) {
        self.with(|lines| lines.add(level, text));
    }

    /// Takes all lines, unfinished ones of the standard streams included.
    #[must_use]
    pub fn take(&self) -> Vec<LogLine> {
        self.with(|lines| {
            for stream in [Stream::Stdout, Stream::Stderr] {
                let rest = std::mem::take(lines.buffer(stream));
                if !rest.is_empty() {
                    lines.add(stream.level(), &String::from_utf8_lossy(&rest));
                }
            }
            std::mem::take(&mut lines.kept)
        })
    }

    /// The stream that makes each written line a log line.
    #[must_use]
    pub fn stream(&self, stream: Stream) -> LogStream {
        LogStream {
            log: self.clone(),
            stream,
        }
    }

    fn with<R>(&self, f: impl FnOnce(&mut Lines) -> R) -> R {
        // A panic while a line was added leaves the lines before it whole.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lines {
    fn add(&mut self, level: &str, text: &str) {
        if self.truncated {
            return;
        }
        let at_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let room = LOG_BYTES_MAX.saturating_sub(self.bytes + LINE_BYTES);
        let kept = text.floor_char_boundary(room.min(text.len()));
        let (kept, rest) = text.split_at(kept);
        if !kept.is_empty() || text.is_empty() {
            self.bytes += kept.len() + LINE_BYTES;
            self.kept.push(LogLine {
                at_ms,
                level: level.to_owned(),
                text: kept.to_owned(),
            });
        }
        if !rest.is_empty() || self.bytes + LINE_BYTES > LOG_BYTES_MAX {
            self.truncated = true;
            self.kept.push(LogLine {
                at_ms,
                level: "warn".to_owned(),
                text: format!(
                    "truncated: an attempt keeps {} KiB of log",
                    LOG_BYTES_MAX / 1024
                ),
            });
        }
    }

    fn buffer(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        if self.truncated {
            return;
        }
        let mut buffer = std::mem::take(self.buffer(stream));
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            buffer.extend_from_slice(piece);
            // A line without end is cut where it could no longer be kept whole.
            if pieces.peek().is_some() || buffer.len() > LOG_BYTES_MAX {
                self.add(stream.level(), &String::from_utf8_lossy(&buffer));
                buffer.clear();
            }
        }
        *self.buffer(stream) = buffer;
    }
}

/// A standard stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    const fn level(self) -> &'static str {
        match self {
            Self::Stdout => STDOUT_LEVEL,
            Self::Stderr => STDERR_LEVEL,
        }
    }
}

/// A standard stream whose lines become log lines. It never fails and never blocks: unlike wasmtime's own
/// in-memory pipe it does not trap a guest that writes more than is kept.
#[derive(Clone)]
pub struct LogStream {
    log: AttemptLog,
    stream: Stream,
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only later WASI versions, which are not linked, ask for this form.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.with(|lines| lines.write(self.stream, &bytes));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

/// Links `wasi:logging`. By hand, because a line's bytes are charged to the guest, which the generated form has no
/// way to do.
///
/// # Errors
/// If the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker
        .instance("wasi:logging/logging@0.1.0-draft")?
        .func_wrap(
            "log",
            |mut store: StoreContextMut<'_, GuestState>,
             (level, context, message): (Level, String, String)| {
                charge_fuel(&mut store, context.len() + message.len())?;
                hit!("in-sandbox");
                let log = &store.data().log;
                if context.is_empty() {
                    log.add(word(level), &message);
                } else {
                    log.add(word(level), &format!("{context}: {message}"));
                }
                Ok(())
            },
        )
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
        Level::Critical => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_standard_streams_are_kept_apart() {
        let log = AttemptLog::start();
        let mut out = log.stream(Stream::Stdout);
        let mut err = log.stream(Stream::Stderr);
        out.write(Bytes::from_static(b"one\ntw")).unwrap();
        err.write(Bytes::from_static(b"oops")).unwrap();
        out.write(Bytes::from_static(b"o\n\n")).unwrap();
        let lines: Vec<_> = log
            .take()
            .into_iter()
            .map(|line| (line.level, line.text))
            .collect();
        let expected = [
            ("info", "one"),
            ("info", "two"),
            ("info", ""),
            ("warn", "oops"),
        ];
        assert_eq!(
            lines,
            expected.map(|(level, text)| (level.to_owned(), text.to_owned()))
        );
    }

    #[test]
    fn a_flood_is_cut_and_said_once() {
        let log = AttemptLog::start();
        for _ in 0..100_000 {
            log.add("info", "0123456789");
        }
        let lines = log.take();
        assert_eq!(
            lines.last().unwrap().text,
            "truncated: an attempt keeps 256 KiB of log"
        );
        assert_eq!(
            lines
                .iter()
                .filter(|line| line.text.starts_with("truncated"))
                .count(),
            1
        );
        let bytes: usize = lines.iter().map(|line| line.text.len() + LINE_BYTES).sum();
        assert!(bytes < LOG_BYTES_MAX + 128, "{bytes}");
    }

    #[test]
    fn one_endless_line_is_kept_up_to_the_cap() {
        let log = AttemptLog::start();
        let mut out = log.stream(Stream::Stdout);
        for _ in 0..100 {
            out.write(Bytes::from(vec![b'x'; WRITE_BYTES_MAX])).unwrap();
        }
        let lines = log.take();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].text.len(), LOG_BYTES_MAX - LINE_BYTES);
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        let log = AttemptLog::start();
        log.add("info", &"ä".repeat(LOG_BYTES_MAX));
        assert!(log.take()[0].text.chars().all(|c| c == 'ä'));
    }
}
