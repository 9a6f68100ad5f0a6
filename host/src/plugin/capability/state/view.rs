//! What one attempt sees of its plugin's state: what is kept, and what it wrote itself.
//!
//! What it reads is noted with its version, what it writes is held back: the settlement takes both, and refuses them if
//! another attempt was quicker. So nothing is locked, and a guest that dies leaves nothing behind.

use super::page::{PAGE_KEYS, page};
use crate::delivery::state::{StateChanges, StateUsage, StateValue};
use crate::plugin::capability::{Backing, Unavailable};
use crate::plugin::grant::StateGrant;
use std::collections::BTreeMap;

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// The largest value, in bytes.
const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// The most bytes of keys and values that an attempt may write.
const WRITES_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most keys that an attempt may read or write.
const TOUCHED_MAX: usize = 10_000;

/// The most bytes of them.
const TOUCHED_BYTES_MAX: usize = 1024 * 1024;

/// Fuel of a look at what is kept, besides one for each byte: about what a guest would do meanwhile. A guest may loop
/// over looks.
const LOOK_FUEL: usize = 10_000;

/// See the module's head.
pub struct StateView {
    granted: Option<(StateGrant, Backing)>,
    /// What is known of each key that was looked at.
    known: BTreeMap<String, Known>,
    /// Bytes of these keys.
    known_bytes: usize,
    writes: BTreeMap<String, Option<Vec<u8>>>,
    /// Bytes of keys and values in `writes`.
    written_bytes: usize,
    /// What `writes` make of what is kept.
    growth: Growth,
    /// The version of the set of keys when it was first listed.
    listed: Option<u64>,
    /// Where the last page of a listing ended: the cursor that goes on there, and the key.
    listing: Option<(u64, String)>,
    /// How many pages were listed.
    cursors: u64,
    /// How much was kept when the attempt first wrote.
    usage: Option<StateUsage>,
    cost: usize,
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The size of its kept value, if it has one.
    bytes: Option<usize>,
    /// The version it had when the guest first read it, if it did.
    read: Option<u64>,
}

impl StateView {
    /// The view of an attempt: without state, if none is granted.
    #[must_use]
    pub fn new(granted: Option<(StateGrant, Backing)>) -> Self {
        Self {
            granted,
            known: BTreeMap::new(),
            known_bytes: 0,
            writes: BTreeMap::new(),
            written_bytes: 0,
            growth: Growth::default(),
            listed: None,
            listing: None,
            cursors: 0,
            usage: None,
            cost: 0,
        }
    }

    /// Whether there is state.
    #[must_use]
    pub const fn is_granted(&self) -> bool {
        self.granted.is_some()
    }

    /// What was done since this was last asked, in fuel.
    pub const fn take_cost(&mut self) -> usize {
        let cost = self.cost;
        self.cost = 0;
        cost
    }

