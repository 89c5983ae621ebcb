//! What a thread of the Java client does to memory for a submit and for a drain, access by access.
//!
//! Twins of `Submitter.placeOrThrow`, `attempt`, `queue`, `announce` and `counted`, of
//! `HintRing.offer`, `FreeList`, `SlotTable.fill`, `publish`, `warm`, `release`, and of
//! `Completer.drain` and `endAll`. Lanes, and the ring's consuming side, are the real code.

use super::cores::Cores;
use crate::client::Client;
use crate::format::layout::*;
use crate::format::words::{Kind, Place, Published, Word};
use crate::os::sync::{self, AtomicU32, AtomicU64, Ordering, fence};
use crate::segment::Segment;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What a submit computes besides the accesses that are counted: the future, the codec.
const SUBMIT_WORK: u64 = 60;
/// What the end of a task computes: checks, the codec, the future.
const END_WORK: u64 = 60;
/// Hints that a drain takes with one CAS of the head.
pub(super) const BATCH: usize = 16;
/// A thread that has lost a race for a cell waits so long at first, if it waits.
const BACK_OFF: u64 = 20;
/// Tasks of one drain, at most.
const MOST: u64 = 256;
/// Every task is stamped until so many were, then one in sixteen.
const STAMP_ALL: u64 = 256;

#[derive(Default)]
#[repr(C, align(64))]
struct Longs([AtomicU64; 8]);

#[derive(Default)]
#[repr(C, align(64))]
struct Ints([AtomicU32; 16]);

fn longs(count: usize) -> Box<[Longs]> {
    (0..count.div_ceil(8)).map(|_| Longs::default()).collect()
}

fn ints(count: usize) -> Box<[Ints]> {
    (0..count.div_ceil(16)).map(|_| Ints::default()).collect()
}

fn long(array: &[Longs], index: usize) -> &AtomicU64 {
    &array[index / 8].0[index % 8]
}

fn int(array: &[Ints], index: usize) -> &AtomicU32 {
    &array[index / 16].0[index % 16]
}

/// Where the counters of submitted and of completed tasks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counters {
    /// Both on one line, as it was.
    OneLine,
    /// Each on a line of its own, as it is.
    TwoLines,
    /// As `TwoLines`, but a drain counts what it has ended once.
    Drained,
    /// Nowhere: what is left without them.
    None,
}

/// One JVM: an entry of the pool, and what its threads share besides.
pub(super) struct Java {
    cores: Rc<Cores>,
    segment: Segment,
    _client: Client,
    index: u32,
    slots: usize,
    counters: Counters,
    backs_off: bool,
    // FreeList
    head: Box<[Longs]>,
    next: Box<[Ints]>,
    depth: Box<[Ints]>,
    // SlotTable
    pending: Box<[Ints]>,
    generation: Box<[Longs]>,
    reference: Box<[Longs]>,
    // One line a task: a TaskFuture.
    futures: Box<[Longs]>,
    // One line a thread: what it has in flight, as it learns it from its futures.
    in_flight: Box<[Longs]>,
    // HintRing.headSeen and PollerRole.attention
    head_seen: Box<[Longs]>,
    attention: Box<[Longs]>,
    // Which thread's task is in a slot, and how many were submitted; not counted.
    threads: RefCell<Vec<usize>>,
    submitted: Cell<u64>,
}

impl Java {
    pub(super) fn new(
        cores: &Rc<Cores>,
        segment: Segment,
        client: Client,
        threads: usize,
        counters: Counters,
        backs_off: bool,
        index: u32,
    ) -> Self {
        let slots = segment.geometry().slots_per_client as usize;
        let java = Self {
            cores: Rc::clone(cores),
            _client: client,
            index,
            slots,
            counters,
            backs_off,
            head: longs(1),
            next: ints(slots),
            depth: ints(slots),
            pending: ints(slots),
            generation: longs(slots),
            reference: longs(slots),
            futures: longs(8 * slots),
            in_flight: longs(8 * threads),
            head_seen: longs(1),
            attention: longs(1),
            threads: RefCell::new(vec![0; slots]),
            submitted: Cell::new(0),
            segment,
        };
        for slot in (0..slots).rev() {
            // What the registering client finds is 0, in all slots.
            long(&java.generation, slot).store(1, Ordering::Relaxed);
            java.push(slot);
        }
        java
    }

