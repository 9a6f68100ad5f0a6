//! A grant's `[state]`: how much a plugin may keep.

use super::GrantError;
use super::file::StateTable;
use super::reader::Reader;
use crate::delivery::state::StateQuota;
use bytesize::ByteSize;
use std::ops::RangeInclusive;

/// The most keys that a grant may give.
const KEYS_MAX: u64 = 1_000_000;

/// The bytes that a grant may give: it is kept in the ledger, beside everything else.
const BYTES: RangeInclusive<u64> = 1024..=1024 * 1024 * 1024;

/// How much state a plugin may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateGrant {
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Keys.
    pub keys: u64,
}

impl Default for StateGrant {
    fn default() -> Self {
        Self {
            bytes: 16 * 1024 * 1024,
            keys: 10_000,
        }
    }
}

impl StateGrant {
    /// The same for the ledger.
    #[must_use]
    pub const fn quota(&self) -> StateQuota {
        StateQuota {
            bytes: self.bytes,
            keys: self.keys,
        }
    }
}

impl Reader<'_> {
    /// Reads the table.
    pub fn state(&self, table: &StateTable) -> Result<StateGrant, GrantError> {
        let mut grant = StateGrant::default();
        if let Some(bytes) = &table.bytes {
            let text = bytes.get_ref();
            let size = text.parse::<ByteSize>().map_err(|_| {
                let reason = format!("state.bytes: `{text}` is not a size; write `16MiB`");
                self.at(bytes, reason)
            })?;
            grant.bytes = size.as_u64();
            if !BYTES.contains(&grant.bytes) {
                let reason = format!("state.bytes: `{text}` is not between 1KiB and 1GiB");
                return Err(self.at(bytes, reason));
            }
        }
        if let Some(keys) = &table.keys {
            grant.keys = self.within("state.keys", keys, 1, KEYS_MAX)?;
        }
        Ok(grant)
    }
}
