//! Deliveries, runs and attempts: their ids, their states, and what an attempt's outcome means for its run.
//!
//! Everything here is plain data and pure functions; nothing does I/O.

mod call;
pub mod state;

pub use call::{CUT_SHORT, LET_GO, OutgoingCall};

use crate::backoff::{DELAY_MAX, DELAY_MIN, RetrySchedule};
use crate::event::Event;
use crate::rule::RunRules;
use bytes::Bytes;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use uuid::Uuid;

/// Attempts in all for an outcome that the sandbox met (`trapped`, `out-of-fuel`, `out-of-memory`): the same
/// code on the same bytes will mostly meet it again.
pub const SANDBOX_FAILURE_ATTEMPTS: u32 = 2;

/// After so many `lost` attempts a run is claimed only with no other attempt on the host.
pub const LOSSES_BEFORE_ALONE: u32 = 2;

/// With so many `lost` attempts a run is dead: a plugin that kills the process must not run for ever.
pub const LOSSES_MAX: u32 = 3;

/// After so many `conflict` attempts a run is claimed only with no other attempt of its plugin.
pub const CONFLICTS_BEFORE_ALONE: u32 = 3;

/// The id of a delivery: a UUIDv7 (RFC 9562) made by the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(Uuid);

/// The id of a run: a UUIDv7 made by the host; the plugin's idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Uuid);

macro_rules! id {
    ($name:ident) => {
        impl $name {
            /// A new id, ordered by the time it was made.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "each call gives another id")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError {
                    text: text.chars().take(80).collect(),
                })
            }
        }
    };
}
id!(DeliveryId);
id!(RunId);

/// A text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an id; ids look like 01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e (see `hookbox deliveries list`)"
)]
pub struct IdError {
    text: String,
}

/// A set of words that are stored and shown, with their one spelling.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$case_meta:meta])* $case:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$case_meta])* $case),+ }

        impl $name {
            /// The word, as stored and shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $word),+ }
            }

            /// The value of a word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$case),)+ _ => None }
            }

            /// Every word.
            pub const ALL: &[Self] = &[$(Self::$case),+];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// How an attempt ended.
    Outcome {
        /// The plugin handled the delivery.
        Done = "done",
        /// The plugin looked at it and left it alone.
        Ignored = "ignored",
        /// The plugin asks for another attempt later.
        Retry = "retry",
        /// The plugin will never handle it.
        Rejected = "rejected",
        /// The guest trapped: a panic, a bad access, an exit with a failure, a cap on what crosses to the host.
        Trapped = "trapped",
        /// The guest used up its fuel.
        OutOfFuel = "out-of-fuel",
        /// The guest was denied memory and could not go on.
        OutOfMemory = "out-of-memory",
        /// The attempt took longer than its wall-clock limit.
        TimedOut = "timed-out",
        /// The host died during the attempt.
        Lost = "lost",
        /// Plugin state that the attempt read was changed by another before it settled.
        Conflict = "conflict",
    }
}

words! {
    /// Where a run stands.
    RunState {
        /// Waits for its next attempt.
        Pending = "pending",
        /// An attempt is under way.
        Running = "running",
        /// Handled.
        Done = "done",
        /// Left alone.
        Ignored = "ignored",
        /// Another run stands for it.
        Coalesced = "coalesced",
        /// Given up: kept, visible, replayable.
        Dead = "dead",
    }
}

words! {
    /// Whether a pending run can be claimed.
    Gate {
        /// It can, when it is due.
        Ready = "ready",
        /// It waits behind another run of its order key.
        Queued = "queued",
        /// It waits until something about its plugin changes.
        Parked = "parked",
    }
}

words! {
    /// Live runs are claimed before replayed ones.
    Lane {
        /// Made when its delivery was recorded.
        Live = "live",
        /// Made by a replay.
        Replay = "replay",
    }
}

words! {
    /// Where a delivery stands, by the newest run of each plugin.
    DeliveryState {
        /// At least one run is not settled.
        Pending = "pending",
        /// All runs are settled (or there are none) and none is dead.
        Settled = "settled",
        /// All runs are settled and at least one is dead.
        Dead = "dead",
    }
}

