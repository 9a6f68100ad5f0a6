//! P6: how long a host with many plugins takes from its start until it is ready.

use crate::contestant::{Hookbox, Place, Plugins, Running};
use crate::http::Connection;
use crate::numbers::{median, ms};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// How many plugins there are.
pub const PLUGINS: u8 = 20;

/// How long a host took.
pub struct Started {
    /// Milliseconds with everything to be compiled.
    pub cold_ms: f64,
    /// Milliseconds with everything compiled before, in the median of `times`.
    pub warm_ms: f64,
    /// How often.
    pub times: usize,
    /// Megabytes resident then.
    pub resident_mb: f64,
}

/// Starts a host of many plugins with nothing compiled, then so many times again.
///
/// # Errors
/// If it does not get ready.
pub async fn measure(place: &Place, times: usize) -> Result<Started> {
    let hookbox = Hookbox::new(place, &Plugins::Versions(PLUGINS))?;
    let (cold, running) = start(&hookbox).await?;
    running.stop().await?;
    let (mut warm, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let (took, running) = start(&hookbox).await?;
        warm.push(ms(took));
        resident.push(running.process.resident_mb());
        running.stop().await?;
    }
    Ok(Started {
        cold_ms: ms(cold),
        warm_ms: median(&warm),
        times,
        resident_mb: median(&resident),
    })
}

/// It listens once its plugins are loaded, and says so; `/readyz` has the last word.
///
/// # Errors
/// If it does not get ready.
pub async fn start(hookbox: &Hookbox) -> Result<(Duration, Running)> {
    let began = Instant::now();
    let running = hookbox.start_once().await?;
    let mut connection = Connection::new(running.address);
    let request = b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    let status = connection.exchange(request).await?;
    ensure!(status == 200, "/readyz answers {status}");
    Ok((began.elapsed(), running))
}
