//! What is due beside deliveries and runs, in bounded steps: each is one item of a group, so that deliveries pass
//! between two of them.

use super::park;
use super::writer::Shared;
use crate::ledger::{LedgerError, Tended};

/// Does a part of all that is due.
pub(super) async fn tend(shared: &Shared) -> Result<Tended, LedgerError> {
    shared.work(park::tend).await
}
