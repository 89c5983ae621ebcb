//! The hint ring: bounded, MPMC, without a reserved-but-unpublished state.
//!
//! Invariant: position p is enqueued exactly when `cell[p % capacity]` has
//! lap(p); `tail` never passes the first position that is not enqueued, and may
//! lag behind it by what one producer puts in before it moves the tail, one hint or
//! up to RING_BATCH, if that producer died or is slow (the next one helps). So no
//! producer's death leaves a hole: the cells are the truth and `tail` is a shortcut
//! to them. See docs/internals/protocol.md section 4.

use crate::format::layout::RING_BATCH;
use crate::os::sync::{AtomicU64, Ordering, retry};
use crate::records::CORRUPT_AFTER;

/// A view of one ring in the segment.
#[derive(Debug, Clone, Copy)]
pub struct HintRing<'a> {
    head: &'a AtomicU64,
    tail: &'a AtomicU64,
    cells: &'a [AtomicU64],
}

/// The ring has no free cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl<'a> HintRing<'a> {
    /// A ring over its words; the number of cells must be a power of two.
    #[must_use]
    pub fn new(head: &'a AtomicU64, tail: &'a AtomicU64, cells: &'a [AtomicU64]) -> Self {
        debug_assert!(cells.len().is_power_of_two());
        Self { head, tail, cells }
    }

    #[inline]
    fn cell(&self, position: u64) -> &'a AtomicU64 {
        // Masked, so that a position that a peer made up stays in bounds.
        &self.cells[position as usize & (self.cells.len() - 1)]
    }

    #[inline]
    fn lap(&self, position: u64) -> u32 {
        ((position >> self.cells.len().trailing_zeros()) as u32).wrapping_add(1)
    }

    /// Puts a slot index in.
    ///
    /// # Errors
    /// When it is full; also when its words are none that a producer writes, however often it
    /// looks.
    #[inline]
    pub fn enqueue(&self, slot: u32) -> Result<(), Full> {
        self.enqueue_knowing(slot, &mut self.head())
    }

    /// As [`HintRing::enqueue`] for a producer that keeps the head that it saw last: it looks at
    /// the head, whose line the consumer writes to, only when that one leaves no room. The head
    /// only grows, so room computed from an old one is never too large.
    ///
    /// # Errors
    /// As [`HintRing::enqueue`].
    #[inline]
    pub(crate) fn enqueue_knowing(&self, slot: u32, head_seen: &mut u64) -> Result<(), Full> {
        for _ in 0..CORRUPT_AFTER {
            let tail = self.tail.load(Ordering::Acquire);
            let lap = self.lap(tail);
            let cell = self.cell(tail);
            let seen = cell.load(Ordering::Acquire);
            let seen_lap = (seen >> 32) as u32;
            if seen_lap == lap {
                // Help the producer that has not advanced the tail.
                let _ = self.tail.compare_exchange(
                    tail,
                    tail.wrapping_add(1),
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                );
                continue;
            }
            let no_room = |head: u64| tail.wrapping_sub(head) as i64 >= self.cells.len() as i64;
            if no_room(*head_seen) {
                // pairs with the release CAS of head in `take`: the cell to overwrite was read.
                *head_seen = self.head();
                if no_room(*head_seen) {
                    return Err(Full);
                }
            }
            if seen_lap != lap.wrapping_sub(1) {
                retry();
                continue; // `tail` was stale, or the cell is not what any producer writes.
            }
            let hint = u64::from(lap) << 32 | u64::from(slot);
            failpoint!("ring.enqueuing");
            // pairs with the acquire load of the cell in `peek`.
            if cell
                .compare_exchange(seen, hint, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                failpoint!("ring.cell_written");
                let _ = self.tail.compare_exchange(
                    tail,
                    tail.wrapping_add(1),
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                );
                failpoint!("ring.tail_moved");
                return Ok(());
            }
        }
        Err(Full)
    }

    /// Reads up to `out.len()` hints at the head without taking them.
    #[inline]
    pub fn peek(&self, out: &mut [u32]) -> Peeked {
        self.peek_from(self.head(), out)
    }

    /// Reads up to `out.len()` hints behind those that `peek` read.
    #[inline]
    pub(crate) fn peek_behind(&self, peeked: Peeked, out: &mut [u32]) -> usize {
        self.peek_from(peeked.head.wrapping_add(peeked.count as u64), out)
            .count
    }

    #[inline]
    fn peek_from(&self, head: u64, out: &mut [u32]) -> Peeked {
        let mut count = 0;
        for (place, step) in out.iter_mut().zip(0..) {
            let position = head.wrapping_add(step);
            let cell = self.cell(position).load(Ordering::Acquire);
            if (cell >> 32) as u32 != self.lap(position) {
                break;
            }
            *place = cell as u32;
            count += 1;
        }
        Peeked { head, count }
    }

    /// Takes what `peek` read; `false` when another consumer was faster.
    #[inline]
    pub fn take(&self, peeked: Peeked) -> bool {
        // pairs with the acquire load of head in `enqueue`.
        self.head
            .compare_exchange(
                peeked.head,
                peeked.head.wrapping_add(peeked.count as u64),
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Takes one hint.
    #[inline]
    pub fn dequeue(&self) -> Option<u32> {
        let mut one = [0];
        for _ in 0..CORRUPT_AFTER {
            let peeked = self.peek(&mut one);
            if peeked.count == 0 {
                return None;
            }
            if self.take(peeked) {
                return Some(one[0]);
            }
        }
        None // This many lost races are none: the words are not ours.
    }

    /// Whether nothing is at the head now.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        let head = self.head.load(Ordering::Acquire);
        (self.cell(head).load(Ordering::Acquire) >> 32) as u32 != self.lap(head)
    }

    /// The position of the next hint to take.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// The position of the next hint to put in, or up to `RING_BATCH` less.
    #[must_use]
    pub(crate) fn tail(&self) -> u64 {
        self.tail.load(Ordering::Acquire)
    }

    /// Number of cells.
    pub(crate) fn capacity(&self) -> usize {
        self.cells.len()
    }

    /// The hint that the cell of a position holds now, of that position's lap or of another.
    pub(crate) fn hint_at(&self, position: u64) -> u32 {
        self.cell(position).load(Ordering::Acquire) as u32
    }

    /// Whether the cell of a position has been put in, in that position's lap.
    pub(crate) fn lap_at(&self, position: u64) -> bool {
        (self.cell(position).load(Ordering::Acquire) >> 32) as u32 == self.lap(position)
    }

    /// Whether the cell of a position has been put in, in that position's lap or a later one.
    pub(crate) fn was_put_in(&self, position: u64) -> bool {
        let lap = (self.cell(position).load(Ordering::Acquire) >> 32) as u32;
        lap.wrapping_sub(self.lap(position)) as i32 >= 0
    }

    /// Whether the cell at `index` is one that producers write: of a lap that its position can have
    /// reached, and with a hint of which `is_slot` is true.
    pub(crate) fn cell_is_possible(&self, index: usize, is_slot: impl Fn(u32) -> bool) -> bool {
        // In this order: all before the first tail is in, and nothing is beyond what producers may
        // have put in before the second.
        let least = self.laps(index, self.tail());
        let cell = self.cell(index as u64).load(Ordering::Acquire);
        let most = self.laps(index, self.tail().wrapping_add(RING_BATCH.into()));
        let lap = (cell >> 32) as u32;
        lap.wrapping_sub(least) <= most.wrapping_sub(least) && (cell == 0 || is_slot(cell as u32))
    }

    /// Damages a cell, for tests.
    #[cfg(test)]
    pub(crate) fn overwrite(&self, index: usize, word: u64) {
        self.cell(index as u64).store(word, Ordering::Relaxed);
    }

    /// How often the cell at `index` has been put in when all positions below `end` have.
    fn laps(&self, index: usize, end: u64) -> u32 {
        let index = index as u64;
        if end <= index {
            return 0;
        }
        self.lap(end - 1 - index)
    }

    /// About how many hints are in it.
    #[must_use]
    pub fn depth(&self) -> u64 {
        let head = self.head.load(Ordering::Relaxed);
        let depth = self.tail.load(Ordering::Relaxed).wrapping_sub(head) as i64;
        depth.clamp(0, self.cells.len() as i64) as u64
    }
}

