//! A claimed task: its request, its result, its end.
//!
//! Owned by the lane that claimed it. Request fields were read once, into
//! private memory, after the claim, and are checked before use. The result goes
//! beside the request, never over it: a retry needs the request whole. Dropped
//! without an end, a task ends as failed: nothing disappears. Of a chunk
//! ([`crate::lane::chunk`]) one request after the other stands for the task.

use crate::error::{Result, RingError};
use crate::format::counted;
use crate::format::failure;
use crate::format::layout::{INLINE, LaneCounter, PUBLISHED_STAMPED, PUBLISHED_WATCHED};
use crate::format::states::{Codec, Ending, Status};
use crate::format::words::{Owner, Place, Word};
use crate::lane::chunk::{Chunk, Span};
use crate::lane::core::LaneCore;
use crate::os::clock::now_ns;
use crate::os::sync;
use crate::queue::arena::{self, BlockRef, Role};
use crate::queue::events::NotPublished;
use crate::queue::topics::publish_by_lane;
use crate::records::Slot;
use crate::segment::{Segment, tables};
use std::time::Duration;

pub mod claim;

/// How long a result waits for an arena block before the task fails.
const BLOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Bytes of a failure in a chunk: its text has no block of its own.
const MAX_FAILURE: usize = 512;

/// A failure as it travels to the client.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// How it has failed; other than [`Status::Ok`].
    pub status: Status,
    /// Whether the handler was certainly not started.
    pub not_run: bool,
    /// Stable, machine-readable code.
    pub code: &'a str,
    /// `file:line` in the Rust source, or empty.
    pub location: &'a str,
    /// Text for people: cause and remedy.
    pub message: &'a str,
}

/// A task that this lane has claimed and must end.
#[derive(Debug)]
pub struct Claimed<'l> {
    lane: &'l mut LaneCore,
    slot: u32,
    word: Word,
    handler: u64,
    request: std::result::Result<PayloadSpan, String>,
    request_codec: Codec,
    attempts: u32,
    deadline_ns: Option<u64>,
    claimed_ns: u64,
    submitted_ns: u64,
    // Its client looks for the end itself.
    watched: bool,
    result: Option<PayloadSpan>,
    // Then request and result are those of its next request.
    chunk: Option<Box<Chunk>>,
    // Those that it stands for: 1, or those of a chunk that this lane has run.
    requests: u32,
    ended: bool,
}

#[derive(Debug, Clone, Copy)]
struct PayloadSpan {
    offset: usize,
    len: usize,
    block: Option<BlockRef>,
}

impl PayloadSpan {
    /// The bytes of a request.
    ///
    /// # Safety
    /// For as long as the slice lives the segment does, and the task whose request it is has not
    /// ended.
    #[inline(always)]
    unsafe fn read<'t>(self, segment: &Segment) -> &'t [u8] {
        let start = segment.bytes_at(self.offset, self.len);
        sync::reads(start, self.len);
        // SAFETY: in bounds by `bytes_at`; initialised, since the file was allocated in full; not
        // written while the slot is CLAIMED by the protocol (section 3).
        unsafe { std::slice::from_raw_parts(start, self.len) }
    }

    /// The room of a result, to be written.
    ///
    /// # Safety
    /// For as long as the slice lives the segment does, the task whose room it is has not ended,
    /// and there is no other slice of the room.
    #[inline(always)]
    unsafe fn write<'t>(self, segment: &Segment) -> &'t mut [u8] {
        let start = segment.bytes_at(self.offset, self.len);
        sync::writes(start, self.len);
        // SAFETY: in bounds by `bytes_at`; the task's owner owns the claimed slot's result area, or
        // the block by its owner word, or the room of the chunk, until DONE.
        unsafe { std::slice::from_raw_parts_mut(start, self.len) }
    }
}

impl From<Span> for PayloadSpan {
    fn from(span: Span) -> Self {
        Self {
            offset: span.offset,
            len: span.len,
            block: None,
        }
    }
}

