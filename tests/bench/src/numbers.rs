//! Medians and quantiles.

use std::time::Duration;

/// The middle one; 0 of none.
pub fn median(numbers: &[f64]) -> f64 {
    quantile(numbers, 0.5)
}

/// The smallest number that this part of them does not exceed; 0 of none.
pub fn quantile(numbers: &[f64], part: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    // An index: not negative, and far below where an f64 loses whole numbers.
    let at = (part * last as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

/// A time in milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_numbers_themselves() {
        let numbers = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(median(&numbers), 3.0);
        assert_eq!(quantile(&numbers, 1.0), 5.0);
        assert_eq!(quantile(&numbers, 0.0), 1.0);
        assert_eq!(median(&[]), 0.0);
    }
}