/// What [`HintRing::peek`] saw: the head and how many hints stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peeked {
    head: u64,
    /// Number of hints read.
    pub count: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    struct Words {
        head: AtomicU64,
        tail: AtomicU64,
        cells: Vec<AtomicU64>,
    }

    impl Words {
        fn new(capacity: usize) -> Self {
            let cells = (0..capacity).map(|_| AtomicU64::new(0)).collect();
            Self {
                head: AtomicU64::new(0),
                tail: AtomicU64::new(0),
                cells,
            }
        }
        fn ring(&self) -> HintRing<'_> {
            HintRing::new(&self.head, &self.tail, &self.cells)
        }
    }

    #[test]
    fn first_in_first_out_over_many_laps() {
        let words = Words::new(4);
        let ring = words.ring();
        for round in 0..100 {
            for i in 0..4 {
                ring.enqueue(round * 4 + i).unwrap();
            }
            assert_eq!(ring.enqueue(0), Err(Full));
            assert_eq!(ring.depth(), 4);
            for i in 0..4 {
                assert_eq!(ring.dequeue(), Some(round * 4 + i));
            }
            assert_eq!(ring.dequeue(), None);
            assert!(ring.is_empty());
        }
    }

    #[test]
    fn a_producer_dead_after_its_cell_leaves_no_hole() {
        let words = Words::new(2);
        let ring = words.ring();
        ring.enqueue(7).unwrap();
        words.tail.store(0, Ordering::Relaxed); // as if it had died before its second CAS
        assert_eq!(ring.dequeue(), Some(7)); // consumers never look at the tail
        ring.enqueue(8).unwrap(); // helps first, with head ahead of tail
        ring.enqueue(9).unwrap();
        assert_eq!(ring.enqueue(10), Err(Full));
        assert_eq!(
            (ring.dequeue(), ring.dequeue(), ring.dequeue()),
            (Some(8), Some(9), None)
        );
    }

    #[test]
    fn a_batch_is_taken_whole_or_not_at_all() {
        let words = Words::new(8);
        let ring = words.ring();
        (0..5).for_each(|i| ring.enqueue(i).unwrap());
        let mut out = [0; 4];
        let peeked = ring.peek(&mut out);
        assert_eq!((peeked.count, out), (4, [0, 1, 2, 3]));
        assert_eq!(ring.dequeue(), Some(0));
        assert!(!ring.take(peeked), "somebody took one of them");
        let peeked = ring.peek(&mut out);
        assert!(ring.take(peeked));
        assert!(ring.is_empty());
    }

    #[test]
    fn a_corrupt_cell_is_no_endless_loop() {
        let words = Words::new(2);
        words.cells[0].store(77 << 32, Ordering::Relaxed);
        assert_eq!(words.ring().enqueue(1), Err(Full));
    }

    #[test]
    fn threads_lose_and_double_nothing() {
        const EACH: u32 = 20_000;
        let words = Words::new(64);
        let seen: Vec<AtomicUsize> = (0..2 * EACH).map(|_| AtomicUsize::new(0)).collect();
        let left = AtomicUsize::new(2 * EACH as usize);
        std::thread::scope(|scope| {
            for producer in 0..2 {
                let ring = words.ring();
                scope.spawn(move || {
                    for i in 0..EACH {
                        while ring.enqueue(producer * EACH + i).is_err() {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            for _ in 0..2 {
                let (ring, seen, left) = (words.ring(), &seen, &left);
                scope.spawn(move || {
                    while left.load(Ordering::Relaxed) > 0 {
                        match ring.dequeue() {
                            Some(i) => {
                                seen[i as usize].fetch_add(1, Ordering::Relaxed);
                                left.fetch_sub(1, Ordering::Relaxed);
                            }
                            None => std::thread::yield_now(),
                        }
                    }
                });
            }
        });
        assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    }
}
