//! Refused requests: the last ones, in memory. Strangers never write to the ledger.
//!
//! What a stranger puts into a request is shown to the operator: it is cut, and its characters are plain ASCII.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How many refused requests are kept.
pub const REFUSALS_MAX: usize = 256;

/// In the place of a method and a path where no request could be read.
pub const NO_REQUEST: &str = "-";

/// The longest kept path, in bytes.
const PATH_BYTES_MAX: usize = 256;

/// The longest kept method, in bytes.
const METHOD_BYTES_MAX: usize = 32;

/// The longest kept reason, in bytes.
const REASON_BYTES_MAX: usize = 512;

/// The time between two warnings of refused requests.
const WARNED: Duration = Duration::from_secs(60);

/// What is shown in its encoded form, besides all that is not ASCII.
const HIDDEN: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// Why a request was refused, in the extensions of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(pub String);

/// In the extensions of an answer whose refusal is not noted: nobody sent anything wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unnoted;

/// A request that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// When, in ms since 1970.
    pub at_ms: u64,
    /// The request's id, as in the log and in its answer.
    pub request_id: String,
    /// The method; cut, or [`NO_REQUEST`].
    pub method: String,
    /// The path, up to its first character that is not plain; cut, or [`NO_REQUEST`].
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// The answer's reason; cut.
    pub reason: String,
    /// Who asked: mostly a proxy in front.
    pub peer: SocketAddr,
}

/// The last refused requests, bounded.
#[derive(Debug, Default)]
pub struct Refusals {
    kept: Mutex<Kept>,
    total: watch::Sender<u64>,
    auth_failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    last: VecDeque<Refusal>,
    warned: Option<Warned>,
}

/// The last warning.
#[derive(Debug)]
struct Warned {
    at: Instant,
    total: u64,
}

impl Refusals {
    /// Keeps one, in the place of the oldest if there is no more room, and tells the log of it.
    pub fn note(&self, refusal: Refusal) {
        let refusal = shown(refusal);
        if matches!(refusal.status, 401 | 403) {
            self.auth_failures.fetch_add(1, Ordering::Relaxed);
        }
        let Refusal { status, reason, .. } = &refusal;
        let (method, path, peer) = (&refusal.method, &refusal.path, refusal.peer);
        tracing::debug!(status, reason, method, path, %peer, "request refused");
        let what = format!("{status} {reason} at {method} {path}");
        let mut kept = self.kept();
        self.total
            .send_modify(|total| *total = total.saturating_add(1));
        let total = *self.total.borrow();
        kept.last.truncate(REFUSALS_MAX - 1);
        kept.last.push_front(refusal);
        let warning = kept.warning(total, Instant::now());
        drop(kept);
        if let Some(warning) = warning {
            tracing::warn!("{warning} {what}; see 'hookbox requests'");
        }
    }

    /// How many there were since the host was started, now and after each.
    #[must_use]
    pub fn totals(&self) -> watch::Receiver<u64> {
        self.total.subscribe()
    }

    /// Those that are kept, newest first.
    #[must_use]
    pub fn last(&self) -> Vec<Refusal> {
        self.kept().last.iter().cloned().collect()
    }

    /// How many of them came without the right secret or token.
    #[must_use]
    pub fn auth_failures(&self) -> u64 {
        self.auth_failures.load(Ordering::Relaxed)
    }

    /// How many there were since the host was started.
    #[must_use]
    pub fn total(&self) -> u64 {
        *self.total.borrow()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// What to say of the requests refused up to now, if it is time to say something: at once of the first, and then
    /// at most once a minute.
    fn warning(&mut self, total: u64, now: Instant) -> Option<String> {
        let warning = match &self.warned {
            None => "a request was refused:".to_owned(),
            Some(warned) => {
                let since = now.saturating_duration_since(warned.at);
                if since < WARNED {
                    return None;
                }
                let time = match since.as_secs() / 60 {
                    0 | 1 => "minute".to_owned(),
                    minutes => format!("{minutes} minutes"),
                };
                match total.saturating_sub(warned.total) {
                    1 => format!("a request was refused in the last {time}:"),
                    more => format!("{more} requests were refused in the last {time}, the last:"),
                }
            }
        };
        self.warned = Some(Warned { at: now, total });
        Some(warning)
    }
}

/// A refusal as it may be shown.
fn shown(mut refusal: Refusal) -> Refusal {
    let end = refusal.path.find(|c| !is_plain(c));
    refusal.path.truncate(end.unwrap_or(refusal.path.len()));
    cut(&mut refusal.path, PATH_BYTES_MAX);
    refusal.method = utf8_percent_encode(&refusal.method, HIDDEN).to_string();
    cut(&mut refusal.method, METHOD_BYTES_MAX);
    refusal.reason.retain(|c| !c.is_control());
    cut(&mut refusal.reason, REASON_BYTES_MAX);
    refusal
}

/// What a kept path is made of. It ends before anything else: a query may follow that somebody spelled wrong, and with
/// it a secret.
const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '~' | '-')
}