impl<'l> Claimed<'l> {
    #[inline(always)]
    pub(crate) fn new(lane: &'l mut LaneCore, slot: u32, word: Word) -> Self {
        let segment = &lane.segment;
        let entry = lane.entry();
        entry.set_current(Some(slot));
        entry.counter(LaneCounter::Started).bump();
        failpoint!("claim.current");
        // Relaxed: the acquire of the published word ordered them.
        let fields = segment.slot(slot);
        let published = fields.published();
        let (request_codec, request) = match published.codec() {
            Ok(codec) => (codec, request_of(segment, fields, slot, word)),
            Err(unknown) => (Codec::Bytes, Err(unknown.to_string())),
        };
        let stamped = published.has(PUBLISHED_STAMPED);
        // Not stamped: the line of the times is the client's alone and stays in its cache.
        let (submitted_ns, claimed_ns) = if stamped {
            (fields.submitted_ns(), now_ns())
        } else {
            (0, 0)
        };
        if stamped {
            fields.set_claimed_ns(claimed_ns);
        }
        // That of the task before it, or of an attempt that a worker died over, is not this one's.
        fields.set_progress(0, 0);
        failpoint!("claim.read");
        Self {
            slot,
            word,
            handler: fields.handler(),
            request,
            request_codec,
            attempts: published.attempts(),
            deadline_ns: fields.deadline_ns(),
            claimed_ns,
            submitted_ns,
            watched: published.has(PUBLISHED_WATCHED),
            result: None,
            chunk: None,
            requests: 1,
            ended: false,
            lane,
        }
    }

