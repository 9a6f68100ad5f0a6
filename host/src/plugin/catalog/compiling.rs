//! A version that takes long to compile, as far as people are told.

use super::{Plugin, Standing};
use crate::clock::rfc3339;

/// Since when a version is being compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slow {
    digest: String,
    since_ms: u64,
}

impl Plugin {
    /// A version of it has been compiled since then (in ms since the Unix epoch), and that goes on.
    pub fn note_slow(&mut self, digest: String, since_ms: u64) {
        self.slow = Some(Slow { digest, since_ms });
    }

    /// Since when its candidate is being compiled, if that takes long.
    #[must_use]
    pub fn slow_candidate(&self) -> Option<String> {
        let slow = self.slow.as_ref();
        slow.filter(|slow| self.is_compiling(&slow.digest))
            .map(shown)
    }

    /// Since when what it cannot run without is being compiled, if that takes long.
    #[must_use]
    pub fn slow_standing(&self) -> Option<String> {
        let slow = self.slow.as_ref()?;
        let is_active = self.active_digest() == Some(&slow.digest);
        let is_meant = is_active || self.is_compiling(&slow.digest);
        (is_meant && self.standing() == Standing::Compiling).then(|| shown(slow))
    }
}

fn shown(slow: &Slow) -> String {
    // Nobody needs the milliseconds.
    let since = rfc3339(slow.since_ms / 1000 * 1000).replace(".000Z", "Z");
    format!("since {since}; Python and JavaScript take up to a minute")
}