    /// What the attempt read and wrote, for its settlement.
    #[must_use]
    pub fn take_changes(&mut self) -> StateChanges {
        let quota = self.granted.as_ref().map(|(grant, _)| grant.quota());
        let known = std::mem::take(&mut self.known).into_iter();
        StateChanges {
            reads: known
                .filter_map(|(key, known)| Some((key, known.read?)))
                .collect(),
            writes: std::mem::take(&mut self.writes).into_iter().collect(),
            listed: self.listed.take(),
            quota: quota.unwrap_or_default(),
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// Why not, for the guest.
    pub async fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, String> {
        check_key(key)?;
        if let Some(written) = self.writes.get(key) {
            self.cost = self
                .cost
                .saturating_add(written.as_ref().map_or(0, Vec::len));
            return Ok(written.clone());
        }
        let kept = self.look(key).await?;
        let version = kept.as_ref().map_or(0, |kept| kept.version);
        if let Some(known) = self.known.get_mut(key) {
            // A key that changed between two reads keeps the version of the first: the settlement finds that out.
            known.read.get_or_insert(version);
        }
        Ok(kept.map(|kept| kept.value))
    }

    /// Writes a value to a key, or deletes it.
    ///
    /// # Errors
    /// Why not, for the guest: nothing is written then.
    pub async fn write(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), String> {
        check_key(&key)?;
        let bytes = value.as_ref().map_or(0, Vec::len);
        if bytes > VALUE_BYTES_MAX {
            return Err(format!(
                "a value has at most 1 MiB, this one has {bytes} bytes; keep it in parts"
            ));
        }
        if !self.known.contains_key(&key) {
            // Only for its size: what is written without being read conflicts with nobody.
            self.look(&key).await?;
        }
        let before = self.writes.get(&key);
        let kept = self.known.get(&key).and_then(|known| known.bytes);
        let growth = self.growth.instead(
            before.map_or_else(Growth::default, |before| Growth::of(&key, before, kept)),
            Growth::of(&key, &value, kept),
        );
        let written_bytes = self.written_bytes + key.len() + bytes
            - before.map_or(0, |before| key.len() + before.as_ref().map_or(0, Vec::len));
        if written_bytes > WRITES_BYTES_MAX {
            return Err("an attempt writes at most 4 MiB of state".to_owned());
        }
        self.check_quota(growth).await?;
        (self.growth, self.written_bytes) = (growth, written_bytes);
        self.writes.insert(key, value);
        Ok(())
    }

    /// Adds to a number that is kept as decimal text; a key that is not there counts as 0.
    ///
    /// # Errors
    /// Why not, for the guest.
    pub async fn increment(&mut self, key: String, delta: u64) -> Result<u64, String> {
        let number = match self.get(&key).await? {
            None => 0,
            Some(value) => std::str::from_utf8(&value)
                .ok()
                .and_then(|text| text.parse::<u64>().ok())
                .ok_or("increment: the key's value is not a number in decimal digits")?,
        };
        let sum = number
            .checked_add(delta)
            .ok_or("increment: the sum is larger than 64 bits hold")?;
        self.write(key, Some(sum.to_string().into_bytes())).await?;
        Ok(sum)
    }

    /// A page of all keys, and the cursor that goes on behind it.
    ///
    /// # Errors
    /// Why not, for the guest.
    pub async fn list(
        &mut self,
        cursor: Option<u64>,
    ) -> Result<(Vec<String>, Option<u64>), String> {
        let after = match (cursor, &self.listing) {
            (None, _) => String::new(),
            (Some(cursor), Some((at, after))) if cursor == *at => after.clone(),
            (Some(_), _) => {
                return Err(
                    "list-keys: not the cursor of the last page; begin again without one"
                        .to_owned(),
                );
            }
        };
        self.cost = self.cost.saturating_add(LOOK_FUEL);
        let (_, backing) = self.backing()?;
        let found = backing
            .state
            .keys(&backing.plugin, &after, PAGE_KEYS + 1)
            .await
            .map_err(unavailable)?;
        self.listed.get_or_insert(found.version);
        let page = page(found.keys, &self.writes, &after, PAGE_KEYS);
        self.cost = self.cost.saturating_add(page.cost);
        // Of another listing none goes on here.
        self.cursors = self.cursors.saturating_add(1);
        let next = self.cursors;
        self.listing = page.next.map(|after| (next, after));
        Ok((page.keys, self.listing.as_ref().map(|_| next)))
    }

    /// What is kept of a key.
    async fn look(&mut self, key: &str) -> Result<Option<StateValue>, String> {
        let is_new = !self.known.contains_key(key);
        let known_bytes = self.known_bytes + if is_new { key.len() } else { 0 };
        if is_new && self.known.len() == TOUCHED_MAX || known_bytes > TOUCHED_BYTES_MAX {
            return Err(format!(
                "an attempt reads and writes at most {TOUCHED_MAX} keys, of 1 MiB together"
            ));
        }
        self.cost = self.cost.saturating_add(LOOK_FUEL);
        let (_, backing) = self.backing()?;
        let kept = backing.state.get(&backing.plugin, key).await;
        let kept = kept.map_err(unavailable)?;
        let bytes = kept.as_ref().map(|kept| kept.value.len());
        self.cost = self.cost.saturating_add(bytes.unwrap_or(0));
        self.known.entry(key.to_owned()).or_default().bytes = bytes;
        self.known_bytes = known_bytes;
        Ok(kept)
    }

    async fn usage(&mut self) -> Result<StateUsage, String> {
        if let Some(usage) = self.usage {
            return Ok(usage);
        }
        self.cost = self.cost.saturating_add(LOOK_FUEL);
        let (_, backing) = self.backing()?;
        let usage = backing.state.usage(&backing.plugin).await;
        let usage = usage.map_err(unavailable)?;
        self.usage = Some(usage);
        Ok(usage)
    }

    /// Whether there is room for what is written. The settlement asks again.
    async fn check_quota(&mut self, growth: Growth) -> Result<(), String> {
        let kept = self.usage().await?;
        let (grant, _) = self.backing()?;
        let after = growth.after(kept);
        if grant.quota().allows(kept, after) {
            return Ok(());
        }
        let StateUsage { bytes, keys } = after;
        Err(format!(
            "state quota: with this there would be {keys} keys and {bytes} bytes, [state] in the grant allows {} and {}; \
             delete some, or have it raised",
            grant.keys, grant.bytes
        ))
    }

    fn backing(&self) -> Result<(&StateGrant, &Backing), String> {
        match &self.granted {
            Some((grant, backing)) => Ok((grant, backing)),
            None => Err("no state is granted to this plugin".to_owned()),
        }
    }
}

/// How much more there is, or less.
#[derive(Debug, Clone, Copy, Default)]
struct Growth {
    bytes: i64,
    keys: i64,
}

impl Growth {
    /// What one key makes of it that is written, or deleted, and had a value of this size, if any.
    fn of(key: &str, value: &Option<Vec<u8>>, kept: Option<usize>) -> Self {
        let size = |bytes: usize| i64::try_from(key.len() + bytes).unwrap_or(i64::MAX);
        let value = value.as_ref().map(Vec::len);
        Self {
            bytes: value.map_or(0, size) - kept.map_or(0, size),
            keys: i64::from(value.is_some()) - i64::from(kept.is_some()),
        }
    }

    /// The same with one part of it in place of another.
    const fn instead(self, part: Self, other: Self) -> Self {
        Self {
            bytes: self.bytes - part.bytes + other.bytes,
            keys: self.keys - part.keys + other.keys,
        }
    }

    const fn after(self, kept: StateUsage) -> StateUsage {
        StateUsage {
            bytes: kept.bytes.saturating_add_signed(self.bytes),
            keys: kept.keys.saturating_add_signed(self.keys),
        }
    }
}

fn check_key(key: &str) -> Result<(), String> {
    match key.len() {
        1..=KEY_BYTES_MAX => Ok(()),
        bytes => Err(format!(
            "a key has 1 to {KEY_BYTES_MAX} bytes, this one has {bytes}"
        )),
    }
}

/// What a guest is told: the reason is the host's own affair.
fn unavailable(error: Unavailable) -> String {
    tracing::debug!(%error, "a plugin's state cannot be read");
    "the state cannot be read now; try again later".to_owned()
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
