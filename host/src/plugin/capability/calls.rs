//! The outgoing calls of an attempt as they are kept with it: in the order in which they began, and not without end.

use crate::delivery::{CUT_SHORT, LET_GO, OutgoingCall};
use crate::outgoing::{CallError, ConnectionKind, Ended, Refused};
use crate::plugin::verdict::cut;
use crate::visible::one_line;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The most outgoing calls kept with an attempt; a last row says how many more there were.
pub const CALLS_MAX: usize = 128;

/// The longest URL kept with a call, in bytes.
const URL_BYTES_MAX: usize = 1024;

/// The longest method kept with a call, in bytes: a guest may make one up.
const METHOD_BYTES_MAX: usize = 32;

/// The most calls that the log names of an attempt that is broken off.
const TOLD_MAX: usize = 8;

/// The calls of one attempt, shared by those that are under way.
#[derive(Debug, Clone, Default)]
pub struct CallLog {
    calls: Arc<Mutex<Calls>>,
    ended: Ended,
}

#[derive(Debug, Default)]
struct Calls {
    kept: Vec<Kept>,
    more: usize,
    taken: bool,
}

#[derive(Debug)]
struct Kept {
    call: OutgoingCall,
    began: Instant,
    /// Something may still come of it: an answer, or the rest of one.
    open: bool,
}

impl CallLog {
    /// A call begins.
    #[must_use]
    pub fn begin(&self, method: &str, url: &str) -> Call {
        let call = OutgoingCall {
            method: cut(one_line(method), METHOD_BYTES_MAX),
            url: cut(one_line(url), URL_BYTES_MAX),
            ..OutgoingCall::default()
        };
        let place = self.with(|calls| {
            if calls.kept.len() >= CALLS_MAX {
                calls.more += 1;
                return None;
            }
            calls.kept.push(Kept {
                call,
                began: Instant::now(),
                open: true,
            });
            Some(calls.kept.len() - 1)
        });
        Call {
            log: self.clone(),
            place,
            waits: true,
        }
    }

    /// What tells bodies on their way that the attempt has ended.
    #[must_use]
    pub const fn ended(&self) -> &Ended {
        &self.ended
    }

    /// The attempt has ended: takes the calls, those under way too.
    #[must_use]
    pub fn take(&self) -> Vec<OutgoingCall> {
        self.ended.now();
        self.with(|calls| {
            calls.taken = true;
            let more = std::mem::take(&mut calls.more);
            let kept = std::mem::take(&mut calls.kept);
            let closed = kept.into_iter().map(|mut kept| {
                if kept.open {
                    kept.call.ms = ms(kept.began);
                    kept.call.error = Some(CUT_SHORT.to_owned());
                }
                kept.call
            });
            let last = (more > 0).then(|| OutgoingCall {
                method: "…".to_owned(),
                url: format!("and {more} more"),
                ..OutgoingCall::default()
            });
            closed.chain(last).collect()
        })
    }

