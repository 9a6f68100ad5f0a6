//! What a child process prints: collected on a thread, bounded, and waited for.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most bytes kept of one stream; the oldest lines go first. `deliveries show` prints payloads of many MiB.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The lines of one stream.
#[derive(Clone, Default)]
pub struct Lines(Arc<(Mutex<Kept>, Condvar)>);

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
    dropped: usize,
    ended: bool,
}

impl Lines {
    /// Collects a stream to its end.
    pub fn of(stream: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let collecting = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n') {
                let Ok(line) = line else { break };
                collecting.add(String::from_utf8_lossy(&line).into_owned());
            }
            collecting.with(|kept| kept.ended = true);
        });
        lines
    }

    fn with<R>(&self, change: impl FnOnce(&mut Kept) -> R) -> R {
        let (kept, changed) = &*self.0;
        let result = change(&mut kept.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
        result
    }

    fn add(&self, line: String) {
        self.with(|kept| {
            kept.bytes += line.len();
            kept.lines.push_back(line);
            while kept.bytes > BYTES_MAX {
                let oldest = kept.lines.pop_front().unwrap_or_default();
                kept.bytes -= oldest.len();
                kept.dropped += 1;
            }
        });
    }

    /// What was printed so far.
    pub fn text(&self) -> String {
        self.with(|kept| kept.lines.iter().map(|line| format!("{line}\n")).collect())
    }

    /// Waits for the stream's end, and returns what was printed.
    pub fn text_at_end(&self, bound: Duration) -> String {
        self.wait(bound, |_| None::<()>);
        self.text()
    }

    /// The first line in which `find` finds something; `None` when the stream ends or the time is over before.
    pub fn wait<T>(&self, bound: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let until = Instant::now() + bound;
        let (kept, changed) = &*self.0;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = 0usize;
        loop {
            let fresh = seen.saturating_sub(kept.dropped);
            if let Some(found) = kept.lines.iter().skip(fresh).find_map(|line| find(line)) {
                return Some(found);
            }
            seen = kept.dropped + kept.lines.len();
            let left = until.saturating_duration_since(Instant::now());
            if kept.ended || left.is_zero() {
                return None;
            }
            let waited = changed.wait_timeout(kept, left);
            kept = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
