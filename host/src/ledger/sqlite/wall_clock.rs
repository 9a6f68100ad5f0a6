//! Whether the wall clock may be believed when it says that something is old enough to go.
//!
//! It is compared with the steady clock since the ledger was opened, and with the time noted in the ledger when it
//! was open before. One that has moved by more than a day against either may have been wrong, or be wrong now: what
//! goes by age stays for an hour, and then the clock is believed as it stands.

use super::fault::Fault;
use super::meta;
use super::writer::Tx;
use std::time::Duration;

/// Further than this the wall clock did not move by itself.
const MOVED_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// How long nothing goes by age after it was moved.
const HELD_MS: i64 = 60 * 60 * 1000;

/// How old the time that is noted may be.
const NOTED_MS_MAX: u64 = 60 * 60 * 1000;

/// The note: the wall clock, in ms, when it was last looked at.
const KEY: &str = "clock";

/// What the wall clock is compared with, all in ms.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Mark {
    /// How far it is to be ahead of the steady clock; `None` before the first look.
    ahead: Option<i64>,
    noted: i64,
    /// When it is believed again, by the steady clock.
    held_until: Option<i64>,
}

impl Mark {
    /// Looks at the clocks, and says whether what is old by the wall clock may go.
    pub fn look(&mut self, tx: &Tx<'_>) -> Result<bool, Fault> {
        let ahead = tx.now_ms.saturating_sub(tx.steady_ms);
        let moved = match self.ahead {
            Some(before) => ahead.saturating_sub(before),
            None => self.moved_before(tx, ahead)?,
        };
        let is_moved = moved.unsigned_abs() > MOVED_MS_MAX;
        if is_moved {
            let by = humantime::format_duration(Duration::from_secs(moved.unsigned_abs() / 1000));
            tracing::warn!(
                %by,
                "the clock was set, or the host was off for so long; nothing goes for its age within the next hour"
            );
            self.ahead = Some(ahead);
            self.held_until = Some(tx.steady_ms.saturating_add(HELD_MS));
        }
        if is_moved || tx.now_ms.abs_diff(self.noted) > NOTED_MS_MAX {
            meta::put(tx.connection, KEY, &tx.now_ms.to_string())?;
            self.noted = tx.now_ms;
        }
        self.held_until = self.held_until.filter(|until| *until > tx.steady_ms);
        Ok(self.held_until.is_none())
    }

    /// How far it has moved since it was noted, or since the ledger was opened: then both clocks stood alike.
    fn moved_before(&mut self, tx: &Tx<'_>, ahead: i64) -> Result<i64, Fault> {
        self.ahead = Some(0);
        let noted = meta::get(tx.connection, KEY)?.and_then(|noted| noted.parse::<i64>().ok());
        let Some(noted) = noted else {
            return Ok(ahead);
        };
        self.noted = noted;
        let since = tx.now_ms.saturating_sub(noted);
        Ok(if since.unsigned_abs() > ahead.unsigned_abs() {
            since
        } else {
            ahead
        })
    }
}
