//! What is due beside deliveries and runs, in bounded steps: each is one item of a group, so that deliveries pass
//! between two of them.

use super::writer::Shared;
use super::{park, retention};
use crate::ledger::{LedgerError, Tended};
use std::sync::Arc;

/// Does a part of all that is due.
pub(super) async fn tend(shared: &Arc<Shared>) -> Result<Tended, LedgerError> {
    let parts = [
        shared.work(park::tend).await?,
        retention::tend(shared).await?,
    ];
    Ok(if parts.contains(&Tended::Part) {
        Tended::Part
    } else {
        Tended::All
    })
}
