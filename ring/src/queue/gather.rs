//! When a lane takes one hint at a time, and when several.
//!
//! A lane that looks all the time for the next hint takes its line away from the producer for each
//! one; a lane that waits a moment for eight does so once. With few tasks in flight that moment
//! would be lost, so it is tried, and given up for ever longer where no batch comes.

use crate::format::layout::HELD;
use crate::os::sync;
use crate::queue::hint_ring::HintRing;

/// A backlog from which on several hints are taken at once.
const DEEP: u64 = 32;
/// Looks, each with a pause, at whether a whole batch has come: about a microsecond.
const LOOKS: u32 = if cfg!(all(ringwork_model, not(ringwork_counted))) {
    1
} else {
    64
};
/// After so many hints without a rest between them a batch is waited for.
const STREAK: u32 = 64;
/// The longest streak that is asked for after batches have not come.
const LONGEST_STREAK: u32 = 1 << 16;

/// What a lane knows of how tasks come.
#[derive(Debug)]
pub(crate) struct Gather {
    waits: bool,
    streak: u32,
    streak_needed: u32,
}

impl Gather {
    pub(crate) fn new() -> Self {
        Self {
            waits: false,
            streak: 0,
            streak_needed: STREAK,
        }
    }

    /// The lane has found nothing for some time.
    pub(crate) fn rest(&mut self) {
        self.streak = 0;
    }

    /// Whether to take as many hints as there are, of a ring that has one: when the backlog is
    /// deep, or after the wait for a batch, which others may have taken meanwhile.
    ///
    /// Never looks at the ring's tail: producers would have to fetch that line anew each time.
    pub(crate) fn takes_several(&mut self, ring: &HintRing<'_>) -> bool {
        let head = ring.head();
        if !self.waits {
            self.streak += 1;
            let deep = ring.lap_at(head.wrapping_add(DEEP - 1));
            self.waits = deep || self.streak >= self.streak_needed;
            return deep;
        }
        let last = head.wrapping_add(HELD as u64 - 1);
        for _ in 0..LOOKS {
            if ring.lap_at(last) {
                self.streak_needed = STREAK;
                return true;
            }
            sync::spin_loop();
        }
        self.waits = false;
        self.streak = 0;
        self.streak_needed = (self.streak_needed * 2).min(LONGEST_STREAK);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::sync::AtomicU64;

    #[test]
    fn a_deep_backlog_is_taken_in_batches_and_a_shallow_one_hint_by_hint() {
        let (head, tail) = (AtomicU64::new(0), AtomicU64::new(0));
        let cells: Vec<AtomicU64> = (0..64).map(|_| AtomicU64::new(0)).collect();
        let ring = HintRing::new(&head, &tail, &cells);
        let mut gather = Gather::new();
        ring.enqueue(0).unwrap();
        assert!(!gather.takes_several(&ring));
        (1..DEEP as u32).for_each(|slot| ring.enqueue(slot).unwrap());
        assert!(gather.takes_several(&ring), "deep");
        for _ in 0..DEEP - 1 {
            ring.dequeue();
        }
        assert!(
            gather.takes_several(&ring),
            "it has waited, and takes what there is"
        );
        assert!(!gather.takes_several(&ring), "the batch did not come");
    }

    #[test]
    fn where_batches_do_not_come_they_are_waited_for_ever_more_rarely() {
        let (head, tail) = (AtomicU64::new(0), AtomicU64::new(0));
        let cells: Vec<AtomicU64> = (0..64).map(|_| AtomicU64::new(0)).collect();
        let ring = HintRing::new(&head, &tail, &cells);
        let mut gather = Gather::new();
        let takes = |gather: &mut Gather| {
            (0..)
                .find(|_| {
                    ring.enqueue(0).unwrap();
                    let several = gather.takes_several(&ring);
                    ring.dequeue();
                    several
                })
                .unwrap()
        };
        assert_eq!(takes(&mut gather), STREAK);
        assert_eq!(takes(&mut gather), 2 * STREAK);
        assert_eq!(takes(&mut gather), 4 * STREAK);
    }
}
