//! What a plugin holds beside its code, as it is shown: an account.

use crate::ledger::{OwnAccount, OwnStanding};
use serde::Serialize;

/// The account that a plugin's credential for the Hub is of.
#[derive(Debug, Serialize)]
pub struct AccountJson {
    id: String,
    name: Option<String>,
}

impl AccountJson {
    /// The account, or why it is not known; neither of a plugin that has none.
    pub fn of(own: Option<OwnAccount>) -> (Option<Self>, Option<String>) {
        match own.map(|own| own.standing) {
            Some(OwnStanding::Known { id, name }) => (Some(Self { id, name }), None),
            Some(OwnStanding::Unknown { reason }) => (None, Some(reason)),
            None => (None, None),
        }
    }
}
