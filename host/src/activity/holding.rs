//! What a plugin holds beside its code, as it is shown: an account, and state.

use crate::delivery::state::StateQuota;
use crate::ledger::{OwnAccount, OwnStanding, StateUsage};
use crate::plugin::Grant;
use crate::plugin::grant::StateGrant;
use bytesize::ByteSize;
use serde::Serialize;
use std::fmt;

/// The account that a plugin's credential for the Hub is of.
#[derive(Debug, Serialize)]
pub struct AccountJson {
    id: String,
    name: Option<String>,
}

impl AccountJson {
    /// The account, or why it is not known; neither of a plugin that has none.
    #[must_use]
    pub fn of(own: Option<OwnAccount>) -> (Option<Self>, Option<String>) {
        match own.map(|own| own.standing) {
            Some(OwnStanding::Known { id, name }) => (Some(Self { id, name }), None),
            Some(OwnStanding::Unknown { reason }) => (None, Some(reason)),
            None => (None, None),
        }
    }
}

/// How much of its quota a plugin uses. Without a quota, nobody grants it state any more, and it is kept.
#[derive(Debug, Serialize)]
pub struct StateUsageJson {
    keys: u64,
    bytes: u64,
    keys_max: Option<u64>,
    bytes_max: Option<u64>,
}

impl StateUsageJson {
    /// That of a plugin with this grant, if it keeps anything or may.
    #[must_use]
    pub fn of(grant: Option<&str>, stored: StateUsage) -> Option<Self> {
        // The host's bound on memory has no say in this.
        let grant = grant.and_then(|text| Grant::parse(text, usize::MAX).ok());
        let quota = grant.and_then(|grant| grant.state.as_ref().map(StateGrant::quota));
        let StateUsage { bytes, keys } = stored;
        (quota.is_some() || keys > 0).then(|| Self {
            keys,
            bytes,
            keys_max: quota.map(|quota: StateQuota| quota.keys),
            bytes_max: quota.map(|quota| quota.bytes),
        })
    }
}

impl fmt::Display for StateUsageJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |bytes| ByteSize::b(bytes).display().iec();
        let (keys, bytes) = (self.keys, size(self.bytes));
        match (self.keys_max, self.bytes_max.map(size)) {
            (Some(keys_max), Some(bytes_max)) => {
                write!(f, "{keys} of {keys_max} keys, {bytes} of {bytes_max}")
            }
            _ => {
                let s = if keys == 1 { "" } else { "s" };
                write!(f, "{keys} key{s}, {bytes}, and is granted none")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_a_plugin_keeps_is_told_with_what_it_may() {
        let told = |grant: &str, keys: u64, bytes: u64| {
            let usage = StateUsageJson::of(Some(grant), StateUsage { bytes, keys });
            usage.map(|usage| usage.to_string())
        };
        assert_eq!(told("", 0, 0), None);
        assert_eq!(
            told("[state]", 0, 0).as_deref(),
            Some("0 of 10000 keys, 0 B of 16.0 MiB")
        );
        assert_eq!(
            told("[state]\nkeys = 9\nbytes = \"2KiB\"", 3, 1500).as_deref(),
            Some("3 of 9 keys, 1.5 KiB of 2.0 KiB")
        );
        assert_eq!(
            told("", 3, 1500).as_deref(),
            Some("3 keys, 1.5 KiB, and is granted none")
        );
    }
}