    /// The kind of the private line of an address.
    pub(super) fn name(&self, addr: usize) -> Option<&'static str> {
        fn has<T>(array: &[T], addr: usize) -> bool {
            let range = array.as_ptr_range();
            (range.start as usize..range.end as usize).contains(&addr)
        }
        let longs: [(&[Longs], _); 7] = [
            (&self.head, "Java: free list head"),
            (&self.generation, "Java: generations"),
            (&self.reference, "Java: references"),
            (&self.futures, "Java: future"),
            (&self.in_flight, "Java: awaited"),
            (&self.head_seen, "Java: head seen"),
            (&self.attention, "Java: attention"),
        ];
        let ints: [(&[Ints], _); 3] = [
            (&self.next, "Java: free list links"),
            (&self.depth, "Java: free list links"),
            (&self.pending, "Java: pending"),
        ];
        let long = longs.iter().find(|(array, _)| has(array, addr));
        let int = ints.iter().find(|(array, _)| has(array, addr));
        long.map(|(_, name)| *name)
            .or_else(|| int.map(|(_, name)| *name))
    }

    /// `FreeList.pop`
    fn pop(&self) -> Option<usize> {
        let head = long(&self.head, 0);
        loop {
            let seen = head.load(Ordering::SeqCst);
            let top = (seen & 0xffff_ffff) as usize;
            if top == 0 {
                return None;
            }
            let below = int(&self.next, top - 1).load(Ordering::Relaxed);
            let new = (seen >> 32).wrapping_add(1) << 32 | u64::from(below);
            if swap(head, seen, new) {
                return Some(top - 1);
            }
            sync::spin_loop();
        }
    }

    /// `FreeList.push`
    fn push(&self, slot: usize) {
        let head = long(&self.head, 0);
        loop {
            let seen = head.load(Ordering::SeqCst);
            let top = seen as u32;
            int(&self.next, slot).store(top, Ordering::Relaxed);
            let under = if top == 0 {
                0
            } else {
                int(&self.depth, top as usize - 1).load(Ordering::Relaxed)
            };
            int(&self.depth, slot).store(under + 1, Ordering::Relaxed);
            let new = (seen >> 32).wrapping_add(1) << 32 | (slot as u64 + 1);
            if swap(head, seen, new) {
                return;
            }
            sync::spin_loop();
        }
    }

    fn word32(&self, at: usize) -> &AtomicU32 {
        self.segment.u32_at(at)
    }

    fn count(&self, counter: usize, by: u64) {
        // The two that are counted for each task.
        let at = match self.counters {
            Counters::None => return,
            Counters::OneLine if counter == CLIENT_COMPLETED => CLIENT_REJECTED,
            _ => counter,
        };
        let entry = self.segment.geometry().client_at(self.index);
        self.segment
            .u64_at(entry + at)
            .fetch_add(by, Ordering::SeqCst);
    }

    /// A submit; `false` when no slot is free.
    pub(super) fn submit(&self, thread: usize) -> bool {
        let segment = &self.segment;
        let _open = segment.u32_at(H_POOL_STATE).load(Ordering::Acquire);
        let Some(slot) = self.pop() else {
            return false;
        };
        self.cores.work(SUBMIT_WORK);
        self.threads.borrow_mut()[slot] = thread;
        let global = self.index * self.slots as u32 + slot as u32;
        let at = segment.geometry().slot_at(global);
        sync::writes(segment.bytes_at(at + SLOT_REQUEST, 64), 64);
        let generation = long(&self.generation, slot).load(Ordering::Relaxed);
        self.submitted.set(self.submitted.get() + 1);
        let stamped = self.submitted.get() < STAMP_ALL || generation & 15 == 0;
        // SlotTable.fill
        let put = |field, value| segment.u64_at(at + field).store(value, Ordering::Relaxed);
        long(&self.reference, slot).store(0, Ordering::Relaxed);
        put(SLOT_HANDLER, 1);
        put(SLOT_REQUEST_PLACE, Place::new(0, 64).0);
        let mut published = Published::nothing(generation).0 | 1 << PUBLISHED_ATTEMPTS_SHIFT;
        if stamped {
            put(SLOT_SUBMITTED_NS, self.cores.now());
            published |= PUBLISHED_STAMPED;
        }
        // The future, and SlotTable.publish
        long(&self.futures, 8 * slot).store(1, Ordering::Relaxed);
        int(&self.pending, slot).store(1, Ordering::Release);
        segment.slot(global).publish_release(Published(published));
        assert!(self.offer(global), "rings have room for all slots");
        // Submitter.announce
        fence(Ordering::SeqCst);
        if segment.u64_at(H_IDLE).load(Ordering::Acquire) != 0 {
            segment.u64_at(H_SEARCHING).load(Ordering::Acquire);
        }
        long(&self.attention, 0).load(Ordering::SeqCst);
        self.count(CLIENT_SUBMITTED, 1);
        true
    }

    /// `HintRing.offer`
    fn offer(&self, slot: u32) -> bool {
        let ring = self.segment.geometry().injectors;
        let capacity = u64::from(self.segment.geometry().injector_capacity);
        let (head, tail) = (
            self.segment.u64_at(ring + RING_HEAD),
            self.segment.u64_at(ring + RING_TAIL),
        );
        let seen_head = long(&self.head_seen, 0);
        let mut lost = 0;
        loop {
            if lost > 0 && self.backs_off {
                self.cores.work(BACK_OFF << lost.min(6));
            }
            lost += 1;
            let t = tail.load(Ordering::Acquire);
            let place = RING_CELLS + 8 * (t & (capacity - 1)) as usize;
            let cell = self.segment.u64_at(ring + place);
            let c = cell.load(Ordering::Acquire);
            let lap = (t / capacity) as u32 + 1;
            if (c >> 32) as u32 == lap {
                swap(tail, t, t + 1);
                continue;
            }
            if t - seen_head.load(Ordering::Relaxed) >= capacity {
                seen_head.store(head.load(Ordering::Acquire), Ordering::Relaxed);
                if t - seen_head.load(Ordering::Relaxed) >= capacity {
                    return false;
                }
            }
            if (c >> 32) as u32 != lap - 1 {
                sync::spin_loop();
                continue;
            }
            if swap(cell, c, u64::from(lap) << 32 | u64::from(slot)) {
                swap(tail, t, t + 1);
                return true;
            }
        }
    }

    /// `Completer.drain`; how many have ended.
    pub(super) fn drain(&self) -> u64 {
        let entry = self.segment.geometry().client_at(self.index);
        let _lost = self.word32(entry + CLIENT_OVERFLOW).load(Ordering::Acquire);
        let ring = self.segment.completion_ring(self.index);
        let mut hints = [0; BATCH];
        let mut total = 0;
        loop {
            let peeked = ring.peek(&mut hints);
            if peeked.count > 0 && !ring.take(peeked) {
                continue;
            }
            let ended = self.end_all(&hints[..peeked.count]);
            if self.counters == Counters::Drained && ended > 0 {
                self.count(CLIENT_COMPLETED, ended);
            }
            total += ended;
            if peeked.count < BATCH || total >= MOST {
                return total;
            }
        }
    }

    /// `Completer.endAll`
    fn end_all(&self, hints: &[u32]) -> u64 {
        let at = |hint: u32| self.segment.geometry().slot_at(hint);
        if hints.len() > 1 {
            for hint in hints {
                let ended = self.segment.u8_at(at(*hint) + SLOT_ENDED);
                sync::asks(ended.as_ptr().cast(), false);
                let result = self.segment.u8_at(at(*hint) + SLOT_RESULT + 63);
                sync::asks(result.as_ptr().cast(), false);
            }
        }
        let mut taken = Vec::with_capacity(BATCH);
        for hint in hints {
            let word = self.segment.slot(*hint).ended_acquire();
            let pending = int(&self.pending, self.local(*hint));
            let seen = pending.load(Ordering::Acquire);
            if word.kind() == Kind::Done
                && seen == 1
                && pending
                    .compare_exchange(1, 0, Ordering::SeqCst, Ordering::SeqCst)
                    .is_ok()
            {
                taken.push((*hint, word));
            }
        }
        for (hint, word) in &taken {
            self.end(*hint, *word);
        }
        taken.len() as u64
    }

    fn local(&self, hint: u32) -> usize {
        hint as usize - self.index as usize * self.slots
    }

    /// `Completer.end` and `SlotTable.release`
    fn end(&self, hint: u32, word: Word) {
        let at = self.segment.geometry().slot_at(hint);
        let slot = self.local(hint);
        self.segment
            .u64_at(at + SLOT_RESULT_PLACE)
            .load(Ordering::Relaxed);
        sync::reads(self.segment.bytes_at(at + SLOT_RESULT, 64), 64);
        self.cores.work(END_WORK);
        let future = long(&self.futures, 8 * slot);
        swap(future, 1, 2);
        long(&self.reference, slot).load(Ordering::Relaxed);
        long(&self.generation, slot).store(word.generation() + 1, Ordering::Relaxed);
        self.push(slot);
        if self.counters != Counters::Drained {
            self.count(CLIENT_COMPLETED, 1);
        }
        let thread = self.threads.borrow()[slot];
        self.awaited(thread).fetch_sub(1, Ordering::SeqCst);
    }

    /// How many tasks of a thread are in flight.
    pub(super) fn awaited(&self, thread: usize) -> &AtomicU64 {
        long(&self.in_flight, 8 * thread)
    }
}

fn swap(word: &AtomicU64, seen: u64, new: u64) -> bool {
    word.compare_exchange(seen, new, Ordering::SeqCst, Ordering::SeqCst)
        .is_ok()
}
