//! The free slots of a client: a lock-free LIFO, private to the process.
//!
//! Used by [`crate::client::TaskTable`]. A Treiber stack: the head is `tag(32) | index + 1 (32)`,
//! and the tag grows with every change, so a head that was popped and pushed again is another one.
//! LIFO keeps the working set small, and lets a lane that spins guess the next slot. Invariant: a
//! slot is on the list once at most, for only the thread that has taken it gives it back.

use crate::os::sync::{AtomicU32, AtomicU64, Ordering, retry};

#[derive(Debug)]
struct Link {
    /// The slot below, + 1; 0: none.
    next: AtomicU32,
    /// How many are on the list from this one down.
    depth: AtomicU32,
}

/// The head has a cache line of its own, and the one that is fetched with it.
#[derive(Debug)]
#[repr(align(128))]
struct Head(AtomicU64);

#[derive(Debug)]
pub(crate) struct FreeList {
    head: Head,
    links: Box<[Link]>,
}

const INDEX: u64 = u32::MAX as u64;

impl FreeList {
    /// All of so many slots, the first one on top.
    pub(crate) fn new(count: u32) -> Self {
        let link = || Link {
            next: AtomicU32::new(0),
            depth: AtomicU32::new(0),
        };
        let list = Self {
            head: Head(AtomicU64::new(0)),
            links: (0..count).map(|_| link()).collect(),
        };
        (0..count).rev().for_each(|slot| list.push(slot));
        list
    }

    /// A head with another top, one change later.
    fn changed(head: u64, top: u32) -> u64 {
        ((head >> 32).wrapping_add(1)) << 32 | u64::from(top)
    }

    fn depth(&self, head: u64) -> u32 {
        match (head & INDEX) as usize {
            0 => 0,
            // Relaxed: the acquire of the head orders it. Stale if the slot was taken since; then
            // the head is another one.
            top => self.links[top - 1].depth.load(Ordering::Relaxed),
        }
    }

    /// Takes a slot, unless no more than `kept` are free.
    pub(crate) fn pop(&self, kept: u32) -> Option<u32> {
        // pairs with the release of the CAS in `push`: its slot's link, and what was done before.
        let mut head = self.head.0.load(Ordering::Acquire);
        loop {
            let top = (head & INDEX) as u32;
            let found = if self.depth(head) <= kept {
                None
            } else {
                Some(self.links[top as usize - 1].next.load(Ordering::Relaxed))
            };
            let next = match found {
                Some(below) => Self::changed(head, below),
                // Confirmed by a CAS: the depth was that of this head.
                None => head,
            };
            match self
                .head
                .0
                .compare_exchange(head, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return found.map(|_| top - 1),
                Err(now) => head = now,
            }
            retry();
        }
    }

    /// Gives a slot back that the caller has taken.
    pub(crate) fn push(&self, slot: u32) {
        let link = &self.links[slot as usize];
        let mut head = self.head.0.load(Ordering::Acquire);
        loop {
            link.next.store((head & INDEX) as u32, Ordering::Relaxed);
            link.depth.store(self.depth(head) + 1, Ordering::Relaxed);
            // pairs with the acquire loads of the head.
            match self.head.0.compare_exchange(
                head,
                Self::changed(head, slot + 1),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
            retry();
        }
    }

    /// How many slots are taken.
    pub(crate) fn in_use(&self) -> u32 {
        loop {
            let head = self.head.0.load(Ordering::SeqCst);
            let depth = self.depth(head);
            if self.head.0.load(Ordering::SeqCst) == head {
                // Saturating: a slot whose word was damaged never comes back.
                return (self.links.len() as u32).saturating_sub(depth);
            }
            retry();
        }
    }

    /// Its words, for the models.
    #[cfg(ringwork_model)]
    pub(crate) fn words(&self) -> Vec<crate::model::Place> {
        let links = self.links.iter();
        let links = links.flat_map(|link| [link.next.place(), link.depth.place()]);
        links.chain([self.head.0.place()]).collect()
    }
}

#[cfg(all(test, not(ringwork_model)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn slots_come_last_in_first_out_and_some_may_be_kept() {
        let list = FreeList::new(4);
        assert_eq!((list.pop(0), list.pop(0)), (Some(0), Some(1)));
        assert_eq!((list.pop(2), list.in_use()), (None, 2));
        list.push(0);
        assert_eq!(
            (list.pop(2), list.pop(1), list.pop(0)),
            (Some(0), Some(2), Some(3))
        );
        assert_eq!((list.pop(0), list.in_use()), (None, 4));
        (0..4).for_each(|slot| list.push(slot));
        assert_eq!(list.in_use(), 0);
    }

    #[test]
    fn each_slot_is_in_one_hand_however_many_threads_take_and_give() {
        const SLOTS: u32 = 3;
        let list = FreeList::new(SLOTS);
        let taken: Vec<AtomicBool> = (0..SLOTS).map(|_| AtomicBool::new(false)).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        let Some(slot) = list.pop(0) else { continue };
                        let before = taken[slot as usize].swap(true, Ordering::Relaxed);
                        assert!(!before, "slot {slot} is in two hands");
                        taken[slot as usize].store(false, Ordering::Relaxed);
                        list.push(slot);
                    }
                });
            }
        });
        assert_eq!(list.in_use(), 0);
    }
}
