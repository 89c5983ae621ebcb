//! A slot: one task. Its three words, the transitions between them, and its fields.
//!
//! The client stores `published`, the lane `ended`, and `claim` changes by compare-and-swap alone
//! (docs/internals/protocol.md, section 3). Invariants: a claim of a generation comes after the
//! generation is published, and its end after the claim; each word's generation only grows; each
//! (generation, attempt) is claimed at most once.

use super::{CORRUPT_AFTER, Part};
use crate::format::cause::Cause;
use crate::format::layout::*;
use crate::format::states::{Codec, LaneKind};
use crate::format::words::{Kind, Place, Published, Word, after, derived_task_id, is_older};
use crate::os::sync::{self, AtomicU32, AtomicU64, Ordering};

/// A slot. Its fields belong to the side that its words name: reading a word with acquire orders the
/// relaxed reads of them, storing it with release publishes what was written.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'s> {
    part: Part<'s, SLOT_STRIDE>,
    // Where it is in the segment, for the payload that it holds itself.
    at: usize,
}

/// A task that was seen QUEUED.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) task: Word,
    published: Published,
    // What stood in the claim word then: of an earlier generation, or the task itself, REQUEUED. A
    // claim by compare-and-swap from here proves that no other came between.
    claim: Word,
}

impl Waiting {
    /// The lanes that it is for.
    #[inline(always)]
    pub(crate) const fn kind(&self) -> LaneKind {
        self.published.lane_kind()
    }

    /// Whether it has a key.
    #[inline(always)]
    pub(crate) const fn is_keyed(&self) -> bool {
        self.published.is_keyed()
    }
}

/// What a client writes into a slot before it publishes a task.
#[derive(Debug)]
pub(crate) struct Request<'r> {
    pub(crate) deadline_ns: Option<u64>,
    pub(crate) handler: u64,
    /// Where the payload is, and its length.
    pub(crate) place: Place,
    pub(crate) attempts: u8,
    pub(crate) priority: u8,
    /// The lanes that it is for.
    pub(crate) kind: LaneKind,
    pub(crate) codec: Codec,
    pub(crate) task_id: u64,
    /// The time of the submit, of a task that is timed.
    pub(crate) submitted_ns: Option<u64>,
    /// W3C traceparent in binary.
    pub(crate) traceparent: Option<&'r [u8; 26]>,
}

