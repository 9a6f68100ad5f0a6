//! What to check while nothing has arrived: said once.

use crate::ledger::{DeliveryFilter, Ledger};
use crate::refusal::Refusals;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Who knows whether something has arrived, and where it would.
pub struct Hint {
    /// How long a first delivery is waited for.
    pub after: Duration,
    /// Keeps what was accepted, also before this start.
    pub ledger: Arc<dyn Ledger>,
    /// Keeps what was refused.
    pub refusals: Arc<Refusals>,
    /// The address to paste into the Hub's settings.
    pub paste: String,
    /// The address that is listened on.
    pub address: SocketAddr,
}

impl Hint {
    /// Says what to check with the first request that is refused, or after a while, unless a delivery has ever been
    /// accepted.
    pub async fn give(self, mut stopping: watch::Receiver<bool>) {
        let mut refused = self.refusals.totals();
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            _ = refused.wait_for(|total| *total > 0) => {}
            () = tokio::time::sleep(self.after) => {}
        }
        let one = DeliveryFilter {
            limit: Some(1),
            ..DeliveryFilter::default()
        };
        // A ledger that cannot be read has more to say than this.
        let nothing = self
            .ledger
            .deliveries(one)
            .await
            .is_ok_and(|found| found.is_empty());
        if nothing {
            tracing::info!(
                refused = self.refusals.total(),
                "no delivery has arrived yet: check in https://huggingface.co/settings/webhooks that the webhook is \
                 active, watches something, posts to {} and has the secret of this host; that a proxy in front passes \
                 POST requests on to {}; and what was refused, with 'hookbox requests'",
                self.paste,
                self.address
            );
        }
    }
}