    #[inline(always)]
    fn fields(&self) -> Slot<'_> {
        self.lane.segment.slot(self.slot)
    }

    /// Id of the handler asked for: [`id_of`](crate::id_of) its name.
    #[must_use]
    #[inline]
    pub fn handler(&self) -> u64 {
        self.handler
    }

    /// The task id that the client gave it; else one that no other task of the pool has.
    #[must_use]
    pub fn task_id(&self) -> u64 {
        self.fields().task_id(self.slot, self.word)
    }

    /// The attempt, counted from 1, and how many there may be.
    #[must_use]
    pub fn attempt(&self) -> (u32, u32) {
        if let Some(chunk) = &self.chunk {
            return chunk.attempt();
        }
        (self.word.attempt() + 1, self.attempts)
    }

    /// The deadline in CLOCK_MONOTONIC nanoseconds, if there is one.
    #[must_use]
    pub fn deadline_ns(&self) -> Option<u64> {
        self.deadline_ns
    }

    /// Whether the deadline has passed.
    #[must_use]
    #[inline(always)]
    pub fn expired(&self) -> bool {
        self.deadline_ns
            .is_some_and(|deadline| now_ns() >= deadline)
    }

    /// Whether this task, or the request at hand of a chunk, is to be given up: its client, or the
    /// supervisor, has asked for it.
    #[must_use]
    #[inline(always)]
    pub fn cancelled(&self) -> bool {
        self.fields().cancel_requested(self.word.generation()) || self.over_soft_limit()
    }

    /// Whether the supervisor has asked for that, since its handler's soft limit has passed.
    #[must_use]
    #[inline]
    pub fn over_soft_limit(&self) -> bool {
        let told = self
            .lane
            .entry()
            .told_to_give_up_acquire(self.slot, self.word);
        told.is_some_and(|ended| {
            (self.chunk.as_ref()).is_none_or(|chunk| chunk.progress().0 == ended)
        })
    }

    /// Its priority, 0 the most urgent.
    #[must_use]
    pub fn priority(&self) -> u32 {
        self.fields().published().priority()
    }

    /// The worker that runs it, and the lane, or the shard in whose books it ends.
    #[must_use]
    pub fn place(&self) -> (u32, u32) {
        (self.lane.worker, self.lane.index)
    }

    /// The index of its client's entry, and the id of that process.
    #[must_use]
    pub fn client(&self) -> (u32, u32) {
        let segment = &self.lane.segment;
        let index = self.slot / segment.geometry().slots_per_client;
        (index, segment.client(index).pid())
    }

    /// Publishes an event of its worker.
    ///
    /// # Errors
    /// [`NotPublished`].
    pub fn publish(
        &self,
        topic: &str,
        codec: Codec,
        bytes: &[u8],
    ) -> std::result::Result<(), NotPublished> {
        publish_by_lane(&self.lane.segment, self.lane.index, topic, codec, bytes)
    }

    /// The W3C traceparent in binary, if the client sent one.
    #[must_use]
    pub fn traceparent(&self) -> Option<[u8; 26]> {
        self.fields().traceparent()
    }

    /// Codec of the request; raw bytes where it is none that this version knows: then
    /// [`Self::request`] is an error.
    #[must_use]
    #[inline]
    pub fn request_codec(&self) -> Codec {
        self.request_codec
    }

    /// Reports progress, which `ringwork stat` shows. That of a chunk is told by itself.
    pub fn progress(&self, done: u32, total: u32) {
        if self.chunk.is_none() {
            self.store_progress(done, total);
        }
    }

    #[inline(always)]
    fn store_progress(&self, done: u32, total: u32) {
        self.fields().set_progress(done, total);
    }

    /// Whether the task is a chunk: many requests, to be taken one by one with
    /// [`Self::open_chunk`], [`Self::next_request`] and, at last, [`Self::finish_chunk`].
    #[must_use]
    #[inline]
    pub fn is_chunk(&self) -> bool {
        self.request_codec == Codec::Chunk
    }

    /// Begins with the chunk, or goes on where another lane has died: the request that it ran then
    /// ends as crashed if it has had its attempts, and its index is returned.
    ///
    /// # Errors
    /// When the request is none: the task is to be failed then.
    pub fn open_chunk(&mut self) -> Result<Option<u32>> {
        let place = match &self.request {
            Ok(place) => *place,
            Err(why) => return Err(RingError::Corrupt(why.clone())),
        };
        let segment = &self.lane.segment;
        let mut chunk = Chunk::read(segment, place.offset, place.len)?;
        let crashed = chunk.resume(segment)?;
        if crashed.is_some() {
            self.lane.count(self.handler, LaneCounter::Failed, 1);
        }
        failpoint!("chunk.opened");
        self.request_codec = chunk.codec();
        self.chunk = Some(Box::new(chunk));
        Ok(crashed)
    }

    /// Makes the chunk's next request the one that this task has; `false` when all have ended.
    /// One that can't be read ends the task, as failed, and there is no next one.
    #[inline(always)]
    pub fn next_request(&mut self) -> bool {
        let Some(chunk) = &mut self.chunk else {
            return false;
        };
        let (ended, count) = chunk.progress();
        match chunk.next(&self.lane.segment) {
            Ok(None) => return false,
            Ok(Some(span)) => self.request = Ok(span.into()),
            Err(error) => {
                self.break_chunk(&error);
                return false;
            }
        }
        self.result = None;
        self.store_progress(ended, count);
        true
    }

    /// Counts the requests that have results; failures were counted one by one.
    fn count_completed(&mut self, chunk: &Chunk) {
        let (ran, failed) = chunk.ran();
        let completed = ran.saturating_sub(failed).into();
        let lane = &mut *self.lane;
        lane.count(self.handler, LaneCounter::Completed, completed);
    }

    #[cold]
    fn break_chunk(&mut self, error: &RingError) {
        if let Some(chunk) = self.chunk.take() {
            self.count_completed(&chunk);
        }
        let message = error.to_string();
        self.write_failure(&Failure {
            status: Status::Codec,
            not_run: false,
            code: "request.undecodable",
            location: "",
            message: &message,
        });
    }

    /// Ends the task whose requests have all ended, if it is not over already. Returns how many
    /// this lane has run.
    pub fn finish_chunk(mut self) -> u32 {
        self.end_chunk()
    }

    /// As [`Self::finish_chunk`], for a task that is in hand for a step only.
    pub fn end_chunk(&mut self) -> u32 {
        let Some(chunk) = self.chunk.take() else {
            return 1;
        };
        let (ended, count) = chunk.progress();
        if ended < count {
            return 1; // the drop fails it: a handler has let go of requests
        }
        let (ran, _) = chunk.ran();
        self.count_completed(&chunk);
        self.result = None;
        self.requests = ran;
        self.end(Status::Ok.into(), Codec::Chunk, 0);
        // Not before: a reader that sees a claim and the count go on thinks that the lane has left
        // the task.
        let started = self.lane.entry().counter(LaneCounter::Started);
        started.bump_by(u64::from(ran.saturating_sub(1)));
        ran
    }

    /// The largest result that the pool carries, in bytes.
    #[must_use]
    pub fn largest_result(&self) -> usize {
        self.lane.segment.geometry().largest_payload()
    }

    /// The request, in place.
    ///
    /// The bytes are the client's gift: a client keeps its hands off them from
    /// submit to completion (the Java API can't reach them then). A client that
    /// breaks this contract can make the bytes change under the reader; it can't
    /// make a read go outside the request, since bounds are private.
    #[inline]
    pub fn request(&self) -> Result<&[u8]> {
        match &self.request {
            // SAFETY: the task ends by a call that needs it whole.
            Ok(place) => Ok(unsafe { place.read(&self.lane.segment) }),
            Err(why) => Err(RingError::Corrupt(why.clone())),
        }
    }

    /// Room for a result of up to `len` bytes, zero-copy: the slot's own for 88
    /// bytes, else an arena block. Asking again gives the former room back.
    /// Waits up to a second (or to the deadline) for a block.
    #[inline]
    pub fn reserve(&mut self, len: usize) -> Result<&mut [u8]> {
        let place = self.find_room(len)?;
        // SAFETY: the slice borrows the task, which `&mut self` keeps from ending and from another
        // room.
        Ok(unsafe { place.write(&self.lane.segment) })
    }

    /// The request and room for the result at once, for handlers that stream one to the other.
    #[inline]
    pub fn request_and_reserve(&mut self, len: usize) -> Result<(&[u8], &mut [u8])> {
        let place = self.find_room(len)?;
        // SAFETY: as in `reserve`; request and result places never overlap (other offsets of the
        // slot, blocks with different owner words, or of a chunk's block the part before its heads
        // and the part behind them, which `Chunk` has checked).
        let out = unsafe { place.write(&self.lane.segment) };
        Ok((self.request()?, out))
    }

    /// As [`Self::reserve`], for a caller that must not wait.
    ///
    /// # Errors
    /// [`RingError::ArenaExhausted`] at once where no block is free.
    pub fn try_reserve(&mut self, len: usize) -> Result<&mut [u8]> {
        let may_block = std::mem::replace(&mut self.lane.may_block, false);
        let place = self.find_room(len);
        self.lane.may_block = may_block;
        // SAFETY: as in `reserve`.
        Ok(unsafe { place?.write(&self.lane.segment) })
    }

    #[inline]
    fn find_room(&mut self, len: usize) -> Result<PayloadSpan> {
        if let Some(chunk) = &self.chunk {
            let place = chunk.room(len)?.into();
            self.result = Some(place);
            return Ok(place);
        }
        self.give_back_room();
        let place = if len <= INLINE {
            PayloadSpan {
                offset: self.fields().inline_result(),
                len,
                block: None,
            }
        } else {
            let block = self.take_block(len)?;
            PayloadSpan {
                offset: arena::offset(&self.lane.segment, block),
                len,
                block: Some(block),
            }
        };
        self.result = Some(place);
        Ok(place)
    }

    fn take_block(&self, len: usize) -> Result<BlockRef> {
        let owner = Owner::result(self.slot, self.word);
        let give_up = now_ns() + BLOCK_PATIENCE.as_nanos() as u64;
        loop {
            match self
                .lane
                .arena
                .take(&self.lane.segment, len, Role::Result, owner)
            {
                Err(RingError::ArenaExhausted { .. })
                    if self.lane.may_block
                        && now_ns() < give_up
                        && !self.expired()
                        && !self.cancelled() =>
                {
                    sync::sleep(Duration::from_micros(100));
                }
                other => return other,
            }
        }
    }

    #[inline]
    fn give_back_room(&mut self) {
        if let Some(PayloadSpan {
            block: Some(block), ..
        }) = self.result.take()
        {
            arena::free(
                &self.lane.segment,
                block,
                Owner::result(self.slot, self.word),
            );
        }
    }

    /// Ends the task with the first `len` bytes of the room reserved last.
    ///
    /// A longer `len` than was reserved ends it as failed: that is a bug in the handler.
    #[inline]
    pub fn finish(mut self, len: usize, codec: Codec) {
        self.finish_request(len, codec);
    }

    /// As [`Self::finish`]; of a chunk, it ends the request at hand.
    #[inline(always)]
    pub fn finish_request(&mut self, len: usize, codec: Codec) {
        // One field, and not a copy of the place: that is read in other widths than it was written
        // in just now, so the processor would wait until all stores before it have left.
        let room = self.result.as_ref().map_or(0, |place| place.len);
        match &mut self.chunk {
            _ if len > room => self.fail_beyond_room(len, room),
            Some(chunk) => chunk.end(&self.lane.segment, Status::Ok.into(), codec, len),
            None => {
                // those of a chunk at its end
                self.lane.count(self.handler, LaneCounter::Completed, 1);
                self.end(Status::Ok.into(), codec, len);
            }
        }
    }

    #[cold]
    fn fail_beyond_room(&mut self, len: usize, room: usize) {
        let message = format!(
            "the handler answered {} in place, but reserved {room}: a bug in the handler",
            counted(len, "byte")
        );
        self.write_failure(&Failure {
            status: Status::Failed,
            not_run: false,
            code: "result.beyond_room",
            location: "",
            message: &message,
        });
    }

    /// Ends the task with a copy of `bytes`, or with the failure that explains why that is
    /// impossible.
    pub fn complete(mut self, bytes: &[u8], codec: Codec) {
        self.complete_request(bytes, codec);
    }

    /// As [`Self::complete`]; of a chunk, it ends the request at hand.
    pub fn complete_request(&mut self, bytes: &[u8], codec: Codec) {
        match self.reserve(bytes.len()) {
            Ok(room) => {
                room.copy_from_slice(bytes);
                self.finish_request(bytes.len(), codec);
            }
            Err(error) => self.fail_to_answer_request(&error),
        }
    }

    /// Counts in the pool's log of errors that the handler has failed; `how` follows its name.
    #[cold]
    pub fn log_failure(&self, how: &str) {
        tables::log_failure(&self.lane.segment, self.handler, how);
    }

    /// Ends the task as failed since its result found no room.
    pub fn fail_to_answer(mut self, error: &RingError) {
        self.fail_to_answer_request(error);
    }

    /// As [`Self::fail_to_answer`]; of a chunk, it ends the request at hand.
    pub fn fail_to_answer_request(&mut self, error: &RingError) {
        let (status, code) = match error {
            RingError::TooLarge { .. } | RingError::ChunkFull { .. } => {
                (Status::ResultTooLarge, "result.too_large")
            }
            RingError::ArenaExhausted { .. } => (Status::ArenaExhausted, "arena.exhausted"),
            _ => (Status::Failed, "segment.corrupt"),
        };
        let text = error.to_string().replacen("a request", "a result", 1);
        self.write_failure(&Failure {
            status,
            not_run: false,
            code,
            location: "",
            message: &text,
        });
    }

    /// Ends the task as failed.
    pub fn fail(mut self, failure: &Failure<'_>) {
        self.write_failure(failure);
    }

    /// As [`Self::fail`]; of a chunk, it ends the request at hand.
    pub fn fail_request(&mut self, failure: &Failure<'_>) {
        self.write_failure(failure);
    }

    fn write_failure(&mut self, failure: &Failure<'_>) {
        self.lane.count(self.handler, LaneCounter::Failed, 1);
        let kind = match failure.status {
            Status::Panicked => Some(LaneCounter::Panicked),
            Status::Expired => Some(LaneCounter::Expired),
            Status::Cancelled => Some(LaneCounter::Cancelled),
            _ => None,
        };
        if let Some(kind) = kind {
            self.lane.count(self.handler, kind, 1);
        }
        if failure.status == Status::NoWorker {
            self.lane.count_refused(self.handler);
        }
        if self.chunk.is_some() {
            return self.write_failure_in_chunk(failure);
        }
        self.give_back_room();
        let mut bytes = failure_record(failure, [256, 1024, 64 << 10]);
        let mut place = PayloadSpan {
            offset: self.fields().inline_result(),
            len: bytes.len(),
            block: None,
        };
        if bytes.len() > INLINE {
            let owner = Owner::result(self.slot, self.word);
            // No patience here: a text cut to what fits inline is better than a lane that waits.
            match self
                .lane
                .arena
                .take(&self.lane.segment, bytes.len(), Role::Result, owner)
            {
                Ok(block) => {
                    place.offset = arena::offset(&self.lane.segment, block);
                    place.block = Some(block);
                }
                Err(_) => {
                    bytes = failure_record(failure, [24, 0, INLINE]);
                    bytes.truncate(INLINE);
                    place.len = bytes.len();
                }
            }
        }
        // SAFETY: as in `reserve`.
        let room = unsafe { place.write(&self.lane.segment) };
        room.copy_from_slice(&bytes);
        self.result = Some(place);
        self.end(self.ending_of(failure), Codec::Utf8, bytes.len());
    }

    fn write_failure_in_chunk(&mut self, failure: &Failure<'_>) {
        let Some(chunk) = &mut self.chunk else { return };
        chunk.failing();
        let room = chunk.left();
        let mut bytes = failure_record(failure, [256, 1024, 64 << 10]);
        if bytes.len() > room.min(MAX_FAILURE) {
            bytes = failure_record(failure, [24, 0, MAX_FAILURE]);
            bytes.truncate(room.min(MAX_FAILURE));
        }
        match self.reserve(bytes.len()) {
            Ok(room) => room.copy_from_slice(&bytes),
            Err(_) => bytes.clear(), // it was made to fit
        }
        self.end(self.ending_of(failure), Codec::Utf8, bytes.len());
    }

    fn ending_of(&self, failure: &Failure<'_>) -> Ending {
        Ending {
            status: failure.status,
            // An attempt before this one may have run.
            not_run: failure.not_run && self.attempt().0 == 1,
        }
    }

    /// Says where the result is, CLAIMED → DONE, the hint; of a chunk, ends the request at hand.
    #[inline]
    fn end(&mut self, ending: Ending, codec: Codec, len: usize) {
        if let Some(chunk) = &mut self.chunk {
            return chunk.end(&self.lane.segment, ending, codec, len);
        }
        self.ended = true;
        let block = self.result.as_ref().and_then(|place| place.block);
        self.result = None;
        let lane = &mut *self.lane;
        let segment = &lane.segment;
        // What did not run, or gave up, says nothing about how long tasks take.
        let cut_short = matches!(ending.status, Status::Expired | Status::Cancelled);
        if self.submitted_ns != 0 {
            let waited = self.claimed_ns.saturating_sub(self.submitted_ns);
            lane.counts.waited(segment, self.handler, waited);
        }
        if self.submitted_ns != 0 && !ending.not_run && !cut_short {
            let ran = now_ns().saturating_sub(self.claimed_ns);
            lane.entry().ran(ran);
            lane.counts.ran(segment, self.handler, ran, self.requests);
            let before = if lane.run_ns == u64::MAX {
                ran
            } else {
                lane.run_ns
            };
            lane.run_ns = before - before / 8 + ran / 8;
        }
        let reference = block.map_or(0, BlockRef::reference);
        let fields = segment.slot(self.slot);
        fields.set_result(Place::new(reference, len as u32));
        failpoint!("complete.written");
        lane.entry().set_current(None);
        failpoint!("complete.current");
        fields.end_release(self.word.done(ending, codec));
        failpoint!("complete.done");
        if self.watched {
            lane.keep_to_itself(self.slot, self.word);
        } else {
            lane.announce(self.slot);
        }
        // Only now: what is seen running is never more than the limit.
        lane.give_permit_back();
        if lane.key.is_some() {
            lane.end_keyed(self.slot, self.word.generation());
        }
    }
}

/// Where the request of a slot's task is, checked.
#[inline(always)]
fn request_of(
    segment: &Segment,
    fields: Slot<'_>,
    slot: u32,
    word: Word,
) -> std::result::Result<PayloadSpan, String> {
    let place = fields.request();
    let owner = Owner::request(slot, word.generation());
    match arena::check_place(segment, place, owner, "request") {
        Ok(block) => Ok(PayloadSpan {
            offset: block.map_or(fields.inline_request(), |block| {
                arena::offset(segment, block)
            }),
            len: place.len(),
            block,
        }),
        Err(error) => Err(error.to_string()),
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.chunk = None;
            self.write_failure(&Failure {
                status: Status::Failed,
                not_run: false,
                code: "worker.dropped",
                location: "",
                message: "the worker let go of the task without an answer: this is a bug in the worker",
            });
        }
    }
}

/// A failure record, its code, location and message cut to the given lengths.
fn failure_record(failure: &Failure<'_>, max: [usize; 3]) -> Vec<u8> {
    failure::encode([failure.code, failure.location, failure.message], max)
}
