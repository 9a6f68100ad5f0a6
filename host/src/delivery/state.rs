//! A plugin's own state: what an attempt read of it and is to write, and how much of it there may be.

use crate::delivery::Outcome;

/// What an attempt read of its plugin's state, and what it is to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateChanges {
    /// Each key read and the version it had; 0 for a key that was not there.
    pub reads: Vec<(String, u64)>,
    /// Each key written, once, and its new value; `None` deletes it.
    pub writes: Vec<(String, Option<Vec<u8>>)>,
    /// The version of the set of keys, if the attempt listed them.
    pub listed: Option<u64>,
    /// How much state its plugin may have.
    pub quota: StateQuota,
}

impl StateChanges {
    /// Whether the attempt neither read nor wrote anything: then nothing can conflict.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.reads.is_empty() && self.writes.is_empty() && self.listed.is_none()
    }
}

/// The value of a key in a plugin's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateValue {
    /// Its bytes.
    pub value: Vec<u8>,
    /// From 1; it grows with every write, also over a deletion.
    pub version: u64,
}

/// Keys of a plugin's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateKeys {
    /// In the order of their bytes.
    pub keys: Vec<String>,
    /// The version of the set of all its keys: it grows when one comes or goes. 0 before the first.
    pub version: u64,
}

/// How much state a plugin has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateUsage {
    /// Bytes of its keys and of their values.
    pub bytes: u64,
    /// Its keys.
    pub keys: u64,
}

/// How much state a plugin may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateQuota {
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Keys.
    pub keys: u64,
}

impl Default for StateQuota {
    /// As much as there is room for.
    fn default() -> Self {
        Self {
            bytes: u64::MAX,
            keys: u64::MAX,
        }
    }
}

impl StateQuota {
    /// Whether state may go from one size to another. It may always shrink: a quota may have been lowered, and whoever is
    /// over it is to find a way back.
    #[must_use]
    pub const fn allows(&self, from: StateUsage, to: StateUsage) -> bool {
        (to.bytes <= self.bytes || to.bytes <= from.bytes)
            && (to.keys <= self.keys || to.keys <= from.keys)
    }
}

impl Outcome {
    /// Whether what an attempt wrote to its plugin's state is kept: only if the attempt will not be made again.
    #[must_use]
    pub const fn keeps_state(self) -> bool {
        matches!(self, Self::Done | Self::Ignored | Self::Rejected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_may_shrink_though_it_is_over_its_quota() {
        let quota = StateQuota { bytes: 10, keys: 2 };
        let size = |bytes, keys| StateUsage { bytes, keys };
        for (from, to, expected) in [
            (size(0, 0), size(10, 2), true),
            (size(0, 0), size(11, 1), false),
            (size(0, 0), size(3, 3), false),
            (size(20, 5), size(19, 5), true),
            (size(20, 5), size(20, 5), true),
            (size(20, 5), size(21, 4), false),
            (size(20, 1), size(19, 3), false),
        ] {
            assert_eq!(quota.allows(from, to), expected, "{from:?} to {to:?}");
        }
    }
}
