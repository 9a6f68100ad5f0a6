//! The signals that ask the host to stop, or to look at its settings.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, both of which ask the host to stop.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Handles them from now on.
    ///
    /// # Errors
    /// If the system does not let it.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot handle SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot handle SIGINT")?,
        })
    }

    /// The name of the next one.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// SIGHUP, which asks the host to look at its settings now. Once it is handled it never ends the host.
pub struct HangUps(Signal);

impl HangUps {
    /// Handles it from now on.
    ///
    /// # Errors
    /// If the system does not let it.
    pub fn new() -> anyhow::Result<Self> {
        let hang_up = signal(SignalKind::hangup()).context("cannot handle SIGHUP")?;
        Ok(Self(hang_up))
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}
