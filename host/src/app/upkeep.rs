//! Has the ledger tend to what is due beside deliveries and runs, for as long as the host runs.

use crate::failpoint::hit;
use crate::ledger::{Ledger, LedgerError, Tended};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// The time between two looks when nothing was left to do.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tends until `stopping` turns true, or the ledger fails for good.
pub async fn tend(ledger: Arc<dyn Ledger>, mut stopping: watch::Receiver<bool>) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut warned = false;
    loop {
        let tended = async {
            looks.tick().await;
            tend_to_all(&*ledger).await
        };
        let tended = tokio::select! {
            tended = tended => tended,
            // A sender that is gone means the same.
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        match tended {
            Ok(()) => warned = false,
            // The host is told elsewhere, and stops.
            Err(LedgerError::Failed { .. }) => return,
            Err(error) if !warned => {
                tracing::warn!(%error, "the ledger cannot be tended to now; trying again");
                warned = true;
            }
            Err(_) => {}
        }
    }
}

async fn tend_to_all(ledger: &dyn Ledger) -> Result<(), LedgerError> {
    loop {
        let tended = ledger.tend().await?;
        hit!("between-retentions");
        if tended == Tended::All {
            return Ok(());
        }
    }
}