fn cut(text: &mut String, bytes_max: usize) {
    let end = text.floor_char_boundary(bytes_max);
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(method: &str, path: &str) -> Refusal {
        Refusal {
            at_ms: 0,
            request_id: String::new(),
            method: method.into(),
            path: path.into(),
            status: 403,
            reason: "Invalid webhook secret.".into(),
            peer: SocketAddr::from(([127, 0, 0, 1], 1)),
        }
    }

    #[test]
    fn the_last_ones_are_kept_newest_first() {
        let refusals = Refusals::default();
        for number in 0..REFUSALS_MAX + 10 {
            refusals.note(refusal("POST", &format!("/{number}")));
        }
        let last = refusals.last();
        let paths: Vec<&str> = last.iter().map(|kept| kept.path.as_str()).collect();
        assert_eq!(paths.len(), REFUSALS_MAX);
        assert_eq!((paths[0], paths[REFUSALS_MAX - 1]), ("/265", "/10"));
        assert_eq!((refusals.total(), *refusals.totals().borrow()), (266, 266));
    }

    #[test]
    fn what_a_stranger_sends_is_plain_and_short() {
        let path = |path: &str| shown(refusal("POST", path)).path;
        assert_eq!(path("/webhooks/a-b_c.d~1"), "/webhooks/a-b_c.d~1");
        assert_eq!(path("/a\u{1b}[2J\u{202e}x\"<b>"), "/a");
        assert_eq!(path(&"/a".repeat(300)).len(), PATH_BYTES_MAX);
        let method = shown(refusal(&"M".repeat(100), "/")).method;
        assert_eq!(method.len(), METHOD_BYTES_MAX);
        let mut long = refusal("POST", "/");
        long.reason = format!("\u{1b}[2J\n{}", "\u{e4}".repeat(400));
        let reason = shown(long).reason;
        assert!(reason.len() <= REASON_BYTES_MAX && reason.starts_with("[2J\u{e4}"));
    }

    #[test]
    fn a_query_that_is_spelled_wrong_is_no_path() {
        for wrong in [
            "/webhooks&secret=hunter2",
            "/webhooks;secret=hunter2",
            "/webhooks%3Fsecret%3Dhunter2",
            "/webhooks%3fsecret=hunter2",
            "/webhooks?secret=hunter2",
            "/webhooks%253Fsecret%253Dhunter2",
            "/webhooks%EF%BC%9Fsecret%EF%BC%9Dhunter2",
            "/webhooks|secret:hunter2",
            "/webhooks%20hunter2",
            "/webhooks,hunter2",
        ] {
            assert_eq!(shown(refusal("POST", wrong)).path, "/webhooks", "{wrong}");
        }
        assert_eq!(
            shown(refusal("POST", "/webhooks/secret=hunter2")).path,
            "/webhooks/secret"
        );
    }

    #[test]
    fn the_first_is_warned_of_at_once_and_the_others_once_a_minute() {
        let mut kept = Kept::default();
        let start = Instant::now();
        let mut at = |total, seconds| kept.warning(total, start + Duration::from_secs(seconds));
        assert_eq!(at(1, 0).unwrap(), "a request was refused:");
        assert_eq!(at(2, 1), None);
        assert_eq!(at(37, 59), None);
        assert_eq!(
            at(38, 60).unwrap(),
            "37 requests were refused in the last minute, the last:"
        );
        assert_eq!(at(39, 100), None);
        assert_eq!(
            at(40, 60 + 7 * 60).unwrap(),
            "2 requests were refused in the last 7 minutes, the last:"
        );
        assert_eq!(
            at(41, 3000).unwrap(),
            "a request was refused in the last 42 minutes:"
        );
    }
}
