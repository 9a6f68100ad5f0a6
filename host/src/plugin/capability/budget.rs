//! The write budget: how many requests an hour a plugin may send that are neither GET nor HEAD. A bot that runs away
//! stops there.

use crate::clock::{now_ms, rfc3339};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// A minute, in ms.
const MINUTE_MS: u64 = 60_000;

/// The minutes that an hour touches.
const HOUR: u64 = 61;

/// Counts writes.
#[async_trait]
pub trait WriteBudget: Send + Sync {
    /// Takes a share of the hour's writes of a plugin to `key` (`scheme://host:port`), of which there are `max`. It is
    /// counted when this returns, and not given back if the request fails.
    ///
    /// # Errors
    /// [`BudgetDenied`]: the request may not be sent.
    async fn take(&self, plugin: &str, key: &str, max: u32) -> Result<(), BudgetDenied>;
}

/// Why a write is not to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetDenied {
    /// All shares of the hour are taken.
    Full {
        /// When the next one is free, in ms since the Unix epoch.
        free_at_ms: u64,
    },
    /// It cannot be counted now.
    Unavailable(String),
}

impl std::fmt::Display for BudgetDenied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full { free_at_ms } => {
                write!(
                    f,
                    "all of the hour's are sent, the next one is free at {}",
                    rfc3339(*free_at_ms)
                )
            }
            Self::Unavailable(reason) => write!(f, "it cannot be counted now: {reason}"),
        }
    }
}

/// The writes to a key by minute since the Unix epoch: the minute, and how many there were.
type Minutes = Vec<(u64, u32)>;

/// A budget that ends with its process.
#[derive(Debug, Default)]
pub struct PassingBudget(Mutex<HashMap<(String, String), Minutes>>);

#[async_trait]
impl WriteBudget for PassingBudget {
    async fn take(&self, plugin: &str, key: &str, max: u32) -> Result<(), BudgetDenied> {
        self.take_at(plugin, key, max, now_ms() / MINUTE_MS)
    }
}

impl PassingBudget {
    fn take_at(&self, plugin: &str, key: &str, max: u32, minute: u64) -> Result<(), BudgetDenied> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minutes = all.entry((plugin.to_owned(), key.to_owned())).or_default();
        minutes.retain(|(at, _)| at + HOUR > minute);
        let sent: u32 = minutes.iter().map(|(_, sent)| sent).sum();
        if sent >= max {
            let oldest = minutes.first().map_or(minute, |(at, _)| *at);
            let free_at_ms = (oldest + HOUR) * MINUTE_MS;
            return Err(BudgetDenied::Full { free_at_ms });
        }
        match minutes.last_mut() {
            Some((at, sent)) if *at == minute => *sent += 1,
            _ => minutes.push((minute, 1)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hour_has_more_writes_than_are_granted() {
        let budget = PassingBudget::default();
        let take = |minute| budget.take_at("bot", "https://a:443", 2, minute).is_ok();
        assert_eq!(
            [0, 1, 1, 59, 60].map(take),
            [true, true, false, false, false]
        );
        assert_eq!([61, 61, 62, 62].map(take), [true, false, true, false]);
        assert!(budget.take_at("bot", "https://b:443", 2, 1).is_ok());
        assert!(budget.take_at("other", "https://a:443", 2, 1).is_ok());
        assert!(budget.take_at("none", "https://a:443", 0, 1).is_err());
    }
}