    fn with<R>(&self, change: impl FnOnce(&mut Calls) -> R) -> R {
        // A panic while one was changed leaves the others whole.
        change(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells the log of calls that an attempt made before it was broken off: nothing of it is kept, and what it wrote may be
/// written again.
pub fn tell_writes(calls: &[OutgoingCall]) {
    let writes = calls
        .iter()
        .filter(|call| call.result().is_some_and(|result| result != "denied"))
        .filter(|call| is_write(&call.method));
    let told = writes.clone().take(TOLD_MAX);
    let told: Vec<String> = told
        .map(|call| format!("{} {}", call.method, call.url))
        .collect();
    if !told.is_empty() {
        tracing::warn!(
            writes = writes.count(),
            calls = told.join(", "),
            "the attempt was broken off; its calls are not kept, and those that write may be made again"
        );
    }
}

/// Whether a method is one of those that write, as far as anybody can tell by it.
#[must_use]
pub fn is_write(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD")
}

fn ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A call under way.
#[derive(Debug)]
pub struct Call {
    log: CallLog,
    /// Among those that are kept, if it is one of them.
    place: Option<usize>,
    /// For the head of its answer.
    waits: bool,
}

impl Call {
    /// Its request was not sent.
    pub fn deny(mut self, refused: &Refused) {
        self.waits = false;
        self.change(|kept| kept.call.denied_by = Some(refused.by().to_owned()));
    }

    /// It failed.
    pub fn fail(&mut self, error: &CallError) {
        self.waits = false;
        self.change(|kept| {
            kept.open = false;
            match error {
                CallError::Prohibited { .. } => {
                    kept.call.denied_by = Some(format!("address: {error}"));
                }
                CallError::Cancelled => kept.call.error = Some(CUT_SHORT.to_owned()),
                _ => kept.call.error = Some(error.to_string()),
            }
        });
    }

    /// The head of its answer came.
    pub fn answer(&mut self, status: u16, connection: ConnectionKind) {
        self.waits = false;
        self.change(|kept| {
            kept.call.status = Some(status);
            kept.call.bytes = Some(0);
            kept.call.reused = Some(connection == ConnectionKind::Reused);
        });
    }

    /// So many bytes of its answer were taken so far.
    pub fn took(&self, bytes: u64) {
        self.change(|kept| kept.call.bytes = Some(bytes));
    }

    /// Its answer's body is at its end.
    pub fn is_whole(&self) {
        self.close();
    }

    /// Nothing more comes of it. Its time stays that of what came last.
    fn close(&self) {
        let Some(place) = self.place else { return };
        self.log.with(|calls| {
            if let Some(kept) = calls.kept.get_mut(place) {
                kept.open = false;
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        let Some(place) = self.place else { return };
        self.log.with(|calls| {
            if calls.taken {
                return;
            }
            if let Some(kept) = calls.kept.get_mut(place).filter(|kept| kept.open) {
                kept.call.ms = ms(kept.began);
                change(kept);
            }
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // An answer that its plugin has seen enough of is a good one.
        if self.waits {
            self.change(|kept| kept.call.error = Some(LET_GO.to_owned()));
        }
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_kept_in_the_order_in_which_they_began_and_counted_past_their_bound() {
        let log = CallLog::default();
        let mut first = log.begin("GET", "https://example.org/1\n");
        let under_way = log.begin("POST", &"x".repeat(5000));
        drop(log.begin("GET", "https://example.org/3"));
        for _ in 0..CALLS_MAX {
            log.begin("GET", "y")
                .deny(&Refused::denied("host: no".to_owned()));
        }
        first.answer(200, ConnectionKind::New);
        first.took(7);
        first.is_whole();
        let calls = log.take();
        assert_eq!(calls.len(), CALLS_MAX + 1);
        assert_eq!((calls[0].status, calls[0].bytes), (Some(200), Some(7)));
        assert_eq!(calls[0].url, "https://example.org/1\\n");
        assert_eq!(calls[1].url.len(), URL_BYTES_MAX);
        assert_eq!(calls[1].error.as_deref(), Some(CUT_SHORT));
        assert_eq!(calls[2].error.as_deref(), Some(LET_GO));
        assert_eq!(calls[3].denied_by.as_deref(), Some("host: no"));
        assert_eq!(calls[CALLS_MAX].url, "and 3 more");
        drop(under_way);
        assert_eq!(log.take(), []);
    }

    #[test]
    fn an_answer_that_was_not_at_its_end_is_told_from_one_that_was() {
        let log = CallLog::default();
        let answered = |status| {
            let mut call = log.begin("GET", "https://example.org/");
            call.answer(status, ConnectionKind::New);
            call.took(7);
            call
        };
        // Given one that came to its end, one that its plugin let go, and one that neither did
        let (whole, enough, open) = (answered(200), answered(201), answered(202));
        whole.is_whole();
        drop(enough);
        // When the attempt ends
        let calls = log.take();
        // Then only the last was cut off
        let kept = calls
            .iter()
            .map(|call| (call.status, call.error.as_deref()));
        assert_eq!(
            kept.collect::<Vec<_>>(),
            [
                (Some(200), None),
                (Some(201), None),
                (Some(202), Some(CUT_SHORT))
            ]
        );
        assert_eq!(calls[2].result(), Some("cancelled"));
        drop((whole, open));
    }
}
