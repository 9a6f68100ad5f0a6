//! Wall-clock time as records carry it: milliseconds since the Unix epoch, UTC.
//!
//! Waits inside the process are monotonic (tokio's timers); only what is stored or shown uses this.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in milliseconds since the Unix epoch, UTC; 0 on a machine whose clock is set before 1970.
#[must_use]
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}

/// A time as RFC 3339 in UTC with milliseconds: `2026-08-28T09:30:00.000Z`.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map_or_else(|| format!("{ms} ms"), |time| format!("{time:.3}"))
}

/// The time that a text says, in ms since the Unix epoch: so long ago (`12h`, `7d`), or an RFC 3339 time.
#[must_use]
pub fn read_since(text: &str) -> Option<u64> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Some(now_ms().saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)));
    }
    let time = text.parse::<jiff::Timestamp>().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_show_milliseconds_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_787_909_400_007), "2026-08-28T09:30:00.007Z");
        assert_eq!(rfc3339(u64::MAX), "18446744073709551615 ms");
    }
}
