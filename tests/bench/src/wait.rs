//! P5: how long a sender that waits for its delivery's run waits, and how much of that is the disk's.

use crate::contestant::{Hookbox, Place, Plugins};
use crate::disk::Flushes;
use crate::http::Connection;
use crate::numbers::{median, ms, quantile};
use crate::payload::Requests;
use anyhow::{Result, ensure};
use std::time::Instant;

/// What a sender waited for.
pub struct Waited {
    /// How many deliveries.
    pub deliveries: u64,
    /// Milliseconds until the run's end was answered.
    pub p50_ms: f64,
    /// The same of the slowest hundredth.
    pub p99_ms: f64,
    /// Milliseconds of one flush of the same disk, in between.
    pub flush_ms: f64,
}

/// Sends one after another, each with `Prefer: wait`, and flushes a file in between.
///
/// # Errors
/// If a run does not end.
pub async fn measure(place: &Place, deliveries: u64) -> Result<Waited> {
    let hookbox = Hookbox::new(place, &Plugins::Hello)?;
    let mut flushes = Flushes::beside(&place.work)?;
    let running = hookbox.start_once().await?;
    let requests = Requests::to(running.path, "prefer: wait=20\r\n")?;
    let mut connection = Connection::new(running.address);
    let (mut request, mut waits, mut flushed) = (Vec::new(), Vec::new(), Vec::new());
    // The first ones find caches cold.
    let warm_up = deliveries / 10;
    for number in 0..deliveries + warm_up {
        requests.write(number, &mut request);
        let began = Instant::now();
        let status = connection.exchange(&request).await?;
        let waited = began.elapsed();
        ensure!(
            status == 200,
            "a delivery that is waited for was answered {status}"
        );
        let flush = flushes.once()?;
        if number >= warm_up {
            waits.push(ms(waited));
            flushed.push(ms(flush));
        }
    }
    running.stop().await?;
    Ok(Waited {
        deliveries,
        p50_ms: median(&waits),
        p99_ms: quantile(&waits, 0.99),
        flush_ms: median(&flushed),
    })
}
