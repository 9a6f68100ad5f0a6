//! What waits for the writer: two bounded lines, one for deliveries and one for all other work.
//!
//! A delivery never waits for room: the caller is told at once that its line is full. Other work does, without
//! blocking a thread. The writer takes from both lines in turn, so that a flood of deliveries does not keep runs
//! from settling.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Two bounded lines of `T`, emptied by one thread.
pub(super) struct Queue<T> {
    lines: Mutex<Lines<T>>,
    filled: Condvar,
    intake_max: usize,
    /// Permits for room in the line of other work.
    pub room: std::sync::Arc<tokio::sync::Semaphore>,
}

struct Lines<T> {
    intake: VecDeque<T>,
    work: VecDeque<T>,
    closed: bool,
}

/// Why something was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The line of deliveries is full.
    Full,
    /// The queue is closed.
    Closed,
}

impl<T> Queue<T> {
    pub fn new(intake_max: usize, work_max: usize) -> Self {
        Self {
            lines: Mutex::new(Lines {
                intake: VecDeque::new(),
                work: VecDeque::new(),
                closed: false,
            }),
            filled: Condvar::new(),
            intake_max,
            room: std::sync::Arc::new(tokio::sync::Semaphore::new(work_max)),
        }
    }

    /// Queues a delivery, if there is room.
    pub fn push_intake(&self, item: T) -> Result<(), Refusal> {
        let mut lines = self.lines();
        if lines.closed {
            return Err(Refusal::Closed);
        }
        if lines.intake.len() >= self.intake_max {
            return Err(Refusal::Full);
        }
        lines.intake.push_back(item);
        drop(lines);
        self.filled.notify_one();
        Ok(())
    }

    /// Queues other work; its room is the caller's permit, which the item holds.
    pub fn push_work(&self, item: T) -> Result<(), Refusal> {
        let mut lines = self.lines();
        if lines.closed {
            return Err(Refusal::Closed);
        }
        lines.work.push_back(item);
        drop(lines);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits until something is queued and takes up to `max` items, at least half of them from the line of other
    /// work if that has so many; `None` once the queue is closed and empty.
    pub fn take(&self, max: usize) -> Option<Vec<T>> {
        let mut lines = self.lines();
        while lines.intake.is_empty() && lines.work.is_empty() {
            if lines.closed {
                return None;
            }
            lines = self
                .filled
                .wait(lines)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let max = max.max(1);
        let for_intake = lines.intake.len().min(max / 2);
        let from_work = lines.work.len().min(max - for_intake);
        let mut group: Vec<T> = lines.work.drain(..from_work).collect();
        let from_intake = lines.intake.len().min(max - group.len());
        group.extend(lines.intake.drain(..from_intake));
        Some(group)
    }

    /// Takes nothing more in; what is queued stays to be taken.
    pub fn close(&self) {
        self.lines().closed = true;
        self.room.close();
        self.filled.notify_all();
    }

    /// How many deliveries wait.
    #[cfg(test)]
    pub fn intake_len(&self) -> usize {
        self.lines().intake.len()
    }

    fn lines(&self) -> MutexGuard<'_, Lines<T>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(deliveries: usize, work: usize) -> Queue<char> {
        let queue = Queue::new(100, 100);
        (0..deliveries).for_each(|_| queue.push_intake('d').unwrap());
        (0..work).for_each(|_| queue.push_work('w').unwrap());
        queue
    }

    #[test]
    fn both_lines_share_a_group_and_either_may_fill_it() {
        for (deliveries, work, expected) in [
            (10, 10, "wwdd"),
            (10, 1, "wddd"),
            (10, 0, "dddd"),
            (0, 10, "wwww"),
            (1, 10, "wwwd"),
        ] {
            let group: String = queue(deliveries, work)
                .take(4)
                .unwrap()
                .into_iter()
                .collect();
            assert_eq!(group, expected, "{deliveries} deliveries, {work} other");
        }
    }

    #[test]
    fn a_full_line_refuses_deliveries_and_a_closed_queue_everything() {
        let queue = Queue::new(1, 1);
        queue.push_intake(1).unwrap();
        assert_eq!(queue.push_intake(2), Err(Refusal::Full));
        queue.close();
        assert_eq!(queue.push_intake(3), Err(Refusal::Closed));
        assert_eq!(queue.push_work(3), Err(Refusal::Closed));
        assert_eq!(queue.take(9), Some(vec![1]));
        assert_eq!(queue.take(9), None);
    }
}
