//! A host that several stories share while any of them is being told.

use crate::host::Host;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Starting a host compiles its plugins; stories that do not disturb one another share one. The last story to let go
/// of it ends it, which a plain `static` would never do.
pub struct Shared(Mutex<Weak<Host>>);

impl Shared {
    /// No host yet.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a static needs a const function"
    )]
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The host, started if there is none at the moment.
    pub fn get(&self, start: impl FnOnce() -> Host) -> Arc<Host> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = shared.upgrade() {
            return host;
        }
        let host = Arc::new(start());
        *shared = Arc::downgrade(&host);
        host
    }
}
