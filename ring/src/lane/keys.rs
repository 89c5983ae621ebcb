//! How a lane claims a task that has a key, and what it does at the end of one.
//!
//! Called by [`crate::lane::search`] for a task whose published word says that it has a key, and by
//! [`crate::lane::claimed`] when such a task has ended. Everything here is off the way of tasks
//! without keys. Invariant: `held[0]` is free, or holds a hint that is in a ring or moot, whenever a
//! permit is given back.

use crate::format::states::{LaneKind, Status};
use crate::format::words::{KeyPermitWord, Word};
use crate::lane::claimed::{Claimed, Failure};
use crate::lane::core::{KeyPermit, LaneCore};
use crate::os::sync::{Ordering, fence, fence_after_rmw};
use crate::queue::hints::restore_hint;
use crate::queue::keys::{Keys, Turn};
use crate::queue::wait::wake_after_publish;
use crate::records::{PERMITS, PLACES, Waiting};
use crate::segment::Segment;
use std::sync::Arc;

/// What came of the attempt to take a permit.
enum Taken {
    Mine(KeyPermit),
    Busy,
    /// Another lane has tried at the same time.
    Conflict,
}

impl LaneCore {
    /// Claims a task that has a key, if it is its turn and its key is not busy. One that is not to
    /// run is ended here. `None`: its hint is done with.
    #[cold]
    pub(crate) fn claim_keyed(&mut self, slot: u32, waiting: Waiting) -> Option<(u32, Word)> {
        let segment = Arc::clone(&self.segment);
        let Some(keys) = segment.keys() else {
            return self.cas_claim(slot, waiting);
        };
        let turn = keys.turn(slot);
        if turn == Turn::Before {
            return None; // who ends the task before it writes its hint
        }
        let hash = keys.line(slot).hash();
        self.key = Some(loop {
            match self.take_key(keys, slot, hash) {
                Taken::Mine(permit) => break permit,
                Taken::Busy => {
                    keys.wait(keys.bucket_of(hash), slot);
                    // pairs with the fence in `give_key_back`: the task is seen in its place there,
                    // or the permit is seen free here.
                    fence(Ordering::SeqCst);
                    if keys.is_busy(hash, None) || self.is_full(keys, hash) {
                        return None;
                    }
                }
                Taken::Conflict => return None,
            }
        });
        let claimed = self.cas_claim(slot, waiting);
        let Some((_, word)) = claimed else {
            self.give_key_back();
            return None;
        };
        // pairs with the fence behind the cancel word: a client that saw the task queued after it
        // had asked is seen to have asked.
        fence_after_rmw();
        let (status, code, message) = match turn {
            Turn::Poisoned => (
                Status::KeyPoisoned,
                "key.poisoned",
                "a task of this key before it has failed, and was to be followed by none: look at \
                 that failure, and submit what is to run all the same again",
            ),
            _ if segment.slot(slot).cancel_requested(word.generation()) => (
                Status::Cancelled,
                "task.cancelled",
                "cancelled before it was its turn",
            ),
            _ => return claimed,
        };
        self.tell_if_asked(); // of the task before, whichever its key: this one takes its place
        failpoint!("key.skipping");
        Claimed::new(self, slot, word).fail(&Failure {
            status,
            not_run: true,
            code,
            location: "",
            message,
        });
        None
    }

    fn is_full(&self, keys: Keys<'_>, hash: u64) -> bool {
        keys.bucket_of(hash).permits().all(|word| word.0 != 0)
    }

    fn take_key(&mut self, keys: Keys<'_>, slot: u32, hash: u64) -> Taken {
        if keys.is_busy(hash, None) {
            return Taken::Busy;
        }
        let bucket = keys.bucket_of(hash);
        let own = KeyPermitWord::new(slot, self.index, self.entry().word().generation());
        let taken = (0..PERMITS).find(|place| {
            let permit = bucket.permit(*place);
            permit.load(Ordering::Relaxed) == 0
                && permit
                    .compare_exchange(0, own.0, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
        });
        let Some(place) = taken else {
            return Taken::Busy; // eight other keys of the bucket run
        };
        failpoint!("key.permit_taken");
        let permit = KeyPermit::new(keys.bucket_index(hash), place);
        // Of two lanes that take one at the same time each sees the other's, or one does.
        fence_after_rmw();
        if keys.is_busy(hash, Some(place)) {
            // Before the permit is given back, which uses `held[0]`.
            restore_hint(&self.segment, slot);
            self.key = Some(permit);
            self.give_key_back();
            return Taken::Conflict;
        }
        Taken::Mine(permit)
    }

    /// Gives the permit of a key back, and hints what waits for one of its bucket.
    pub(crate) fn give_key_back(&mut self) {
        let Some(permit) = self.key.take() else {
            return;
        };
        let segment = &self.segment;
        let Some(keys) = segment.keys() else { return };
        let bucket = keys.bucket(permit.bucket());
        // pairs with the acquire of `KeyBucket::permits`.
        bucket.permit(permit.place()).store(0, Ordering::Release);
        failpoint!("key.permit_freed");
        // pairs with the fence in `claim_keyed`, between the place and the look at the permits.
        fence(Ordering::SeqCst);
        let mut moved = false;
        for place in 0..PLACES {
            let waiting = bucket.waiting(place);
            let seen = waiting.load(Ordering::Relaxed);
            // A slot that does not exist is the audit's to find.
            if let Some(slot) = seen.checked_sub(1).filter(|slot| keys.is_slot(*slot)) {
                self.hint_by_hand(slot, || {
                    waiting
                        .compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed)
                        .is_ok()
                });
                moved = true;
            }
        }
        if bucket.overflow().load(Ordering::Relaxed) != 0 {
            keys.hint_all_of(permit.bucket());
            moved = true;
        }
        if moved {
            for kind in LaneKind::ALL {
                wake_after_publish(segment, *kind);
            }
        }
    }

    /// Hints a task if `take` says that this is the lane's to do; in between `held[0]` has the hint,
    /// so that it is never nowhere.
    fn hint_by_hand(&self, slot: u32, take: impl FnOnce() -> bool) {
        self.entry().hold_release(0, slot);
        failpoint!("key.held");
        if take() {
            failpoint!("key.taken");
            restore_hint(&self.segment, slot);
            failpoint!("key.hinted");
        }
        self.entry().unhold_release(0);
    }

    /// The end of a task that has a key: hints the one behind it, and gives the permit back.
    #[cold]
    pub(crate) fn end_keyed(&mut self, slot: u32, generation: u64) {
        let segment: &Segment = &self.segment;
        if let Some(keys) = segment.keys()
            && let Some(next) = keys.next(slot, generation)
        {
            self.hint_by_hand(next, || keys.take_next(slot, generation, next));
            let kind = segment.slot(next).published().lane_kind();
            // A lane looks at the rings of its kind next.
            if !self.searches || kind != self.kind {
                wake_after_publish(segment, kind);
            }
        }
        self.give_key_back();
    }
}
