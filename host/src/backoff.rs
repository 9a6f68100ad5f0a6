//! How long to wait before the next attempt: an exponential schedule with jitter that only shortens.

use std::time::Duration;

/// The longest wait that any schedule or plugin may ask for.
pub const DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest wait that a plugin may ask for.
pub const DELAY_MIN: Duration = Duration::from_secs(1);

/// The part of a delay that jitter may take away.
const JITTER: f64 = 0.2;

/// A retry schedule: `attempts` in all, the first wait `first`, each later one `factor` times longer, none over
/// `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetrySchedule {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// The wait after the first attempt.
    pub first: Duration,
    /// How many times longer each further wait is; at least 1.
    pub factor: f64,
    /// The longest wait; at most [`DELAY_MAX`].
    pub max: Duration,
}

impl Default for RetrySchedule {
    /// Eight attempts: after 5 s, 20 s, 80 s, 320 s, about 21 min and then an hour each.
    fn default() -> Self {
        Self {
            attempts: 8,
            first: Duration::from_secs(5),
            factor: 4.0,
            max: Duration::from_secs(60 * 60),
        }
    }
}

impl RetrySchedule {
    /// The wait after attempt number `attempt` (from 1). `chance` in 0..1 is the jitter's draw: 0 takes nothing
    /// away, and nothing makes a wait longer than the schedule says.
    #[must_use]
    pub fn delay_after(&self, attempt: u32, chance: f64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.first.as_secs_f64() * self.factor.powi(exponent);
        let longest = self.max.min(DELAY_MAX).as_secs_f64();
        let bounded = if seconds.is_finite() {
            seconds.min(longest)
        } else {
            longest
        };
        Duration::from_secs_f64(bounded * JITTER.mul_add(-chance.clamp(0.0, 1.0), 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_longest_and_jitter_only_shortens() {
        let schedule = RetrySchedule::default();
        let seconds: Vec<u64> = (1..=7)
            .map(|n| schedule.delay_after(n, 0.0).as_secs())
            .collect();
        assert_eq!(seconds, [5, 20, 80, 320, 1280, 3600, 3600]);
        assert_eq!(schedule.delay_after(1, 1.0), Duration::from_secs(4));
        assert_eq!(
            schedule.delay_after(u32::MAX, 0.0),
            Duration::from_secs(3600)
        );
    }
}
