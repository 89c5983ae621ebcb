//! When the owner of a slot is to be woken, since its task's deadline has passed.
//!
//! Owned by [`crate::pool::Pool`]; the poller fires. A slot has one entry in the heap as long as
//! its deadlines grow, as they do where each task has as long as the one before: a submit then is a
//! store and a look. Invariant: a slot whose deadline is D has an entry of at most D, or a thread
//! is about to make one.

use crate::sync::lock;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

/// No time: never.
const NEVER: u64 = u64::MAX;

#[derive(Debug, Default)]
struct Heap {
    entries: BinaryHeap<Reverse<(u64, u32)>>,
    /// How long the poller sleeps, at most.
    sleeps_until: u64,
}

#[derive(Debug)]
struct Timer {
    deadline: AtomicU64,
    /// The time of the slot's entry in the heap.
    entry: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Timers {
    slots: Box<[Timer]>,
    heap: Mutex<Heap>,
}

impl Timers {
    pub(crate) fn new(slots: usize) -> Self {
        let timer = || Timer {
            deadline: AtomicU64::new(NEVER),
            entry: AtomicU64::new(NEVER),
        };
        Self {
            slots: (0..slots).map(|_| timer()).collect(),
            heap: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heap> {
        lock(&self.heap)
    }

    /// The owner of a slot is to be woken at a time (CLOCK_MONOTONIC, in nanoseconds). Returns
    /// whether the poller must be woken to hear of it.
    pub(crate) fn set(&self, slot: usize, deadline: u64) -> bool {
        let timer = &self.slots[slot];
        timer.deadline.store(deadline, Ordering::SeqCst);
        // pairs with the poller's store of `entry` in `fire`: it sees this deadline, or this thread
        // sees that the entry is gone.
        if timer.entry.load(Ordering::SeqCst) <= deadline {
            return false;
        }
        let mut heap = self.lock();
        if timer.entry.load(Ordering::SeqCst) <= deadline {
            return false;
        }
        timer.entry.store(deadline, Ordering::SeqCst);
        heap.entries.push(Reverse((deadline, slot as u32)));
        deadline < heap.sleeps_until
    }

    /// Wakes the owners of the slots whose deadlines have passed; returns until when the poller may
    /// sleep, at most `limit`.
    pub(crate) fn fire(&self, now: u64, limit: u64, mut wake: impl FnMut(usize)) -> u64 {
        let mut due = Vec::new();
        let mut heap = self.lock();
        while let Some(&Reverse((at, slot))) = heap.entries.peek() {
            if at > now {
                break;
            }
            heap.entries.pop();
            let timer = &self.slots[slot as usize];
            if timer.entry.load(Ordering::SeqCst) != at {
                continue; // an earlier one was made since
            }
            timer.entry.store(NEVER, Ordering::SeqCst);
            let deadline = timer.deadline.load(Ordering::SeqCst);
            if deadline <= now {
                due.push(slot as usize);
            } else if deadline != NEVER {
                timer.entry.store(deadline, Ordering::SeqCst);
                heap.entries.push(Reverse((deadline, slot)));
            }
        }
        let next = heap.entries.peek().map_or(NEVER, |next| next.0.0);
        heap.sleeps_until = next.min(limit);
        let until = heap.sleeps_until;
        drop(heap);
        due.into_iter().for_each(&mut wake);
        until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(timers: &Timers, now: u64) -> (Vec<usize>, u64) {
        let mut slots = Vec::new();
        let until = timers.fire(now, 1000, |slot| slots.push(slot));
        (slots, until)
    }

    #[test]
    fn owners_are_woken_when_their_deadlines_pass() {
        let timers = Timers::new(4);
        assert_eq!(fired(&timers, 0), (vec![], 1000));
        assert!(timers.set(1, 30), "sooner than the poller wakes");
        assert!(timers.set(2, 20));
        assert!(!timers.set(3, 2000));
        assert_eq!(fired(&timers, 19), (vec![], 20));
        assert_eq!(fired(&timers, 30), (vec![2, 1], 1000));
        assert_eq!(fired(&timers, 2000).0, vec![3]);
    }

    #[test]
    fn a_slot_whose_deadlines_grow_has_one_entry() {
        let timers = Timers::new(1);
        for at in 100..10_000 {
            timers.set(0, at);
        }
        assert_eq!(timers.lock().entries.len(), 1);
        assert_eq!(fired(&timers, 5000).0, Vec::<usize>::new());
        assert_eq!(fired(&timers, 9999).0, vec![0]);
        assert_eq!(timers.lock().entries.len(), 0);
    }

    #[test]
    fn an_earlier_deadline_goes_first_and_the_later_entry_says_nothing() {
        let timers = Timers::new(1);
        timers.set(0, 500);
        assert_eq!(fired(&timers, 0), (vec![], 500));
        assert!(timers.set(0, 100));
        assert_eq!(fired(&timers, 100).0, vec![0]);
        assert_eq!(fired(&timers, 600).0, Vec::<usize>::new());
    }
}
