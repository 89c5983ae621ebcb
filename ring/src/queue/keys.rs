//! Keys: tasks of one key of one client run in the order of their submits, and never two tasks of
//! one key at a time.
//!
//! Two mechanisms, neither of which counts or locks (docs/internals/protocol.md section 20):
//! *order* is a word in the key line of each task's slot that names the task before it, and
//! *exclusion* a permit, a word in the bucket of the key that names the lane and the slot. A task
//! that finds its key busy waits in a place of the bucket, and each permit that is given back turns
//! all that waits there into hints again. Invariants: a task is claimed only when the task before it
//! has ended, and with a permit; two permits of one key never both count; a hint is in a ring, in
//! `held[]`, or in a place of its bucket before the lane looks at the permits for the last time, or
//! its task has one before it that has not ended.

use crate::error::{Result, RingError};
use crate::format::layout::{KEY_BYTES_MAX, SECTION_KEY_BUCKETS, SECTION_KEY_LINES};
use crate::format::section::SectionPlace;
use crate::format::states::Status;
use crate::format::words::{KeyPermitWord, Kind, LaneWord, Next, TaskWord, Word};
use crate::os::sync::{Ordering, fence};
use crate::queue::hints::restore_hint;
use crate::records::{KeyBucket, KeyLine, PERMITS, PLACES};
use crate::segment::Segment;

/// What orders a task: a key, as the hash under which the pool knows it.
///
/// Two keys that differ have the same hash once in 2^64 pairs: they would be one key then.
///
/// ```
/// use ringwork_ring::queue::keys::OrderKey;
///
/// assert_eq!(OrderKey::of(b"order-17"), OrderKey::of("order-17".as_bytes()));
/// assert_ne!(OrderKey::of(b"order-17"), OrderKey::of(b"order-18"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrderKey {
    hash: u64,
    len: usize,
}

impl OrderKey {
    /// The key of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        // FNV-1a, and the last steps of MurmurHash3, so that the low bits, which choose the bucket,
        // depend on all others.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^= hash >> 33;
        Self {
            hash: if hash == 0 { 1 } else { hash },
            len: bytes.len(),
        }
    }

    /// The hash under which the pool knows it; never 0.
    #[must_use]
    pub const fn hash(self) -> u64 {
        self.hash
    }

    /// Refuses a key that can be none, and any key where the pool takes none.
    pub(crate) fn check(self, segment: &Segment) -> Result<u64> {
        if self.len == 0 || self.len > KEY_BYTES_MAX {
            return Err(RingError::BadKey { len: self.len });
        }
        match segment.geometry().has_keys() {
            true => Ok(self.hash),
            false => Err(RingError::NoKeys),
        }
    }
}

/// What the task before another one in its chain has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It has not ended.
    Before,
    /// It has: the other one may run.
    Now,
    /// It has failed, and the other one is not to run.
    Poisoned,
}

/// The key lines and buckets of a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys<'s> {
    segment: &'s Segment,
    lines: SectionPlace,
    buckets: SectionPlace,
}

impl Segment {
    /// The keys, if tasks may have some.
    pub(crate) fn keys(&self) -> Option<Keys<'_>> {
        Some(Keys {
            segment: self,
            lines: self.geometry().section(SECTION_KEY_LINES)?,
            buckets: self.geometry().section(SECTION_KEY_BUCKETS)?,
        })
    }
}

/// Whether an end of a task keeps those behind it from running, by whether its client has asked for
/// that. What was cancelled, or expired, is skipped.
pub(crate) fn poisons(end: Word, fails: bool) -> bool {
    match end.kind() {
        Kind::Crashed => fails,
        Kind::Done => match end.ending().map(|ending| ending.status) {
            Ok(Status::KeyPoisoned) => true,
            Ok(Status::Ok | Status::Cancelled | Status::Expired) => false,
            _ => fails,
        },
        _ => false,
    }
}

