//! A slot: one task.

use super::Part;
use crate::format::layout::*;
use crate::format::names::UnknownWord;
use crate::format::states::{Codec, Ending};
use crate::format::words::Word;
use crate::os::sync::{AtomicU32, AtomicU64, Ordering};

/// A slot. Its fields belong to the side that the state word names (docs/internals/protocol.md, section 3):
/// reading that word with acquire orders the relaxed reads of them, storing it with release publishes
/// what was written.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'s> {
    part: Part<'s, SLOT_STRIDE>,
    // Where it is in the segment, for the payload that it holds itself.
    at: usize,
}

/// What a client writes into a slot before it is QUEUED.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) deadline_ns: Option<u64>,
    pub(crate) handler: u64,
    /// Where the payload is: 0 for inline.
    pub(crate) reference: u64,
    pub(crate) len: usize,
    pub(crate) attempts: u8,
    pub(crate) priority: u8,
    pub(crate) codec: Codec,
    pub(crate) task_id: u64,
    /// The time of the submit, of a task that is timed.
    pub(crate) submitted_ns: Option<u64>,
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
    fn get32(self, field: usize) -> u32 {
        self.part.u32_at(field).load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn get8(self, field: usize) -> u8 {
        self.part.u8_at(field).load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn put64(self, field: usize, value: u64) {
        self.part.u64_at(field).store(value, Ordering::Relaxed);
    }

    #[inline(always)]
    fn put8(self, field: usize, value: u8) {
        self.part.u8_at(field).store(value, Ordering::Relaxed);
    }

    /// The state word itself.
    #[must_use]
    #[inline(always)]
    pub fn state(self) -> &'s AtomicU64 {
        self.part.u64_at(SLOT_STATE)
    }

    /// Writes a task's fields, relaxed; the state word publishes them.
    #[inline]
    pub(crate) fn fill(self, request: &Request) {
        self.put64(SLOT_DEADLINE, request.deadline_ns.unwrap_or(0));
        self.put64(SLOT_HANDLER, request.handler);
        self.put64(SLOT_REQUEST_REF, request.reference);
        self.part
            .u32_at(SLOT_REQUEST_LEN)
            .store(request.len as u32, Ordering::Relaxed);
        let stamped = if request.submitted_ns.is_some() {
            ATTEMPTS_STAMPED as u8
        } else {
            0
        };
        self.put8(
            SLOT_ATTEMPTS,
            request.attempts.clamp(1, MAX_ATTEMPTS as u8) | stamped,
        );
        self.put8(SLOT_PRIORITY, request.priority);
        self.put8(SLOT_REQUEST_CODEC, request.codec.word());
        self.put64(SLOT_TASK_ID, request.task_id);
        if let Some(now) = request.submitted_ns {
            self.put64(SLOT_SUBMITTED_NS, now);
        }
        self.put64(SLOT_PROGRESS, 0);
    }

    /// Writes the traceparent: all 0 for none.
    pub(crate) fn set_traceparent(self, bytes: &[u8; 26]) {
        for (index, byte) in bytes.iter().enumerate() {
            self.put8(SLOT_TRACEPARENT + index, *byte);
        }
    }

    /// The W3C traceparent in binary, if there is one.
    #[must_use]
    pub fn traceparent(self) -> Option<[u8; 26]> {
        let mut bytes = [0; 26];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = self.get8(SLOT_TRACEPARENT + index);
        }
        (bytes != [0; 26]).then_some(bytes)
    }

    /// The deadline in CLOCK_MONOTONIC nanoseconds.
    #[must_use]
    #[inline(always)]
    pub fn deadline_ns(self) -> Option<u64> {
        Some(self.get64(SLOT_DEADLINE)).filter(|deadline| *deadline != 0)
    }

    /// Id of the handler.
    #[must_use]
    #[inline(always)]
    pub fn handler(self) -> u64 {
        self.get64(SLOT_HANDLER)
    }

    /// Where the request is: 0 inline, else a block of the arena, to be checked.
    #[must_use]
    #[inline(always)]
    pub fn request_ref(self) -> u64 {
        self.get64(SLOT_REQUEST_REF)
    }

    /// Length of the request in bytes.
    #[must_use]
    #[inline(always)]
    pub fn request_len(self) -> usize {
        self.get32(SLOT_REQUEST_LEN) as usize
    }

    /// Codec of the request.
    ///
    /// # Errors
    /// When a client has written none that this version knows.
    #[inline(always)]
    pub fn request_codec(self) -> Result<Codec, UnknownWord> {
        Codec::from_word(self.get8(SLOT_REQUEST_CODEC))
    }

    /// The most attempts as they stand there, and whether the task is timed.
    #[inline(always)]
    pub(crate) fn attempts_and_stamp(self) -> (u8, bool) {
        let byte = self.get8(SLOT_ATTEMPTS);
        let stamp = ATTEMPTS_STAMPED as u8;
        (byte & !stamp, byte & stamp != 0)
    }

    /// The most attempts of the task, 1 to 3.
    #[must_use]
    pub fn attempts(self) -> u32 {
        u32::from(self.attempts_and_stamp().0).clamp(1, MAX_ATTEMPTS)
    }

    /// The injector ring that the task is queued in, to be clamped.
    #[must_use]
    #[inline(always)]
    pub fn priority(self) -> u32 {
        self.get8(SLOT_PRIORITY).into()
    }

    /// The task id of the client.
    #[must_use]
    pub fn task_id(self) -> u64 {
        self.get64(SLOT_TASK_ID)
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

    /// Asks the handler that runs a task to give up. A caller that was paused in between and
    /// comes a generation late must not wipe out the word of the slot's next task: it only grows.
    pub(crate) fn request_cancel(self, generation: u64) {
        // pairs with nothing: the word says all by itself (`cancel_requested`).
        self.part
            .u64_at(SLOT_CANCEL)
            .fetch_max(CANCEL_BIT | generation, Ordering::Relaxed);
    }

    /// Whether the client has asked the task's handler to give up.
    #[inline(always)]
    pub(crate) fn cancel_requested(self, generation: u64) -> bool {
        self.get64(SLOT_CANCEL) == CANCEL_BIT | generation
    }

    /// Writes a result's fields, relaxed; the state word publishes them.
    ///
    /// They share the state word's line, which a spinning client keeps fetching: a store that changes
    /// nothing would have the line travel once more before the CAS.
    #[inline(always)]
    pub(crate) fn set_result(self, reference: u64, len: usize, codec: Codec, ending: Ending) {
        let (codec, status) = (codec.word(), ending.word());
        if self.get64(SLOT_RESULT_REF) != reference {
            self.put64(SLOT_RESULT_REF, reference);
        }
        let result_len = self.part.u32_at(SLOT_RESULT_LEN);
        if result_len.load(Ordering::Relaxed) != len as u32 {
            result_len.store(len as u32, Ordering::Relaxed);
        }
        if self.get8(SLOT_RESULT_CODEC) != codec {
            self.put8(SLOT_RESULT_CODEC, codec);
        }
        let result_status = self.part.u32_at(SLOT_STATUS);
        if result_status.load(Ordering::Relaxed) != status {
            result_status.store(status, Ordering::Relaxed);
        }
    }

    /// Where the result is, as [`Self::request_ref`].
    #[must_use]
    pub fn result_ref(self) -> u64 {
        self.get64(SLOT_RESULT_REF)
    }

    /// Length of the result in bytes.
    #[must_use]
    pub fn result_len(self) -> usize {
        self.get32(SLOT_RESULT_LEN) as usize
    }

    /// Codec of the result.
    ///
    /// # Errors
    /// When a worker has written none that this version knows.
    pub fn result_codec(self) -> Result<Codec, UnknownWord> {
        Codec::from_word(self.get8(SLOT_RESULT_CODEC))
    }

    /// How the task has ended.
    ///
    /// # Errors
    /// When a worker has written no status that this version knows.
    pub fn ending(self) -> Result<Ending, UnknownWord> {
        Ending::from_word(self.get32(SLOT_STATUS))
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

    /// Asks for the lines that a claim of the slot reads and writes next, but for the state's.
    #[inline(always)]
    pub(crate) fn prefetch_payload(self) {
        self.part.prefetch(SLOT_REQUEST);
        self.part.prefetch_to_write(SLOT_RESULT);
    }

    /// Asks for all lines that a claim takes.
    #[inline(always)]
    pub(crate) fn prefetch_all(self) {
        self.part.prefetch_to_write(SLOT_STATE);
        self.prefetch_payload();
    }
}

/// What `SLOT_DEFERRED` holds while the hint of a queued task waits in the ring of its limit.
fn deferred_mark(word: Word) -> u32 {
    (word.generation() as u32) << 3 | word.attempt() << 1 | 1
}
