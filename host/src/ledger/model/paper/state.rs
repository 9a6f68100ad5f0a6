//! What plugins keep, and how often they may send something.

use super::Paper;
use crate::ledger::model::step::{Deed, KEYS, Look, WRITES_MAX};

/// A plugin's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// Of each key the length of its value and its version, if it is there.
    pub values: [Option<(u64, u64)>; KEYS.len()],
    /// How often it was written.
    writes: u64,
    /// Which of those was the last that added or deleted a key.
    pub keys_version: u64,
}

/// What an attempt may have looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Looked {
    /// The version of each key; 0 of one that is not there.
    pub versions: [u64; KEYS.len()],
    pub keys_version: u64,
}

impl Kept {
    pub fn look(&self) -> Looked {
        Looked {
            versions: self
                .values
                .map(|value| value.map_or(0, |(_, version)| version)),
            keys_version: self.keys_version,
        }
    }

    /// Bytes of keys and values.
    pub fn bytes(&self) -> u64 {
        let kept = KEYS.iter().zip(&self.values);
        kept.map(|(key, value)| value.map_or(0, |(bytes, _)| key.len() as u64 + bytes))
            .sum()
    }

    /// What an attempt leaves; `None` if that conflicts with what others left meanwhile.
    pub(super) fn after(&self, looked: &Looked, deed: Deed) -> Option<Self> {
        let (look, write) = match deed {
            Deed::Nothing => return Some(self.clone()),
            Deed::Looks(look) => (look, None),
            Deed::Writes(look, key, value, quota) => (look, Some((key, value, quota))),
        };
        let now = self.look();
        let is_same = match look {
            Look::Nowhere => true,
            Look::At(key) => now.versions[usize::from(key)] == looked.versions[usize::from(key)],
            Look::AtAllKeys => now.keys_version == looked.keys_version,
        };
        let mut after = self.clone();
        if let Some((key, value, quota)) = write {
            after.writes += 1;
            let value = value.map(|bytes| (u64::from(bytes), after.writes));
            let before = std::mem::replace(&mut after.values[usize::from(key)], value);
            if before.is_some() != value.is_some() {
                after.keys_version = after.writes;
            }
            if after.bytes() > quota && after.bytes() > self.bytes() {
                return None;
            }
        }
        is_same.then_some(after)
    }
}

impl Paper {
    /// Sends something, if a plugin has sent less than it may within an hour.
    pub(super) fn send(&mut self, plugin: usize) -> Result<(), u64> {
        let now = self.now / 60_000;
        let sent = &mut self.plugins[plugin].sent;
        let within = |minute: u64| sent.iter().filter(|sent| **sent + 61 > minute).count();
        let may = |minute: &u64| within(*minute) < WRITES_MAX as usize;
        let free = (now..).find(may).unwrap_or(now);
        if free > now {
            return Err(free * 60_000 - self.behind);
        }
        sent.push(now);
        Ok(())
    }
}