impl<'s> Keys<'s> {
    /// The key line of a slot.
    pub(crate) fn line(self, slot: u32) -> KeyLine<'s> {
        self.segment.key_line(self.lines.key_line_at(slot))
    }

    /// How many buckets there are.
    pub(crate) fn bucket_count(self) -> u32 {
        self.buckets.section.count
    }

    /// The number of a key's bucket.
    pub(crate) fn bucket_index(self, hash: u64) -> u32 {
        // Their number is a power of two.
        hash as u32 & (self.bucket_count() - 1)
    }

    /// The bucket of a key.
    pub(crate) fn bucket_of(self, hash: u64) -> KeyBucket<'s> {
        self.bucket(self.bucket_index(hash))
    }

    /// A bucket by its number.
    pub(crate) fn bucket(self, index: u32) -> KeyBucket<'s> {
        self.segment.key_bucket(self.buckets.record_at(index))
    }

    /// Whether there is a slot of this number: what is read from the segment may name any.
    pub(crate) fn is_slot(self, slot: u32) -> bool {
        slot < self.segment.geometry().total_slots()
    }

    /// Whether it is the turn of a task that was seen QUEUED, by the task before it.
    pub(crate) fn turn(self, slot: u32) -> Turn {
        let line = self.line(slot);
        let before = line.before();
        let Some(prior) = before.slot().filter(|prior| self.is_slot(*prior)) else {
            return Turn::Now;
        };
        let poisoned = match self.segment.slot(prior).has_ended(before.generation()) {
            None => return Turn::Before,
            Some(Some(end)) => {
                let fails = self.line(prior).fails();
                // pairs with the fence in `KeyLine::fill`.
                fence(Ordering::Acquire);
                let of_prior = self.line(prior).next_acquire().of(before.generation());
                if of_prior.is_some() {
                    poisons(end, fails)
                } else {
                    line.is_poisoned()
                }
            }
            // Its client has noted it in this line before it used that slot again.
            Some(None) => line.is_poisoned(),
        };
        if poisoned { Turn::Poisoned } else { Turn::Now }
    }

    /// Whether a permit of this key is taken, but for one in a place of its bucket.
    pub(crate) fn is_busy(self, hash: u64, besides: Option<usize>) -> bool {
        (0..).zip(self.bucket_of(hash).permits()).any(|(at, word)| {
            let slot = word.slot().filter(|slot| self.is_slot(*slot));
            Some(at) != besides && slot.is_some_and(|slot| self.line(slot).hash() == hash)
        })
    }

    /// Whether a queued task with a key can't be claimed now.
    pub(crate) fn is_blocked(self, slot: u32) -> bool {
        self.turn(slot) == Turn::Before || self.is_busy(self.line(slot).hash(), None)
    }

    /// Notes the task behind another one, which has the same key and client. `false` when that one
    /// has ended, and the thread that ended it has found none.
    pub(crate) fn link(self, before: TaskWord, slot: u32) -> bool {
        let linked = before.slot().is_some_and(|prior| {
            let line = self.line(prior);
            line.set_next(before.generation(), Next::Open, Next::Slot(slot))
        });
        failpoint!("key.linked");
        linked
    }

    /// The task behind one that has ended, unless another thread sees to it.
    pub(crate) fn next(self, slot: u32, generation: u64) -> Option<u32> {
        loop {
            let line = self.line(slot);
            match line.next_acquire().of(generation)? {
                Next::Slot(next) if self.is_slot(next) => return Some(next),
                Next::Slot(_) | Next::Taken => return None,
                // From now on a client that comes hints its task itself.
                Next::Open if line.set_next(generation, Next::Open, Next::Taken) => return None,
                Next::Open => crate::os::sync::retry(),
            }
        }
    }

    /// Takes the duty to hint the task behind one that has ended; `false` when another was faster.
    pub(crate) fn take_next(self, slot: u32, generation: u64, next: u32) -> bool {
        let line = self.line(slot);
        line.set_next(generation, Next::Slot(next), Next::Taken)
    }

    /// Hints the task behind one that has ended, where it may be that its lane has not; the reaper's.
    pub(crate) fn hint_next(self, slot: u32, generation: u64) {
        if let Some(next) = self.next(slot, generation) {
            restore_hint(self.segment, next);
            failpoint!("key.next_hinted");
            self.take_next(slot, generation, next);
        }
    }

    /// As [`Self::hint_next`], for the client, before it uses the slot again. `true` when it wrote a
    /// hint: the reaper makes up for its death.
    pub(crate) fn hint_next_for_client(self, slot: u32, generation: u64) -> bool {
        let next = self.next(slot, generation);
        let hinted = next.is_some_and(|next| {
            self.take_next(slot, generation, next) && restore_hint(self.segment, next)
        });
        failpoint!("key.next_taken");
        hinted
    }

    /// Has a task wait for the permit of its key; a second hint of it waits no second time. The
    /// caller looks at the permits again, after a fence.
    pub(crate) fn wait(self, bucket: KeyBucket<'_>, slot: u32) {
        let own = slot + 1;
        let places = || (0..PLACES).map(|place| bucket.waiting(place));
        if places().any(|place| place.load(Ordering::Relaxed) == own) {
            return;
        }
        let waits = places().any(|place| {
            place.load(Ordering::Relaxed) == 0
                && place
                    .compare_exchange(0, own, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
        });
        if !waits {
            bucket.overflow().store(1, Ordering::Relaxed);
        }
        failpoint!("key.waiting");
    }

    /// Hints all queued tasks of a bucket whose turn it is: those that found no place to wait.
    #[cold]
    pub(crate) fn hint_all_of(self, index: u32) {
        if self.bucket(index).overflow().swap(0, Ordering::AcqRel) == 0 {
            return;
        }
        for slot in 0..self.segment.geometry().total_slots() {
            if is_queued_with_key(self.segment, slot)
                && self.bucket_index(self.line(slot).hash()) == index
                && self.turn(slot) != Turn::Before
            {
                restore_hint(self.segment, slot);
            }
        }
    }

    /// Frees the permits of dead lanes; the reaper's, before it gives back what they had claimed. It
    /// hints all queued tasks whose turn it is afterwards.
    pub(crate) fn free_permits(self, lanes: &[(u32, LaneWord)]) {
        for index in 0..self.bucket_count() {
            let bucket = self.bucket(index);
            for (place, word) in bucket.permits().enumerate() {
                let dead = |(lane, of): &(u32, LaneWord)| word.is_of(*lane, of.generation());
                if word.0 != 0 && lanes.iter().any(dead) {
                    let permit = bucket.permit(place);
                    let _ = permit.compare_exchange(word.0, 0, Ordering::AcqRel, Ordering::Relaxed);
                    failpoint!("reap.key_freed");
                }
            }
        }
        // pairs with the fence of a lane that has put its task in a place: it sees the permit free,
        // or its slot is looked at afterwards.
        fence(Ordering::SeqCst);
    }

    /// What no process of ours can have left in a bucket.
    pub(crate) fn problem_of_bucket(self, index: u32) -> Option<&'static str> {
        let (bucket, g) = (self.bucket(index), self.segment.geometry());
        for place in 0..PERMITS {
            let permit = bucket.permit(place);
            let word = KeyPermitWord(permit.load(Ordering::Acquire));
            if word.0 == 0 {
                continue;
            }
            if word.lane() >= g.max_lanes || !word.slot().is_some_and(|slot| self.is_slot(slot)) {
                return Some("a permit names no lane or no slot");
            }
            // pairs with the release store that frees the lane, after its permits.
            let lane = self.segment.lane(word.lane()).word_acquire();
            let living = !lane.is_free() && word.is_of(word.lane(), lane.generation());
            // Given back, and perhaps taken by another, while the lane's word was read.
            if !living && permit.load(Ordering::Acquire) == word.0 {
                return Some("a permit belongs to no lane that is in use");
            }
        }
        let waits = |place| bucket.waiting(place).load(Ordering::Relaxed);
        if (0..PLACES).any(|place| waits(place) > g.total_slots()) {
            return Some("a slot waits that does not exist");
        }
        (bucket.overflow().load(Ordering::Relaxed) > 1).then_some("its overflow word is none")
    }

    /// What no client of ours can have written into the line of a queued task.
    pub(crate) fn problem_of_line(self, slot: u32) -> Option<&'static str> {
        let (line, slots) = (self.line(slot), self.segment.geometry().slots_per_client);
        let own = |other: u32| other / slots == slot / slots;
        if line.hash() == 0 {
            return Some("its key has the hash 0");
        }
        let before = line.before();
        if before.slot().is_some_and(|before| !own(before)) || before.slot() == Some(slot) {
            return Some("the task before it is another client's, or itself");
        }
        None
    }
}