impl RunState {
    /// Whether the run has come to its end.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// A delivery to be recorded.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The path it was posted to, without trailing slash or query: `/webhooks` or `/webhooks/NAME`.
    pub path: String,
    /// The `Webhook-Id` header, if there was a usable one.
    pub hub_id: Option<String>,
    /// What it says; nothing if it could not be read.
    pub event: Event,
    /// Why its body is no event, if it is none.
    pub unparsable: Option<String>,
    /// When it was received, in ms since the Unix epoch.
    pub received_ms: u64,
    /// The exact bytes received.
    pub body: Bytes,
    /// SHA-256 of `body`.
    pub body_sha256: [u8; 32],
    /// The kept headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// A run to be recorded with its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The plugin that is to handle the delivery.
    pub plugin: String,
    /// The scope as the plugin sees it.
    pub scope: String,
    /// The action as the plugin sees it.
    pub action: String,
    /// The digest of the component whose subscriptions routed the run.
    pub routed_digest: String,
    /// Why the run is parked from the start, if it is.
    pub parked: Option<String>,
    /// How it follows others.
    pub rules: RunRules,
}

/// What one attempt left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The plugin's version, from its manifest.
    pub version: String,
    /// The digest of the component that ran.
    pub digest: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The plugin's text: an outcome's text, or the reason of a retry or rejection.
    pub output: Option<String>,
    /// Fuel used.
    pub fuel: u64,
    /// The most fuel it could have used.
    pub fuel_limit: u64,
    /// The most linear memory and table space it held, in bytes.
    pub memory_peak_bytes: u64,
    /// Wall-clock time, host calls included.
    pub wall: Duration,
    /// Log lines, in order.
    pub logs: Vec<LogLine>,
    /// Outgoing calls, in order.
    pub calls: Vec<OutgoingCall>,
    /// What the sandbox met, for an outcome that is not the plugin's own.
    pub trap: Option<Trap>,
}

impl AttemptRecord {
    /// The same in whole ms, as it is stored and shown.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        u64::try_from(self.wall.as_millis()).unwrap_or(u64::MAX)
    }

    /// The record of an attempt in which no guest code ran.
    #[must_use]
    pub const fn not_executed(version: String, digest: String, outcome: Outcome) -> Self {
        Self {
            version,
            digest,
            outcome,
            output: None,
            fuel: 0,
            fuel_limit: 0,
            memory_peak_bytes: 0,
            wall: Duration::ZERO,
            logs: Vec::new(),
            calls: Vec::new(),
            trap: None,
        }
    }
}

/// One line that a plugin logged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogLine {
    /// Milliseconds since the attempt started.
    pub at_ms: u64,
    /// `trace`, `debug`, `info`, `warn`, `error` or `critical`.
    pub level: String,
    /// The text, as the plugin gave it.
    pub text: String,
}

/// Why the sandbox ended an attempt.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Trap {
    /// The reason in words.
    pub message: String,
    /// The guest's functions on the stack, innermost first.
    pub frames: Vec<String>,
}

/// What becomes of a run after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The run ends `done`.
    Done,
    /// The run ends `ignored`.
    Ignored,
    /// The run is given up.
    Dead {
        /// Why, in words.
        reason: String,
    },
    /// The run is pending again.
    Again {
        /// The wait.
        delay: Duration,
        /// Whether the attempt used up one of the schedule's.
        counts: Counts,
    },
}

/// Whether an attempt uses up one of its schedule's attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// It does.
    Yes,
    /// It does not: the attempt was not the plugin's fault.
    No,
}

