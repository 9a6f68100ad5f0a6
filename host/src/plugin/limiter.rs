//! Memory, tables and instances of one sandbox, summed.
//!
//! Wasmtime's own `StoreLimits` counts per memory and per table, so a guest with several would get several times
//! the limit; this one adds them up.

use wasmtime::ResourceLimiter;

/// Bytes that one table element costs the host.
const TABLE_ELEMENT_BYTES: usize = 8;

/// The most table elements of a sandbox, over all its tables.
pub const TABLE_ELEMENTS_MAX: usize = 20_000;

/// The most core instances of a sandbox. Components of Rust, Python and JavaScript use fewer than 32.
pub const INSTANCES_MAX: usize = 64;

/// The most tables of a sandbox.
pub const TABLES_MAX: usize = 16;

/// The most memories of a sandbox.
pub const MEMORIES_MAX: usize = 4;

/// Counts what a sandbox holds and denies what goes over its grant.
#[derive(Debug)]
pub struct Limiter {
    memory_bytes_max: usize,
    memory_bytes: usize,
    table_elements: usize,
    peak_bytes: usize,
    denied: Option<Denied>,
    /// What the growth that is under way adds: bytes of memory, table elements.
    growing: (usize, usize),
}

/// What a sandbox wanted too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Linear memory.
    Memory,
    /// Table elements.
    Table,
}

impl Limiter {
    /// A limiter for a sandbox that may hold `memory_bytes_max` bytes of linear memory.
    #[must_use]
    pub const fn new(memory_bytes_max: usize) -> Self {
        Self {
            memory_bytes_max,
            memory_bytes: 0,
            table_elements: 0,
            peak_bytes: 0,
            denied: None,
            growing: (0, 0),
        }
    }

    /// The most bytes held at once.
    #[must_use]
    pub const fn peak_bytes(&self) -> usize {
        self.peak_bytes
    }

    /// What was denied last, if anything was.
    #[must_use]
    pub const fn denied(&self) -> Option<Denied> {
        self.denied
    }

    fn take_back(&mut self, denied: Denied) {
        let (bytes, elements) = std::mem::take(&mut self.growing);
        // A failure without a growth of ours is one that was denied (or is over its own maximum) and noted already.
        if (bytes, elements) != (0, 0) {
            self.memory_bytes -= bytes;
            self.table_elements -= elements;
            self.denied = Some(denied);
        }
    }

    fn note_peak(&mut self) {
        let held = self
            .memory_bytes
            .saturating_add(self.table_elements.saturating_mul(TABLE_ELEMENT_BYTES));
        self.peak_bytes = self.peak_bytes.max(held);
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let grown = self
            .memory_bytes
            .saturating_add(desired.saturating_sub(current));
        // A growth over the memory's own declared maximum fails whatever is granted: that is no denial of ours.
        self.growing = (0, 0);
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        if grown > self.memory_bytes_max {
            self.denied = Some(Denied::Memory);
            return Ok(false);
        }
        self.growing = (grown - self.memory_bytes, 0);
        self.memory_bytes = grown;
        self.note_peak();
        Ok(true)
    }

    /// The pool had less than was allowed here: taken back, and as good as denied.
    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back(Denied::Memory);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let grown = self
            .table_elements
            .saturating_add(desired.saturating_sub(current));
        self.growing = (0, 0);
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        if grown > TABLE_ELEMENTS_MAX {
            self.denied = Some(Denied::Table);
            return Ok(false);
        }
        self.growing = (0, grown - self.table_elements);
        self.table_elements = grown;
        self.note_peak();
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back(Denied::Table);
        Ok(())
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_memories_share_one_limit() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert_eq!(limiter.denied(), Some(Denied::Memory));
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!(limiter.peak_bytes(), 100);
    }

    #[test]
    fn a_growth_that_the_pool_refused_is_taken_back_and_counts_as_denied() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("no room"))
            .unwrap();
        assert_eq!(limiter.denied(), Some(Denied::Memory));
        assert!(limiter.memory_growing(0, 100, None).unwrap());
    }

    #[test]
    fn several_tables_share_one_limit() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.table_growing(0, TABLE_ELEMENTS_MAX, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
        assert_eq!(limiter.denied(), Some(Denied::Table));
    }

    #[test]
    fn a_memory_at_its_own_maximum_was_not_denied_by_the_grant() {
        let mut limiter = Limiter::new(100);
        assert!(!limiter.memory_growing(0, 60, Some(50)).unwrap());
        assert_eq!(limiter.denied(), None);
    }
}