/// Whether the task of a slot waits for a lane and has a key.
pub(crate) fn is_queued_with_key(segment: &Segment, slot: u32) -> bool {
    let waiting = segment.slot(slot).waiting();
    waiting.is_some_and(|waiting| waiting.is_keyed())
}

/// Whether the hint of a queued task may be written anew: not while a task before it, or a lane that
/// has the permit of its key, sees to that.
pub(crate) fn may_restore(segment: &Segment, slot: u32) -> bool {
    match segment.keys() {
        Some(keys) if is_queued_with_key(segment, slot) => !keys.is_blocked(slot),
        _ => true,
    }
}

/// Whether a queued task waits for another one of its key, which comes first or runs.
#[must_use]
pub fn waits_for_its_key(segment: &Segment, slot: u32) -> bool {
    !may_restore(segment, slot)
}

#[cfg(all(test, not(ringwork_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_hash_of_the_shared_list() {
        // Of a script that follows section 20 of the protocol; the Java client is held to it, too.
        let list = include_str!("../../key-hashes.txt");
        for line in list.lines() {
            let (key, hash) = line.split_once(' ').expect("a key and its hash");
            let (digits, _) = key.as_bytes().as_chunks::<2>();
            let key: Vec<u8> = digits
                .iter()
                .map(|digits| str::from_utf8(digits).expect("hex digits"))
                .map(|digits| u8::from_str_radix(digits, 16).expect("hex digits"))
                .collect();
            let hash = u64::from_str_radix(hash, 16).expect("a hash");
            assert_eq!(OrderKey::of(&key).hash(), hash, "{line}");
        }
        assert!(list.lines().count() >= 10);
        assert_ne!(OrderKey::of(b"").hash(), 0);
    }
}