/// Decides what an outcome means for a run.
///
/// `attempt` is the number, from 1, of this attempt among those that count; `after` the wait that the plugin asked
/// for with `retry`; `chance` the jitter's draw (see [`RetrySchedule::delay_after`]).
#[must_use]
pub fn settlement(
    outcome: Outcome,
    attempt: u32,
    after: Option<Duration>,
    schedule: &RetrySchedule,
    chance: f64,
) -> Settlement {
    let again_until = |attempts: u32| {
        if attempt >= attempts {
            return Settlement::Dead {
                reason: format!("{outcome} at attempt {attempt}; {attempts} are made for that"),
            };
        }
        Settlement::Again {
            delay: schedule.delay_after(attempt, chance),
            counts: Counts::Yes,
        }
    };
    match outcome {
        Outcome::Done => Settlement::Done,
        Outcome::Ignored => Settlement::Ignored,
        Outcome::Rejected => Settlement::Dead {
            reason: "rejected by the plugin".to_owned(),
        },
        Outcome::Retry | Outcome::TimedOut => match (again_until(schedule.attempts), after) {
            (Settlement::Again { counts, .. }, Some(after)) => Settlement::Again {
                delay: after.clamp(DELAY_MIN, DELAY_MAX),
                counts,
            },
            (settlement, _) => settlement,
        },
        Outcome::Trapped | Outcome::OutOfFuel | Outcome::OutOfMemory => {
            again_until(SANDBOX_FAILURE_ATTEMPTS.min(schedule.attempts))
        }
        Outcome::Lost | Outcome::Conflict => Settlement::Again {
            delay: Duration::ZERO,
            counts: Counts::No,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(outcome: Outcome, attempt: u32, after: Option<u64>, expected: &str) {
        let after = after.map(Duration::from_millis);
        let found = match settlement(outcome, attempt, after, &RetrySchedule::default(), 0.0) {
            Settlement::Done => "done".to_owned(),
            Settlement::Ignored => "ignored".to_owned(),
            Settlement::Dead { reason } => format!("dead: {reason}"),
            Settlement::Again { delay, counts } => format!("again in {delay:?} {counts:?}"),
        };
        assert_eq!(found, expected, "{outcome} at attempt {attempt}");
    }

    #[test]
    fn an_outcome_decides_what_becomes_of_its_run() {
        use Outcome::*;
        check(Done, 1, None, "done");
        check(Ignored, 3, None, "ignored");
        check(Rejected, 1, None, "dead: rejected by the plugin");
        check(Retry, 1, None, "again in 5s Yes");
        check(Retry, 7, None, "again in 3600s Yes");
        check(
            Retry,
            8,
            None,
            "dead: retry at attempt 8; 8 are made for that",
        );
        check(Retry, 1, Some(1500), "again in 1.5s Yes");
        check(Retry, 1, Some(0), "again in 1s Yes");
        check(Retry, 1, Some(u64::MAX), "again in 86400s Yes");
        check(
            Retry,
            8,
            Some(1500),
            "dead: retry at attempt 8; 8 are made for that",
        );
        check(TimedOut, 2, None, "again in 20s Yes");
        check(
            TimedOut,
            8,
            None,
            "dead: timed-out at attempt 8; 8 are made for that",
        );
        check(Trapped, 1, None, "again in 5s Yes");
        check(
            Trapped,
            2,
            None,
            "dead: trapped at attempt 2; 2 are made for that",
        );
        check(OutOfFuel, 1, None, "again in 5s Yes");
        check(
            OutOfFuel,
            2,
            None,
            "dead: out-of-fuel at attempt 2; 2 are made for that",
        );
        check(
            OutOfMemory,
            2,
            None,
            "dead: out-of-memory at attempt 2; 2 are made for that",
        );
        check(Conflict, 1, None, "again in 0ns No");
        check(Lost, 1, None, "again in 0ns No");
    }

    #[test]
    fn a_schedule_of_one_attempt_gives_up_at_once() {
        let once = RetrySchedule {
            attempts: 1,
            ..RetrySchedule::default()
        };
        for outcome in [Outcome::Retry, Outcome::Trapped] {
            assert!(matches!(
                settlement(outcome, 1, None, &once, 0.0),
                Settlement::Dead { .. }
            ));
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_word(outcome.as_str()), Some(*outcome));
        }
        assert_eq!(RunState::from_word("Done"), None);
    }

    #[test]
    fn an_id_survives_its_text_form_and_nonsense_is_named() {
        let id = DeliveryId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        let error = "x".parse::<RunId>().unwrap_err();
        assert!(error.to_string().starts_with("`x` is not an id"));
    }
}
