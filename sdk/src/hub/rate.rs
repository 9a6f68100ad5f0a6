//! How long a rate limit lasts, or the Hub is away, as it says it.
//!
//! `RateLimit: "api";r=0;t=55`: of the limit `api`, none remain, and it begins anew in 55 seconds. (docs: "Hub rate
//! limits"; hub client, `parse_ratelimit_headers`; the form is that of the IETF's draft on rate limit headers)

use std::time::Duration;

use crate::http::Response;

/// The wait where the Hub names none.
const WAIT: Duration = Duration::from_secs(60);

/// The longest wait that is believed. The Hub's windows have five minutes.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// How long to wait before the next call, after an answer 429.
pub fn wait(response: &Response) -> Duration {
    let limit = response.header("ratelimit").and_then(exhausted);
    let after = || retry_after(response);
    limit.or_else(after).unwrap_or(WAIT).min(WAIT_MAX)
}

/// How long to wait before the next call by the answer's `Retry-After`, if it names seconds. (RFC 9110, section 10.2.3;
/// a date is passed over)
pub fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(WAIT_MAX))
}

/// The longest wait of the limits of which nothing remains. The headers come with each answer, so one that is not
/// used up is not why there are none.
fn exhausted(header: &str) -> Option<Duration> {
    let waits = header.split(',').filter_map(|limit| {
        let value = |name: &str| {
            let mut parts = limit.split(';').filter_map(|part| part.split_once('='));
            let (_, value) = parts.find(|(key, _)| key.trim() == name)?;
            value.trim().parse::<u64>().ok()
        };
        // A second more, as times are cut to whole seconds. (hub client, `http_backoff`)
        (value("r")? == 0).then_some(Duration::from_secs(value("t")?.saturating_add(1)))
    });
    waits.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn waits(headers: &[(&str, &str)], seconds: u64) {
        let mut response = Response::new(429);
        for (name, value) in headers {
            response = response.with_header(*name, *value);
        }
        assert_eq!(wait(&response).as_secs(), seconds, "{headers:?}");
    }

    #[test]
    fn the_wait_is_what_the_hub_says() {
        let policy = ("ratelimit-policy", r#""fixed window";"api";q=500;w=300"#);
        waits(&[("RateLimit", r#""api";r=0;t=55"#), policy], 56);
        waits(&[("ratelimit", r#""api" ; r = 0 ; t = 7"#)], 8);
        waits(&[("ratelimit", r#""api";r=0;t=5, "pages";r=0;t=30"#)], 31);
        // Something else is why, and says itself how long.
        waits(
            &[("ratelimit", r#""api";r=3;t=55"#), ("retry-after", "120")],
            120,
        );
        waits(&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], 60);
        waits(&[("ratelimit", "soon")], 60);
        waits(&[], 60);
        // Nonsense does not put a run off for years.
        waits(
            &[("ratelimit", r#""api";r=0;t=18446744073709551615"#)],
            3600,
        );
    }
}