impl<'s> Slot<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, SLOT_STRIDE>, at: usize) -> Self {
        Self { part, at }
    }

    #[inline(always)]
    fn get64(self, field: usize) -> u64 {
        self.part.u64_at(field).load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn put64(self, field: usize, value: u64) {
        self.part.u64_at(field).store(value, Ordering::Relaxed);
    }

    /// The published word itself.
    #[must_use]
    #[inline(always)]
    pub fn published_word(self) -> &'s AtomicU64 {
        self.part.u64_at(SLOT_PUBLISHED)
    }

    /// The claim word itself.
    #[must_use]
    #[inline(always)]
    pub fn claim_word(self) -> &'s AtomicU64 {
        self.part.u64_at(SLOT_CLAIM)
    }

    /// The ended word itself.
    #[must_use]
    #[inline(always)]
    pub fn ended_word(self) -> &'s AtomicU64 {
        self.part.u64_at(SLOT_ENDED)
    }

    /// What the client has published last, where the order does not matter.
    #[must_use]
    #[inline(always)]
    pub fn published(self) -> Published {
        Published(self.published_word().load(Ordering::Relaxed))
    }

    /// What the client has published last.
    #[inline(always)]
    fn published_acquire(self) -> Published {
        // pairs with the release of `publish_release`.
        Published(self.published_word().load(Ordering::Acquire))
    }

    /// The claim word: which lane has claimed which task last, and what became of it.
    #[must_use]
    #[inline(always)]
    pub fn claim_acquire(self) -> Word {
        // pairs with the release of the CAS that wrote it.
        Word(self.claim_word().load(Ordering::Acquire))
    }

    /// How the slot's last task has ended: DONE or CRASHED in its generation. A client that awaits a
    /// task looks at no other word.
    #[must_use]
    #[inline(always)]
    pub fn ended_acquire(self) -> Word {
        // pairs with the release of `end_release`, or of `finish_crash`.
        Word(self.ended_word().load(Ordering::Acquire))
    }

    /// Where the slot's task stands, by all three words. It was so at some time during the call.
    #[must_use]
    pub fn word(self) -> Word {
        let mut ended = self.ended_acquire();
        // Bounded: a peer that writes the word for ever must not hold a reader.
        for _ in 0..CORRUPT_AFTER {
            let claim = self.claim_acquire();
            let published = self.published_acquire();
            // Generations only grow, so what stands here twice stood here all the time.
            let again = self.ended_acquire();
            if again == ended {
                return state_of(published, claim, ended);
            }
            ended = again;
            sync::retry();
        }
        Word(ended.0 | STATE_KIND_MASK)
    }

    /// The task that waits for a lane, if there is one: QUEUED.
    #[must_use]
    #[inline(always)]
    pub fn queued(self) -> Option<Word> {
        self.waiting().map(|waiting| waiting.task)
    }

    /// The task that waits for a lane, and the claim that it would replace. A lane needs no look at
    /// how the task before it has ended.
    #[inline(always)]
    pub(crate) fn waiting(self) -> Option<Waiting> {
        let published = self.published_acquire();
        let claim = self.claim_acquire();
        let (generation, claimed) = (published.generation(), claim.generation());
        let task = if is_older(claimed, generation) {
            Word::queued(generation, 0)
        } else if claimed == generation && claim.kind() == Kind::Queued {
            claim
        } else {
            return None;
        };
        Some(Waiting {
            task,
            published,
            claim,
        })
    }

    /// Whether the task of a generation has ended, and how, if that stands here still; a slot that
    /// serves another task has ended that one.
    pub(crate) fn has_ended(self, generation: u64) -> Option<Option<Word>> {
        let ended = self.ended_acquire();
        if ended.generation() == generation && matches!(ended.kind(), Kind::Done | Kind::Crashed) {
            return Some(Some(ended));
        }
        (self.published_acquire().generation() != generation).then_some(None)
    }

    /// As [`Self::waiting`], for so many looks at the published word, until it has changed.
    #[inline(always)]
    pub(crate) fn watch(self, looks: u32) -> Option<Waiting> {
        let word = self.published_word();
        let before = word.load(Ordering::Relaxed);
        let first = self.waiting();
        if first.is_some() {
            return first;
        }
        for _ in 1..looks {
            if word.load(Ordering::Relaxed) != before {
                return self.waiting();
            }
        }
        None
    }

    /// FREE or ended → QUEUED: publishes what was written into the slot.
    #[inline(always)]
    pub(crate) fn publish_release(self, published: Published) {
        // pairs with the acquire of `published_acquire`.
        self.published_word().store(published.0, Ordering::Release);
    }

    #[inline(always)]
    fn cas_claim(self, from: Word, to: Word) -> bool {
        self.claim_word()
            .compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// QUEUED → CLAIMED by a lane: the word then, unless another was faster.
    #[inline(always)]
    pub(crate) fn claim(self, waiting: Waiting, lane: u16) -> Option<Word> {
        let claimed = waiting.task.claimed_by(lane);
        self.cas_claim(waiting.claim, claimed).then_some(claimed)
    }

    /// QUEUED → FREE: takes a task back, unless a lane has claimed it.
    pub(crate) fn withdraw(self, queued: Word) -> bool {
        self.waiting().is_some_and(|waiting| {
            waiting.task == queued && self.cas_claim(waiting.claim, queued.withdrawn())
        })
    }

    /// CLAIMED → DONE, by the lane that has the claim. No other process may end the task as long as
    /// the lane lives, so a store does.
    #[inline(always)]
    pub(crate) fn end_release(self, done: Word) {
        // pairs with the acquire of `ended_acquire`.
        self.ended_word().store(done.0, Ordering::Release);
    }

    /// CLAIMED → QUEUED for the next attempt, by the reaper of the lane that has the claim.
    pub(crate) fn requeue(self, claimed: Word) -> bool {
        self.cas_claim(claimed, claimed.retried())
    }

    /// CLAIMED → CRASHED in the claim word, by the reaper of the lane that has the claim:
    /// [`Self::finish_crash`] ends the task then, by this reaper or by the next one.
    pub(crate) fn begin_crash(self, claimed: Word, cause: Cause) -> Option<Word> {
        let crashed = claimed.crashed(cause);
        self.cas_claim(claimed, crashed).then_some(crashed)
    }

    /// Ends a task as CRASHED whose claim word says so. Does nothing where that is done.
    pub(crate) fn finish_crash(self, crashed: Word) {
        let ended = Word(self.ended_word().load(Ordering::Relaxed));
        if self.claim_acquire() == crashed && is_older(ended.generation(), crashed.generation()) {
            // By CAS from what was read: a reaper that was paused here finds another word.
            // pairs with the acquire of `ended_acquire`.
            let _ = self.ended_word().compare_exchange(
                ended.0,
                crashed.0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
    }

    /// Leaves two generations out, of a slot at rest whose client is dead: the one that it may have
    /// been about to publish, so that its block is an orphan, and one that counts as withdrawn. The
    /// claim word first: a lane that saw the other first would take the generation for a task.
    pub(crate) fn retire(self) {
        let published = self.published_acquire();
        let next = after(after(published.generation()));
        let claim = self.claim_acquire();
        if claim != Word::free(next) && !self.cas_claim(claim, Word::free(next)) {
            return; // another reaper is at it
        }
        failpoint!("reap.client_withdrawn");
        let _ = self.published_word().compare_exchange(
            published.0,
            Published::nothing(next).0,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
    }

    /// As [`retire`](Self::retire) by a reaper that dies between its steps.
    #[cfg(all(test, not(ringwork_model)))]
    pub(crate) fn retire_half(self) {
        let next = after(after(self.published_acquire().generation()));
        assert!(self.cas_claim(self.claim_acquire(), Word::free(next)));
    }

    /// The generation after which a new client goes on; what is there instead if the slot is in use.
    /// Of a slot that was left half retired, by a reaper that died while another one freed the entry,
    /// it is what the claim word says: a task of an older one would count as withdrawn.
    pub(crate) fn last_generation(self) -> std::result::Result<u64, Word> {
        let found = self.word();
        let retired = after(after(self.published_acquire().generation()));
        match found.is_at_rest() {
            true if self.claim_acquire() == Word::free(retired) => Ok(retired),
            true => Ok(found.generation()),
            false => Err(found),
        }
    }

    /// Writes a task's fields, relaxed, and returns the word that publishes them.
    #[inline(always)]
    pub(crate) fn fill(self, generation: u64, request: &Request<'_>) -> Published {
        let attempts = u64::from(request.attempts.clamp(1, MAX_ATTEMPTS as u8));
        let mut word = Published::nothing(generation).0
            | u64::from(request.codec.word())
            | attempts << PUBLISHED_ATTEMPTS_SHIFT
            | u64::from(request.priority) << PUBLISHED_PRIORITY_SHIFT;
        if request.kind == LaneKind::Io {
            word |= PUBLISHED_IO;
        }
        self.put64(SLOT_HANDLER, request.handler);
        self.put64(SLOT_REQUEST_PLACE, request.place.0);
        if let Some(deadline) = request.deadline_ns {
            self.put64(SLOT_DEADLINE, deadline);
            word |= PUBLISHED_DEADLINE;
        }
        if request.task_id != 0 {
            self.put64(SLOT_TASK_ID, request.task_id);
            word |= PUBLISHED_IDENTIFIED;
        }
        if let Some(now) = request.submitted_ns {
            self.put64(SLOT_SUBMITTED_NS, now);
            word |= PUBLISHED_STAMPED;
        }
        if let Some(bytes) = request.traceparent {
            for (index, byte) in bytes.iter().enumerate() {
                let place = self.part.u8_at(SLOT_TRACEPARENT + index);
                place.store(*byte, Ordering::Relaxed);
            }
            word |= PUBLISHED_TRACED;
        }
        Published(word)
    }

    /// The W3C traceparent in binary, if there is one.
    #[must_use]
    pub fn traceparent(self) -> Option<[u8; 26]> {
        if !self.published().has(PUBLISHED_TRACED) {
            return None;
        }
        let mut bytes = [0; 26];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = (self.part.u8_at(SLOT_TRACEPARENT + index)).load(Ordering::Relaxed);
        }
        Some(bytes)
    }

    /// The deadline in CLOCK_MONOTONIC nanoseconds.
    #[must_use]
    #[inline(always)]
    pub fn deadline_ns(self) -> Option<u64> {
        let has = self.published().has(PUBLISHED_DEADLINE);
        has.then(|| self.get64(SLOT_DEADLINE))
    }

    /// Id of the handler.
    #[must_use]
    #[inline(always)]
    pub fn handler(self) -> u64 {
        self.get64(SLOT_HANDLER)
    }

    /// Where the request is, to be checked, and its length.
    #[must_use]
    #[inline(always)]
    pub fn request(self) -> Place {
        Place(self.get64(SLOT_REQUEST_PLACE))
    }

    /// The task id that the client gave a task of this slot, by its number; else one that no other
    /// task of the pool has.
    #[must_use]
    pub fn task_id(self, slot: u32, task: Word) -> u64 {
        if self.published().has(PUBLISHED_IDENTIFIED) {
            self.get64(SLOT_TASK_ID)
        } else {
            derived_task_id(task.generation(), slot)
        }
    }

    /// When the task was submitted, in CLOCK_MONOTONIC nanoseconds, if it is timed.
    #[inline(always)]
    pub(crate) fn submitted_ns(self) -> u64 {
        self.get64(SLOT_SUBMITTED_NS)
    }

    /// When a task that is timed was claimed, in CLOCK_MONOTONIC nanoseconds.
    pub(crate) fn claimed_ns(self) -> u64 {
        self.get64(SLOT_CLAIMED_NS)
    }

    /// Notes when a task that is timed was claimed.
    #[inline(always)]
    pub(crate) fn set_claimed_ns(self, now_ns: u64) {
        self.put64(SLOT_CLAIMED_NS, now_ns);
    }

    /// How far the handler says it is: done, and of how many.
    #[must_use]
    pub fn progress(self) -> (u32, u32) {
        let word = self.get64(SLOT_PROGRESS);
        ((word >> 32) as u32, word as u32)
    }

    /// Says how far it is.
    #[inline(always)]
    pub(crate) fn set_progress(self, done: u32, total: u32) {
        self.put64(SLOT_PROGRESS, u64::from(done) << 32 | u64::from(total));
    }

    /// Asks the handler that runs a task to give up. The end of a task of which anything was asked
    /// is announced by its lane, or was there before: the caller looks at the ended word next.
    pub fn request_cancel(self, generation: u64) {
        self.ask(CANCEL_BIT, generation);
    }

    /// Asks the lane that runs a watched task to announce its end: the caller watches it no more. It
    /// looks at the ended word next, for the lane may have looked here before.
    pub fn request_hint(self, generation: u64) {
        self.ask(HINT_BIT, generation);
    }

    /// A caller that was paused in between and comes a generation late must not wipe out what is asked
    /// of the slot's next task: the generation only grows.
    fn ask(self, what: u64, generation: u64) {
        let asked = self.part.u64_at(SLOT_ASKED);
        let mut before = asked.load(Ordering::Relaxed);
        for _ in 0..CORRUPT_AFTER {
            let (flags, of) = (before & !GENERATION_MASK, before & GENERATION_MASK);
            let word = if flags == 0 || is_older(of, generation) {
                what | generation
            } else if of == generation {
                before | what
            } else {
                return;
            };
            match asked.compare_exchange(before, word, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => before = now,
            }
        }
        // pairs with the fence in `LaneCore::tell_if_asked`: the caller's look at the ended word
        // comes after this, as the lane's look here comes after its store of that word.
        sync::fence_after_rmw();
    }

    /// What is asked of the lane that runs the task of a generation.
    #[inline(always)]
    fn asked(self, generation: u64) -> u64 {
        let word = self.get64(SLOT_ASKED);
        if word & GENERATION_MASK == generation {
            word & !GENERATION_MASK
        } else {
            0
        }
    }

    /// Whether the client has asked the task's handler to give up.
    #[inline(always)]
    pub(crate) fn cancel_requested(self, generation: u64) -> bool {
        self.asked(generation) & CANCEL_BIT != 0
    }

    /// Whether the end of a watched task is to be announced: anything was asked of its lane. To be
    /// called after a fence behind the store of the ended word.
    #[inline(always)]
    pub(crate) fn wants_hint(self, generation: u64) -> bool {
        self.asked(generation) != 0
    }

    /// Says where the result is; the ended word publishes it.
    #[inline(always)]
    pub(crate) fn set_result(self, place: Place) {
        self.put64(SLOT_RESULT_PLACE, place.0);
    }

    /// Where the result is, to be checked, and its length.
    #[must_use]
    #[inline(always)]
    pub fn result(self) -> Place {
        Place(self.get64(SLOT_RESULT_PLACE))
    }

    /// Offset in the segment of the request that the slot holds itself.
    #[must_use]
    #[inline(always)]
    pub fn inline_request(self) -> usize {
        self.at + SLOT_REQUEST
    }

    /// Offset in the segment of the result that the slot holds itself.
    #[must_use]
    #[inline(always)]
    pub fn inline_result(self) -> usize {
        self.at + SLOT_RESULT
    }

    fn deferred(self) -> &'s AtomicU32 {
        self.part.u32_at(SLOT_DEFERRED)
    }

    /// Whether the hint of this queued task waits in the ring of its limit.
    pub(crate) fn is_deferred_acquire(self, word: Word) -> bool {
        self.deferred().load(Ordering::Acquire) == deferred_mark(word)
    }

    /// Says that it waits there.
    pub(crate) fn mark_deferred_release(self, word: Word) {
        self.deferred()
            .store(deferred_mark(word), Ordering::Release);
    }

    /// Says that it waits there no more.
    pub(crate) fn unmark_deferred_release(self) {
        self.deferred().store(0, Ordering::Release);
    }

    /// As [`Self::unmark_deferred_release`], where nothing follows.
    pub(crate) fn unmark_deferred(self) {
        self.deferred().store(0, Ordering::Relaxed);
    }

    /// Asks for the second line of the request, and for those of the result.
    #[inline(always)]
    pub(crate) fn prefetch_payload(self) {
        self.part.prefetch(SLOT_REQUEST_2);
        self.part.prefetch_to_write(SLOT_ENDED);
    }

    /// Asks for all lines that a claim takes.
    #[inline(always)]
    pub(crate) fn prefetch_all(self) {
        self.part.prefetch(SLOT_PUBLISHED);
        self.part.prefetch_to_write(SLOT_CLAIM);
        self.prefetch_payload();
    }
}

/// The second line of an inline request.
const SLOT_REQUEST_2: usize = SLOT_PUBLISHED + 64;

/// Where the task of these words stands. They were read in such an order that a claim is never
/// newer than what is published.
fn state_of(published: Published, claim: Word, ended: Word) -> Word {
    let generation = published.generation();
    let corrupt = |word: Word| Word(word.0 | STATE_KIND_MASK);
    if is_older(generation, ended.generation()) {
        return corrupt(ended);
    }
    if ended.generation() == generation && ended.0 != 0 {
        return match ended.kind() {
            Kind::Done | Kind::Crashed => ended,
            _ => corrupt(ended),
        };
    }
    if claim.generation() == generation {
        return match claim.kind() {
            Kind::Done => corrupt(claim),
            _ => claim,
        };
    }
    if is_older(claim.generation(), generation) {
        return Word::queued(generation, 0);
    }
    // A reaper is between the two steps of `retire`, or a wrong word is here.
    if claim == Word::free(after(after(generation))) {
        return Word::free(generation);
    }
    corrupt(claim)
}

/// What `SLOT_DEFERRED` holds while the hint of a queued task waits in the ring of its limit.
fn deferred_mark(word: Word) -> u32 {
    (word.generation() as u32) << 3 | word.attempt() << 1 | 1
}
